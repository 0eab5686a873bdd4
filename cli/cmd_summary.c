#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/tables.h"
#include "base/file.h"
#include "data/dataset.h"
#include "data/labels.h"
#include "infer/model.h"
#include "train/experiment.h"

static int widest_name(const nn_network *network, int column) {
    int width = 5;
    for (int i = 0; i < nn_network_n_rows(network); i++) {
        nn_summary_row row = nn_network_row(network, i);
        int n = cli_columns(column == 0 ? row.path : row.layer) +
                (column == 1 && row.fused[0] ? cli_columns(row.fused) + 3 : 0);
        width = n > width ? n : width;
    }
    return width;
}

static void add_row(const nn_summary_row *row, int path_width, int layer_width, base_text *out) {
    char layer[160], in[64], shape[64], number[32];
    snprintf(layer, sizeof layer, "%s%s%s", row->layer, row->fused[0] ? " + " : "", row->fused);
    cli_pad(out, row->path, path_width, false);
    base_text_add(out, "  ");
    cli_pad(out, layer, layer_width, false);
    base_text_printf(out, "  %-16s  %-16s  %11s  ", nn_shape_text(row->in, true, in),
                     nn_shape_text(row->out, true, shape), base_thousands(row->n_param, number));
    base_text_printf(out, "%14s\n", base_thousands(row->macs, number));
}

static void add_network(const nn_network *network, int columns, base_text *out) {
    size_t begin = out->size;
    int path_width = widest_name(network, 0), layer_width = widest_name(network, 1);
    base_text_printf(out, "%-*s  %-*s  %-16s  %-16s  %11s  %14s\n", path_width, "name", layer_width,
                     "layer", "input", "output", "parameters", "multiply-adds");
    for (int i = 0; i < nn_network_n_rows(network); i++) {
        nn_summary_row row = nn_network_row(network, i);
        add_row(&row, path_width, layer_width, out);
    }
    cli_fit_table(out, begin, path_width, columns);
    nn_summary summary = nn_network_summary(network);
    char number[32];
    base_text_printf(out, "\n%s parameters", base_thousands(summary.n_param, number));
    if (summary.n_frozen > 0) {
        base_text_printf(out, ", %s of them frozen", base_thousands(summary.n_frozen, number));
    }
    base_text_printf(out, ", %s multiply-adds per clip\n", base_thousands(summary.macs, number));
    base_text_printf(out,
                     "memory at batch %lld%s: parameters %.1f MiB, activations %.1f MiB, scratch "
                     "%.1f MiB\n",
                     (long long)nn_network_get_config(network)->max_batch,
                     nn_network_get_config(network)->training ? ", training" : "",
                     (double)summary.param_bytes / 1048576,
                     (double)summary.activation_bytes / 1048576,
                     (double)summary.scratch_bytes / 1048576);
}

static void add_classifier(const nn_classifier *classifier, base_text *out) {
    if (classifier == NULL) return;
    base_text_printf(out, "classifier: %s, ", nn_classifier_name(classifier));
    nn_classifier_describe(classifier, out);
    base_text_add(out, "\n");
}

static void add_amount(base_text *out, const char *label, const infer_needs *needs) {
    char work[32];
    base_text_printf(out, "%-8s memory %.0f MiB beside the weights, %s multiply-adds per sound",
                     label, ceil(needs->memory_bytes / 1048576),
                     base_thousands((int64_t)needs->work, work));
    if (needs->n_fft > 0) base_text_printf(out, ", Fourier transforms of %.0f", needs->n_fft);
    base_text_add(out, "\n");
}

/* What using the model takes, front end and all members together, and the limits to that. */
static base_status add_needs(const infer_model *model, base_text *out, base_error *err) {
    infer_needs most = {0};
    BASE_TRY(infer_budget(&most, err));
    base_text_add(out, "\n");
    add_amount(out, "needs", infer_model_needs(model));
    add_amount(out, "allowed", &most);
    return BASE_OK;
}

/* ------------------------------------------------------------------ as JSON */

static void add_json_text(const char *key, const char *value, base_text *out) {
    base_text_printf(out, "\"%s\": ", key);
    base_text_add_json(out, value);
}

static void add_json_row(const nn_summary_row *row, base_text *out) {
    char shape[64];
    base_text_add(out, "{");
    add_json_text("name", row->path, out);
    base_text_add(out, ", ");
    add_json_text("layer", row->layer, out);
    base_text_add(out, ", ");
    add_json_text("fused", row->fused, out);
    base_text_add(out, ", ");
    add_json_text("input", nn_shape_text(row->in, true, shape), out);
    base_text_add(out, ", ");
    add_json_text("output", nn_shape_text(row->out, true, shape), out);
    base_text_printf(out, ", \"parameters\": %lld, \"multiply_adds\": %lld}",
                     (long long)row->n_param, (long long)row->macs);
}

/* Without the braces around all. */
static void add_json_network(const nn_network *network, base_text *out) {
    nn_summary summary = nn_network_summary(network);
    base_text_add(out, "\"layers\": [");
    for (int i = 0; i < nn_network_n_rows(network); i++) {
        nn_summary_row row = nn_network_row(network, i);
        if (i > 0) base_text_add(out, ", ");
        add_json_row(&row, out);
    }
    base_text_printf(out,
                     "], \"parameters\": %lld, \"frozen\": %lld, \"multiply_adds\": %lld, "
                     "\"batch\": %lld, \"training\": %s, \"parameter_bytes\": %zu, "
                     "\"activation_bytes\": %zu, \"scratch_bytes\": %zu",
                     (long long)summary.n_param, (long long)summary.n_frozen,
                     (long long)summary.macs, (long long)nn_network_get_config(network)->max_batch,
                     nn_network_get_config(network)->training ? "true" : "false",
                     summary.param_bytes, summary.activation_bytes, summary.scratch_bytes);
}

static void add_json_needs(const char *key, const infer_needs *needs, base_text *out) {
    base_text_printf(out, ", \"%s\": {\"memory_bytes\": ", key);
    base_text_add_number(out, needs->memory_bytes);
    base_text_add(out, ", \"multiply_adds\": ");
    base_text_add_number(out, needs->work);
    base_text_add(out, ", \"n_fft\": ");
    base_text_add_number(out, needs->n_fft);
    base_text_add(out, "}");
}

/* ------------------------------------------------------------------ a configuration */

/* How many classes there are, and how that is known. */
typedef struct {
    int64_t n;
    const char *note; /* what was assumed; NULL: nothing */
} class_count;

/* The distinct names that sources give to their classes. */
typedef struct {
    const char *names[DATA_MAX_CLASSES];
    int n;
} class_names;

static bool add_name(class_names *all, const char *name) {
    for (int i = 0; i < all->n; i++) {
        if (strcmp(all->names[i], name) == 0) return true;
    }
    if (all->n == DATA_MAX_CLASSES) return false;
    all->names[all->n++] = name;
    return true;
}

static bool add_list(const base_node *list, class_names *all) {
    bool complete = list->kind == BASE_NODE_LIST && list->n_children > 0;
    for (const base_node *item = list->child; complete && item != NULL; item = item->next) {
        complete = item->kind == BASE_NODE_SCALAR && add_name(all, item->text);
    }
    return complete;
}

static bool add_rules(const base_node *rules, const char *folder, base_arena *arena,
                      class_names *all) {
    base_error ignored;
    data_labels *labels;
    const char *path = rules->text != NULL ? base_path_join(arena, folder, rules->text) : NULL;
    if (path == NULL || data_labels_read(path, arena, &labels, &ignored) != BASE_OK) return false;
    for (int c = 0; c < data_labels_n_classes(labels); c++) {
        if (!add_name(all, data_labels_class(labels, c))) return false;
    }
    return true;
}

/* False unless the entry names its classes or the rules that do. */
static bool add_source(const base_node *source, const train_config *config, base_arena *arena,
                       class_names *all) {
    const base_node *classes = base_node_get(source, "classes");
    const base_node *rules = base_node_get(source, "rules");
    if (classes != NULL && !base_node_is_null(classes)) return add_list(classes, all);
    return rules != NULL && add_rules(rules, config->folder, arena, all);
}

static bool classes_by_name(const train_config *config, base_arena *arena, int64_t *n) {
    class_names all = {.n = 0};
    const base_node *dataset = config->dataset;
    bool known = true;
    if (dataset->kind != BASE_NODE_LIST) known = add_source(dataset, config, arena, &all);
    const base_node *first = dataset->kind == BASE_NODE_LIST ? dataset->child : NULL;
    for (const base_node *item = first; known && item != NULL; item = item->next) {
        known = add_source(item, config, arena, &all);
    }
    *n = all.n;
    return known && all.n > 0;
}

static bool mentions_classes(const base_node *node) {
    if (node->kind == BASE_NODE_SCALAR) return !node->quoted && strcmp(node->text, "classes") == 0;
    const base_node *child = node->child;
    while (child != NULL && !mentions_classes(child)) child = child->next;
    return child != NULL;
}

/* As many classes as a network gives numbers whose size is written out. */
static base_status classes_by_network(const train_config *config, int64_t *n, base_error *err) {
    nn_network *network;
    BASE_TRY(train_encoder_new(
        &(train_network_plan){.config = config, .n_classes = 2, .max_batch = 1, .measure = true},
        &network, NULL, err));
    *n = nn_shape_count(nn_network_output(network));
    nn_network_free(network);
    return BASE_OK;
}

/* By --classes, by the sounds, or, where these are not at hand, by what the configuration says. */
static base_status count_classes(cli_call *call, const train_config *config, class_count *count,
                                 base_error *err) {
    data_manifest manifest;
    base_error why;
    const char *how = "those that 'dataset' names";
    if (!cli_int(call, "classes", 1, 10000, &count->n)) return BASE_EUSAGE;
    if (cli_given(call, "classes")) return BASE_OK;
    const data_manifest_request request = train_config_request(config);
    base_status status = data_manifest_open(config->dataset, &request, &manifest, &why);
    if (status == BASE_OK) {
        count->n = manifest.n_classes;
        data_manifest_release(&manifest);
        return BASE_OK;
    }
    if (status == BASE_ECONFIG) return base_fail(err, status, "%s", why.text);
    if (!classes_by_name(config, &call->arena, &count->n)) {
        if (mentions_classes(config->network)) {
            return base_fail(err, status, "%s; --classes says how many classes there are",
                             why.text);
        }
        how = "the network gives as many numbers";
        BASE_TRY(classes_by_network(config, &count->n, err));
    }
    count->note =
        base_arena_printf(&call->arena, "%lld classes assumed: %s; the sounds were not found: %s",
                          (long long)count->n, how, why.text);
    return BASE_OK;
}

static int print_network(const cli_call *call, const train_config *config, const class_count *count,
                         const nn_network *network) {
    base_text out = {0};
    int n;
    const base_choice *choice = config->classifier;
    const char *classifier =
        choice != NULL ? nn_classifier_variants(&n)[choice->index]->name : NULL;
    if (call->json) {
        base_text_printf(&out, "{\"n_classes\": %lld, ", (long long)count->n);
        add_json_text("assumed", count->note != NULL ? count->note : "", &out);
        base_text_add(&out, ", ");
        add_json_text("classifier", classifier != NULL ? classifier : "", &out);
        base_text_add(&out, ", ");
        add_json_network(network, &out);
        base_text_add(&out, "}\n");
        return cli_print_release(&out);
    }
    add_network(network, call->columns, &out);
    if (classifier != NULL) base_text_printf(&out, "classifier: %s\n", classifier);
    if (count->note != NULL) cli_add_name("note: ", count->note, "\n", &out);
    return cli_print_release(&out);
}

/* The network of a configuration. What ends in a projection for pretraining, or in vectors for a
 * classifier, does not hang on the classes. */
static base_status plan(cli_call *call, const train_config *config, class_count *count,
                        nn_network **network, base_error *err) {
    bool encoder = base_node_get(config->root, "pretrain") != NULL;
    train_network_plan request = {.config = config,
                                  .max_batch = config->train.batch,
                                  .training = config->classifier == NULL,
                                  .measure = true,
                                  .pool = call->pool};
    bool any_output = encoder || config->classifier != NULL;
    bool counts = !any_output || mentions_classes(config->network) || cli_given(call, "classes");
    if (counts) BASE_TRY(count_classes(call, config, count, err));
    request.n_classes = counts ? count->n : 1;
    return encoder ? train_encoder_new(&request, network, NULL, err)
                   : train_network_new(&request, network, NULL, err);
}

static int summarize_config(cli_call *call) {
    base_error err;
    train_config config;
    class_count count = {0};
    int64_t ignored;
    if (!cli_int(call, "classes", 1, 10000, &ignored)) return CLI_USAGE;
    if (train_config_read(call->arguments[0], call->arguments + 1, call->n_arguments - 1, &config,
                          &err) != BASE_OK) {
        return cli_fail(&err);
    }
    nn_network *network = NULL;
    base_status status = plan(call, &config, &count, &network, &err);
    int code = status == BASE_OK ? print_network(call, &config, &count, network) : cli_fail(&err);
    nn_network_free(network);
    train_config_release(&config);
    return code;
}

/* ------------------------------------------------------------------ a model */

static void add_json_classes(const infer_model *model, base_text *out) {
    base_text_add(out, "\"classes\": [");
    for (int c = 0; c < infer_model_n_classes(model); c++) {
        if (c > 0) base_text_add(out, ", ");
        base_text_add_json(out, infer_model_class(model, c));
    }
    base_text_add(out, "]");
}

static base_status add_json_model(infer_model *model, base_text *out, base_error *err) {
    infer_needs most = {0};
    const nn_classifier *classifier = infer_model_member(model, 0)->classifier;
    BASE_TRY(infer_budget(&most, err));
    base_text_printf(out, "{\"n_classes\": %d, ", infer_model_n_classes(model));
    add_json_classes(model, out);
    base_text_add(out, ", ");
    add_json_text("record", infer_model_record(model), out); /* text: the file may hold anything */
    base_text_printf(out, ", \"members\": %d, ", infer_model_n_members(model));
    add_json_text("classifier", classifier != NULL ? nn_classifier_name(classifier) : "", out);
    base_text_add(out, ", ");
    add_json_network(infer_model_network(model, 0), out);
    add_json_needs("needs", infer_model_needs(model), out);
    add_json_needs("allowed", &most, out);
    base_text_add(out, "}\n");
    return BASE_OK;
}

static base_status add_model(infer_model *model, int columns, base_text *out, base_error *err) {
    base_text_add(out, "classes  ");
    for (int c = 0; c < infer_model_n_classes(model); c++) {
        cli_add_name(c > 0 ? ", " : "", infer_model_class(model, c), "", out);
    }
    cli_add_name("\nrecord   ", infer_model_record(model), "\nmembers  ", out);
    base_text_printf(out, "%d\n\n", infer_model_n_members(model));
    add_network(infer_model_network(model, 0), columns, out);
    add_classifier(infer_model_member(model, 0)->classifier, out);
    return add_needs(model, out, err);
}

static int summarize_model(cli_call *call) {
    base_error err;
    infer_model *model;
    if (call->n_arguments > 1 || cli_given(call, "classes")) {
        return cli_usage("%s: overrides and --classes need a configuration, not a model file",
                         call->arguments[0]);
    }
    if (infer_model_open(call->arguments[0], 1, call->pool, &model, &err) != BASE_OK) {
        return cli_fail(&err);
    }
    base_text out = {0};
    base_status status = call->json ? add_json_model(model, &out, &err)
                                    : add_model(model, call->columns, &out, &err);
    infer_model_free(model);
    if (status == BASE_OK) return cli_print_release(&out);
    base_text_release(&out);
    return cli_fail(&err);
}

static int run_summary(cli_call *call) {
    const char *extension = base_path_extension(call->arguments[0]);
    return strcmp(extension, "h5") == 0 ? summarize_model(call) : summarize_config(call);
}

static const cli_flag flags[] = {
    {"classes", "N", "number of classes (default: those of the data set)"},
    CLI_FLAG_JSON,
    {0},
};

const cli_command cli_summary = {
    .name = "summary",
    .arguments = "CONFIG|MODEL [KEY=VALUE ...]",
    .summary = "show a network: shapes, parameters, multiply-adds, memory",
    .description =
        "One line per layer, with what it does in the same pass for the layers after "
        "it. A configuration's sounds need not be here if it says what its classes are (dataset: "
        "classes or rules, --classes, or a network whose sizes are written out); what was assumed "
        "is noted. One with a section pretrain may end in anything. For a model file (.h5) also "
        "its classes, how it was trained, and what using it takes "
        "beside what is allowed (RIMSHOT_BUDGET).",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_summary,
};
