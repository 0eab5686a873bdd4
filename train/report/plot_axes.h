/* train/report/plot_axes.h - a panel with numbers along its edges. */
#ifndef TRAIN_REPORT_PLOT_AXES_H
#define TRAIN_REPORT_PLOT_AXES_H

#include "train/report/plot_canvas.h"

typedef struct {
    double x, y, width, height;          /* of the panel, in points */
    double x_low, x_high, y_low, y_high; /* the numbers at its edges */
} train_axes;

double train_axes_x(const train_axes *axes, double value);
double train_axes_y(const train_axes *axes, double value);

/* Ticks at 1, 2 or 5 times a power of ten, about `wanted` of them, inside [low, high]; low < high.
 * Returns how many (at most TRAIN_MAX_TICKS); *decimals: how many their numbers need. */
enum { TRAIN_MAX_TICKS = 16 };
int train_ticks(double low, double high, int wanted, double ticks[TRAIN_MAX_TICKS], int *decimals);

/* Widens [low, high] to whole ticks; a bare point becomes an interval. */
void train_ticks_widen(double *low, double *high, int wanted);

/* Grid lines across with their numbers at the left, times `scale`, followed by `unit`. */
void train_axes_rows(train_canvas *canvas, const train_axes *axes, int wanted, double scale,
                     const char *unit);
/* The numbers of an axis: about `wanted` of them, times `scale`. */
typedef struct {
    int wanted;
    bool whole; /* only whole numbers */
    double scale;
    const char *caption; /* ends the axis at the right */
} train_numbers;
/* Numbers below. */
void train_axes_columns(train_canvas *canvas, const train_axes *axes, const train_numbers *numbers);

/* The text styles and the margin of all plots. */
#define TRAIN_PLOT_MARGIN 8.0
extern const train_type train_type_title, train_type_label, train_type_small;
train_type train_type_aligned(train_type type, train_align align);
train_type train_type_coloured(train_type type, train_colour colour);

#endif
