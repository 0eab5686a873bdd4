#include <math.h>

#include "train/report/plot.h"
#include "train/report/plot_axes.h"

static const double width = 960, wave_h = 44, side_w = 16, label_h = 24, line_h = 11, axis_h = 22,
                    title_h = 26;
enum { MOST_ROWS = 60, COLUMNS = 960 };
#define ROW_S 5.0

typedef struct {
    const train_plot_slicing *cut;
    double row_s, seconds;
    int n_rows;
    train_point *outline; /* [2 * COLUMNS] */
} sheet;

static double row_height(void) {
    return label_h + wave_h + axis_h;
}

/* The loudest level of frames that begin in [from_s, to_s). */
static double level_in(const train_plot_slicing *cut, double from_s, double to_s) {
    int64_t begin = llround(from_s * cut->levels_hz), end = llround(to_s * cut->levels_hz);
    float most = 0;
    if (end <= begin) end = begin + 1;
    if (end > cut->n_levels) end = cut->n_levels;
    for (int64_t i = begin < 0 ? 0 : begin; i < end; i++) most = fmaxf(most, cut->level[i]);
    return fmin((double)most, 1);
}

/* The waveform's outline from second `from` to `to`, both within the row. */
static void draw_wave(train_canvas *canvas, const sheet *s, const train_axes *axes, double from_s,
                      double to_s, train_colour colour) {
    int n = (int)ceil(train_axes_x(axes, to_s) - train_axes_x(axes, from_s));
    if (n < 2) n = 2;
    if (n > COLUMNS) n = COLUMNS;
    for (int c = 0; c < n; c++) {
        double at_s = from_s + (to_s - from_s) * c / (n - 1), step_s = (to_s - from_s) / n;
        double half = fmax(level_in(s->cut, at_s, at_s + step_s) * wave_h / 2, 0.3);
        double x = train_axes_x(axes, at_s), middle = axes->y + wave_h / 2;
        s->outline[c] = (train_point){x, middle - half};
        s->outline[2 * n - 1 - c] = (train_point){x, middle + half};
    }
    train_canvas_area(canvas, s->outline, (int64_t)2 * n, colour);
}

/* What of a slice lies in the row. Names stand on two lines in turn, and are left out where they
 * would run into the next one on their line. */
static void draw_slice(train_canvas *canvas, const sheet *s, const train_axes *axes, int64_t i) {
    const train_plot_slice *slice = &s->cut->slices[i];
    const train_stroke stroke = {.width = 0.75, .colour = train_muted};
    double low = axes->x_low, high = fmin(axes->x_high, s->seconds);
    if (slice->end_s <= low || slice->begin_s >= high) return;
    draw_wave(canvas, s, axes, fmax(slice->begin_s, low), fmin(slice->end_s, high), train_accent);
    if (slice->begin_s < low) return;
    double x = train_axes_x(axes, slice->begin_s), room = axes->x + axes->width - x;
    double line = i % 2 == 0 ? 0 : line_h;
    if (i + 2 < s->cut->n_slices && slice[2].begin_s < high) {
        room = train_axes_x(axes, slice[2].begin_s) - x;
    }
    train_canvas_segment(canvas, (train_point){x, axes->y - 3 - line},
                         (train_point){x, axes->y + wave_h}, &stroke);
    if (train_text_width(slice->label, train_type_small.size, false) + 3 > room) return;
    train_canvas_text(canvas, x + 2, axes->y - 4 - line, &train_type_small, slice->label);
}

static void draw(train_canvas *canvas, const void *context) {
    const sheet *s = context;
    train_canvas_text(canvas, side_w, TRAIN_PLOT_MARGIN + 11, &train_type_title, s->cut->title);
    for (int r = 0; r < s->n_rows; r++) {
        double top = TRAIN_PLOT_MARGIN + title_h + r * row_height() + label_h;
        double from_s = r * s->row_s;
        const train_axes axes = {side_w, top, width, wave_h, from_s, from_s + s->row_s, -1, 1};
        draw_wave(canvas, s, &axes, from_s, fmin(from_s + s->row_s, s->seconds), train_hairline);
        for (int64_t i = 0; i < s->cut->n_slices; i++) draw_slice(canvas, s, &axes, i);
        train_axes_columns(
            canvas, &axes,
            &(train_numbers){.wanted = 10, .scale = 1, .caption = r == 0 ? "s" : ""});
    }
}

base_status train_plot_slices(const train_plot_slicing *cut, const char *folder, const char *name,
                              base_error *err) {
    sheet s = {.cut = cut, .seconds = (double)cut->n_levels / cut->levels_hz};
    s.row_s = fmax(ROW_S, ceil(s.seconds / MOST_ROWS));
    s.n_rows = (int)fmax(1, ceil(s.seconds / s.row_s));
    if (s.n_rows == 1) s.row_s = fmax(s.seconds, 0.01);
    s.outline = base_alloc((size_t)2 * COLUMNS, sizeof *s.outline);
    if (s.outline == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", name);
    const train_picture picture = {
        2 * side_w + width, 2 * TRAIN_PLOT_MARGIN + title_h + s.n_rows * row_height(), draw, &s};
    base_status status = train_picture_write(&picture, folder, name, err);
    base_free(s.outline);
    return status;
}
