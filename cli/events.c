#include "cli/events.h"

#include <math.h>

#include "base/clock.h"
#include "cli/cli.h"

enum { STEPS_PER_S = 4 };

static void add_number(base_text *line, const char *key, double value) {
    base_text_printf(line, ", \"%s\": ", key);
    if (isfinite(value)) {
        base_text_add_number(line, value);
    } else {
        base_text_add(line, "null");
    }
}

static void add_count(base_text *line, const char *key, int64_t value) {
    base_text_printf(line, ", \"%s\": %lld", key, (long long)value);
}

static void add_text(base_text *line, const char *key, const char *value) {
    base_text_printf(line, ", \"%s\": ", key);
    base_text_add_json(line, value);
}

static void add_texts(base_text *line, const char *key, const char *const *values, int n) {
    base_text_printf(line, ", \"%s\": [", key);
    for (int i = 0; i < n; i++) {
        if (i > 0) base_text_add(line, ", ");
        base_text_add_json(line, values[i]);
    }
    base_text_add(line, "]");
}

static void add_facts(base_text *line, const train_facts *facts) {
    add_text(line, "name", facts->name);
    add_text(line, "version", facts->version);
    add_count(line, "clips", facts->n_clips);
    add_texts(line, "classes", facts->classes, facts->n_classes);
    add_count(line, "folds", facts->n_folds);
    add_count(line, "parameters", facts->n_param);
    add_texts(line, "notes", facts->notes, facts->n_notes);
}

static void add_place(base_text *line, const train_event *event) {
    add_text(line, "stage", event->stage);
    add_count(line, "fold", event->fold);
    add_count(line, "folds", event->n_folds);
}

static void add_step(base_text *line, const train_event *event) {
    add_place(line, event);
    add_count(line, "epoch", event->epoch_number);
    add_count(line, "epochs", event->n_epochs);
    add_count(line, "done", event->done);
    add_count(line, "total", event->total);
    add_number(line, "train_loss", event->loss);
    add_number(line, "seconds_left", event->seconds_left < 0 ? NAN : event->seconds_left);
}

static void add_epoch(base_text *line, const train_event *event) {
    const train_epoch *epoch = event->epoch;
    add_place(line, event);
    add_count(line, "epoch", epoch->epoch);
    add_count(line, "epochs", event->n_epochs);
    add_number(line, "lr", epoch->lr);
    add_number(line, "train_loss", epoch->train_loss);
    add_number(line, "loss", epoch->loss);
    add_number(line, "accuracy", epoch->accuracy);
    add_number(line, "balanced", epoch->balanced);
}

static void add_metrics(base_text *line, const train_event *event) {
    const train_metrics *metrics = event->metrics;
    add_place(line, event);
    add_count(line, "clips", metrics->n);
    add_number(line, "accuracy", metrics->accuracy);
    add_number(line, "balanced", metrics->balanced);
    add_number(line, "macro_f1", metrics->macro_f1);
    add_number(line, "log_loss", metrics->log_loss);
}

static void add_event(base_text *line, const train_event *event) {
    static const char *const kinds[] = {
        [TRAIN_EVENT_DATA] = "data", [TRAIN_EVENT_DECODE] = "decode",
        [TRAIN_EVENT_STEP] = "step", [TRAIN_EVENT_EPOCH] = "epoch",
        [TRAIN_EVENT_FOLD] = "fold", [TRAIN_EVENT_STAGE] = "stage"};
    base_text_printf(line, "{\"event\": \"%s\"", kinds[event->kind]);
    switch (event->kind) {
    case TRAIN_EVENT_DATA:
        add_facts(line, event->facts);
        break;
    case TRAIN_EVENT_DECODE:
        add_text(line, "what", event->text);
        add_count(line, "done", event->done);
        add_count(line, "total", event->total);
        break;
    case TRAIN_EVENT_STEP:
        add_step(line, event);
        break;
    case TRAIN_EVENT_EPOCH:
        add_epoch(line, event);
        break;
    case TRAIN_EVENT_FOLD:
        add_metrics(line, event);
        break;
    case TRAIN_EVENT_STAGE:
        add_text(line, "what", event->text);
        break;
    }
    base_text_add(line, "}\n");
}

/* Steps and files come by the thousand. */
static bool is_due(cli_events *events, const train_event *event) {
    if (event->kind != TRAIN_EVENT_STEP && event->kind != TRAIN_EVENT_DECODE) return true;
    double now = 1e-9 * (double)base_clock_ns();
    if (now - events->last_s < 1.0 / STEPS_PER_S) return false;
    events->last_s = now;
    return true;
}

bool cli_events_write(cli_events *events, const train_event *event) {
    if (!is_due(events, event)) return true;
    base_text line = {0};
    add_event(&line, event);
    return cli_print_release(&line) == CLI_OK;
}
