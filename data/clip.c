#include "data/clip.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "dsp/effects.h"
#include "dsp/resample.h"

#define CONTENT_TRIM_DB (-50.0)
#define FULL_SCALE      (32767.0f / 32768.0f) /* the largest 16-bit sample */
#define MIN_CLIPPED     3                     /* samples in a row */
#define CONTENT_MAX     32767.0
#define CANCELLED       1e-3f /* channels whose mean is this much softer cancel each other in it */

#define FIELD(name) offsetof(data_audio_options, name)
const base_option data_audio_table[] = {
    {"sample_rate", BASE_OPT_FLOAT, FIELD(sample_rate_hz), "44100", 8000, 192000, NULL, "Hz",
     "every clip is resampled to this rate"},
    {"channels", BASE_OPT_INT, FIELD(channels), "1", 1, 2, NULL, NULL,
     "1 mixes down by the mean; 2 keeps the first two channels (mono is doubled)"},
    {"seconds", BASE_OPT_FLOAT, FIELD(seconds), "1.0", 0.05, 30, NULL, "s",
     "longest clip; what is beyond is cut"},
    {"trim_db", BASE_OPT_FLOAT, FIELD(trim_db), "-50", -120, 0, NULL, "dB",
     "silence around the sound, below this level relative to its peak, is removed; 0 keeps it"},
    {"normalize", BASE_OPT_CHOICE, FIELD(normalize), "peak", 0, 0, "none|peak|rms|standard", NULL,
     "peak to full scale, RMS to -20 dB, or zero mean and unit deviation"},
    {"min_peak_db", BASE_OPT_FLOAT, FIELD(min_peak_db), "-60", -200, 0, NULL, "dB",
     "a sound whose peak is below this, relative to full scale, is left out as silent"},
    {"damaged", BASE_OPT_CHOICE, FIELD(damaged), "refuse", 0, 0, "refuse|use", NULL,
     "sounds whose file ends before its header says so, or whose decoder reports an error: left "
     "out, or used as far as they go, which manifest.csv tells"},
    {0}};
#undef FIELD

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the clips");
}

/* Makes room for n samples; what *x held is lost. */
static base_status make_room(float **x, size_t *capacity, int64_t n, base_error *err) {
    if ((size_t)n <= *capacity) return BASE_OK;
    base_free(*x);
    *x = base_alloc_unset((size_t)n, sizeof **x);
    *capacity = *x != NULL ? (size_t)n : 0;
    return *x != NULL ? BASE_OK : no_memory(err);
}

/* ---- into the form, block by block ---- */

typedef struct {
    const data_audio_options *options;
    dsp_resampler *resampler; /* NULL: the rate is right */
    float *mixed, *mono;
    size_t mixed_capacity, mono_capacity;
} former;

static base_status former_open(former *f, double rate_hz, base_error *err) {
    dsp_resampler_free(f->resampler);
    f->resampler = NULL;
    if (rate_hz == f->options->sample_rate_hz) return BASE_OK;
    return dsp_resampler_new(rate_hz, f->options->sample_rate_hz, f->options->channels,
                             &f->resampler, err);
}

static void former_release(former *f) {
    dsp_resampler_free(f->resampler);
    base_free(f->mixed);
    base_free(f->mono);
}

/* The mean over the channels, summed in their order; out [n]. One and two have loops of their own,
 * which compilers turn into vector code. */
static void mix_down(const data_audio *audio, float *out) {
    const float *x = audio->x, *y = audio->x + audio->n;
    if (audio->n_channels == 1) {
        if (audio->n > 0) memcpy(out, x, (size_t)audio->n * sizeof *out);
        return;
    }
    if (audio->n_channels == 2) {
        for (int64_t i = 0; i < audio->n; i++) out[i] = (float)(((double)x[i] + (double)y[i]) / 2);
        return;
    }
    for (int64_t i = 0; i < audio->n; i++) {
        double sum = 0;
        for (int64_t c = 0; c < audio->n_channels; c++) sum += audio->x[c * audio->n + i];
        out[i] = (float)(sum / (double)audio->n_channels);
    }
}

static base_status former_mix(former *f, const data_audio *block, data_audio *mixed,
                              base_error *err) {
    int64_t channels = f->options->channels;
    BASE_TRY(make_room(&f->mixed, &f->mixed_capacity, channels * block->n + 1, err));
    *mixed = (data_audio){f->mixed, channels, block->n, block->sample_rate_hz};
    if (channels == 1) {
        mix_down(block, f->mixed);
    } else if (block->n > 0) {
        size_t n_bytes = (size_t)block->n * sizeof *f->mixed;
        memcpy(f->mixed, block->x, n_bytes);
        memcpy(f->mixed + block->n, block->n_channels > 1 ? block->x + block->n : block->x,
               n_bytes);
    }
    return BASE_OK;
}

/* The mean of a block that has been mixed. */
static base_status former_mono(former *f, const data_audio *block, data_audio *mono,
                               base_error *err) {
    *mono = (data_audio){f->mixed, 1, block->n, block->sample_rate_hz};
    if (f->options->channels == 1) return BASE_OK;
    BASE_TRY(make_room(&f->mono, &f->mono_capacity, block->n + 1, err));
    mix_down(block, f->mono);
    mono->x = f->mono;
    return BASE_OK;
}

static base_status former_resample(former *f, const data_audio *mixed, bool last,
                                   data_audio *formed, base_error *err) {
    *formed = *mixed;
    if (f->resampler == NULL) return BASE_OK;
    const dsp_clip block = {mixed->x, mixed->n_channels, mixed->n, mixed->sample_rate_hz};
    const float *y;
    BASE_TRY(dsp_resampler_push(f->resampler, block, last, &y, &formed->n, err));
    formed->x = (float *)y;
    formed->sample_rate_hz = f->options->sample_rate_hz;
    return BASE_OK;
}

/* ---- the span that sounds ---- */

/* From a little before the first sample louder than the threshold to behind the last. */
typedef struct {
    double threshold;
    int64_t n_before;    /* samples kept before the first */
    int64_t at;          /* samples of the blocks before */
    int64_t begin, end;  /* -1: nothing was louder */
    int64_t n_tail;      /* samples before the block at hand, */
    float *tail;         /* [n_channels][n_before] */
    int64_t from_tail;   /* of which these last ones belong to the span, */
    int64_t from, until; /* as do those of the block from here on; its last loud one is before */
} scan;

static base_status scan_open(scan *s, double peak, double trim_db, const data_audio *block,
                             base_error *err) {
    *s = (scan){.threshold = peak * pow(10.0, trim_db / 20),
                .n_before = llround(DATA_BEFORE_ONSET_S * block->sample_rate_hz),
                .begin = -1,
                .end = -1};
    s->tail = base_alloc((size_t)(block->n_channels * s->n_before) + 1, sizeof *s->tail);
    return s->tail != NULL ? BASE_OK : no_memory(err);
}

static bool is_louder(const data_audio *audio, int64_t i, double threshold) {
    for (int64_t c = 0; c < audio->n_channels; c++) {
        if (fabsf(audio->x[c * audio->n + i]) > threshold) return true;
    }
    return false;
}

/* Finds what the block has of the span: from, until (0: nothing louder) and, where the span
 * begins, from_tail. */
static void scan_look(scan *s, const data_audio *block) {
    int64_t first = 0, end = block->n;
    while (end > 0 && !is_louder(block, end - 1, s->threshold)) end--;
    s->from = s->from_tail = 0;
    s->until = end;
    if (end > 0) s->end = s->at + end;
    if (s->begin >= 0) return;
    s->from = block->n;
    if (end == 0) return;
    while (!is_louder(block, first, s->threshold)) first++;
    s->begin = s->at + first > s->n_before ? s->at + first - s->n_before : 0;
    s->from = s->begin > s->at ? s->begin - s->at : 0;
    s->from_tail = s->begin < s->at ? s->at - s->begin : 0;
}

/* Done with the block: its last samples may turn out to be those before the first loud one. */
static void scan_pass(scan *s, const data_audio *block) {
    int64_t room = s->n_before, n_new = block->n < room ? block->n : room;
    int64_t n_old = s->n_tail < room - n_new ? s->n_tail : room - n_new;
    for (int64_t c = 0; c < block->n_channels && s->begin < 0; c++) {
        float *tail = s->tail + c * room;
        memmove(tail, tail + s->n_tail - n_old, (size_t)n_old * sizeof *tail);
        memcpy(tail + n_old, block->x + c * block->n + block->n - n_new,
               (size_t)n_new * sizeof *tail);
    }
    s->n_tail = n_old + n_new;
    s->at += block->n;
}

/* ---- the clip ---- */

/* What is kept of a sound. */
typedef struct {
    bool trims;
    scan scan;
    int64_t n_max, n; /* samples kept at most, and so far */
    data_audio clip;  /* [n_channels][n_max] */
} keeper;

/* n_total: samples of the whole sound in its form. */
static base_status keeper_open(keeper *k, const data_audio_options *options, double peak,
                               int64_t n_total, const data_audio *block, base_error *err) {
    int64_t longest = data_audio_samples(options);
    *k = (keeper){.trims = options->trim_db < 0, .n_max = n_total < longest ? n_total : longest};
    BASE_TRY(scan_open(&k->scan, peak, options->trim_db, block, err));
    k->clip = (data_audio){base_alloc_unset((size_t)(k->n_max * block->n_channels), sizeof(float)),
                           block->n_channels, k->n_max, block->sample_rate_hz};
    return k->clip.x != NULL ? BASE_OK : no_memory(err);
}

/* Appends n samples of each channel, from x on, to what is kept, as far as there is room. */
static void keep(keeper *k, const float *x, int64_t stride, int64_t n) {
    if (n > k->n_max - k->n) n = k->n_max - k->n;
    for (int64_t c = 0; c < k->clip.n_channels && n > 0; c++) {
        memcpy(k->clip.x + c * k->n_max + k->n, x + c * stride, (size_t)n * sizeof *x);
    }
    k->n += n;
}

static void keeper_take(keeper *k, const data_audio *block) {
    scan *s = &k->scan;
    if (k->trims) {
        scan_look(s, block);
    } else {
        s->begin = s->from = 0;
        s->end = s->at + block->n;
    }
    if (s->from_tail > 0) keep(k, s->tail + s->n_tail - s->from_tail, s->n_before, s->from_tail);
    keep(k, block->x + s->from, block->n, block->n - s->from);
    scan_pass(s, block);
}

/* Whether nothing that follows can change the clip. */
static bool keeper_is_done(const keeper *k) {
    return k->n == k->n_max && k->scan.end - k->scan.begin > k->n_max;
}

/* The clip in memory of just its size. */
static base_status keeper_finish(keeper *k, data_audio *clip, base_error *err) {
    const scan *s = &k->scan;
    int64_t n = s->end - s->begin;
    bool cut = n > k->n_max;
    if (n == 0 || s->begin < 0) return base_fail(err, BASE_EDATA, "silent");
    if (cut) n = k->n_max;
    BASE_CHECK(n <= k->n);
    *clip = (data_audio){base_alloc_unset((size_t)(n * k->clip.n_channels), sizeof *clip->x),
                         k->clip.n_channels, n, k->clip.sample_rate_hz};
    if (clip->x == NULL) return no_memory(err);
    for (int64_t c = 0; c < clip->n_channels; c++) {
        memcpy(clip->x + c * n, k->clip.x + c * k->n_max, (size_t)n * sizeof *clip->x);
    }
    if (cut) {
        dsp_fade_out((dsp_clip){clip->x, clip->n_channels, n, clip->sample_rate_hz},
                     llround(DATA_FADE_S * clip->sample_rate_hz));
    }
    return BASE_OK;
}

static void keeper_release(keeper *k) {
    base_free(k->scan.tail);
    data_audio_release(&k->clip);
}

void data_clip_normalize(const data_audio *clip, int how) {
    dsp_clip c = {clip->x, clip->n_channels, clip->n, clip->sample_rate_hz};
    if (how == DATA_NORMALIZE_PEAK) dsp_normalize_peak(c, 0.0);
    if (how == DATA_NORMALIZE_RMS) dsp_normalize_rms(c, DATA_RMS_LEVEL_DB);
    if (how == DATA_NORMALIZE_STANDARD) dsp_normalize_standard(c);
}

/* ---- the digest of the content ---- */

typedef struct {
    scan scan;
    double scale;
    int64_t n_channels;
    base_hasher *hasher;
    base_digest digest; /* up to the last loud sample; of nothing 0 */
} content;

static base_status content_open(content *c, float peak, const data_audio *heard, base_error *err) {
    *c = (content){.scale = CONTENT_MAX / peak, .n_channels = heard->n_channels};
    BASE_TRY(scan_open(&c->scan, peak, CONTENT_TRIM_DB, heard, err));
    c->hasher = base_hasher_new();
    return c->hasher != NULL ? BASE_OK : no_memory(err);
}

/* n samples of each channel, from x on, side by side. */
static void content_add(content *c, const float *x, int64_t stride, int64_t n) {
    int16_t quantised[1024];
    const int64_t room = sizeof quantised / sizeof *quantised;
    int64_t filled = 0;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < c->n_channels; k++) {
            quantised[filled++] = (int16_t)lround(x[k * stride + i] * c->scale);
        }
        if (filled + c->n_channels <= room && i + 1 < n) continue;
        base_hasher_add(c->hasher, quantised, (size_t)filled * sizeof *quantised);
        filled = 0;
    }
}

static void content_take(content *c, const data_audio *heard) {
    scan *s = &c->scan;
    scan_look(s, heard);
    const float *from = heard->x + s->from, *until = heard->x + s->until;
    if (s->from_tail > 0) {
        content_add(c, s->tail + s->n_tail - s->from_tail, s->n_before, s->from_tail);
    }
    if (s->until > 0) {
        content_add(c, from, heard->n, s->until - s->from);
        c->digest = base_hasher_digest(c->hasher);
        content_add(c, until, heard->n, heard->n - s->until);
    } else {
        content_add(c, from, heard->n, heard->n - s->from);
    }
    scan_pass(s, heard);
}

static void content_release(content *c) {
    base_free(c->scan.tail);
    base_hasher_free(c->hasher);
}

/* ---- a sound, read twice ---- */

typedef struct {
    float formed, mono, all;
} block_peak;

typedef struct {
    data_sound *sound;
    const data_audio_options *options;
    bool wants_facts;
    former former;
    data_audio block, mixed, formed; /* at hand */
    bool last;
    /* Of all blocks, after the first reading */
    int64_t n_blocks, n, n_formed;
    float peak, mono_peak, mixed_peak, formed_peak;
    block_peak *block_peaks; /* [n_blocks] */
    size_t peak_capacity;
    int64_t n_loud; /* blocks up to the last that the second reading needs */
    int64_t n_clipped;
    int64_t *run;            /* [channels] of clipped samples up to the block's end */
    base_status clip_status; /* why there is no clip; the facts there may be */
    base_error clip_error;
    /* The second reading's */
    keeper keeper;
    content content;
} reading;

static float larger(float a, float b) {
    return a > b ? a : b;
}

static void count_clipped(reading *r) {
    const data_audio *b = &r->block;
    for (int64_t c = 0; c < b->n_channels; c++) {
        int64_t run = r->run[c];
        for (int64_t i = 0; i < b->n; i++) {
            run = fabsf(b->x[c * b->n + i]) >= FULL_SCALE ? run + 1 : 0;
            if (run == MIN_CLIPPED) r->n_clipped += MIN_CLIPPED;
            if (run > MIN_CLIPPED) r->n_clipped++;
        }
        r->run[c] = run;
    }
}

/* The next block, mixed and, where it can be, resampled. */
static base_status read_block(reading *r, base_error *err) {
    BASE_TRY(data_sound_next(r->sound, &r->block, &r->last, err));
    if (r->n_blocks++ == 0 && r->clip_status == BASE_OK) {
        r->clip_status = former_open(&r->former, r->block.sample_rate_hz, &r->clip_error);
        if (r->clip_status == BASE_EMEMORY) return no_memory(err);
    }
    BASE_TRY(former_mix(&r->former, &r->block, &r->mixed, err));
    r->formed = r->mixed;
    if (r->clip_status != BASE_OK) return BASE_OK;
    return former_resample(&r->former, &r->mixed, r->last, &r->formed, err);
}

static base_status survey_facts(reading *r, block_peak *peak, base_error *err) {
    const data_audio *b = &r->block;
    if (r->run == NULL) r->run = base_alloc((size_t)b->n_channels, sizeof *r->run);
    if (r->run == NULL) return no_memory(err);
    data_audio mono;
    BASE_TRY(former_mono(&r->former, b, &mono, err));
    peak->all = dsp_peak(b->x, b->n * b->n_channels);
    r->peak = larger(r->peak, peak->all);
    peak->mono = dsp_peak(mono.x, mono.n);
    r->mono_peak = larger(r->mono_peak, peak->mono);
    count_clipped(r);
    return BASE_OK;
}

static base_status survey_block(reading *r, base_error *err) {
    void *peaks = r->block_peaks;
    if (!base_grow(&peaks, &r->peak_capacity, (size_t)r->n_blocks, sizeof *r->block_peaks)) {
        return no_memory(err);
    }
    r->block_peaks = peaks;
    block_peak *peak = &r->block_peaks[r->n_blocks - 1];
    *peak = (block_peak){.formed = dsp_peak(r->formed.x, r->formed.n * r->formed.n_channels)};
    r->n += r->block.n;
    r->n_formed += r->formed.n;
    bool same = r->formed.x == r->mixed.x;
    float mixed = same ? peak->formed : dsp_peak(r->mixed.x, r->mixed.n * r->mixed.n_channels);
    r->mixed_peak = larger(r->mixed_peak, mixed);
    r->formed_peak = larger(r->formed_peak, peak->formed);
    return r->wants_facts ? survey_facts(r, peak, err) : BASE_OK;
}

/* Whether the channels cancel each other: then their mean says nothing about the sound. */
static bool cancels(const reading *r) {
    return r->mono_peak < CANCELLED * r->peak;
}

static float content_peak(const reading *r) {
    return cancels(r) ? r->peak : r->mono_peak;
}

/* What follows on the last loud samples of a sound need not be read again. */
static void find_loud(reading *r) {
    double clip_level = r->formed_peak * pow(10.0, r->options->trim_db / 20);
    double content_level = content_peak(r) * pow(10.0, CONTENT_TRIM_DB / 20);
    bool trims = r->options->trim_db < 0;
    r->n_loud = r->n_blocks;
    for (; trims && r->n_loud > 1; r->n_loud--) {
        const block_peak *last = &r->block_peaks[r->n_loud - 1];
        double heard = cancels(r) ? last->all : last->mono;
        if (last->formed > clip_level || heard > content_level) break;
    }
}

/* With the sound's name, as errors in reading it have. */
static base_status fail_clip(const reading *r, base_status status, const char *why,
                             base_error *err) {
    const char *name = data_sound_name(r->sound);
    if (name == NULL) return base_fail(err, status, "%s", why);
    return base_fail(err, status, "%s: %s", name, why);
}

static base_status survey(reading *r, base_error *err) {
    do {
        BASE_TRY(read_block(r, err));
        BASE_TRY(survey_block(r, err));
    } while (!r->last);
    const data_condition *condition = data_sound_condition(r->sound);
    if (condition->damaged && r->options->damaged == DATA_DAMAGED_REFUSE) {
        return fail_clip(r, BASE_EDATA, condition->text, err);
    }
    find_loud(r);
    bool silent = r->mixed_peak == 0 || r->mixed_peak < pow(10.0, r->options->min_peak_db / 20);
    if (silent) r->clip_status = base_fail(&r->clip_error, BASE_EDATA, "silent");
    return BASE_OK;
}

static base_status take_block(reading *r, bool first, base_error *err) {
    if (r->clip_status == BASE_OK) {
        if (first) {
            BASE_TRY(
                keeper_open(&r->keeper, r->options, r->formed_peak, r->n_formed, &r->formed, err));
        }
        keeper_take(&r->keeper, &r->formed);
    }
    if (!r->wants_facts) return BASE_OK;
    data_audio heard = r->block;
    if (!cancels(r)) BASE_TRY(former_mono(&r->former, &r->block, &heard, err));
    if (first) BASE_TRY(content_open(&r->content, content_peak(r), &heard, err));
    content_take(&r->content, &heard);
    return BASE_OK;
}

/* A sound of one block is still at hand. */
static base_status take(reading *r, base_error *err) {
    bool is_short = r->n_blocks == 1, first = true;
    if (!is_short) BASE_TRY(data_sound_rewind(r->sound, err));
    r->n_blocks = 0;
    do {
        if (!is_short) BASE_TRY(read_block(r, err));
        BASE_TRY(take_block(r, first, err));
        first = false;
    } while (!is_short && r->n_blocks < r->n_loud &&
             (r->wants_facts || !keeper_is_done(&r->keeper)));
    return BASE_OK;
}

static void note_facts(const reading *r, data_row *facts) {
    facts->sample_rate_hz = r->block.sample_rate_hz;
    facts->seconds = (double)r->n / r->block.sample_rate_hz;
    facts->n_channels = r->block.n_channels;
    facts->peak = r->peak;
    facts->n_clipped = r->n_clipped;
    facts->content = r->content.digest;
}

static base_status read_twice(reading *r, data_row *facts, data_audio *clip, base_error *err) {
    BASE_TRY(survey(r, err));
    if (r->clip_status == BASE_OK || r->wants_facts) BASE_TRY(take(r, err));
    if (r->wants_facts) note_facts(r, facts);
    if (r->clip_status == BASE_OK) {
        r->clip_status = keeper_finish(&r->keeper, clip, &r->clip_error);
    }
    if (r->clip_status != BASE_OK) {
        return fail_clip(r, r->clip_status, r->clip_error.text, err);
    }
    data_clip_normalize(clip, r->options->normalize);
    return BASE_OK;
}

base_status data_clip_read(data_sound *sound, const data_audio_options *options, data_row *facts,
                           data_audio *clip, base_error *err) {
    reading r = {.sound = sound,
                 .options = options,
                 .wants_facts = facts != NULL,
                 .former = {.options = options}};
    *clip = (data_audio){0};
    base_status status = read_twice(&r, facts, clip, err);
    former_release(&r.former);
    keeper_release(&r.keeper);
    content_release(&r.content);
    base_free(r.block_peaks);
    base_free(r.run);
    return status;
}

base_status data_clip_prepare(const data_audio *audio, const data_audio_options *options,
                              data_audio *clip, base_error *err) {
    data_sound *sound;
    *clip = (data_audio){0};
    BASE_TRY(data_sound_borrow(audio, &sound, err));
    base_status status = data_clip_read(sound, options, NULL, clip, err);
    data_sound_close(sound);
    return status;
}
