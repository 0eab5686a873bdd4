#include "data/sound.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/container.h"
#include "dsp/sound_memory.h"

enum { MAX_CHANNELS = 64, MAX_RATE_HZ = 768000, CALL_FRAMES = 4096 };
#define MAX_SECONDS 600.0
#define MAX_SAMPLES ((int64_t)1 << 28) /* over all channels */

/* A Xing header may count itself, and encoders fill up their last frame. */
enum { MP3_SLACK_FRAMES = 2 * 1152 };

struct data_sound {
    const char *name;
    data_input input;
    data_container container;
    data_audio_span span;
    SNDFILE *file; /* NULL: the sound is `block` */
    SF_INFO info;
    int64_t begin, n_max; /* frames of the span */
    int64_t n_done;
    float *items; /* [n][channels], as decoded */
    size_t capacity;
    data_audio block; /* [channels][n] */
    bool is_borrowed; /* the block's memory */
    bool is_whole;    /* the block is all of it, and was handed out */
    data_condition condition;
};

/* ---- libsndfile's view of an input ---- */

static sf_count_t input_length(void *context) {
    return ((const data_sound *)context)->input.size;
}

static sf_count_t input_seek(sf_count_t offset, int whence, void *context) {
    data_input *input = &((data_sound *)context)->input;
    sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? input->at : input->size;
    sf_count_t at;
    if (__builtin_add_overflow(from, offset, &at) || at < 0) return -1;
    return input->at = at;
}

/* libsndfile believes a size of 0, but reads as far as it can where all bits are set. */
static sf_count_t input_read(void *bytes, sf_count_t n, void *context) {
    data_sound *sound = context;
    data_input *input = &sound->input;
    int64_t got = data_input_read(input, input->at, bytes, n);
    for (int i = 0; i < 4 && sound->container.unfinished; i++) {
        int64_t at = sound->container.size_at + i - input->at;
        if (at >= 0 && at < got) ((unsigned char *)bytes)[at] = 0xFF;
    }
    input->at += got;
    return got;
}

static sf_count_t input_tell(void *context) {
    return ((const data_sound *)context)->input.at;
}

/* ---- its condition ---- */

/* Bytes of a frame; 0 where frames are not stored one by one. */
static int64_t frame_bytes(const SF_INFO *info) {
    static const struct {
        int format, bytes;
    } formats[] = {{SF_FORMAT_PCM_S8, 1}, {SF_FORMAT_PCM_U8, 1}, {SF_FORMAT_PCM_16, 2},
                   {SF_FORMAT_PCM_24, 3}, {SF_FORMAT_PCM_32, 4}, {SF_FORMAT_FLOAT, 4},
                   {SF_FORMAT_DOUBLE, 8}, {SF_FORMAT_ULAW, 1},   {SF_FORMAT_ALAW, 1}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if ((info->format & SF_FORMAT_SUBMASK) == formats[i].format) {
            return (int64_t)formats[i].bytes * info->channels;
        }
    }
    return 0;
}

/* Frames of the whole file by what its header says; -1: it says nothing. */
static int64_t promised_frames(const data_sound *sound) {
    const data_container *c = &sound->container;
    int64_t frames = sound->info.frames, bytes = frame_bytes(&sound->info);
    bool is_mp3 = (sound->info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_MPEG;
    if (c->broken || c->unfinished || frames == SF_COUNT_MAX) return -1;
    if (is_mp3 && !c->states_length) return -1;
    if (c->n_there >= c->n_promised) return frames;
    if (bytes > 0) return c->n_promised / bytes;
    double factor = (double)c->n_promised / (double)(c->n_there > 0 ? c->n_there : 1);
    return llround(fmin((double)frames * factor, 1e15));
}

/* What the span has of them. */
static int64_t promised_in_span(const data_sound *sound) {
    int64_t n = promised_frames(sound);
    if (n < 0) return -1;
    n = n > sound->begin ? n - sound->begin : 0;
    return n < sound->n_max ? n : sound->n_max;
}

/* "Error : flac decoder lost sync." -> "flac decoder lost sync" */
static void add_reason(const char *reason, char *text, size_t room) {
    if (reason == NULL) return;
    if (strncmp(reason, "Error : ", 8) == 0) reason += 8;
    int n = (int)strcspn(reason, ".");
    size_t used = strlen(text);
    snprintf(text + used, room - used, " (%.*s)", n, reason);
}

/* `reason`: the decoder's, NULL if it has not complained. */
static void judge(data_sound *sound, const char *reason) {
    data_condition *c = &sound->condition;
    int64_t had = sound->n_done, promised = promised_in_span(sound);
    int64_t slack =
        (sound->info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_MPEG ? MP3_SLACK_FRAMES : 0;
    bool has_end = !sound->container.broken && sound->info.frames != SF_COUNT_MAX;
    bool wants_end = had < sound->n_max;
    *c = (data_condition){.unfinished = sound->container.unfinished};
    c->damaged = reason != NULL || had + slack < promised || (!has_end && wants_end);
    if (c->damaged && promised >= 0) {
        snprintf(c->text, sizeof c->text, "damaged: %lld of %lld frames", (long long)had,
                 (long long)promised);
    } else if (c->damaged) {
        snprintf(c->text, sizeof c->text, "damaged: %lld frames of an unknown number",
                 (long long)had);
    } else if (c->unfinished) {
        snprintf(c->text, sizeof c->text,
                 "its header was never finalised: read to the end of the file");
    }
    if (c->damaged) add_reason(reason, c->text, sizeof c->text);
}

const char *data_sound_name(const data_sound *sound) {
    return sound->name;
}

double data_sound_rate_hz(const data_sound *sound) {
    return sound->file != NULL ? sound->info.samplerate : sound->block.sample_rate_hz;
}

const data_condition *data_sound_condition(const data_sound *sound) {
    return &sound->condition;
}

static base_status fail_empty(const data_sound *sound, base_error *err) {
    if (sound->condition.damaged) {
        return base_fail(err, BASE_EDATA, "%s: %s", sound->name, sound->condition.text);
    }
    if (sound->begin == 0) return base_fail(err, BASE_EDATA, "%s: no samples", sound->name);
    return base_fail(err, BASE_EDATA, "%s: no samples from %g s on", sound->name,
                     sound->span.begin_s);
}

/* ---- opening ---- */

static base_status no_memory(const data_sound *sound, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: no memory for the samples", sound->name);
}

/* libsndfile's word for a failed allocation. */
static bool is_out_of_memory(const char *reason) {
    return strstr(reason, "malloc") != NULL;
}

/* A read that failed comes first: what libsndfile says is only what it made of that. */
static base_status fail_open(const data_sound *sound, const char *reason, base_error *err) {
    const data_container *c = &sound->container;
    BASE_TRY(data_input_check(&sound->input, err));
    if (is_out_of_memory(reason)) return no_memory(sound, err);
    if (c->broken || c->n_there < c->n_promised) {
        return base_fail(err, BASE_EDATA, "%s: damaged: 0 frames (%s)", sound->name, reason);
    }
    return base_fail(err, BASE_EFORMAT, "%s: not an audio file libsndfile can read (%s)",
                     sound->name, reason);
}

static base_status start_decoder(data_sound *sound, base_error *err) {
    SF_VIRTUAL_IO io = {
        .get_filelen = input_length, .seek = input_seek, .read = input_read, .tell = input_tell};
    char reason[DSP_SOUND_REASON];
    sound->input.at = 0;
    sound->info = (SF_INFO){0};
    sound->n_done = 0;
    sound->file = dsp_sound_open(&io, sound, SFM_READ, &sound->info, reason);
    if (sound->file == NULL) return fail_open(sound, reason, err);
    BASE_TRY(data_input_check(&sound->input, err));
    if (sound->begin == 0) return BASE_OK;
    if (sf_seek(sound->file, sound->begin, SEEK_SET) == sound->begin) return BASE_OK;
    BASE_TRY(data_input_check(&sound->input, err));
    judge(sound, NULL);
    return fail_empty(sound, err);
}

static base_status check_form(const data_sound *sound, base_error *err) {
    const SF_INFO *info = &sound->info;
    if (info->channels < 1 || info->channels > MAX_CHANNELS) {
        return base_fail(err, BASE_EDATA, "%s: %d channels (1 to %d can be used)", sound->name,
                         info->channels, MAX_CHANNELS);
    }
    if (info->samplerate < 1 || info->samplerate > MAX_RATE_HZ) {
        return base_fail(err, BASE_EDATA, "%s: a sample rate of %d Hz (1 to %d can be used)",
                         sound->name, info->samplerate, MAX_RATE_HZ);
    }
    return BASE_OK;
}

/* The frames [begin, begin + n_max) of the span. */
static base_status find_span(data_sound *sound, base_error *err) {
    const data_audio_span *span = &sound->span;
    double seconds = span->max_s > 0 ? span->max_s : MAX_SECONDS;
    bool sane = span->begin_s >= 0 && (span->end_s == 0 || span->end_s > span->begin_s);
    if (!sane || span->begin_s > 1e9 || seconds > 1e9 || isnan(span->end_s)) {
        return base_fail(err, BASE_EDATA, "%s: no span from %g s to %g s", sound->name,
                         span->begin_s, span->end_s);
    }
    if (span->end_s > 0) seconds = fmin(seconds, span->end_s - span->begin_s);
    sound->begin = llround(span->begin_s * sound->info.samplerate);
    sound->n_max = llround(seconds * sound->info.samplerate);
    return BASE_OK;
}

static void stop_decoder(data_sound *sound) {
    if (sound->file != NULL) sf_close(sound->file);
    sound->file = NULL;
}

static base_status start(data_sound *sound, base_error *err) {
    BASE_TRY(data_container_read(&sound->input, &sound->container, err));
    BASE_TRY(start_decoder(sound, err));
    BASE_TRY(check_form(sound, err));
    BASE_TRY(find_span(sound, err));
    if (sound->begin == 0) return BASE_OK;
    stop_decoder(sound);
    return start_decoder(sound, err);
}

/* Takes the input, also if it fails. */
static base_status open_input(data_input input, const data_audio_span *span, data_sound **sound,
                              base_error *err) {
    data_sound *s = *sound = base_alloc(1, sizeof *s);
    if (s == NULL) {
        data_input_close(&input);
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", input.name);
    }
    s->name = input.name;
    s->input = input;
    if (span != NULL) s->span = *span;
    base_status status = start(s, err);
    if (status == BASE_OK) return BASE_OK;
    data_sound_close(s);
    *sound = NULL;
    return status;
}

base_status data_sound_open(const char *path, const data_audio_span *span, data_sound **sound,
                            base_error *err) {
    data_input input;
    *sound = NULL;
    BASE_TRY(data_input_open(path, &input, err));
    return open_input(input, span, sound, err);
}

base_status data_sound_open_descriptor(int fd, const char *name, data_sound **sound,
                                       base_error *err) {
    data_input input;
    *sound = NULL;
    BASE_TRY(data_input_open_descriptor(fd, name, &input, err));
    return open_input(input, NULL, sound, err);
}

base_status data_sound_open_bytes(data_audio_bytes file, const data_audio_span *span,
                                  data_sound **sound, base_error *err) {
    return open_input(data_input_of_bytes(file.bytes, file.n_bytes, file.name), span, sound, err);
}

base_status data_sound_borrow(const data_audio *audio, data_sound **sound, base_error *err) {
    data_sound *s = *sound = base_alloc(1, sizeof *s);
    if (s == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the samples");
    s->input.fd = -1;
    s->block = *audio;
    s->is_borrowed = s->is_whole = true;
    return BASE_OK;
}

base_status data_sound_take(data_audio *audio, data_sound **sound, base_error *err) {
    BASE_TRY(data_sound_borrow(audio, sound, err));
    (*sound)->is_borrowed = false;
    *audio = (data_audio){0};
    return BASE_OK;
}

void data_sound_close(data_sound *sound) {
    if (sound == NULL) return;
    stop_decoder(sound);
    data_input_close(&sound->input);
    base_free(sound->items);
    if (!sound->is_borrowed) data_audio_release(&sound->block);
    base_free(sound);
}

/* ---- reading ---- */

/* In lanes, which the compiler can add side by side. */
static bool all_finite(const float *x, int64_t n) {
    enum { LANES = 8 };
    float lane[LANES] = {0}, sum = 0; /* 0 times what is not finite is not a number */
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int j = 0; j < LANES; j++) lane[j] += 0 * x[i + j];
    }
    for (; i < n; i++) sum += 0 * x[i];
    for (int j = 0; j < LANES; j++) sum += lane[j];
    return !isnan(sum);
}

static base_status check_finite(const data_sound *sound, int64_t n, base_error *err) {
    int64_t channels = sound->info.channels, i = 0;
    const float *x = sound->items;
    if (all_finite(x, n * channels)) return BASE_OK;
    while (isfinite(x[i])) i++;
    return base_fail(err, BASE_ENUMERIC, "%s: sample %lld of channel %lld is %s", sound->name,
                     (long long)(sound->n_done + i / channels), (long long)(i % channels + 1),
                     isnan(x[i]) ? "not a number" : "infinite");
}

/* Room for n more frames behind those read. */
static base_status make_room(data_sound *sound, int64_t n_read, int64_t n, base_error *err) {
    int64_t channels = sound->info.channels;
    /* Who asks for more than the usual length reads in blocks. */
    int64_t n_before = sound->span.max_s > MAX_SECONDS ? 0 : sound->n_done;
    if ((n_before + n_read + n) * channels > MAX_SAMPLES) {
        return base_fail(err, BASE_EDATA, "%s: more than %lld samples", sound->name,
                         (long long)MAX_SAMPLES);
    }
    void *items = sound->items;
    bool grown =
        base_grow(&items, &sound->capacity, (size_t)((n_read + n) * channels), sizeof(float));
    sound->items = items;
    return grown ? BASE_OK : no_memory(sound, err);
}

/* Makes room in one go for the frames that are left according to the header, but no more than
 * n_most or than is allowed; what the items held is lost. */
static base_status make_room_for(data_sound *sound, int64_t n_most, base_error *err) {
    int64_t n = sound->info.frames - sound->begin - sound->n_done;
    if (n > n_most) n = n_most;
    if (n < 1 || (sound->n_done + n) * sound->info.channels > MAX_SAMPLES) return BASE_OK;
    size_t needed = (size_t)(n * sound->info.channels);
    if (needed <= sound->capacity) return BASE_OK;
    base_free(sound->items);
    sound->items = base_alloc_unset(needed, sizeof *sound->items);
    sound->capacity = sound->items != NULL ? needed : 0;
    return sound->items != NULL ? BASE_OK : no_memory(sound, err);
}

/* Decodes up to n_most frames into the items; *last: there are no more. */
static base_status decode(data_sound *sound, int64_t n_most, int64_t *n, bool *last,
                          base_error *err) {
    int problem = 0;
    *n = 0;
    *last = false;
    if (n_most > sound->n_max - sound->n_done) n_most = sound->n_max - sound->n_done;
    BASE_TRY(make_room_for(sound, n_most, err));
    while (*n < n_most && !*last) {
        int64_t wanted = n_most - *n < CALL_FRAMES ? n_most - *n : CALL_FRAMES;
        BASE_TRY(make_room(sound, *n, wanted, err));
        int64_t got = sf_readf_float(sound->file, sound->items + *n * sound->info.channels, wanted);
        BASE_TRY(data_input_check(&sound->input, err));
        problem = sf_error(sound->file);
        if (got > 0) *n += got;
        *last = got <= 0 || problem != 0;
    }
    const char *reason = problem != 0 ? sf_error_number(problem) : NULL;
    if (reason != NULL && is_out_of_memory(reason)) return no_memory(sound, err);
    BASE_TRY(check_finite(sound, *n, err));
    sound->n_done += *n;
    *last |= sound->n_done == sound->n_max;
    if (!*last) return BASE_OK;
    judge(sound, reason);
    return sound->n_done > 0 ? BASE_OK : fail_empty(sound, err);
}

/* The items, [n][channels] -> [channels][n]; of two channels as vector code. */
static void to_planar(const data_sound *sound, int64_t n, float *restrict y) {
    enum { AT_ONCE = 256 }; /* frames, that stay in the cache for all channels */
    int64_t channels = sound->info.channels;
    const float *restrict items = sound->items;
    for (int64_t i = 0; channels == 2 && i < n; i++) {
        y[i] = items[2 * i];
        y[n + i] = items[2 * i + 1];
    }
    for (int64_t first = 0; channels != 2 && first < n; first += AT_ONCE) {
        int64_t end = first + AT_ONCE < n ? first + AT_ONCE : n;
        for (int64_t c = 0; c < channels; c++) {
            for (int64_t i = first; i < end; i++) y[c * n + i] = items[i * channels + c];
        }
    }
}

/* In memory of just that size. */
static base_status new_planar(const data_sound *sound, int64_t n, data_audio *audio,
                              base_error *err) {
    int64_t channels = sound->info.channels;
    *audio = (data_audio){base_alloc_unset((size_t)(n * channels), sizeof *audio->x), channels, n,
                          sound->info.samplerate};
    if (audio->x == NULL) return no_memory(sound, err);
    to_planar(sound, n, audio->x);
    return BASE_OK;
}

base_status data_sound_next(data_sound *sound, data_audio *block, bool *last, base_error *err) {
    *block = (data_audio){0};
    if (!sound->is_whole) {
        bool is_first = sound->n_done == 0;
        int64_t n;
        BASE_TRY(decode(sound, DATA_BLOCK_SAMPLES / sound->info.channels, &n, last, err));
        data_audio_release(&sound->block);
        BASE_TRY(new_planar(sound, n, &sound->block, err));
        sound->is_whole = is_first && *last;
    }
    if (sound->is_whole) *last = true;
    *block = sound->block;
    return BASE_OK;
}

base_status data_sound_rewind(data_sound *sound, base_error *err) {
    if (sound->is_whole) return BASE_OK;
    stop_decoder(sound);
    return start_decoder(sound, err);
}

static base_status copy_block(const data_sound *sound, data_audio *audio, base_error *err) {
    size_t n = (size_t)(sound->block.n * sound->block.n_channels);
    float *x = base_alloc(n, sizeof *x);
    if (x == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the samples");
    memcpy(x, sound->block.x, n * sizeof *x);
    *audio = sound->block;
    audio->x = x;
    return BASE_OK;
}

base_status data_sound_read_all(data_sound *sound, data_audio *audio, base_error *err) {
    int64_t n;
    bool last;
    *audio = (data_audio){0};
    if (sound->is_whole) return copy_block(sound, audio, err);
    BASE_TRY(decode(sound, INT64_MAX, &n, &last, err));
    return new_planar(sound, n, audio, err);
}
