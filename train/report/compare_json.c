#include "train/report/compare.h"

static void add_number(base_text *json, const char *before, double value) {
    base_text_add(json, before);
    if (value - value == 0) {
        base_text_add_number(json, value);
    } else {
        base_text_add(json, "null");
    }
}

static void add_text(base_text *json, const char *before, const char *text) {
    base_text_add(json, before);
    if (text != NULL) {
        base_text_add_json(json, text);
    } else {
        base_text_add(json, "null");
    }
}

static void add_result(base_text *json, const train_paired *result) {
    add_number(json, "\"difference\": ", result->difference);
    add_number(json, ", \"low\": ", result->low);
    add_number(json, ", \"high\": ", result->high);
    add_number(json, ", \"p\": ", result->p_value);
}

static void add_run(base_text *json, const train_run *run) {
    char key[32];
    add_text(json, "{\"name\": ", run->facts.name);
    add_text(json, ", \"folder\": ", run->folder);
    for (int m = 0; m < train_n_metrics(); m++) {
        base_text_printf(json, ", \"%s\": ", train_metric_key(train_metric_at(m)->name, key));
        add_number(json, "", train_set_figure(&run->main, m));
    }
    base_text_add(json, "}");
}

static void add_difference(base_text *json, const train_difference *difference, int n_runs) {
    add_text(json, "{\"key\": ", difference->key);
    base_text_add(json, ", \"values\": [");
    for (int r = 0; r < n_runs; r++) add_text(json, r > 0 ? ", " : "", difference->values[r]);
    base_text_add(json, "]}");
}

static void add_classes(base_text *json, const train_pair *pair) {
    for (int i = 0; i < pair->n_classes; i++) {
        const train_class_comparison *class = &pair->classes[i];
        add_text(json, i > 0 ? ",\n      {\"class\": " : "\n      {\"class\": ", class->name);
        base_text_printf(json, ", \"clips\": %lld", (long long)class->n);
        add_number(json, ", \"recall_first\": ", class->recall[0]);
        add_number(json, ", \"recall\": ", class->recall[1]);
        base_text_add(json, ", ");
        add_result(json, &class->result);
        base_text_add(json, "}");
    }
}

static void add_clips(base_text *json, const train_compared *c, int i) {
    const train_pair *pair = &c->pairs[i];
    const train_run *const runs[] = {&c->runs[0], &c->runs[i]};
    const train_predictions *first = &runs[0]->main.predictions;
    for (int64_t k = 0; k < pair->n_disagreements; k++) {
        const train_disagreement *d = &pair->disagreements[k];
        const train_clip_name *clip = &first->clip[d->clip[0]];
        add_text(json, k > 0 ? ",\n      {\"path\": " : "\n      {\"path\": ", clip->path);
        add_number(json, ", \"begin_s\": ", clip->begin_s);
        add_number(json, ", \"end_s\": ", clip->end_s);
        add_text(json, ", \"truth\": ", runs[0]->facts.classes[first->truth[d->clip[0]]]);
        for (int r = 0; r < 2; r++) {
            const train_predictions *p = &runs[r]->main.predictions;
            add_text(json, r == 0 ? ", \"first\": " : ", \"this\": ",
                     runs[r]->facts.classes[train_predicted(p, d->clip[r])]);
        }
        base_text_add(json, "}");
    }
}

static void add_pair(base_text *json, const train_compared *c, int i) {
    const train_pair *pair = &c->pairs[i];
    add_text(json, "{\"run\": ", c->runs[i].facts.name);
    base_text_printf(json, ", \"paired\": %s, ", pair->all.paired ? "true" : "false");
    add_result(json, &pair->all.result);
    base_text_add(json, ",\n     \"classes\": [");
    add_classes(json, pair);
    base_text_add(json, "],\n     \"disagreements\": [");
    add_clips(json, c, i);
    base_text_add(json, "]}");
}

void train_compared_add_json(const train_compared *compared, base_text *json) {
    base_text_add(json, "{\"runs\": [");
    for (int r = 0; r < compared->n_runs; r++) {
        base_text_add(json, r > 0 ? ",\n    " : "\n    ");
        add_run(json, &compared->runs[r]);
    }
    base_text_add(json, "],\n \"configuration\": [");
    for (int64_t d = 0; d < compared->n_differences; d++) {
        base_text_add(json, d > 0 ? ",\n    " : "\n    ");
        add_difference(json, &compared->differences[d], compared->n_runs);
    }
    base_text_add(json, "],\n \"against_first\": [");
    for (int i = 1; i < compared->n_runs; i++) {
        base_text_add(json, i > 1 ? ",\n    " : "\n    ");
        add_pair(json, compared, i);
    }
    base_text_add(json, "]}\n");
}
