#include <math.h>

#include "train/report/plot.h"
#include "train/report/plot_axes.h"

static const double left = 50, panel_w = 290, panel_h = 179, top = 42, between = 78;

typedef double column_of(const train_epoch *epoch);
static double train_loss_of(const train_epoch *e) {
    return e->train_loss;
}
static double loss_of(const train_epoch *e) {
    return e->loss;
}
static double accuracy_of(const train_epoch *e) {
    return e->accuracy;
}

typedef struct {
    const train_fold_set *set;
    int64_t longest, shared; /* epochs of the longest fold; of every fold */
    train_point *points;     /* [longest] */
} curves;

static double mean_at(const train_fold_set *set, column_of *column, int64_t i) {
    double sum = 0;
    for (int f = 0; f < set->n_folds; f++) sum += column(&set->folds[f].epochs[i]);
    return sum / set->n_folds;
}

static void draw_points(train_canvas *canvas, const curves *c, int64_t n,
                        const train_stroke *stroke) {
    train_canvas_line(canvas, c->points, n, stroke);
    if (n == 1 && isfinite(c->points[0].y)) {
        train_canvas_dot(canvas, c->points[0].x, c->points[0].y, stroke->width, stroke->colour);
    }
}

static void draw_folds(train_canvas *canvas, const train_axes *axes, const curves *c,
                       column_of *column) {
    const train_stroke thin = {.width = 1, .colour = train_colour_faint(train_accent, 0.32)};
    for (int f = 0; f < c->set->n_folds; f++) {
        const train_fold *fold = &c->set->folds[f];
        for (int64_t i = 0; i < fold->n_epochs; i++) {
            const train_epoch *e = &fold->epochs[i];
            c->points[i] =
                (train_point){train_axes_x(axes, (double)e->epoch), train_axes_y(axes, column(e))};
        }
        draw_points(canvas, c, fold->n_epochs, &thin);
    }
}

/* Over the epochs that every fold has; returns where the line ends. */
static train_point draw_mean(train_canvas *canvas, const train_axes *axes, const curves *c,
                             column_of *column, const train_stroke *stroke) {
    for (int64_t i = 0; i < c->shared; i++) {
        c->points[i] = (train_point){train_axes_x(axes, (double)(i + 1)),
                                     train_axes_y(axes, mean_at(c->set, column, i))};
    }
    draw_points(canvas, c, c->shared, stroke);
    return c->shared > 0 ? c->points[c->shared - 1] : (train_point){NAN, NAN};
}

static void name_line(train_canvas *canvas, const train_axes *axes, double y, const char *name,
                      train_colour colour) {
    const train_type type = train_type_coloured(train_type_small, colour);
    if (isfinite(y)) train_canvas_text(canvas, axes->x + axes->width + 8, y + 3.5, &type, name);
}

static void include(const curves *c, column_of *column, double *low, double *high) {
    for (int f = 0; f < c->set->n_folds; f++) {
        for (int64_t i = 0; i < c->set->folds[f].n_epochs; i++) {
            double value = column(&c->set->folds[f].epochs[i]);
            if (!isfinite(value)) continue;
            *low = fmin(*low, value);
            *high = fmax(*high, value);
        }
    }
}

static train_axes panel(const curves *c, double y, double low, double high) {
    train_ticks_widen(&low, &high, 4);
    double last = c->longest > 1 ? (double)c->longest : 2;
    return (train_axes){left, y, panel_w, panel_h, 1, last, low, high};
}

static void draw_loss(train_canvas *canvas, const curves *c) {
    const train_stroke strong = {.width = 2.25, .colour = train_accent};
    const train_stroke dashed = {.width = 1.5, .colour = train_muted, .dashed = true};
    double low = 0, high = 0;
    include(c, loss_of, &low, &high);
    include(c, train_loss_of, &low, &high);
    train_axes axes = panel(c, top, low, high);
    train_canvas_text(canvas, TRAIN_PLOT_MARGIN, top - 23, &train_type_title, "Loss");
    train_axes_rows(canvas, &axes, 4, 1, "");
    draw_folds(canvas, &axes, c, loss_of);
    double training = draw_mean(canvas, &axes, c, train_loss_of, &dashed).y;
    double validation = draw_mean(canvas, &axes, c, loss_of, &strong).y;
    double crowded = 13 - fabs(training - validation);
    if (crowded > 0) {
        double apart = training > validation ? crowded / 2 : -crowded / 2;
        training += apart;
        validation -= apart;
    }
    name_line(canvas, &axes, validation, "validation", train_accent);
    name_line(canvas, &axes, training, "training", train_muted);
    train_axes_columns(canvas, &axes,
                       &(train_numbers){.wanted = 6, .scale = 1, .caption = "", .whole = true});
}

static void draw_accuracy(train_canvas *canvas, const curves *c) {
    const train_stroke strong = {.width = 2.25, .colour = train_accent};
    double low = 1, high = 1;
    include(c, accuracy_of, &low, &high);
    train_axes axes = panel(c, top + panel_h + between, fmin(low, 0.9), high);
    train_canvas_text(canvas, TRAIN_PLOT_MARGIN, axes.y - 23, &train_type_title, "Accuracy");
    train_axes_rows(canvas, &axes, 4, 100, " %");
    draw_folds(canvas, &axes, c, accuracy_of);
    for (int f = 0; f < c->set->n_folds; f++) {
        const train_fold *fold = &c->set->folds[f];
        if (fold->best_epoch < 1 || fold->best_epoch > fold->n_epochs) continue;
        double x = train_axes_x(&axes, (double)fold->best_epoch);
        double y = train_axes_y(&axes, fold->epochs[fold->best_epoch - 1].accuracy);
        if (isfinite(y)) train_canvas_dot(canvas, x, y, 2.2, train_colour_faint(train_accent, 0.6));
    }
    train_point end = draw_mean(canvas, &axes, c, accuracy_of, &strong);
    name_line(canvas, &axes, end.y, c->set->n_folds > 1 ? "mean" : "", train_accent);
    train_axes_columns(
        canvas, &axes,
        &(train_numbers){.wanted = 6, .scale = 1, .caption = "epoch", .whole = true});
}

static void draw(train_canvas *canvas, const void *context) {
    draw_loss(canvas, context);
    draw_accuracy(canvas, context);
}

/* False without memory. */
static bool curves_of(const train_fold_set *set, curves *c, base_arena *arena) {
    *c = (curves){.set = set, .shared = set->n_folds > 0 ? set->folds[0].n_epochs : 0};
    for (int f = 0; f < set->n_folds; f++) {
        int64_t n = set->folds[f].n_epochs;
        c->longest = n > c->longest ? n : c->longest;
        c->shared = n < c->shared ? n : c->shared;
    }
    c->points =
        base_arena_alloc(arena, (size_t)(c->longest > 0 ? c->longest : 1), sizeof *c->points);
    return c->points != NULL;
}

base_status train_plot_curves(const train_fold_set *set, const char *folder, const char *name,
                              base_error *err) {
    base_arena arena = {0};
    curves c;
    const train_picture picture = {left + panel_w + 76, top + 2 * panel_h + between + 38, draw, &c};
    base_status status = curves_of(set, &c, &arena)
                             ? train_picture_write(&picture, folder, name, err)
                             : base_fail(err, BASE_EMEMORY, "%s: out of memory", name);
    base_arena_release(&arena);
    return status;
}

/* ---- several runs ---- */

/* Told apart by eyes of any kind: Okabe and Ito, "Color Universal Design", 2008, the yellow left
 * out. */
static const train_colour hues[] = {
    {0.000, 0.447, 0.698}, {0.835, 0.369, 0.000}, {0.000, 0.620, 0.451}, {0.800, 0.475, 0.655},
    {0.902, 0.624, 0.000}, {0.337, 0.706, 0.914}, {0.110, 0.130, 0.160}};
enum { N_HUES = sizeof hues / sizeof *hues };
static const double legend_row_h = 17;

typedef struct {
    const train_run *runs;
    curves *curves; /* [n_runs] */
    int n_runs;
    int64_t longest;
} overlay;

/* Hues come again dashed, then thin. */
static train_stroke stroke_of(int run) {
    int round = run / N_HUES;
    return (train_stroke){
        .width = round < 2 ? 2 : 1, .colour = hues[run % N_HUES], .dashed = round % 2 == 1};
}

static void draw_runs(train_canvas *canvas, const overlay *o, const train_axes *axes,
                      column_of *column) {
    for (int r = o->n_runs - 1; r >= 0; r--) {
        train_stroke stroke = stroke_of(r);
        draw_mean(canvas, axes, &o->curves[r], column, &stroke);
    }
}

static train_axes overlay_panel(const overlay *o, double y, double low, double high) {
    curves widest = {.longest = o->longest};
    return panel(&widest, y, low, high);
}

static void draw_legend(train_canvas *canvas, const overlay *o, double y) {
    for (int r = 0; r < o->n_runs; r++, y += legend_row_h) {
        train_stroke stroke = stroke_of(r);
        train_canvas_segment(canvas, (train_point){left, y - 4}, (train_point){left + 24, y - 4},
                             &stroke);
        train_canvas_text(canvas, left + 32, y, &train_type_label, o->runs[r].facts.name);
    }
}

static void draw_overlay(train_canvas *canvas, const void *context) {
    const overlay *o = context;
    double low = 0, high = 0, least = 1, most = 1;
    for (int r = 0; r < o->n_runs; r++) {
        include(&o->curves[r], loss_of, &low, &high);
        include(&o->curves[r], accuracy_of, &least, &most);
    }
    train_axes loss = overlay_panel(o, top, low, high);
    train_axes accuracy = overlay_panel(o, top + panel_h + between, fmin(least, 0.9), most);
    train_canvas_text(canvas, TRAIN_PLOT_MARGIN, top - 23, &train_type_title,
                      "Validation loss, mean of the folds");
    train_axes_rows(canvas, &loss, 4, 1, "");
    draw_runs(canvas, o, &loss, loss_of);
    train_numbers epochs = {.wanted = 6, .scale = 1, .caption = "", .whole = true};
    train_axes_columns(canvas, &loss, &epochs);
    train_canvas_text(canvas, TRAIN_PLOT_MARGIN, accuracy.y - 23, &train_type_title,
                      "Accuracy, mean of the folds");
    train_axes_rows(canvas, &accuracy, 4, 100, " %");
    draw_runs(canvas, o, &accuracy, accuracy_of);
    epochs.caption = "epoch";
    train_axes_columns(canvas, &accuracy, &epochs);
    draw_legend(canvas, o, accuracy.y + panel_h + 56);
}

base_status train_plot_overlay(const train_run *runs, int n_runs, const char *folder,
                               const char *name, base_error *err) {
    base_arena arena = {0};
    overlay o = {.runs = runs, .n_runs = n_runs};
    o.curves = base_arena_alloc(&arena, (size_t)n_runs, sizeof *o.curves);
    bool complete = o.curves != NULL;
    double legend_w = 0;
    for (int r = 0; r < n_runs && complete; r++) {
        complete = curves_of(&runs[r].main, &o.curves[r], &arena);
        if (o.curves[r].longest > o.longest) o.longest = o.curves[r].longest;
        legend_w =
            fmax(legend_w, train_text_width(runs[r].facts.name, train_type_label.size, false));
    }
    const train_picture picture = {
        fmax(left + panel_w + 76, left + 32 + legend_w + TRAIN_PLOT_MARGIN),
        top + 2 * panel_h + between + 56 + n_runs * legend_row_h, draw_overlay, &o};
    base_status status = complete ? train_picture_write(&picture, folder, name, err)
                                  : base_fail(err, BASE_EMEMORY, "%s: out of memory", name);
    base_arena_release(&arena);
    return status;
}
