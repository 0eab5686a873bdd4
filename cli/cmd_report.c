#include "cli/training.h"
#include "train/report/report.h"

enum { MAX_RUNS = 32 };

static int print_page(const cli_call *call) {
    base_text out = {0};
    if (call->quiet) return CLI_OK;
    cli_add_name("", call->arguments[0], "/report.html\n", &out);
    return cli_print_release(&out);
}

static int report_one(cli_call *call) {
    base_error err;
    train_run run;
    if (train_run_read(call->arguments[0], &run, &err) != BASE_OK) return cli_fail(&err);
    base_status status = train_run_write_summary(&run, &err);
    if (status == BASE_OK) status = train_report_write(&run, &err);
    train_run_release(&run);
    if (status != BASE_OK) return cli_fail(&err);
    return call->json ? cli_print_summary(call, call->arguments[0]) : print_page(call);
}

/* "b - a: +0.012 (95 %: 0.004 – 0.021; paired over clips, p 0.003)" */
static base_status add_difference(const train_run *first, const train_run *other, base_text *out,
                                  base_error *err) {
    train_comparison comparison;
    BASE_TRY(train_compare(first, other, &comparison, err));
    const train_paired *r = &comparison.result;
    cli_add_name("", other->facts.name, " against ", out);
    base_text_add_shown(out, first->facts.name);
    base_text_printf(out, ": accuracy %+.4f   (95 %%: %+.4f – %+.4f; %s, p %.3g)\n", r->difference,
                     r->low, r->high, comparison.paired ? "paired over clips" : "over folds",
                     r->p_value);
    return BASE_OK;
}

static base_status compare(const train_run *runs, int n, const char *path, base_text *out,
                           base_error *err) {
    for (int i = 1; i < n; i++) BASE_TRY(add_difference(&runs[0], &runs[i], out, err));
    return train_report_compare(runs, n, path, err);
}

static int report_several(cli_call *call, const char *path) {
    base_error err;
    train_run runs[MAX_RUNS];
    base_text out = {0};
    base_status status = BASE_OK;
    int n = 0;
    while (status == BASE_OK && n < call->n_arguments) {
        status = train_run_read(call->arguments[n], &runs[n], &err);
        n += status == BASE_OK;
    }
    if (status == BASE_OK) status = compare(runs, n, path, &out, &err);
    for (int i = 0; i < n; i++) train_run_release(&runs[i]);
    if (!call->quiet) cli_add_name("", path, "\n", &out);
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
    CLI_FLAG_JSON,
    {0},
};

const cli_command cli_report = {
    .name = "report",
    .arguments = "RUN...",
    .summary = "make the page of a run, or compare several side by side",
    .description =
        "One run folder: its summary.json, report.html and pictures are made anew from its files. "
        "Several: one page with a table of all and, against the first, the difference of accuracy "
        "with its 95 % interval: paired over clips where both runs tested the same clips, over "
        "folds otherwise.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_report,
};
