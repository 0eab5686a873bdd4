#include "data/synth.h"

#include <math.h>

#include "base/file.h"
#include "base/rng.h"

#define RATE_HZ 44100.0
#define MAX_S   1.5

enum { KICK, SNARE, CLOSED_HAT, OPEN_HAT, CLAP, TOM, CYMBAL, COWBELL, RIM };
const char *const data_synth_classes[DATA_SYNTH_N_CLASSES] = {
    [KICK] = "kick",        [SNARE] = "snare",     [CLOSED_HAT] = "closedhat",
    [OPEN_HAT] = "openhat", [CLAP] = "clap",       [TOM] = "tom",
    [CYMBAL] = "cymbal",    [COWBELL] = "cowbell", [RIM] = "rim"};

/* A hit being made: parts are added into x[n]. */
typedef struct {
    float *x;
    int64_t n;
    base_rng rng;
} hit;

static double draw(hit *h, double lo, double hi) {
    return base_rng_range(&h->rng, lo, hi);
}

/* Uniform in the logarithm: for pitches and times. */
static double draw_log(hit *h, double lo, double hi) {
    return lo * exp(draw(h, 0.0, 1.0) * log(hi / lo));
}

static int64_t frames(double seconds) {
    return llround(seconds * RATE_HZ);
}

/* Two-pole filters of R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter
 * coefficients", direct form 1. */
typedef struct {
    double b0, b1, b2, a1, a2;
    double x1, x2, y1, y2;
} biquad;

typedef enum { LOW_PASS, HIGH_PASS, BAND_PASS } filter_kind;

static biquad design(filter_kind kind, double cut_hz, double q) {
    double w = 2 * M_PI * fmin(cut_hz, 0.45 * RATE_HZ) / RATE_HZ;
    double alpha = sin(w) / (2 * q), c = cos(w), a0 = 1 + alpha;
    double edge = kind == LOW_PASS ? (1 - c) / 2 : (1 + c) / 2;
    biquad f = {.a1 = -2 * c / a0, .a2 = (1 - alpha) / a0};
    f.b0 = (kind == BAND_PASS ? alpha : edge) / a0;
    f.b1 = (kind == BAND_PASS ? 0 : kind == LOW_PASS ? 2 * edge : -2 * edge) / a0;
    f.b2 = (kind == BAND_PASS ? -alpha : edge) / a0;
    return f;
}

static double filter(biquad *f, double x) {
    double y = f->b0 * x + f->b1 * f->x1 + f->b2 * f->x2 - f->a1 * f->y1 - f->a2 * f->y2;
    f->x2 = f->x1;
    f->x1 = x;
    f->y2 = f->y1;
    f->y1 = y;
    return y;
}

/* exp(-t / decay) after a linear rise of half a millisecond. */
static double envelope(int64_t i, double decay_s) {
    double t = (double)i / RATE_HZ;
    return fmin(t / 0.0005, 1.0) * exp(-t / decay_s);
}

/* A sine that glides from start_hz to end_hz with time constant glide_s: a struck membrane. */
typedef struct {
    double level, start_hz, end_hz, glide_s, decay_s;
} tone;

static void add_tone(hit *h, tone t) {
    double phase = 0;
    for (int64_t i = 0; i < h->n; i++) {
        double hz = t.end_hz + (t.start_hz - t.end_hz) * exp(-(double)i / RATE_HZ / t.glide_s);
        h->x[i] += (float)(t.level * envelope(i, t.decay_s) * sin(phase));
        phase += 2 * M_PI * hz / RATE_HZ;
        if (phase > 2 * M_PI) phase -= 2 * M_PI;
    }
}

/* Filtered white noise from `begin` on. */
typedef struct {
    double level;
    filter_kind kind;
    double cut_hz, q, decay_s;
    int64_t begin;
} noise;

static void add_noise(hit *h, noise p) {
    biquad f = design(p.kind, p.cut_hz, p.q);
    for (int64_t i = p.begin; i < h->n; i++) {
        double y = filter(&f, base_rng_range(&h->rng, -1.0, 1.0));
        h->x[i] += (float)(p.level * envelope(i - p.begin, p.decay_s) * y);
    }
}

/* Square waves of inharmonic pitches through a filter: the metal of analogue drum machines. */
typedef struct {
    double level;
    const double *ratio; /* [n_squares] to base_hz */
    int n_squares;
    double base_hz;
    filter_kind kind;
    double cut_hz, q, decay_s;
} metal;

static void add_metal(hit *h, metal m) {
    biquad f = design(m.kind, m.cut_hz, m.q);
    double phase[6];
    BASE_CHECK(m.n_squares <= 6);
    for (int k = 0; k < m.n_squares; k++) phase[k] = draw(h, 0.0, 1.0);
    for (int64_t i = 0; i < h->n; i++) {
        double sum = 0;
        for (int k = 0; k < m.n_squares; k++) {
            sum += phase[k] < 0.5 ? 1.0 : -1.0;
            phase[k] += m.base_hz * m.ratio[k] / RATE_HZ;
            phase[k] -= floor(phase[k]);
        }
        double y = filter(&f, sum / m.n_squares);
        h->x[i] += (float)(m.level * envelope(i, m.decay_s) * y);
    }
}

static void saturate(hit *h, double drive) {
    for (int64_t i = 0; i < h->n; i++) h->x[i] = (float)tanh(drive * h->x[i]);
}

/* In what follows every draw is a declaration of its own: the order of draws is part of the sound,
 * and C leaves the order within one expression open. */

static void make_kick(hit *h) {
    double hz = draw_log(h, 38, 75), start = draw_log(h, 2, 9);
    double glide_s = draw_log(h, 0.006, 0.05), decay_s = draw_log(h, 0.06, 0.45);
    double click = draw(h, 0, 0.6), click_hz = draw_log(h, 1500, 9000);
    double click_s = draw_log(h, 0.001, 0.012), drive = draw_log(h, 0.8, 6);
    add_tone(h, (tone){1.0, hz * start, hz, glide_s, decay_s});
    add_noise(h, (noise){click, LOW_PASS, click_hz, 0.7, click_s, 0});
    saturate(h, drive);
}

static void make_tom(hit *h) {
    const double second_mode = 1.594; /* of an ideal membrane */
    double hz = draw_log(h, 65, 260), start_hz = hz * draw_log(h, 1.05, 2.2);
    double glide_s = draw_log(h, 0.02, 0.12), decay_s = draw_log(h, 0.08, 0.5);
    double mode = draw(h, 0, 0.5), mode_s = decay_s * draw(h, 0.3, 0.8);
    double stroke = draw(h, 0.05, 0.6), stroke_hz = draw_log(h, 600, 5000);
    double stroke_s = draw_log(h, 0.004, 0.04), drive = draw_log(h, 0.7, 3);
    add_tone(h, (tone){1.0, start_hz, hz, glide_s, decay_s});
    add_tone(h, (tone){mode, start_hz * second_mode, hz * second_mode, glide_s, mode_s});
    add_noise(h, (noise){stroke, BAND_PASS, stroke_hz, 0.8, stroke_s, 0});
    saturate(h, drive);
}

static void make_snare(hit *h) {
    double hz = draw_log(h, 130, 290), start_hz = hz * draw(h, 1.0, 1.6);
    double body = draw(h, 0.15, 1.0), decay_s = draw_log(h, 0.03, 0.18);
    double mode = body * draw(h, 0.2, 0.8), mode_hz = hz * draw(h, 1.5, 1.9);
    double mode_s = decay_s * draw(h, 0.4, 0.9);
    double wires = draw(h, 0.4, 1.2), wires_hz = draw_log(h, 700, 4000);
    double wires_s = draw_log(h, 0.04, 0.28), drive = draw_log(h, 0.7, 4);
    add_tone(h, (tone){body, start_hz, hz, 0.015, decay_s});
    add_tone(h, (tone){mode, mode_hz * 1.1, mode_hz, 0.015, mode_s});
    add_noise(h, (noise){wires, HIGH_PASS, wires_hz, 0.7, wires_s, 0});
    saturate(h, drive);
}

/* Hats: the six squares of the TR-808's metal, and noise. */
static void make_hat(hit *h, double decay_s) {
    static const double ratio[] = {1.0, 1.304, 1.466, 1.787, 1.932, 2.536};
    double hz = draw_log(h, 230, 620), cut_hz = draw_log(h, 3500, 9000);
    double squares = draw(h, 0.3, 1.2), sizzle = draw(h, 0.1, 1.0);
    double sizzle_hz = cut_hz * draw(h, 0.7, 1.4), sizzle_s = decay_s * draw(h, 0.4, 1.2);
    add_metal(h, (metal){squares, ratio, 6, hz, HIGH_PASS, cut_hz, 0.9, decay_s});
    add_noise(h, (noise){sizzle, HIGH_PASS, sizzle_hz, 0.7, sizzle_s, 0});
}

static void make_closed_hat(hit *h) {
    make_hat(h, draw_log(h, 0.012, 0.09));
}

static void make_open_hat(hit *h) {
    make_hat(h, draw_log(h, 0.07, 0.5));
}

static void make_cymbal(hit *h) {
    static const double ratio[] = {1.0, 1.342, 1.523, 1.911, 2.217, 2.871};
    double hz = draw_log(h, 250, 700), decay_s = draw_log(h, 0.3, 1.2);
    double squares = draw(h, 0.2, 0.9), band_hz = draw_log(h, 2500, 6000);
    double wash = draw(h, 0.3, 1.0), wash_hz = draw_log(h, 2000, 7000);
    double wash_s = decay_s * draw(h, 0.5, 1.1), ping = draw(h, 0, 0.2);
    add_metal(h, (metal){squares, ratio, 6, hz, BAND_PASS, band_hz, 0.6, decay_s});
    add_noise(h, (noise){wash, HIGH_PASS, wash_hz, 0.7, wash_s, 0});
    add_tone(h, (tone){ping, hz * 3.1, hz * 3.1, 0.1, decay_s * 0.7});
}

/* Several hands a few milliseconds apart, then the room. */
static void make_clap(hit *h) {
    int64_t n_hands = 3 + base_rng_below(&h->rng, 3), at = 0;
    double cut_hz = draw_log(h, 800, 2200), q = draw_log(h, 0.7, 2.5);
    double room = draw(h, 0.3, 1.0), room_s = draw_log(h, 0.03, 0.2), drive = draw_log(h, 0.8, 3);
    for (int64_t k = 0; k < n_hands; k++) {
        double hand = draw(h, 0.6, 1.2), hand_hz = cut_hz * draw(h, 0.9, 1.1);
        double hand_s = draw_log(h, 0.002, 0.007);
        add_noise(h, (noise){hand, BAND_PASS, hand_hz, q, hand_s, at});
        at += frames(draw(h, 0.005, 0.014));
    }
    add_noise(h, (noise){room, BAND_PASS, cut_hz, q, room_s, at});
    saturate(h, drive);
}

/* Two squares near 540 and 800 Hz, as in the TR-808: the stroke, then the ringing. */
static void make_cowbell(hit *h) {
    double hz = draw_log(h, 400, 750), interval = 800.0 / 540.0 * draw(h, 0.94, 1.06);
    double band_hz = hz * draw(h, 1.3, 2.6), q = draw_log(h, 0.8, 3);
    double ringing = draw(h, 0.4, 0.9), decay_s = draw_log(h, 0.06, 0.35);
    const double ratio[] = {1.0, interval};
    add_metal(h, (metal){0.8, ratio, 2, hz, BAND_PASS, band_hz, q, 0.02});
    add_metal(h, (metal){ringing, ratio, 2, hz, BAND_PASS, band_hz, q, decay_s});
}

static void make_rim(hit *h) {
    double hz = draw_log(h, 380, 900), decay_s = draw_log(h, 0.006, 0.035);
    double mode = draw(h, 0.4, 1.0), mode_hz = hz * draw(h, 2.6, 3.4);
    double stroke = draw(h, 0.2, 0.9), stroke_hz = draw_log(h, 1200, 4000);
    double stroke_s = draw_log(h, 0.002, 0.015), drive = draw_log(h, 1, 4);
    add_tone(h, (tone){1.0, hz, hz, 0.01, decay_s});
    add_tone(h, (tone){mode, mode_hz, mode_hz, 0.01, decay_s * 0.6});
    add_noise(h, (noise){stroke, HIGH_PASS, stroke_hz, 0.8, stroke_s, 0});
    saturate(h, drive);
}

/* Scales the peak to a level below full scale and rounds the end off. */
static void finish(hit *h) {
    enum { N_FADE = 882 };
    float peak = 0;
    for (int64_t i = 0; i < h->n; i++) peak = fmaxf(peak, fabsf(h->x[i]));
    float level = (float)pow(10.0, draw(h, -18, -0.3) / 20);
    for (int64_t i = 0; i < h->n; i++) {
        float fade = h->n - i < N_FADE ? (float)(h->n - 1 - i) / N_FADE : 1.0f;
        h->x[i] *= fade * level / peak;
    }
}

base_status data_synth_hit(int class_index, int64_t number, uint64_t seed, data_audio *audio,
                           base_error *err) {
    static void (*const make[])(hit *) = {
        [KICK] = make_kick,         [SNARE] = make_snare,     [CLOSED_HAT] = make_closed_hat,
        [OPEN_HAT] = make_open_hat, [CLAP] = make_clap,       [TOM] = make_tom,
        [CYMBAL] = make_cymbal,     [COWBELL] = make_cowbell, [RIM] = make_rim};
    static const double longest_s[] = {
        [KICK] = 0.8, [SNARE] = 0.6,    [CLOSED_HAT] = 0.35, [OPEN_HAT] = 1.2, [CLAP] = 0.6,
        [TOM] = 1.0,  [CYMBAL] = MAX_S, [COWBELL] = 0.8,     [RIM] = 0.25};
    BASE_CHECK(class_index >= 0 && class_index < DATA_SYNTH_N_CLASSES);
    *audio = (data_audio){0};
    hit h = {.rng = base_rng_open(seed, BASE_RNG_SYNTH, (uint64_t)class_index, (uint64_t)number)};
    h.n = frames(longest_s[class_index] * draw(&h, 0.6, 1.0));
    h.x = base_alloc((size_t)h.n, sizeof *h.x);
    if (h.x == NULL) return base_fail(err, BASE_EMEMORY, "no memory for a synthesised hit");
    make[class_index](&h);
    finish(&h);
    *audio = (data_audio){h.x, 1, h.n, RATE_HZ};
    return BASE_OK;
}
