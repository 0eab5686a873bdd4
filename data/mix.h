/* data/mix.h - sounds made from one-shots: parts struck together (source: mix), and crops of
 * performances (source: performance).
 *
 * The one-shots are a data set of their own, `parts:`. They are decoded once, brought to full scale
 * and dealt into pools: kits and copies stay together, and every pool has every class of parts; the
 * same parts give the same pools. All parts of a sound come from one pool. What a sound is made of
 * depends on its source's seed, its class and its number alone.
 *
 * A data_mix stands for one source. Rows refer to it, the manifest owns it. Sounds can be made
 * between _prepare and _rest, by any number of threads at once. */
#ifndef DATA_MIX_H
#define DATA_MIX_H

#include "data/cache.h"

enum { DATA_MIX_MAX_PARTS = 64 };
#define DATA_MIX_PART_S 4.0 /* what is kept of a one-shot: what rings on, and tails */

/* Classes of parts, as bits: what is struck together. */
typedef uint64_t data_mix_set;

typedef struct {
    const float *x; /* planar, n samples per channel */
    int64_t n, onset;
    data_row_part source;
} data_part;

typedef struct {
    double step_s; /* an eighth note */
    int64_t n_steps;
    const data_mix_set *set; /* [n_steps] what is struck at each */
} data_song;

struct data_mix {
    data_mix *next;
    data_source_options options;
    data_manifest parts;
    const data_mix_set *set; /* [options.classes.n]; 0: rest */
    /* performance */
    const data_song *song;       /* [options.songs] */
    data_mix_set hats, open_hat; /* a hat that is struck ends an open one's ringing */

    /* From _prepare on */
    double sample_rate_hz;
    int64_t n_channels, n_longest; /* samples that no sound needs to exceed */
    base_digest digest;            /* of all that decides the sounds */
    data_clips clips;
    data_part *part; /* [clips.n_clips], pool by pool and class by class */
    int64_t *first;  /* [pools * parts.n_classes + 1] where each pool's each class starts */
};

/* Opens the parts and reads the classes wanted; the manifest takes the mix, also if this fails. */
base_status data_mix_new(const data_source_options *options, data_manifest *manifest,
                         data_mix **mix, base_error *err);
void data_mix_free(data_mix *mixes); /* and all that follow it */

/* Bit of the class of parts named `name[n]`, 0 if there is none. */
data_mix_set data_mix_part(const data_mix *mix, const char *name, size_t n);

/* Name of the class that strikes this set; NULL if no class does. */
const char *data_mix_class(const data_mix *mix, data_mix_set set);

/* Decodes the parts and deals them, with a note. EDATA if the pools can't be filled. */
base_status data_mix_prepare(data_mix *mix, data_manifest *manifest,
                             const data_audio_options *options, const char *cache_folder,
                             const data_work *work, base_error *err);
/* Tells what each of its rows is made of: the label what is struck, the parts whatever is heard. */
base_status data_mix_tell(const data_mix *mix, data_manifest *manifest, base_error *err);
void data_mix_rest(data_mix *mix); /* gives back the memory of the parts */

/* Makes the sound of a row. */
base_status data_mix_read(const data_row *row, data_audio *audio, base_error *err);

/* Plays a whole song; crops of it are the rows of the performance. */
base_status data_mix_play(const data_mix *mix, int64_t song, data_audio *audio, base_error *err);

#endif
