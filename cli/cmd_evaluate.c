#include <stdio.h>
#include <string.h>

#include "cli/dataset.h"
#include "cli/merge.h"
#include "cli/model.h"
#include "cli/tables.h"
#include "infer/model.h"
#include "train/metrics.h"

/* A model, a data set and what came of them. */
typedef struct {
    infer_model *model;
    cli_merge merge;
    cli_dataset set;
    int64_t *index; /* clips whose class the model has */
    int32_t *truth; /* its class of each, after joining */
    int64_t n, n_foreign;
    int64_t *foreign;   /* [the data set's classes] clips of each that the model does not know */
    float *probability; /* [n, classes after joining] */
    train_metrics metrics;
} evaluation;

static base_status out_of_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "evaluation: out of memory");
}

/* "ride 80, shaker 40"; of many the first. */
static void add_foreign(const evaluation *e, base_text *out) {
    enum { MOST = 20 };
    int n = 0;
    for (int c = 0; c < e->set.manifest.n_classes; c++) {
        if (e->foreign[c] == 0) continue;
        if (n++ >= MOST) continue;
        cli_add_name(n > 1 ? ", " : "", e->set.manifest.classes[c], "", out);
        base_text_printf(out, " %lld", (long long)e->foreign[c]);
    }
    if (n > MOST) base_text_printf(out, " and of %d others", n - MOST);
}

static void add_known(const evaluation *e, base_text *out) {
    for (int c = 0; c < e->merge.n_classes; c++) {
        cli_add_name(c > 0 ? ", " : "", e->merge.classes[c], "", out);
    }
}

static base_status fail_foreign(const evaluation *e, base_error *err) {
    base_text text = {0};
    base_text_add(&text, "no sound of the data set has a class that the model knows (");
    add_known(e, &text);
    base_text_add(&text, "); it has ");
    add_foreign(e, &text);
    base_text_add(&text, "; dataset.rules=FILE maps names to classes");
    base_status status = base_fail(err, BASE_EDATA, "%s", base_text_string(&text));
    base_text_release(&text);
    return status;
}

/* Clips of classes that the model does not know are left out and counted. */
static base_status match_classes(base_arena *arena, evaluation *e, base_error *err) {
    const data_clips *clips = &e->set.clips;
    size_t n = (size_t)clips->n_clips;
    e->index = base_arena_alloc(arena, n, sizeof *e->index);
    e->truth = base_arena_alloc(arena, n, sizeof *e->truth);
    e->probability = base_arena_alloc(arena, n, (size_t)e->merge.n_from * sizeof *e->probability);
    e->foreign = base_arena_alloc(arena, (size_t)e->set.manifest.n_classes, sizeof *e->foreign);
    if (e->index == NULL || e->truth == NULL || e->probability == NULL || e->foreign == NULL) {
        return out_of_memory(err);
    }
    for (int64_t i = 0; i < clips->n_clips; i++) {
        int truth = cli_merge_find(&e->merge, e->set.manifest.classes[clips->label[i]]);
        if (truth < 0) {
            e->n_foreign++;
            e->foreign[clips->label[i]]++;
            continue;
        }
        e->index[e->n] = i;
        e->truth[e->n++] = truth;
    }
    return e->n > 0 ? BASE_OK : fail_foreign(e, err);
}

static base_status evaluate(cli_call *call, evaluation *e, base_error *err) {
    BASE_TRY(cli_dataset_open(call, 0, infer_model_audio(e->model), &e->set, err));
    BASE_TRY(match_classes(&call->arena, e, err));
    infer_selection clips = {&e->set.clips, e->index, e->n};
    BASE_TRY(infer_model_classify_clips(e->model, &clips, e->probability, err));
    float *joined = base_arena_alloc(&call->arena, (size_t)e->merge.n_from, sizeof *joined);
    if (joined == NULL) return out_of_memory(err);
    for (int64_t i = 0; i < e->n; i++) { /* in place: a row is no longer after joining */
        cli_merge_apply(&e->merge, e->probability + i * e->merge.n_from, joined);
        memcpy(e->probability + i * e->merge.n_classes, joined,
               (size_t)e->merge.n_classes * sizeof *joined);
    }
    train_predictions p = {.n = e->n,
                           .n_classes = e->merge.n_classes,
                           .truth = e->truth,
                           .probability = e->probability};
    return train_metrics_compute(&p, &call->arena, &e->metrics, err);
}

static void add_json_foreign(const evaluation *e, base_text *out) {
    const char *comma = "";
    for (int c = 0; c < e->set.manifest.n_classes; c++) {
        if (e->foreign[c] == 0) continue;
        base_text_add(out, comma);
        base_text_add_json(out, e->set.manifest.classes[c]);
        base_text_printf(out, ": %lld", (long long)e->foreign[c]);
        comma = ", ";
    }
}

static void add_json(const evaluation *e, base_text *out) {
    const train_metrics *m = &e->metrics;
    base_text_printf(out, "{\"clips\": %lld, \"left_out\": %lld", (long long)e->n,
                     (long long)e->n_foreign);
    for (int i = 0; i < train_n_metrics(); i++) {
        char key[32];
        base_text_printf(out, ", \"%s\": ", train_metric_key(train_metric_at(i)->full_name, key));
        base_text_add_number(out, m->value[i]);
    }
    base_text_add(out, ", \"classes\": [");
    for (int c = 0; c < e->merge.n_classes; c++) {
        if (c) base_text_add(out, ", ");
        base_text_add_json(out, e->merge.classes[c]);
    }
    base_text_add(out, "], \"confusion\": [");
    for (int r = 0; r < e->merge.n_classes; r++) {
        base_text_add(out, r ? ", [" : "[");
        for (int c = 0; c < e->merge.n_classes; c++) {
            base_text_printf(out, "%s%lld", c ? ", " : "",
                             (long long)m->confusion[r * e->merge.n_classes + c]);
        }
        base_text_add(out, "]");
    }
    base_text_add(out, "], \"unknown\": {");
    add_json_foreign(e, out);
    base_text_add(out, "}}\n");
}

/* "accuracy 0.9123   balanced 0.9001", in as many lines as the terminal asks for. */
static void add_figures(const train_metrics *m, int columns, base_text *out) {
    int used = 0;
    base_text_add(out, "\n");
    for (int i = 0; i < train_n_metrics(); i++) {
        char figure[64];
        int width =
            snprintf(figure, sizeof figure, "%s %.4f", train_metric_at(i)->name, m->value[i]);
        bool breaks = columns > 0 && used + 3 + width > columns;
        if (i > 0) base_text_add(out, breaks ? "\n" : "   ");
        base_text_add(out, figure);
        used = breaks || i == 0 ? width : used + 3 + width;
    }
}

static void add_text(const evaluation *e, const cli_call *call, base_text *out) {
    const train_metrics *m = &e->metrics;
    base_text_printf(out, "%lld clips", (long long)e->n);
    if (e->n_foreign > 0) {
        base_text_printf(out, "; left out are %lld of classes the model does not know: ",
                         (long long)e->n_foreign);
        add_foreign(e, out);
        base_text_add(out, "\n(it knows ");
        add_known(e, out);
        base_text_add(out, "; dataset.rules=FILE maps other names to them)");
    }
    add_figures(m, call->columns, out);
    base_text_add(out, "\n\n");
    cli_table_classes(m, e->merge.classes, call->columns, out);
    base_text_add(out, "\n");
    cli_table_confusion(m, e->merge.classes, call, out);
}

static int run_evaluate(cli_call *call) {
    cli_progress progress = {.call = call};
    evaluation e = {.set = {.progress = &progress}};
    base_text out = {0};
    base_error err;
    const char *path;
    int code = cli_model_path(call, &path);
    if (code != CLI_OK) return code;
    if (infer_model_open(path, INFER_MODEL_BATCH, call->pool, &e.model, &err) != BASE_OK)
        return cli_fail(&err);
    code = cli_merge_read(call, e.model, &e.merge);
    if (code != CLI_OK) {
        infer_model_free(e.model);
        return code;
    }
    base_status status = evaluate(call, &e, &err);
    cli_progress_clear(&progress);
    if (status == BASE_OK && call->json) add_json(&e, &out);
    if (status == BASE_OK && !call->json) add_text(&e, call, &out);
    code = status == BASE_OK ? cli_print(&out) : cli_fail(&err);
    base_text_release(&out);
    cli_dataset_release(&e.set);
    infer_model_free(e.model);
    return code;
}

static const cli_flag flags[] = {CLI_FLAG_MODEL, CLI_FLAGS_MERGE, CLI_FLAG_JSON, {0}};

const cli_command cli_evaluate = {
    .name = "evaluate",
    .arguments = "[MODEL] " CLI_DATASET_ARGUMENTS,
    .summary = "test a model on a labelled data set",
    .description = CLI_MODEL_HELP
    "\n\n" CLI_DATASET_HELP
    " The sounds are brought into the form the model was trained on. Those of classes that the "
    "model does not know are left out, counted and named; rules (dataset.rules=FILE) map the names "
    "of a data set to the model's classes.\n\nWith --merge "
    "hat=closedhat+openhat,cymbal=crash+ride a model of many classes is tested on a data set "
    "of fewer; sounds of a class that has been joined count as the joined one.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_evaluate,
};
