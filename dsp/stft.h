/* dsp/stft.h - short-time Fourier transform, as librosa.stft.
 *
 * Frame t covers x[t * hop - n_fft / 2, ...) when centred (the signal is extended at both ends by
 * `pad`), x[t * hop, ...) otherwise. Window: periodic, of win_length, centred in n_fft. With
 * DSP_PAD_SAME a centred signal gets as many zeros as ceil(n / hop) frames need, half of them in
 * front, an odd one behind: TensorFlow's "same". */
#ifndef DSP_STFT_H
#define DSP_STFT_H

#include <complex.h>

#include "base/status.h"

typedef enum { DSP_HANN, DSP_HAMMING, DSP_RECTANGULAR } dsp_window_kind;
typedef enum { DSP_PAD_REFLECT, DSP_PAD_ZERO, DSP_PAD_SAME } dsp_pad_kind;

typedef struct {
    int64_t n_fft, hop, win_length; /* 1 <= hop, win_length <= n_fft */
    dsp_window_kind window;
    bool centered;
    dsp_pad_kind pad;
} dsp_stft_options;

typedef struct dsp_stft dsp_stft; /* immutable once made: shared by threads */

base_status dsp_stft_new(const dsp_stft_options *options, dsp_stft **stft, base_error *err);
void dsp_stft_free(dsp_stft *stft);
/* Frames for n samples: 1 + n / hop when centred (n - 1 where n_fft is odd or padding is the same),
 * 1 + (n - n_fft) / hop (0 if n < n_fft) otherwise. */
int64_t dsp_stft_frames(const dsp_stft *stft, int64_t n);
/* Of n samples extended for all frames: what is added before the first and after the last. Frame t
 * covers x[t * hop - before, ...). 0 after where the last frame ends earlier. */
void dsp_stft_extension(const dsp_stft *stft, int64_t n, int64_t *before, int64_t *after);
/* Of the 64-byte aligned scratch that a call needs. */
size_t dsp_stft_scratch_bytes(const dsp_stft *stft);

/* The n_fft / 2 + 1 bins of the one frame that starts at sample `start` of x[n], extended by `pad`
 * as far as the frame reaches. They lie in scratch, until its next use. */
const float complex *dsp_stft_at(const dsp_stft *stft, const float *x, int64_t n, int64_t start,
                                 void *scratch);

/* The bins of frame t, 0 <= t < dsp_stft_frames(stft, n), likewise. A signal too short to reflect
 * is reflected repeatedly, as numpy does; n >= 1. */
const float complex *dsp_stft_frame(const dsp_stft *stft, const float *x, int64_t n, int64_t t,
                                    void *scratch);

/* The powers |X|^2 of the n_fft / 2 + 1 bins of frame t, likewise. NULL if all samples of the frame
 * are zero, and so all its powers. */
const float *dsp_stft_power(const dsp_stft *stft, const float *x, int64_t n, int64_t t,
                            void *scratch);

/* [n_fft], win_length of it not zero; lives as long as stft. */
const double *dsp_stft_window(const dsp_stft *stft);

/* window[n]: periodic form, scipy.signal.get_window(kind, n, fftbins=True). */
void dsp_window(dsp_window_kind kind, int64_t n, float *window);

#endif
