/* dsp/scratch.h - cuts a caller's scratch memory into aligned pieces. */
#ifndef DSP_SCRATCH_H
#define DSP_SCRATCH_H

#include "base/arena.h"

typedef struct {
    char *memory; /* NULL: only count */
    size_t used_bytes;
} dsp_scratch;

/* The next n items of size_bytes, from a multiple of BASE_ALIGNMENT on; NULL when counting. */
static inline void *dsp_scratch_take(dsp_scratch *scratch, int64_t n, size_t size_bytes) {
    void *piece = scratch->memory != NULL ? scratch->memory + scratch->used_bytes : NULL;
    size_t n_bytes = (size_t)n * size_bytes;
    scratch->used_bytes += (n_bytes + BASE_ALIGNMENT - 1) / BASE_ALIGNMENT * BASE_ALIGNMENT;
    return piece;
}

#endif
