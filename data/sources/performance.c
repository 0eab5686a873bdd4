#include "data/sources/performance.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "data/sources/song.h"
#include "data/sources/strokes.h"

#define FIELD(name) offsetof(data_performance_options, name)
static const base_option table[] = {DATA_PARTS_ROWS(data_performance_options, parts),
                                    {"songs", BASE_OPT_INT, FIELD(songs), "10", 1, 1000, NULL, NULL,
                                     "how many are played, from the pools in turn"},
                                    {"bars", BASE_OPT_INT, FIELD(bars), "16", 1, 1000, NULL, NULL,
                                     "bars of a song; each is cut into eighths"},
                                    {"tempo", BASE_OPT_RANGE, FIELD(tempo_bpm), "[80, 140]", 30,
                                     300, NULL, "bpm", "range of the songs' tempos"},
                                    {0}};
#undef FIELD

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for a performance");
}

/* ---- the rows ---- */

/* "B+CH" */
static const char *name_set(const data_part_set *bit, data_part_set set, base_arena *arena) {
    const char *name = "";
    for (int i = 0; i < DATA_SONG_N_PARTS && name != NULL; i++) {
        if ((set & bit[i]) != 0) {
            name = base_arena_printf(arena, "%s%s%s", name, name[0] != '\0' ? "+" : "",
                                     data_song_parts[i]);
        }
    }
    return name != NULL && name[0] == '\0' ? "rest" : name;
}

/* The label of what is struck; where that is no class, the row is left out. */
static base_status label_row(const data_performance *p, const data_part_set *bit, data_part_set set,
                             base_arena *arena, data_row *row) {
    row->label = data_parts_class(&p->parts, set);
    if (row->label != NULL) return BASE_OK;
    row->label = name_set(bit, set, arena);
    if (row->label != NULL) row->left_out = base_arena_printf(arena, "no class for %s", row->label);
    return row->left_out != NULL ? BASE_OK : BASE_EMEMORY;
}

/* The crops of a song, in time. */
static base_status list_song(const data_origin *origin, int64_t number, const data_part_set *bit,
                             data_manifest *manifest, base_error *err) {
    const data_performance *p = origin->state;
    const data_parts_options *o = p->parts.options;
    const data_song *song = &p->song[number];
    base_arena *arena = &manifest->arena;
    const char *path =
        base_arena_printf(arena, "performance:%" PRId64 ":%" PRId64, number, o->seed);
    const char *group = base_arena_printf(arena, "pool%" PRId64, number % o->pools + 1);
    if (path == NULL || group == NULL) return no_memory(err);
    for (int64_t i = 0; i < song->n_steps; i++) {
        data_row row = {.path = path,
                        .group = group,
                        .item = number * song->n_steps + i,
                        .begin_s = (double)i * song->step_s,
                        .end_s = (double)(i + 1) * song->step_s};
        if (label_row(p, bit, song->set[i], arena, &row) != BASE_OK) return no_memory(err);
        BASE_TRY(data_manifest_append(manifest, &row, err));
    }
    return BASE_OK;
}

static base_status find_parts(const data_origin *origin, data_part_set *bit, base_error *err) {
    for (int i = 0; i < DATA_SONG_N_PARTS; i++) {
        const char *name = data_song_parts[i];
        bit[i] = data_parts_find(origin->state, name, strlen(name));
        if (bit[i] == 0) {
            return base_node_fail(origin->node, err, BASE_EDATA,
                                  "a performance needs parts of class '%s'", name);
        }
    }
    return BASE_OK;
}

static base_status write_songs(const data_performance_options *o, const data_part_set *bit,
                               data_performance *p, base_arena *arena, base_error *err) {
    uint64_t seed = (uint64_t)o->parts.seed;
    int64_t n_steps = o->bars * DATA_SONG_STEPS;
    data_song *songs = base_arena_alloc(arena, (size_t)o->songs, sizeof *songs);
    if (songs == NULL) return no_memory(err);
    for (int64_t i = 0; i < o->songs; i++) {
        data_part_set *set = base_arena_alloc(arena, (size_t)n_steps, sizeof *set);
        if (set == NULL) return no_memory(err);
        data_song_write(seed, i, bit, o->bars, set);
        songs[i] = (data_song){data_song_step_s(seed, i, o->tempo_bpm), n_steps, set};
    }
    p->song = songs;
    p->open_hat = bit[DATA_SONG_OPEN_HAT];
    p->hats = p->open_hat | bit[DATA_SONG_CLOSED_HAT];
    return BASE_OK;
}

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const data_performance_options *o = origin->options;
    data_part_set bit[DATA_SONG_N_PARTS];
    BASE_TRY(data_parts_open(origin, &o->parts, sizeof(data_performance), manifest, err));
    data_performance *p = origin->state;
    const double settings[] = {o->tempo_bpm[0], o->tempo_bpm[1], (double)o->bars};
    p->parts.settings = base_digest_bytes(settings, sizeof settings);
    BASE_TRY(find_parts(origin, bit, err));
    BASE_TRY(write_songs(o, bit, p, &manifest->arena, err));
    for (int64_t i = 0; i < o->songs; i++) BASE_TRY(list_song(origin, i, bit, manifest, err));
    return BASE_OK;
}

/* ---- the strokes ---- */

/* An open hat rings until a hat is struck again. */
static void damp_hat(const data_performance *p, const data_song *song, int64_t step,
                     data_stroke *s) {
    for (int64_t next = step + 1; next < song->n_steps; next++) {
        if ((song->set[next] & p->hats) == 0) continue;
        int64_t end = llround((double)next * song->step_s * p->parts.sample_rate_hz);
        if (end - s->at < s->n) {
            s->n = end - s->at;
            s->damped = true;
        }
        return;
    }
}

/* The strokes at one step; a song has one sound of each class. */
static int draw_step(const data_performance *p, int64_t number, int64_t step,
                     data_stroke *strokes) {
    const data_parts *parts = &p->parts;
    const data_song *song = &p->song[number];
    uint64_t seed = (uint64_t)parts->options->seed;
    base_rng sounds = data_song_stream(seed, number, DATA_SONG_SOUNDS);
    base_rng rng = data_song_stream(seed, number, DATA_SONG_STROKES + step);
    int n = 0;
    for (int c = 0; c < parts->manifest.n_classes; c++) {
        const data_part *part = data_stroke_part(parts, number % parts->options->pools, c, &sounds);
        if ((song->set[step] >> c & 1) == 0) continue;
        data_stroke *s = &strokes[n++];
        *s = data_stroke_draw(parts, part, &rng);
        s->at += llround((double)step * song->step_s * parts->sample_rate_hz);
        if ((p->open_hat >> c & 1) != 0) damp_hat(p, song, step, s);
    }
    return n;
}

/* Where a crop lies in its song. */
typedef struct {
    int64_t number;     /* of the song */
    int64_t step;       /* where it begins */
    int64_t first, end; /* steps that may be heard in it */
    int64_t begin, n;   /* samples */
} crop;

static crop find_crop(const data_performance *p, const data_row *row) {
    int64_t n_steps = p->song[0].n_steps;
    double rate_hz = p->parts.sample_rate_hz;
    crop c = {.number = row->item / n_steps,
              .step = row->item % n_steps,
              .begin = llround(row->begin_s * rate_hz),
              .n = llround((row->end_s - row->begin_s) * rate_hz)};
    double reach_s = DATA_PARTS_LONGEST_S + p->parts.options->jitter_ms[1] * 1e-3;
    int64_t n_before = (int64_t)ceil(reach_s / p->song[c.number].step_s) + 1;
    c.first = c.step > n_before ? c.step - n_before : 0;
    c.end = c.step + 2 < n_steps ? c.step + 2 : n_steps; /* rounding may take in the next */
    return c;
}

/* ---- making it ---- */

/* An empty sound of c->n samples, and what the crop's steps leave in it. */
static base_status play(const data_performance *p, const crop *c, data_audio *audio,
                        base_error *err) {
    data_stroke strokes[DATA_STROKES_MAX];
    BASE_TRY(data_strokes_begin(&p->parts, c->n, audio, err));
    for (int64_t step = c->first; step < c->end; step++) {
        int n = draw_step(p, c->number, step, strokes);
        for (int i = 0; i < n; i++) data_stroke_add(&p->parts, &strokes[i], c->begin, audio);
    }
    return BASE_OK;
}

static base_status read_row(const data_row *row, data_audio *audio, base_error *err) {
    const data_performance *p = row->origin->state;
    crop c = find_crop(p, row);
    return play(p, &c, audio, err);
}

base_status data_performance_play(const data_performance *p, int64_t song, data_audio *audio,
                                  base_error *err) {
    const data_song *s = &p->song[song];
    double seconds = (double)s->n_steps * s->step_s + DATA_PARTS_LONGEST_S;
    crop whole = {
        .number = song, .end = s->n_steps, .n = llround(seconds * p->parts.sample_rate_hz)};
    return play(p, &whole, audio, err);
}

/* ---- its description ---- */

/* The label is what is struck, the parts are all that is heard. */
static base_status describe(data_row *row, base_arena *arena, base_error *err) {
    const data_performance *p = row->origin->state;
    data_stroke strokes[DATA_STROKES_MAX];
    data_part_list list = {.n = 0};
    crop c = find_crop(p, row);
    int n = draw_step(p, c.number, c.step, strokes);
    row->label = data_strokes_label(strokes, n, n == 0 ? "rest" : NULL, arena);
    if (row->label == NULL) return no_memory(err);
    for (int64_t step = c.first; step < c.end; step++) {
        n = draw_step(p, c.number, step, strokes);
        for (int i = 0; i < n; i++) {
            const data_stroke *s = &strokes[i];
            bool is_heard = s->at < c.begin + c.n && s->at + s->n > c.begin;
            if (is_heard) data_part_list_add(&list, s->part);
        }
    }
    return data_part_list_keep(&list, row, arena, err);
}

const data_source data_source_performance = {
    .variant = {"performance", "crops of drum performances played with one-shots", NULL, table,
                sizeof(data_performance_options)},
    .makes_classes = true,
    .list = list_rows,
    .read = read_row,
    .digest = data_parts_digest,
    .load = data_parts_load,
    .describe = describe,
    .unload = data_parts_unload,
    .close = data_parts_close,
};
