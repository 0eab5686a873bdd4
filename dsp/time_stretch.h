/* dsp/time_stretch.h - changes a clip's duration and keeps its pitch: a phase vocoder.
 *
 * Analysis frames are read at the places given by a map from stretched time to the clip's time.
 * Around each onset the map runs at the clip's own speed and the vocoder starts from the clip's
 * phases, so that an attack is copied, not smeared; the time so lost is made up between onsets.
 * Elsewhere the phase of each spectral peak advances as much as between two analysis frames one hop
 * apart, and the bins around a peak turn with it (Laroche & Dolson 1999, identity phase locking).
 * With that pair of frames no phase is ever unwrapped: a turn is a product of complex numbers. */
#ifndef DSP_TIME_STRETCH_H
#define DSP_TIME_STRETCH_H

#include <complex.h>

#include "dsp/effects.h"
#include "dsp/scratch.h"

typedef struct dsp_time_stretch dsp_time_stretch; /* immutable: shared by threads */

base_status dsp_time_stretch_new(dsp_time_stretch **stretch, base_error *err);
void dsp_time_stretch_free(dsp_time_stretch *stretch);

/* Sample numbers of the attacks in a clip, ascending, at most dsp_onsets_max(clip.n) of them.
 * energies: scratch, one float for each 64 samples begun. Returns how many. */
int64_t dsp_onsets(dsp_clip clip, float *energies, int64_t *onsets);
int64_t dsp_onsets_max(int64_t n);
int64_t dsp_onsets_energies(int64_t n);

/* Where stretched time comes from: piecewise linear, ascending. */
typedef struct {
    double stretched, clip; /* both in samples: where the piece begins */
    double speed;           /* samples of the clip per stretched sample */
    bool locked;            /* an attack is copied here */
} dsp_time_piece;

/* The map for a stretch by `ratio` of n samples; pieces has room for 2 * n_onsets + 2. Returns how
 * many there are, at least one. */
int64_t dsp_time_map(int64_t n, double ratio, const int64_t *onsets, int64_t n_onsets,
                     dsp_time_piece *pieces);

/* One run's buffers; cut takes them out of scratch, or counts what they need. */
typedef struct {
    void *stft;
    float complex *now, *before; /* spectra of the clip, one hop apart */
    float complex *turned;       /* the last synthesis frame's */
    float *power;                /* of now, with two places more at each end */
    double complex *spectrum;
    double *frame;
} dsp_stretch_buffers;

dsp_stretch_buffers dsp_time_stretch_cut(const dsp_time_stretch *stretch, dsp_scratch *scratch);

typedef struct {
    const float *x; /* [n] */
    float *y;       /* [n_out], overwritten */
    int64_t n, n_out;
    const dsp_time_piece *pieces; /* [n_pieces] */
    int64_t n_pieces;
} dsp_stretch_job;

void dsp_time_stretch_run(const dsp_time_stretch *stretch, const dsp_stretch_job *job,
                          const dsp_stretch_buffers *buffers);

#endif
