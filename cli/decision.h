/* cli/decision.h - what a model's probabilities come to under --merge, --only and --refuse. */
#ifndef CLI_DECISION_H
#define CLI_DECISION_H

#include "cli/merge.h"

#define CLI_FLAG_REFUSE                                                                            \
    {                                                                                              \
        "refuse", "P",                                                                             \
            "above this probability of the model's class for what is none of the others a sound "  \
            "is called unknown (default: the model's; 1: never)"                                   \
    }

typedef struct {
    cli_merge merge;       /* the classes that are shown */
    infer_refusal outlier; /* of the model's classes: what the refused one's probability decides */
    infer_refusal rest;    /* of the classes that are shown: what the others' decide */
    double threshold;      /* below this probability: unknown; negative: below the model's bounds */
    float *joined;         /* [merge.n_classes] the probabilities after _make */
} cli_decision;

/* Reads the flags; _threshold, set before, stays. CLI_OK, or an exit code after a message. */
int cli_decision_read(cli_call *call, const infer_model *model, cli_decision *decision);

/* Refuses by the model's own classes, joins them, and chooses among what is left: a class of
 * `merge`, or INFER_UNKNOWN. */
int cli_decision_make(const cli_decision *decision, const float *probability);

/* After _make: adds the reason of unknown, if it was that. Gives the class of `merge` that was
 * against an answer; -1: none of them. */
int cli_decision_explain(const cli_decision *decision, const float *probability, base_text *why);

/* The name of such a class. */
const char *cli_decision_class(const cli_decision *decision, int best);

#endif
