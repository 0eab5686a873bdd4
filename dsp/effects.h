/* dsp/effects.h - changes to a clip's waveform, for augmentation.
 *
 * All work in place, keep the length and are deterministic; random choices are the caller's, given
 * as arguments or as a base_rng. */
#ifndef DSP_EFFECTS_H
#define DSP_EFFECTS_H

#include "base/rng.h"
#include "base/status.h"
#include "dsp/clip.h"

void dsp_polarity(dsp_clip clip);
void dsp_gain(dsp_clip clip, double gain_db);
void dsp_channel_swap(dsp_clip clip); /* reverses the order of channels */
/* Mid/side: side *= 1 + depth, for stereo; others are left alone. depth -1 gives mono. */
void dsp_stereo_image(dsp_clip clip, double depth);
/* Delays the sound by `shift` samples (advances it where negative); zeros fill the gap. */
void dsp_time_shift(dsp_clip clip, int64_t shift);

typedef enum { DSP_NOISE_WHITE, DSP_NOISE_PINK } dsp_noise_kind;
/* Adds Gaussian noise whose power over the clip is snr_db below the clip's; silence stays as it is.
 * White, or pink: 1/f, -3 dB per octave, within 0.05 dB from 1/4800 of the sample rate on, flat
 * below. dsp/noise.c */
base_status dsp_noise(dsp_clip clip, dsp_noise_kind kind, double snr_db, base_rng *rng,
                      base_error *err);

typedef enum { DSP_DISTORTION_SOFT, DSP_DISTORTION_HARD } dsp_distortion_kind;
/* Drives by gain_db, then tanh (soft) or clips to [-1, 1] (hard), then restores the clip's peak. */
void dsp_distortion(dsp_clip clip, dsp_distortion_kind kind, double gain_db);

/* The largest |x|, at least 0; NaNs are skipped. */
float dsp_peak(const float *x, int64_t n);
/* Scales so that the peak (or the RMS) is at `level_db` re 1; silence is left alone. */
void dsp_normalize_peak(dsp_clip clip, double level_db);
void dsp_normalize_rms(dsp_clip clip, double level_db);
/* Zero mean and unit standard deviation over all channels (a constant clip becomes zero). */
void dsp_normalize_standard(dsp_clip clip);

/* The span that is not silent, as librosa.effects.trim(top_db, frame_length, hop_length, ref=max):
 * frames whose RMS (over all channels: maximum) is within top_db of the loudest. Returns false if
 * the clip has no sound at all (*begin = *end = 0). */
bool dsp_trim(dsp_clip clip, double top_db, int64_t frame, int64_t hop, int64_t *begin,
              int64_t *end);

/* As early samplers did it: holds each sample until the next at rate_hz is due, without an
 * anti-aliasing filter (not at all above the clip's rate), and rounds to multiples of the clip's
 * peak / 2^(bits - 1). bits >= 1 need not be whole. */
void dsp_crush(dsp_clip clip, double bits, double rate_hz);

/* Linear fade of the last n_fade samples. */
void dsp_fade_out(dsp_clip clip, int64_t n_fade);

/* Exponential decay from the clip's first sample: 60 dB in `seconds` > 0. Zeros from -120 dB on. */
void dsp_decay(dsp_clip clip, double seconds);

/* SpecAugment masks (Park et al. 2019) on features [C,F,T]: n bands or spans, each up to max_width
 * wide, set to `value`. */
typedef struct {
    int64_t max_width, n;
    float value;
} dsp_masks;
void dsp_mask_frequency(float *features, const int64_t shape[3], dsp_masks masks, base_rng *rng);
void dsp_mask_time(float *features, const int64_t shape[3], dsp_masks masks, base_rng *rng);

/* Encodes to MP3 at `kbps` in memory and back, delay removed, same length. EDATA when the library
 * cannot encode that rate (32, 44.1, 48 kHz and their halves and quarters can). dsp/mp3.c */
base_status dsp_mp3_round_trip(dsp_clip clip, int64_t kbps, base_error *err);

#endif
