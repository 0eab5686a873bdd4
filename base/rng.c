#include "base/rng.h"

#include <math.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { ROUNDS = 10 };
#define MULTIPLIER_0 0xD2511F53u
#define MULTIPLIER_1 0xCD9E8D57u
#define WEYL_0       0x9E3779B9u /* golden ratio */
#define WEYL_1       0xBB67AE85u /* sqrt(3) - 1 */

void base_rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0, p1 = (uint64_t)MULTIPLIER_1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

base_rng base_rng_open(uint64_t seed, uint32_t purpose, uint64_t a, uint64_t b) {
    return (base_rng){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                      .counter = {0, (uint32_t)b, (uint32_t)a, purpose}};
}

uint32_t base_rng_u32(base_rng *rng) {
    if (rng->n_left == 0) {
        base_rng_philox(rng->counter, rng->key, rng->block);
        rng->counter[0]++;
        rng->n_left = 4;
    }
    return rng->block[4 - rng->n_left--];
}

uint64_t base_rng_u64(base_rng *rng) {
    uint64_t low = base_rng_u32(rng);
    return low | (uint64_t)base_rng_u32(rng) << 32;
}

/* The upper 24 bits as a fraction: every value is exact, none rounds up to 1. */
static float uniform_of(uint32_t bits) {
    return (float)(int32_t)(bits >> 8) * 0x1p-24f;
}

float base_rng_uniform(base_rng *rng) {
    return uniform_of(base_rng_u32(rng));
}

static double uniform53(base_rng *rng) {
    return (double)(base_rng_u64(rng) >> 11) * 0x1p-53;
}

double base_rng_range(base_rng *rng, double lo, double hi) {
    double value = lo + uniform53(rng) * (hi - lo);
    return value < hi || !(lo < hi) ? value : nextafter(hi, lo);
}

float base_rng_normal(base_rng *rng) {
    double radius = sqrt(-2.0 * log(1.0 - uniform53(rng))); /* 1 - u is never 0 */
    return (float)(radius * cos(6.283185307179586 * uniform53(rng)));
}

/* Values past the last whole multiple of n are drawn again, so that no remainder is favoured. */
int64_t base_rng_below(base_rng *rng, int64_t n) {
    BASE_CHECK(n > 0);
    uint64_t range = (uint64_t)n, surplus = (UINT64_MAX % range + 1) % range, bits;
    do {
        bits = base_rng_u64(rng);
    } while (bits > UINT64_MAX - surplus);
    return (int64_t)(bits % range);
}

bool base_rng_chance(base_rng *rng, double p) {
    return uniform53(rng) < p;
}

void base_rng_shuffle(base_rng *rng, int64_t *items, int64_t n) {
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = base_rng_below(rng, i + 1);
        int64_t item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}

enum { FILL_BLOCKS = 8 };

#if defined(__SSE2__)

/* One block per 64-bit lane, two lanes per register. A product has its low half where the next
 * multiplication looks for it and its high half one shift away; multiplications ignore what stands
 * in the upper halves of their operands. */
typedef struct {
    __m128i word[4];
} block_pair;

static block_pair load_pair(const uint32_t counter[4], uint32_t first) {
    block_pair pair;
    for (int j = 1; j < 4; j++) pair.word[j] = _mm_set1_epi32((int)counter[j]);
    pair.word[0] = _mm_set_epi32(0, (int)(counter[0] + first + 1), 0, (int)(counter[0] + first));
    return pair;
}

static void round_pair(block_pair *pair, __m128i key_0, __m128i key_1) {
    __m128i *c = pair->word;
    __m128i p0 = _mm_mul_epu32(c[0], _mm_set1_epi32((int)MULTIPLIER_0));
    __m128i p1 = _mm_mul_epu32(c[2], _mm_set1_epi32((int)MULTIPLIER_1));
    c[0] = _mm_xor_si128(_mm_xor_si128(_mm_srli_epi64(p1, 32), c[1]), key_0);
    c[2] = _mm_xor_si128(_mm_xor_si128(_mm_srli_epi64(p0, 32), c[3]), key_1);
    c[1] = p1;
    c[3] = p0;
}

static void store_uniforms(__m128i bits, float out[4]) {
    __m128 value = _mm_cvtepi32_ps(_mm_srli_epi32(bits, 8));
    _mm_storeu_ps(out, _mm_mul_ps(value, _mm_set1_ps(0x1p-24f)));
}

static void store_pair(const block_pair *pair, float out[8]) {
    const __m128i *c = pair->word;
    __m128i low_01 = _mm_unpacklo_epi32(c[0], c[1]), low_23 = _mm_unpacklo_epi32(c[2], c[3]);
    __m128i high_01 = _mm_unpackhi_epi32(c[0], c[1]), high_23 = _mm_unpackhi_epi32(c[2], c[3]);
    store_uniforms(_mm_unpacklo_epi64(low_01, low_23), out);
    store_uniforms(_mm_unpacklo_epi64(high_01, high_23), out + 4);
}

/* The uniforms of FILL_BLOCKS blocks from the current counter on. */
static void fill_blocks(const base_rng *rng, float out[4 * FILL_BLOCKS]) {
    enum { PAIRS = FILL_BLOCKS / 2 };
    block_pair pairs[PAIRS];
    uint32_t k0 = rng->key[0], k1 = rng->key[1];
    for (int i = 0; i < PAIRS; i++) pairs[i] = load_pair(rng->counter, 2 * (uint32_t)i);
    for (int round = 0; round < ROUNDS; round++) {
        __m128i key_0 = _mm_set1_epi32((int)k0), key_1 = _mm_set1_epi32((int)k1);
        for (int i = 0; i < PAIRS; i++) round_pair(&pairs[i], key_0, key_1);
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    for (int i = 0; i < PAIRS; i++) store_pair(&pairs[i], out + 8 * i);
}

#else

static void fill_blocks(const base_rng *rng, float out[4 * FILL_BLOCKS]) {
    base_rng ahead = *rng;
    for (int i = 0; i < 4 * FILL_BLOCKS; i++) out[i] = base_rng_uniform(&ahead);
}

#endif

void base_rng_fill_uniform(base_rng *rng, float *out, int64_t n) {
    int64_t i = 0;
    while (i < n && rng->n_left > 0) out[i++] = base_rng_uniform(rng);
    for (; n - i >= 4 * FILL_BLOCKS; i += 4 * FILL_BLOCKS) {
        fill_blocks(rng, out + i);
        rng->counter[0] += FILL_BLOCKS;
    }
    while (i < n) out[i++] = base_rng_uniform(rng);
}
