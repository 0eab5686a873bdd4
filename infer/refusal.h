/* infer/refusal.h - `refuse:` in a configuration: which class stands for what is none of the
 * others, and when a sound is called unknown. All that answer, in the program or exported, follow
 * infer_refusal_judge. */
#ifndef INFER_REFUSAL_H
#define INFER_REFUSAL_H

#include "base/options.h"
#include "base/text.h"

typedef struct {
    const char *class_name;
    double above;               /* probability of that class */
    const base_node *above_for; /* a map from other classes to bounds in place of `above` */
    const base_node *least;     /* a map from other classes to probabilities */
} infer_refusal_options;
extern const base_option infer_refusal_table[];

/* Where no class is refused; where a sound is of none; where nothing was against the answer. */
enum { INFER_NONE_REFUSED = -1, INFER_UNKNOWN = -1, INFER_NO_CAUSE = -1 };

/* Bounds by the most probable class, the refused one aside. */
typedef struct {
    int class_index;     /* or INFER_NONE_REFUSED */
    const double *above; /* [n_classes] unknown if the refused class is more probable than this */
    const double *least; /* [n_classes] unknown if the most probable class is less so */
} infer_refusal;

typedef struct {
    const char *const *names;
    int n;
} infer_classes;

/* The bounds that a map `refuse:` has for these classes, in the arena; none or NULL: those that
 * refuse nothing. ECONFIG for unknown classes and bounds that are no probabilities. */
base_status infer_refusal_bind(base_node *map, const infer_classes *classes, base_arena *arena,
                               infer_refusal *refusal, base_error *err);

typedef struct {
    int answer;   /* the most probable class, the refused one aside, or INFER_UNKNOWN */
    int cause;    /* of unknown: the class whose probability was against it, the refused one if that
                     was above its bound, or else the most probable one; INFER_NO_CAUSE */
    double bound; /* that it missed */
} infer_decision;

/* What a row of probabilities says; _decide: its answer alone. */
infer_decision infer_refusal_judge(const infer_refusal *refusal, const float *probability,
                                   int n_classes);
int infer_refusal_decide(const infer_refusal *refusal, const float *probability, int n_classes);

/* "other 0.93, more than 0.30" or "kick 0.35, less than 0.41"; nothing for an answer. */
void infer_refusal_add_reason(const infer_refusal *refusal, const infer_classes *classes,
                              const float *probability, base_text *out);

#endif
