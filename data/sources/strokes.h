/* data/sources/strokes.h - strokes of parts: drawn at random, mixed into a sound, described and
 * listed. */
#ifndef DATA_SOURCES_STROKES_H
#define DATA_SOURCES_STROKES_H

#include "base/rng.h"
#include "data/sources/parts.h"

/* One of every class, and a tail. */
enum { DATA_STROKES_MAX = DATA_PARTS_MAX_CLASSES + 1 };

typedef struct {
    const data_part *part;
    int64_t from, n; /* samples of the part */
    int64_t at;      /* where they begin */
    double gain_db;
    double late_ms;
    bool damped; /* fades out at the end */
    bool tail;   /* of an earlier stroke, as if the sound were cut from a performance */
} data_stroke;

/* One of the parts of a pool's class; one number is drawn. */
const data_part *data_stroke_part(const data_parts *parts, int64_t pool, int class_index,
                                  base_rng *rng);
/* Draws how the part is struck. */
data_stroke data_stroke_draw(const data_parts *parts, const data_part *part, base_rng *rng);

/* An empty sound of n samples; free with data_audio_release. */
base_status data_strokes_begin(const data_parts *parts, int64_t n, data_audio *audio,
                               base_error *err);
/* Adds the part of the stroke that lies in `audio`, which begins at sample `begin`. */
void data_stroke_add(const data_parts *parts, const data_stroke *stroke, int64_t begin,
                     data_audio *audio);

/* A row's label: "Kit/kick.wav -3.2 dB 4.0 ms + tail of Kit/hat.wav -0.5 dB", then `last` unless it
 * is NULL. NULL when out of memory. */
const char *data_strokes_label(const data_stroke *strokes, int n, const char *last,
                               base_arena *arena);

/* One-shots, each once. All zeros is empty. */
typedef struct {
    data_row_part items[DATA_STROKES_MAX];
    int64_t n;
} data_part_list;
void data_part_list_add(data_part_list *list, const data_part *part);
/* Makes them the row's parts. */
base_status data_part_list_keep(const data_part_list *list, data_row *row, base_arena *arena,
                                base_error *err);

#endif
