/* base/h5.h - HDF5 files with a digest in front.
 *
 * A file is built in memory and written at once (base_file_write). Its first 512 bytes are an HDF5
 * user block that holds
 *     "rimshot\n", kind (16 bytes, NUL-padded), format version (u32),
 *     low 32 bits of the XXH3-128 digest of the 28 bytes so far (u32),
 *     length of what follows the block (u64), XXH3-128 digest of what follows (2 x u64, low first),
 * all little-endian, the rest zero; any HDF5 reader skips it. Object timestamps are off and
 * creation order is fixed: equal content gives equal bytes.
 *
 * libhdf5 writes, a strict reader of our own (base/h5_read.c) reads. The digest is a checksum,
 * which anyone can compute; libhdf5 trusts what it reads and can be made to overflow its heap, to
 * run without end, to open other files or, out of memory, to end the process. A child process with
 * limits would contain that, but a library cannot well fork within another program's process, and
 * nothing could be used where it was read to. What we write is a small and fixed part of HDF5: a
 * reader of just that part is short, takes no longer than a look at the file, and every offset,
 * size and count in it is checked against the file before it is used. A reader that is open can be
 * asked by any number of threads at the same time.
 *
 * Names may contain '/', groups on the way are created. */
#ifndef BASE_H5_H
#define BASE_H5_H

#include "base/arena.h"
#include "base/status.h"

typedef enum {
    BASE_H5_F32,
    BASE_H5_F64,
    BASE_H5_I32,
    BASE_H5_I64,
    BASE_H5_U8,
    BASE_H5_I16
} base_h5_type;
#define BASE_H5_MAX_RANK 5

typedef struct base_h5_writer base_h5_writer;

base_status base_h5_writer_new(const char *kind, uint32_t version, base_h5_writer **writer,
                               base_error *err);
/* A dataset of the given shape (rank 0: one number), contiguous, little-endian. Errors are also
 * remembered: after one failed, _finish fails with it, so puts in a row need not each be checked.
 */
base_status base_h5_put(base_h5_writer *writer, const char *name, base_h5_type type, int rank,
                        const int64_t *shape, const void *data, base_error *err);
/* A list of UTF-8 strings (n may be 0) as a 1-D dataset of strings of equal room, that of the
 * longest rounded up to 8 bytes, filled up with zeros; or one string as a scalar dataset. */
base_status base_h5_put_strings(base_h5_writer *writer, const char *name, int64_t n,
                                const char *const *strings, base_error *err);
base_status base_h5_put_string(base_h5_writer *writer, const char *name, const char *string,
                               base_error *err);
/* Writes the file atomically and frees the writer, also on failure. */
base_status base_h5_writer_finish(base_h5_writer *writer, const char *path, base_error *err);
void base_h5_writer_free(base_h5_writer *writer); /* gives up; NULL is fine */

typedef struct base_h5_reader base_h5_reader;

/* Opens a file written above, whatever its bytes may be. A wrong kind is EMISMATCH, a newer version
 * or what is not such a file EFORMAT, a broken length or digest EDIGEST; each names the file. Takes
 * time and memory in proportion to the file's size. *version may be NULL. */
base_status base_h5_reader_open(const char *path, const char *kind, uint32_t max_version,
                                uint32_t *version, base_h5_reader **reader, base_error *err);
void base_h5_reader_free(base_h5_reader *reader);
/* Whether a file begins as those written above do; false if it cannot be read. */
bool base_h5_is_ours(const char *path);
const char *base_h5_reader_path(const base_h5_reader *reader); /* for errors */

bool base_h5_has(base_h5_reader *reader, const char *name);
/* Rank and extents of a dataset. */
base_status base_h5_shape(base_h5_reader *reader, const char *name, int *rank,
                          int64_t shape[BASE_H5_MAX_RANK], base_error *err);
/* Whether the next call could read it: BASE_OK, or the error that it would give. */
base_status base_h5_expect(base_h5_reader *reader, const char *name, base_h5_type type,
                           int64_t n_items, base_error *err);
/* Reads a whole dataset into data[n_items]; one of another size is ESHAPE, one of another type
 * EFORMAT. */
base_status base_h5_get(base_h5_reader *reader, const char *name, base_h5_type type,
                        int64_t n_items, void *data, base_error *err);
/* A dataset where it lies in the reader's memory, which is only to be read and lasts as long as the
 * reader. ESHAPE and EFORMAT as above; EFORMAT, too, if it is empty or not aligned. Large files are
 * mapped, so that only what is in use takes memory. */
base_status base_h5_borrow(base_h5_reader *reader, const char *name, base_h5_type type,
                           int64_t n_items, void **data, base_error *err);
/* A dataset of any size into new memory from the arena. */
base_status base_h5_get_alloc(base_h5_reader *reader, const char *name, base_h5_type type,
                              base_arena *arena, void **data, int64_t *n_items, base_error *err);
/* Takes memory in proportion to the file's size: where few strings are due, ask for the shape
 * first. Files of earlier format versions, whose strings vary in length, are read as well. */
base_status base_h5_get_strings(base_h5_reader *reader, const char *name, base_arena *arena,
                                const char ***strings, int64_t *n, base_error *err);
base_status base_h5_get_string(base_h5_reader *reader, const char *name, base_arena *arena,
                               const char **string, base_error *err);
/* Writes the reader's file anew with another text in place of a single string, of equal length and
 * in room of fixed size (ESHAPE otherwise): the bytes that writing it so at once would have given.
 * The reader still reads what it opened. */
base_status base_h5_replace_string(base_h5_reader *reader, const char *name, const char *text,
                                   base_error *err);
/* Names of the entries of a group, in name order. */
base_status base_h5_list(base_h5_reader *reader, const char *group, base_arena *arena,
                         const char ***names, int64_t *n, base_error *err);

#endif
