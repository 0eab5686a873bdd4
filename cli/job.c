#include "cli/job.h"

static bool on_silent_event(void *context, const train_event *event) {
    (void)context, (void)event;
    return !cli_stopped();
}

/* Rank 0 tells of what it could not read. */
static void on_silent_unread(void *context, const char *why) {
    (void)context, (void)why;
}

static base_status check(const cli_job *job, const train_experiment_options *options,
                         base_error *err) {
    int n = base_ranks_n(job->ranks), size = options->data_parallel;
    if (job->ranks == NULL && size > 1) {
        return base_fail(err, BASE_EUSAGE,
                         "--data-parallel %d: needs %d ranks: mpirun -n N rimshot ...", size, size);
    }
    if (n % size != 0) {
        return base_fail(err, BASE_EUSAGE, "--data-parallel %d: %d ranks do not make whole groups",
                         size, n);
    }
    if (job->ranks == NULL || options->parallel_folds == 1) return BASE_OK;
    return base_fail(err, BASE_EUSAGE, "--parallel-folds: ranks have one training each");
}

int cli_job_begin(cli_job *job, cli_call *call, train_experiment_options *options) {
    base_error err;
    int64_t size = 1;
    if (!cli_int(call, "data-parallel", 1, 4096, &size)) return CLI_USAGE;
    if (base_ranks_start(&job->ranks, &err) != BASE_OK) return cli_fail(&err);
    options->ranks = job->ranks;
    options->data_parallel = (int)size;
    base_status status = check(job, options, &err);
    if (!cli_job_speaks(job)) {
        call->quiet = true;
        call->terminal = false;
        options->listener = on_silent_event;
        if (options->unread != NULL) options->unread = on_silent_unread;
        return status == BASE_OK ? CLI_OK : CLI_USAGE;
    }
    return status == BASE_OK ? CLI_OK : cli_fail(&err);
}

void cli_job_end(cli_job *job) {
    base_ranks_end(job->ranks);
    job->ranks = NULL;
}

bool cli_job_speaks(const cli_job *job) {
    return base_ranks_self(job->ranks) == 0;
}
