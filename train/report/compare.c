#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/report/compare.h"
#include "train/report/html.h"
#include "train/report/plot.h"

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

/* ---- configurations ---- */

static void add_value(base_text *page, const char *value) {
    base_text_add(page, "<td>");
    if (value == NULL) {
        base_text_add(page, HTML_DASH);
    } else if (strchr(value, '\n') == NULL) {
        base_text_add_html(page, value);
    } else {
        base_text_add(page, "<pre>");
        base_text_add_html_lines(page, value);
        base_text_add(page, "</pre>");
    }
    base_text_add(page, "</td>");
}

static base_status add_configs(base_text *page, const train_compared *c, base_arena *arena,
                               base_error *err) {
    const char **headings = base_arena_alloc(arena, (size_t)c->n_runs + 1, sizeof *headings);
    if (headings == NULL) return base_fail(err, BASE_EMEMORY, "report: out of memory");
    train_html_section(page, "What differs");
    if (c->n_differences == 0) {
        train_html_paragraph(page, "", "Nothing: the configurations are the same.");
        return BASE_OK;
    }
    headings[0] = "";
    for (int r = 0; r < c->n_runs; r++) {
        const char *name = c->runs[r].facts.name; /* '#' at its start would align the column */
        headings[r + 1] = name[0] == '#' ? base_arena_printf(arena, " %s", name) : name;
        if (headings[r + 1] == NULL) return base_fail(err, BASE_EMEMORY, "report: out of memory");
    }
    train_html_table_begin(page, headings, c->n_runs + 1);
    for (int64_t d = 0; d < c->n_differences; d++) {
        base_text_add(page, "<tr>");
        train_html_text_cell(page, c->differences[d].key);
        for (int r = 0; r < c->n_runs; r++) add_value(page, c->differences[d].values[r]);
        base_text_add(page, "</tr>\n");
    }
    train_html_table_end(page);
    return BASE_OK;
}

/* ---- accuracy ---- */

static void add_difference(base_text *page, const train_run *run, const train_comparison *c,
                           double reach) {
    number text;
    base_text_add(page, "<tr>");
    add_run_name(page, run);
    train_compare_add_cells(page, &c->result);
    train_compare_add_whisker(page, &c->result, reach);
    if (c->paired) {
        base_text_printf(page, "<td>paired, over %s clips</td>",
                         train_html_count(run->main.predictions.n, text));
    } else {
        base_text_add(page, "<td>over folds: the clips differ</td>");
    }
    base_text_add(page, "</tr>\n");
}

static void add_differences(base_text *page, const train_compared *c) {
    static const char *const headings[] = {"Run", "#Points", "#95 % interval",
                                           "#p",  "",        "Compared"};
    double reach = 0.01;
    for (int i = 1; i < c->n_runs; i++) {
        reach = train_compare_reach(&c->pairs[i].all.result, reach);
    }
    base_text_add(page, "<h2>Accuracy against ");
    base_text_add_html(page, c->runs[0].facts.name);
    base_text_add(page, "</h2>\n");
    train_html_table_begin(page, headings, sizeof headings / sizeof *headings);
    for (int i = 1; i < c->n_runs; i++) {
        add_difference(page, &c->runs[i], &c->pairs[i].all, reach);
    }
    train_html_table_end(page);
    train_html_paragraph(page, "note",
                         "Points to the right of the dashed line: more accurate than the first "
                         "run. Paired: bootstrap over clips, McNemar's exact test. Over folds: "
                         "Welch's t-test.");
}

/* ---- curves ---- */

/* The pictures' folder, and their name: that of the page without its extension, and "-curves". */
static base_status place_picture(const char *path, base_arena *arena, train_html_picture *picture,
                                 base_error *err) {
    const char *name = base_path_name(path), *extension = base_path_extension(path);
    size_t n = strlen(name) - (extension[0] != '\0' ? strlen(extension) + 1 : 0);
    const char *stem = base_arena_copy(arena, name, n);
    *picture = (train_html_picture){.folder = base_path_folder(arena, path),
                                    .description = "Loss and accuracy per epoch of all runs",
                                    .min_width_px = 300};
    if (stem != NULL) picture->name = base_arena_printf(arena, "%s-curves", stem);
    return picture->folder != NULL && picture->name != NULL
               ? BASE_OK
               : base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
}

static base_status add_curves(base_text *page, const train_compared *c, const char *path,
                              base_arena *arena, base_error *err) {
    train_html_picture picture;
    BASE_TRY(place_picture(path, arena, &picture, err));
    BASE_TRY(train_plot_overlay(c->runs, c->n_runs, picture.folder, picture.name, err));
    train_html_section(page, "Learning");
    return train_html_figure(page, &picture, err);
}

static base_status add_page(base_text *page, const train_compared *c, const char *path,
                            const train_sounds *sounds, base_error *err) {
    base_arena arena = {0};
    train_html_begin(page, "Runs side by side");
    train_html_paragraph(page, "over", "rimshot report");
    base_text_add(page, "<h1>Runs side by side</h1>\n");
    add_runs(page, c->runs, c->n_runs);
    base_status status = BASE_OK;
    if (c->n_runs > 1) {
        status = add_configs(page, c, &arena, err);
        add_differences(page, c);
    }
    if (status == BASE_OK) status = add_curves(page, c, path, &arena, err);
    if (c->n_runs > 1) train_html_section(page, "Class by class, clip by clip");
    for (int i = 1; i < c->n_runs && status == BASE_OK; i++) {
        status = train_compare_add_pair(page, c, i, sounds, err);
    }
    train_html_end(page, c->runs[0].facts.version);
    base_arena_release(&arena);
    return status;
}

base_status train_report_compare(const train_compared *compared, const char *path,
                                 const train_sounds *sounds, base_error *err) {
    base_text page = {0};
    base_status status = add_page(&page, compared, path, sounds, err);
    if (status == BASE_OK) status = base_file_write_text(path, &page, err);
    base_text_release(&page);
    return status;
}
