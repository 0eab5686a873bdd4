#include <string.h>

#include "cli/sounds.h"
#include "cli/training.h"
#include "train/report/compare.h"

enum { MAX_RUNS = 32 };

/* The sounds of a page; *sounds NULL without --audio. False, with a message printed, if that says
 * neither link nor copy. */
static bool find_sounds(cli_call *call, const char *page, cli_sounds **sounds, base_status *status,
                        base_error *err) {
    const char *how = cli_text(call, "audio");
    *sounds = NULL;
    if (how == NULL) return true;
    bool copy = strcmp(how, "copy") == 0;
    if (!copy && strcmp(how, "link") != 0) {
        cli_usage("--audio %s: link or copy", how);
        return false;
    }
    *status = cli_sounds_new(call, page, copy, sounds, err);
    return true;
}

static int print_page(const cli_call *call) {
    base_text out = {0};
    if (call->quiet) return CLI_OK;
    cli_add_name("", call->arguments[0], "/report.html\n", &out);
    return cli_print_release(&out);
}

static base_status write_report(const char *folder, cli_sounds *sounds, base_error *err) {
    train_run run;
    BASE_TRY(train_run_read(folder, &run, err));
    base_status status = train_run_write_summary(&run, err);
    if (status == BASE_OK && sounds != NULL) {
        train_sounds found = cli_sounds_of_page(sounds);
        status = train_report_write_with(&run, &found, err);
    } else if (status == BASE_OK) {
        status = train_report_write(&run, err);
    }
    train_run_release(&run);
    return status;
}

static int report_one(cli_call *call) {
    base_error err;
    base_status status = BASE_OK;
    cli_sounds *sounds;
    const char *page = base_path_join(&call->arena, call->arguments[0], "report.html");
    if (page == NULL) status = base_fail(&err, BASE_EMEMORY, "report: out of memory");
    if (status == BASE_OK && !find_sounds(call, page, &sounds, &status, &err)) return CLI_USAGE;
    if (status == BASE_OK) {
        status = write_report(call->arguments[0], sounds, &err);
        cli_sounds_free(sounds);
    }
    if (status != BASE_OK) return cli_fail(&err);
    return call->json ? cli_print_summary(call, call->arguments[0]) : print_page(call);
}

/* "b against a: accuracy +0.0120   (95 %: +0.0040 – +0.0210; paired over clips, p 0.003)" */
static void add_difference(const train_compared *compared, int i, base_text *out) {
    const train_comparison *comparison = &compared->pairs[i].all;
    const train_paired *r = &comparison->result;
    cli_add_name("", compared->runs[i].facts.name, " against ", out);
    base_text_add_shown(out, compared->runs[0].facts.name);
    base_text_printf(out, ": accuracy %+.4f   (95 %%: %+.4f – %+.4f; %s, p %.3g)\n", r->difference,
                     r->low, r->high, comparison->paired ? "paired over clips" : "over folds",
                     r->p_value);
}

/* A value of several lines, such as layers, is on the page alone. */
static void add_values(const train_difference *difference, int n_runs, base_text *out) {
    cli_add_name("  ", difference->key, ": ", out);
    for (int r = 0; r < n_runs; r++) {
        const char *value = difference->values[r];
        bool fits = value != NULL && strchr(value, '\n') == NULL && strlen(value) <= 40;
        base_text_add(out, r > 0 ? " | " : "");
        base_text_add_shown(out, value == NULL ? "-" : fits ? value : "...");
    }
    base_text_add(out, "\n");
}

static void describe(const train_compared *compared, const char *path, base_text *out) {
    if (compared->n_differences > 0) base_text_add(out, "what differs:\n");
    for (int64_t d = 0; d < compared->n_differences; d++) {
        add_values(&compared->differences[d], compared->n_runs, out);
    }
    for (int i = 1; i < compared->n_runs; i++) add_difference(compared, i, out);
    cli_add_name("", path, "\n", out);
}

static base_status compare(cli_call *call, const train_run *runs, const char *path,
                           cli_sounds *sounds, base_text *out, base_error *err) {
    train_compared compared;
    train_sounds found;
    if (sounds != NULL) found = cli_sounds_of_page(sounds);
    BASE_TRY(train_compare_all(runs, call->n_arguments, &call->arena, &compared, err));
    BASE_TRY(train_report_compare(&compared, path, sounds != NULL ? &found : NULL, err));
    if (call->json) {
        train_compared_add_json(&compared, out);
    } else if (!call->quiet) {
        describe(&compared, path, out);
    }
    return BASE_OK;
}

static int report_several(cli_call *call, const char *path) {
    base_error err;
    train_run runs[MAX_RUNS];
    base_text out = {0};
    base_status status = BASE_OK;
    cli_sounds *sounds;
    int n = 0;
    if (!find_sounds(call, path, &sounds, &status, &err)) return CLI_USAGE;
    while (status == BASE_OK && n < call->n_arguments) {
        status = train_run_read(call->arguments[n], &runs[n], &err);
        n += status == BASE_OK;
    }
    if (status == BASE_OK) status = compare(call, runs, path, sounds, &out, &err);
    cli_sounds_free(sounds);
    for (int i = 0; i < n; i++) train_run_release(&runs[i]);
    int code = status == BASE_OK ? cli_print(&out) : cli_fail(&err);
    base_text_release(&out);
    return code;
}

static int run_report(cli_call *call) {
    if (call->n_arguments == 1 && !cli_given(call, "out")) return report_one(call);
    if (call->n_arguments > MAX_RUNS) return cli_usage("at most %d runs on one page", MAX_RUNS);
    const char *path = cli_text(call, "out");
    return report_several(call, path != NULL ? path : "comparison.html");
}

static const cli_flag flags[] = {
    {"out", "FILE", "page for several runs (default: comparison.html)"},
    {"audio", "HOW",
     "players for mistakes and disagreements: link to the files of the data set, or copy sounds"},
    CLI_FLAG_JSON,
    {0},
};

const cli_command cli_report = {
    .name = "report",
    .arguments = "RUN...",
    .summary = "make the page of a run, or compare several side by side",
    .description =
        "One run folder: its summary.json, report.html and pictures are made anew from its files. "
        "Several: one page with a table of all, what differs between their configurations, their "
        "curves and, against the first, the difference of accuracy with its 95 % interval, the "
        "same for the recall of each class, and the clips that they take for different classes. "
        "Intervals are paired over clips where both runs tested the same clips, over folds "
        "otherwise. The curves are also beside the page, as PAGE-curves.svg and .png.\n\n"
        "--audio link makes clips playable by links to the files of the data set, as seen from the "
        "page: for files that stay where they are. --audio copy writes them as WAV files into "
        "PAGE-sounds beside the page, sounds that were synthesised or mixed included; page and "
        "folder can then be moved together.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_report,
};
