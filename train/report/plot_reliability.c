#include <math.h>
#include <stdio.h>

#include "train/report/plot.h"
#include "train/report/plot_axes.h"

static const double side = 346, left = 50, top = 72, histogram_h = 48;

typedef struct {
    train_reliability_bin bins[TRAIN_RELIABILITY_BINS];
    int64_t n, most;
    double calibration;
} diagram;

static void draw_diagonal(train_canvas *canvas, const train_axes *axes) {
    const train_stroke dashed = {.width = 1, .colour = train_muted, .dashed = true};
    train_type along = train_type_small;
    along.turn = 45;
    train_canvas_segment(canvas, (train_point){axes->x, axes->y + axes->height},
                         (train_point){axes->x + axes->width, axes->y}, &dashed);
    train_canvas_text(canvas, train_axes_x(axes, 0.085), train_axes_y(axes, 0.03), &along,
                      "perfectly calibrated");
}

static train_point place_of(const train_axes *axes, const train_reliability_bin *bin) {
    return (train_point){train_axes_x(axes, bin->confidence), train_axes_y(axes, bin->accuracy)};
}

/* What a handful of clips says is chance: such bins have their dots, but no line leads there. */
enum { LEAST_CLIPS = 5 };

/* A dot's area grows with the clips in its bin. */
static void draw_dots(train_canvas *canvas, const train_axes *axes, const diagram *d) {
    const train_stroke line = {.width = 1.5, .colour = train_accent};
    train_point points[TRAIN_RELIABILITY_BINS];
    int n = 0;
    for (int b = 0; b < TRAIN_RELIABILITY_BINS; b++) {
        if (d->bins[b].n >= LEAST_CLIPS) points[n++] = place_of(axes, &d->bins[b]);
    }
    train_canvas_line(canvas, points, n, &line);
    for (int b = 0; b < TRAIN_RELIABILITY_BINS; b++) {
        if (d->bins[b].n == 0) continue;
        train_point at = place_of(axes, &d->bins[b]);
        double radius = 2.5 + 5.5 * sqrt((double)d->bins[b].n / (double)d->most);
        double strength = d->bins[b].n >= LEAST_CLIPS ? 1 : 0.45;
        train_canvas_dot(canvas, at.x, at.y, radius + 1.2, train_paper);
        train_canvas_dot(canvas, at.x, at.y, radius, train_colour_faint(train_accent, strength));
    }
}

static void draw_histogram(train_canvas *canvas, const train_axes *axes, const diagram *d) {
    double base = axes->y + axes->height, bin_w = axes->width / TRAIN_RELIABILITY_BINS;
    for (int b = 0; b < TRAIN_RELIABILITY_BINS; b++) {
        double height = axes->height * (double)d->bins[b].n / (double)d->most;
        if (d->bins[b].n > 0) height = fmax(height, 0.75);
        train_canvas_rect(
            canvas, (train_box){axes->x + b * bin_w + 0.75, base - height, bin_w - 1.5, height},
            train_colour_faint(train_accent, 0.45));
    }
    const train_stroke hairline = {.width = 0.75, .colour = train_muted};
    train_canvas_segment(canvas, (train_point){axes->x, base},
                         (train_point){axes->x + axes->width, base}, &hairline);
    const train_type caption = train_type_aligned(train_type_small, TRAIN_RIGHT);
    train_canvas_text(canvas, axes->x - 7, base - 1, &caption, "clips");
}

static void draw(train_canvas *canvas, const void *context) {
    const diagram *d = context;
    char subtitle[128], clips[32];
    snprintf(subtitle, sizeof subtitle, "%s clips · calibration error %.3f",
             base_thousands(d->n, clips), d->calibration);
    train_canvas_text(canvas, TRAIN_PLOT_MARGIN, TRAIN_PLOT_MARGIN + 11, &train_type_title,
                      "Reliability");
    train_canvas_text(canvas, TRAIN_PLOT_MARGIN, TRAIN_PLOT_MARGIN + 29, &train_type_small,
                      subtitle);
    train_axes axes = {left, top, side, side, 0, 1, 0, 1};
    train_axes_rows(canvas, &axes, 5, 100, " %");
    train_canvas_text(canvas, left, top - 14, &train_type_small, "accuracy");
    draw_diagonal(canvas, &axes);
    draw_dots(canvas, &axes, d);
    train_axes below = {left, top + side + 12, side, histogram_h, 0, 1, 0, 1};
    draw_histogram(canvas, &below, d);
    train_axes_columns(canvas, &below,
                       &(train_numbers){.wanted = 5, .scale = 100, .caption = "confidence in %"});
}

base_status train_plot_reliability(const train_fold_set *set, const char *folder, const char *name,
                                   base_error *err) {
    diagram d = {.n = set->predictions.n, .calibration = set->pooled.calibration, .most = 1};
    train_reliability(&set->predictions, d.bins);
    for (int b = 0; b < TRAIN_RELIABILITY_BINS; b++) {
        d.most = d.bins[b].n > d.most ? d.bins[b].n : d.most;
    }
    const train_picture picture = {left + side + 20, top + side + 12 + histogram_h + 38, draw, &d};
    return train_picture_write(&picture, folder, name, err);
}
