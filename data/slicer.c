#include "data/slicer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/audio_file.h"
#include "dsp/onset.h"

#define REACH_S       0.06 /* what dsp_attack_begin looks at, around an onset */
#define FADE_IN_S     1e-3
#define FADE_OUT_S    5e-3
#define LONGEST_S     1e6 /* of a recording */
#define DECAYED       1e-3F
#define QUIET_S       0.05
#define QUIET_SHARE   0.05
#define LOUDEST_NOISE 0.01F /* what is louder is music without a pause */

/* Samples that are handed out piece by piece, from the front to the back. */
typedef struct {
    data_sound *sound;
    bool (*stopped)(void);
    data_audio block;    /* the sound's */
    int64_t block_begin; /* its first frame */
    bool at_end;         /* the block is the last */
    float *tail;         /* [channels, n_tail] the end of the block before */
    size_t tail_capacity;
    int64_t n_tail;
} stream;

struct data_slicer {
    const char *path;
    data_slicer_options options;
    stream stream;
    dsp_onset *onset;
    double rate_hz;
    int64_t n_channels, n_frames; /* of the recording */
    double peak;                  /* of all channels mixed */
    float noise;                  /* the level that QUIET_SHARE of the frames stay below */
    float *mono;                  /* of a block */
    size_t mono_capacity;
    data_slice *slices;
    size_t capacity;
    int64_t n_slices, n_read;
};

static base_status no_memory(const data_slicer *s, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: no memory for its slices", s->path);
}

/* ---- reading ---- */

static int64_t reach_of(double rate_hz) {
    return llround(REACH_S * rate_hz);
}

/* Windows around onsets reach back over the start of a block. */
static base_status keep_tail(stream *s, base_error *err) {
    const data_audio *b = &s->block;
    int64_t n = 2 * reach_of(b->sample_rate_hz);
    if (n > b->n) n = b->n;
    void *tail = s->tail;
    bool grown =
        base_grow(&tail, &s->tail_capacity, (size_t)(n * b->n_channels) + 1, sizeof *s->tail);
    s->tail = tail;
    if (!grown) return base_fail(err, BASE_EMEMORY, "no memory for a recording's samples");
    for (int64_t c = 0; c < b->n_channels; c++) {
        memcpy(s->tail + c * n, b->x + c * b->n + b->n - n, (size_t)n * sizeof *s->tail);
    }
    s->n_tail = n;
    return BASE_OK;
}

static base_status next_block(stream *s, base_error *err) {
    if (s->stopped != NULL && s->stopped()) return base_fail(err, BASE_ESTOPPED, "stopped");
    BASE_TRY(keep_tail(s, err));
    s->block_begin += s->block.n;
    return data_sound_next(s->sound, &s->block, &s->at_end, err);
}

static base_status rewind_stream(stream *s, base_error *err) {
    BASE_TRY(data_sound_rewind(s->sound, err));
    s->block = (data_audio){0};
    s->block_begin = 0;
    s->at_end = false;
    return BASE_OK;
}

/* The mean of the channels into the slicer's memory. */
static base_status mix_block(data_slicer *s, base_error *err) {
    const data_audio *b = &s->stream.block;
    void *mono = s->mono;
    bool grown = base_grow(&mono, &s->mono_capacity, (size_t)b->n, sizeof *s->mono);
    s->mono = mono;
    if (!grown) return no_memory(s, err);
    float scale = 1.0F / (float)b->n_channels;
    for (int64_t i = 0; i < b->n; i++) {
        float sum = 0;
        for (int64_t c = 0; c < b->n_channels; c++) sum += b->x[c * b->n + i];
        s->mono[i] = sum * scale;
    }
    return BASE_OK;
}

/* Calls `take` for every block, mixed, from the start. */
typedef base_status take_block(data_slicer *s, base_error *err);
static base_status read_blocks(data_slicer *s, take_block *take, base_error *err) {
    BASE_TRY(rewind_stream(&s->stream, err));
    do {
        BASE_TRY(next_block(&s->stream, err));
        BASE_TRY(mix_block(s, err));
        BASE_TRY(take(s, err));
    } while (!s->stream.at_end);
    return BASE_OK;
}

/* Samples from frame `at` on, at most as far as `end`, of channel c: where they are, and how many.
 * `at` lies in the block at hand or in the tail before it. */
static const float *find_samples(const stream *s, int64_t at, int64_t end, int64_t c, int64_t *n) {
    int64_t from = at - s->block_begin, there = s->block.n - from;
    const float *x = s->block.x + c * s->block.n + from;
    if (from < 0) {
        there = -from;
        x = s->tail + c * s->n_tail + s->n_tail + from;
    }
    *n = end - at < there ? end - at : there;
    return x;
}

/* Copies frames [begin, end) of all channels; zeros before the recording and behind it. The stream
 * does not go back: `begin` is not before the tail of the block at hand. */
static base_status copy_frames(data_slicer *s, int64_t begin, int64_t end, float *to,
                               base_error *err) {
    stream *st = &s->stream;
    int64_t n_all = end - begin, n = 0;
    memset(to, 0, (size_t)(n_all * s->n_channels) * sizeof *to);
    for (int64_t at = begin < 0 ? 0 : begin; at < end; at += n) {
        while (at >= st->block_begin + st->block.n) {
            if (st->at_end) return BASE_OK;
            BASE_TRY(next_block(st, err));
        }
        BASE_CHECK(at >= st->block_begin - st->n_tail);
        for (int64_t c = 0; c < s->n_channels; c++) {
            const float *x = find_samples(st, at, end, c, &n);
            memcpy(to + c * n_all + (at - begin), x, (size_t)n * sizeof *to);
        }
    }
    return BASE_OK;
}

/* ---- surveying ---- */

static base_status survey_block(data_slicer *s, base_error *err) {
    const data_audio *b = &s->stream.block;
    (void)err;
    s->rate_hz = b->sample_rate_hz;
    s->n_channels = b->n_channels;
    s->n_frames += b->n;
    for (int64_t i = 0; i < b->n; i++) s->peak = fmax(s->peak, fabs((double)s->mono[i]));
    return BASE_OK;
}

static base_status listen_block(data_slicer *s, base_error *err) {
    return dsp_onset_add(s->onset, s->mono, s->stream.block.n, err);
}

static int compare_floats(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static base_status find_noise(data_slicer *s, base_error *err) {
    int64_t n = dsp_onset_frames(s->onset);
    float *sorted = base_alloc((size_t)n, sizeof *sorted);
    if (sorted == NULL) return no_memory(s, err);
    memcpy(sorted, dsp_onset_level(s->onset), (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_floats);
    s->noise = fminf(sorted[(int64_t)(QUIET_SHARE * (double)(n - 1))], LOUDEST_NOISE);
    base_free(sorted);
    return BASE_OK;
}

static base_status survey(data_slicer *s, base_error *err) {
    BASE_TRY(read_blocks(s, survey_block, err));
    if (s->peak <= 0) return base_fail(err, BASE_EDATA, "%s: silent", s->path);
    base_status status = dsp_onset_new(s->rate_hz, 1 / s->peak, &s->onset, err);
    if (status != BASE_OK) return base_fail_within(err, "%s", s->path);
    BASE_TRY(read_blocks(s, listen_block, err));
    BASE_TRY(dsp_onset_finish(s->onset, err));
    return find_noise(s, err);
}

/* ---- where slices begin ---- */

static base_status add_slice(data_slicer *s, double at_s, const char *label, base_error *err) {
    void *slices = s->slices;
    bool grown = base_grow(&slices, &s->capacity, (size_t)s->n_slices + 1, sizeof *s->slices);
    s->slices = slices;
    if (!grown) return no_memory(s, err);
    int64_t begin = llround(at_s * s->rate_hz);
    s->slices[s->n_slices++] = (data_slice){.begin = begin, .at_s = at_s, .label = label};
    return BASE_OK;
}

static base_status take_annotation(data_slicer *s, const data_annotation *a, base_error *err) {
    BASE_TRY(data_annotation_check(a, data_slicer_seconds(s), err));
    for (int64_t i = 0; i < a->n; i++) {
        const data_event *e = &a->events[i];
        BASE_TRY(add_slice(s, e->begin_s, e->label, err));
        if (e->end_s > 0) s->slices[s->n_slices - 1].end = llround(e->end_s * s->rate_hz);
    }
    return BASE_OK;
}

/* Whether the recording begins amid a sound, whose onset cannot be seen as there is nothing before:
 * with a tenth of its peak, and ten times its noise. */
static bool begins_at_once(const data_slicer *s, int64_t first) {
    const float *level = dsp_onset_level(s->onset);
    int64_t n = llround(QUIET_S * DSP_ONSET_FRAMES_HZ);
    float most = 0;
    if (first >= 0 && first <= n) return false;
    for (int64_t t = 0; t < n && t < dsp_onset_frames(s->onset); t++) most = fmaxf(most, level[t]);
    return most >= fmaxf(0.1F, 10 * s->noise);
}

static base_status take_onsets(data_slicer *s, base_error *err) {
    int64_t t = dsp_onset_next(s->onset, -1, s->options.threshold);
    if (begins_at_once(s, t)) BASE_TRY(add_slice(s, 0, NULL, err));
    for (; t >= 0; t = dsp_onset_next(s->onset, t, s->options.threshold)) {
        double at_s = (double)dsp_onset_sample(s->onset, t) / s->rate_hz;
        BASE_TRY(add_slice(s, at_s, NULL, err));
    }
    if (s->n_slices > 0) return BASE_OK;
    return base_fail(err, BASE_EDATA, "%s: no onsets found", s->path);
}

/* Where the attack near frame `at` begins; window [channels, 2 reach]. */
static base_status find_attack(data_slicer *s, float *window, int64_t at, int64_t *begin,
                               base_error *err) {
    int64_t reach = reach_of(s->rate_hz), n = 2 * reach;
    BASE_TRY(copy_frames(s, at - reach, at + reach, window, err));
    for (int64_t c = 1; c < s->n_channels; c++) {
        for (int64_t i = 0; i < n; i++) window[i] += window[c * n + i];
    }
    *begin = at - reach + dsp_attack_begin(window, n, reach, s->rate_hz);
    return BASE_OK;
}

static base_status find_attacks(data_slicer *s, base_error *err) {
    size_t n = (size_t)(2 * reach_of(s->rate_hz) * s->n_channels);
    float *window = base_alloc(n, sizeof *window);
    base_status status = window != NULL ? rewind_stream(&s->stream, err) : no_memory(s, err);
    for (int64_t i = 0; i < s->n_slices && status == BASE_OK; i++) {
        int64_t begin = 0, least = i > 0 ? s->slices[i - 1].begin + 1 : 0;
        status = find_attack(s, window, s->slices[i].begin, &begin, err);
        s->slices[i].begin = begin > least ? begin : least;
    }
    base_free(window);
    return status;
}

/* ---- where they end ---- */

/* The first frame of the recording from which on a sound that began at `begin` is quiet; `end` if
 * it is not before that. */
static int64_t find_decay(const data_slicer *s, int64_t begin, int64_t end) {
    const float *level = dsp_onset_level(s->onset);
    int64_t n_quiet = llround(QUIET_S * DSP_ONSET_FRAMES_HZ), n = 0;
    double frames = DSP_ONSET_FRAMES_HZ / s->rate_hz;
    int64_t first = (int64_t)((double)begin * frames) + 1, last = (int64_t)((double)end * frames);
    float peak = 0;
    if (last > dsp_onset_frames(s->onset)) last = dsp_onset_frames(s->onset);
    for (int64_t t = first; t < last; t++) {
        peak = fmaxf(peak, level[t]);
        n = level[t] <= fmaxf(peak * DECAYED, 2 * s->noise) && peak > 2 * s->noise ? n + 1 : 0;
        if (n == n_quiet) return dsp_onset_sample(s->onset, t - n_quiet + 1);
    }
    return end;
}

static void find_ends(data_slicer *s) {
    int64_t longest = llround(s->options.longest_s * s->rate_hz);
    for (int64_t i = 0; i < s->n_slices; i++) {
        data_slice *slice = &s->slices[i];
        int64_t end = i + 1 < s->n_slices ? s->slices[i + 1].begin : s->n_frames;
        if (slice->end > slice->begin && slice->end < end) end = slice->end;
        if (end > s->n_frames) end = s->n_frames;
        if (end - slice->begin > longest) end = slice->begin + longest;
        slice->end = find_decay(s, slice->begin, end);
        if (slice->end <= slice->begin) slice->end = slice->begin + 1;
    }
}

/* ---- opening ---- */

static base_status find_slices(data_slicer *s, base_error *err) {
    const data_annotation *annotation = s->options.annotation;
    BASE_TRY(survey(s, err));
    BASE_TRY(annotation != NULL ? take_annotation(s, annotation, err) : take_onsets(s, err));
    BASE_TRY(find_attacks(s, err));
    find_ends(s);
    return rewind_stream(&s->stream, err);
}

base_status data_slicer_open(const char *path, const data_slicer_options *options,
                             data_slicer **slicer, base_error *err) {
    const data_audio_span all = {.max_s = LONGEST_S};
    data_slicer *s = base_alloc(1, sizeof *s);
    *slicer = NULL;
    if (s == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    s->path = path;
    s->options = *options;
    s->stream.stopped = options->stopped;
    base_status status = data_sound_open(path, &all, &s->stream.sound, err);
    if (status == BASE_OK) status = find_slices(s, err);
    if (status == BASE_OK) {
        *slicer = s;
    } else {
        data_slicer_close(s);
    }
    return status;
}

void data_slicer_close(data_slicer *slicer) {
    if (slicer == NULL) return;
    data_sound_close(slicer->stream.sound);
    base_free(slicer->stream.tail);
    dsp_onset_free(slicer->onset);
    base_free(slicer->mono);
    base_free(slicer->slices);
    base_free(slicer);
}

const data_slice *data_slicer_slices(const data_slicer *slicer, int64_t *n) {
    *n = slicer->n_slices;
    return slicer->slices;
}

const float *data_slicer_levels(const data_slicer *slicer, int64_t *n) {
    *n = dsp_onset_frames(slicer->onset);
    return dsp_onset_level(slicer->onset);
}

double data_slicer_rate_hz(const data_slicer *slicer) {
    return slicer->rate_hz;
}

double data_slicer_seconds(const data_slicer *slicer) {
    return (double)slicer->n_frames / slicer->rate_hz;
}

const data_condition *data_slicer_condition(const data_slicer *slicer) {
    return data_sound_condition(slicer->stream.sound);
}

/* ---- the slices' sounds ---- */

static void fade(data_audio *audio) {
    data_audio_fade(audio, llround(FADE_IN_S * audio->sample_rate_hz),
                    llround(FADE_OUT_S * audio->sample_rate_hz));
}

base_status data_slicer_next(data_slicer *slicer, data_audio *audio, base_error *err) {
    data_slicer *s = slicer;
    BASE_CHECK(s->n_read < s->n_slices);
    const data_slice *slice = &s->slices[s->n_read++];
    int64_t n = slice->end - slice->begin;
    *audio = (data_audio){base_alloc((size_t)(n * s->n_channels), sizeof *audio->x), s->n_channels,
                          n, s->rate_hz};
    if (audio->x == NULL) return no_memory(s, err);
    base_status status = copy_frames(s, slice->begin, slice->end, audio->x, err);
    if (status == BASE_OK) {
        fade(audio);
    } else {
        data_audio_release(audio);
    }
    return status;
}

/* The attack near frame `at` of a sound in memory, in mono[n]. */
static int64_t attack_in(const float *mono, int64_t n, double at, double rate_hz) {
    int64_t frame = llround(at);
    if (frame >= n) return n;
    return dsp_attack_begin(mono, n, frame < 0 ? 0 : frame, rate_hz);
}

base_status data_slice_read(const char *path, const data_audio_span *span, double longest_s,
                            data_audio *audio, base_error *err) {
    double length_s = fmin(span->end_s - span->begin_s, longest_s);
    bool is_followed = length_s < longest_s;
    data_audio_span wide = {.begin_s = fmax(0, span->begin_s - REACH_S),
                            .end_s = span->begin_s + length_s + REACH_S,
                            .max_s = longest_s + 1};
    BASE_TRY(data_audio_read(path, &wide, audio, err));
    double rate_hz = audio->sample_rate_hz, at = (span->begin_s - wide.begin_s) * rate_hz;
    float *mono = base_alloc((size_t)audio->n, sizeof *mono);
    if (mono == NULL || (int64_t)at >= audio->n) {
        base_free(mono);
        data_audio_release(audio);
        return mono == NULL
                   ? base_fail(err, BASE_EMEMORY, "%s: no memory for a slice", path)
                   : base_fail(err, BASE_EDATA, "%s: ends before %g s", path, span->begin_s);
    }
    for (int64_t c = 0; c < audio->n_channels; c++) {
        for (int64_t i = 0; i < audio->n; i++) mono[i] += audio->x[c * audio->n + i];
    }
    double last = at + length_s * rate_hz;
    int64_t begin = attack_in(mono, audio->n, at, rate_hz);
    int64_t end = is_followed ? attack_in(mono, audio->n, last, rate_hz) : llround(last);
    base_free(mono);
    if (end > audio->n) end = audio->n;
    data_audio_crop(audio, begin, end > begin ? end : begin + 1);
    fade(audio);
    return BASE_OK;
}
