#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/tables.h"
#include "data/dataset.h"
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

static void add_network(const nn_network *network, base_text *out) {
    int path_width = widest_name(network, 0), layer_width = widest_name(network, 1);
    base_text_printf(out, "%-*s  %-*s  %-16s  %-16s  %11s  %14s\n", path_width, "name", layer_width,
                     "layer", "input", "output", "parameters", "multiply-adds");
    for (int i = 0; i < nn_network_n_rows(network); i++) {
        nn_summary_row row = nn_network_row(network, i);
        add_row(&row, path_width, layer_width, out);
    }
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

static int print_network(const train_config *config, const nn_network *network) {
    base_text out = {0};
    int n;
    const base_choice *choice = config->classifier;
    add_network(network, &out);
    if (choice != NULL) {
        base_text_printf(&out, "classifier: %s\n", nn_classifier_variants(&n)[choice->index]->name);
    }
    return cli_print_release(&out);
}

/* The number of classes is known from --classes, or else from the data set's labels. */
static base_status count_classes(cli_call *call, train_config *config, int64_t *n,
                                 base_error *err) {
    if (cli_given(call, "classes")) return BASE_OK;
    data_manifest manifest;
    BASE_TRY(data_manifest_open(config->dataset, config->folder, &manifest, err));
    *n = manifest.n_classes;
    data_manifest_release(&manifest);
    return BASE_OK;
}

static int summarize_config(cli_call *call) {
    base_error err;
    train_config config;
    int64_t n_classes = 0;
    if (!cli_int(call, "classes", 1, 10000, &n_classes)) return CLI_USAGE;
    if (train_config_read(call->arguments[0], call->arguments + 1, call->n_arguments - 1, &config,
                          &err) != BASE_OK) {
        return cli_fail(&err);
    }
    nn_network *network = NULL;
    base_status status = count_classes(call, &config, &n_classes, &err);
    if (status == BASE_OK) {
        status = train_network_new(&(train_network_plan){.config = &config,
                                                         .n_classes = n_classes,
                                                         .max_batch = config.train.batch,
                                                         .training = config.classifier == NULL,
                                                         .measure = true,
                                                         .pool = call->pool},
                                   &network, NULL, &err);
    }
    int code = status == BASE_OK ? print_network(&config, network) : cli_fail(&err);
    nn_network_free(network);
    train_config_release(&config);
    return code;
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
    base_text_add(&out, "classes  ");
    for (int c = 0; c < infer_model_n_classes(model); c++) {
        base_text_printf(&out, "%s%s", c ? ", " : "", infer_model_class(model, c));
    }
    base_text_printf(&out, "\nrecord   %s\nmembers  %d\n\n", infer_model_record(model),
                     infer_model_n_members(model));
    add_network(infer_model_network(model, 0), &out);
    add_classifier(infer_model_member(model, 0)->classifier, &out);
    base_status status = add_needs(model, &out, &err);
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
    {0},
};

const cli_command cli_summary = {
    .name = "summary",
    .arguments = "CONFIG|MODEL [KEY=VALUE ...]",
    .summary = "show a network: shapes, parameters, multiply-adds, memory",
    .description =
        "One line per layer, with what it does in the same pass for the layers after "
        "it. For a model file (.h5) also its classes, how it was trained, and what using it takes "
        "beside what is allowed (RIMSHOT_BUDGET).",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_summary,
};
