/* An MP3 encoded and decoded in memory. The encoder notes its delay in the stream's first frame and
 * the decoder takes it off again, so that the sound comes back where it was. */
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/effects.h"
#include "dsp/sound_memory.h"

/* What the codec takes and gives late: encoder 576, decoder 529 samples. A stream too thin to hold
 * the note about it comes back with that delay, and so longer than it went in. */
enum { DELAY = 576 + 529 };

/* libsndfile wants a place between the largest (0) and the smallest (1) bit rate of the MPEG
 * version that has this sample rate. */
static double compression_level(int sample_rate, int64_t kbps) {
    double most = sample_rate >= 32000 ? 320.0 : sample_rate >= 16000 ? 160.0 : 64.0;
    double least = sample_rate >= 32000 ? 32.0 : 8.0;
    return fmin(fmax((most - (double)kbps) / (most - least), 0.0), 1.0);
}

static SF_INFO stream_info(dsp_clip clip) {
    return (SF_INFO){.samplerate = (int)clip.sample_rate_hz,
                     .channels = (int)clip.n_channels,
                     .format = SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III};
}

/* Asked beforehand: libsndfile 1.2 leaks its encoder where it refuses a rate. */
static bool has_rate(double sample_rate_hz) {
    for (int version = 1; version <= 4; version *= 2) {
        if (sample_rate_hz * version == 32000.0 || sample_rate_hz * version == 44100.0 ||
            sample_rate_hz * version == 48000.0) {
            return true;
        }
    }
    return false;
}

static base_status encode(dsp_clip clip, int64_t kbps, const float *frames, base_text *mp3,
                          base_error *err) {
    SF_INFO info = stream_info(clip);
    dsp_sound_memory file = {.out = mp3};
    char reason[DSP_SOUND_REASON];
    SNDFILE *stream = dsp_sound_memory_open(&file, SFM_WRITE, &info, reason);
    if (stream == NULL) {
        return base_fail(err, BASE_EDATA, "MP3 at %g Hz: %s", clip.sample_rate_hz, reason);
    }
    int mode = SF_BITRATE_MODE_CONSTANT;
    double level = compression_level(info.samplerate, kbps);
    sf_command(stream, SFC_SET_BITRATE_MODE, &mode, sizeof mode); /* succeeds with 0 or 1 */
    bool set = sf_command(stream, SFC_GET_BITRATE_MODE, NULL, 0) == mode &&
               sf_command(stream, SFC_SET_COMPRESSION_LEVEL, &level, sizeof level) == SF_TRUE;
    bool written = set && sf_writef_float(stream, frames, clip.n) == clip.n;
    bool closed = sf_close(stream) == 0;
    if (mp3->failed) return base_fail(err, BASE_EMEMORY, "no memory for an MP3");
    if (!written || !closed) {
        return base_fail(err, BASE_EDATA, "MP3 at %lld kbit/s: encoding failed", (long long)kbps);
    }
    return BASE_OK;
}

/* frames[n + DELAY, channels]; *skip: how many of them are delay. */
static base_status decode(dsp_clip clip, const base_text *mp3, float *frames, int64_t *skip,
                          base_error *err) {
    SF_INFO info = {0};
    dsp_sound_memory file = {.bytes = mp3->data, .size = (sf_count_t)mp3->size};
    char reason[DSP_SOUND_REASON];
    SNDFILE *stream = dsp_sound_memory_open(&file, SFM_READ, &info, reason);
    if (stream == NULL || info.channels != clip.n_channels) {
        if (stream != NULL) sf_close(stream);
        return base_fail(err, BASE_EDATA, "MP3 at %g Hz: decoding failed", clip.sample_rate_hz);
    }
    *skip = info.frames > clip.n ? DELAY : 0;
    sf_count_t n_read = sf_readf_float(stream, frames, clip.n + DELAY);
    sf_close(stream);
    if (n_read < 0) n_read = 0;
    size_t n_missing = (size_t)(clip.n + DELAY - n_read) * (size_t)clip.n_channels;
    memset(frames + n_read * clip.n_channels, 0, n_missing * sizeof *frames);
    return BASE_OK;
}

/* One or two channels. */
static base_status round_trip(dsp_clip clip, int64_t kbps, float *frames, base_text *mp3,
                              base_error *err) {
    for (int64_t i = 0; i < clip.n; i++) {
        for (int64_t c = 0; c < clip.n_channels; c++) {
            frames[i * clip.n_channels + c] = clip.x[c * clip.n + i];
        }
    }
    mp3->size = 0;
    BASE_TRY(encode(clip, kbps, frames, mp3, err));
    int64_t skip = 0;
    BASE_TRY(decode(clip, mp3, frames, &skip, err));
    for (int64_t i = 0; i < clip.n; i++) {
        for (int64_t c = 0; c < clip.n_channels; c++) {
            clip.x[c * clip.n + i] = frames[(i + skip) * clip.n_channels + c];
        }
    }
    return BASE_OK;
}

base_status dsp_mp3_round_trip(dsp_clip clip, int64_t kbps, base_error *err) {
    if (clip.n < 1) return BASE_OK;
    if (!has_rate(clip.sample_rate_hz)) {
        return base_fail(err, BASE_EDATA, "MP3 has no sample rate of %g Hz", clip.sample_rate_hz);
    }
    dsp_clip part = clip;
    if (clip.n_channels != 2) part.n_channels = 1;
    int64_t n_floats;
    float *frames = NULL;
    if (base_mul(clip.n + DELAY, part.n_channels, &n_floats)) {
        frames = base_alloc((size_t)n_floats, sizeof *frames);
    }
    if (frames == NULL) {
        return base_fail(err, BASE_EMEMORY, "no memory for an MP3 of %lld samples",
                         (long long)clip.n);
    }
    base_text mp3 = {0};
    base_status status = BASE_OK;
    for (int64_t c = 0; c < clip.n_channels && status == BASE_OK; c += part.n_channels) {
        part.x = clip.x + c * clip.n;
        status = round_trip(part, kbps, frames, &mp3, err);
    }
    base_text_release(&mp3);
    base_free(frames);
    return status;
}
