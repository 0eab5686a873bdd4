/* base/file.h - files that appear whole or not at all.
 *
 * Writing goes to a temporary file beside the target (base/temporary.h), then fsync, rename, fsync
 * of the folder. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/arena.h"
#include "base/status.h"
#include "base/text.h"

/* Reads a whole regular file of at most max_bytes (0: no cap) into *data (base_free it; a NUL
 * follows the content, not counted in *n_bytes). */
base_status base_file_read(const char *path, size_t max_bytes, void **data, size_t *n_bytes,
                           base_error *err);

/* The bytes of a regular file, to be read only. */
typedef struct {
    void *data;
    size_t n_bytes;
    bool mapped;
} base_file_view;

/* Reads the file whole or, if it has map_from_bytes or more, maps it: memory then holds what is in
 * use. Only for files that are replaced, never changed, as base_file_write does. */
base_status base_file_view_open(const char *path, size_t map_from_bytes, base_file_view *view,
                                base_error *err);
void base_file_view_release(base_file_view *view); /* NULL or released is fine */

/* Replaces `path` by the bytes given, atomically and durably. A file that was there hands on its
 * permissions, a new one has those of the umask. A symbolic link is replaced itself: what it leads
 * to is not touched. On failure the old file stays; a device or a pipe always does. */
base_status base_file_write(const char *path, const void *data, size_t n_bytes, base_error *err);
base_status base_file_write_text(const char *path, const base_text *text, base_error *err);

/* Renames a file over `path`, whose permissions it then has if a file was there. */
base_status base_file_rename(const char *from, const char *path, base_error *err);

/* All of it to a descriptor, in as many steps as it takes; false with errno set. */
bool base_write_all(int fd, const void *data, size_t n_bytes);

bool base_file_exists(const char *path);
int64_t base_file_size(const char *path); /* bytes; 0 if there is no regular file */

/* What tells whether a file has changed since. */
typedef struct {
    int64_t size_bytes, modified_ns; /* since 1970 */
} base_file_stamp;
bool base_file_stat(const char *path, base_file_stamp *stamp); /* false: no regular file there */

bool base_folder_exists(const char *path);
bool base_folder_is_empty(const char *path); /* exists, can be read and holds nothing */
base_status base_folder_make(const char *path, base_error *err); /* with its parents; may exist */
/* Makes the entries of a folder durable. File systems that cannot (EINVAL) need not, nor need
 * folders that may be written but not read (EACCES). */
base_status base_folder_sync(const char *folder, base_error *err);
base_status base_folder_remove(const char *path,
                               base_error *err); /* and all below; may be absent */

char *base_path_join(base_arena *arena, const char *folder, const char *name); /* absolute: name */
char *base_path_folder(base_arena *arena, const char *path);                   /* "." if none */
/* The way from one folder to another, "../sounds"; "." if they are one. Both must exist. */
base_status base_path_between(const char *from, const char *to, base_arena *arena,
                              const char **path, base_error *err);
const char *base_path_name(const char *path);      /* what follows the last '/' */
const char *base_path_extension(const char *path); /* without the dot; "" if none */

/* The folder for caches: RIMSHOT_CACHE, or XDG_CACHE_HOME/rimshot, or HOME/.cache/rimshot. NULL,
 * for no cache, where none of them is set: the working folder is no place for one. */
char *base_path_cache(base_arena *arena);

/* 128-bit content digest (XXH3), and its 32 lower-case hexadecimal digits. Not cryptographic. */
typedef struct {
    uint64_t low, high;
} base_digest;
base_digest base_digest_bytes(const void *data, size_t n_bytes);
base_digest base_digest_join(base_digest a, base_digest b); /* of the concatenated digests */
/* *digest becomes its join with the digest of a file's bytes; fails if the file cannot be read. */
base_status base_digest_join_file(base_digest *digest, const char *path, base_error *err);
bool base_digest_equal(base_digest a, base_digest b);
/* The same as base_digest_bytes of bytes that come piece by piece. */
typedef struct base_hasher base_hasher;
base_hasher *base_hasher_new(void); /* NULL without memory */
void base_hasher_free(base_hasher *hasher);
void base_hasher_add(base_hasher *hasher, const void *data, size_t n_bytes);
base_digest base_hasher_digest(const base_hasher *hasher); /* of all added so far */
void base_digest_hex(base_digest digest, char hex[33]);

#endif
