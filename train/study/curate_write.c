/* The rounds as a table and as a page. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/study/curate_internal.h"
#include "train/report/html.h"

/* ---- what can be said ---- */

/* The last round counts, whatever the others say: the best of several is flattered by the pick. */
void train_curate_verdict(const train_curate_results *results, base_text *out) {
    int last = results->n_rounds - 1;
    if (last < 1) return;
    const train_curate_result *r = &results->rounds[last];
    const train_paired *d = &r->against;
    const char *what = d->low > 0    ? "A gain is shown"
                       : d->high < 0 ? "A loss is shown"
                                     : "No gain shown";
    base_text_printf(out,
                     "%s: on the %lld sounds of the test set round %d is %+.1f points of accuracy "
                     "from round 0, 95 %% interval %+.1f to %+.1f, %s zero (McNemar p %.3g).",
                     what, (long long)r->n_clips, last, 100 * d->difference, 100 * d->low,
                     100 * d->high, d->low <= 0 && d->high >= 0 ? "which includes" : "without",
                     d->p_value);
}

/* ---- curate.csv ---- */

static void add_head(const train_curate *curate, base_text *out) {
    base_text_add(out, "round,proposed,checked,right,in_use,by_person,clips,accuracy,accuracy_low,"
                       "accuracy_high,balanced,balanced_low,balanced_high,difference,"
                       "difference_low,difference_high,p,balanced_difference,"
                       "balanced_difference_low,balanced_difference_high");
    for (int c = 0; c < curate->n_classes; c++) {
        base_text_add(out, ",");
        base_text_add_csv(out, curate->classes[c]);
    }
    base_text_add(out, "\n");
}

static void add_numbers(base_text *out, const double *values, int n) {
    for (int i = 0; i < n; i++) {
        base_text_add(out, ",");
        base_text_add_number(out, values[i]);
    }
}

static void add_row(const train_curate_results *results, int round, base_text *out) {
    const train_curate_result *r = &results->rounds[round];
    const train_curate_figure *a = &r->accuracy, *b = &r->balanced, *g = &r->balanced_gain;
    const train_paired *d = &r->against;
    const double own[] = {a->value, a->low, a->high, b->value, b->low, b->high};
    const double against[] = {d->difference, d->low, d->high, d->p_value,
                              g->value,      g->low, g->high};
    base_text_printf(out, "%d,%lld,", round, (long long)r->n_new);
    if (results->has_truth) base_text_printf(out, "%lld", (long long)r->n_checked);
    base_text_add(out, ",");
    if (results->has_truth) base_text_printf(out, "%lld", (long long)r->n_right);
    base_text_printf(out, ",%lld,%lld,%lld", (long long)r->n_in_use, (long long)r->n_person,
                     (long long)r->n_clips);
    add_numbers(out, own, 6);
    if (round > 0) {
        add_numbers(out, against, 7);
    } else {
        base_text_add(out, ",,,,,,,");
    }
    for (int c = 0; c < results->curate->n_classes; c++) {
        base_text_printf(out, ",%lld", (long long)r->new_counts[c]);
    }
    base_text_add(out, "\n");
}

/* ---- curate.html ---- */

/* "71.2 (64.3 … 77.6)" in percent; with_sign: differences, in points. */
static void add_interval(base_text *page, double value, double low, double high, bool with_sign) {
    const double numbers[] = {value, low, high};
    static const char *const before[] = {"<td class=\"n\"><b>", "</b> (", " … "};
    for (int i = 0; i < 3; i++) {
        base_text_add(page, before[i]);
        base_text_printf(page, with_sign ? "%+.1f" : "%.1f", 100 * numbers[i]);
    }
    base_text_add(page, ")</td>");
}

static void add_count(base_text *page, int64_t count) {
    char text[TRAIN_HTML_NUMBER];
    train_html_cell(page, train_html_count(count, text));
}

/* A round that is a run leads to its report. */
static void add_round_name(const train_curate_results *results, int round, base_text *page) {
    bool is_run = round > 0 || results->curate->options->model == NULL;
    if (is_run) {
        base_text_printf(page,
                         "<tr><td><a style=\"color:var(--accent)\" href=\"round%d/report.html\">"
                         "%d</a></td>",
                         round, round);
    } else {
        base_text_add(page, "<tr><td>0</td>");
    }
}

static void add_truth_cell(const train_curate_result *r, base_text *page) {
    if (r->n_checked == 0) {
        train_html_cell(page, HTML_DASH);
    } else {
        base_text_printf(page, "<td class=\"n\">%lld of %lld</td>", (long long)r->n_right,
                         (long long)r->n_checked);
    }
}

static void add_difference_cells(const train_curate_result *r, int round, base_text *page) {
    const train_curate_figure *g = &r->balanced_gain;
    char text[TRAIN_HTML_NUMBER] = "&lt;\u202F0.001";
    if (round == 0) {
        for (int i = 0; i < 3; i++) train_html_cell(page, HTML_DASH);
        return;
    }
    add_interval(page, r->against.difference, r->against.low, r->against.high, true);
    train_html_cell(
        page, r->against.p_value < 0.001 ? text : train_html_decimal(r->against.p_value, text));
    add_interval(page, g->value, g->low, g->high, true);
}

static void add_rounds(const train_curate_results *results, base_text *page) {
    static const char *const headings[] = {"Round", "#Accuracy %", "#Balanced %",
                                           "#Gain", "#McNemar p",  "#Gain, balanced"};
    train_html_section(page, "Rounds");
    train_html_table_begin(page, headings, sizeof headings / sizeof *headings);
    for (int i = 0; i < results->n_rounds; i++) {
        const train_curate_result *r = &results->rounds[i];
        add_round_name(results, i, page);
        add_interval(page, r->accuracy.value, r->accuracy.low, r->accuracy.high, false);
        add_interval(page, r->balanced.value, r->balanced.low, r->balanced.high, false);
        add_difference_cells(r, i, page);
        base_text_add(page, "</tr>\n");
    }
    train_html_table_end(page);
    train_html_paragraph(page, "note",
                         "Each round's model.h5 on the same test set. Gain: points above round 0. "
                         "In parentheses 95 % bootstrap intervals over the clips, paired for the "
                         "gains.");
}

static void add_heading(base_text *page, const char *text) {
    base_text_add(page, "<th class=\"n\">");
    base_text_add_html(page, text);
    base_text_add(page, "</th>");
}

static void add_proposed(const train_curate_results *results, base_text *page) {
    const train_curate *curate = results->curate;
    train_html_section(page, "Sounds that joined");
    base_text_add(page, "<div class=\"scroll\"><table>\n<thead><tr><th>Round</th>");
    add_heading(page, "In use");
    add_heading(page, "By a person");
    add_heading(page, "Proposed");
    if (results->has_truth) add_heading(page, "Proposed right");
    for (int c = 0; c < curate->n_classes; c++) add_heading(page, curate->classes[c]);
    base_text_add(page, "</tr></thead>\n<tbody>\n");
    for (int i = 1; i < results->n_rounds; i++) {
        const train_curate_result *r = &results->rounds[i];
        base_text_printf(page, "<tr><td>%d</td>", i);
        add_count(page, r->n_in_use);
        add_count(page, r->n_person);
        add_count(page, r->n_new);
        if (results->has_truth) add_truth_cell(r, page);
        for (int c = 0; c < curate->n_classes; c++) add_count(page, r->new_counts[c]);
        base_text_add(page, "</tr>\n");
    }
    train_html_table_end(page);
    train_html_paragraph(page, "note",
                         "In use: sounds of the folder that the round was trained on. Proposed: "
                         "new in this round, and how many of each class. Every sound, with what "
                         "proposed it: proposals.csv.");
}

static void add_page(const train_curate_results *results, base_text *page) {
    const train_curate *curate = results->curate;
    base_text verdict = {0};
    train_html_begin(page, curate->name);
    train_html_paragraph(page, "over", "rimshot curate");
    base_text_add(page, "<h1>");
    base_text_add_html(page, curate->name);
    base_text_add(page, "</h1>\n<p class=\"lead\">");
    base_text_printf(page, "%lld unlabelled sounds in ", (long long)curate->n_paths);
    base_text_add_html(page, curate->sounds);
    base_text_printf(page,
                     "; those of which a round's model is sure (probability %g) join the "
                     "training data of the next.</p>\n",
                     curate->options->confidence);
    train_curate_verdict(results, &verdict);
    if (verdict.size > 0) train_html_paragraph(page, "lead", base_text_string(&verdict));
    page->failed = page->failed || verdict.failed;
    base_text_release(&verdict);
    add_rounds(results, page);
    if (results->n_rounds > 1) add_proposed(results, page);
    train_html_end(page, RIMSHOT_VERSION);
}

/* ---- both ---- */

base_status train_curate_write(const train_curate_results *results, base_error *err) {
    const train_curate *curate = results->curate;
    base_arena arena = {0};
    base_text table = {0}, page = {0};
    const char *csv = base_path_join(&arena, curate->options->out, "curate.csv");
    const char *html = base_path_join(&arena, curate->options->out, "curate.html");
    add_head(curate, &table);
    for (int r = 0; r < results->n_rounds; r++) add_row(results, r, &table);
    add_page(results, &page);
    base_status status = csv != NULL && html != NULL ? base_file_write_text(csv, &table, err)
                                                     : train__curate_no_memory(curate, err);
    if (status == BASE_OK) status = base_file_write_text(html, &page, err);
    base_text_release(&table);
    base_text_release(&page);
    base_arena_release(&arena);
    return status;
}
