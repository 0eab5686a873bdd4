#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/events.h"
#include "cli/job.h"
#include "cli/tables.h"
#include "cli/training.h"
#include "train/report/report.h"

typedef struct {
    cli_progress progress;
    const cli_call *call;
    cli_job job;
    cli_events *events; /* told as they come; NULL: only shown */
    int parallel_folds; /* asked for */
    bool began;         /* the run folder is there: the run can be resumed */
    char where[128];    /* "epoch 12 of fold 2/5"; "" before the first is over */
} train_view;

/* ------------------------------------------------------------------ what is shown while it runs */

static void show_ranks(train_view *view, const train_event *event) {
    const base_ranks *ranks = view->job.ranks;
    if (ranks == NULL) return;
    int size = base_ranks_n(ranks) / event->n_groups, idle = event->n_groups - event->n_trainings;
    cli_progress_line(&view->progress, "ranks    %d for %d trainings, %d for each",
                      base_ranks_n(ranks), event->n_trainings, size);
    if (idle <= 0) return;
    cli_progress_line(&view->progress, "note     more ranks than work: %d have nothing to do",
                      idle * size);
}

static void show_parallel(train_view *view, int n_parallel) {
    bool fewer = n_parallel < view->parallel_folds;
    if (n_parallel == 1 && !fewer) return;
    cli_progress_line(&view->progress, "         %d side by side%s", n_parallel,
                      fewer ? ": there are no more folds or threads, or no more memory" : "");
}

static void show_facts(train_view *view, const train_event *event) {
    const train_facts *facts = event->facts;
    cli_progress *p = &view->progress;
    char a[32], b[32];
    view->began = true;
    cli_progress_line(p, "rimshot %s · %d %s · OpenBLAS %s · kernels %s", facts->version,
                      base_pool_threads(view->call->pool),
                      base_pool_threads(view->call->pool) == 1 ? "thread" : "threads",
                      facts->blas_kernel, facts->level);
    cli_progress_line(p, "data     %s clips of %d classes; %s rows left out (see manifest.csv)",
                      base_thousands(facts->n_clips, a), facts->n_classes,
                      base_thousands(facts->n_left_out, b));
    if (facts->n_held_out > 0) {
        cli_progress_line(p, "         %s held-out sounds to test with, never trained on",
                          base_thousands(facts->n_held_out, a));
    }
    cli_progress_line(
        p, "         %lld copies in %lld duplicate groups · %lld with two labels · %lld silent",
        (long long)facts->n_copies, (long long)facts->n_duplicate_groups,
        (long long)facts->n_conflicts, (long long)facts->n_silent);
    for (int i = 0; i < facts->n_notes; i++) cli_progress_line(p, "note     %s", facts->notes[i]);
    cli_progress_line(p, "network  %s → %d classes", facts->input, facts->n_classes);
    cli_progress_line(p, "         %s parameters, %.1f M multiply-adds per clip, %.1f MiB",
                      base_thousands(facts->n_param, a), (double)facts->macs / 1e6,
                      (double)facts->memory_bytes / 1048576);
    cli_progress_line(p, "folds    %d%s%s", facts->n_folds,
                      facts->grouped_by[0] ? ", kept whole: " : "", facts->grouped_by);
    if (facts->compared_by != NULL) {
        cli_progress_line(p, "         and %d, kept whole: %s", facts->n_compare_folds,
                          facts->compared_by);
    }
    show_parallel(view, event->n_parallel);
    show_ranks(view, event);
    cli_progress_line(p, "%s", "");
}

static void stage_label(const train_event *event, char *label, size_t size) {
    if (strcmp(event->stage, "final") == 0) {
        snprintf(label, size, "final model");
    } else {
        snprintf(label, size, "%s %d/%d", event->stage, event->fold, event->n_folds);
    }
}

/* "folds 1, 3 of 5" while they go on side by side; false if another one is the first of them, which
 * alone is drawn. */
static bool work_label(const train_event *event, char *label, size_t size) {
    int n = 0;
    size_t used = 0;
    if (event->is_behind) return false;
    for (int i = 0; event->at_work != NULL && i < event->n_folds; i++) {
        if (!event->at_work[i]) continue;
        if (n++ == 0 && i + 1 != event->fold) return false;
        int added = n == 1 ? snprintf(label, size, "%ss %d", event->stage, i + 1)
                           : snprintf(label + used, size - used, ", %d", i + 1);
        used = used + (size_t)added < size ? used + (size_t)added : size - 1;
    }
    if (n > 1) {
        snprintf(label + used, size - used, " of %d", event->n_folds);
    } else {
        stage_label(event, label, size);
    }
    used = strlen(label);
    if (event->n_elsewhere > 0) snprintf(label + used, size - used, " + %d", event->n_elsewhere);
    return true;
}

static void show_step(train_view *view, const train_event *event) {
    char label[128], text[160], rate[32], left[32], best[64] = "", loss[32] = "";
    if (!work_label(event, label, 64)) return;
    size_t used = strlen(label);
    snprintf(label + used, sizeof label - used, "  epoch %lld/%lld", (long long)event->epoch_number,
             (long long)event->n_epochs);
    if (!isnan(event->loss)) snprintf(loss, sizeof loss, "  loss %.3f", event->loss);
    if (event->best_accuracy >= 0) {
        snprintf(best, sizeof best, "  best %.3f @ %lld", event->best_accuracy,
                 (long long)event->best_epoch);
    }
    /* What matters least stands last: a narrow terminal cuts it off. */
    snprintf(text, sizeof text, "%s left%s%s  %s clips/s",
             event->seconds_left < 0 ? "…" : cli_duration(event->seconds_left, left), loss, best,
             base_thousands((int64_t)event->samples_per_s, rate));
    double epochs = (double)event->epoch_number - 1 + (double)event->done / (double)event->total;
    cli_progress_draw(&view->progress, label, epochs / (double)event->n_epochs, text);
}

static void show_epoch(train_view *view, const train_event *event) {
    char label[64];
    stage_label(event, label, sizeof label);
    snprintf(view->where, sizeof view->where, "epoch %lld of %s", (long long)event->epoch_number,
             label);
    if (view->call->terminal && !cli_given(view->call, "verbose")) return;
    const train_epoch *epoch = event->epoch;
    if (strcmp(event->stage, "final") == 0) {
        cli_progress_line(&view->progress, "%s  epoch %lld/%lld  train loss %.4f  lr %.3g", label,
                          (long long)epoch->epoch, (long long)event->n_epochs, epoch->train_loss,
                          epoch->lr);
    } else {
        cli_progress_line(&view->progress,
                          "%s  epoch %lld/%lld  train loss %.4f  loss %.4f  accuracy %.4f  lr %.3g",
                          label, (long long)epoch->epoch, (long long)event->n_epochs,
                          epoch->train_loss, epoch->loss, epoch->accuracy, epoch->lr);
    }
}

static void show_fold(train_view *view, const train_event *event) {
    char label[64];
    stage_label(event, label, sizeof label);
    char held_out[32] = "";
    if (event->held_out != NULL) {
        snprintf(held_out, sizeof held_out, "  held out %.4f", event->held_out->accuracy);
    }
    cli_progress_line(&view->progress, "%s  accuracy %.4f  balanced %.4f  log loss %.4f%s", label,
                      event->metrics->accuracy, event->metrics->balanced, event->metrics->log_loss,
                      held_out);
}

static bool on_event(void *context, const train_event *event) {
    train_view *view = context;
    switch (event->kind) {
    case TRAIN_EVENT_DATA:
        show_facts(view, event);
        break;
    case TRAIN_EVENT_DECODE:
        cli_progress_data(&view->progress, event->text, event->done, event->total);
        break;
    case TRAIN_EVENT_STEP:
        show_step(view, event);
        break;
    case TRAIN_EVENT_EPOCH:
        show_epoch(view, event);
        break;
    case TRAIN_EVENT_FOLD:
        show_fold(view, event);
        break;
    case TRAIN_EVENT_STAGE:
        cli_progress_draw(&view->progress, event->text, 1, "");
        break;
    }
    if (view->events != NULL && !cli_events_write(view->events, event)) return false;
    return !cli_stopped();
}

/* ------------------------------------------------------------------ what is shown at the end */

static void add_held_out(const train_run *run, const cli_call *call, base_text *out) {
    char count[32];
    if (run->held_out.n_folds == 0) return;
    base_text_printf(out, "\n%s held-out sounds, tested by the network of every fold\n",
                     base_thousands(run->facts.n_held_out, count));
    cli_table_folds(&run->held_out, "fold", call->columns, out);
    if (run->model.n_folds > 0) {
        base_text_printf(out, "model.h5: accuracy %.3f, balanced %.3f\n",
                         run->model.pooled.accuracy, run->model.pooled.balanced);
    }
    base_text_add(out, "\n");
    cli_table_classes(&run->held_out.pooled, run->facts.classes, call->columns, out);
    base_text_add(out, "\n");
    cli_table_confusion(&run->held_out.pooled, run->facts.classes, call, out);
}

static void add_results(const train_run *run, const cli_call *call, base_text *out) {
    base_text_add(out, "\n");
    cli_table_folds(&run->main, "fold", call->columns, out);
    if (run->compare.n_folds == 1) {
        base_text_printf(out, "%s held out instead: %.3f, balanced %.3f\n", run->facts.compared_by,
                         run->compare.accuracy.mean, run->compare.balanced.mean);
    } else if (run->compare.n_folds > 1) {
        base_text_printf(
            out, "%s held out instead: %.3f ± %.3f   (95 %%: %.3f – %.3f), balanced %.3f\n",
            run->facts.compared_by, run->compare.accuracy.mean, run->compare.accuracy.deviation,
            run->compare.accuracy.low, run->compare.accuracy.high, run->compare.balanced.mean);
    }
    base_text_add(out, "\n");
    cli_table_classes(&run->main.pooled, run->facts.classes, call->columns, out);
    base_text_add(out, "\n");
    cli_table_confusion(&run->main.pooled, run->facts.classes, call, out);
    base_text_add(out, "\nmost confident mistakes\n");
    cli_table_mistakes(&run->main.predictions, 5, out);
    add_held_out(run, call, out);
    cli_add_name("\nreport   ", run->folder, "/report.html\n", out);
    if (!run->has_model) return;
    cli_add_name("model    ", run->folder, "/model.h5\n", out);
    cli_add_name("next     rimshot classify ", run->folder, "/model.h5 FOLDER\n", out);
}

static base_status add_tables(const cli_call *call, const char *folder, base_text *out,
                              base_error *err) {
    train_run run;
    BASE_TRY(train_run_read(folder, &run, err));
    add_results(&run, call, out);
    train_run_release(&run);
    return BASE_OK;
}

static int show_results(cli_call *call, const char *folder) {
    if (cli_given(call, "events")) return CLI_OK;
    if (call->json) return cli_print_summary(call, folder);
    base_error err;
    base_text out = {0};
    base_status status = add_tables(call, folder, &out, &err);
    int code = status == BASE_OK ? cli_print(&out) : cli_fail(&err);
    base_text_release(&out);
    return code;
}

/* Tells how to go on, as a line for the shell. */
static void show_stop(const cli_call *call, const train_view *view) {
    base_text line = {0};
    base_text_printf(&line, "stopped%s%s", view->where[0] ? " after " : "", view->where);
    base_text_printf(&line, "; %s with: ", view->began ? "go on" : "start again");
    cli_add_again(call, &line);
    if (view->began) base_text_add(&line, " --resume");
    fprintf(stderr, "%s\n", base_text_string(&line));
    base_text_release(&line);
}

/* The run itself; of several ranks rank 0 alone shows anything. */
static int run_in_job(train_view *view, train_experiment_options *options) {
    cli_call *call = (cli_call *)view->call;
    base_error err;
    train_config config;
    base_status status = train_config_read(call->arguments[0], call->arguments + 1,
                                           call->n_arguments - 1, &config, &err);
    bool was_read = status == BASE_OK;
    status = base_ranks_agree(view->job.ranks, status, &err);
    if (status == BASE_OK) {
        options->folder = cli_training_folder(call, config.name);
        status = options->folder != NULL ? train_experiment_run(&config, options, &err)
                                         : base_fail(&err, BASE_EMEMORY, "out of memory");
    }
    cli_progress_clear(&view->progress);
    if (was_read) train_config_release(&config);
    if (!cli_job_speaks(&view->job)) return CLI_OK;
    if (status == BASE_ESTOPPED) show_stop(call, view);
    return status == BASE_OK ? show_results(call, options->folder) : cli_fail(&err);
}

static int run_train(cli_call *call) {
    if (cli_given(call, "resume") && cli_given(call, "overwrite")) {
        return cli_usage("--resume and --overwrite exclude each other");
    }
    cli_events events = {0};
    train_view view = {.progress = {.call = call}, .call = call};
    if (cli_given(call, "events")) view.events = &events;
    train_experiment_options options = {.resume = cli_given(call, "resume"),
                                        .overwrite = cli_given(call, "overwrite"),
                                        .listener = on_event,
                                        .listener_context = &view,
                                        .report = train_report_write};
    if (!cli_training_options(call, &view.progress, &options)) return CLI_USAGE;
    view.parallel_folds = options.parallel_folds;
    int code = cli_job_begin(&view.job, call, &options);
    if (code == CLI_OK) code = run_in_job(&view, &options);
    cli_job_end(&view.job);
    return code;
}

static const cli_flag flags[] = {
    {"out", "DIR", "run folder (default: runs/NAME)"},
    {"resume", NULL, "continue a run that was stopped, to the same bits"},
    {"overwrite", NULL, "start afresh in an existing run folder"},
    CLI_FLAGS_PARALLEL,
    CLI_FLAG_DATA_PARALLEL,
    CLI_FLAG_KEEP_GOING,
    {"verbose", NULL, "a line for every epoch on a terminal, too"},
    {"json", NULL, "summary.json in place of the tables, for programs"},
    {"events", NULL, "a line of JSON for everything that happens in place of the tables"},
    {0},
};

const cli_command cli_train = {
    .name = "train",
    .arguments = "CONFIG [KEY=VALUE ...]",
    .summary = "run an experiment: k-fold training, evaluation, report, final model",
    .description =
        "Reads the YAML file CONFIG, applies the overrides (train.epochs=5, "
        "features.n_mels=128) in order, and runs the whole experiment into a run "
        "folder: the resolved configuration, manifest and folds, checkpoints, "
        "predictions and curves of every fold, summary.json, report.html with its "
        "pictures, and model.h5.\n\n"
        "Killed at any moment and resumed, with any number of threads, a run ends with "
        "the same bits. Ctrl-C stops it at the next batch; a resumed run goes on from "
        "the last finished epoch.\n\n"
        "--resume with a larger train.epochs extends a run to the bits that so many "
        "epochs from the start would have given. That needs a schedule which does not "
        "depend on where the training ends: constant, step, exponential or plateau.\n\n"
        "--parallel-folds shares the threads among several folds: small networks, "
        "whose steps give many threads too little to do, train faster. There "
        "are never more folds at a time than threads, nor more than the planned "
        "memory allows.\n\n"
        "mpirun -n N rimshot train CONFIG deals the trainings (folds, second set of folds, "
        "final model) to N processes, on one machine or several that share the run "
        "folder; with --data-parallel K each is shared by K of them. The bits stay the "
        "same; docs/cluster.md tells more.\n\n"
        "A sound that cannot be read (a disk that fails, too many open files) ends the "
        "run, which would be another one without it; --keep-going leaves it out.\n\n"
        "--events is for programs that follow a run; docs/formats.md describes its "
        "lines. If nobody reads them any more, the run stops as at Ctrl-C.\n\n"
        "All keys: rimshot help config.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_train,
};
