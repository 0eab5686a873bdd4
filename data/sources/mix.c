/* Combinations of one-shots struck together, and rests. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "data/sources/strokes.h"
#include "dsp/effects.h"

#define MIN_TAIL_S   0.03
#define TAIL_FROM_DB (-40.0) /* below its peak a sound may be when its tail begins */
#define TAIL_TO_DB   (-6.0)

typedef struct {
    data_parts_options parts;
    int64_t per_class;
    double ringing;
} mix_options;

static const base_option table[] = {
    DATA_PARTS_ROWS(mix_options, parts),
    DATA_PER_CLASS_ROW(mix_options, per_class, ""),
    {"ringing", BASE_OPT_FLOAT, offsetof(mix_options, ringing), "0", 0, 1, NULL, NULL,
     "probability that the tail of another sound is heard beneath, as in a performance"},
    {0}};

/* ---- the rows ---- */

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const mix_options *o = origin->options;
    base_arena *arena = &manifest->arena;
    BASE_TRY(data_parts_open(origin, &o->parts, sizeof(data_parts), manifest, err));
    data_parts *parts = origin->state;
    parts->settings = base_digest_bytes(&o->ringing, sizeof o->ringing);
    for (int64_t i = 0; i < parts->classes.n * o->per_class; i++) {
        const char *name = parts->classes.items[i / o->per_class];
        int64_t number = i % o->per_class;
        data_row row = {.path = base_arena_printf(arena, "mix:%s:%" PRId64 ":%" PRId64, name,
                                                  number, o->parts.seed),
                        .label = name,
                        .group =
                            base_arena_printf(arena, "pool%" PRId64, number % o->parts.pools + 1),
                        .item = i};
        if (row.path == NULL || row.group == NULL) {
            return base_fail(err, BASE_EMEMORY, "no memory for the rows of a mix");
        }
        BASE_TRY(data_manifest_append(manifest, &row, err));
    }
    return BASE_OK;
}

/* ---- what a sound is made of ---- */

/* A row, and where its random numbers come from. */
typedef struct {
    const data_parts *parts;
    const mix_options *options;
    int64_t pool;
    data_part_set set; /* 0: a rest */
    base_rng rng;
} recipe;

/* Named by the class itself: other classes, or another order, leave a class's sounds as they are.
 */
static recipe open_recipe(const data_row *row) {
    const data_parts *parts = row->origin->state;
    const mix_options *o = row->origin->options;
    int64_t class_index = row->item / o->per_class, number = row->item % o->per_class;
    const char *name = parts->classes.items[class_index];
    return (recipe){.parts = parts,
                    .options = o,
                    .pool = number % o->parts.pools,
                    .set = parts->class_set[class_index],
                    .rng =
                        base_rng_open((uint64_t)o->parts.seed, BASE_RNG_MIX,
                                      base_digest_bytes(name, strlen(name)).low, (uint64_t)number)};
}

/* Where the part falls below a level for good. */
static int64_t find_tail(const data_parts *parts, const data_part *part, double level_db) {
    double level = pow(10.0, level_db / 20);
    int64_t begin = 0;
    for (int64_t c = 0; c < parts->n_channels; c++) {
        int64_t i = part->n;
        while (i > begin && fabsf(part->x[c * part->n + i - 1]) <= level) i--;
        begin = i;
    }
    return begin;
}

/* Draws the tail of one of a pool's sounds; returns 1, or 0 if it is too short to be heard. */
static int draw_tail(recipe *r, data_stroke *s) {
    const data_parts *parts = r->parts;
    int c = (int)base_rng_below(&r->rng, parts->manifest.n_classes);
    *s = data_stroke_draw(parts, data_stroke_part(parts, r->pool, c, &r->rng), &r->rng);
    s->from = find_tail(parts, s->part, base_rng_range(&r->rng, TAIL_FROM_DB, TAIL_TO_DB));
    s->n = s->part->n - s->from;
    s->at = 0;
    s->late_ms = 0;
    s->tail = true;
    return (double)s->n > MIN_TAIL_S * parts->sample_rate_hz;
}

static int draw_strokes(recipe *r, data_stroke *strokes) {
    int n = 0;
    for (int c = 0; c < r->parts->manifest.n_classes; c++) {
        if ((r->set >> c & 1) == 0) continue;
        const data_part *part = data_stroke_part(r->parts, r->pool, c, &r->rng);
        strokes[n++] = data_stroke_draw(r->parts, part, &r->rng);
    }
    bool rings = base_rng_chance(&r->rng, r->options->ringing);
    return rings && n > 0 ? n + draw_tail(r, &strokes[n]) : n;
}

/* A rest: up to two tails, and noise through a low-pass filter. */
typedef struct {
    int64_t n;
    double noise_db; /* below the tails' peak */
    double noise_hz, level_db;
} rest;

/* A quarter of the rests have noise alone. */
static int draw_rest(recipe *r, rest *how, data_stroke *strokes) {
    static const int n_tails[] = {0, 1, 1, 2};
    base_rng *rng = &r->rng;
    int n = 0, wanted = n_tails[base_rng_below(rng, 4)];
    for (int i = 0; i < wanted; i++) n += draw_tail(r, &strokes[n]);
    how->n = llround((double)r->parts->n_longest * base_rng_range(rng, 0.3, 1.0));
    how->noise_db = base_rng_range(rng, -40, -10);
    how->noise_hz = 200 * pow(40, base_rng_range(rng, 0.0, 1.0));
    how->level_db = base_rng_range(rng, -36, -18);
    return n;
}

/* ---- making it ---- */

/* Noise through one pole, its peak at `peak`, into every channel by itself. */
static base_status add_noise(double cut_hz, float peak, base_rng *rng, data_audio *audio,
                             base_error *err) {
    int64_t n = audio->n * audio->n_channels;
    float *noise = base_alloc((size_t)n, sizeof *noise);
    if (noise == NULL) return base_fail(err, BASE_EMEMORY, "no memory for mixing");
    double keep = exp(-2 * M_PI * cut_hz / audio->sample_rate_hz), y = 0;
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

static base_status make_rest(recipe *r, data_audio *audio, base_error *err) {
    data_stroke strokes[DATA_STROKES_MAX];
    rest how;
    int n = draw_rest(r, &how, strokes);
    BASE_TRY(data_strokes_begin(r->parts, how.n, audio, err));
    for (int i = 0; i < n; i++) data_stroke_add(r->parts, &strokes[i], 0, audio);
    float peak = dsp_peak(audio->x, audio->n * audio->n_channels);
    float noise = n > 0 ? peak * (float)pow(10.0, how.noise_db / 20) : 1.0f;
    BASE_TRY(add_noise(how.noise_hz, noise, &r->rng, audio, err));
    dsp_normalize_peak((dsp_clip){audio->x, audio->n_channels, audio->n, audio->sample_rate_hz},
                       how.level_db);
    return BASE_OK;
}

static base_status make_mix(recipe *r, data_audio *audio, base_error *err) {
    data_stroke strokes[DATA_STROKES_MAX];
    int n_strokes = draw_strokes(r, strokes);
    int64_t n = 0;
    for (int i = 0; i < n_strokes; i++) {
        int64_t end = strokes[i].at + strokes[i].n;
        if (end > n) n = end;
    }
    if (n > r->parts->n_longest) n = r->parts->n_longest;
    BASE_TRY(data_strokes_begin(r->parts, n, audio, err));
    for (int i = 0; i < n_strokes; i++) data_stroke_add(r->parts, &strokes[i], 0, audio);
    return BASE_OK;
}

static base_status read_row(const data_row *row, data_audio *audio, base_error *err) {
    recipe r = open_recipe(row);
    *audio = (data_audio){0};
    base_status status = r.set == 0 ? make_rest(&r, audio, err) : make_mix(&r, audio, err);
    if (status != BASE_OK) data_audio_release(audio);
    return status;
}

/* ---- its description ---- */

static base_status describe(data_row *row, base_arena *arena, base_error *err) {
    data_stroke strokes[DATA_STROKES_MAX];
    data_part_list list = {.n = 0};
    rest how;
    recipe r = open_recipe(row);
    int n = r.set == 0 ? draw_rest(&r, &how, strokes) : draw_strokes(&r, strokes);
    row->label = data_strokes_label(strokes, n, r.set == 0 ? "noise" : NULL, arena);
    if (row->label == NULL) return base_fail(err, BASE_EMEMORY, "no memory for mixing");
    for (int i = 0; i < n; i++) data_part_list_add(&list, strokes[i].part);
    return data_part_list_keep(&list, row, arena, err);
}

const data_source data_source_mix = {
    .variant = {"mix", "one-shots mixed into combinations", NULL, table, sizeof(mix_options)},
    .makes_classes = true,
    .list = list_rows,
    .read = read_row,
    .digest = data_parts_digest,
    .load = data_parts_load,
    .describe = describe,
    .unload = data_parts_unload,
    .close = data_parts_close,
};
