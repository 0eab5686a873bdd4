#include "dsp/raster.h"

#include <math.h>

/* Of an amplitude, in rows. */
static float height_of(const dsp_raster *r, float amplitude) {
    float clipped = amplitude > 1.0f ? 1.0f : amplitude < -1.0f ? -1.0f : amplitude;
    return 0.5f * (float)r->n_rows * (clipped + 1.0f);
}

static void draw_column(const dsp_raster *r, float low, float high, float *column) {
    float bottom = height_of(r, low) - 0.5f, top = height_of(r, high) + 0.5f;
    for (int64_t i = 0; i < r->n_rows; i++) {
        float below = (float)i > bottom ? (float)i : bottom;
        float above = (float)(i + 1) < top ? (float)(i + 1) : top;
        column[i * r->stride] = above > below ? above - below : 0.0f;
    }
}

void dsp_raster_draw(const dsp_raster *raster, const float *audio, int64_t n, float *picture) {
    for (int64_t t = 0; t < raster->n_columns; t++) {
        int64_t begin = t * raster->hop, end = begin + raster->hop + 1;
        if (begin > n - 1) begin = n - 1;
        if (end > n) end = n;
        float low = audio[begin], high = low;
        for (int64_t i = begin + 1; i < end; i++) {
            low = fminf(low, audio[i]);
            high = fmaxf(high, audio[i]);
        }
        draw_column(raster, low, high, picture + t);
    }
}
