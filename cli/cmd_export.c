#include <string.h>

#include "cli/model.h"
#include "infer/export/export.h"

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

/* The model's path with the format's extension; a folder is named after the format. */
static const char *default_path(cli_call *call, const char *model, const infer_exporter *exporter) {
    const char *extension = base_path_extension(model);
    size_t n = strlen(model) - (extension[0] != '\0' ? strlen(extension) + 1 : 0);
    bool folder = exporter->extension[0] == '\0';
    return base_arena_printf(&call->arena, "%.*s%s%s", (int)n, model, folder ? "-" : ".",
                             folder ? exporter->name : exporter->extension);
}

enum { MAX_SWITCHES = 16 };

typedef struct {
    const infer_exporter *exporter;
    infer_export_options options;
    const char *switches[MAX_SWITCHES + 1];
    const char *model; /* path */
    const char *path;  /* of the export */
} job;

static const infer_export_switch *find_switch(const infer_exporter *exporter, const char *key) {
    const infer_export_switch *s = exporter->switches;
    while (s != NULL && s->key != NULL && strcmp(s->key, key) != 0) s++;
    return s != NULL && s->key != NULL ? s : NULL;
}

/* Switch i of all formats; each key once. */
static bool switch_at(int i, cli_flag *flag) {
    int n;
    const infer_exporter *const *exporters = infer_exporters(&n);
    for (int k = 0; k < n; k++) {
        for (const infer_export_switch *s = exporters[k]->switches; s != NULL && s->key != NULL;
             s++) {
            bool known = false;
            for (int before = 0; before < k; before++) {
                known = known || find_switch(exporters[before], s->key) != NULL;
            }
            if (known || i-- > 0) continue;
            *flag = (cli_flag){s->key, NULL, s->help};
            return true;
        }
    }
    return false;
}

/* CLI_OK, or CLI_USAGE after a message. */
static int read_switches(cli_call *call, job *j) {
    int n = 0;
    cli_flag flag;
    for (int i = 0; switch_at(i, &flag); i++) {
        if (!cli_given(call, flag.name)) continue;
        if (find_switch(j->exporter, flag.name) == NULL) {
            return cli_usage("--%s: %s has no such form", flag.name, j->exporter->name);
        }
        if (n == MAX_SWITCHES) return cli_usage("more than %d switches", MAX_SWITCHES);
        j->switches[n++] = flag.name;
    }
    j->switches[n] = NULL;
    j->options.switches = j->switches;
    return CLI_OK;
}

/* CLI_OK, or CLI_USAGE after a message. */
static int read_flags(cli_call *call, job *j) {
    const char *name = cli_text(call, "to");
    int64_t member = -1;
    j->exporter = name != NULL ? infer_exporter_find(name) : NULL;
    if (j->exporter == NULL) return unknown_format(name);
    if (!cli_int(call, "member", 0, 99, &member)) return CLI_USAGE;
    j->options.member = (int)member;
    int code = read_switches(call, j);
    if (code != CLI_OK) return code;
    if (cli_given(call, "verify") && j->exporter->verify == NULL) {
        return cli_usage("--verify: the format %s cannot be verified", name);
    }
    bool is_named = call->n_arguments > 0 || cli_given(call, "model");
    code = cli_model_path(call, &j->model);
    if (code != CLI_OK) return code;
    if (call->n_arguments > 0) return cli_usage("%s: one model too many", call->arguments[0]);
    j->path = cli_text(call, "out");
    if (j->path == NULL) {
        const char *model = is_named ? j->model : base_path_name(j->model);
        j->path = default_path(call, model, j->exporter);
    }
    return j->path != NULL ? CLI_OK : cli_usage("out of memory");
}

static base_status export(cli_call *call, const job *j, infer_model *model, base_text *out,
                          base_error *err) {
    BASE_TRY(j->exporter->write(model, &j->options, j->path, err));
    if (!call->quiet) cli_add_name("", j->path, "\n", out);
    if (!cli_given(call, "verify")) return BASE_OK;
    return j->exporter->verify(model, &j->options, j->path, out, err);
}

static int run_export(cli_call *call) {
    job j;
    int code = read_flags(call, &j);
    if (code != CLI_OK) return code;
    base_error err;
    infer_model *model;
    if (infer_model_open(j.model, 1, call->pool, &model, &err) != BASE_OK) {
        return cli_fail(&err);
    }
    base_text out = {0};
    base_status status = export(call, &j, model, &out, &err);
    code = cli_print_release(&out);
    if (status != BASE_OK) code = cli_fail(&err);
    infer_model_free(model);
    return code;
}

/* "onnx: the network, ..." */
static bool format_text(int i, base_text *out) {
    int n;
    const infer_exporter *const *exporters = infer_exporters(&n);
    if (i >= n) return false;
    base_text_printf(out, "%s: %s", exporters[i]->name, exporters[i]->help);
    return true;
}

static const cli_flag flags[] = {
    {"to", "FORMAT", "one of the formats above"},
    CLI_FLAG_MODEL,
    {"out", "FILE",
     "where to (default: beside a model that was named, else here, with the format's extension)"},
    {"member", "N", "which network of an ensemble, from 0 (default: all, averaged: onnx, web)"},
    {"verify", NULL, "check what was written against the model"},
    {0},
};

const cli_command cli_export = {
    .name = "export",
    .arguments = "[MODEL] --to FORMAT",
    .summary = "write a model for other tools",
    .description =
        "The export appears whole or not at all. --verify fails if a probability "
        "differs by more than "
        "1e-4 from the model's, or a weight in any bit.\n\n" CLI_MODEL_HELP "\n\nFormats:",
    .more_text = format_text,
    .more_flags = switch_at,
    .flags = flags,
    .min_arguments = 0,
    .max_arguments = 1,
    .run = run_export,
};
