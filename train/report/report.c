#include "train/report/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/report/plot.h"
#include "train/report/html.h"

enum { N_MISTAKES = 20 };
typedef char number[TRAIN_HTML_NUMBER];

/* ---- the top of the page ---- */

static void add_title(base_text *page, const train_run *run) {
    const train_facts *f = &run->facts;
    number classes, clips, parameters;
    train_html_begin(page, f->name);
    train_html_paragraph(page, "over", "rimshot report");
    base_text_add(page, "<h1>");
    base_text_add_html(page, f->name);
    base_text_printf(page, "</h1>\n<p class=\"lead\">%s classes, %s clips, ",
                     train_html_count(f->n_classes, classes), train_html_count(f->n_clips, clips));
    if (run->main.n_folds > 1) {
        base_text_printf(page, "%d folds", run->main.n_folds);
    } else {
        base_text_add(page, "one part held out");
    }
    if (f->grouped_by[0] != '\0') {
        base_text_add(page, " grouped by ");
        base_text_add_html(page, f->grouped_by);
    }
    base_text_add(page, "; ");
    base_text_add_html(page, f->network[0] != '\0' ? f->network : "a network");
    base_text_printf(page, " with %s parameters.</p>\n", train_html_count(f->n_param, parameters));
}

static void add_figure(base_text *page, int metric, const train_fold_set *set) {
    number mean, deviation, low, high;
    char heading[32];
    const train_interval *interval = &set->interval[metric];
    base_text_printf(page, "<div%s><dt>%s</dt><dd>%s", metric == 0 ? " class=\"first\"" : "",
                     train_metric_heading(train_metric_at(metric)->full_name, heading),
                     train_html_metric(metric, train_set_figure(set, metric), mean));
    if (set->n_folds > 1 && train_metric_at(metric)->is_pooled) {
        base_text_add(page, "<small>of all clips<br>together</small>");
    } else if (set->n_folds > 1) {
        base_text_printf(page, "<small>± %s<br>95\u202F%%: %s – %s</small>",
                         train_html_metric(metric, interval->deviation, deviation),
                         train_html_metric(metric, interval->low, low),
                         train_html_metric(metric, interval->high, high));
    }
    base_text_add(page, "</dd></div>\n");
}

static void add_figures(base_text *page, const train_fold_set *set) {
    base_text_add(page, "<dl class=\"figures\">\n");
    for (int m = 0; m < train_n_metrics(); m++) add_figure(page, m, set);
    base_text_add(page, "</dl>\n");
}

/* ---- the other way to cut folds ---- */

static void add_pair_row(base_text *page, const train_fold_set *set, const char *css_class) {
    number mean, low, high;
    base_text_add(page, "<span>");
    if (set->grouped_by[0] != '\0') {
        base_text_add(page, "grouped by ");
        base_text_add_html(page, set->grouped_by);
    } else {
        base_text_add(page, "not grouped");
    }
    base_text_printf(page, "</span>\n<span><i class=\"%s\" style=\"width:%.1f%%\"></i><b>%s</b>",
                     css_class, 55 * fmax(set->accuracy.mean, 0.002),
                     train_html_percent(set->accuracy.mean, mean));
    if (set->n_folds > 1) {
        base_text_printf(page, " <small>%s – %s</small>",
                         train_html_percent(set->accuracy.low, low),
                         train_html_percent(set->accuracy.high, high));
    }
    base_text_add(page, "</span>\n");
}

static void add_comparison(base_text *page, const train_run *run) {
    if (run->compare.n_folds == 0) return;
    double gap = 100 * (run->compare.accuracy.mean - run->main.accuracy.mean);
    train_html_section(page, "How the folds are cut matters");
    base_text_add(page, "<div class=\"pair\">\n");
    add_pair_row(page, &run->main, "this");
    add_pair_row(page, &run->compare, "other");
    base_text_add(page, "</div>\n<p>The same training, tested on two kinds of folds. With folds "
                        "grouped by ");
    base_text_add_html(page, run->compare.grouped_by);
    base_text_printf(page,
                     ", whatever shares its group with a test sound is kept out of training, and "
                     "accuracy is %.1f points %s: expect that for material the model has never "
                     "heard.</p>\n",
                     fabs(gap), gap < 0 ? "lower" : "higher");
}

/* ---- folds ---- */

static void add_fold_row(base_text *page, int index, const train_fold *fold) {
    const train_metrics *m = &fold->metrics;
    number text;
    base_text_printf(page, "<tr><td>%d</td>", index + 1);
    train_html_cell(page, train_html_count(m->n, text));
    for (int i = 0; i < train_n_metrics(); i++) {
        train_html_cell(page, train_html_metric(i, m->value[i], text));
    }
    train_html_cell(page, fold->best_epoch > 0 ? train_html_count(fold->best_epoch, text) : "");
    base_text_add(page, "</tr>\n");
}

/* The means over the folds, or their deviations. */
static void add_sum_row(base_text *page, const train_fold_set *set, bool deviations) {
    number text;
    base_text_printf(page, "<tr class=\"sum\"><td>%s</td><td></td>", deviations ? "±" : "mean");
    for (int i = 0; i < train_n_metrics(); i++) {
        const train_interval *of = &set->interval[i];
        train_html_cell(page, train_html_metric(i, deviations ? of->deviation : of->mean, text));
    }
    base_text_add(page, "<td></td></tr>\n");
}

static void add_fold_table(base_text *page, const train_fold_set *set) {
    train_html_headings headings = {0};
    train_html_add_heading(&headings, "Fold");
    train_html_add_heading(&headings, "#Clips");
    train_html_add_metrics(&headings);
    train_html_add_heading(&headings, "#Best epoch");
    train_html_table_begin(page, headings.items, headings.n);
    for (int f = 0; f < set->n_folds; f++) add_fold_row(page, f, &set->folds[f]);
    if (set->n_folds > 1) {
        add_sum_row(page, set, false);
        add_sum_row(page, set, true);
    }
    train_html_table_end(page);
}

static void add_folds(base_text *page, const train_run *run) {
    train_html_section(page, run->main.n_folds > 1 ? "Folds" : "Held-out part");
    add_fold_table(page, &run->main);
    train_html_paragraph(page, "note",
                         strcmp(run->facts.result, "best") == 0
                             ? "Each fold is judged by its best epoch, which was picked on the "
                               "very clips it is tested on: these figures flatter."
                             : "Each fold is judged by its last epoch.");
}

/* ---- classes ---- */

/* The class that most of c's clips were taken for, or -1 when all were right. */
static int most_confused(const train_metrics *m, int c) {
    const int64_t *row = m->confusion + (int64_t)c * m->n_classes;
    int worst = -1;
    for (int p = 0; p < m->n_classes; p++) {
        if (p != c && row[p] > (worst < 0 ? 0 : row[worst])) worst = p;
    }
    return worst;
}

static void add_class_table(base_text *page, const train_metrics *m, const char *const *classes) {
    static const char *const headings[] = {"Class",      "#Clips", "Recall",
                                           "#Precision", "#F1",    "Most often taken for"};
    train_html_table_begin(page, headings, sizeof headings / sizeof *headings);
    for (int c = 0; c < m->n_classes; c++) {
        number text;
        int other = most_confused(m, c);
        base_text_add(page, "<tr>");
        train_html_text_cell(page, classes[c]);
        train_html_cell(page, train_html_count(m->support[c], text));
        train_html_bar_cell(page, m->recall[c]);
        train_html_cell(page, train_html_percent(m->precision[c], text));
        train_html_cell(page, train_html_percent(m->f1[c], text));
        base_text_add(page, "<td>");
        if (other >= 0) {
            base_text_add_html(page, classes[other]);
            base_text_printf(page, " <span class=\"note\">%s×</span>",
                             train_html_count(m->confusion[c * m->n_classes + other], text));
        }
        base_text_add(page, "</td></tr>\n");
    }
    train_html_table_end(page);
}

/* ---- held-out sounds ---- */

static bool has_matrix(const train_run *run) {
    return run->facts.n_classes <= TRAIN_PLOT_MATRIX_CLASSES;
}

static base_status add_matrix(base_text *page, const train_run *run, const char *name,
                              base_error *err) {
    char text[128];
    if (!has_matrix(run)) {
        snprintf(text, sizeof text,
                 "No confusion matrix is drawn of more than %d classes; its numbers are in "
                 "summary.json.",
                 TRAIN_PLOT_MATRIX_CLASSES);
        train_html_paragraph(page, "note", text);
        return BASE_OK;
    }
    train_html_picture matrix = {run->folder, name,
                                 "Confusion matrix; the numbers are also in summary.json",
                                 150 + 26 * run->facts.n_classes};
    return train_html_figure(page, &matrix, err);
}

static void add_model_line(base_text *page, const train_run *run) {
    number accuracy, balanced;
    if (run->model.n_folds == 0) return;
    const train_metrics *m = &run->model.pooled;
    base_text_printf(
        page, "<p>The model that was kept, model.h5, scores %s on them, balanced %s.</p>\n",
        train_html_percent(m->accuracy, accuracy), train_html_percent(m->balanced, balanced));
}

static base_status add_held_out(base_text *page, const train_run *run, base_error *err) {
    number count;
    if (run->held_out.n_folds == 0) return BASE_OK;
    train_html_section(page, "Held-out sounds");
    base_text_printf(page,
                     "<p>%s sounds that no training has heard, nor copies of them, given to the "
                     "network of every fold. Counts below are over all of these networks.</p>\n",
                     train_html_count(run->facts.n_held_out, count));
    add_figures(page, &run->held_out);
    add_model_line(page, run);
    BASE_TRY(add_matrix(page, run, "unseen", err));
    add_class_table(page, &run->held_out.pooled, run->facts.classes);
    add_fold_table(page, &run->held_out);
    return BASE_OK;
}

/* ---- mistakes ---- */

static base_status add_mistake(base_text *page, const train_run *run, int64_t clip,
                               const train_sounds *sounds, base_error *err) {
    const train_predictions *all = &run->main.predictions;
    number text;
    base_text_add(page, "<tr>");
    train_html_file_cell(page, all->clip[clip].path);
    train_html_text_cell(page, run->facts.classes[all->truth[clip]]);
    train_html_text_cell(page, run->facts.classes[train_predicted(all, clip)]);
    train_html_cell(page, train_html_percent(train_confidence(all, clip), text));
    BASE_TRY(train_html_player_cell(page, run, clip, sounds, err));
    base_text_add(page, "</tr>\n");
    return BASE_OK;
}

static base_status add_mistakes(base_text *page, const train_run *run, const train_sounds *sounds,
                                base_error *err) {
    static const char *const headings[] = {"File", "Truth", "Taken for", "#Confidence", "Sound"};
    int64_t rows[N_MISTAKES];
    int64_t n = train_run_mistakes(&run->main.predictions, N_MISTAKES, rows);
    train_html_section(page, "Most confident mistakes");
    if (n == 0) {
        train_html_paragraph(page, "", "None: every clip was classified as labelled.");
        return BASE_OK;
    }
    train_html_paragraph(page, "note",
                         "A good place to look for wrong labels: the network was sure, and the "
                         "label says otherwise.");
    train_html_table_begin(page, headings, sounds != NULL ? 5 : 4);
    for (int64_t i = 0; i < n; i++) BASE_TRY(add_mistake(page, run, rows[i], sounds, err));
    train_html_table_end(page);
    return BASE_OK;
}

/* ---- data, network, configuration ---- */

static void add_fact(base_text *page, const char *what, const char *text) {
    base_text_printf(page, "<dt>%s</dt><dd>", what);
    base_text_add_html(page, text);
    base_text_add(page, "</dd>\n");
}

static void add_count(base_text *page, const char *what, int64_t count) {
    number text;
    add_fact(page, what, train_html_count(count, text));
}

static base_status add_data(base_text *page, const train_run *run, base_error *err) {
    const train_facts *f = &run->facts;
    train_html_section(page, "Data");
    base_text_add(page, "<div class=\"side\">\n<div>\n<dl class=\"facts\">\n");
    add_count(page, "rows in the source", f->n_rows);
    add_count(page, "clips used", f->n_clips);
    if (f->n_held_out > 0) add_count(page, "held-out sounds to test with", f->n_held_out);
    add_count(page, "left out", f->n_left_out);
    add_count(page, "silent among them", f->n_silent);
    add_count(page, "duplicate groups", f->n_duplicate_groups);
    add_count(page, "copies in them", f->n_copies);
    add_count(page, "groups with two labels", f->n_conflicts);
    base_text_add(page, "</dl>\n");
    if (f->n_notes > 0) {
        base_text_add(page, "<ul>\n");
        for (int i = 0; i < f->n_notes; i++) {
            base_text_add(page, "<li>");
            base_text_add_html(page, f->notes[i]);
            base_text_add(page, "</li>\n");
        }
        base_text_add(page, "</ul>\n");
    }
    base_text_add(page, "<p class=\"note\">Every row and what became of it: manifest.csv; who is "
                        "tested where: folds.csv.</p>\n</div>\n");
    BASE_TRY(train_html_figure(
        page, &(train_html_picture){run->folder, "classes", "Clips per class", 300}, err));
    base_text_add(page, "</div>\n");
    return BASE_OK;
}

static void add_network(base_text *page, const train_run *run) {
    const train_facts *f = &run->facts;
    base_text line = {0};
    train_html_section(page, "Network and machine");
    base_text_add(page, "<dl class=\"facts\">\n");
    add_fact(page, "network", f->network[0] != '\0' ? f->network : HTML_DASH);
    add_fact(page, "input", f->input);
    add_count(page, "parameters", f->n_param);
    add_count(page, "multiply-adds per clip", f->macs);
    base_text_printf(&line, "%.1f MiB", (double)f->memory_bytes / (1 << 20));
    add_fact(page, "memory for training", base_text_string(&line));
    add_fact(page, "kernels", f->level);
    add_fact(page, "BLAS", f->blas_kernel);
    add_fact(page, "final model", run->has_model ? "model.h5" : "none");
    base_text_add(page, "</dl>\n<details><summary>Configuration</summary>\n<pre>");
    base_text_add_html_lines(page, run->config);
    base_text_add(page, "</pre></details>\n");
    page->failed |= line.failed;
    base_text_release(&line);
}

/* One epoch, as of a classifier that is fitted, makes no curve. */
static bool has_curves(const train_run *run) {
    for (int i = 0; i < run->main.n_folds; i++) {
        if (run->main.folds[i].n_epochs > 1) return true;
    }
    return false;
}

static base_status draw_pictures(const train_run *run, base_error *err) {
    const train_facts *f = &run->facts;
    const train_plot_matrix main = {&run->main.pooled, f->classes, f->name},
                            held_out = {&run->held_out.pooled, f->classes, f->name};
    const train_plot_counts counts = {f->classes, f->class_counts, f->n_classes};
    if (has_matrix(run)) {
        BASE_TRY(train_plot_confusion(&main, run->folder, "confusion", err));
    }
    if (has_matrix(run) && run->held_out.n_folds > 0) {
        BASE_TRY(train_plot_confusion(&held_out, run->folder, "unseen", err));
    }
    if (has_curves(run)) BASE_TRY(train_plot_curves(&run->main, run->folder, "curves", err));
    BASE_TRY(train_plot_reliability(&run->main, run->folder, "reliability", err));
    return train_plot_classes(&counts, run->folder, "classes", err);
}

static base_status add_learning(base_text *page, const train_run *run, base_error *err) {
    bool curves = has_curves(run);
    train_html_section(page, curves ? "Learning and reliability" : "Reliability");
    base_text_add(page, "<div class=\"side\">\n");
    if (curves) {
        BASE_TRY(train_html_figure(
            page, &(train_html_picture){run->folder, "curves", "Loss and accuracy per epoch", 300},
            err));
    }
    BASE_TRY(train_html_figure(
        page, &(train_html_picture){run->folder, "reliability", "Confidence against accuracy", 300},
        err));
    base_text_add(page, "</div>\n");
    return BASE_OK;
}

static base_status add_page(base_text *page, const train_run *run, const train_sounds *sounds,
                            base_error *err) {
    add_title(page, run);
    add_figures(page, &run->main);
    add_comparison(page, run);
    train_html_section(page, "Confusion");
    BASE_TRY(add_matrix(page, run, "confusion", err));
    train_html_section(page, "Classes");
    add_class_table(page, &run->main.pooled, run->facts.classes);
    add_folds(page, run);
    BASE_TRY(add_held_out(page, run, err));
    BASE_TRY(add_learning(page, run, err));
    BASE_TRY(add_mistakes(page, run, sounds, err));
    BASE_TRY(add_data(page, run, err));
    add_network(page, run);
    train_html_end(page, run->facts.version);
    return BASE_OK;
}

base_status train_report_write_with(const train_run *run, const train_sounds *sounds,
                                    base_error *err) {
    BASE_TRY(draw_pictures(run, err));
    base_text page = {0};
    base_arena arena = {0};
    base_status status = add_page(&page, run, sounds, err);
    if (status == BASE_OK) {
        const char *path = base_path_join(&arena, run->folder, "report.html");
        status = path != NULL ? base_file_write_text(path, &page, err)
                              : base_fail(err, BASE_EMEMORY, "report: out of memory");
    }
    base_text_release(&page);
    base_arena_release(&arena);
    return status;
}

base_status train_report_write(const train_run *run, base_error *err) {
    return train_report_write_with(run, NULL, err);
}
