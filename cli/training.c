#include "cli/training.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool cli_training_options(const cli_call *call, train_experiment_options *options) {
    int64_t parallel_folds = 1, memory_mib = 0;
    if (!cli_int(call, "parallel-folds", 1, 1024, &parallel_folds) ||
        !cli_int(call, "memory", 1, 1 << 30, &memory_mib)) {
        return false;
    }
    options->pool = call->pool;
    options->parallel_folds = (int)parallel_folds;
    options->memory_bytes = (size_t)memory_mib << 20;
    return true;
}

const char *cli_training_folder(cli_call *call, const char *name) {
    const char *folder = cli_text(call, "out");
    return folder != NULL ? folder : base_arena_printf(&call->arena, "runs/%s", name);
}

static bool is_first_at_work(const train_event *event) {
    for (int i = 0; event->at_work != NULL && i + 1 < event->fold; i++) {
        if (event->at_work[i]) return false;
    }
    return true;
}

void cli_training_draw(cli_progress *progress, const char *label, const char *what,
                       const train_event *event) {
    char text[160], fold[64] = "final model", rest[96], left[32] = "…", loss[32] = "";
    if (!is_first_at_work(event)) return;
    if (strcmp(event->stage, "final") != 0) {
        snprintf(fold, sizeof fold, "%s %d/%d", event->stage, event->fold, event->n_folds);
    }
    snprintf(text, sizeof text, "%s  %s  epoch %lld/%lld", label, fold,
             (long long)event->epoch_number, (long long)event->n_epochs);
    if (event->seconds_left >= 0) cli_duration(event->seconds_left, left);
    if (!isnan(event->loss)) snprintf(loss, sizeof loss, "  loss %.3f", event->loss);
    snprintf(rest, sizeof rest, "%s left in this %s%s", left, what, loss);
    double epochs = (double)event->epoch_number - 1 + (double)event->done / (double)event->total;
    cli_progress_draw(progress, text, epochs / (double)event->n_epochs, rest);
}
