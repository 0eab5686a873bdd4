#include "cli/sounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/audio_file.h"
#include "data/dataset.h"
#include "data/source.h"
#include "train/config.h"

enum { MAX_LOADED = 64 };

/* The data set of one run. */
typedef struct {
    const train_run *run;
    train_config config;
    data_manifest manifest;
    const data_row **rows; /* by name */
    const data_origin *loaded[MAX_LOADED];
    int n_loaded;
} run_sounds;

struct cli_sounds {
    cli_call *call;
    bool copy;
    const char *page_folder, *folder, *folder_name; /* folder: where copies go */
    int64_t n_copied;
    run_sounds *open; /* NULL: none yet */
};

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "sounds: out of memory");
}

base_status cli_sounds_new(cli_call *call, const char *path, bool copy, cli_sounds **sounds,
                           base_error *err) {
    base_arena *arena = &call->arena;
    const char *name = base_path_name(path), *extension = base_path_extension(path);
    size_t n = strlen(name) - (extension[0] != '\0' ? strlen(extension) + 1 : 0);
    const char *stem = base_arena_copy(arena, name, n);
    cli_sounds *s = *sounds = base_arena_alloc(arena, 1, sizeof *s);
    if (s == NULL || stem == NULL) return no_memory(err);
    *s = (cli_sounds){.call = call,
                      .copy = copy,
                      .page_folder = base_path_folder(arena, path),
                      .folder_name = base_arena_printf(arena, "%s-sounds", stem)};
    if (s->page_folder == NULL || s->folder_name == NULL) return no_memory(err);
    s->folder = base_path_join(arena, s->page_folder, s->folder_name);
    return s->folder != NULL ? BASE_OK : no_memory(err);
}

/* ---- the data set of a run ---- */

static int compare_names(const char *path, double begin_s, double end_s, const data_row *row) {
    int order = strcmp(path, row->path);
    if (order == 0) order = (begin_s > row->begin_s) - (begin_s < row->begin_s);
    return order != 0 ? order : (end_s > row->end_s) - (end_s < row->end_s);
}

static int compare_rows(const void *a, const void *b) {
    const data_row *row = *(const data_row *const *)a;
    return compare_names(row->path, row->begin_s, row->end_s, *(const data_row *const *)b);
}

static int compare_clip(const void *clip, const void *row) {
    const train_clip_name *name = clip;
    return compare_names(name->path, name->begin_s, name->end_s, *(const data_row *const *)row);
}

static void close_run(run_sounds *r) {
    if (r == NULL) return;
    for (int i = 0; i < r->n_loaded; i++) {
        data_origin *origin = (data_origin *)r->loaded[i];
        origin->source->unload(origin);
    }
    data_manifest_release(&r->manifest);
    train_config_release(&r->config);
    base_free(r->rows);
    base_free(r);
}

static base_status list_run(cli_sounds *s, run_sounds *r, base_error *err) {
    const char *path = base_path_join(&s->call->arena, r->run->folder, "config.yaml");
    if (path == NULL) return no_memory(err);
    BASE_TRY(train_config_read(path, NULL, 0, &r->config, err));
    data_manifest_request request = train_config_request(&r->config);
    BASE_TRY(data_manifest_open(r->config.dataset, &request, &r->manifest, err));
    r->rows = base_alloc((size_t)r->manifest.n_rows + 1, sizeof(data_row *));
    if (r->rows == NULL) return no_memory(err);
    for (int64_t i = 0; i < r->manifest.n_rows; i++) r->rows[i] = &r->manifest.rows[i];
    qsort(r->rows, (size_t)r->manifest.n_rows, sizeof *r->rows, compare_rows);
    return BASE_OK;
}

static base_status open_run(cli_sounds *s, const train_run *run, base_error *err) {
    if (s->open != NULL && s->open->run == run) return BASE_OK;
    close_run(s->open);
    s->open = base_alloc(1, sizeof *s->open);
    if (s->open == NULL) return no_memory(err);
    s->open->run = run;
    base_status status = list_run(s, s->open, err);
    return status == BASE_OK ? BASE_OK : base_fail_within(err, "--audio: %s", run->folder);
}

/* ---- one sound ---- */

/* Bytes that a URL's path may not hold as they are become %XX. */
static void add_url(base_text *url, const char *path) {
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    for (const char *c = path; *c != '\0'; c++) {
        if (strchr(plain, *c) != NULL) {
            base_text_add_bytes(url, c, 1);
        } else {
            base_text_printf(url, "%%%02X", (unsigned char)*c);
        }
    }
}

static base_status keep_url(cli_sounds *s, base_text *url, const char **href, base_error *err) {
    *href = url->failed ? NULL : base_arena_string(&s->call->arena, base_text_string(url));
    base_text_release(url);
    return *href != NULL ? BASE_OK : no_memory(err);
}

/* The way from the page to the file; of a part of it, a media fragment: #t=0.5,1.25. */
static base_status link_file(cli_sounds *s, const data_row *row, const char **href,
                             base_error *err) {
    const char *file = data_row_file(row), *way;
    base_arena *arena = &s->call->arena;
    const char *folder = base_path_folder(arena, file);
    if (folder == NULL) return no_memory(err);
    if (row->origin->source->read != NULL || !base_file_exists(file)) return BASE_OK;
    BASE_TRY(base_path_between(s->page_folder, folder, arena, &way, err));
    base_text url = {0};
    add_url(&url, way);
    base_text_add(&url, "/");
    add_url(&url, base_path_name(file));
    if (row->end_s > 0) {
        base_text_add(&url, "#t=");
        base_text_add_number(&url, row->begin_s);
        base_text_add(&url, ",");
        base_text_add_number(&url, row->end_s);
    }
    return keep_url(s, &url, href, err);
}

/* What an origin needs before its sounds can be read is prepared once. */
static base_status load_origin(cli_sounds *s, const data_row *row, base_error *err) {
    run_sounds *r = s->open;
    data_origin *origin = (data_origin *)row->origin;
    if (origin->source->load == NULL) return BASE_OK;
    for (int i = 0; i < r->n_loaded; i++) {
        if (r->loaded[i] == origin) return BASE_OK;
    }
    if (r->n_loaded == MAX_LOADED) {
        return base_fail(err, BASE_EDATA, "more than %d sources that make sounds", MAX_LOADED);
    }
    data_work work = {.pool = s->call->pool, .cache_folder = base_path_cache(&s->call->arena)};
    BASE_TRY(origin->source->load(origin, &r->manifest, &r->config.audio, &work, err));
    r->loaded[r->n_loaded++] = origin;
    return BASE_OK;
}

static base_status write_sound(const char *path, const data_row *row, base_error *err) {
    data_sound *sound;
    data_audio audio = {0};
    BASE_TRY(data_row_open(row, &sound, err));
    base_status status = data_sound_read_all(sound, &audio, err);
    data_sound_close(sound);
    if (status == BASE_OK) status = data_audio_write(path, &audio, err);
    data_audio_release(&audio);
    return status;
}

static base_status copy_sound(cli_sounds *s, const data_row *row, const char **href,
                              base_error *err) {
    base_arena *arena = &s->call->arena;
    char name[32];
    base_text url = {0};
    if (cli_stopped()) return base_fail(err, BASE_ESTOPPED, "stopped");
    snprintf(name, sizeof name, "%03lld.wav", (long long)s->n_copied + 1);
    const char *path = base_path_join(arena, s->folder, name);
    if (path == NULL) return no_memory(err);
    BASE_TRY(base_folder_make(s->folder, err));
    BASE_TRY(load_origin(s, row, err));
    BASE_TRY(write_sound(path, row, err));
    s->n_copied++;
    add_url(&url, s->folder_name);
    base_text_printf(&url, "/%s", name);
    return keep_url(s, &url, href, err);
}

static base_status find(void *context, const train_run *run, const train_clip_name *clip,
                        const char **href, base_error *err) {
    cli_sounds *s = context;
    *href = NULL;
    BASE_TRY(open_run(s, run, err));
    const data_row **row = bsearch(clip, s->open->rows, (size_t)s->open->manifest.n_rows,
                                   sizeof *s->open->rows, compare_clip);
    if (row == NULL) return BASE_OK;
    return s->copy ? copy_sound(s, *row, href, err) : link_file(s, *row, href, err);
}

train_sounds cli_sounds_of_page(cli_sounds *sounds) {
    return (train_sounds){find, sounds};
}

void cli_sounds_free(cli_sounds *sounds) {
    if (sounds != NULL) close_run(sounds->open);
}
