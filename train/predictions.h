/* train/predictions.h - predicted probabilities of clips, with their true classes. */
#ifndef TRAIN_PREDICTIONS_H
#define TRAIN_PREDICTIONS_H

#include "data/clips.h"

/* Clips of a data set, by their numbers. All borrowed. */
typedef struct {
    const data_manifest *manifest; /* NULL: no names are needed */
    const data_clips *clips;
    const int64_t *index; /* [n] */
    int64_t n;
} train_clips;

/* A clip as tables name it: a file, and the part of it. */
typedef struct {
    const char *path;
    double begin_s, end_s;
} train_clip_name;

typedef struct {
    int64_t n;
    int n_classes;
    const char *const *classes;  /* [n_classes]; NULL: they have no names */
    const train_clip_name *clip; /* [n]; NULL: nor have the clips */
    const int32_t *truth;        /* [n] */
    const float *probability;    /* [n, n_classes], rows sum to 1 */
} train_predictions;

/* Sets n, truth and, with a manifest, classes and names, in the arena. The caller sets the rest. */
base_status train_predictions_label(train_predictions *p, const train_clips *clips,
                                    base_arena *arena, base_error *err);

/* The most probable class of a clip, of equals the first. */
int train_predicted(const train_predictions *p, int64_t clip);
/* Its probability. */
double train_confidence(const train_predictions *p, int64_t clip);
/* The part from clip `first` on. */
train_predictions train_predictions_part(const train_predictions *p, int64_t first, int64_t n);

/* A table as docs/formats.md describes predictions.csv: path, begin_s, end_s, truth, predicted and
 * a column per class. Probabilities have nine digits, which keep every bit. */
base_status train_predictions_write(const train_predictions *p, const char *path, base_error *err);
/* The same read back, into the arena: p->classes and p->n_classes say what is expected. EFORMAT for
 * no rows, an unknown class, or a prediction that is not the most probable class. */
base_status train_predictions_read(const char *path, base_arena *arena, train_predictions *p,
                                   base_error *err);

#endif
