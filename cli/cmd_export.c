#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "infer/export/export.h"

static const infer_exporter *find_exporter(const char *name) {
    int n;
    const infer_exporter *const *exporters = infer_exporters(&n);
    for (int i = 0; i < n; i++) {
        if (strcmp(exporters[i]->name, name) == 0) return exporters[i];
    }
    return NULL;
}

static void list_formats(base_text *out, const char *line) {
    int n;
    const infer_exporter *const *exporters = infer_exporters(&n);
    for (int i = 0; i < n; i++) {
        base_text_printf(out, line, i > 0 ? ", " : "", exporters[i]->name);
    }
}

static int unknown_format(const char *name) {
    base_text formats = {0};
    list_formats(&formats, "%s%s");
    int code = name == NULL ? cli_usage("--to is needed; formats: %s", base_text_string(&formats))
                            : cli_usage("--to %s: no such format; formats: %s", name,
                                        base_text_string(&formats));
    base_text_release(&formats);
    return code;
}

/* Beside the model, its name with the format's extension; a folder is named after the format. */
static const char *default_path(cli_call *call, const infer_exporter *exporter) {
    const char *model = call->arguments[0], *extension = base_path_extension(model);
    size_t n = strlen(model) - (extension[0] != '\0' ? strlen(extension) + 1 : 0);
    bool folder = exporter->extension[0] == '\0';
    return base_arena_printf(&call->arena, "%.*s%s%s", (int)n, model, folder ? "-" : ".",
                             folder ? exporter->name : exporter->extension);
}

typedef struct {
    const infer_exporter *exporter;
    infer_export_options options;
    const char *path;
} job;

/* CLI_OK, or CLI_USAGE after a message. */
static int read_flags(cli_call *call, job *j) {
    const char *name = cli_text(call, "to");
    int64_t member = -1;
    j->exporter = name != NULL ? find_exporter(name) : NULL;
    if (j->exporter == NULL) return unknown_format(name);
    if (!cli_int(call, "member", 0, 99, &member)) return CLI_USAGE;
    j->options = (infer_export_options){.with_features = cli_given(call, "with-features"),
                                        .int8 = cli_given(call, "int8"),
                                        .member = (int)member};
    if (j->options.with_features && !j->exporter->takes_features) {
        return cli_usage("--with-features: %s holds a network alone", name);
    }
    if (j->options.int8 && !j->exporter->takes_int8) {
        return cli_usage("--int8: %s holds no 8-bit weights", name);
    }
    j->path = cli_text(call, "out");
    if (j->path == NULL) j->path = default_path(call, j->exporter);
    return j->path != NULL ? CLI_OK : cli_usage("out of memory");
}

static base_status export(cli_call *call, const job *j, infer_model *model, base_text *out,
                          base_error *err) {
    BASE_TRY(j->exporter->write(model, &j->options, j->path, err));
    if (!call->quiet) base_text_printf(out, "%s\n", j->path);
    if (!cli_given(call, "verify")) return BASE_OK;
    return j->exporter->verify(model, &j->options, j->path, out, err);
}

static int run_export(cli_call *call) {
    job j;
    int code = read_flags(call, &j);
    if (code != CLI_OK) return code;
    base_error err;
    infer_model *model;
    if (infer_model_open(call->arguments[0], 1, call->pool, &model, &err) != BASE_OK) {
        return cli_fail(&err);
    }
    base_text out = {0};
    base_status status = export(call, &j, model, &out, &err);
    code = cli_print_release(&out);
    if (status != BASE_OK) code = cli_fail(&err);
    infer_model_free(model);
    return code;
}

static const cli_flag flags[] = {
    {"to", "FORMAT", "onnx, safetensors, npz, ..."},
    {"out", "FILE", "where to (default: beside the model, with the format's extension)"},
    {"with-features", NULL, "from the waveform instead of from the features (onnx)"},
    {"member", "N", "which network of an ensemble, from 0 (default: all, averaged: onnx, web)"},
    {"int8", NULL, "weights as 8-bit integers, where the format can"},
    {"verify", NULL, "check what was written against the model: in onnxruntime, by a C compiler"},
    {0},
};

const cli_command cli_export = {
    .name = "export",
    .arguments = "MODEL --to FORMAT",
    .summary = "write a model for other tools",
    .description =
        "Formats: onnx (the network, or with --with-features all from the waveform to the "
        "probabilities), safetensors and npz (weights under PyTorch's names), and others that --to "
        "names when it is left out.\n\nThe file appears whole or not at all. --verify of onnx and "
        "web needs python3 with onnxruntime, that of c a compiler called cc; they classify 27 "
        "synthesised drums and fail if a probability differs by more than 1e-4. Weights are read "
        "back.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_export,
};
