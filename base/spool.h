/* base/spool.h - what can be read but once (a pipe, standard input), as a file. */
#ifndef BASE_SPOOL_H
#define BASE_SPOOL_H

#include "base/status.h"

/* Copies what a descriptor that may block still gives, up to max_bytes (EDATA beyond), into a
 * temporary file without a name below TMPDIR or /tmp, or else in memory; *copy is the caller's to
 * close. `name` is for errors. `stopped` (NULL: never) is asked several times a second: ESTOPPED.
 */
base_status base_spool(int from, const char *name, int64_t max_bytes, bool (*stopped)(void),
                       int *copy, base_error *err);

#endif
