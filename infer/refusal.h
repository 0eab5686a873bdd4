/* infer/refusal.h - `refuse:` in a configuration: which class stands for what is none of the
 * others, and when a sound is called unknown. */
#ifndef INFER_REFUSAL_H
#define INFER_REFUSAL_H

#include "base/options.h"

typedef struct {
    const char *class_name;
    double above; /* probability of that class */
} infer_refusal_options;
extern const base_option infer_refusal_table[];

/* Where no class is refused. */
enum { INFER_NONE_REFUSED = -1, INFER_UNKNOWN = -1 };

typedef struct {
    int class_index; /* or INFER_NONE_REFUSED */
    double above;
} infer_refusal;

/* What a row of probabilities says: the most probable class, the refused one aside, or
 * INFER_UNKNOWN if that one's probability exceeds its bound. */
int infer_refusal_decide(const infer_refusal *refusal, const float *probability, int n_classes);

#endif
