#include "cli/training.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool cli_training_options(cli_call *call, cli_progress *progress,
                          train_experiment_options *options) {
    int64_t parallel_folds = 1, memory_mib = 0;
    if (!cli_int(call, "parallel-folds", 1, 1024, &parallel_folds) ||
        !cli_int(call, "memory", 1, 1 << 30, &memory_mib)) {
        return false;
    }
    options->pool = call->pool;
    options->commit = cli_commit();
    if (cli_given(call, "keep-going")) {
        options->unread = cli_progress_unread;
        options->unread_context = progress;
    }
    options->parallel_folds = (int)parallel_folds;
    options->memory_bytes = (size_t)memory_mib << 20;
    return true;
}

const char *cli_training_folder(cli_call *call, const char *name) {
    const char *folder = cli_text(call, "out");
    return folder != NULL ? folder : base_arena_printf(&call->arena, "runs/%s", name);
}

static base_status add_file(const char *path, base_text *out, base_error *err) {
    void *bytes;
    size_t n_bytes;
    BASE_TRY(base_file_read(path, 0, &bytes, &n_bytes, err));
    base_text_add_bytes(out, bytes, n_bytes);
    base_free(bytes);
    return BASE_OK;
}

int cli_print_summary(cli_call *call, const char *folder) {
    base_error err;
    base_text out = {0};
    const char *path = base_path_join(&call->arena, folder, "summary.json");
    base_status status = path != NULL ? add_file(path, &out, &err)
                                      : base_fail(&err, BASE_EMEMORY, "%s: out of memory", folder);
    int code = status == BASE_OK ? cli_print(&out) : cli_fail(&err);
    base_text_release(&out);
    return code;
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
