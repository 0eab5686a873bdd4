/* A folder with a page that runs the model in a browser: the page, the same for every model; the
 * network from the waveform on; and the settings for preparing a clip. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/leftovers.h"
#include "base/temporary.h"
#include "infer/export/export.h"
#include "infer/export/onnx_graph.h"
#include "infer/web.h"

extern const infer_exporter infer_export_onnx;

enum { PAGE, NETWORK, SETTINGS, N_PARTS };
static const char *const part_names[N_PARTS] = {"index.html", "model.onnx", "model.json"};

static const char *const onnx_switches[] = {INFER_ONNX_WITH_FEATURES, INFER_ONNX_NEEDS_LENGTH,
                                            NULL};

/* One export. Everything is written to a hidden folder beside `path`, then moved there. */
typedef struct {
    const char *path, *folder; /* the folder that it is in */
    base_temporary stage;
    const char *staged[N_PARTS], *part[N_PARTS];
    base_arena arena;
} job;

static base_status no_memory(const char *path, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "writing %s: out of memory", path);
}

typedef base_status text_action(const char *path, const base_text *text, base_error *err);

/* Does something with each of the two texts, the page and the settings. */
static base_status with_texts(const char *const path[N_PARTS], const infer_model *model,
                              text_action *act, base_error *err) {
    base_text page = {0}, settings = {0};
    base_text_add(&page, infer_web_index);
    infer_web_add_settings(model, NULL, &settings);
    base_status status = act(path[PAGE], &page, err);
    if (status == BASE_OK) status = act(path[SETTINGS], &settings, err);
    base_text_release(&page);
    base_text_release(&settings);
    return status;
}

/* An existing folder keeps its other files, such as the page's runtime. */
static base_status move_parts(const job *j, base_error *err) {
    if (!base_folder_exists(j->path)) {
        return rename(j->stage.path, j->path) == 0 ? base_folder_sync(j->folder, err)
                                                   : base_fail_errno(err, errno, "%s", j->path);
    }
    for (int i = 0; i < N_PARTS; i++) {
        BASE_TRY(base_file_rename(j->staged[i], j->part[i], err));
    }
    BASE_TRY(base_folder_sync(j->path, err));
    return base_folder_remove(j->stage.path, err);
}

static base_status name_parts(job *j, base_error *err) {
    const char *folder = j->folder = base_path_folder(&j->arena, j->path);
    if (folder == NULL) return no_memory(j->path, err);
    if (!base_folder_exists(folder)) {
        return base_fail(err, BASE_ENOTFOUND, "writing %s: no folder %s", j->path, folder);
    }
    for (int i = 0; i < N_PARTS; i++) {
        j->part[i] = base_path_join(&j->arena, j->path, part_names[i]);
        if (j->part[i] == NULL) return no_memory(j->path, err);
    }
    if (base_file_exists(j->part[PAGE]) && !base_file_exists(j->part[SETTINGS])) {
        return base_fail(err, BASE_EEXISTS, "%s is not from an export of rimshot", j->part[PAGE]);
    }
    return BASE_OK;
}

static base_status fill_stage(job *j, infer_model *model, const infer_export_options *options,
                              base_error *err) {
    infer_export_options whole = *options;
    whole.switches = onnx_switches;
    for (int i = 0; i < N_PARTS; i++) {
        j->staged[i] = base_path_join(&j->arena, j->stage.path, part_names[i]);
        if (j->staged[i] == NULL) return no_memory(j->path, err);
    }
    BASE_TRY(infer_export_onnx.write(model, &whole, j->staged[NETWORK], err));
    BASE_TRY(with_texts(j->staged, model, base_file_write_text, err));
    return move_parts(j, err);
}

static base_status write_parts(job *j, infer_model *model, const infer_export_options *options,
                               base_error *err) {
    base_leftovers_remove(j->folder, false);
    if (base_temporary_folder(j->folder, &j->arena, &j->stage, err) != BASE_OK) {
        return base_fail_within(err, "writing %s", j->path);
    }
    base_status status = fill_stage(j, model, options, err);
    if (status != BASE_OK) base_folder_remove(j->stage.path, NULL);
    base_temporary_close(&j->stage);
    return status == BASE_EIO ? base_fail_within(err, "writing %s", j->path) : status;
}

/* The caller releases the arena, also after a failure. */
static base_status open_job(job *j, const char *path, base_error *err) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    j->path = base_arena_copy(&j->arena, path, n);
    return j->path != NULL ? name_parts(j, err) : no_memory(path, err);
}

static base_status write_web(infer_model *model, const infer_export_options *options,
                             const char *path, base_error *err) {
    job j = {0};
    base_status status = open_job(&j, path, err);
    if (status == BASE_OK) status = write_parts(&j, model, options, err);
    base_arena_release(&j.arena);
    return status;
}

/* ---- checking ---- */

static base_status compare_text(const char *path, const base_text *wanted, base_error *err) {
    void *data;
    size_t n_bytes;
    if (wanted->failed) return no_memory(path, err);
    BASE_TRY(base_file_read(path, 0, &data, &n_bytes, err));
    bool equal = n_bytes == wanted->size && memcmp(data, wanted->data, n_bytes) == 0;
    base_free(data);
    return equal ? BASE_OK : base_fail(err, BASE_EMISMATCH, "%s: differs from the model", path);
}

/* Without a browser: compares the page and the settings, and runs the network in onnxruntime. */
static base_status verify_web(infer_model *model, const infer_export_options *options,
                              const char *path, base_text *report, base_error *err) {
    infer_export_options whole = *options;
    whole.switches = onnx_switches;
    job j = {0};
    base_text network = {0};
    base_status status = open_job(&j, path, err);
    if (status == BASE_OK) status = with_texts(j.part, model, compare_text, err);
    if (status == BASE_OK) {
        status = infer_onnx_verify(model, &whole, j.part[NETWORK], &network, err);
    }
    if (status == BASE_OK) {
        base_text_printf(report, "read back: page, classes and settings equal; the network in %s",
                         base_text_string(&network));
    }
    base_text_release(&network);
    base_arena_release(&j.arena);
    return status;
}

static const infer_export_switch switches[] = {
    {INFER_ONNX_WITH_FEATURES, "always on: the page's network begins with the waveform"},
    {0},
};

const infer_exporter infer_export_web = {
    .name = "web",
    .extension = "",
    .help = "a folder with a page that classifies dropped files in a browser, offline. --verify "
            "reads it back and checks its network as for onnx.",
    .switches = switches,
    .write = write_web,
    .verify = verify_web,
};
