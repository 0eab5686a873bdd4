#include <math.h>

#include "train/run.h"

static void add_number(base_text *json, const char *before, double value) {
    base_text_add(json, before);
    if (isfinite(value)) {
        base_text_add_number(json, value);
    } else {
        base_text_add(json, "null");
    }
}

static void add_metrics(base_text *json, const train_metrics *m) {
    base_text_printf(json, "\"clips\": %lld", (long long)m->n);
    for (int i = 0; i < train_n_metrics(); i++) {
        char key[32];
        base_text_printf(json, ", \"%s\": ", train_metric_key(train_metric_at(i)->name, key));
        add_number(json, "", m->value[i]);
    }
}

static void add_interval(base_text *json, const char *key, const train_interval *interval) {
    base_text_printf(json, "    \"%s\": {", key);
    add_number(json, "\"mean\": ", interval->mean);
    add_number(json, ", \"deviation\": ", interval->deviation);
    add_number(json, ", \"low\": ", interval->low);
    add_number(json, ", \"high\": ", interval->high);
    base_text_add(json, "},\n");
}

static void add_folds(base_text *json, const train_fold_set *set) {
    base_text_add(json, "    \"folds\": [\n");
    for (int f = 0; f < set->n_folds; f++) {
        const train_fold *fold = &set->folds[f];
        base_text_printf(json, "      {\"fold\": %d, ", f + 1);
        add_metrics(json, &fold->metrics);
        if (fold->n_epochs > 0) {
            base_text_printf(json, ", \"epochs\": %lld, \"best_epoch\": %lld",
                             (long long)fold->n_epochs, (long long)fold->best_epoch);
        }
        base_text_add(json, f + 1 < set->n_folds ? "},\n" : "}\n");
    }
    base_text_add(json, "    ],\n");
}

static void add_classes(base_text *json, const train_metrics *m, const train_facts *facts) {
    base_text_add(json, "    \"classes\": [\n");
    for (int c = 0; c < m->n_classes; c++) {
        base_text_add(json, "      {\"class\": ");
        base_text_add_json(json, facts->classes[c]);
        base_text_printf(json, ", \"clips\": %lld", (long long)m->support[c]);
        add_number(json, ", \"precision\": ", m->precision[c]);
        add_number(json, ", \"recall\": ", m->recall[c]);
        add_number(json, ", \"f1\": ", m->f1[c]);
        base_text_add(json, c + 1 < m->n_classes ? "},\n" : "}\n");
    }
    base_text_add(json, "    ],\n");
}

/* Rows are truths, columns predictions. */
static void add_confusion(base_text *json, const train_metrics *m) {
    base_text_add(json, "    \"confusion\": [\n");
    for (int c = 0; c < m->n_classes; c++) {
        base_text_add(json, "      ");
        for (int p = 0; p < m->n_classes; p++) {
            base_text_printf(json, "%s%lld", p > 0 ? ", " : "[",
                             (long long)m->confusion[c * m->n_classes + p]);
        }
        base_text_add(json, c + 1 < m->n_classes ? "],\n" : "]\n");
    }
    base_text_add(json, "    ]\n");
}

static void add_set(base_text *json, const train_fold_set *set, const train_facts *facts) {
    if (set->n_folds == 0) {
        base_text_add(json, "null");
        return;
    }
    base_text_add(json, "{\n");
    if (set->grouped_by != NULL) {
        base_text_add(json, "    \"grouped_by\": ");
        base_text_add_json(json, set->grouped_by);
        base_text_add(json, ",\n");
    }
    for (int i = 0; i < train_n_metrics(); i++) {
        char key[32];
        add_interval(json, train_metric_key(train_metric_at(i)->name, key), &set->interval[i]);
    }
    add_folds(json, set);
    base_text_add(json, "    \"pooled\": {");
    add_metrics(json, &set->pooled);
    base_text_add(json, "},\n");
    add_classes(json, &set->pooled, facts);
    add_confusion(json, &set->pooled);
    base_text_add(json, "  }");
}

static void add_model(base_text *json, const train_fold_set *model) {
    base_text_add(json, model->n_folds > 0 ? "{" : "null");
    if (model->n_folds == 0) return;
    add_metrics(json, &model->pooled);
    base_text_add(json, "}");
}

base_status train_run_write_summary(const train_run *run, base_error *err) {
    base_arena arena = {0};
    base_text json = {0};
    base_text_add(&json, "{\n  \"facts\": ");
    train_facts_add_json(&run->facts, 2, &json);
    base_text_add(&json, ",\n  \"result\": ");
    add_set(&json, &run->main, &run->facts);
    base_text_add(&json, ",\n  \"compare\": ");
    add_set(&json, &run->compare, &run->facts);
    base_text_add(&json, ",\n  \"unseen\": ");
    add_set(&json, &run->held_out, &run->facts);
    base_text_add(&json, ",\n  \"unseen_by_model\": ");
    add_model(&json, &run->model);
    base_text_add(&json, "\n}\n");
    const char *path = base_path_join(&arena, run->folder, "summary.json");
    base_status status = path != NULL ? base_file_write_text(path, &json, err)
                                      : base_fail(err, BASE_EMEMORY, "summary: out of memory");
    base_text_release(&json);
    base_arena_release(&arena);
    return status;
}
