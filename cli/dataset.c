#include "data/dataset.h"
#include "cli/dataset.h"

#include "base/file.h"
#include "base/yaml.h"

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

/* The configuration that the arguments stand for, and the folder that anchors its label rules. */
static base_status find_root(cli_call *call, int first, base_node **root, const char **folder,
                             base_error *err) {
    const char *argument = call->arguments[first];
    if (base_folder_exists(argument)) {
        *folder = ".";
        BASE_TRY(describe_folder(&call->arena, argument, root, err));
    } else {
        *folder = base_path_folder(&call->arena, argument);
        if (*folder == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", argument);
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
    const char *folder;
    BASE_TRY(find_root(call, first, &root, &folder, err));
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
    return data_manifest_open(dataset, folder, &set->manifest, err);
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

void cli_dataset_release(cli_dataset *set) {
    data_clips_release(&set->clips);
    data_manifest_release(&set->manifest);
}

int cli_dataset_show(cli_call *call, cli_dataset_view *show) {
    cli_progress progress = {.call = call};
    cli_dataset set = {.progress = &progress};
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
