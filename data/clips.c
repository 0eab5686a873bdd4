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
    char *problem;   /* base_alloc'd; why a row is left out, or could not be read */
    char *condition; /* likewise; NULL: whole */
} result;

typedef struct {
    const data_decoding *decoding;
    result *results;
} decode_job;

static char *copy_text(const char *text) {
    base_text copy = {0};
    base_text_add(&copy, text);
    if (copy.failed) base_text_release(&copy);
    return copy.data;
}

static base_status decode_row(const data_row *row, const data_audio_options *options, result *r,
                              base_error *err) {
    data_sound *sound;
    BASE_TRY(data_row_open(row, &sound, err));
    base_status status = data_clip_read(sound, options, &r->facts, &r->clip, err);
    const data_condition *condition = data_sound_condition(sound);
    if (status == BASE_OK && condition->text[0] != '\0') {
        r->condition = copy_text(condition->text);
        if (r->condition == NULL) status = no_memory(err);
    }
    data_sound_close(sound);
    return status;
}

/* An error's text without the path before it. */
static const char *without_path(const base_error *err, const char *path) {
    base_error shown; /* the path as errors show it */
    (void)base_fail(&shown, BASE_OK, "%s", path);
    size_t n = strlen(shown.text);
    bool has_path = strncmp(err->text, shown.text, n) == 0 && strncmp(err->text + n, ": ", 2) == 0;
    return err->text + (has_path ? n + 2 : 0);
}

/* "silent", "damaged: why" or "unreadable: why", without the path: a cache outlives a move of its
 * files; but what could not be read "PATH: why". */
static char *explain(const base_error *err, const char *path) {
    const char *why = without_path(err, path);
    base_text text = {0};
    if (base_status_is_transient(err->status)) {
        base_text_printf(&text, "%s: ", path);
    } else if (strcmp(why, "silent") != 0 && strncmp(why, "damaged: ", 9) != 0) {
        base_text_add(&text, "unreadable: ");
    }
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
    if (r->status == BASE_OK) return;
    r->problem = explain(&err, data_row_file(row));
    if (r->problem == NULL) r->status = BASE_EMEMORY;
}

/* What could not be read is told of, or fails. */
static base_status tell_row(const data_decoding *d, const result *r, base_error *err) {
    const char *problem = r->problem != NULL ? r->problem : "no memory for the clips";
    if (d->work->unread == NULL) return base_fail(err, r->status, "%s", problem);
    d->work->unread(d->work->unread_context, problem);
    return BASE_OK;
}

/* A text of a result in the arena; NULL stays NULL. */
static base_status keep_text(base_arena *arena, const char *text, const char **kept,
                             base_error *err) {
    if (text == NULL) return BASE_OK;
    *kept = base_arena_string(arena, text);
    return *kept != NULL ? BASE_OK : no_memory(err);
}

static base_status join_result(const data_decoding *d, const result *r, data_row *facts,
                               base_error *err) {
    *facts = r->facts;
    BASE_TRY(keep_text(d->arena, r->condition, &facts->condition, err));
    if (!base_status_is_transient(r->status))
        return keep_text(d->arena, r->problem, &facts->left_out, err);
    BASE_TRY(tell_row(d, r, err));
    return keep_text(d->arena, "could not be read", &facts->left_out, err);
}

/* Lays the clips out one behind the other, freeing each result on the way. */
static base_status join_results(const data_decoding *d, result *results, data_decoded *out,
                                base_error *err) {
    int64_t n_rows = d->n_rows;
    *out = (data_decoded){.n_rows = n_rows,
                          .facts = base_alloc((size_t)n_rows, sizeof *out->facts),
                          .offset = base_alloc((size_t)n_rows + 1, sizeof *out->offset)};
    if (out->facts == NULL || out->offset == NULL) return no_memory(err);
    for (int64_t i = 0; i < n_rows; i++) {
        BASE_TRY(join_result(d, &results[i], &out->facts[i], err));
        out->n_unread += base_status_is_transient(results[i].status);
        out->offset[i + 1] = out->offset[i] + results[i].clip.n * results[i].clip.n_channels;
    }
    out->audio = base_alloc((size_t)out->offset[n_rows], sizeof *out->audio);
    if (out->audio == NULL) return no_memory(err);
    for (int64_t i = 0; i < n_rows; i++) {
        size_t n = (size_t)(out->offset[i + 1] - out->offset[i]);
        if (n > 0) {
            memcpy(out->audio + out->offset[i], results[i].clip.x, n * sizeof *out->audio);
        }
        data_audio_release(&results[i].clip);
    }
    return BASE_OK;
}

static base_status decode_all(const data_decoding *d, data_decoded *out, base_error *err) {
    decode_job job = {d, base_alloc((size_t)d->n_rows, sizeof(result))};
    if (job.results == NULL) return no_memory(err);
    const data_job decoding = {"decoding", d->n_rows, decode_task, &job};
    base_status status = data_work_run(d->work, &decoding, err);
    if (status == BASE_OK) status = join_results(d, job.results, out, err);
    for (int64_t i = 0; i < d->n_rows; i++) {
        data_audio_release(&job.results[i].clip);
        base_free(job.results[i].problem);
        base_free(job.results[i].condition);
    }
    base_free(job.results);
    if (status != BASE_OK) data_decoded_release(out);
    return status;
}

/* The cache only saves time: a broken one is made anew, one that cannot be written is done without.
 * It never keeps that something could not be read. */
static base_status load_or_decode(const data_decoding *d, data_decoded *out, base_error *err) {
    const char *path = NULL, *folder = d->work->cache_folder;
    if (folder != NULL) {
        BASE_TRY(data_cache_path(d, &path, err));
        if (path != NULL && data_cache_read(path, d, out, NULL) == BASE_OK) return BASE_OK;
    }
    BASE_TRY(decode_all(d, out, err));
    bool keeps = out->offset[d->n_rows] > 0 && out->n_unread == 0;
    if (path != NULL && keeps && base_folder_make(folder, NULL) == BASE_OK) {
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
    row->condition = facts->condition;
}

/* A note that tells how many sounds in use are not whole, and names the first. */
static void note_conditions(data_manifest *m, const data_decoding *d) {
    int64_t n = 0;
    const data_row *first = NULL;
    for (int64_t i = 0; i < d->n_rows; i++) {
        if (d->rows[i]->condition == NULL) continue;
        if (n++ == 0) first = d->rows[i];
    }
    if (n == 0) return;
    data_manifest_note(m, "%lld sounds in use are not whole; the first: %s: %s", (long long)n,
                       first->path, first->condition);
}

/* What could not be read while the rows were listed. */
static base_status tell_unread(const data_manifest *m, const data_work *work, base_error *err) {
    if (m->n_unread > 0 && work->unread == NULL) {
        return base_fail(err, BASE_EIO, "%s", m->unread[0]);
    }
    for (int i = 0; i < m->n_unread; i++) work->unread(work->unread_context, m->unread[i]);
    return BASE_OK;
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
    BASE_TRY(tell_unread(m, d->work, err));
    if (d->n_rows == 0) return base_fail(err, BASE_EDATA, "no sound is in use");
    BASE_TRY(load_origins(m, d, err));
    BASE_TRY(load_or_decode(d, &decoded, err));
    for (int64_t i = 0; i < d->n_rows; i++) note_facts(d->rows[i], &decoded.facts[i]);
    note_conditions(m, d);
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
