/* nn/kernels/kernels_mask.h - included by kernels.c alone: random masks. */
#ifndef NN_KERNELS_KERNELS_MASK_H
#define NN_KERNELS_KERNELS_MASK_H

#include "nn/kernels/kernels_vectors.h"

/* Words of 32 bits, each in the lower half of a 64-bit lane, where one instruction multiplies them;
 * the upper half may hold anything. */
typedef uint64_t words __attribute__((vector_size(4 * WIDTH)));
enum { WORDS = WIDTH / 2 };

INLINE words multiply_words(words a, uint32_t b) {
#if defined(__AVX512F__)
    return (words)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(b));
#elif defined(__AVX2__)
    return (words)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(b));
#elif defined(__SSE2__)
    return (words)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(b));
#else
    return (a & 0xffffffffu) * b;
#endif
}

/* A round of Philox4x32 (base/rng.h), one block per lane. */
INLINE void philox_round(words c[4], const words key[2]) {
    words p0 = multiply_words(c[0], 0xD2511F53u), p1 = multiply_words(c[2], 0xCD9E8D57u);
    c[0] = (p1 >> 32) ^ c[1] ^ key[0];
    c[1] = p1;
    c[2] = (p0 >> 32) ^ c[3] ^ key[1];
    c[3] = p0;
}

enum { ROUNDS = 10 };

INLINE void philox_keys(const nn_mask_source *source, words key[ROUNDS][2]) {
    static const uint32_t step[2] = {0x9E3779B9u, 0xBB67AE85u};
    for (uint32_t i = 0; i < 2 * ROUNDS; i++) {
        for (int w = 0; w < WORDS; w++) {
            key[i / 2][i % 2][w] = source->key[i % 2] + i / 2 * step[i % 2];
        }
    }
}

/* word[j * NN_MASK_BLOCKS + i] is word j of block first + i, for WIDTH blocks: those of even number
 * and those of odd number are computed apart and joined. */
INLINE void philox_blocks(const nn_mask_source *source, const words key[ROUNDS][2], uint32_t first,
                          uint32_t *word) {
    words even[4], odd[4], step, none = {0};
    UNROLL for (int i = 0; i < WORDS; i++) step[i] = first + 2 * (uint32_t)i;
    even[0] = step + source->counter[0];
    odd[0] = even[0] + 1;
    UNROLL for (int j = 1; j < 4; j++) {
        even[j] = none + source->counter[j];
        odd[j] = even[j];
    }
    UNROLL for (int round = 0; round < ROUNDS; round++) {
        philox_round(even, key[round]);
        philox_round(odd, key[round]);
    }
    UNROLL for (int j = 0; j < 4; j++) {
        words both = (even[j] & 0xffffffffu) | (odd[j] << 32);
        memcpy(word + j * NN_MASK_BLOCKS, &both, sizeof both);
    }
}

/* Two numbers of 16 bits from each word: first the lower halves of a row of words, then the upper.
 */
static void draw_mask(const nn_mask_source *source, uint8_t *keep, int64_t n) {
    uint32_t word[4][NN_MASK_BLOCKS], threshold = source->threshold;
    uint8_t drawn[NN_MASK_NUMBERS];
    words key[ROUNDS][2];
    philox_keys(source, key);
    for (int64_t at = 0; at < n; at += NN_MASK_NUMBERS) {
        uint32_t first = (uint32_t)(at / NN_MASK_NUMBERS * NN_MASK_BLOCKS);
        for (int i = 0; i < NN_MASK_BLOCKS; i += WIDTH) {
            philox_blocks(source, key, first + (uint32_t)i, &word[0][i]);
        }
        for (int j = 0; j < 4; j++) {
            uint8_t *low = drawn + 2 * j * NN_MASK_BLOCKS, *high = low + NN_MASK_BLOCKS;
            EACH(i, NN_MASK_BLOCKS) low[i] = (word[j][i] & 0xffff) >= threshold;
            EACH(i, NN_MASK_BLOCKS) high[i] = (word[j][i] >> 16) >= threshold;
        }
        int64_t left = n - at;
        memcpy(keep + at, drawn, (size_t)(left < NN_MASK_NUMBERS ? left : NN_MASK_NUMBERS));
    }
}

#endif
