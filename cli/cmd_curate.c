#include <stdio.h>
#include <string.h>

#include "cli/tables.h"
#include "cli/training.h"
#include "train/study/curate.h"

typedef struct {
    cli_call *call;
    cli_progress progress;
    train_curate curate;
    int64_t rounds;
    train_experiment_options run; /* of every round */
    bool opened;                  /* the folder is there: what was begun can be resumed */
} curate_view;

/* ------------------------------------------------------------------ what is shown while it runs */

/* "round 1/3", with which all lines about a round begin. */
static const char *round_label(const curate_view *view, char label[32]) {
    snprintf(label, 32, "round %d/%lld", view->curate.n_done, (long long)view->rounds);
    return label;
}

static void show_facts(curate_view *view, const train_facts *facts) {
    char label[32], a[32], b[32];
    cli_progress_line(&view->progress, "%s  %s clips to train on, %s to test with",
                      round_label(view, label), base_thousands(facts->n_clips, a),
                      base_thousands(facts->n_held_out, b));
}

static bool on_event(void *context, const train_event *event) {
    curate_view *view = context;
    char label[32];
    switch (event->kind) {
    case TRAIN_EVENT_DATA:
        show_facts(view, event->facts);
        break;
    case TRAIN_EVENT_DECODE:
        cli_progress_data(&view->progress, event->text, event->done, event->total);
        break;
    case TRAIN_EVENT_STEP:
        cli_training_draw(&view->progress, round_label(view, label), "round", event);
        break;
    case TRAIN_EVENT_FOLD:
        cli_progress_line(&view->progress, "%s  %s %d/%d  accuracy %.4f  held out %.4f",
                          round_label(view, label), event->stage, event->fold, event->n_folds,
                          event->metrics->accuracy, event->held_out->accuracy);
        break;
    default:
        break;
    }
    return !cli_stopped();
}

/* "round 1/3  1,200 of 2,746 sounds proposed: kick 400, snare 800; 3 labels by a person" */
static void show_proposals(curate_view *view, const train_curate_proposals *proposals) {
    base_text list = {0};
    char label[32], a[32], b[32];
    const char *mark = ": ";
    for (int c = 0; c < view->curate.n_classes; c++) {
        if (proposals->new_counts[c] == 0) continue;
        base_text_add(&list, mark);
        base_text_add_shown(&list, view->curate.classes[c]);
        base_text_printf(&list, " %s", base_thousands(proposals->new_counts[c], a));
        mark = ", ";
    }
    int64_t n_labels = proposals->n_person + proposals->n_never;
    if (n_labels > 0) {
        base_text_printf(&list, "; %s labels by a person", base_thousands(n_labels, a));
    }
    cli_progress_line(&view->progress, "%s  %s of %s sounds proposed%s", round_label(view, label),
                      base_thousands(proposals->n_new, a), base_thousands(view->curate.n_paths, b),
                      base_text_string(&list));
    base_text_release(&list);
}

/* ------------------------------------------------------------------ what is shown at the end */

static void add_left_out(const train_curate_proposals *p, double confidence, base_text *out) {
    char n[32];
    const struct {
        int64_t n;
        const char *why;
    } rows[] = {{p->n_unheard, "silent or unreadable"},
                {p->n_known, "copies of sounds of the data set"},
                {p->n_copies, "copies of others in the folder"},
                {p->n_beyond, "beyond --per-class"},
                {p->n_never, "never to be used, as a person said"}};
    base_text_printf(out, "\nnot proposed: %s below the confidence of %g",
                     base_thousands(p->n_unsure, n), confidence);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].n == 0) continue;
        base_text_printf(out, ", %s %s", base_thousands(rows[i].n, n), rows[i].why);
    }
    base_text_add(out, "\n");
}

/* Of a dry run: how many of each class, and how sure the model is at least. */
static void add_proposals(const curate_view *view, const train_curate_proposals *p,
                          base_text *out) {
    const train_curate *curate = &view->curate;
    char n[32];
    int width = cli_widest(curate->classes, curate->n_classes, 5);
    cli_pad(out, "class", width, false);
    base_text_add(out, "    clips  lowest confidence\n");
    for (int c = 0; c < curate->n_classes; c++) {
        cli_pad(out, curate->classes[c], width, false);
        base_text_printf(out, "  %7s", base_thousands(p->new_counts[c], n));
        if (p->new_counts[c] > 0) base_text_printf(out, "  %17.4f", p->lowest[c]);
        base_text_add(out, "\n");
    }
    cli_pad(out, "all", width, false);
    base_text_printf(out, "  %7s\n", base_thousands(p->n_new, n));
    add_left_out(p, curate->options->confidence, out);
    int64_t n_before = p->record.n - p->n_new - p->n_person;
    if (n_before > 0) {
        base_text_printf(out, "proposed by earlier rounds: %s\n", base_thousands(n_before, n));
    }
    if (p->n_person > 0) {
        base_text_printf(out, "labels by a person: %s\n", base_thousands(p->n_person, n));
    }
    cli_add_name("\nall      ", curate->options->out, "/proposals.csv\n", out);
    cli_add_name("next     labels of yours into ",
                 curate->options->labels != NULL ? curate->options->labels
                                                 : "labels.csv beside it (path,label)",
                 ", then the same call with --resume and without --dry-run\n", out);
}

enum { INTERVAL = 21 }; /* columns that one takes */

/* "71.2 (64.3 – 77.6)"; with_sign: a difference. */
static void add_interval(base_text *out, double value, double low, double high, bool with_sign) {
    char text[64];
    snprintf(text, sizeof text, with_sign ? "%+.1f (%+.1f – %+.1f)" : "%.1f (%.1f – %.1f)",
             100 * value, 100 * low, 100 * high);
    base_text_add(out, "  ");
    cli_pad(out, text, INTERVAL, true);
}

static void add_round(const train_curate_results *results, int round, base_text *out) {
    const train_curate_result *r = &results->rounds[round];
    const train_curate_figure *g = &r->balanced_gain;
    char a[32], b[32];
    base_text_printf(out, "%5d  %8s  %7s", round, base_thousands(r->n_new, a),
                     base_thousands(r->n_in_use, b));
    add_interval(out, r->accuracy.value, r->accuracy.low, r->accuracy.high, false);
    add_interval(out, r->balanced.value, r->balanced.low, r->balanced.high, false);
    if (round > 0) {
        add_interval(out, r->against.difference, r->against.low, r->against.high, true);
        base_text_printf(out, "  %6.3f", r->against.p_value);
        add_interval(out, g->value, g->low, g->high, true);
        if (r->n_checked > 0) {
            base_text_printf(out, "  %s of %s", base_thousands(r->n_right, a),
                             base_thousands(r->n_checked, b));
        }
    }
    base_text_add(out, "\n");
}

static void add_headings(const train_curate_results *results, base_text *out) {
    static const struct {
        const char *text;
        int width;
    } columns[] = {{"accuracy %", INTERVAL},
                   {"balanced %", INTERVAL},
                   {"gain", INTERVAL},
                   {"p", 6},
                   {"gain, balanced", INTERVAL}};
    base_text_add(out, "round  proposed   in use");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        base_text_add(out, "  ");
        cli_pad(out, columns[i].text, columns[i].width, true);
    }
    base_text_add(out, results->has_truth ? "  proposed right\n" : "\n");
}

static void add_results(const train_curate_results *results, int columns, base_text *out) {
    const train_curate *curate = results->curate;
    size_t begin = out->size;
    add_headings(results, out);
    for (int r = 0; r < results->n_rounds; r++) add_round(results, r, out);
    cli_fit_table(out, begin, 5, columns);
    base_text_add(out, "In parentheses 95 % intervals; gain: points above round 0.\n");
    base_text_add(out, results->n_rounds > 1 ? "\n" : "");
    train_curate_verdict(results, out);
    cli_add_name(results->n_rounds > 1 ? "\n\nreport   " : "\nreport   ", curate->options->out,
                 "/curate.html   (table: curate.csv)\n", out);
    if (results->n_rounds < 2) return;
    cli_add_name("record   ", curate->options->out, "/proposals.csv\n", out);
    cli_add_name("model    ", curate->options->out, "/round", out);
    base_text_printf(out, "%d/model.h5\n", results->n_rounds - 1);
}

static base_status add_unused(const curate_view *view, base_text *out, base_error *err) {
    int64_t n;
    BASE_TRY(train_curate_unused_labels(&view->curate, &n, err));
    if (n == 0) return BASE_OK;
    base_text_printf(out,
                     "%lld labels by a person came after the last round was begun; one more takes "
                     "them up: --resume --rounds %d\n",
                     (long long)n, view->curate.n_done);
    return BASE_OK;
}

static base_status show_results(const curate_view *view, base_error *err) {
    train_curate_results results;
    base_text out = {0};
    BASE_TRY(train_curate_results_read(&view->curate, &results, err));
    base_status status = train_curate_write(&results, err);
    if (status == BASE_OK) add_results(&results, view->progress.call->columns, &out);
    if (status == BASE_OK) status = add_unused(view, &out, err);
    train_curate_results_release(&results);
    if (status == BASE_OK && cli_print(&out) != CLI_OK) {
        status = base_fail(err, BASE_EIO, "standard output");
    }
    base_text_release(&out);
    return status;
}

/* ------------------------------------------------------------------ the command */

/* False in *more: no sound joins or leaves, so the round would be the one before again. */
static base_status prepare_round(curate_view *view, bool *more, base_error *err) {
    base_arena arena = {0};
    char label[32];
    train_curate_proposals proposals;
    *more = true;
    if (view->curate.n_done == 0) return BASE_OK;
    if (train_curate_is_begun(&view->curate)) {
        cli_progress_line(&view->progress, "%s  goes on with the proposals it was begun with",
                          round_label(view, label));
        return BASE_OK;
    }
    base_status status = train_curate_propose(&view->curate, &arena, &proposals, err);
    cli_progress_clear(&view->progress);
    if (status == BASE_OK) {
        show_proposals(view, &proposals);
        *more = proposals.changed;
        if (*more) status = train_curate_accept(&view->curate, &proposals, err);
    }
    base_arena_release(&arena);
    return status;
}

static base_status run_rounds(curate_view *view, base_error *err) {
    while (view->curate.n_done <= view->rounds) {
        bool more;
        char label[32];
        BASE_TRY(prepare_round(view, &more, err));
        if (!more) {
            cli_progress_line(&view->progress, "%s  is left out: nothing has changed",
                              round_label(view, label));
            break;
        }
        base_status status = train_curate_train(&view->curate, &view->run, err);
        cli_progress_clear(&view->progress);
        BASE_TRY(status);
    }
    cli_progress_line(&view->progress, "%s", "");
    return show_results(view, err);
}

static base_status run_dry(curate_view *view, base_error *err) {
    base_arena arena = {0};
    base_text out = {0};
    train_curate_proposals proposals;
    if (view->curate.n_done == 0 && view->curate.options->model == NULL) {
        return base_fail(err, BASE_EUSAGE,
                         "there is no model yet to propose anything: --rounds 0 trains the first, "
                         "--model names another");
    }
    base_status status = train_curate_propose(&view->curate, &arena, &proposals, err);
    cli_progress_clear(&view->progress);
    if (status == BASE_OK) status = train_curate_show(&view->curate, &proposals, err);
    if (status == BASE_OK) add_proposals(view, &proposals, &out);
    if (status == BASE_OK && cli_print(&out) != CLI_OK) {
        status = base_fail(err, BASE_EIO, "standard output");
    }
    base_text_release(&out);
    base_arena_release(&arena);
    return status;
}

static void show_stop(const curate_view *view) {
    static const char *const flags[] = {"model",     "rounds", "confidence",
                                        "per-class", "labels", "truth"};
    base_text line = {0};
    base_text_printf(&line, "stopped; %s with: ", view->opened ? "go on" : "start again");
    cli_add_again(view->call, &line);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const char *value = cli_text(view->call, flags[i]);
        if (value == NULL) continue;
        base_text_printf(&line, " --%s ", flags[i]);
        cli_add_quoted(value, &line);
    }
    if (view->opened || cli_given(view->call, "resume")) base_text_add(&line, " --resume");
    fprintf(stderr, "%s\n", base_text_string(&line));
    base_text_release(&line);
}

static int run_with(curate_view *view, const train_curate_options *options) {
    base_error err;
    bool dry = cli_given(view->call, "dry-run") || (options->model != NULL && view->rounds == 0);
    base_status status = train_curate_open(options, &view->curate, &err);
    view->opened = status == BASE_OK;
    cli_progress_clear(&view->progress);
    if (status == BASE_OK) status = dry ? run_dry(view, &err) : run_rounds(view, &err);
    cli_progress_clear(&view->progress);
    if (status == BASE_ESTOPPED) show_stop(view);
    train_curate_release(&view->curate);
    return status == BASE_OK ? CLI_OK : cli_fail(&err);
}

/* runs/NAME, NAME being that of the configuration. */
static const char *default_folder(cli_call *call, const train_curate_options *options,
                                  base_error *err) {
    train_config config;
    if (train_config_read(options->config, options->overrides, options->n_overrides, &config,
                          err) != BASE_OK) {
        return NULL;
    }
    const char *folder = cli_training_folder(call, config.name);
    if (folder == NULL) base_fail(err, BASE_EMEMORY, "out of memory");
    train_config_release(&config);
    return folder;
}

static int run_curate(cli_call *call) {
    base_error err;
    curate_view view = {.call = call, .progress = {.call = call}, .rounds = 3};
    view.run = (train_experiment_options){.listener = on_event, .listener_context = &view};
    train_curate_options options = {.config = call->arguments[0],
                                    .overrides = call->arguments + 2,
                                    .n_overrides = call->n_arguments - 2,
                                    .sounds = call->arguments[1],
                                    .out = cli_text(call, "out"),
                                    .model = cli_text(call, "model"),
                                    .labels = cli_text(call, "labels"),
                                    .truth = cli_text(call, "truth"),
                                    .confidence = 0.95,
                                    .resume = cli_given(call, "resume"),
                                    .pool = call->pool,
                                    .progress = cli_progress_data,
                                    .progress_context = &view.progress};
    if (!cli_int(call, "rounds", 0, 1000, &view.rounds) ||
        !cli_number(call, "confidence", 0, 1, &options.confidence) ||
        !cli_int(call, "per-class", 1, INT32_MAX, &options.per_class) ||
        !cli_training_options(call, &view.progress, &view.run)) {
        return CLI_USAGE;
    }
    options.unread = view.run.unread;
    options.unread_context = view.run.unread_context;
    if (options.out == NULL) options.out = default_folder(call, &options, &err);
    return options.out != NULL ? run_with(&view, &options) : cli_fail(&err);
}

static const cli_flag flags[] = {
    {"out", "DIR", "folder of the rounds (default: runs/NAME)"},
    {"model", "MODEL", "a model of these classes as round 0, in place of a training"},
    {"rounds", "N", "rounds after round 0 (default 3)"},
    {"confidence", "P", "propose sounds from this probability on (default 0.95)"},
    {"per-class", "N", "at most N new sounds per class and round, the surest (default: any)"},
    {"labels", "FILE", "labels given by a person (default: DIR/labels.csv, if it is there)"},
    {"truth", "FILE", "path,label of the sounds, for experiments: counts what was proposed right"},
    {"dry-run", NULL, "train nothing: write what the next round would add, for you to look at"},
    {"resume", NULL, "go on with what is in DIR, to the same bits"},
    CLI_FLAGS_PARALLEL,
    CLI_FLAG_KEEP_GOING,
    {0},
};

const cli_command cli_curate = {
    .name = "curate",
    .arguments = "CONFIG FOLDER [KEY=VALUE ...]",
    .summary =
        "let a model label a folder of sounds, and train the next one on those it is sure of",
    .description =
        "Round 0 is the run of CONFIG as it is. In each further round the last round's model "
        "listens to the sounds below FOLDER; those of which it is sure join the training data "
        "with the class it gave, the network is trained afresh, and its model.h5 is tested. All "
        "rounds are tested on the same sounds, so CONFIG needs a source with `use: test`. Exact "
        "copies of sounds of the data set, above all of those to test with, are never added, "
        "and copies in FOLDER count once.\n\n"
        "DIR/proposals.csv tells of every added sound which round and model proposed it and how "
        "sure it was. DIR/labels.csv (path,label) is yours: its labels are used as they are and "
        "win against any proposal; the label - keeps a sound out for good. Write it whenever you "
        "like, for instance after `--dry-run` or `--rounds 1`, and go on with --resume; a round "
        "takes up what is there when it begins.\n\n"
        "At the end a table shows for each round accuracy and balanced accuracy on the test set "
        "with 95 % intervals, and the difference to round 0, paired over the clips. Where its "
        "interval includes zero, no gain is shown. The table is written as curate.csv and "
        "curate.html; each round is an ordinary run in DIR/round0, DIR/round1 and so on.\n\n"
        "Killed at any moment and resumed, the folder ends with the same bytes. "
        "configs/systems/s0-curate.yaml is an example.",
    .flags = flags,
    .min_arguments = 2,
    .max_arguments = -1,
    .run = run_curate,
};
