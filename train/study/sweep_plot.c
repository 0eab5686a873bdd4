#include <math.h>
#include <stdio.h>

#include "train/report/plot_axes.h"
#include "train/study/sweep.h"

#define ROW   22.0
#define TOP   66.0
#define PANEL 330.0
#define RIGHT 60.0 /* for the figure beside the panel */

typedef struct {
    const train_sweep_results *results;
    const char **labels; /* [n_cells] */
    train_axes axes;
} layout;

/* "raster · none": the cell's values. */
static const char *label_cell(const train_sweep *sweep, int cell, base_arena *arena) {
    const char *text = "";
    for (int a = 0; a < sweep->n_axes && text != NULL; a++) {
        text = base_arena_printf(arena, "%s%s%s", text, a > 0 ? " · " : "",
                                 sweep->axes[a].values[sweep->cells[cell].value[a]].label);
    }
    return text;
}

/* Faint lines from top to bottom where the numbers stand below. */
static void draw_columns(train_canvas *canvas, const train_axes *axes) {
    const train_stroke hairline = {.width = 0.75, .colour = train_hairline};
    double ticks[TRAIN_MAX_TICKS];
    int decimals;
    int n = train_ticks(axes->x_low * 100, axes->x_high * 100, 5, ticks, &decimals);
    for (int i = 0; i < n; i++) {
        double x = train_axes_x(axes, ticks[i] / 100);
        train_canvas_segment(canvas, (train_point){x, axes->y},
                             (train_point){x, axes->y + axes->height}, &hairline);
    }
    train_axes_columns(canvas, axes,
                       &(train_numbers){.wanted = 5, .scale = 100, .caption = "accuracy in %"});
}

/* Filled: as good as the best, as far as one can tell; hollow: p below 0.05. */
static bool is_apart(const train_sweep_results *results, int cell) {
    const train_sweep_result *r = &results->cells[cell];
    bool compared = r->reference >= 0 && r->reference != cell;
    return compared && isfinite(r->against.result.p_value) && r->against.result.p_value < 0.05;
}

static void draw_cell(train_canvas *canvas, const layout *l, int cell) {
    const train_sweep_result *r = &l->results->cells[cell];
    const train_type right = train_type_aligned(train_type_label, TRAIN_RIGHT);
    const train_stroke whisker = {.width = 1.5, .colour = train_accent};
    double y = l->axes.y + (cell + 0.5) * ROW;
    train_type name = right;
    name.bold = cell == l->results->best;
    train_canvas_text(canvas, l->axes.x - 10, y + 4, &name, l->labels[cell]);
    if (!r->finished) {
        train_canvas_text(canvas, l->axes.x + 6, y + 4, &train_type_small,
                          r->problem != NULL ? "failed" : "not trained");
        return;
    }
    double x = train_axes_x(&l->axes, r->accuracy.mean);
    if (isfinite(r->accuracy.low)) {
        train_canvas_segment(canvas, (train_point){train_axes_x(&l->axes, r->accuracy.low), y},
                             (train_point){train_axes_x(&l->axes, r->accuracy.high), y}, &whisker);
    }
    train_canvas_dot(canvas, x, y, 4.5, train_accent);
    if (is_apart(l->results, cell)) train_canvas_dot(canvas, x, y, 2.7, train_paper);
    char figure[32];
    snprintf(figure, sizeof figure, "%.1f %%", 100 * r->accuracy.mean);
    train_canvas_text(canvas, l->axes.x + l->axes.width + 10, y + 4, &train_type_small, figure);
}

static void draw(train_canvas *canvas, const void *context) {
    const layout *l = context;
    const train_sweep_results *results = l->results;
    train_canvas_text(canvas, TRAIN_PLOT_MARGIN, TRAIN_PLOT_MARGIN + 11, &train_type_title,
                      "Accuracy of the cells");
    train_canvas_text(canvas, TRAIN_PLOT_MARGIN, TRAIN_PLOT_MARGIN + 29, &train_type_small,
                      results->sweep->has_baseline
                          ? "whisker: 95 % interval of the mean · hollow: p < 0.05 to its baseline"
                          : "whisker: 95 % interval of the mean · hollow: p < 0.05 to the best");
    draw_columns(canvas, &l->axes);
    if (results->best >= 0) {
        const train_stroke dashed = {.width = 1, .colour = train_muted, .dashed = true};
        double x = train_axes_x(&l->axes, results->cells[results->best].accuracy.mean);
        train_canvas_segment(canvas, (train_point){x, l->axes.y},
                             (train_point){x, l->axes.y + l->axes.height}, &dashed);
    }
    for (int i = 0; i < results->sweep->n_cells; i++) draw_cell(canvas, l, i);
}

/* The numbers at the panel's edges: all whiskers are inside. */
static void set_scale(const train_sweep_results *results, train_axes *axes) {
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < results->sweep->n_cells; i++) {
        const train_sweep_result *r = &results->cells[i];
        if (!r->finished) continue;
        bool whisker = isfinite(r->accuracy.low);
        low = fmin(low, whisker ? r->accuracy.low : r->accuracy.mean);
        high = fmax(high, whisker ? r->accuracy.high : r->accuracy.mean);
    }
    if (low > high) { /* nothing to show */
        low = 0;
        high = 1;
    }
    train_ticks_widen(&low, &high, 5);
    axes->x_low = low;
    axes->x_high = high;
    axes->y_high = 1;
}

static base_status make_picture(layout *l, base_arena *arena, base_error *err) {
    const train_sweep_results *results = l->results;
    const train_sweep *sweep = results->sweep;
    double left = 0;
    l->labels = base_arena_alloc(arena, (size_t)sweep->n_cells, sizeof *l->labels);
    for (int i = 0; l->labels != NULL && i < sweep->n_cells; i++) {
        l->labels[i] = label_cell(sweep, i, arena);
        if (l->labels[i] == NULL) break;
        left = fmax(left, train_text_width(l->labels[i], train_type_label.size, true));
    }
    if (l->labels == NULL || l->labels[sweep->n_cells - 1] == NULL) {
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", results->folder);
    }
    l->axes = (train_axes){.x = TRAIN_PLOT_MARGIN + left + 10,
                           .y = TOP,
                           .width = PANEL,
                           .height = sweep->n_cells * ROW};
    set_scale(results, &l->axes);
    const train_picture picture = {ceil(l->axes.x + PANEL + RIGHT),
                                   TOP + l->axes.height + 30 + TRAIN_PLOT_MARGIN, draw, l};
    return train_picture_write(&picture, results->folder, "cells", err);
}

base_status train_sweep_plot(const train_sweep_results *results, base_error *err) {
    base_arena arena = {0};
    layout l = {.results = results};
    base_status status = make_picture(&l, &arena, err);
    base_arena_release(&arena);
    return status;
}
