/* cli/merge.h - a model's classes seen as fewer: some joined, some left out. */
#ifndef CLI_MERGE_H
#define CLI_MERGE_H

#include "cli/cli.h"
#include "infer/model.h"

#define CLI_FLAGS_MERGE                                                                            \
    {"merge", "NAME=A+B,..", "join classes: their probabilities are summed"}, {                    \
        "only", "A,B,..",                                                                          \
            "consider only these classes, after joining; their probabilities sum "                 \
            "to 1"                                                                                 \
    }

typedef struct {
    int n_classes;
    const char *const *classes; /* [n_classes] after joining */
    int n_from;                 /* the model's classes, */
    const char *const *from;    /* [n_from] */
    const int *into;            /* [n_from] number of the class it becomes; -1: left out */
    bool is_partial;            /* --only was given */
} cli_merge;

/* Reads --merge and --only; without them classes stay as they are. Arrays live in the call's
 * arena. CLI_OK, or an exit code after a message: unknown classes, and classes or names given
 * twice, are usage errors. */
int cli_merge_read(cli_call *call, const infer_model *model, cli_merge *merge);

/* Probabilities of the model's classes into those of the joined ones. */
void cli_merge_apply(const cli_merge *merge, const float *from, float *into);

/* The class that a name stands for: that of the joined class, or else of one of the model's that
 * has become part of one; -1: none. */
int cli_merge_find(const cli_merge *merge, const char *name);

#endif
