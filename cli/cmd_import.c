#include <stdio.h>

#include "cli/cli.h"
#include "infer/import_weights.h"
#include "infer/model.h"

static base_status read_names(cli_call *call, base_node **names, base_error *err) {
    *names = NULL;
    const char *path = cli_text(call, "names");
    return path != NULL ? base_yaml_read(path, &call->arena, names, err) : BASE_OK;
}

/* What the model was trained on and scored no longer holds. */
static const char *make_record(cli_call *call) {
    base_text text = {0};
    base_text_add(&text, "{\"imported_from\": ");
    base_text_add_json(&text, base_path_name(call->arguments[0]));
    base_text_add(&text, "}");
    const char *record =
        text.failed ? NULL : base_arena_string(&call->arena, base_text_string(&text));
    base_text_release(&text);
    return record;
}

static base_status write_model(cli_call *call, const infer_model *model, const char *path,
                               base_error *err) {
    int n_classes = infer_model_n_classes(model);
    const char **classes = base_arena_alloc(&call->arena, (size_t)n_classes, sizeof *classes);
    infer_model_content content = {.config = infer_model_config(model),
                                   .record = make_record(call),
                                   .classes = classes,
                                   .n_classes = n_classes,
                                   .temperature = 1,
                                   .members = infer_model_member(model, 0),
                                   .n_members = 1};
    if (classes == NULL || content.record == NULL) {
        return base_fail(err, BASE_EMEMORY, "import: out of memory");
    }
    for (int i = 0; i < n_classes; i++) classes[i] = infer_model_class(model, i);
    return infer_model_write(&content, path, err);
}

static base_status import(cli_call *call, infer_model *model, base_text *faults, base_error *err) {
    base_node *names;
    infer_tensors tensors;
    BASE_TRY(read_names(call, &names, err));
    BASE_TRY(infer_tensors_read(call->arguments[0], &tensors, err));
    base_status status =
        infer_import_weights(&tensors, names, infer_model_network(model, 0), faults, err);
    infer_tensors_release(&tensors);
    if (status != BASE_OK) return base_fail_within(err, "%s", call->arguments[0]);
    return write_model(call, model, cli_text(call, "out"), err);
}

static int run_import(cli_call *call) {
    base_error err;
    infer_model *model;
    if (cli_text(call, "into") == NULL) return cli_usage("--into MODEL is needed");
    if (cli_text(call, "out") == NULL) return cli_usage("--out FILE is needed");
    if (infer_model_open(cli_text(call, "into"), 1, call->pool, &model, &err) != BASE_OK) {
        return cli_fail(&err);
    }
    int code = CLI_OK;
    base_text faults = {0};
    if (infer_model_n_members(model) > 1) {
        code = cli_usage("--into %s: an ensemble; import into a model of one network",
                         cli_text(call, "into"));
    } else if (import(call, model, &faults, &err) != BASE_OK) {
        code = cli_fail(&err);
        fputs(base_text_string(&faults), stderr);
    }
    base_text_release(&faults);
    infer_model_free(model);
    return code;
}

static const cli_flag flags[] = {
    {"into", "MODEL", "model file whose network takes the weights"},
    {"out", "FILE", "the new model file"},
    {"names", "FILE", "YAML map from names in the weights to names in the network"},
    {0},
};

const cli_command cli_import = {
    .name = "import",
    .arguments = "WEIGHTS --into MODEL --out FILE",
    .summary = "put weights of another tool into a model's network",
    .description =
        "WEIGHTS is a safetensors or NPZ file. Configuration, classes and normalisation are those "
        "of MODEL; names and shapes must be its network's (rimshot summary MODEL), which are "
        "PyTorch's. --names maps others: {conv: \"\", gru: \"13\", head: ~} turns conv.0.weight "
        "into 0.weight, gru.bias_hh_l0 into 13.bias_hh_l0, and leaves out what starts with head. "
        "Every tensor that is missing, unknown or misshaped is listed.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_import,
};
