#include "data/work.h"

enum { TASKS_PER_REPORT = 64 };

/* Tasks of one report run with their number shifted to its start. */
typedef struct {
    base_task *task;
    void *context;
    int64_t first;
} shifted;

static void run_shifted(void *context, int64_t task, int worker) {
    const shifted *s = context;
    s->task(s->context, s->first + task, worker);
}

base_status data_work_run(const data_work *work, const char *what, int64_t n, base_task *task,
                          void *context, base_error *err) {
    for (int64_t done = 0; done < n;) {
        int64_t n_now = n - done < TASKS_PER_REPORT ? n - done : TASKS_PER_REPORT;
        base_parallel(work->pool, n_now, run_shifted, &(shifted){task, context, done});
        done += n_now;
        if (work->progress != NULL && !work->progress(work->progress_context, what, done, n)) {
            return base_fail(err, BASE_ESTOPPED, "stopped while %s", what);
        }
    }
    return BASE_OK;
}
