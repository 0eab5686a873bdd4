#include <math.h>
#include <stdio.h>

#include "train/report/plot.h"
#include "train/report/plot_axes.h"

#define GAP 1.5 /* between cells */

typedef struct {
    const train_metrics *metrics;
    const char *const *classes;
    const char *title;
    double left, top; /* of the cells */
    double cell_w, cell_h;
    double name_w; /* the widest class name */
    bool turned;   /* class names above the columns stand at an angle */
    double width, height;
} layout;

static const double turn_degrees = 45;

static void format_share(char text[16], double share) {
    if (share > 0 && share < 0.005) {
        snprintf(text, 16, "<1 %%");
    } else {
        snprintf(text, 16, "%.0f %%", 100 * share);
    }
}

static double widest_count(const train_metrics *m) {
    int64_t most = 0;
    for (int c = 0; c < m->n_classes; c++) most = m->support[c] > most ? m->support[c] : most;
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)most);
    return train_text_width(text, 13, true);
}

static void format_subtitle(const train_metrics *m, char *text, size_t size) {
    char clips[32];
    snprintf(text, size, "%s clips · accuracy %.1f %% · balanced %.1f %%",
             base_thousands(m->n, clips), 100 * m->accuracy, 100 * m->balanced);
}

/* All room is measured, so that no name is cut. */
static void measure(layout *l) {
    const train_metrics *m = l->metrics;
    int k = m->n_classes;
    char subtitle[128];
    format_subtitle(m, subtitle, sizeof subtitle);
    for (int c = 0; c < k; c++) {
        l->name_w = fmax(l->name_w, train_text_width(l->classes[c], train_type_label.size, false));
    }
    l->cell_w = fmax(k > 16 ? 38 : 48, widest_count(m) + 14);
    if (k <= 10) l->cell_w = fmax(l->cell_w, fmin(l->name_w + 12, 72));
    l->cell_h = k > 16 ? 34 : 42;
    l->turned = l->name_w > l->cell_w - 8;
    double slant = sqrt(0.5);
    double names_h = l->turned ? l->name_w * slant + 12 : 22;
    double total_w = fmax(46, train_text_width("clips", train_type_small.size, false) + 16);
    l->left = TRAIN_PLOT_MARGIN + fmax(l->name_w, train_text_width("precision", 10, false)) + 10;
    l->top = TRAIN_PLOT_MARGIN + 38 + 26 + names_h;
    double right = l->left + k * l->cell_w + total_w;
    if (l->turned) right = fmax(right, l->left + (k - 0.5) * l->cell_w + l->name_w * slant + 8);
    double heading = fmax(train_text_width(l->title, train_type_title.size, true),
                          train_text_width(subtitle, train_type_small.size, false));
    l->width = ceil(fmax(right, TRAIN_PLOT_MARGIN + heading) + TRAIN_PLOT_MARGIN);
    l->height = ceil(l->top + k * l->cell_h + 24 + TRAIN_PLOT_MARGIN);
}

static void draw_heading(train_canvas *canvas, const layout *l) {
    char subtitle[128];
    format_subtitle(l->metrics, subtitle, sizeof subtitle);
    train_canvas_text(canvas, TRAIN_PLOT_MARGIN, TRAIN_PLOT_MARGIN + 11, &train_type_title,
                      l->title);
    train_canvas_text(canvas, TRAIN_PLOT_MARGIN, TRAIN_PLOT_MARGIN + 29, &train_type_small,
                      subtitle);
}

static void draw_names(train_canvas *canvas, const layout *l) {
    const train_type row = train_type_aligned(train_type_label, TRAIN_RIGHT);
    train_type column = train_type_aligned(train_type_label, TRAIN_CENTRE);
    if (l->turned) {
        column = train_type_label;
        column.turn = turn_degrees;
    }
    for (int c = 0; c < l->metrics->n_classes; c++) {
        double x = l->left + (c + 0.5) * l->cell_w, y = l->top + (c + 0.5) * l->cell_h;
        train_canvas_text(canvas, l->left - 10, y + 4, &row, l->classes[c]);
        train_canvas_text(canvas, x + (l->turned ? 2 : 0), l->top - 8, &column, l->classes[c]);
    }
    const train_type caption = train_type_aligned(train_type_small, TRAIN_RIGHT);
    train_canvas_text(canvas, l->left - 10, l->top - 8, &caption, "truth");
    train_canvas_text(canvas, l->left, TRAIN_PLOT_MARGIN + 38 + 20, &train_type_small,
                      "predicted as");
}

/* The count, below it its share of the row. */
static void draw_cell(train_canvas *canvas, const layout *l, int row, int column) {
    const train_metrics *m = l->metrics;
    int64_t count = m->confusion[row * m->n_classes + column];
    double x = l->left + column * l->cell_w, y = l->top + row * l->cell_h;
    double share = m->support[row] > 0 ? (double)count / (double)m->support[row] : 0;
    double t = 0.03 + 0.72 * share; /* the darkest blue that is not yet black */
    train_canvas_rect(canvas, (train_box){x, y, l->cell_w - GAP, l->cell_h - GAP},
                      count > 0 ? train_colour_map(t) : train_colour_faint(train_muted, 0.045));
    train_type type = {.size = 13, .align = TRAIN_CENTRE, .bold = row == column};
    type.colour = count > 0 ? train_colour_on_map(t) : train_colour_faint(train_muted, 0.7);
    double centre = x + (l->cell_w - GAP) / 2, middle = y + (l->cell_h - GAP) / 2;
    if (count == 0) {
        train_canvas_text(canvas, centre, middle + 4, &type, "·");
        return;
    }
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)count);
    train_canvas_text(canvas, centre, middle, &type, text);
    format_share(text, share);
    type.size = 9;
    type.bold = false;
    train_canvas_text(canvas, centre, middle + 13, &type, text);
}

/* Clips per class at the right, precision below. */
static void draw_margins(train_canvas *canvas, const layout *l) {
    const train_metrics *m = l->metrics;
    const train_type centre = train_type_aligned(train_type_small, TRAIN_CENTRE);
    const train_type right = train_type_aligned(train_type_small, TRAIN_RIGHT);
    double bottom = l->top + m->n_classes * l->cell_h + 15;
    double edge = l->left + m->n_classes * l->cell_w + 38;
    char text[32];
    for (int c = 0; c < m->n_classes; c++) {
        base_thousands(m->support[c], text);
        train_canvas_text(canvas, edge, l->top + (c + 0.5) * l->cell_h + 4, &right, text);
        format_share(text, m->precision[c]);
        train_canvas_text(canvas, l->left + (c + 0.5) * l->cell_w, bottom, &centre, text);
    }
    train_canvas_text(canvas, edge, bottom, &right, base_thousands(m->n, text));
    train_canvas_text(canvas, l->left - 10, bottom, &right, "precision");
    train_canvas_text(canvas, edge, l->top - 8, &right, "clips");
}

static void draw(train_canvas *canvas, const void *context) {
    const layout *l = context;
    int k = l->metrics->n_classes;
    draw_heading(canvas, l);
    draw_names(canvas, l);
    for (int row = 0; row < k; row++) {
        for (int column = 0; column < k; column++) draw_cell(canvas, l, row, column);
    }
    draw_margins(canvas, l);
}

base_status train_plot_confusion(const train_plot_matrix *matrix, const char *folder,
                                 const char *name, base_error *err) {
    layout l = {.metrics = matrix->metrics, .classes = matrix->classes, .title = matrix->title};
    measure(&l);
    const train_picture picture = {l.width, l.height, draw, &l};
    return train_picture_write(&picture, folder, name, err);
}
