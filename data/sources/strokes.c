#include "data/sources/strokes.h"

#include <math.h>
#include <string.h>

#define HEADROOM  0.25f /* so that a few parts at full scale stay within it */
#define DAMPING_S 0.005

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for mixing");
}

const data_part *data_stroke_part(const data_parts *parts, int64_t pool, int class_index,
                                  base_rng *rng) {
    int64_t bin = pool * parts->manifest.n_classes + class_index;
    int64_t n = parts->first[bin + 1] - parts->first[bin];
    return &parts->part[parts->first[bin] + base_rng_below(rng, n)];
}

data_stroke data_stroke_draw(const data_parts *parts, const data_part *part, base_rng *rng) {
    const data_parts_options *o = parts->options;
    data_stroke s = {.part = part, .from = part->onset, .n = part->n - part->onset};
    s.gain_db = base_rng_range(rng, o->gain_db[0], o->gain_db[1]);
    s.late_ms = base_rng_range(rng, o->jitter_ms[0], o->jitter_ms[1]);
    s.at = llround(s.late_ms * 1e-3 * parts->sample_rate_hz);
    return s;
}

base_status data_strokes_begin(const data_parts *parts, int64_t n, data_audio *audio,
                               base_error *err) {
    *audio = (data_audio){base_alloc((size_t)(n * parts->n_channels), sizeof *audio->x),
                          parts->n_channels, n, parts->sample_rate_hz};
    return audio->x != NULL ? BASE_OK : no_memory(err);
}

void data_stroke_add(const data_parts *parts, const data_stroke *s, int64_t begin,
                     data_audio *audio) {
    float gain = HEADROOM * (float)pow(10.0, s->gain_db / 20);
    int64_t n_fade = s->damped ? llround(DAMPING_S * parts->sample_rate_hz) : 0;
    int64_t first = begin > s->at ? begin - s->at : 0;
    int64_t end = begin + audio->n - s->at < s->n ? begin + audio->n - s->at : s->n;
    for (int64_t c = 0; c < parts->n_channels; c++) {
        const float *x = s->part->x + c * s->part->n + s->from;
        int64_t to = c * audio->n + s->at - begin;
        for (int64_t i = first; i < end; i++) {
            float fade = s->n - i <= n_fade ? (float)(s->n - 1 - i) / (float)n_fade : 1.0f;
            audio->x[to + i] += gain * fade * x[i];
        }
    }
}

const char *data_strokes_label(const data_stroke *strokes, int n, const char *last,
                               base_arena *arena) {
    base_text text = {0};
    for (int i = 0; i < n; i++) {
        base_text_printf(&text, "%s%s%s %.1f dB", i > 0 ? " + " : "",
                         strokes[i].tail ? "tail of " : "", strokes[i].part->source.name,
                         strokes[i].gain_db);
        if (strokes[i].late_ms > 0) base_text_printf(&text, " %.1f ms", strokes[i].late_ms);
    }
    if (last != NULL) base_text_printf(&text, "%s%s", n > 0 ? " + " : "", last);
    const char *label = text.failed ? NULL : base_arena_string(arena, base_text_string(&text));
    base_text_release(&text);
    return label;
}

void data_part_list_add(data_part_list *list, const data_part *part) {
    for (int64_t i = 0; i < list->n; i++) {
        if (base_digest_equal(list->items[i].content, part->source.content)) return;
    }
    list->items[list->n++] = part->source;
}

base_status data_part_list_keep(const data_part_list *list, data_row *row, base_arena *arena,
                                base_error *err) {
    if (list->n == 0) return BASE_OK;
    data_row_part *parts = base_arena_alloc(arena, (size_t)list->n, sizeof *parts);
    if (parts == NULL) return no_memory(err);
    memcpy(parts, list->items, (size_t)list->n * sizeof *parts);
    row->parts = parts;
    row->n_parts = list->n;
    return BASE_OK;
}
