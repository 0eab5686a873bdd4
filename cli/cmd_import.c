#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "data/dataset.h"
#include "infer/import/weights.h"
#include "infer/model.h"
#include "train/experiment.h"

/* What takes the weights: a model's network, or one that a configuration describes. */
typedef struct {
    infer_model *model;
    train_config config;
    infer_member made; /* of the configuration */
    const infer_member *member;
    const char *yaml;
    const char *const *classes;
    int n_classes;
} target;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "import: out of memory");
}

/* ---- lists of names ---- */

/* The parts of "a, b" between commas. */
static base_status split(cli_call *call, const char *text, base_strings *parts, base_error *err) {
    int n = 1;
    for (const char *c = text; *c != '\0'; c++) n += *c == ',';
    const char **items = base_arena_alloc(&call->arena, (size_t)n, sizeof *items);
    if (items == NULL) return no_memory(err);
    for (int i = 0; i < n; i++) {
        text += strspn(text, " ");
        size_t size = strcspn(text, ",");
        items[i] = base_arena_copy(&call->arena, text, size);
        if (items[i] == NULL) return no_memory(err);
        text += size + 1;
    }
    *parts = (base_strings){items, n};
    return BASE_OK;
}

static base_status check_classes(const base_strings *classes, base_error *err) {
    for (int i = 0; i < classes->n; i++) {
        if (classes->items[i][0] == '\0') {
            return base_fail(err, BASE_EUSAGE, "--classes: a name is empty");
        }
        for (int k = 0; k < i; k++) {
            if (strcmp(classes->items[i], classes->items[k]) != 0) continue;
            return base_fail(err, BASE_EUSAGE, "--classes: %s is given twice", classes->items[i]);
        }
    }
    return BASE_OK;
}

static base_status read_names(cli_call *call, base_node **names, base_error *err) {
    *names = NULL;
    const char *path = cli_text(call, "names");
    return path != NULL ? base_yaml_read(path, &call->arena, names, err) : BASE_OK;
}

/* ---- a configuration ---- */

/* The classes that the configuration states itself; none if it leaves them to its sounds. */
static base_status stated_classes(cli_call *call, const base_node *dataset, base_strings *classes,
                                  base_error *err) {
    *classes = (base_strings){0};
    base_node *list = dataset->kind == BASE_NODE_MAP ? base_node_get(dataset, "classes") : NULL;
    if (list == NULL || list->kind != BASE_NODE_LIST) return BASE_OK;
    const char **items = base_arena_alloc(&call->arena, (size_t)list->n_children, sizeof *items);
    if (items == NULL) return no_memory(err);
    for (int i = 0; i < list->n_children; i++) {
        items[i] = base_node_at(list, i)->text;
        if (items[i] == NULL) return BASE_OK;
    }
    *classes = (base_strings){items, (int)list->n_children};
    return BASE_OK;
}

/* Those of --classes, of dataset.classes, or of the data set itself. */
static base_status find_classes(cli_call *call, target *to, base_error *err) {
    base_strings classes;
    const char *given = cli_text(call, "classes");
    if (given != NULL) {
        BASE_TRY(split(call, given, &classes, err));
        BASE_TRY(check_classes(&classes, err));
    } else {
        BASE_TRY(stated_classes(call, to->config.dataset, &classes, err));
    }
    if (classes.n == 0) {
        data_manifest manifest;
        const data_manifest_request request = train_config_request(&to->config);
        if (data_manifest_open(to->config.dataset, &request, &manifest, err) != BASE_OK) {
            return base_fail_within(err, "classes, unless --classes names them");
        }
        const char **items =
            base_arena_alloc(&call->arena, (size_t)manifest.n_classes, sizeof *items);
        for (int i = 0; items != NULL && i < manifest.n_classes; i++) {
            items[i] = base_arena_string(&call->arena, manifest.classes[i]);
            if (items[i] == NULL) items = NULL;
        }
        classes = (base_strings){items, manifest.n_classes};
        data_manifest_release(&manifest);
        if (items == NULL) return no_memory(err);
    }
    to->classes = classes.items;
    to->n_classes = classes.n;
    return BASE_OK;
}

/* The configuration with its layers unfolded, as a run writes it. */
static base_status write_config(cli_call *call, target *to, base_error *err) {
    base_node *layers = base_node_copy(nn_network_layers(to->made.network), &to->config.arena);
    if (layers == NULL) return no_memory(err);
    base_node_put(to->config.root, "network", layers);
    base_text yaml = {0};
    base_yaml_write(to->config.root, &yaml);
    to->yaml = yaml.failed ? NULL : base_arena_string(&call->arena, base_text_string(&yaml));
    base_text_release(&yaml);
    return to->yaml != NULL ? BASE_OK : no_memory(err);
}

/* A model that refuses a class it does not have could not be opened. */
static base_status check_refusal(cli_call *call, const target *to, base_error *err) {
    infer_refusal refusal;
    infer_classes classes = {to->classes, to->n_classes};
    return infer_refusal_bind(base_node_get(to->config.root, "refuse"), &classes, &call->arena,
                              &refusal, err);
}

static base_status open_config(cli_call *call, const char *path, target *to, base_error *err) {
    BASE_TRY(train_config_read(path, NULL, 0, &to->config, err));
    if (to->config.classifier != NULL) {
        return base_fail(err, BASE_EUSAGE,
                         "%s: its classifier can't be imported, only fitted: give rimshot train "
                         "the weights of its network as train.init",
                         path);
    }
    BASE_TRY(find_classes(call, to, err));
    BASE_TRY(check_refusal(call, to, err));
    to->config.train.freeze = (base_strings){0}; /* nothing is trained here */
    BASE_TRY(train_network_new(
        &(train_network_plan){
            .config = &to->config, .n_classes = to->n_classes, .max_batch = 1, .pool = call->pool},
        &to->made.network, &to->made.features, err));
    nn_network_init(to->made.network, (uint64_t)to->config.train.seed);
    to->member = &to->made;
    return write_config(call, to, err);
}

/* ---- a model ---- */

static base_status open_model(cli_call *call, const char *path, target *to, base_error *err) {
    BASE_TRY(infer_model_open(path, 1, call->pool, &to->model, err));
    if (infer_model_n_members(to->model) > 1) {
        return base_fail(err, BASE_EUSAGE,
                         "--into %s: an ensemble; import into a model of one network", path);
    }
    if (infer_model_member(to->model, 0)->classifier != NULL) {
        return base_fail(err, BASE_EUSAGE,
                         "--into %s: its classifier was fitted on what its network gives now",
                         path);
    }
    to->n_classes = infer_model_n_classes(to->model);
    const char **classes = base_arena_alloc(&call->arena, (size_t)to->n_classes, sizeof *classes);
    if (classes == NULL) return no_memory(err);
    for (int i = 0; i < to->n_classes; i++) classes[i] = infer_model_class(to->model, i);
    to->classes = classes;
    to->yaml = infer_model_config(to->model);
    to->member = infer_model_member(to->model, 0);
    return BASE_OK;
}

static void release(target *to) {
    infer_model_free(to->model);
    nn_network_free(to->made.network);
    dsp_features_free(to->made.features);
    train_config_release(&to->config);
}

/* ---- all ---- */

/* What the model was trained on and scored no longer holds. */
static const char *make_record(cli_call *call, const char *weights) {
    base_text text = {0};
    base_text_add(&text, "{\"imported_from\": ");
    base_text_add_json(&text, base_path_name(weights));
    base_text_add(&text, "}");
    const char *record =
        text.failed ? NULL : base_arena_string(&call->arena, base_text_string(&text));
    base_text_release(&text);
    return record;
}

static base_status write_model(cli_call *call, const target *to, const char *weights,
                               base_error *err) {
    infer_model_content content = {.config = to->yaml,
                                   .record = make_record(call, weights),
                                   .classes = to->classes,
                                   .n_classes = to->n_classes,
                                   .temperature = 1,
                                   .members = to->member,
                                   .n_members = 1};
    if (content.record == NULL) return no_memory(err);
    return infer_model_write(&content, cli_text(call, "out"), err);
}

static base_status import_weights(cli_call *call, const target *to, const char *weights,
                                  infer_import_report *report, base_error *err) {
    infer_import_options options = {.whole = true};
    infer_tensors tensors;
    base_node *names;
    const char *keep = cli_text(call, "keep");
    if (keep != NULL) BASE_TRY(split(call, keep, &options.keep, err));
    BASE_TRY(read_names(call, &names, err));
    options.names = names;
    BASE_TRY(infer_tensors_read(weights, &tensors, err));
    base_status status = infer_import_weights(&tensors, &options, to->member->network, report, err);
    infer_tensors_release(&tensors);
    if (status != BASE_OK) return base_fail_within(err, "%s", weights);
    if (!dsp_features_needs_fit(to->member->features) || call->quiet) return BASE_OK;
    fputs("rimshot: features are not normalised: that is fitted on sounds, in training\n", stderr);
    return BASE_OK;
}

static int run_import(cli_call *call) {
    base_error err;
    infer_import_report report = {0};
    target to = {0};
    const char *model = cli_text(call, "into");
    if (model == NULL && call->n_arguments < 2) {
        return cli_usage("CONFIG WEIGHTS, or WEIGHTS --into MODEL, is needed");
    }
    if (model != NULL && (call->n_arguments > 1 || cli_given(call, "classes"))) {
        return cli_usage("--into %s: a model has its configuration and classes", model);
    }
    if (cli_text(call, "out") == NULL) return cli_usage("--out FILE is needed");
    const char *weights = call->arguments[model == NULL];
    base_status status = model != NULL ? open_model(call, model, &to, &err)
                                       : open_config(call, call->arguments[0], &to, &err);
    if (status == BASE_OK) status = import_weights(call, &to, weights, &report, &err);
    if (status == BASE_OK) status = write_model(call, &to, weights, &err);
    int code = status == BASE_OK ? CLI_OK : cli_fail(&err);
    fputs(base_text_string(&report.faults), stderr);
    base_text_release(&report.faults);
    release(&to);
    return code;
}

static const cli_flag flags[] = {
    {"into", "MODEL", "model file whose network takes the weights"},
    {"out", "FILE", "the new model file"},
    {"names", "FILE", "YAML map from names in the weights to names in the network"},
    {"keep", "NAMES",
     "layers that may be missing in the weights, with commas; they stay as in "
     "MODEL, or as training would begin"},
    {"classes", "NAMES",
     "with CONFIG: names of the classes, with commas (default: those of its "
     "data set)"},
    {0},
};

const cli_command cli_import = {
    .name = "import",
    .arguments = "[CONFIG] WEIGHTS --out FILE",
    .summary = "make a model from weights of another tool",
    .description =
        "WEIGHTS is a safetensors or NPZ file, or HDF5 as Keras writes it. The network is that of "
        "CONFIG, or of --into MODEL, whose classes and normalisation stay. Names and shapes must "
        "be "
        "its own (rimshot summary), which are PyTorch's; Keras' layouts are converted.\n\n"
        "--names maps other names: {conv: \"\", gru: \"13\", head: ~} maps conv.0.weight to "
        "0.weight, gru.bias_hh_l0 to 13.bias_hh_l0, and leaves out what starts with head. Every "
        "tensor that is missing, unknown or misshaped is listed.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = 2,
    .run = run_import,
};
