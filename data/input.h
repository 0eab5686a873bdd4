/* data/input.h - the bytes of a sound file, on disk or in memory, and whether reading them failed.
 *
 * A decoder takes a failed read for the end of a file. Here the failure is kept, so that its owner
 * can tell one from the other. */
#ifndef DATA_INPUT_H
#define DATA_INPUT_H

#include "base/file.h"

typedef struct {
    const char *name; /* in errors; borrowed */
    int fd;           /* -1: in memory */
    bool is_ours;     /* the descriptor; closed with the input */
    const void *bytes;
    int64_t size;     /* bytes, when it was opened */
    int64_t at;       /* where a decoder is in it */
    int failure;      /* errno of the first read that failed; 0: none did */
    int64_t ended_at; /* a file shrank while it was read; -1: none did */
} data_input;

/* A regular file: EDATA for anything else (a folder, a pipe, which would block) and for an empty
 * one; ENOTFOUND, EMEMORY, EIO as reading has it. */
base_status data_input_open(const char *path, data_input *input, base_error *err);
/* The same for a file that the caller has open, and closes. */
base_status data_input_open_descriptor(int fd, const char *name, data_input *input,
                                       base_error *err);
data_input data_input_of_bytes(const void *bytes, size_t n_bytes, const char *name);
void data_input_close(data_input *input);

/* Reads n bytes from `at` on, fewer only at the end or once reading failed; returns how many. */
int64_t data_input_read(data_input *input, int64_t at, void *to, int64_t n);

/* EIO (or EMEMORY) if a read has failed, or the file ended before its size. */
base_status data_input_check(const data_input *input, base_error *err);

/* Of all bytes. */
base_status data_input_digest(data_input *input, base_digest *digest, base_error *err);

#endif
