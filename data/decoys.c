#include "data/decoys.h"

#include <math.h>

#include "base/arena.h"
#include "data/voice.h"

#define RATE_HZ DATA_VOICE_RATE_HZ

enum { TONE, CHORD, SWEEP, NOISE, HUM, CLICKS, SPEECH, PLUCK, BELL, MUSIC };
const char *const data_decoys_kinds[DATA_DECOYS_N_KINDS] = {
    [TONE] = "tone", [CHORD] = "chord",   [SWEEP] = "sweep",   [NOISE] = "noise",
    [HUM] = "hum",   [CLICKS] = "clicks", [SPEECH] = "speech", [PLUCK] = "pluck",
    [BELL] = "bell", [MUSIC] = "music"};

/* Rises, holds and falls in straight lines; 0 outside. */
typedef struct {
    double begin_s, rise_s, hold_s, fall_s;
} shape;

static double shape_at(const shape *s, int64_t i) {
    double t = (double)i / RATE_HZ - s->begin_s;
    if (t < 0) return 0;
    if (t < s->rise_s) return t / s->rise_s;
    return fmax(0, 1 - fmax(0, t - s->rise_s - s->hold_s) / s->fall_s);
}

static shape draw_shape(data_voice *v, double begin_s) {
    double whole_s = (double)v->n / RATE_HZ - begin_s;
    double rise_s = data_voice_draw_log(v, 0.002, 0.3), fall_s = data_voice_draw_log(v, 0.02, 0.5);
    double hold_s = whole_s * data_voice_draw(v, 0.3, 1.0);
    return (shape){begin_s, rise_s, hold_s, fall_s};
}

enum { SINE, TRIANGLE, SAW, SQUARE, N_FORMS };

static double wave(double phase, int form) {
    switch (form) {
    case SINE:
        return sin(2 * M_PI * phase);
    case TRIANGLE:
        return 1 - 4 * fabs(phase - 0.5);
    case SAW:
        return 2 * phase - 1;
    default:
        return phase < 0.5 ? 1 : -1;
    }
}

/* A wave between two pitches, with vibrato. */
typedef struct {
    double level, start_hz, end_hz;
    int form;
    double vibrato, vibrato_hz; /* relative depth */
    shape shape;
} steady;

static void add_steady(data_voice *v, steady w) {
    double phase = 0, glide = log(w.end_hz / w.start_hz) / (double)v->n;
    for (int64_t i = 0; i < v->n; i++) {
        double t = (double)i / RATE_HZ, swing = sin(2 * M_PI * w.vibrato_hz * t);
        v->x[i] += (float)(w.level * shape_at(&w.shape, i) * wave(phase, w.form));
        phase += w.start_hz * exp(glide * (double)i) * (1 + w.vibrato * swing) / RATE_HZ;
        phase -= floor(phase);
    }
}

/* Sometimes a low-pass, as a synthesiser's. */
static void darken(data_voice *v) {
    bool dark = data_voice_happens(v, 0.5);
    double cut_hz = data_voice_draw_log(v, 300, 8000), q = data_voice_draw_log(v, 0.6, 4);
    if (dark) data_voice_filter_all(v, data_voice_design(DATA_VOICE_LOW_PASS, cut_hz, q));
}

static void make_tone(data_voice *v) {
    double hz = data_voice_draw_log(v, 40, 8000), vibrato_hz = data_voice_draw(v, 3, 9);
    double vibrato = data_voice_happens(v, 0.3) ? data_voice_draw(v, 0, 0.03) : 0;
    int form = (int)base_rng_below(&v->rng, N_FORMS);
    shape s = draw_shape(v, 0);
    add_steady(v, (steady){1, hz, hz, form, vibrato, vibrato_hz, s});
    darken(v);
}

static void make_chord(data_voice *v) {
    int64_t n_notes = 2 + base_rng_below(&v->rng, 4);
    int form = (int)base_rng_below(&v->rng, N_FORMS);
    double hz = data_voice_draw_log(v, 60, 900);
    shape s = draw_shape(v, 0);
    for (int64_t k = 0; k < n_notes; k++) {
        double semitones = (double)(k * 3 + base_rng_below(&v->rng, 3));
        double detune = data_voice_draw(v, 0.995, 1.005), note_hz = hz * pow(2, semitones / 12);
        add_steady(v, (steady){0.5, note_hz * detune, note_hz * detune, form, 0, 0, s});
    }
    darken(v);
}

static void make_sweep(data_voice *v) {
    double from_hz = data_voice_draw_log(v, 40, 10000), to_hz = data_voice_draw_log(v, 40, 10000);
    int form = (int)base_rng_below(&v->rng, N_FORMS);
    shape s = draw_shape(v, 0);
    add_steady(v, (steady){1, from_hz, to_hz, form, 0, 0, s});
}

/* Long noise: wind, rain, applause, a tape. */
static void make_noise(data_voice *v) {
    data_voice_pass pass = (data_voice_pass)base_rng_below(&v->rng, 3);
    double cut_hz = data_voice_draw_log(v, 80, 9000), q = data_voice_draw_log(v, 0.5, 8);
    double beat_hz = data_voice_draw_log(v, 0.5, 20);
    double beat = data_voice_happens(v, 0.4) ? data_voice_draw(v, 0, 1) : 0;
    data_voice_filter f = data_voice_design(pass, cut_hz, q);
    bool plain = data_voice_happens(v, 0.3);
    shape s = draw_shape(v, 0);
    if (data_voice_happens(v, 0.5)) s.rise_s = data_voice_draw(v, 0.1, 0.6);
    for (int64_t i = 0; i < v->n; i++) {
        double x = data_voice_draw(v, -1, 1), y = data_voice_filter_next(&f, x);
        double level = 1 - beat * (0.5 + 0.5 * sin(2 * M_PI * beat_hz * (double)i / RATE_HZ));
        v->x[i] += (float)(shape_at(&s, i) * level * (plain ? x : y));
    }
}

static void make_hum(data_voice *v) {
    double hz = data_voice_happens(v, 0.5) ? 50 : 60, hiss = data_voice_draw_log(v, 0.001, 0.3);
    shape s = {0, 0.005, (double)v->n / RATE_HZ, 0.1};
    for (int k = 1; k <= 8; k++) {
        double level = data_voice_draw(v, 0, 1) / k;
        add_steady(v, (steady){level, hz * k, hz * k, SINE, 0, 0, s});
    }
    for (int64_t i = 0; i < v->n; i++) v->x[i] += (float)(hiss * data_voice_draw(v, -1, 1));
}

/* Impulses of a few samples: of a bad cable, a record, a switch, a clock. */
static void make_clicks(data_voice *v) {
    int64_t n_clicks = data_voice_happens(v, 0.4) ? 1 : 2 + base_rng_below(&v->rng, 30);
    bool even = data_voice_happens(v, 0.5);
    int64_t width = 1 + base_rng_below(&v->rng, 12), step = v->n / n_clicks;
    for (int64_t k = 0; k < n_clicks; k++) {
        int64_t at = even ? k * step : base_rng_below(&v->rng, v->n - width);
        double level = even ? 1 : data_voice_draw(v, -1, 1);
        for (int64_t i = at; i < at + width && i < v->n; i++) v->x[i] += (float)level;
    }
}

/* One syllable: a glottal buzz, or breath, through two formants that glide and a third. */
static void add_syllable(data_voice *v, double pitch_hz, shape s, bool breath) {
    double from1 = data_voice_draw_log(v, 250, 900), to1 = data_voice_draw_log(v, 250, 900);
    double from2 = data_voice_draw_log(v, 800, 2600), to2 = data_voice_draw_log(v, 800, 2600);
    double bend = data_voice_draw(v, -0.25, 0.25), phase = 0, past1[2] = {0}, past2[2] = {0};
    int64_t begin = data_voice_frames(s.begin_s);
    double span = (s.rise_s + s.hold_s + s.fall_s) * RATE_HZ;
    for (int64_t i = begin; i < v->n && (double)(i - begin) < span; i++) {
        double share = (double)(i - begin) / span, flutter = data_voice_draw(v, -1, 1), y[2];
        double hz[2] = {from1 + share * (to1 - from1), from2 + share * (to2 - from2)};
        double *past[2] = {past1, past2};
        phase += pitch_hz * (1 + bend * share + 0.01 * flutter) / RATE_HZ;
        double buzz = phase >= 1 ? 1 : 0;
        phase -= floor(phase);
        double in = breath ? 0.2 * flutter : buzz + 0.005 * flutter;
        for (int k = 0; k < 2; k++) { /* resonances of 80 and 120 Hz width */
            double r = exp(-M_PI * (80 + 40 * k) / RATE_HZ);
            y[k] = in + 2 * r * cos(2 * M_PI * hz[k] / RATE_HZ) * past[k][0] - r * r * past[k][1];
            past[k][1] = past[k][0];
            past[k][0] = y[k];
        }
        v->x[i] += (float)(shape_at(&s, i) * (y[0] + 0.6 * y[1]));
    }
}

static void make_speech(data_voice *v) {
    double pitch_hz = data_voice_draw_log(v, 80, 320), at_s = 0, end_s = (double)v->n / RATE_HZ;
    bool whispers = data_voice_happens(v, 0.15);
    while (at_s < end_s) {
        double hiss = data_voice_happens(v, 0.6) ? data_voice_draw(v, 0.2, 1.5) : 0;
        double hiss_hz = data_voice_draw_log(v, 1500, 7000),
               hiss_s = data_voice_draw(v, 0.01, 0.09);
        double rise_s = data_voice_draw(v, 0.01, 0.06), hold_s = data_voice_draw(v, 0.03, 0.25);
        double fall_s = data_voice_draw(v, 0.02, 0.1), gap_s = data_voice_draw(v, 0, 0.08);
        double step = pow(2, data_voice_draw(v, -0.3, 0.3));
        shape s = {at_s + hiss_s, rise_s, hold_s, fall_s};
        data_voice_add_noise(v,
                             (data_voice_noise){hiss * 4, DATA_VOICE_BAND_PASS, hiss_hz, 1.2,
                                                hiss_s / 2, data_voice_frames(at_s), hiss_s / 3});
        add_syllable(v, pitch_hz * step, s, whispers);
        at_s += hiss_s + rise_s + hold_s + fall_s + gap_s;
    }
}

enum { MAX_PERIOD = 2048 };

/* Noise going round a delay of one period, made darker each time. */
static void add_pluck(data_voice *v, double hz, double begin_s, double level) {
    double line[MAX_PERIOD];
    int64_t period = llround(fmin(MAX_PERIOD, RATE_HZ / hz)), begin = data_voice_frames(begin_s);
    double kept = data_voice_draw(v, 0.985, 0.9995), soft = data_voice_draw(v, 0.3, 0.5);
    for (int64_t k = 0; k < period; k++) line[k] = data_voice_draw(v, -1, 1);
    for (int64_t i = begin; i < v->n; i++) {
        double *now = &line[(i - begin) % period], next = line[(i - begin + 1) % period];
        v->x[i] += (float)(level * *now);
        *now = kept * ((1 - soft) * *now + soft * next);
    }
}

static void make_pluck(data_voice *v) {
    double hz = data_voice_draw_log(v, 45, 900), apart_s = data_voice_draw(v, 0, 0.06);
    int64_t n_strings = data_voice_happens(v, 0.5) ? 1 : 2 + base_rng_below(&v->rng, 5);
    for (int64_t k = 0; k < n_strings; k++) {
        double semitones = (double)(k * 4 + base_rng_below(&v->rng, 3));
        add_pluck(v, hz * pow(2, semitones / 12), apart_s * (double)k, 0.5);
    }
}

/* Bells, electric pianos, brass: two operators whose index lasts. */
static void make_bell(data_voice *v) {
    double hz = data_voice_draw_log(v, 100, 1500), ratio = data_voice_draw(v, 0.5, 7);
    double index = data_voice_draw_log(v, 0.2, 6), decay_s = data_voice_draw_log(v, 0.4, 3);
    double index_s = decay_s * data_voice_draw(v, 0.3, 2);
    if (data_voice_happens(v, 0.5)) ratio = round(fmax(1, ratio));
    data_voice_add_fm(v, (data_voice_fm){1, hz, hz, 1, decay_s, ratio, index, index_s});
}

static void (*const make[])(data_voice *) = {
    [TONE] = make_tone,     [CHORD] = make_chord, [SWEEP] = make_sweep,
    [NOISE] = make_noise,   [HUM] = make_hum,     [CLICKS] = make_clicks,
    [SPEECH] = make_speech, [PLUCK] = make_pluck, [BELL] = make_bell};

/* Two to four of the other kinds, each at its level. */
static void make_music(data_voice *v) {
    int64_t n_layers = 2 + base_rng_below(&v->rng, 3);
    data_voice layer = {.n = v->n, .rng = v->rng};
    layer.x = base_alloc((size_t)v->n, sizeof *layer.x);
    if (layer.x == NULL) return;
    for (int64_t k = 0; k < n_layers; k++) {
        double level = data_voice_draw_log(&layer, 0.2, 1);
        make[base_rng_below(&layer.rng, MUSIC)](&layer);
        data_voice_normalize(&layer);
        for (int64_t i = 0; i < v->n; i++) {
            v->x[i] += (float)level * layer.x[i];
            layer.x[i] = 0;
        }
    }
    v->rng = layer.rng;
    base_free(layer.x);
}

base_status data_decoys_make(int kind, int64_t number, uint64_t seed, data_audio *audio,
                             base_error *err) {
    BASE_CHECK(kind >= 0 && kind < DATA_DECOYS_N_KINDS);
    *audio = (data_audio){0};
    data_voice v = {.rng = base_rng_open(seed, BASE_RNG_DECOY, (uint64_t)kind, (uint64_t)number)};
    v.n = data_voice_frames(data_voice_draw_log(&v, 0.3, 2.0));
    v.x = base_alloc((size_t)v.n, sizeof *v.x);
    if (v.x == NULL) return base_fail(err, BASE_EMEMORY, "no memory for a synthesised sound");
    (kind == MUSIC ? make_music : make[kind])(&v);
    data_voice_colour(&v);
    data_voice_finish(&v);
    *audio = (data_audio){v.x, 1, v.n, RATE_HZ};
    return BASE_OK;
}
