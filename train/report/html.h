/* train/report/html.h - the pieces a page is made of.
 *
 * Text arguments are escaped here unless they are named `html`. */
#ifndef TRAIN_REPORT_HTML_H
#define TRAIN_REPORT_HTML_H

#include "train/report/sounds.h"

#define HTML_DASH "–"

void train_html_begin(base_text *page, const char *title);
void train_html_end(base_text *page, const char *version);
void train_html_section(base_text *page, const char *title);
void train_html_paragraph(base_text *page, const char *css_class, const char *text);

/* Tables scroll sideways where they do not fit. A heading that starts with '#' is a column of
 * numbers, aligned right. */
void train_html_table_begin(base_text *page, const char *const *headings, int n);
void train_html_table_end(base_text *page);

/* Headings that are gathered one by one. All zeros: none. */
typedef struct {
    const char *items[TRAIN_MAX_METRICS + 16];
    int n;
    char of_metric[TRAIN_MAX_METRICS][33];
} train_html_headings;
void train_html_add_heading(train_html_headings *headings, const char *heading);
void train_html_add_metrics(train_html_headings *headings); /* one for each of train/metrics.h */
void train_html_text_cell(base_text *page, const char *text);
void train_html_cell(base_text *page, const char *html); /* a column of numbers */
void train_html_bar_cell(base_text *page, double share); /* a bar and its percentage */
/* The last two parts of the path: the folder, often the kit, and the name. */
void train_html_file_cell(base_text *page, const char *path);
/* A player of the run's clip; a dash where there is nothing to play; no cell if `sounds` is NULL.
 */
base_status train_html_player_cell(base_text *page, const train_run *run, int64_t clip,
                                   const train_sounds *sounds, base_error *err);

/* Formatted numbers, in *text[64], for a page: "90.5 %", "0.331", an en dash where not finite. */
enum { TRAIN_HTML_NUMBER = 64 };
const char *train_html_percent(double share, char text[TRAIN_HTML_NUMBER]);
const char *train_html_decimal(double value, char text[TRAIN_HTML_NUMBER]);
const char *train_html_metric(int metric, double value, char text[TRAIN_HTML_NUMBER]); /* either */
const char *train_html_count(int64_t value, char text[TRAIN_HTML_NUMBER]);

/* The SVG file folder/name.svg inlined, at least min_width_px wide even where it must scroll. */
typedef struct {
    const char *folder, *name, *description;
    int min_width_px;
} train_html_picture;
base_status train_html_figure(base_text *page, const train_html_picture *picture, base_error *err);

#endif
