#include "data/clips.h"

#include <math.h>
#include <string.h>

#include "data/cache.h"
#include "data/mix.h"
#include "data/synth.h"
#include "dsp/effects.h"
#include "dsp/resample.h"

#define RMS_LEVEL_DB    (-20.0) /* where normalize: rms puts a clip */
#define CONTENT_TRIM_DB (-50.0)
#define BEFORE_ONSET_S  0.001 /* kept, so that the attack is whole */
#define FADE_S          0.005
#define FULL_SCALE      (32767.0f / 32768.0f) /* the largest 16-bit sample */
#define MIN_CLIPPED     3                     /* samples in a row */
#define CONTENT_MAX     32767.0

#define FIELD(name) offsetof(data_audio_options, name)
const base_option data_audio_table[] = {
    {.key = "sample_rate",
     .kind = BASE_OPT_FLOAT,
     .offset = FIELD(sample_rate_hz),
     .preset = "44100",
     .min = 8000,
     .max = 192000,
     .unit = "Hz",
     .help = "every clip is resampled to this rate"},
    {.key = "channels",
     .kind = BASE_OPT_INT,
     .offset = FIELD(channels),
     .preset = "1",
     .min = 1,
     .max = 2,
     .help = "1 mixes down by the mean; 2 keeps the first two channels (mono is doubled)"},
    {.key = "seconds",
     .kind = BASE_OPT_FLOAT,
     .offset = FIELD(seconds),
     .preset = "1.0",
     .min = 0.05,
     .max = 30,
     .unit = "s",
     .help = "longest clip; what is beyond is cut"},
    {.key = "trim_db",
     .kind = BASE_OPT_FLOAT,
     .offset = FIELD(trim_db),
     .preset = "-50",
     .min = -120,
     .max = 0,
     .unit = "dB",
     .help = "silence around the sound, below this level relative to its peak, is removed; 0 keeps "
             "it"},
    {.key = "normalize",
     .kind = BASE_OPT_CHOICE,
     .offset = FIELD(normalize),
     .preset = "peak",
     .choices = "none|peak|rms|standard",
     .help = "peak to full scale, RMS to -20 dB, or zero mean and unit deviation"},
    {.key = "min_peak_db",
     .kind = BASE_OPT_FLOAT,
     .offset = FIELD(min_peak_db),
     .preset = "-60",
     .min = -200,
     .max = 0,
     .unit = "dB",
     .help = "a sound whose peak is below this, relative to full scale, is left out as silent"},
    {0}};
#undef FIELD

/* ---- one clip ---- */

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the clips");
}

/* The mean over the channels, summed in their order; out [n]. */
static void mix_down(const data_audio *audio, float *out) {
    for (int64_t i = 0; i < audio->n; i++) {
        double sum = 0;
        for (int64_t c = 0; c < audio->n_channels; c++) sum += audio->x[c * audio->n + i];
        out[i] = (float)(sum / (double)audio->n_channels);
    }
}

static base_status mix(const data_audio *audio, int64_t channels, data_audio *out,
                       base_error *err) {
    *out = (data_audio){NULL, channels, audio->n, audio->sample_rate_hz};
    out->x = base_alloc((size_t)(channels * audio->n), sizeof *out->x);
    if (out->x == NULL) return no_memory(err);
    if (channels == 1) {
        mix_down(audio, out->x);
        return BASE_OK;
    }
    size_t n_bytes = (size_t)audio->n * sizeof *out->x;
    memcpy(out->x, audio->x, n_bytes);
    memcpy(out->x + audio->n, audio->n_channels > 1 ? audio->x + audio->n : audio->x, n_bytes);
    return BASE_OK;
}

static base_status resample(data_audio *clip, double rate_hz, base_error *err) {
    if (clip->sample_rate_hz == rate_hz) return BASE_OK;
    int64_t n = dsp_resample_length(clip->n, clip->sample_rate_hz, rate_hz);
    float *x = base_alloc((size_t)(n * clip->n_channels), sizeof *x);
    if (x == NULL) return no_memory(err);
    base_status status = BASE_OK;
    for (int64_t c = 0; c < clip->n_channels && status == BASE_OK; c++)
        status = dsp_resample(clip->x + c * clip->n, clip->n, clip->sample_rate_hz, rate_hz,
                              x + c * n, err);
    base_free(clip->x);
    *clip = (data_audio){x, clip->n_channels, n, rate_hz};
    return status;
}

static bool is_louder(const data_audio *audio, int64_t i, double threshold) {
    for (int64_t c = 0; c < audio->n_channels; c++) {
        if (fabsf(audio->x[c * audio->n + i]) > threshold) return true;
    }
    return false;
}

/* The span from a little before the first sample within trim_db of the peak to behind the last. */
static void sounding_span(const data_audio *audio, double trim_db, int64_t *begin, int64_t *end) {
    float peak = dsp_peak(audio->x, audio->n * audio->n_channels);
    double threshold = peak * pow(10.0, trim_db / 20);
    *begin = 0;
    *end = audio->n;
    while (*end > 0 && !is_louder(audio, *end - 1, threshold)) --*end;
    while (*begin < *end && !is_louder(audio, *begin, threshold)) ++*begin;
    int64_t before = llround(BEFORE_ONSET_S * audio->sample_rate_hz);
    *begin -= *begin < before ? *begin : before;
}

/* Replaces the clip by its samples [begin, end). */
static base_status keep_span(data_audio *clip, int64_t begin, int64_t end, base_error *err) {
    int64_t n = end - begin;
    if (n == clip->n) return BASE_OK;
    float *x = base_alloc((size_t)(n * clip->n_channels), sizeof *x);
    if (x == NULL) return no_memory(err);
    for (int64_t c = 0; c < clip->n_channels; c++)
        memcpy(x + c * n, clip->x + c * clip->n + begin, (size_t)n * sizeof *x);
    base_free(clip->x);
    clip->x = x;
    clip->n = n;
    return BASE_OK;
}

int64_t data_clip_longest(const data_audio_options *options) {
    return llround(options->seconds * options->sample_rate_hz);
}

static base_status trim_and_cut(data_audio *clip, const data_audio_options *options,
                                base_error *err) {
    int64_t begin = 0, end = clip->n, n_max = data_clip_longest(options);
    if (options->trim_db < 0) sounding_span(clip, options->trim_db, &begin, &end);
    if (begin == end) return base_fail(err, BASE_EDATA, "silent");
    bool cut = end - begin > n_max;
    BASE_TRY(keep_span(clip, begin, cut ? begin + n_max : end, err));
    if (cut)
        dsp_fade_out((dsp_clip){clip->x, clip->n_channels, clip->n, clip->sample_rate_hz},
                     llround(FADE_S * clip->sample_rate_hz));
    return BASE_OK;
}

static void normalize(const data_audio *clip, int how) {
    dsp_clip c = {clip->x, clip->n_channels, clip->n, clip->sample_rate_hz};
    if (how == DATA_NORMALIZE_PEAK) dsp_normalize_peak(c, 0.0);
    if (how == DATA_NORMALIZE_RMS) dsp_normalize_rms(c, RMS_LEVEL_DB);
    if (how == DATA_NORMALIZE_STANDARD) dsp_normalize_standard(c);
}

base_status data_clip_prepare(const data_audio *audio, const data_audio_options *options,
                              data_audio *clip, base_error *err) {
    base_status status = mix(audio, options->channels, clip, err);
    if (status == BASE_OK) {
        float peak = dsp_peak(clip->x, clip->n * clip->n_channels);
        if (peak == 0 || peak < pow(10.0, options->min_peak_db / 20))
            status = base_fail(err, BASE_EDATA, "silent");
    }
    if (status == BASE_OK) status = resample(clip, options->sample_rate_hz, err);
    if (status == BASE_OK) status = trim_and_cut(clip, options, err);
    if (status == BASE_OK) normalize(clip, options->normalize);
    if (status != BASE_OK) data_audio_release(clip);
    return status;
}

/* ---- facts about a sound ---- */

static int64_t count_clipped(const float *x, int64_t n) {
    int64_t total = 0, run = 0;
    for (int64_t i = 0; i < n; i++) {
        run = fabsf(x[i]) >= FULL_SCALE ? run + 1 : 0;
        if (run == MIN_CLIPPED) total += MIN_CLIPPED;
        if (run > MIN_CLIPPED) total++;
    }
    return total;
}

static base_status digest_content(const data_audio *audio, base_digest *digest, base_error *err) {
    data_audio mono = {base_alloc((size_t)audio->n, sizeof(float)), 1, audio->n,
                       audio->sample_rate_hz};
    int16_t *quantised = base_alloc((size_t)audio->n, sizeof *quantised);
    base_status status = BASE_OK;
    if (mono.x != NULL && quantised != NULL) {
        int64_t begin, end;
        mix_down(audio, mono.x);
        sounding_span(&mono, CONTENT_TRIM_DB, &begin, &end);
        double scale = CONTENT_MAX / dsp_peak(mono.x, mono.n);
        for (int64_t i = begin; i < end; i++)
            quantised[i - begin] = (int16_t)lround(mono.x[i] * scale);
        *digest = base_digest_bytes(quantised, (size_t)(end - begin) * sizeof *quantised);
    } else {
        status = no_memory(err);
    }
    base_free(mono.x);
    base_free(quantised);
    return status;
}

static base_status find_facts(const data_audio *audio, data_row *facts, base_error *err) {
    facts->sample_rate_hz = audio->sample_rate_hz;
    facts->seconds = (double)audio->n / audio->sample_rate_hz;
    facts->n_channels = audio->n_channels;
    facts->peak = dsp_peak(audio->x, audio->n * audio->n_channels);
    for (int64_t c = 0; c < audio->n_channels; c++)
        facts->n_clipped += count_clipped(audio->x + c * audio->n, audio->n);
    return digest_content(audio, &facts->content, err);
}

/* ---- all clips ---- */

typedef struct {
    data_audio clip;
    data_row facts;
    base_status status;
    char *problem; /* base_alloc'd; why a row is left out, or the job fails for want of memory */
} result;

typedef struct {
    const data_row *const *rows;
    const data_audio_options *options;
    result *results;
} decoding;

static base_status decode_row(const data_row *row, const data_audio_options *options, result *r,
                              base_error *err) {
    data_audio audio;
    data_audio_span span = {row->begin_s, row->end_s, 0};
    BASE_TRY(row->mix != NULL                ? data_mix_read(row, &audio, err)
             : data_synth_is_name(row->path) ? data_synth_read(row->path, &audio, err)
                                             : data_audio_read(row->path, &span, &audio, err));
    base_status status = find_facts(&audio, &r->facts, err);
    if (status == BASE_OK) status = data_clip_prepare(&audio, options, &r->clip, err);
    data_audio_release(&audio);
    return status;
}

/* "silent" or "unreadable: why", without the path: a cache outlives a move of its files. */
static char *explain(const base_error *err, const char *path) {
    base_text text = {0};
    const char *why = err->text;
    size_t n = strlen(path);
    if (strncmp(why, path, n) == 0 && strncmp(why + n, ": ", 2) == 0) why += n + 2;
    if (strcmp(why, "silent") != 0) base_text_add(&text, "unreadable: ");
    base_text_add(&text, why);
    if (text.failed) base_text_release(&text);
    return text.data;
}

static void decode_task(void *context, int64_t i, int worker) {
    (void)worker;
    const decoding *d = context;
    result *r = &d->results[i];
    base_error err;
    r->status = decode_row(d->rows[i], d->options, r, &err);
    if (r->status == BASE_OK || r->status == BASE_EMEMORY) return;
    r->problem = explain(&err, d->rows[i]->path);
    if (r->problem == NULL) r->status = BASE_EMEMORY;
}

/* Lays the clips out one behind the other, freeing each result on the way. */
static base_status join_results(result *results, int64_t n_rows, base_arena *arena,
                                data_decoded *out, base_error *err) {
    *out = (data_decoded){.n_rows = n_rows,
                          .facts = base_alloc((size_t)n_rows, sizeof *out->facts),
                          .offset = base_alloc((size_t)n_rows + 1, sizeof *out->offset)};
    if (out->facts == NULL || out->offset == NULL) return no_memory(err);
    for (int64_t i = 0; i < n_rows; i++)
        out->offset[i + 1] = out->offset[i] + results[i].clip.n * results[i].clip.n_channels;
    out->audio = base_alloc((size_t)out->offset[n_rows], sizeof *out->audio);
    if (out->audio == NULL) return no_memory(err);
    for (int64_t i = 0; i < n_rows; i++) {
        result *r = &results[i];
        if (r->status == BASE_EMEMORY) return no_memory(err);
        out->facts[i] = r->facts;
        if (r->problem != NULL) {
            out->facts[i].left_out = base_arena_string(arena, r->problem);
            if (out->facts[i].left_out == NULL) return no_memory(err);
        } else {
            size_t n = (size_t)(out->offset[i + 1] - out->offset[i]);
            memcpy(out->audio + out->offset[i], r->clip.x, n * sizeof *out->audio);
        }
        data_audio_release(&r->clip);
    }
    return BASE_OK;
}

static base_status decode_all(const data_row *const *rows, int64_t n_rows,
                              const data_audio_options *options, const data_work *work,
                              base_arena *arena, data_decoded *out, base_error *err) {
    decoding d = {rows, options, base_alloc((size_t)n_rows, sizeof(result))};
    if (d.results == NULL) return no_memory(err);
    base_status status = data_work_run(work, "decoding", n_rows, decode_task, &d, err);
    if (status == BASE_OK) status = join_results(d.results, n_rows, arena, out, err);
    for (int64_t i = 0; i < n_rows; i++) {
        data_audio_release(&d.results[i].clip);
        base_free(d.results[i].problem);
    }
    base_free(d.results);
    if (status != BASE_OK) data_decoded_release(out);
    return status;
}

/* The cache only saves time: a broken one is made anew, one that can't be written is done without.
 */
static base_status load_or_decode(const data_row *const *rows, int64_t n_rows,
                                  const data_audio_options *options, const char *cache_folder,
                                  const data_work *work, base_arena *arena, data_decoded *out,
                                  base_error *err) {
    const char *path = NULL;
    if (cache_folder != NULL) {
        BASE_TRY(data_cache_path(cache_folder, rows, n_rows, options, work, arena, &path, err));
        if (data_cache_read(path, n_rows, options, arena, out, NULL) == BASE_OK) return BASE_OK;
    }
    BASE_TRY(decode_all(rows, n_rows, options, work, arena, out, err));
    bool any = out->offset[n_rows] > 0;
    if (path != NULL && any && base_folder_make(cache_folder, NULL) == BASE_OK)
        (void)data_cache_write(path, out, NULL);
    return BASE_OK;
}

/* Copies what decoding found into the manifest's rows. */
static void note_facts(data_row *row, const data_row *facts) {
    row->sample_rate_hz = facts->sample_rate_hz;
    row->seconds = facts->seconds;
    row->n_channels = facts->n_channels;
    row->peak = facts->peak;
    row->n_clipped = facts->n_clipped;
    row->content = facts->content;
    row->left_out = facts->left_out;
}

/* A class all of whose sounds were left out can't be learnt. */
static base_status check_classes(const data_manifest *m, data_row *const *rows, int64_t n_rows,
                                 base_error *err) {
    for (int c = 0; c < m->n_classes; c++) {
        int64_t n_used = 0, n_left_out = 0;
        const data_row *first = NULL;
        for (int64_t i = 0; i < n_rows; i++) {
            if (rows[i]->class_index != c) continue;
            n_used += rows[i]->left_out == NULL;
            if (rows[i]->left_out != NULL && n_left_out++ == 0) first = rows[i];
        }
        if (n_used == 0 && first != NULL)
            return base_fail(err, BASE_EDATA,
                             "no usable sound of class '%s' (%lld left out; the first: %s: %s)",
                             m->classes[c], (long long)n_left_out, first->path, first->left_out);
    }
    return BASE_OK;
}

/* Turns decoded rows into clips; takes the audio. */
static base_status make_clips(const data_manifest *m, data_row *const *rows, data_decoded *d,
                              const data_audio_options *options, data_clips *clips,
                              base_error *err) {
    int64_t n = d->n_rows;
    *clips = (data_clips){.sample_rate_hz = options->sample_rate_hz,
                          .n_channels = options->channels,
                          .n_samples = data_clip_longest(options),
                          .row = base_alloc((size_t)n, sizeof *clips->row),
                          .label = base_alloc((size_t)n, sizeof *clips->label),
                          .offset = base_alloc((size_t)n + 1, sizeof *clips->offset)};
    if (clips->row == NULL || clips->label == NULL || clips->offset == NULL) {
        data_clips_release(clips);
        return no_memory(err);
    }
    for (int64_t i = 0; i < n; i++) {
        if (rows[i]->left_out != NULL) continue;
        int64_t at = clips->n_clips++;
        clips->row[at] = rows[i] - m->rows;
        clips->label[at] = rows[i]->class_index;
        clips->offset[at + 1] = d->offset[i + 1];
    }
    clips->audio = d->audio;
    clips->cache = d->cache;
    d->audio = NULL;
    d->cache = NULL;
    return BASE_OK;
}

/* What sounds are made from is decoded first; it decides the cache's name, too. */
static base_status prepare_mixes(data_manifest *m, const data_audio_options *options,
                                 const char *cache_folder, const data_work *work, base_error *err) {
    for (data_mix *mix = m->mixes; mix != NULL; mix = mix->next)
        BASE_TRY(data_mix_prepare(mix, m, options, cache_folder, work, err));
    for (const data_mix *mix = m->mixes; mix != NULL; mix = mix->next)
        BASE_TRY(data_mix_label(mix, m, err));
    return BASE_OK;
}

static base_status open_rows(data_manifest *m, data_row **rows, int64_t n_rows,
                             const data_audio_options *options, const char *cache_folder,
                             const data_work *work, data_clips *clips, base_error *err) {
    data_decoded decoded = {0};
    BASE_TRY(load_or_decode((const data_row *const *)rows, n_rows, options, cache_folder, work,
                            &m->arena, &decoded, err));
    for (int64_t i = 0; i < n_rows; i++) note_facts(rows[i], &decoded.facts[i]);
    base_status status = check_classes(m, rows, n_rows, err);
    if (status == BASE_OK) status = make_clips(m, rows, &decoded, options, clips, err);
    for (int64_t i = 0; i < n_rows; i++) {
        if (rows[i]->left_out != NULL) rows[i]->class_index = -1;
    }
    data_decoded_release(&decoded);
    return status;
}

base_status data_clips_open(data_manifest *manifest, const data_audio_options *options,
                            const char *cache_folder, base_pool *pool, data_progress *progress,
                            void *progress_context, data_clips *clips, base_error *err) {
    *clips = (data_clips){0};
    data_row **rows = base_alloc((size_t)manifest->n_rows, sizeof(data_row *));
    if (rows == NULL) return no_memory(err);
    int64_t n_rows = 0;
    for (int64_t i = 0; i < manifest->n_rows; i++) {
        if (manifest->rows[i].left_out == NULL) rows[n_rows++] = &manifest->rows[i];
    }
    data_work work = {pool, progress, progress_context};
    base_status status = n_rows > 0 ? prepare_mixes(manifest, options, cache_folder, &work, err)
                                    : base_fail(err, BASE_EDATA, "no sound is in use");
    if (status == BASE_OK)
        status = open_rows(manifest, rows, n_rows, options, cache_folder, &work, clips, err);
    for (data_mix *mix = manifest->mixes; mix != NULL; mix = mix->next) data_mix_rest(mix);
    base_free(rows);
    return status;
}

void data_clips_release(data_clips *clips) {
    if (clips == NULL) return;
    base_free(clips->row);
    base_free(clips->label);
    base_free(clips->offset);
    if (clips->cache == NULL) base_free(clips->audio);
    base_h5_reader_free(clips->cache);
    *clips = (data_clips){0};
}

int64_t data_clips_valid(const data_clips *clips, int64_t clip) {
    return (clips->offset[clip + 1] - clips->offset[clip]) / clips->n_channels;
}

void data_clips_load(const data_clips *clips, int64_t clip, float *out) {
    BASE_CHECK(clip >= 0 && clip < clips->n_clips);
    int64_t n = data_clips_valid(clips, clip), room = clips->n_samples;
    const float *x = clips->audio + clips->offset[clip];
    for (int64_t c = 0; c < clips->n_channels; c++) {
        memcpy(out + c * room, x + c * n, (size_t)n * sizeof *out);
        memset(out + c * room + n, 0, (size_t)(room - n) * sizeof *out);
    }
}
