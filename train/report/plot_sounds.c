#include <math.h>

#include "dsp/mel.h"
#include "train/report/plot.h"
#include "train/report/plot_axes.h"

static const double axis_w = 34, wave_h = 44, mel_h = 110, space = 26;
#define TITLE_H  22.0
#define RANGE_DB 80.0F /* below the loudest point everything is white */

typedef struct {
    const train_plot_sound *sounds;
    int n_sounds, columns;
    double tile_w;        /* wide enough for every label */
    train_point *outline; /* [2 * OUTLINE] */
    float *level;         /* the largest mel picture, as levels 0 to 1 */
} gallery;

enum { OUTLINE = 240 }; /* columns of a waveform, about one per point */

static double tile_height(void) {
    return TITLE_H + wave_h + 6 + mel_h + 32;
}

/* The envelope: highest samples from left to right, then the lowest back. */
static void draw_wave(train_canvas *canvas, const gallery *g, const train_plot_sound *s, double x,
                      double y) {
    float peak = 1e-9F;
    for (int64_t i = 0; i < s->n; i++) peak = fmaxf(peak, fabsf(s->x[i]));
    for (int c = 0; c < OUTLINE; c++) {
        int64_t first = s->n * c / OUTLINE, last = s->n * (c + 1) / OUTLINE;
        float low = 0, high = 0;
        for (int64_t i = first; i < last; i++) {
            low = fminf(low, s->x[i]);
            high = fmaxf(high, s->x[i]);
        }
        double at = x + g->tile_w * (c + 0.5) / OUTLINE, scale = 0.5 * wave_h / (double)peak;
        double middle = y + 0.5 * wave_h;
        g->outline[c] = (train_point){at, middle - fmax((double)high * scale, 0.3)};
        g->outline[2 * OUTLINE - 1 - c] =
            (train_point){at, middle - fmin((double)low * scale, -0.3)};
    }
    train_canvas_area(canvas, g->outline, (int64_t)2 * OUTLINE, train_accent);
}

static void draw_mel(train_canvas *canvas, const gallery *g, const train_plot_sound *s, double x,
                     double y) {
    int64_t n = s->n_mels * s->n_frames;
    float top = -INFINITY;
    for (int64_t i = 0; i < n; i++) top = fmaxf(top, s->mel[i]);
    for (int64_t i = 0; i < n; i++) g->level[i] = fmaxf(1 + (s->mel[i] - top) / RANGE_DB, 0);
    train_canvas_raster(canvas,
                        &(train_raster){x, y, g->tile_w, mel_h, g->level, s->n_mels, s->n_frames});
}

static void draw_hertz(train_canvas *canvas, const train_plot_sound *s, double x, double y) {
    static const double ticks_hz[] = {50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000};
    static const char *const names[] = {"50", "100", "200", "500", "1k", "2k", "5k", "10k", "20k"};
    static const double apart = 9; /* numbers that stand closer would touch */
    const train_type type = train_type_aligned(train_type_small, TRAIN_RIGHT);
    const train_stroke tick = {.width = 0.75, .colour = train_muted};
    double top = dsp_hz_to_mel(s->fmax_hz, false), last = y + mel_h + apart;
    for (size_t i = 0; i < sizeof ticks_hz / sizeof *ticks_hz; i++) {
        if (ticks_hz[i] > s->fmax_hz * 0.999) break;
        double at = y + mel_h * (1 - dsp_hz_to_mel(ticks_hz[i], false) / top);
        if (last - at < apart) continue;
        last = at;
        train_canvas_segment(canvas, (train_point){x - 4, at}, (train_point){x - 1, at}, &tick);
        train_canvas_text(canvas, x - 6, at + 3.5, &type, names[i]);
    }
}

static void draw_sound(train_canvas *canvas, const gallery *g, const train_plot_sound *s, double x,
                       double y) {
    const train_stroke frame = {.width = 0.75, .colour = train_hairline};
    train_type label = train_type_label;
    label.bold = true;
    train_canvas_text(canvas, x, y + 12, &label, s->label);
    draw_wave(canvas, g, s, x, y + TITLE_H);
    double mel_y = y + TITLE_H + wave_h + 6, base = mel_y + mel_h;
    draw_mel(canvas, g, s, x, mel_y);
    const train_point corners[] = {
        {x, mel_y}, {x + g->tile_w, mel_y}, {x + g->tile_w, base}, {x, base}, {x, mel_y}};
    train_canvas_line(canvas, corners, 5, &frame);
    draw_hertz(canvas, s, x, mel_y);
    const train_axes axes = {x, mel_y, g->tile_w, mel_h, 0, (double)s->n / s->sample_rate_hz, 0, 1};
    train_axes_columns(canvas, &axes, &(train_numbers){.wanted = 4, .scale = 1, .caption = ""});
}

static void draw(train_canvas *canvas, const void *context) {
    const gallery *g = context;
    for (int i = 0; i < g->n_sounds; i++) {
        int column = i % g->columns, row = i / g->columns;
        draw_sound(canvas, g, &g->sounds[i],
                   TRAIN_PLOT_MARGIN + axis_w + column * (axis_w + g->tile_w + space),
                   TRAIN_PLOT_MARGIN + 20 + row * tile_height());
    }
    train_canvas_text(canvas, TRAIN_PLOT_MARGIN, TRAIN_PLOT_MARGIN + 8, &train_type_small,
                      "waveform and mel picture · across seconds, upwards hertz · dark is loud");
}

base_status train_plot_sounds(const train_plot_sound *sounds, int n_sounds, const char *folder,
                              const char *name, base_error *err) {
    gallery g = {.sounds = sounds,
                 .n_sounds = n_sounds,
                 .columns = n_sounds < 3 ? n_sounds : 3,
                 .tile_w = 210};
    int64_t most = 1;
    for (int i = 0; i < n_sounds; i++) {
        int64_t n = sounds[i].n_mels * sounds[i].n_frames;
        most = n > most ? n : most;
        g.tile_w = fmax(g.tile_w, train_text_width(sounds[i].label, train_type_label.size, true));
    }
    g.columns = g.columns > 0 ? g.columns : 1;
    g.outline = base_alloc((size_t)2 * OUTLINE, sizeof *g.outline);
    g.level = base_alloc((size_t)most, sizeof *g.level);
    int rows = (n_sounds + g.columns - 1) / g.columns;
    const train_picture picture = {
        2 * TRAIN_PLOT_MARGIN + g.columns * (axis_w + g.tile_w + space) - space,
        2 * TRAIN_PLOT_MARGIN + 20 + rows * tile_height() - 10, draw, &g};
    base_status status = g.outline != NULL && g.level != NULL
                             ? train_picture_write(&picture, folder, name, err)
                             : base_fail(err, BASE_EMEMORY, "%s: out of memory", name);
    base_free(g.outline);
    base_free(g.level);
    return status;
}
