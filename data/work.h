/* data/work.h - long jobs on many sounds: with what they work, and who watches. */
#ifndef DATA_WORK_H
#define DATA_WORK_H

#include "base/parallel.h"

/* Progress of a long job, called from the calling thread; returning false stops it (ESTOPPED). */
typedef bool data_progress(void *context, const char *what, int64_t done, int64_t total);

typedef struct {
    base_pool *pool;          /* NULL: the calling thread alone */
    const char *cache_folder; /* where decoded sounds are kept; NULL: nowhere */
    data_progress *progress;  /* NULL: nobody watches */
    void *progress_context;
} data_work;

/* Runs task(context, i, worker) for i in [0, n), telling the observer now and then. */
base_status data_work_run(const data_work *work, const char *what, int64_t n, base_task *task,
                          void *context, base_error *err);

#endif
