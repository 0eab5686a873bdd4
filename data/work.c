#include "data/work.h"

enum { TASKS_PER_REPORT = 64 };

/* Tasks between two reports: from number `first` on. */
typedef struct {
    const data_job *job;
    int64_t first;
} block;

static void run_task(void *context, int64_t task, int worker) {
    const block *b = context;
    b->job->task(b->job->context, b->first + task, worker);
}

base_status data_work_run(const data_work *work, const data_job *job, base_error *err) {
    for (int64_t done = 0; done < job->n;) {
        int64_t left = job->n - done, n_now = left < TASKS_PER_REPORT ? left : TASKS_PER_REPORT;
        base_parallel(work->pool, n_now, run_task, &(block){job, done});
        done += n_now;
        if (work->progress != NULL &&
            !work->progress(work->progress_context, job->what, done, job->n)) {
            return base_fail(err, BASE_ESTOPPED, "stopped while %s", job->what);
        }
    }
    return BASE_OK;
}
