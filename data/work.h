/* data/work.h - long jobs on many sounds: threads, cache and progress. */
#ifndef DATA_WORK_H
#define DATA_WORK_H

#include "base/parallel.h"

/* Progress of a long job, called from the calling thread; returning false stops it (ESTOPPED). */
typedef bool data_progress(void *context, const char *what, int64_t done, int64_t total);

/* Told of what could not be read, "PATH: why". */
typedef void data_unread(void *context, const char *why);

typedef struct {
    base_pool *pool;          /* NULL: the calling thread alone */
    const char *cache_folder; /* for decoded sounds; NULL: no cache */
    data_progress *progress;  /* NULL: not reported */
    void *progress_context;
    data_unread *unread; /* sounds that cannot be read are told and left out; NULL: the first ends
                            the work */
    void *unread_context;
} data_work;

typedef struct {
    const char *what; /* for the observer and in errors: "decoding" */
    int64_t n;
    base_task *task;
    void *context;
} data_job;

/* Runs task(context, i, worker) for i in [0, n) and reports progress on the way. */
base_status data_work_run(const data_work *work, const data_job *job, base_error *err);

#endif
