/* From a row's number to its sound: what is struck is drawn, played, and told in the row's label.
 */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "data/mix.h"
#include "data/performance.h"
#include "dsp/effects.h"

enum { MAX_STROKES = DATA_MIX_MAX_PARTS + 1 };
#define HEADROOM     0.25f /* so that a few parts at full scale stay within it */
#define DAMPING_S    0.005
#define MIN_TAIL_S   0.03
#define TAIL_FROM_DB (-40.0) /* below its peak a sound may be when its tail begins */
#define TAIL_TO_DB   (-6.0)

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for mixing");
}

/* ---- what a sound is made of ---- */

typedef struct {
    const data_part *part;
    int64_t from, n; /* samples of the part */
    int64_t at;      /* where they begin */
    double gain_db;
    double late_ms;
    bool damped; /* fades out at the end */
    bool tail;   /* of an earlier stroke, as if cut out of what went on before */
} stroke;

/* A rest: up to two tails, and noise through a low-pass filter. */
typedef struct {
    int64_t n;
    double noise_db; /* below the tails' peak */
    double noise_hz, level_db;
} rest;

static const data_part *part_of(const data_mix *mix, int64_t pool, int class_index, base_rng *rng) {
    int64_t bin = pool * mix->parts.n_classes + class_index;
    int64_t n = mix->first[bin + 1] - mix->first[bin];
    return &mix->part[mix->first[bin] + base_rng_below(rng, n)];
}

static stroke draw_stroke(const data_mix *mix, const data_part *part, base_rng *rng) {
    const data_source_options *o = &mix->options;
    stroke s = {.part = part, .from = part->onset, .n = part->n - part->onset};
    s.gain_db = base_rng_range(rng, o->gain_db[0], o->gain_db[1]);
    s.late_ms = base_rng_range(rng, o->jitter_ms[0], o->jitter_ms[1]);
    s.at = llround(s.late_ms * 1e-3 * mix->sample_rate_hz);
    return s;
}

/* Named by the class itself: other classes, or another order, leave a class's sounds as they are.
 */
static base_rng open_mix(const data_mix *mix, int64_t item) {
    const char *name = mix->options.classes.items[item / mix->options.per_class];
    return base_rng_open((uint64_t)mix->options.seed, BASE_RNG_MIX,
                         base_digest_bytes(name, strlen(name)).low,
                         (uint64_t)(item % mix->options.per_class));
}

static int64_t pool_of(const data_mix *mix, int64_t item) {
    return item % mix->options.per_class % mix->options.pools;
}

/* Where the part falls below a level for good. */
static int64_t find_tail(const data_mix *mix, const data_part *part, double level_db) {
    double level = pow(10.0, level_db / 20);
    int64_t begin = 0;
    for (int64_t c = 0; c < mix->n_channels; c++) {
        int64_t i = part->n;
        while (i > begin && fabsf(part->x[c * part->n + i - 1]) <= level) i--;
        begin = i;
    }
    return begin;
}

/* Draws the tail of one of a pool's sounds; returns 1, or 0 if it is too short to be heard. */
static int draw_tail(const data_mix *mix, int64_t pool, base_rng *rng, stroke *s) {
    int c = (int)base_rng_below(rng, mix->parts.n_classes);
    *s = draw_stroke(mix, part_of(mix, pool, c, rng), rng);
    s->from = find_tail(mix, s->part, base_rng_range(rng, TAIL_FROM_DB, TAIL_TO_DB));
    s->n = s->part->n - s->from;
    s->at = 0;
    s->late_ms = 0;
    s->tail = true;
    return (double)s->n > MIN_TAIL_S * mix->sample_rate_hz;
}

static int draw_mix(const data_mix *mix, int64_t item, stroke *strokes) {
    data_mix_set set = mix->set[item / mix->options.per_class];
    base_rng rng = open_mix(mix, item);
    int n = 0;
    for (int c = 0; c < mix->parts.n_classes; c++) {
        if ((set >> c & 1) == 0) continue;
        const data_part *part = part_of(mix, pool_of(mix, item), c, &rng);
        strokes[n++] = draw_stroke(mix, part, &rng);
    }
    bool rings = base_rng_chance(&rng, mix->options.ringing);
    return rings && n > 0 ? n + draw_tail(mix, pool_of(mix, item), &rng, &strokes[n]) : n;
}

/* A quarter of the rests have noise alone. */
static int draw_rest(const data_mix *mix, int64_t item, base_rng *rng, rest *r, stroke *strokes) {
    static const int n_tails[] = {0, 1, 1, 2};
    int n = 0, wanted = n_tails[base_rng_below(rng, 4)];
    for (int i = 0; i < wanted; i++) n += draw_tail(mix, pool_of(mix, item), rng, &strokes[n]);
    r->n = llround((double)mix->n_longest * base_rng_range(rng, 0.3, 1.0));
    r->noise_db = base_rng_range(rng, -40, -10);
    r->noise_hz = 200 * pow(40, base_rng_range(rng, 0.0, 1.0));
    r->level_db = base_rng_range(rng, -36, -18);
    return n;
}

/* An open hat rings until a hat is struck again. */
static void damp_hat(const data_mix *mix, const data_song *song, int64_t step, stroke *s) {
    for (int64_t next = step + 1; next < song->n_steps; next++) {
        if ((song->set[next] & mix->hats) == 0) continue;
        int64_t end = llround((double)next * song->step_s * mix->sample_rate_hz);
        if (end - s->at < s->n) {
            s->n = end - s->at;
            s->damped = true;
        }
        return;
    }
}

/* The strokes at one step; a song has one sound of each class. */
static int draw_step(const data_mix *mix, int64_t number, int64_t step, stroke *strokes) {
    const data_song *song = &mix->song[number];
    uint64_t seed = (uint64_t)mix->options.seed;
    base_rng sounds = data_performance_open(seed, number, DATA_PERFORMANCE_SOUNDS);
    base_rng rng = data_performance_open(seed, number, DATA_PERFORMANCE_STROKES + step);
    int n = 0;
    for (int c = 0; c < mix->parts.n_classes; c++) {
        const data_part *part = part_of(mix, number % mix->options.pools, c, &sounds);
        if ((song->set[step] >> c & 1) == 0) continue;
        stroke *s = &strokes[n++];
        *s = draw_stroke(mix, part, &rng);
        s->at += llround((double)step * song->step_s * mix->sample_rate_hz);
        if ((mix->open_hat >> c & 1) != 0) damp_hat(mix, song, step, s);
    }
    return n;
}

/* ---- making it ---- */

static base_status new_audio(const data_mix *mix, int64_t n, data_audio *audio, base_error *err) {
    *audio = (data_audio){base_alloc((size_t)(n * mix->n_channels), sizeof *audio->x),
                          mix->n_channels, n, mix->sample_rate_hz};
    return audio->x != NULL ? BASE_OK : no_memory(err);
}

/* Adds what of the stroke lies in `audio`, which begins at `begin`. */
static void add_stroke(const data_mix *mix, const stroke *s, int64_t begin, data_audio *audio) {
    float gain = HEADROOM * (float)pow(10.0, s->gain_db / 20);
    int64_t n_fade = s->damped ? llround(DAMPING_S * mix->sample_rate_hz) : 0;
    int64_t first = begin > s->at ? begin - s->at : 0;
    int64_t end = begin + audio->n - s->at < s->n ? begin + audio->n - s->at : s->n;
    for (int64_t c = 0; c < mix->n_channels; c++) {
        const float *x = s->part->x + c * s->part->n + s->from;
        int64_t to = c * audio->n + s->at - begin;
        for (int64_t i = first; i < end; i++) {
            float fade = s->n - i <= n_fade ? (float)(s->n - 1 - i) / (float)n_fade : 1.0f;
            audio->x[to + i] += gain * fade * x[i];
        }
    }
}

/* Noise through one pole, its peak at `peak`, into every channel by itself. */
static base_status add_noise(const data_mix *mix, double cut_hz, float peak, base_rng *rng,
                             data_audio *audio, base_error *err) {
    int64_t n = audio->n * audio->n_channels;
    float *noise = base_alloc((size_t)n, sizeof *noise);
    if (noise == NULL) return no_memory(err);
    double keep = exp(-2 * M_PI * cut_hz / mix->sample_rate_hz), y = 0;
    base_rng_fill_uniform(rng, noise, n);
    for (int64_t i = 0; i < n; i++) {
        y = keep * y + (1 - keep) * (noise[i] - 0.5);
        noise[i] = (float)y;
    }
    float scale = peak / dsp_peak(noise, n);
    for (int64_t i = 0; i < n; i++) audio->x[i] += scale * noise[i];
    base_free(noise);
    return BASE_OK;
}

static base_status make_rest(const data_mix *mix, int64_t item, data_audio *audio,
                             base_error *err) {
    stroke strokes[MAX_STROKES];
    rest r;
    base_rng rng = open_mix(mix, item);
    int n = draw_rest(mix, item, &rng, &r, strokes);
    BASE_TRY(new_audio(mix, r.n, audio, err));
    for (int i = 0; i < n; i++) add_stroke(mix, &strokes[i], 0, audio);
    float peak = dsp_peak(audio->x, audio->n * audio->n_channels);
    float noise = n > 0 ? peak * (float)pow(10.0, r.noise_db / 20) : 1.0f;
    BASE_TRY(add_noise(mix, r.noise_hz, noise, &rng, audio, err));
    dsp_normalize_peak((dsp_clip){audio->x, audio->n_channels, audio->n, audio->sample_rate_hz},
                       r.level_db);
    return BASE_OK;
}

static base_status make_mix(const data_mix *mix, int64_t item, data_audio *audio, base_error *err) {
    stroke strokes[MAX_STROKES];
    int n_strokes = draw_mix(mix, item, strokes);
    int64_t n = 0;
    if (n_strokes == 0) return make_rest(mix, item, audio, err);
    for (int i = 0; i < n_strokes; i++) {
        int64_t end = strokes[i].at + strokes[i].n;
        if (end > n) n = end;
    }
    BASE_TRY(new_audio(mix, n < mix->n_longest ? n : mix->n_longest, audio, err));
    for (int i = 0; i < n_strokes; i++) add_stroke(mix, &strokes[i], 0, audio);
    return BASE_OK;
}

/* Adds what steps [first, end) of a song leave in `audio`, which begins at `begin`. */
static void play(const data_mix *mix, int64_t number, int64_t first, int64_t end, int64_t begin,
                 data_audio *audio) {
    stroke strokes[MAX_STROKES];
    for (int64_t step = first; step < end; step++) {
        int n = draw_step(mix, number, step, strokes);
        for (int i = 0; i < n; i++) add_stroke(mix, &strokes[i], begin, audio);
    }
}

/* Where a crop lies in its song. */
typedef struct {
    int64_t number;     /* of the song */
    int64_t first, end; /* steps that may be heard in it */
    int64_t begin, n;   /* samples */
} crop;

static crop find_crop(const data_mix *mix, const data_row *row) {
    int64_t n_steps = mix->song[0].n_steps, step = row->item % n_steps;
    crop c = {.number = row->item / n_steps,
              .begin = llround(row->begin_s * mix->sample_rate_hz),
              .n = llround((row->end_s - row->begin_s) * mix->sample_rate_hz)};
    double reach_s = DATA_MIX_PART_S + mix->options.jitter_ms[1] * 1e-3;
    int64_t n_before = (int64_t)ceil(reach_s / mix->song[c.number].step_s) + 1;
    c.first = step > n_before ? step - n_before : 0;
    c.end = step + 2 < n_steps ? step + 2 : n_steps; /* rounding may take in the next */
    return c;
}

static base_status make_crop(const data_mix *mix, const data_row *row, data_audio *audio,
                             base_error *err) {
    crop c = find_crop(mix, row);
    BASE_TRY(new_audio(mix, c.n, audio, err));
    play(mix, c.number, c.first, c.end, c.begin, audio);
    return BASE_OK;
}

base_status data_mix_read(const data_row *row, data_audio *audio, base_error *err) {
    const data_mix *mix = row->mix;
    *audio = (data_audio){0};
    base_status status = mix->options.source == DATA_SOURCE_MIX
                             ? make_mix(mix, row->item, audio, err)
                             : make_crop(mix, row, audio, err);
    if (status != BASE_OK) data_audio_release(audio);
    return status;
}

base_status data_mix_play(const data_mix *mix, int64_t song, data_audio *audio, base_error *err) {
    const data_song *s = &mix->song[song];
    double seconds = (double)s->n_steps * s->step_s + DATA_MIX_PART_S;
    BASE_TRY(new_audio(mix, llround(seconds * mix->sample_rate_hz), audio, err));
    play(mix, song, 0, s->n_steps, 0, audio);
    return BASE_OK;
}

/* ---- telling it ---- */

static void tell_strokes(const stroke *strokes, int n, base_text *out) {
    for (int i = 0; i < n; i++) {
        base_text_printf(out, "%s%s%s %.1f dB", i > 0 ? " + " : "",
                         strokes[i].tail ? "tail of " : "", strokes[i].part->source.name,
                         strokes[i].gain_db);
        if (strokes[i].late_ms > 0) base_text_printf(out, " %.1f ms", strokes[i].late_ms);
    }
}

/* "Kit/kick.wav -3.2 dB 4.0 ms + Kit/hat.wav -0.5 dB 11.3 ms", "tail of Kit/ride.wav -2.0 dB +
 * noise"; a crop where nothing is struck stays a "rest". */
static void tell(const data_row *row, base_text *out) {
    const data_mix *mix = row->mix;
    stroke strokes[MAX_STROKES];
    if (mix->options.source == DATA_SOURCE_PERFORMANCE) {
        int64_t n_steps = mix->song[0].n_steps;
        int n = draw_step(mix, row->item / n_steps, row->item % n_steps, strokes);
        tell_strokes(strokes, n, out);
        if (n == 0) base_text_add(out, "rest");
        return;
    }
    int n = draw_mix(mix, row->item, strokes);
    tell_strokes(strokes, n, out);
    if (n > 0) return;
    rest r;
    base_rng rng = open_mix(mix, row->item);
    n = draw_rest(mix, row->item, &rng, &r, strokes);
    tell_strokes(strokes, n, out);
    base_text_add(out, n > 0 ? " + noise" : "noise");
}

/* ---- listing it ---- */

/* One-shots, each once. */
typedef struct {
    data_row_part items[MAX_STROKES];
    int64_t n;
} part_list;

static void list_part(const stroke *s, part_list *list) {
    for (int64_t i = 0; i < list->n; i++) {
        if (base_digest_equal(list->items[i].content, s->part->source.content)) return;
    }
    list->items[list->n++] = s->part->source;
}

static void list_crop(const data_mix *mix, const data_row *row, part_list *list) {
    stroke strokes[MAX_STROKES];
    crop c = find_crop(mix, row);
    for (int64_t step = c.first; step < c.end; step++) {
        int n = draw_step(mix, c.number, step, strokes);
        for (int i = 0; i < n; i++) {
            const stroke *s = &strokes[i];
            if (s->at < c.begin + c.n && s->at + s->n > c.begin) list_part(s, list);
        }
    }
}

static void list_mix(const data_mix *mix, int64_t item, part_list *list) {
    stroke strokes[MAX_STROKES];
    int n = draw_mix(mix, item, strokes);
    if (n == 0) {
        rest r;
        base_rng rng = open_mix(mix, item);
        n = draw_rest(mix, item, &rng, &r, strokes);
    }
    for (int i = 0; i < n; i++) list_part(&strokes[i], list);
}

static base_status list_parts(data_row *row, base_arena *arena, base_error *err) {
    part_list list = {.n = 0};
    if (row->mix->options.source == DATA_SOURCE_MIX) {
        list_mix(row->mix, row->item, &list);
    } else {
        list_crop(row->mix, row, &list);
    }
    if (list.n == 0) return BASE_OK;
    data_row_part *parts = base_arena_alloc(arena, (size_t)list.n, sizeof *parts);
    if (parts == NULL) return no_memory(err);
    memcpy(parts, list.items, (size_t)list.n * sizeof *parts);
    row->parts = parts;
    row->n_parts = list.n;
    return BASE_OK;
}

base_status data_mix_tell(const data_mix *mix, data_manifest *manifest, base_error *err) {
    for (int64_t i = 0; i < manifest->n_rows; i++) {
        data_row *row = &manifest->rows[i];
        if (row->mix != mix || row->left_out != NULL) continue;
        base_text text = {0};
        tell(row, &text);
        row->label = text.failed ? NULL : base_arena_string(&manifest->arena, text.data);
        base_text_release(&text);
        if (row->label == NULL) return no_memory(err);
        BASE_TRY(list_parts(row, &manifest->arena, err));
    }
    return BASE_OK;
}
