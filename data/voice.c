#include "data/voice.h"

#include <math.h>

#define RATE_HZ DATA_VOICE_RATE_HZ

double data_voice_draw(data_voice *v, double lo, double hi) {
    return base_rng_range(&v->rng, lo, hi);
}

double data_voice_draw_log(data_voice *v, double lo, double hi) {
    return lo * exp(data_voice_draw(v, 0.0, 1.0) * log(hi / lo));
}

bool data_voice_happens(data_voice *v, double p) {
    return data_voice_draw(v, 0, 1) < p;
}

int64_t data_voice_frames(double seconds) {
    return llround(seconds * RATE_HZ);
}

data_voice_filter data_voice_design(data_voice_pass pass, double cut_hz, double q) {
    double w = 2 * M_PI * fmin(cut_hz, 0.45 * RATE_HZ) / RATE_HZ;
    double alpha = sin(w) / (2 * q), c = cos(w), a0 = 1 + alpha;
    double edge = pass == DATA_VOICE_LOW_PASS ? (1 - c) / 2 : (1 + c) / 2;
    data_voice_filter f = {.a1 = -2 * c / a0, .a2 = (1 - alpha) / a0};
    f.b0 = (pass == DATA_VOICE_BAND_PASS ? alpha : edge) / a0;
    f.b1 = (pass == DATA_VOICE_BAND_PASS  ? 0
            : pass == DATA_VOICE_LOW_PASS ? 2 * edge
                                          : -2 * edge) /
           a0;
    f.b2 = (pass == DATA_VOICE_BAND_PASS ? -alpha : edge) / a0;
    return f;
}

data_voice_filter data_voice_design_peak(double hz, double q, double gain_db) {
    double w = 2 * M_PI * fmin(hz, 0.45 * RATE_HZ) / RATE_HZ, a = pow(10, gain_db / 40);
    double alpha = sin(w) / (2 * q), a0 = 1 + alpha / a;
    return (data_voice_filter){.b0 = (1 + alpha * a) / a0,
                               .b1 = -2 * cos(w) / a0,
                               .b2 = (1 - alpha * a) / a0,
                               .a1 = -2 * cos(w) / a0,
                               .a2 = (1 - alpha / a) / a0};
}

double data_voice_filter_next(data_voice_filter *f, double x) {
    double y = f->b0 * x + f->b1 * f->x1 + f->b2 * f->x2 - f->a1 * f->y1 - f->a2 * f->y2;
    f->x2 = f->x1;
    f->x1 = x;
    f->y2 = f->y1;
    f->y1 = y;
    return y;
}

void data_voice_filter_all(data_voice *v, data_voice_filter f) {
    for (int64_t i = 0; i < v->n; i++) v->x[i] = (float)data_voice_filter_next(&f, v->x[i]);
}

/* exp(-t / decay) after a linear rise. */
static double envelope_after(int64_t i, double rise_s, double decay_s) {
    double t = (double)i / RATE_HZ;
    return fmin(t / rise_s, 1.0) * exp(-t / decay_s);
}

double data_voice_envelope(int64_t i, double decay_s) {
    return envelope_after(i, 0.0005, decay_s);
}

void data_voice_add_tone(data_voice *v, data_voice_tone t) {
    double phase = 0;
    for (int64_t i = 0; i < v->n; i++) {
        double hz = t.end_hz + (t.start_hz - t.end_hz) * exp(-(double)i / RATE_HZ / t.glide_s);
        v->x[i] += (float)(t.level * data_voice_envelope(i, t.decay_s) * sin(phase));
        phase += 2 * M_PI * hz / RATE_HZ;
        if (phase > 2 * M_PI) phase -= 2 * M_PI;
    }
}

void data_voice_add_fm(data_voice *v, data_voice_fm p) {
    double carrier = 0, modulator = 0;
    for (int64_t i = 0; i < v->n; i++) {
        double t = (double)i / RATE_HZ;
        double hz = p.end_hz + (p.start_hz - p.end_hz) * exp(-t / p.glide_s);
        double index = p.index * exp(-t / p.index_s);
        v->x[i] += (float)(p.level * data_voice_envelope(i, p.decay_s) *
                           sin(carrier + index * sin(modulator)));
        carrier = fmod(carrier + 2 * M_PI * hz / RATE_HZ, 2 * M_PI);
        modulator = fmod(modulator + 2 * M_PI * hz * p.ratio / RATE_HZ, 2 * M_PI);
    }
}

void data_voice_add_noise(data_voice *v, data_voice_noise p) {
    data_voice_filter f = data_voice_design(p.pass, p.cut_hz, p.q);
    double rise_s = p.rise_s > 0 ? p.rise_s : 0.0005;
    for (int64_t i = p.begin; i < v->n; i++) {
        double y = data_voice_filter_next(&f, base_rng_range(&v->rng, -1.0, 1.0));
        v->x[i] += (float)(p.level * envelope_after(i - p.begin, rise_s, p.decay_s) * y);
    }
}

void data_voice_add_metal(data_voice *v, data_voice_metal m) {
    data_voice_filter f = data_voice_design(m.pass, m.cut_hz, m.q);
    double phase[DATA_VOICE_MAX_SQUARES];
    BASE_CHECK(m.n_squares <= DATA_VOICE_MAX_SQUARES);
    for (int k = 0; k < m.n_squares; k++) phase[k] = data_voice_draw(v, 0.0, 1.0);
    for (int64_t i = 0; i < v->n; i++) {
        double sum = 0;
        for (int k = 0; k < m.n_squares; k++) {
            sum += phase[k] < 0.5 ? 1.0 : -1.0;
            phase[k] += m.base_hz * m.ratio[k] / RATE_HZ;
            phase[k] -= floor(phase[k]);
        }
        double y = data_voice_filter_next(&f, sum / m.n_squares);
        v->x[i] += (float)(m.level * data_voice_envelope(i, m.decay_s) * y);
    }
}

/* y[i] = level r^i sin(w i + phase) by its recurrence. */
void data_voice_add_mode(data_voice *v, data_voice_mode m) {
    double phase = data_voice_draw(v, 0, 2 * M_PI);
    if (m.hz >= 0.45 * RATE_HZ) return;
    double w = 2 * M_PI * m.hz / RATE_HZ, r = exp(-1 / (m.decay_s * RATE_HZ));
    double a1 = 2 * r * cos(w), a2 = -r * r;
    double y1 = m.level * sin(phase - w) / r, y2 = m.level * sin(phase - 2 * w) / (r * r);
    for (int64_t i = m.begin; i < v->n; i++) {
        double y = a1 * y1 + a2 * y2;
        y2 = y1;
        y1 = y;
        double rise = i - m.begin < 22 ? (double)(i - m.begin) / 22 : 1;
        v->x[i] += (float)(rise * y);
    }
}

void data_voice_add_modes(data_voice *v, data_voice_modes m) {
    double scale = m.level / sqrt(m.n);
    for (int k = 0; k < m.n; k++) {
        double hz = data_voice_draw_log(v, m.low_hz, m.high_hz),
               level = pow(10, data_voice_draw(v, -m.spread, 0));
        double decay_s = m.decay_s * pow(hz / m.low_hz, -m.damping) * data_voice_draw(v, 0.6, 1.5);
        data_voice_add_mode(v, (data_voice_mode){scale * level, hz, decay_s, m.begin});
    }
}

const double data_voice_membrane[DATA_VOICE_N_MEMBRANE] = {1.0,   1.594, 2.136, 2.296,
                                                           2.653, 2.918, 3.156, 3.501};

void data_voice_add_membrane(data_voice *v, double level, double hz, double decay_s) {
    for (int k = 1; k < DATA_VOICE_N_MEMBRANE; k++) {
        double ratio = data_voice_membrane[k] * data_voice_draw(v, 0.96, 1.06),
               share = data_voice_draw(v, 0.1, 1.0);
        double mode_s = decay_s * data_voice_draw(v, 0.3, 0.9) / sqrt(ratio);
        data_voice_add_mode(v, (data_voice_mode){level * share / k, hz * ratio, mode_s, 0});
    }
}

void data_voice_saturate(data_voice *v, double drive) {
    for (int64_t i = 0; i < v->n; i++) v->x[i] = (float)tanh(drive * v->x[i]);
}

void data_voice_crush(data_voice *v, int64_t hold, double bits) {
    double steps = pow(2, bits - 1), kept = 0;
    for (int64_t i = 0; i < v->n; i++) {
        if (i % hold == 0) kept = round(v->x[i] * steps) / steps;
        v->x[i] = (float)kept;
    }
}

void data_voice_add_room(data_voice *v, double level, double seconds) {
    enum { N_TAPS = 24 };
    for (int k = 0; k < N_TAPS; k++) {
        double at_s = data_voice_draw_log(v, 0.003, seconds),
               sign = data_voice_happens(v, 0.5) ? 1 : -1;
        int64_t delay = data_voice_frames(at_s);
        float gain = (float)(level * sign * exp(-3 * at_s / seconds) / sqrt(N_TAPS));
        for (int64_t i = v->n - 1; i >= delay; i--) v->x[i] += gain * v->x[i - delay];
    }
}

void data_voice_normalize(data_voice *v) {
    float peak = 1e-9f;
    for (int64_t i = 0; i < v->n; i++) peak = fmaxf(peak, fabsf(v->x[i]));
    for (int64_t i = 0; i < v->n; i++) v->x[i] /= peak;
}

void data_voice_colour(data_voice *v) {
    bool sampled = data_voice_happens(v, 0.3), equalised = data_voice_happens(v, 0.5),
         roomy = data_voice_happens(v, 0.35);
    double bits = data_voice_draw(v, 7, 13);
    int64_t hold = 1 + base_rng_below(&v->rng, 3);
    double hz = data_voice_draw_log(v, 80, 10000), q = data_voice_draw_log(v, 0.4, 2),
           gain_db = data_voice_draw(v, -9, 9);
    double room = data_voice_draw(v, 0.1, 0.7), room_s = data_voice_draw_log(v, 0.03, 0.3);
    data_voice_normalize(v);
    if (equalised) data_voice_filter_all(v, data_voice_design_peak(hz, q, gain_db));
    if (roomy) data_voice_add_room(v, room, room_s);
    data_voice_normalize(v);
    if (sampled) data_voice_crush(v, hold, bits);
}

void data_voice_finish(data_voice *v) {
    enum { N_FADE = 882 };
    float level = (float)pow(10.0, data_voice_draw(v, -18, -0.3) / 20);
    data_voice_normalize(v);
    for (int64_t i = 0; i < v->n; i++) {
        float fade = v->n - i < N_FADE ? (float)(v->n - 1 - i) / N_FADE : 1.0f;
        v->x[i] *= fade * level;
    }
}
