#include "data/clips.h"

#include <string.h>

#include "data/cache.h"
#include "data/mix.h"
#include "data/synth.h"

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the clips");
}

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
    base_status status = data_clip_facts(&audio, &r->facts, err);
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
                          .n_samples = data_audio_samples(options),
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
        BASE_TRY(data_mix_tell(mix, m, err));
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
