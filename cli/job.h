/* cli/job.h - a command as one of several that mpirun or srun started together. */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include "cli/training.h"

/* All zeros: not begun. */
typedef struct {
    base_ranks *ranks; /* NULL: the command runs alone */
} cli_job;

/* Joins the other ranks, if there are any, and sets the options' ranks and data_parallel; ranks
 * other than 0 show nothing and listen to signals alone. Returns the exit code, after a message. */
int cli_job_begin(cli_job *job, cli_call *call, train_experiment_options *options);
void cli_job_end(cli_job *job);

/* Whether this rank is the one that shows what there is to be shown. */
bool cli_job_speaks(const cli_job *job);

#endif
