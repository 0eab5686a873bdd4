/* base/isolated.h - work on untrusted input, in a process of its own.
 *
 * Where a library trusts what it reads, a damaged file may crash it, let it loop forever or
 * exhaust memory. In a child process that is only an error. */
#ifndef BASE_ISOLATED_H
#define BASE_ISOLATED_H

#include "base/text.h"

/* Runs in the child: adds its result to out. What else it changes is lost. */
typedef base_status base_isolated_work(void *context, base_text *out, base_error *err);

typedef struct {
    const char *name; /* of the input, for errors */
    base_isolated_work *work;
    void *context;
    int64_t seconds;     /* of processor time */
    size_t memory_bytes; /* beyond what the process has already */
    size_t result_bytes;
} base_isolated_job;

/* Adds the child's result to out; its error is handed on. EFORMAT if it died or went over a limit.
 * To be called while no other thread works: a child has only the calling one, and locks that others
 * held stay locked. */
base_status base_isolated(const base_isolated_job *job, base_text *out, base_error *err);

#endif
