/* What the page says of one pair of runs. */
#include <math.h>
#include <stdio.h>

#include "train/report/compare.h"
#include "train/report/html.h"

enum { N_SHOWN = 100 }; /* clips of a pair; a page of players must stay usable */
typedef char number[TRAIN_HTML_NUMBER];

/* ---- differences ---- */

void train_compare_add_whisker(base_text *page, const train_paired *d, double reach) {
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

void train_compare_add_cells(base_text *page, const train_paired *d) {
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

double train_compare_reach(const train_paired *result, double reach) {
    return fmax(reach, fmax(fabs(result->difference), fmax(fabs(result->low), fabs(result->high))));
}

/* A part of the page that opens and closes; open from the beginning where there is one pair. */
static void begin_part(base_text *page, const train_compared *c, int i, const char *what) {
    base_text_printf(page, "<details%s><summary>%s: ", c->n_runs == 2 ? " open" : "", what);
    base_text_add_html(page, c->runs[i].facts.name);
    base_text_add(page, " against ");
    base_text_add_html(page, c->runs[0].facts.name);
    base_text_add(page, "</summary>\n");
}

/* ---- classes ---- */

static void add_class(base_text *page, const train_class_comparison *class, double reach) {
    number text;
    base_text_add(page, "<tr>");
    train_html_text_cell(page, class->name);
    train_html_cell(page, train_html_count(class->n, text));
    for (int r = 0; r < 2; r++) {
        train_html_cell(page, train_html_percent(class->recall[r], text));
    }
    train_compare_add_cells(page, &class->result);
    train_compare_add_whisker(page, &class->result, reach);
    base_text_add(page, "</tr>\n");
}

static void add_classes(base_text *page, const train_compared *c, int i) {
    static const char *const headings[] = {"Class",        "#Clips",  "#Recall of the first",
                                           "#Of this run", "#Points", "#95 % interval",
                                           "#p",           ""};
    const train_pair *pair = &c->pairs[i];
    double reach = 0.01;
    for (int k = 0; k < pair->n_classes; k++) {
        reach = train_compare_reach(&pair->classes[k].result, reach);
    }
    begin_part(page, c, i, "Classes");
    train_html_table_begin(page, headings, sizeof headings / sizeof *headings);
    for (int k = 0; k < pair->n_classes; k++) add_class(page, &pair->classes[k], reach);
    train_html_table_end(page);
    train_html_paragraph(
        page, "note",
        "Recall: the share of a class's clips that are found. Intervals are drawn from "
        "the clips of a class; where few of them differ, go by p, which is exact. "
        "Of twenty classes that do not differ, one has p below 0.05 by chance.");
    base_text_add(page, "</details>\n");
}

/* ---- clips ---- */

static void add_answer(base_text *page, const train_run *run, int64_t clip, bool right) {
    const train_predictions *p = &run->main.predictions;
    number text;
    base_text_add(page, right ? "<td><b>" : "<td>");
    base_text_add_html(page, run->facts.classes[train_predicted(p, clip)]);
    base_text_printf(page, "%s <span class=\"note\">%s</span></td>", right ? "</b>" : "",
                     train_html_percent(train_confidence(p, clip), text));
}

static base_status add_clip(base_text *page, const train_run *const runs[2],
                            const train_disagreement *d, const train_sounds *sounds,
                            base_error *err) {
    const train_predictions *p = &runs[0]->main.predictions;
    base_text_add(page, "<tr>");
    train_html_file_cell(page, p->clip[d->clip[0]].path);
    train_html_text_cell(page, runs[0]->facts.classes[p->truth[d->clip[0]]]);
    for (int r = 0; r < 2; r++) add_answer(page, runs[r], d->clip[r], d->right[r]);
    BASE_TRY(train_html_player_cell(page, runs[0], d->clip[0], sounds, err));
    base_text_add(page, "</tr>\n");
    return BASE_OK;
}

static void count_clips(base_text *page, const train_pair *pair) {
    number all, first, second, neither;
    base_text_printf(
        page,
        "<p>They take %s clips for different classes: %s are right in the first run alone, %s in "
        "this one alone, %s in neither.</p>\n",
        train_html_count(pair->n_disagreements, all), train_html_count(pair->n_only[0], first),
        train_html_count(pair->n_only[1], second),
        train_html_count(pair->n_disagreements - pair->n_only[0] - pair->n_only[1], neither));
    if (pair->n_disagreements > N_SHOWN) {
        base_text_printf(page, "<p class=\"note\">The surest %d of them:</p>\n", N_SHOWN);
    }
}

static base_status add_clips(base_text *page, const train_compared *c, int i,
                             const train_sounds *sounds, base_error *err) {
    static const char *const headings[] = {"File", "Truth", "The first run says", "This run says",
                                           "Sound"};
    const train_pair *pair = &c->pairs[i];
    const train_run *const runs[] = {&c->runs[0], &c->runs[i]};
    if (!pair->all.paired) return BASE_OK;
    begin_part(page, c, i, "Clips");
    count_clips(page, pair);
    train_html_table_begin(page, headings, sounds != NULL ? 5 : 4);
    for (int64_t k = 0; k < pair->n_disagreements && k < N_SHOWN; k++) {
        BASE_TRY(add_clip(page, runs, &pair->disagreements[k], sounds, err));
    }
    train_html_table_end(page);
    base_text_add(page, "</details>\n");
    return BASE_OK;
}

base_status train_compare_add_pair(base_text *page, const train_compared *compared, int run,
                                   const train_sounds *sounds, base_error *err) {
    add_classes(page, compared, run);
    return add_clips(page, compared, run, sounds, err);
}
