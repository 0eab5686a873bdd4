/* base/rng.h - counter-based random numbers: Philox4x32-10.
 *
 * J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A stream is named by
 * (seed, purpose, a, b), for example (run seed, AUGMENT, epoch, sample); any stream can be opened
 * at any time in any thread and always yields the same numbers. There is no shared state. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/status.h"

/* What a stream is for. Append only: a number that moves changes every experiment's bits. */
typedef enum {
    BASE_RNG_INIT = 1,
    BASE_RNG_SHUFFLE,
    BASE_RNG_AUGMENT,
    BASE_RNG_DROPOUT,
    BASE_RNG_FOLDS,
    BASE_RNG_SYNTH,
    BASE_RNG_BOOTSTRAP,
    BASE_RNG_MIXUP,
    BASE_RNG_DRAW,
    BASE_RNG_FOREST,
    BASE_RNG_TEST,
    BASE_RNG_MIX,
    BASE_RNG_PERFORMANCE,
    BASE_RNG_DRUMSYNTH,
    BASE_RNG_DECOY,
    BASE_RNG_MAP,
    BASE_RNG_KIT
} base_rng_purpose;

typedef struct {
    uint32_t key[2];
    uint32_t counter[4]; /* block, b, a, purpose */
    uint32_t block[4];   /* the current block's four numbers */
    int n_left;
} base_rng;

/* Opens the stream (seed, purpose, a, b). a and b are taken modulo 2^32, purpose may carry further
 * bits above bit 8 (a layer number, say): a stream holds 2^34 numbers. */
base_rng base_rng_open(uint64_t seed, uint32_t purpose, uint64_t a, uint64_t b);

uint32_t base_rng_u32(base_rng *rng);
uint64_t base_rng_u64(base_rng *rng);
float base_rng_uniform(base_rng *rng);                      /* [0, 1), 24 bits */
double base_rng_range(base_rng *rng, double lo, double hi); /* [lo, hi), 53 bits */
float base_rng_normal(base_rng *rng);             /* mean 0, standard deviation 1 (Box-Muller) */
int64_t base_rng_below(base_rng *rng, int64_t n); /* [0, n), unbiased; n > 0 */
bool base_rng_chance(base_rng *rng, double p);    /* true with probability p */
void base_rng_shuffle(base_rng *rng, int64_t *items, int64_t n); /* Fisher-Yates */

/* Fills out[n] with uniforms of [0, 1): the stream's next n numbers, four at a time. */
void base_rng_fill_uniform(base_rng *rng, float *out, int64_t n);

/* The raw block function, for the published test vectors. */
void base_rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
