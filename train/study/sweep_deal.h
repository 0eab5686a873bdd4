/* train/study/sweep_deal.h - the cells of a sweep dealt to the ranks of an MPI job.
 *
 * The ranks form as many teams as there are cells to train, if there are enough of them; a team
 * does one cell after the other, and deals its trainings to its ranks (train/experiment.h). Rank 0
 * holds the list of cells and answers the first ranks of the other teams whenever it serves. */
#ifndef TRAIN_STUDY_SWEEP_DEAL_H
#define TRAIN_STUDY_SWEEP_DEAL_H

#include "train/study/sweep.h"

enum { TRAIN_SWEEP_LINE_BYTES = 512 };

/* Shows a line that another team's first rank has said. */
typedef void train_sweep_hear(void *context, const char *line);

typedef struct {
    base_ranks *ranks, *team; /* of the job; those that this one does cells with */
    train_sweep_hear *hear;   /* rank 0's */
    void *hear_context;
    bool *to_do; /* [n_cells] rank 0's: cells that nobody has taken */
    int n_cells;
    int n_asking; /* other teams that will ask again */
} train_sweep_deal;

/* What rank 0 knows of the cells (train_sweep_look) decides. options: its ranks and data_parallel
 * are read, and its ranks set to the team (together). */
base_status train_sweep_deal_begin(train_sweep_deal *deal, const train_sweep *sweep,
                                   train_experiment_options *options, base_error *err);
/* Waits for all, and releases (together). */
void train_sweep_deal_end(train_sweep_deal *deal);

/* The team's next cell; -1: none is left (a team together). */
int train_sweep_deal_take(train_sweep_deal *deal);
/* Answers other teams, if this is rank 0; to be called often. */
void train_sweep_deal_serve(train_sweep_deal *deal);
/* Has rank 0 show a line, at once or when it serves next; what other ranks of a team say is lost.
 */
void train_sweep_deal_say(train_sweep_deal *deal, const char *line);

#endif
