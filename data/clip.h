/* data/clip.h - one sound brought into the form that networks take, and facts about it. */
#ifndef DATA_CLIP_H
#define DATA_CLIP_H

#include "data/audio_file.h"
#include "data/manifest.h"
#include "data/sound.h"
#include "dsp/clip.h"

#define DATA_RMS_LEVEL_DB   (-20.0) /* where normalize: rms puts a clip */
#define DATA_BEFORE_ONSET_S 0.001   /* kept before the first loud sample: the attack is whole */
#define DATA_FADE_S         0.005   /* at the end of a clip that was cut */

/* `audio.normalize`. */
enum {
    DATA_NORMALIZE_NONE,
    DATA_NORMALIZE_PEAK,
    DATA_NORMALIZE_RMS,
    DATA_NORMALIZE_STANDARD /* zero mean, unit standard deviation */
};

/* `audio.damaged`. */
enum { DATA_DAMAGED_REFUSE, DATA_DAMAGED_USE };

/* `audio:` in a config. */
typedef struct {
    double sample_rate_hz;
    int64_t channels;   /* 1: mixed down by the mean; 2: stereo (mono doubled) */
    double seconds;     /* longest clip; what is beyond is cut */
    double trim_db;     /* leading silence below this (re the peak) is removed; 0: no trim */
    int normalize;      /* DATA_NORMALIZE_... */
    double min_peak_db; /* a clip whose peak is below this is silent and left out */
    int damaged;        /* DATA_DAMAGED_...: what becomes of sounds that are */
} data_audio_options;
extern const base_option data_audio_table[];

/* Samples per channel of every padded clip: seconds times the sample rate, rounded. */
static inline int64_t data_audio_samples(const data_audio_options *options) {
    return (int64_t)(options->seconds * options->sample_rate_hz + 0.5);
}

static inline dsp_clip_form data_audio_form(const data_audio_options *options) {
    return (dsp_clip_form){.sample_rate_hz = options->sample_rate_hz,
                           .n_channels = options->channels,
                           .n_samples = data_audio_samples(options)};
}

/* Brings a sound into the form of `options`: mix, resample, trim, cut, fade the last 5 ms if cut,
 * normalise. *clip gets its own memory (base_free), n <= seconds * rate, no padding. EDATA "silent"
 * if so, and "damaged: ..." if so and `options` refuses that. Unless `facts` is NULL it gets the
 * facts about the sound (rate, length, channels, peak, clipping and the digest of its content),
 * which there are of a silent one, too. Memory does not grow with the sound's length. */
base_status data_clip_read(data_sound *sound, const data_audio_options *options, data_row *facts,
                           data_audio *clip, base_error *err);

/* Brings a clip that was made with DATA_NORMALIZE_NONE to the level of `normalize`: the same bits
 * as if it had been made with that. */
void data_clip_normalize(const data_audio *clip, int normalize);

/* The clip of samples. */
base_status data_clip_prepare(const data_audio *audio, const data_audio_options *options,
                              data_audio *clip, base_error *err);

#endif
