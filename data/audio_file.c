#include "data/audio_file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "dsp/sound_memory.h"

enum { MAX_CHANNELS = 64, MAX_RATE_HZ = 768000, BLOCK_FRAMES = 4096 };
#define MAX_SECONDS 600.0
#define MAX_SAMPLES ((int64_t)1 << 28) /* over all channels: 1 GiB */

/* What is being decoded. */
typedef struct {
    SNDFILE *file;
    SF_INFO info;
    const char *name;
} decoder;

/* The frames [begin, begin + n) of the span. */
static base_status span_frames(const decoder *d, const data_audio_span *span, int64_t *begin,
                               int64_t *n, base_error *err) {
    data_audio_span all = {0};
    if (span == NULL) span = &all;
    double seconds = span->max_s > 0 ? span->max_s : MAX_SECONDS;
    bool sane = span->begin_s >= 0 && (span->end_s == 0 || span->end_s > span->begin_s);
    if (!sane || span->begin_s > 1e9 || seconds > 1e9 || isnan(span->end_s)) {
        return base_fail(err, BASE_EDATA, "%s: no span from %g s to %g s", d->name, span->begin_s,
                         span->end_s);
    }
    if (span->end_s > 0) seconds = fmin(seconds, span->end_s - span->begin_s);
    *begin = llround(span->begin_s * d->info.samplerate);
    *n = llround(seconds * d->info.samplerate);
    return BASE_OK;
}

/* Reads up to n_max frames, however many the header promises, into *x, interleaved. */
static base_status read_frames(const decoder *d, int64_t n_max, float **x, int64_t *n,
                               base_error *err) {
    int64_t channels = d->info.channels;
    void *items = NULL;
    size_t capacity = 0;
    *n = 0;
    while (*n < n_max) {
        int64_t wanted = n_max - *n < BLOCK_FRAMES ? n_max - *n : BLOCK_FRAMES;
        base_status status = BASE_OK;
        if ((*n + wanted) * channels > MAX_SAMPLES) {
            status = base_fail(err, BASE_EDATA, "%s: more than %lld samples", d->name,
                               (long long)MAX_SAMPLES);
        } else if (!base_grow(&items, &capacity, (size_t)((*n + wanted) * channels),
                              sizeof(float))) {
            status = base_fail(err, BASE_EMEMORY, "%s: no memory for the samples", d->name);
        }
        if (status != BASE_OK) {
            base_free(items);
            return status;
        }
        int64_t got = sf_readf_float(d->file, (float *)items + *n * channels, wanted);
        if (got <= 0) break;
        *n += got;
    }
    *x = items;
    return BASE_OK;
}

static base_status check_finite(const decoder *d, const float *x, int64_t n, base_error *err) {
    int64_t channels = d->info.channels;
    for (int64_t i = 0; i < n * channels; i++) {
        if (!isfinite(x[i])) {
            return base_fail(err, BASE_ENUMERIC, "%s: sample %lld of channel %lld is %s", d->name,
                             (long long)(i / channels), (long long)(i % channels + 1),
                             isnan(x[i]) ? "not a number" : "infinite");
        }
    }
    return BASE_OK;
}

/* [n][channels] -> [channels][n], in memory of just that size. */
static float *planar(const float *x, int64_t n, int64_t channels) {
    float *y = base_alloc((size_t)(n * channels), sizeof *y);
    if (y == NULL) return NULL;
    for (int64_t c = 0; c < channels; c++) {
        for (int64_t i = 0; i < n; i++) y[c * n + i] = x[i * channels + c];
    }
    return y;
}

static base_status decode_span(const decoder *d, const data_audio_span *span, data_audio *audio,
                               base_error *err) {
    const SF_INFO *info = &d->info;
    if (info->channels < 1 || info->channels > MAX_CHANNELS) {
        return base_fail(err, BASE_EDATA, "%s: %d channels (1 to %d can be used)", d->name,
                         info->channels, MAX_CHANNELS);
    }
    if (info->samplerate < 1 || info->samplerate > MAX_RATE_HZ) {
        return base_fail(err, BASE_EDATA, "%s: a sample rate of %d Hz (1 to %d can be used)",
                         d->name, info->samplerate, MAX_RATE_HZ);
    }
    int64_t begin = 0, n_max = 0, n = 0;
    float *x = NULL;
    BASE_TRY(span_frames(d, span, &begin, &n_max, err));
    if (begin == 0 || sf_seek(d->file, begin, SEEK_SET) == begin) {
        BASE_TRY(read_frames(d, n_max, &x, &n, err));
    }
    base_status status = n > 0       ? check_finite(d, x, n, err)
                         : begin > 0 ? base_fail(err, BASE_EDATA, "%s: no samples from %g s on",
                                                 d->name, span->begin_s)
                                     : base_fail(err, BASE_EDATA, "%s: no samples", d->name);
    if (status == BASE_OK) {
        *audio = (data_audio){planar(x, n, info->channels), info->channels, n, info->samplerate};
        if (audio->x == NULL) {
            status = base_fail(err, BASE_EMEMORY, "%s: no memory for the samples", d->name);
        }
    }
    base_free(x);
    return status;
}

static sf_count_t descriptor_length(void *user) {
    struct stat info;
    return fstat(*(const int *)user, &info) == 0 ? (sf_count_t)info.st_size : -1;
}

static sf_count_t descriptor_seek(sf_count_t offset, int whence, void *user) {
    return (sf_count_t)lseek(*(const int *)user, (off_t)offset, whence);
}

static sf_count_t descriptor_read(void *bytes, sf_count_t n, void *user) {
    return (sf_count_t)read(*(const int *)user, bytes, (size_t)n);
}

static sf_count_t descriptor_tell(void *user) {
    return (sf_count_t)lseek(*(const int *)user, 0, SEEK_CUR);
}

/* Not sf_open_fd: when it fails it closes the descriptor even if told not to, and by the time its
 * owner does, the number may belong to another thread's file. */
static SNDFILE *open_descriptor(int *fd, SF_INFO *info, char *reason) {
    SF_VIRTUAL_IO io = {.get_filelen = descriptor_length,
                        .seek = descriptor_seek,
                        .read = descriptor_read,
                        .tell = descriptor_tell};
    return dsp_sound_open(&io, fd, SFM_READ, info, reason);
}

/* Decodes and closes; if d->file could not be opened, fails with the reason. */
static base_status decode(decoder *d, const char *reason, const data_audio_span *span,
                          data_audio *audio, base_error *err) {
    if (d->file == NULL) {
        return base_fail(err, BASE_EFORMAT, "%s: not an audio file libsndfile can read (%s)",
                         d->name, reason);
    }
    base_status status = decode_span(d, span, audio, err);
    sf_close(d->file);
    return status;
}

base_status data_audio_decode(data_audio_bytes file, const data_audio_span *span, data_audio *audio,
                              base_error *err) {
    *audio = (data_audio){0};
    dsp_sound_memory memory = {.bytes = file.bytes, .size = (sf_count_t)file.n_bytes};
    char reason[DSP_SOUND_REASON];
    decoder d = {.name = file.name};
    d.file = dsp_sound_memory_open(&memory, SFM_READ, &d.info, reason);
    return decode(&d, reason, span, audio, err);
}

/* The file is opened here, not by libsndfile: it would guess headerless formats from the name, and
 * wait on a named pipe. */
base_status data_audio_read(const char *path, const data_audio_span *span, data_audio *audio,
                            base_error *err) {
    *audio = (data_audio){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return base_fail_errno(err, errno, "%s", path);
    struct stat info;
    base_status status = BASE_OK;
    if (fstat(fd, &info) != 0) {
        status = base_fail_errno(err, errno, "%s", path);
    } else if (!S_ISREG(info.st_mode)) {
        status = base_fail(err, BASE_EIO, "%s: not a file", path);
    } else if (info.st_size == 0) {
        status = base_fail(err, BASE_EDATA, "%s: the file is empty", path);
    } else {
        char reason[DSP_SOUND_REASON];
        decoder d = {.name = path};
        d.file = open_descriptor(&fd, &d.info, reason);
        status = decode(&d, reason, span, audio, err);
    }
    close(fd);
    return status;
}

void data_audio_release(data_audio *audio) {
    if (audio == NULL) return;
    base_free(audio->x);
    *audio = (data_audio){0};
}

bool data_audio_is_name(const char *path) {
    static const char *const extensions[] = {"wav",  "aif", "aiff", "aifc", "flac", "ogg", "oga",
                                             "opus", "mp3", "au",   "snd",  "caf",  "w64", "rf64"};
    const char *extension = base_path_extension(path);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        if (strcasecmp(extension, extensions[i]) == 0) return true;
    }
    return false;
}

static int format_of_name(const char *path) {
    const char *extension = base_path_extension(path);
    if (strcasecmp(extension, "wav") == 0) return SF_FORMAT_WAV | SF_FORMAT_FLOAT;
    if (strcasecmp(extension, "flac") == 0) return SF_FORMAT_FLAC | SF_FORMAT_PCM_24;
    if (strcasecmp(extension, "aiff") == 0) return SF_FORMAT_AIFF | SF_FORMAT_PCM_16;
    return 0;
}

static base_status encode(const char *path, const data_audio *audio, base_text *out,
                          base_error *err) {
    SF_INFO info = {.samplerate = (int)lround(audio->sample_rate_hz),
                    .channels = (int)audio->n_channels,
                    .format = format_of_name(path)};
    if (info.format == 0) {
        return base_fail(err, BASE_EFORMAT, "%s: can write wav, flac and aiff only", path);
    }
    float *x = base_alloc((size_t)(audio->n * audio->n_channels), sizeof *x);
    if (x == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory for the samples", path);
    for (int64_t c = 0; c < audio->n_channels; c++) {
        for (int64_t i = 0; i < audio->n; i++) {
            x[i * audio->n_channels + c] = audio->x[c * audio->n + i];
        }
    }
    dsp_sound_memory memory = {.out = out};
    char reason[DSP_SOUND_REASON];
    SNDFILE *file = dsp_sound_memory_open(&memory, SFM_WRITE, &info, reason);
    base_status status =
        file != NULL ? BASE_OK : base_fail(err, BASE_EFORMAT, "%s: %s", path, reason);
    if (status == BASE_OK) {
        sf_command(file, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE); /* it carries the time of day */
        sf_command(file, SFC_SET_CLIPPING, NULL, SF_TRUE);        /* not wrapped around */
        bool whole = sf_writef_float(file, x, audio->n) == audio->n;
        if (sf_close(file) != 0 || !whole || out->failed) {
            status = base_fail(err, BASE_EIO, "%s: the samples could not be encoded", path);
        }
    }
    base_free(x);
    return status;
}

base_status data_audio_write(const char *path, const data_audio *audio, base_error *err) {
    base_text out = {0};
    base_status status = encode(path, audio, &out, err);
    if (status == BASE_OK) status = base_file_write_text(path, &out, err);
    base_text_release(&out);
    return status;
}
