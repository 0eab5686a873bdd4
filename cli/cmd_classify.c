#include <stdio.h>
#include <string.h>

#include "cli/progress.h"
#include "cli/tables.h"
#include "infer/classify.h"

enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };
enum { BATCH = 32, MAX_TOP = 16 };

typedef struct {
    const cli_call *call;
    cli_progress progress;
    const infer_model *model;
    int format, top;
    double threshold;
    int64_t n_done, n_total, n_failed;
    bool broken; /* standard output failed, which was told: stop */
} classify_view;

/* The classes in falling order of probability, the `top` first ones. */
static void rank(const float *probability, int n_classes, int top, int *order) {
    for (int i = 0; i < top; i++) {
        int best = -1;
        for (int c = 0; c < n_classes; c++) {
            bool taken = false;
            for (int j = 0; j < i; j++) taken |= order[j] == c;
            if (!taken && (best < 0 || probability[c] > probability[best])) best = c;
        }
        order[i] = best;
    }
}

static const char *class_or_unknown(const classify_view *view, const infer_result *result) {
    if ((double)result->probability[result->best] < view->threshold) return "unknown";
    return infer_model_class(view->model, result->best);
}

/* "snare      0.71  hit 4.wav  (clap 0.24)"; what is not even one in a hundred is left out. */
static void add_text(const classify_view *view, const infer_result *result, base_text *out) {
    const float *p = result->probability;
    bool known = (double)p[result->best] >= view->threshold;
    char certainty[16] = "";
    int order[MAX_TOP];
    rank(p, infer_model_n_classes(view->model), view->top, order);
    if (known) snprintf(certainty, sizeof certainty, "%.2f", (double)p[result->best]);
    cli_pad(out, class_or_unknown(view, result), 10, false);
    base_text_printf(out, " %4s  ", certainty);
    base_text_add_shown(out, result->path);
    int n = 0;
    for (int i = known ? 1 : 0; i < view->top && p[order[i]] >= 0.01F; i++) {
        base_text_add(out, n++ == 0 ? "  (" : ", ");
        base_text_add_shown(out, infer_model_class(view->model, order[i]));
        base_text_printf(out, " %.2f", (double)p[order[i]]);
    }
    base_text_add(out, n > 0 ? ")\n" : "\n");
}

/* One object per line, so that a reader can begin before the last file is done. */
static void add_json(const classify_view *view, const infer_result *result, base_text *out) {
    base_text_add(out, "{\"path\": ");
    base_text_add_json_path(out, result->path);
    if (result->error != NULL) {
        base_text_add(out, ", \"error\": ");
        base_text_add_json(out, result->error);
    } else {
        base_text_add(out, ", \"class\": ");
        base_text_add_json(out, class_or_unknown(view, result));
        base_text_add(out, ", \"probability\": {");
        for (int c = 0; c < infer_model_n_classes(view->model); c++) {
            if (c) base_text_add(out, ", ");
            base_text_add_json(out, infer_model_class(view->model, c));
            base_text_printf(out, ": %.6f", (double)result->probability[c]);
        }
        base_text_add(out, "}");
    }
    base_text_add(out, "}\n");
}

static void add_csv_head(const infer_model *model, base_text *out) {
    base_text_add(out, "path,class");
    for (int c = 0; c < infer_model_n_classes(model); c++) {
        base_text_add(out, ",");
        base_text_add_csv(out, infer_model_class(model, c));
    }
    base_text_add(out, ",error\n");
}

static void add_csv(const classify_view *view, const infer_result *result, base_text *out) {
    base_text_add_csv_path(out, result->path);
    base_text_add(out, ",");
    base_text_add_csv(out, result->error != NULL ? "" : class_or_unknown(view, result));
    for (int c = 0; c < infer_model_n_classes(view->model); c++) {
        if (result->error != NULL) base_text_add(out, ",");
        if (result->error == NULL) base_text_printf(out, ",%.6f", (double)result->probability[c]);
    }
    base_text_add(out, ",");
    if (result->error != NULL) base_text_add_csv(out, result->error);
    base_text_add(out, "\n");
}

static bool on_result(void *context, const infer_result *result) {
    classify_view *view = context;
    base_text out = {0};
    view->n_done++;
    view->n_failed += result->error != NULL;
    if (result->error != NULL) cli_progress_error(&view->progress, result->error);
    if (view->format == FORMAT_JSON) add_json(view, result, &out);
    if (view->format == FORMAT_CSV) add_csv(view, result, &out);
    if (view->format == FORMAT_TEXT && result->error == NULL) add_text(view, result, &out);
    if (out.size > 0 && view->call->mixed) cli_progress_clear(&view->progress);
    view->broken = cli_print_release(&out) != CLI_OK;
    cli_progress_data(&view->progress, "classifying", view->n_done, view->n_total);
    return !view->broken && !cli_stopped();
}

static bool parse_options(cli_call *call, classify_view *view) {
    static const char *const formats[] = {"text", "json", "csv"};
    const char *format = cli_text(call, "format");
    int64_t top = 2;
    view->format = call->json ? FORMAT_JSON : FORMAT_TEXT;
    for (int i = 0; format != NULL && i < 3; i++) {
        if (strcmp(format, formats[i]) == 0) view->format = i;
    }
    if (format != NULL && strcmp(format, formats[view->format]) != 0) {
        cli_usage("--format=%s: must be text, json or csv", format);
        return false;
    }
    if (!cli_int(call, "top", 1, MAX_TOP, &top)) return false;
    view->top = (int)top;
    return cli_number(call, "threshold", 0, 1, &view->threshold);
}

static int classify(cli_call *call, infer_model *model, classify_view *view) {
    base_error err;
    infer_paths paths;
    int n_classes = infer_model_n_classes(model);
    view->model = model;
    view->top = view->top < n_classes ? view->top : n_classes;
    base_status status =
        infer_expand_paths(call->arguments + 1, call->n_arguments - 1, &call->arena, &paths, &err);
    if (status != BASE_OK) return cli_fail(&err);
    view->n_total = paths.n;
    if (view->format == FORMAT_CSV) {
        base_text head = {0};
        add_csv_head(model, &head);
        if (cli_print_release(&head) != CLI_OK) return CLI_FAILED;
    }
    infer_classify_job job = {.model = model,
                              .paths = paths.items,
                              .n = paths.n,
                              .pool = call->pool,
                              .handler = on_result,
                              .context = view};
    status = infer_classify_files(&job, &err);
    cli_progress_clear(&view->progress);
    if (view->broken) return CLI_FAILED;
    if (status != BASE_OK) return cli_fail(&err);
    return view->n_failed > 0 ? CLI_FAILED : CLI_OK;
}

static int run_classify(cli_call *call) {
    classify_view view = {.call = call, .progress = {.call = call}};
    base_error err;
    infer_model *model;
    if (!parse_options(call, &view)) return CLI_USAGE;
    if (infer_model_open(call->arguments[0], BATCH, call->pool, &model, &err) != BASE_OK) {
        return cli_fail(&err);
    }
    int code = classify(call, model, &view);
    infer_model_free(model);
    return code;
}

static const cli_flag flags[] = {
    {"format", "text|json|csv", "json: one object per line (default text)"},
    {"top", "K", "text: name the K most probable classes (default 2), down to 0.01"},
    {"threshold", "P", "below this probability a sound is called unknown (default 0)"},
    {"json", NULL, "the same as --format json"},
    {0},
};

const cli_command cli_classify = {
    .name = "classify",
    .arguments = "MODEL PATH...",
    .summary = "tell what kind of drum each sound is",
    .description = "PATH is a sound file, a folder (all sound files below it) or - for standard "
                   "input. Results come in the order of the files. A file that cannot be read "
                   "is named on standard error, the others go on, and the exit code is 1.\n\n"
                   "Probabilities are calibrated on the folds the model was tested on, if it was.",
    .flags = flags,
    .min_arguments = 2,
    .max_arguments = -1,
    .run = run_classify,
};
