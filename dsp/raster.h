/* dsp/raster.h - a waveform drawn as an image, as a plot shows it. */
#ifndef DSP_RASTER_H
#define DSP_RASTER_H

#include "base/status.h"

/* Column t shows the samples [t hop, (t + 1) hop], so that neighbours join; past the end, the last
 * sample. Rows divide the amplitudes from -1, below row 0, to 1; what lies beyond is drawn at the
 * edge. */
typedef struct {
    int64_t n_rows, n_columns, hop;
    int64_t stride; /* floats from one row to the next */
} dsp_raster;

/* Each pixel is the share of its height, 0 to 1, that is covered by a line one row thick
 * from the column's smallest to its largest sample. audio [n], n >= 1; picture [n_rows, n_columns]
 * is overwritten. */
void dsp_raster_draw(const dsp_raster *raster, const float *audio, int64_t n, float *picture);

#endif
