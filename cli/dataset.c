#include "data/dataset.h"
#include "cli/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/yaml.h"
#include "train/config.h"

/* "source: csv, path: FOLDER" as a configuration would have it. */
static base_status describe_folder(base_arena *arena, const char *folder, base_node **root,
                                   base_error *err) {
    static const char origin[] = "command line";
    char *labels = base_path_join(arena, folder, "labels.csv");
    const char *source = labels != NULL && base_file_exists(labels) ? "csv" : "folder";
    *root = base_node_new(arena, BASE_NODE_MAP, origin, 0);
    base_node *dataset = base_node_new(arena, BASE_NODE_MAP, origin, 0);
    base_node *kind = base_node_scalar(arena, source, origin, 0);
    const char *name = base_path_text(arena, folder);
    base_node *path = name != NULL ? base_node_scalar(arena, name, origin, 0) : NULL;
    if (labels == NULL || *root == NULL || dataset == NULL || kind == NULL || path == NULL) {
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", folder);
    }
    base_node_put(*root, "dataset", dataset);
    base_node_put(dataset, "source", kind);
    base_node_put(dataset, "path", path);
    return BASE_OK;
}

/* The configuration that the arguments stand for, and the folders that anchor what it names. */
static base_status find_root(cli_call *call, int first, base_node **root,
                             data_manifest_request *request, base_error *err) {
    const char *argument = call->arguments[first];
    if (base_folder_exists(argument)) {
        request->config_folder = request->sounds_folder = ".";
        BASE_TRY(describe_folder(&call->arena, argument, root, err));
    } else {
        request->config_folder = base_path_folder(&call->arena, argument);
        request->sounds_folder = train_config_sounds_folder(argument, &call->arena);
        if (request->config_folder == NULL || request->sounds_folder == NULL) {
            return base_fail(err, BASE_EMEMORY, "%s: out of memory", argument);
        }
        BASE_TRY(base_yaml_read(argument, &call->arena, root, err));
    }
    for (int i = first + 1; i < call->n_arguments; i++) {
        BASE_TRY(base_yaml_override(*root, call->arguments[i], &call->arena, err));
    }
    return BASE_OK;
}

base_status cli_dataset_list(cli_call *call, int first, const data_audio_options *audio,
                             cli_dataset *set, base_error *err) {
    base_node *root;
    data_manifest_request request = {.label_free = set->label_free};
    BASE_TRY(find_root(call, first, &root, &request, err));
    base_node *dataset = root->kind == BASE_NODE_MAP ? base_node_get(root, "dataset") : NULL;
    if (dataset == NULL) {
        return base_fail(err, BASE_ECONFIG, "%s: has no section 'dataset'", call->arguments[first]);
    }
    if (audio != NULL) {
        set->audio = *audio;
    } else {
        base_node *node = base_node_get(root, "audio");
        BASE_TRY(base_options_bind(data_audio_table, node, &set->audio, &call->arena, err));
    }
    return data_manifest_open(dataset, &request, &set->manifest, err);
}

base_status cli_dataset_open(cli_call *call, int first, const data_audio_options *audio,
                             cli_dataset *set, base_error *err) {
    BASE_TRY(cli_dataset_list(call, first, audio, set, err));
    data_work work = {.pool = call->pool,
                      .cache_folder = base_path_cache(&call->arena),
                      .progress = cli_progress_data,
                      .progress_context = set->progress,
                      .unread = cli_progress_unread,
                      .unread_context = set->progress};
    return data_clips_open(&set->manifest, &set->audio, &work, &set->clips, err);
}

static int compare_reasons(const void *a, const void *b) {
    const data_row *x = *(const data_row *const *)a, *y = *(const data_row *const *)b;
    int order = strcmp(x->left_out, y->left_out);
    return order != 0 ? order : (x > y) - (x < y);
}

void cli_dataset_tell_left_out(const cli_dataset *set, cli_progress *progress, base_arena *arena) {
    const data_manifest *m = &set->manifest;
    const data_row **rows = base_arena_alloc(arena, (size_t)m->n_rows, sizeof *rows);
    int64_t n = 0;
    for (int64_t i = 0; rows != NULL && i < m->n_rows; i++) {
        if (m->rows[i].left_out != NULL) rows[n++] = &m->rows[i];
    }
    if (n > 0) qsort(rows, (size_t)n, sizeof *rows, compare_reasons);
    for (int64_t begin = 0, end = 0; begin < n; begin = end) {
        while (end < n && strcmp(rows[end]->left_out, rows[begin]->left_out) == 0) end++;
        base_text line = {0};
        base_text_printf(&line, "left out %lld: ", (long long)(end - begin));
        cli_add_name("", rows[begin]->left_out, end - begin > 1 ? " (the first is " : " (", &line);
        cli_add_name("", rows[begin]->path, ")", &line);
        cli_progress_line(progress, "%s", base_text_string(&line));
        base_text_release(&line);
    }
}

void cli_dataset_release(cli_dataset *set) {
    data_clips_release(&set->clips);
    data_manifest_release(&set->manifest);
}

int cli_dataset_show(cli_call *call, cli_dataset_view *show) {
    cli_progress progress = {.call = call};
    cli_dataset set = {.progress = &progress, .label_free = true};
    base_text out = {0};
    base_error err;
    double near = 0;
    if (!cli_number(call, "near", 0, 1, &near)) return CLI_USAGE;
    base_status status = cli_dataset_open(call, 0, NULL, &set, &err);
    cli_progress_clear(&progress);
    if (status == BASE_OK) status = show(call, &set, near, &out, &err);
    int code = status == BASE_OK ? cli_print(&out) : cli_fail(&err);
    base_text_release(&out);
    cli_dataset_release(&set);
    return code;
}
