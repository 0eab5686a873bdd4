/* train/report/plot.h - plots, drawn with cairo (train/report/plot_canvas.c).
 *
 * One plain style: white background, one accent colour, a colour map whose lightness falls evenly
 * (readable in black and white), class names in full up to 100 characters. Each call writes
 * NAME.svg and NAME.png (2x) into the folder; equal input gives equal bytes. */
#ifndef TRAIN_REPORT_PLOT_H
#define TRAIN_REPORT_PLOT_H

#include "base/text.h"
#include "train/run.h"

/* Counts and row percentages, for at most TRAIN_PLOT_MATRIX_CLASSES: one of 1,000 classes would
 * have a million cells, more than a browser shows. */
enum { TRAIN_PLOT_MATRIX_CLASSES = 100 };
typedef struct {
    const train_metrics *metrics;
    const char *const *classes;
    const char *title;
} train_plot_matrix;
base_status train_plot_confusion(const train_plot_matrix *matrix, const char *folder,
                                 const char *name, base_error *err);
/* Loss and accuracy per epoch: a thin line per fold, a thick one for the mean. */
base_status train_plot_curves(const train_fold_set *set, const char *folder, const char *name,
                              base_error *err);
/* Validation loss and accuracy of several runs, a line for each: the mean of its folds. */
base_status train_plot_overlay(const train_run *runs, int n_runs, const char *folder,
                               const char *name, base_error *err);
/* Confidence against accuracy, with counts. */
base_status train_plot_reliability(const train_fold_set *set, const char *folder, const char *name,
                                   base_error *err);
/* Clips per class, horizontal bars with counts. */
typedef struct {
    const char *const *classes;
    const int64_t *counts;
    int n_classes;
} train_plot_counts;
base_status train_plot_classes(const train_plot_counts *counts, const char *folder,
                               const char *name, base_error *err);
/* For each class one example: waveform (axis in seconds) above its mel spectrogram (axes in
 * seconds and hertz). */
typedef struct {
    const char *label;
    const float *x; /* [n] mono */
    int64_t n;
    double sample_rate_hz;
    const float *mel; /* [n_mels, n_frames] in dB */
    int64_t n_mels, n_frames;
    double fmax_hz;
} train_plot_sound;
base_status train_plot_sounds(const train_plot_sound *sounds, int n_sounds, const char *folder,
                              const char *name, base_error *err);
/* A recording's levels in rows of 5 s, or of a sixtieth of it if that is longer, with its slices
 * in the accent colour, and their labels where they have room. */
typedef struct {
    double begin_s, end_s;
    const char *label;
} train_plot_slice;
typedef struct {
    const char *title;
    const float *level; /* [n_levels] the largest |sample| of each frame, full scale 1 */
    int64_t n_levels;
    double levels_hz;               /* frames a second */
    const train_plot_slice *slices; /* [n_slices] in time */
    int64_t n_slices;
} train_plot_slicing;
base_status train_plot_slices(const train_plot_slicing *cut, const char *folder, const char *name,
                              base_error *err);

#endif
