#include <math.h>
#include <stdio.h>

#include "train/report/report.h"
#include "train/report/html.h"

typedef char number[TRAIN_HTML_NUMBER];

static void add_run_name(base_text *page, const train_run *run) {
    base_text_add(page, "<td class=\"file\">");
    base_text_add_html(page, run->facts.name);
    base_text_add(page, "<br><span class=\"note\">");
    base_text_add_html(page, run->folder);
    base_text_add(page, "</span></td>");
}

static void add_run(base_text *page, const train_run *run) {
    const train_fold_set *set = &run->main;
    number text, deviation;
    base_text_add(page, "<tr>");
    add_run_name(page, run);
    train_html_cell(page, train_html_count(set->predictions.n, text));
    base_text_printf(page, "<td class=\"n\">%d</td>", set->n_folds);
    base_text_printf(page, "<td class=\"n\"><b>%s</b>",
                     train_html_percent(set->accuracy.mean, text));
    if (set->n_folds > 1) {
        base_text_printf(page, " ± %s", train_html_percent(set->accuracy.deviation, deviation));
    }
    base_text_add(page, "</td>");
    for (int m = 1; m < train_n_metrics(); m++) {
        train_html_cell(page, train_html_metric(m, train_set_figure(set, m), text));
    }
    const train_fold_set *const others[] = {&run->compare, &run->held_out};
    for (int i = 0; i < 2; i++) {
        double accuracy = others[i]->n_folds > 0 ? others[i]->accuracy.mean : NAN;
        train_html_cell(page, train_html_percent(accuracy, text));
    }
    train_html_cell(page, train_html_count(run->facts.n_param, text));
    base_text_add(page, "</tr>\n");
}

static void add_runs(base_text *page, const train_run *runs, int n_runs) {
    static const char *const before[] = {"Run", "#Clips", "#Folds"}, *const after[] = {
                                                                         "#2nd folds", "#Held out",
                                                                         "#Parameters"};
    train_html_headings headings = {0};
    for (int i = 0; i < 3; i++) train_html_add_heading(&headings, before[i]);
    train_html_add_metrics(&headings);
    for (int i = 0; i < 3; i++) train_html_add_heading(&headings, after[i]);
    train_html_section(page, "Runs");
    train_html_table_begin(page, headings.items, headings.n);
    for (int i = 0; i < n_runs; i++) add_run(page, &runs[i]);
    train_html_table_end(page);
    train_html_paragraph(
        page, "note",
        "2nd folds: accuracy on the second kind of folds, held out: on the held-out "
        "sounds, where the run has them.");
}

/* Difference and interval on a scale shared by all rows; `reach` is its half width. */
static void add_whisker(base_text *page, const train_paired *d, double reach) {
    base_text_add(page,
                  "<td><svg class=\"whisker\" viewBox=\"-103 -8 206 16\" aria-hidden=\"true\">"
                  "<path d=\"M0-8V8\" stroke=\"#9aa1ab\" stroke-dasharray=\"2 2\"/>");
    double scale = 100 / reach;
    if (isfinite(d->low)) {
        base_text_printf(page, "<path d=\"M%.2f 0H%.2f\" stroke=\"#10618e\" stroke-width=\"2\"/>",
                         d->low * scale, d->high * scale);
    }
    base_text_printf(page, "<circle cx=\"%.2f\" r=\"3.5\" fill=\"#10618e\"/></svg></td>",
                     d->difference * scale);
}

static const char *points(double share, number text) {
    snprintf(text, TRAIN_HTML_NUMBER, "%s%.1f", share < 0 ? "\u2212" : "+", 100 * fabs(share));
    return text;
}

static void add_points_cells(base_text *page, const train_paired *d) {
    number low, high, p = "&lt;\u202F0.001";
    base_text_printf(page, "<td class=\"n\"><b>%s</b></td>", points(d->difference, low));
    if (!isfinite(d->low)) {
        train_html_cell(page, HTML_DASH);
        train_html_cell(page, HTML_DASH);
        return;
    }
    base_text_printf(page, "<td class=\"n\">%s … %s</td>", points(d->low, low),
                     points(d->high, high));
    train_html_cell(page, d->p_value < 0.001 ? p : train_html_decimal(d->p_value, p));
}

static void add_difference(base_text *page, const train_run *run, const train_comparison *c,
                           double reach) {
    number text;
    base_text_add(page, "<tr>");
    add_run_name(page, run);
    add_points_cells(page, &c->result);
    add_whisker(page, &c->result, reach);
    if (c->paired) {
        base_text_printf(page, "<td>paired, over %s clips</td>",
                         train_html_count(run->main.predictions.n, text));
    } else {
        base_text_add(page, "<td>over folds: the clips differ</td>");
    }
    base_text_add(page, "</tr>\n");
}

static void add_differences(base_text *page, const train_run *runs, int n_runs,
                            const train_comparison *comparisons) {
    static const char *const headings[] = {"Run", "#Points", "#95 % interval",
                                           "#p",  "",        "Compared"};
    double reach = 0.01;
    for (int i = 1; i < n_runs; i++) {
        const train_paired *d = &comparisons[i].result;
        reach = fmax(reach, fmax(fabs(d->difference), fmax(fabs(d->low), fabs(d->high))));
    }
    base_text_add(page, "<h2>Accuracy against ");
    base_text_add_html(page, runs[0].facts.name);
    base_text_add(page, "</h2>\n");
    train_html_table_begin(page, headings, sizeof headings / sizeof *headings);
    for (int i = 1; i < n_runs; i++) add_difference(page, &runs[i], &comparisons[i], reach);
    train_html_table_end(page);
    train_html_paragraph(page, "note",
                         "Points to the right of the dashed line: more accurate than the first "
                         "run. Paired: bootstrap over clips, McNemar's exact test. Over folds: "
                         "Welch's t-test.");
}

static base_status compare_all(const train_run *runs, int n_runs, train_comparison *comparisons,
                               base_error *err) {
    for (int i = 1; i < n_runs; i++) {
        BASE_TRY(train_compare(&runs[0], &runs[i], &comparisons[i], err));
    }
    return BASE_OK;
}

base_status train_report_compare(const train_run *runs, int n_runs, const char *path,
                                 base_error *err) {
    BASE_CHECK(n_runs >= 1);
    base_arena arena = {0};
    base_text page = {0};
    train_comparison *comparisons = base_arena_alloc(&arena, (size_t)n_runs, sizeof *comparisons);
    base_status status = comparisons != NULL
                             ? compare_all(runs, n_runs, comparisons, err)
                             : base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    if (status == BASE_OK) {
        train_html_begin(&page, "Runs side by side");
        train_html_paragraph(&page, "over", "rimshot report");
        base_text_add(&page, "<h1>Runs side by side</h1>\n");
        add_runs(&page, runs, n_runs);
        if (n_runs > 1) add_differences(&page, runs, n_runs, comparisons);
        train_html_end(&page, runs[0].facts.version);
        status = base_file_write_text(path, &page, err);
    }
    base_text_release(&page);
    base_arena_release(&arena);
    return status;
}
