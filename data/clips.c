#include "data/clips.h"

#include <string.h>

#include "data/cache.h"
#include "data/source.h"

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
    const data_decoding *decoding;
    result *results;
} decode_job;

static base_status decode_row(const data_row *row, const data_audio_options *options, result *r,
                              base_error *err) {
    data_audio audio;
    BASE_TRY(data_row_read(row, &audio, err));
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
    const decode_job *job = context;
    const data_row *row = job->decoding->rows[i];
    result *r = &job->results[i];
    base_error err;
    r->status = decode_row(row, job->decoding->options, r, &err);
    if (r->status == BASE_OK || r->status == BASE_EMEMORY) return;
    r->problem = explain(&err, row->path);
    if (r->problem == NULL) r->status = BASE_EMEMORY;
}

/* Lays the clips out one behind the other, freeing each result on the way. */
static base_status join_results(result *results, int64_t n_rows, base_arena *arena,
                                data_decoded *out, base_error *err) {
    *out = (data_decoded){.n_rows = n_rows,
                          .facts = base_alloc((size_t)n_rows, sizeof *out->facts),
                          .offset = base_alloc((size_t)n_rows + 1, sizeof *out->offset)};
    if (out->facts == NULL || out->offset == NULL) return no_memory(err);
    for (int64_t i = 0; i < n_rows; i++) {
        out->offset[i + 1] = out->offset[i] + results[i].clip.n * results[i].clip.n_channels;
    }
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

static base_status decode_all(const data_decoding *d, data_decoded *out, base_error *err) {
    decode_job job = {d, base_alloc((size_t)d->n_rows, sizeof(result))};
    if (job.results == NULL) return no_memory(err);
    const data_job decoding = {"decoding", d->n_rows, decode_task, &job};
    base_status status = data_work_run(d->work, &decoding, err);
    if (status == BASE_OK) status = join_results(job.results, d->n_rows, d->arena, out, err);
    for (int64_t i = 0; i < d->n_rows; i++) {
        data_audio_release(&job.results[i].clip);
        base_free(job.results[i].problem);
    }
    base_free(job.results);
    if (status != BASE_OK) data_decoded_release(out);
    return status;
}

/* The cache only saves time: a broken one is made anew, one that cannot be written is done without.
 */
static base_status load_or_decode(const data_decoding *d, data_decoded *out, base_error *err) {
    const char *path = NULL, *folder = d->work->cache_folder;
    if (folder != NULL) {
        BASE_TRY(data_cache_path(d, &path, err));
        if (data_cache_read(path, d, out, NULL) == BASE_OK) return BASE_OK;
    }
    BASE_TRY(decode_all(d, out, err));
    bool any = out->offset[d->n_rows] > 0;
    if (path != NULL && any && base_folder_make(folder, NULL) == BASE_OK) {
        (void)data_cache_write(path, out, NULL);
    }
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

/* Turns decoded rows into clips; takes the audio. */
static base_status make_clips(const data_manifest *m, const data_decoding *decoding,
                              data_decoded *d, data_clips *clips, base_error *err) {
    const data_audio_options *options = decoding->options;
    data_row *const *rows = decoding->rows;
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

/* What sounds are made from comes first; it decides the cache's name, too. */
static base_status load_origins(data_manifest *m, const data_decoding *d, base_error *err) {
    for (data_origin *o = m->origins; o != NULL; o = o->next) {
        if (o->source->load != NULL) BASE_TRY(o->source->load(o, m, d->options, d->work, err));
    }
    for (int64_t i = 0; i < d->n_rows; i++) {
        const data_origin *origin = d->rows[i]->origin;
        if (origin != NULL && origin->source->describe != NULL) {
            BASE_TRY(origin->source->describe(d->rows[i], d->arena, err));
        }
    }
    return BASE_OK;
}

static base_status open_rows(data_manifest *m, const data_decoding *d, data_clips *clips,
                             base_error *err) {
    data_decoded decoded = {0};
    if (d->n_rows == 0) return base_fail(err, BASE_EDATA, "no sound is in use");
    BASE_TRY(load_origins(m, d, err));
    BASE_TRY(load_or_decode(d, &decoded, err));
    for (int64_t i = 0; i < d->n_rows; i++) note_facts(d->rows[i], &decoded.facts[i]);
    base_status status = data_manifest_check_trained(m, err);
    if (status == BASE_OK) status = make_clips(m, d, &decoded, clips, err);
    for (int64_t i = 0; i < d->n_rows; i++) {
        if (d->rows[i]->left_out != NULL) d->rows[i]->class_index = -1;
    }
    data_decoded_release(&decoded);
    return status;
}

base_status data_clips_open(data_manifest *manifest, const data_audio_options *options,
                            const data_work *work, data_clips *clips, base_error *err) {
    *clips = (data_clips){0};
    data_decoding d = {.rows = base_alloc((size_t)manifest->n_rows, sizeof(data_row *)),
                       .options = options,
                       .work = work != NULL ? work : &(data_work){0},
                       .arena = &manifest->arena};
    if (d.rows == NULL) return no_memory(err);
    for (int64_t i = 0; i < manifest->n_rows; i++) {
        if (manifest->rows[i].left_out == NULL) d.rows[d.n_rows++] = &manifest->rows[i];
    }
    base_status status = open_rows(manifest, &d, clips, err);
    for (data_origin *o = manifest->origins; o != NULL; o = o->next) {
        if (o->source->unload != NULL) o->source->unload(o);
    }
    base_free(d.rows);
    return status;
}
