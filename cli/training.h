/* cli/training.h - what the commands that train have in common. */
#ifndef CLI_TRAINING_H
#define CLI_TRAINING_H

#include "cli/progress.h"
#include "train/experiment.h"

/* Rows for the tables of flags; cli_training_options reads them. */
#define CLI_FLAG_KEEP_GOING                                                                        \
    {                                                                                              \
        "keep-going", NULL,                                                                        \
            "leave out sounds that cannot be read, name them, exit with 1 in the end"              \
    }
#define CLI_FLAGS_PARALLEL                                                                         \
    {"parallel-folds", "N", "train N folds side by side, to the same bits (default 1)"}, {         \
        "memory", "MIB", "that folds side by side may take (default: 3/4 of the machine's)"        \
    }
#define CLI_FLAG_DATA_PARALLEL                                                                     \
    {                                                                                              \
        "data-parallel", "K",                                                                      \
            "with mpirun: K ranks share each training, to the same bits (default 1)"               \
    }

/* Of the sources that the program was built from, with "+" where they were changed; NULL: they came
 * from no repository. */
const char *cli_commit(void);

/* Sets pool, commit, parallel_folds, memory_bytes and, with --keep-going, unread; false, with a
 * message printed, for a wrong value. */
bool cli_training_options(cli_call *call, cli_progress *progress,
                          train_experiment_options *options);

/* --out, or runs/NAME; NULL without memory for it. */
const char *cli_training_folder(cli_call *call, const char *name);

/* Prints the summary.json of a run; returns the exit code. */
int cli_print_summary(cli_call *call, const char *folder);

/* Draws a step of one of several runs, "cell 2/4" or "round 1/3": `label`, of which `what` ("cell")
 * is to say how much is left. Of folds side by side the first one alone is drawn. */
void cli_training_draw(cli_progress *progress, const char *label, const char *what,
                       const train_event *event);

#endif
