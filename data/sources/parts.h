/* data/sources/parts.h - the one-shots that a source makes its sounds from (mix, performance).
 *
 * They are a data set of their own, `parts:`. Loaded, they are decoded, brought to full scale and
 * divided into pools: kits and copies stay together, and every pool has every class of parts; the
 * same parts give the same pools. All parts of a sound come from one pool. What a sound is made
 * from depends on its source's seed, its class and its number alone. */
#ifndef DATA_SOURCES_PARTS_H
#define DATA_SOURCES_PARTS_H

#include "data/clips.h"
#include "data/source.h"

enum { DATA_PARTS_MAX_CLASSES = 64 };
#define DATA_PARTS_LONGEST_S 4.0 /* of a one-shot are kept: its decay, and tails */

/* Classes of parts, as bits: what is struck together. */
typedef uint64_t data_part_set;

typedef struct {
    const float *x; /* planar, n samples per channel */
    int64_t n, onset;
    data_row_part source;
} data_part;

/* Keys of the sources that are made of parts. */
typedef struct {
    const base_node *node; /* the data set of one-shots */
    int64_t pools;         /* how many the one-shots are divided into */
    int64_t seed;
    double gain_db[2], jitter_ms[2]; /* of every part */
} data_parts_options;
#define DATA_PARTS_ROWS(type, field)                                                               \
    {"parts",                                                                                      \
     BASE_OPT_NODE,                                                                                \
     offsetof(type, field.node),                                                                   \
     NULL,                                                                                         \
     0,                                                                                            \
     0,                                                                                            \
     NULL,                                                                                         \
     NULL,                                                                                         \
     "the one-shots to make sounds of, described as a data set is; required"},                     \
        {"pools",                                                                                  \
         BASE_OPT_INT,                                                                             \
         offsetof(type, field.pools),                                                              \
         "5",                                                                                      \
         1,                                                                                        \
         20,                                                                                       \
         NULL,                                                                                     \
         NULL,                                                                                     \
         "how many pools the one-shots are divided into, kits and copies together; a sound is "    \
         "made from one pool, which is its group"},                                                \
        {"gain_db", BASE_OPT_RANGE, offsetof(type, field.gain_db), "[-9, 0]", -60, 0,              \
         NULL,      "dB",           "range of each part's gain"},                                  \
        {"jitter_ms", BASE_OPT_RANGE, offsetof(type, field.jitter_ms),        "[0, 15]", 0, 100,   \
         NULL,        "ms",           "range of how late each part is struck"},                    \
        DATA_SEED_ROW(type, field.seed, "")

/* The state of such a source begins with this. */
typedef struct {
    const data_parts_options *options;
    base_strings classes;           /* that are to be made, */
    const data_part_set *class_set; /* [classes.n] and what is struck in each; 0: rest */
    data_manifest manifest;
    base_digest settings; /* of what the kind adds to these options */

    /* While loaded */
    double sample_rate_hz;
    int64_t n_channels, n_longest; /* samples that no sound needs to exceed */
    base_digest digest;            /* of all that decides the sounds */
    data_clips clips;
    data_part *part; /* [clips.n_clips], pool by pool and class by class */
    int64_t *first;  /* [pools * classes of parts + 1] where each pool's each class starts */
} data_parts;

/* Opens the parts and reads the classes wanted into a new state of size_bytes, which becomes the
 * origin's, also if this fails. */
base_status data_parts_open(data_origin *origin, const data_parts_options *options,
                            size_t size_bytes, data_manifest *manifest, base_error *err);

/* Functions for the data_source. Loading decodes the parts and divides them into pools, with a
 * note; EDATA if the pools cannot be filled. */
base_status data_parts_load(data_origin *origin, data_manifest *manifest,
                            const data_audio_options *audio, const data_work *work,
                            base_error *err);
void data_parts_unload(data_origin *origin);
void data_parts_close(data_origin *origin);
base_digest data_parts_digest(const data_row *row);

/* Bit of the class of parts named `name[n]`, 0 if there is none. */
data_part_set data_parts_find(const data_parts *parts, const char *name, size_t n);
/* Name of the class in which this set is struck; NULL if there is none. */
const char *data_parts_class(const data_parts *parts, data_part_set set);

#endif
