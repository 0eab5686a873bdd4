#include "data/drumsynth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"

#define RATE_HZ 44100.0

enum { MAX_POINTS = 32, MAX_SAMPLES = 6 * 44100, FULL_SCALE = 32768, CLIPPED = 32700 };

/* ---- the text ---- */

typedef struct {
    const char *text;
    size_t n_bytes;
} preset;

/* The line [*line, *end) after `at`; false at the end of the text. */
static bool next_line(const preset *p, size_t *at, const char **line, size_t *n) {
    if (*at >= p->n_bytes) return false;
    *line = p->text + *at;
    const char *end = memchr(*line, '\n', p->n_bytes - *at);
    size_t whole = end != NULL ? (size_t)(end - *line) : p->n_bytes - *at;
    *at += whole + 1;
    while (whole > 0 && ((*line)[whole - 1] == '\r' || (*line)[whole - 1] == ' ')) whole--;
    *n = whole;
    return true;
}

/* Whether a line begins with a word and then `after`, in any case. */
static bool begins(const char *line, size_t n, const char *word, char after) {
    size_t n_word = strlen(word);
    return n > n_word && strncasecmp(line, word, n_word) == 0 && line[n_word] == after;
}

/* Copies the value of [section] key into value[size]; false: there is none. */
static bool find(const preset *p, const char *section, const char *key, char *value, size_t size) {
    size_t at = 0, n;
    const char *line;
    bool inside = false;
    while (next_line(p, &at, &line, &n)) {
        if (n > 0 && line[0] == '[') {
            inside = begins(line + 1, n - 1, section, ']');
        } else if (inside && begins(line, n, key, '=')) {
            size_t n_value = n - strlen(key) - 1;
            if (n_value >= size) n_value = size - 1;
            memcpy(value, line + strlen(key) + 1, n_value);
            value[n_value] = '\0';
            return n_value > 0;
        }
    }
    return false;
}

/* A number between two bounds; what is none, or absent, is the default. */
static double number(const preset *p, const char *section, const char *key, double otherwise,
                     double lo, double hi) {
    char value[64], *end;
    if (!find(p, section, key, value, sizeof value)) return otherwise;
    double x = strtod(value, &end);
    return end == value || !isfinite(x) ? otherwise : fmax(lo, fmin(hi, x));
}

static bool is_on(const preset *p, const char *section, const char *key) {
    return number(p, section, key, 0, -1e6, 1e6) == 1;
}

typedef struct {
    int n;
    double at[MAX_POINTS];    /* samples */
    double level[MAX_POINTS]; /* 1 at 100 % */
} envelope;

static void read_envelope(const preset *p, const char *section, const char *key, double stretch,
                          envelope *e) {
    char value[1024];
    const char *from = find(p, section, key, value, sizeof value) ? value : "0,0 100,0";
    *e = (envelope){0};
    while (e->n < MAX_POINTS) {
        char *comma, *end;
        double at = strtod(from, &comma);
        if (comma == from || *comma != ',') break;
        double level = strtod(comma + 1, &end);
        if (!isfinite(at) || !isfinite(level)) break;
        e->at[e->n] = fmax(0, fmin(1e6, at)) * stretch;
        e->level[e->n++] = fmax(-1000, fmin(1000, level)) / 100;
        from = end;
    }
    if (e->n == 0) *e = (envelope){.n = 1};
}

static double duration(const envelope *e) {
    return fmax(1, e->at[e->n - 1]);
}

/* On the line through the points around t; after the last `held`. *point goes forward with t. */
static double value_at(const envelope *e, double t, int *point, double held) {
    while (*point + 1 < e->n && t >= e->at[*point + 1]) ++*point;
    if (*point + 1 >= e->n) return held;
    double from = e->at[*point], span = e->at[*point + 1] - from;
    double share = span > 0 ? fmax(0, (t - from) / span) : 0;
    return e->level[*point] + share * (e->level[*point + 1] - e->level[*point]);
}

/* ---- what a preset says ---- */

typedef struct {
    bool on;
    double level; /* squared */
    envelope envelope;
} part;

typedef struct {
    part part;
    double w, q; /* radians per sample: pitch, and how far noise moves it */
    int64_t hold;
} band;

enum { ADDED, FREQUENCY, RING, PULSES };
enum { N_PULSES = 6 };

typedef struct {
    part part; /* its envelope is the first's */
    envelope second;
    int method, wave1, wave2;
    bool tracks1, tracks2; /* pitch in proportion to the tone's */
    double w1, w2, balance;
} overtones;

typedef enum { FILTER_NONE, FILTER_OVERTONES, FILTER_ALL } filter_use;

typedef struct {
    double gain, stretch, tuning;
    part tone, noise;
    double f1, f2, droop, phase, slope;
    band bands[2];
    overtones overtones;
    filter_use filter;
    bool high_pass;
    double resonance;
    envelope filter_envelope;
    bool distorts;
    double bits, clipping_db;
    int64_t rate_step;
} drum;

static void read_part(const preset *p, const char *section, double stretch, double otherwise,
                      part *out) {
    double level = number(p, section, "Level", otherwise, 0, 1000);
    out->on = is_on(p, section, "On");
    out->level = level * level;
    read_envelope(p, section, "Envelope", stretch, &out->envelope);
}

static double pitch(const preset *p, const char *section, const char *key, double otherwise,
                    double tuning) {
    double hz = number(p, section, key, otherwise, -40000, 40000);
    return tuning * 2 * M_PI * hz / RATE_HZ;
}

static void read_band(const preset *p, const char *section, const drum *d, band *b) {
    double width = number(p, section, "dF", 50, 0, 1000);
    read_part(p, section, d->stretch, 128, &b->part);
    b->w = fmax(0, pitch(p, section, "F", 1000, d->tuning));
    b->q = width * width / fmax(1, 10000 - 6600 * (sqrt(b->w) - 0.19));
    b->hold = 1 + (int64_t)fmax(0, (40 - width / 2.5) / (b->q + 1 + b->w));
}

static void read_overtones(const preset *p, const drum *d, overtones *o) {
    static const char section[] = "Overtones";
    read_part(p, section, d->stretch, 128, &o->part);
    read_envelope(p, section, "Envelope1", d->stretch, &o->part.envelope);
    read_envelope(p, section, "Envelope2", d->stretch, &o->second);
    o->method = (int)number(p, section, "Method", RING, ADDED, PULSES);
    o->wave1 = (int)number(p, section, "Wave1", 0, 0, 4);
    o->wave2 = (int)number(p, section, "Wave2", 0, 0, 4);
    o->w1 = pitch(p, section, "F1", 200, d->tuning);
    o->w2 = pitch(p, section, "F2", 120, d->tuning);
    o->tracks1 = d->tone.on && is_on(p, section, "Track1");
    o->tracks2 = d->tone.on && is_on(p, section, "Track2");
    o->balance = number(p, section, "Param", 50, 0, 100) / 100;
}

static void read_distortion(const preset *p, drum *d) {
    static const int64_t steps[] = {1, 2, 3, 4, 8, 10, 20};
    d->distorts = is_on(p, "Distortion", "On");
    d->bits = number(p, "Distortion", "Bits", 0, 0, 8);
    d->clipping_db = number(p, "Distortion", "Clipping", 0, 0, 200);
    d->rate_step = steps[(int)number(p, "Distortion", "Rate", 0, 0, 6)];
}

static void read_drum(const preset *p, drum *d) {
    *d = (drum){.stretch = number(p, "General", "Stretch", 100, 20, 1000) / 100,
                .gain = pow(10, number(p, "General", "Level", 0, -100, 100) / 20),
                .tuning = pow(2, number(p, "General", "Tuning", 0, -60, 60) / 12)};
    read_part(p, "Tone", d->stretch, 128, &d->tone);
    read_part(p, "Noise", d->stretch, 0, &d->noise);
    d->f1 = pitch(p, "Tone", "F1", 200, d->tuning);
    d->f2 = pitch(p, "Tone", "F2", 120, d->tuning);
    if (fabs(d->f1) < 0.001) d->f1 = 0.001;
    d->droop = number(p, "Tone", "Droop", 0, 0, 200);
    d->phase = number(p, "Tone", "Phase", 90, -360, 360) * M_PI / 180;
    d->slope = number(p, "Noise", "Slope", 0, -104, 1000);
    read_band(p, "NoiseBand", d, &d->bands[0]);
    read_band(p, "NoiseBand2", d, &d->bands[1]);
    read_overtones(p, d, &d->overtones);
    d->filter = is_on(p, "General", "Filter")     ? FILTER_ALL
                : is_on(p, "Overtones", "Filter") ? FILTER_OVERTONES
                                                  : FILTER_NONE;
    d->high_pass = is_on(p, "General", "HighPass");
    d->resonance = sqrt(0.0101 * number(p, "General", "Resonance", 0, 0, 100));
    read_envelope(p, "General", "FilterEnv", d->stretch, &d->filter_envelope);
    read_distortion(p, d);
}

/* ---- rendering ---- */

typedef struct {
    const drum *drum;
    int64_t n;
    double *x;         /* [n] the sum; overtones apart, for the filter */
    double *overtones; /* [n] */
    double *w;         /* [n] the tone's pitch, which overtones may track */
    base_rng rng;
} rendering;

static double random_of(rendering *r) {
    return base_rng_range(&r->rng, -1, 1);
}

/* From f1 to f2 within the tone's duration: straight, or ever slower. */
static void glide(rendering *r) {
    const drum *d = r->drum;
    double t_end = duration(&d->tone.envelope);
    double rate = pow(10, (d->droop - 20) / 30) * -4 / t_end;
    double end = d->f1 + (d->f2 - d->f1) / (1 - exp(rate * t_end));
    for (int64_t i = 0; i < r->n; i++) {
        r->w[i] = d->droop > 0 ? end + (d->f1 - end) * exp(rate * (double)i)
                               : d->f1 + (d->f2 - d->f1) * fmin(1, (double)i / t_end);
    }
}

static void add_tone(rendering *r) {
    const part *tone = &r->drum->tone;
    double phase = r->drum->phase;
    int point = 0;
    for (int64_t i = 0; i < r->n && tone->on; i++) {
        phase += r->w[i];
        r->x[i] += tone->level * value_at(&tone->envelope, (double)i, &point, 0) * sin(phase);
    }
}

/* White noise made darker (slope below 0) or brighter. */
static void add_noise(rendering *r) {
    const part *noise = &r->drum->noise;
    double s = r->drum->slope, x0 = 0, x1 = 0, x2 = 0, y = 0;
    double a = s < 0 ? 1 + s / 105 : 1, b = s < 0 ? 0 : -s / 50, c = s < 0 ? 0 : s / 100;
    double back = s < 0 ? -s / 105 : 0, level = noise->level * (s < 0 ? 1 + 0.0005 * s * s : 1);
    int point = 0;
    for (int64_t i = 0; i < r->n && noise->on; i++) {
        x2 = x1;
        x1 = x0;
        x0 = random_of(r);
        y = a * x0 + b * x1 + c * x2 + back * y;
        r->x[i] += level * y * value_at(&noise->envelope, (double)i, &point, 0);
    }
}

/* A cosine whose pitch noise moves, anew every `hold` samples. */
static void add_band(rendering *r, const band *b) {
    double phase = M_PI / 4, moved = 0;
    int point = 0;
    for (int64_t i = 0; i < r->n && b->part.on; i++) {
        if (i % b->hold == 0) moved = random_of(r) / 2;
        phase += b->w + b->q * moved;
        double level = value_at(&b->part.envelope, (double)i, &point, 0);
        r->x[i] += b->part.level * level * cos(phase);
    }
}

static double wave(double phase, int form) {
    double share = phase / (2 * M_PI) - floor(phase / (2 * M_PI));
    switch (form) {
    case 0:
        return sin(phase);
    case 1:
        return fabs(2 * sin(phase / 2)) - 1;
    case 2:
        return 1 - 4 * fabs(share - 0.5);
    case 3:
        return 2 * share - 1;
    default:
        return share < 0.5 ? 1 : -1;
    }
}

static void add_overtones(rendering *r) {
    const overtones *o = &r->drum->overtones;
    double depth = pow(2 * o->balance, 3), tone = r->drum->phase;
    double phase1 = tone, phase2 = tone, ratio1 = o->w1 / r->drum->f1, ratio2 = o->w2 / r->drum->f1;
    int point1 = 0, point2 = 0;
    for (int64_t i = 0; i < r->n; i++) {
        double level1 = value_at(&o->part.envelope, (double)i, &point1, 0);
        double level2 = value_at(&o->second, (double)i, &point2, 0), y;
        tone += r->w[i];
        phase1 = o->tracks1 ? tone * ratio1 : phase1 + o->w1;
        phase2 = o->tracks2 ? tone * ratio2 : phase2 + o->w2;
        double second = level2 * wave(phase2, o->wave2);
        if (o->method == ADDED) {
            y = (1 - o->balance) * level1 * wave(phase1, o->wave1) + o->balance * second;
        } else if (o->method == FREQUENCY) {
            y = level1 * wave(phase1 + depth * second, o->wave1);
        } else {
            y = level1 * wave(phase1, o->wave1) * (1 - depth / 8 + depth / 8 * second);
        }
        r->overtones[i] = o->part.level * y;
    }
}

/* The cymbal: six pulse trains between two pitches, through a state-variable band-pass whose
 * frequency follows the second envelope. */
static void add_pulses(rendering *r) {
    const overtones *o = &r->drum->overtones;
    double dry = 1 - o->balance, q = 0.28 + dry * dry, low = 0, middle = 0, last = 0;
    double period[N_PULSES], count[N_PULSES];
    q *= q;
    for (int k = 0; k < N_PULSES; k++) {
        double first = 2 * M_PI / fmax(1e-6, fabs(o->w1)), end = 2 * M_PI / fmax(1e-6, fabs(o->w2));
        count[k] = period[k] = fmax(1, first + (end - first) * k / (N_PULSES - 1));
    }
    int point1 = 0, point2 = 0;
    for (int64_t i = 0; i < r->n; i++) {
        double level = value_at(&o->part.envelope, (double)i, &point1, 0), pulse = 0;
        double f = fmin(1, value_at(&o->second, (double)i, &point2, 0)) * (1.8 - 0.7 * q) * 0.92;
        for (int k = 0; k < N_PULSES; k++) {
            count[k] += 1;
            if (count[k] <= period[k]) continue;
            count[k] -= period[k];
            pulse = o->part.level * level;
        }
        low += f * middle;
        middle += f * (pulse + last - q * middle - low);
        last = pulse;
        r->overtones[i] = middle;
    }
}

/* Two poles with feedback around them; the envelope moves both. */
static void apply_filter(rendering *r) {
    const drum *d = r->drum;
    bool all = d->filter == FILTER_ALL;
    double held = d->filter_envelope.level[d->filter_envelope.n - 1], inner = 0, outer = 0;
    int point = 0;
    for (int64_t i = 0; i < r->n; i++) {
        double e = value_at(&d->filter_envelope, (double)i, &point, held);
        double pole = e > 0.2 ? 1.001 - pow(10, e - 1) : 0.999 - 0.7824 * e;
        pole = fmax(0.001, fmin(0.999, pole));
        double in = r->overtones[i] + (all ? r->x[i] : 0);
        double fed = in + d->resonance * (1 + 1 / pole) * (inner - outer);
        inner = pole * (inner - fed) + fed;
        outer = pole * (outer - inner) + inner;
        double out = outer - (d->high_pass ? in : 0);
        r->x[i] = all ? out : r->x[i] + out;
    }
}

static double loudest(const drum *d) {
    double level = 0;
    const part *parts[] = {&d->tone, &d->noise, &d->overtones.part, &d->bands[0].part,
                           &d->bands[1].part};
    for (int k = 0; k < 5; k++) {
        if (parts[k]->on) level = fmax(level, parts[k]->level);
    }
    return level;
}

/* A sampler's memory: few bits, few samples, no headroom. */
static void distort(rendering *r) {
    const drum *d = r->drum;
    double unit = pow(2, 2 * d->bits), gain = unit * d->gain * pow(10, d->clipping_db / 20);
    double clip = fmin(CLIPPED, d->gain * loudest(d));
    for (int64_t begin = 0; begin < r->n; begin += d->rate_step) {
        int64_t end = begin + d->rate_step < r->n ? begin + d->rate_step : r->n;
        double sum = 0;
        for (int64_t i = begin; i < end; i++) sum += gain * trunc(r->x[i] / unit);
        for (int64_t i = begin; i < end; i++) {
            r->x[i] = fmax(-clip, fmin(clip, sum / (double)(end - begin)));
        }
    }
}

static void render(rendering *r) {
    const drum *d = r->drum;
    add_noise(r);
    glide(r);
    add_tone(r);
    add_band(r, &d->bands[0]);
    add_band(r, &d->bands[1]);
    if (d->overtones.part.on) (d->overtones.method == PULSES ? add_pulses : add_overtones)(r);
    if (d->filter != FILTER_NONE) {
        apply_filter(r);
    } else {
        for (int64_t i = 0; i < r->n; i++) r->x[i] += r->overtones[i];
    }
    if (d->distorts) {
        distort(r);
    } else {
        for (int64_t i = 0; i < r->n; i++) r->x[i] *= d->gain;
    }
}

static int64_t length_of(const drum *d) {
    const part *parts[] = {&d->tone, &d->noise, &d->overtones.part, &d->bands[0].part,
                           &d->bands[1].part};
    double longest = 0;
    for (int k = 0; k < 5; k++) {
        if (parts[k]->on) longest = fmax(longest, duration(&parts[k]->envelope));
    }
    if (d->overtones.part.on) longest = fmax(longest, duration(&d->overtones.second));
    return (int64_t)fmin(MAX_SAMPLES, longest + 2400);
}

base_status data_drumsynth_render(const char *text, size_t n_bytes, const char *name,
                                  data_audio *audio, base_error *err) {
    preset p = {text, n_bytes};
    char version[32];
    *audio = (data_audio){0};
    if (!find(&p, "General", "Version", version, sizeof version) ||
        strncasecmp(version, "DrumSynth v", 11) != 0) {
        return base_fail(err, BASE_EFORMAT, "%s: not a preset of DrumSynth", name);
    }
    drum d;
    read_drum(&p, &d);
    base_digest seed = base_digest_bytes(text, n_bytes);
    rendering r = {&d, .n = length_of(&d),
                   .rng = base_rng_open(seed.low, BASE_RNG_DRUMSYNTH, 0, 0)};
    r.x = base_alloc((size_t)r.n * 3, sizeof *r.x);
    float *x = base_alloc((size_t)r.n, sizeof *x);
    if (r.x == NULL || x == NULL) {
        base_free(r.x);
        base_free(x);
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", name);
    }
    r.overtones = r.x + r.n;
    r.w = r.overtones + r.n;
    render(&r);
    for (int64_t i = 0; i < r.n; i++) {
        double y = fmax(-CLIPPED, fmin(CLIPPED, r.x[i]));
        x[i] = isfinite(y) ? (float)(y / FULL_SCALE) : 0;
    }
    base_free(r.x);
    *audio = (data_audio){x, 1, r.n, RATE_HZ};
    return BASE_OK;
}
