#include "cli/library.h"

#include <string.h>
#include <unistd.h>

#include "cli/model.h"

int cli_library_find(cli_call *call, cli_progress *progress, library_files *files) {
    base_error err;
    const library_find_request request = {call->arguments, call->n_arguments, cli_stopped};
    if (library_find(&request, &call->arena, files, &err) != BASE_OK) return cli_fail(&err);
    for (int64_t i = 0; i < files->n_repeats; i++) {
        cli_progress_line(progress, "note: %s", files->repeats[i]);
    }
    for (int64_t i = 0; i < files->n_skipped; i++) {
        cli_progress_line(progress, "skipped: %s: %s", files->skipped[i].path,
                          files->skipped[i].why);
    }
    for (int64_t i = 0; i < files->n_problems; i++) {
        cli_progress_unread(progress, files->problems[i].why);
    }
    return CLI_OK;
}

int cli_library_open_model(cli_library *library) {
    base_error err;
    cli_call *call = library->call;
    library->progress.call = call;
    int code = cli_model_path(call, &library->model_path);
    if (code != CLI_OK) return code;
    base_status status = library_model_digest(library->model_path, &library->digest, &err);
    if (status == BASE_OK) {
        status = infer_model_open(library->model_path, INFER_MODEL_BATCH, call->pool,
                                  &library->model, &err);
    }
    return status == BASE_OK ? CLI_OK : cli_fail(&err);
}

/* Of one folder the index stands in it. */
static int find_place(cli_library *library, const char *flag) {
    cli_call *call = library->call;
    library->path = cli_text(call, flag);
    if (library->path != NULL) return CLI_OK;
    if (call->n_arguments != 1 || !base_folder_exists(call->arguments[0])) {
        return cli_usage("%s: where to put the index? It stands in the folder where there is one; "
                         "name a file for several: --%s FILE.h5",
                         call->command->name, flag);
    }
    library->path = base_path_join(&call->arena, call->arguments[0], LIBRARY_INDEX_NAME);
    return library->path != NULL ? CLI_OK : cli_usage("out of memory");
}

static void tell_failed(void *context, const char *why) {
    cli_library *library = context;
    cli_progress_unread(&library->progress, why);
}

static bool tell_progress(void *context, const char *what, int64_t done, int64_t total) {
    cli_library *library = context;
    return cli_progress_data(&library->progress, what, done, total);
}

/* NULL: there is none. */
static base_status read_old(const cli_library *library, library_index *old, base_error *err) {
    *old = (library_index){0};
    bool wanted = base_file_exists(library->path) && !cli_given(library->call, "rebuild");
    if (!wanted) return BASE_OK;
    BASE_TRY(library_index_read(library->path, old, err));
    return library_index_check_model(old, library->path, library->digest, err);
}

/* Where its folder cannot be written and no other place was named, the index is kept in memory. */
static bool is_kept_in_memory(cli_library *library, const char *flag) {
    const char *folder = base_path_folder(&library->call->arena, library->path);
    bool writable = folder != NULL && access(folder, W_OK) == 0;
    if (writable || cli_given(library->call, flag)) return false;
    cli_progress_line(
        &library->progress,
        "note: %s cannot be written; the index is kept in memory (--%s FILE.h5 puts it "
        "elsewhere)",
        library->path, flag);
    return true;
}

static int update(cli_library *library, const char *flag, const library_index *old) {
    base_error err;
    const library_update job = {.model = library->model,
                                .model_digest = library->digest,
                                .model_name = base_path_name(library->model_path),
                                .files = &library->files,
                                .path = library->path,
                                .old = old->n > 0 ? old : NULL,
                                .keeps_in_memory = is_kept_in_memory(library, flag),
                                .pool = library->call->pool,
                                .stopped = cli_stopped,
                                .progress = tell_progress,
                                .failed = tell_failed,
                                .context = library};
    base_status status = library_index_update(&job, &library->index, &library->changes, &err);
    cli_progress_clear(&library->progress);
    return status == BASE_OK ? CLI_OK : cli_fail(&err);
}

int cli_library_update(cli_library *library, const char *flag) {
    base_error err;
    library_index old = {0};
    int code = find_place(library, flag);
    if (code == CLI_OK && read_old(library, &old, &err) != BASE_OK) code = cli_fail(&err);
    if (code == CLI_OK) code = cli_library_find(library->call, &library->progress, &library->files);
    if (code == CLI_OK) code = update(library, flag, &old);
    library_index_release(&old);
    return code;
}

int cli_library_read(cli_library *library, const char *path) {
    base_error err;
    library->path = path;
    base_status status = library_index_read(path, &library->index, &err);
    if (status == BASE_OK) {
        status = library_index_check_model(&library->index, path, library->digest, &err);
    }
    return status == BASE_OK ? CLI_OK : cli_fail(&err);
}

void cli_library_release(cli_library *library) {
    library_index_release(&library->index);
    infer_model_free(library->model);
    library->model = NULL;
}

static void add_pair(const char *key, const char *path, const char *why, base_text *out) {
    base_text_add(out, "{\"path\": ");
    base_text_add_json_path(out, path);
    base_text_printf(out, ", \"%s\": ", key);
    base_text_add_json(out, why);
    base_text_add(out, "}");
}

void cli_library_add_json(cli_library *library, base_text *out) {
    const library_files *files = &library->files;
    base_text_add(out, "\"skipped\": [");
    for (int64_t i = 0; i < files->n_skipped; i++) {
        base_text_add(out, i > 0 ? ", " : "");
        add_pair("why", files->skipped[i].path, files->skipped[i].why, out);
    }
    base_text_add(out, "], \"failed\": [");
    bool first = true;
    for (int64_t i = 0; i < library->index.n; i++) {
        const library_entry *e = &library->index.entries[i];
        if (e->error == NULL) continue;
        base_text_add(out, first ? "" : ", ");
        add_pair("error", library_entry_path(e, library->path, &library->call->arena), e->error,
                 out);
        first = false;
    }
    for (int64_t i = 0; i < files->n_problems; i++) {
        base_text_add(out, first ? "" : ", ");
        add_pair("error", files->problems[i].path, files->problems[i].why, out);
        first = false;
    }
    base_text_add(out, "]");
}
