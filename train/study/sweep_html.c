#include <string.h>

#include "train/report/html.h"
#include "train/study/sweep.h"

static void add_field(base_text *page, const train_sweep_field *field, bool number) {
    base_text_add(page, number ? "<td class=\"n\">" : "<td>");
    base_text_add(page, field->bold ? "<b>" : "");
    base_text_add_html(page, field->text);
    base_text_add(page, field->bold ? "</b></td>" : "</td>");
}

/* A finished cell's first value leads to its report; names of cells need no escapes in a URL. */
static void add_link(base_text *page, const train_sweep_results *results, int cell,
                     const char *text) {
    base_text_printf(page, "<td><a style=\"color:var(--accent)\" href=\"%s/report.html\">",
                     results->sweep->cells[cell].name);
    base_text_add_html(page, text);
    base_text_add(page, "</a></td>");
}

/* With `results`, rows are cells. */
static void add_table(base_text *page, const train_sweep_table *table,
                      const train_sweep_results *results) {
    train_html_table_begin(page, table->headings, table->n_columns);
    for (int r = 0; r < table->n_rows; r++) {
        const train_sweep_field *row = table->fields + (ptrdiff_t)r * table->n_columns;
        bool linked = results != NULL && results->cells[r].finished;
        base_text_add(page, "<tr>");
        if (linked) add_link(page, results, r, row->text);
        for (int c = linked; c < table->n_columns; c++) {
            add_field(page, &row[c], table->headings[c][0] == '#');
        }
        base_text_add(page, "</tr>\n");
    }
    train_html_table_end(page);
}

static void add_title(base_text *page, const train_sweep_results *results) {
    const train_sweep *sweep = results->sweep;
    train_html_begin(page, sweep->name);
    train_html_paragraph(page, "over", "rimshot sweep");
    base_text_add(page, "<h1>");
    base_text_add_html(page, sweep->name);
    base_text_printf(page, "</h1>\n<p class=\"lead\">%d cells: ", sweep->n_cells);
    for (int a = 0; a < sweep->n_axes; a++) {
        base_text_printf(page, "%s%d of ", a > 0 ? " × " : "", sweep->axes[a].n_values);
        base_text_add_html(page, sweep->axes[a].key);
    }
    base_text_add(page, "; base configuration ");
    base_text_add_html(page, base_path_name(sweep->config));
    base_text_add(page, ".</p>\n");
}

static base_status add_page(const train_sweep_results *results, base_arena *arena, base_text *page,
                            base_error *err) {
    train_sweep_table cells, margins;
    base_strings notes;
    BASE_TRY(train_sweep_table_cells(results, arena, &cells, err));
    BASE_TRY(train_sweep_table_margins(results, arena, &margins, err));
    BASE_TRY(train_sweep_notes(results, arena, &notes, err));
    add_title(page, results);
    train_html_section(page, "Cells");
    add_table(page, &cells, results);
    train_html_paragraph(page, "note", "The first column leads to the reports.");
    for (int i = 0; i < notes.n; i++) train_html_paragraph(page, "note", notes.items[i]);
    BASE_TRY(train_html_figure(page,
                               &(train_html_picture){results->folder, "cells",
                                                     "Accuracy of the cells, as in the table", 420},
                               err));
    train_html_section(page, "Means over the cells that share a value");
    add_table(page, &margins, NULL);
    train_html_paragraph(page, "note",
                         "The same numbers, with all digits: table.csv, margins.csv; for a text: "
                         "table.md, table.tex.");
    train_html_end(page, RIMSHOT_VERSION);
    return BASE_OK;
}

base_status train_sweep_page(const train_sweep_results *results, base_text *page, base_error *err) {
    base_arena arena = {0};
    base_status status = add_page(results, &arena, page, err);
    base_arena_release(&arena);
    return status;
}
