#include <math.h>
#include <string.h>

#include "train/study/sweep.h"

static base_status no_memory(const train_sweep_results *results, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", results->folder);
}

/* ---- CSV ---- */

/* What is not finite is left empty. */
static void add_numbers(base_text *out, const double *values, int n) {
    for (int i = 0; i < n; i++) {
        base_text_add(out, ",");
        if (isfinite(values[i])) base_text_add_number(out, values[i]);
    }
}

/* The first metric has an interval, the others a deviation. Returns the number of columns. */
static int add_metric_columns(base_text *out) {
    static const char *const ends[] = {"", "_deviation", "_low", "_high"};
    int n_columns = 0;
    for (int m = 0; m < train_n_metrics(); m++) {
        char key[32];
        if (!train_metric_at(m)->is_share) continue;
        train_metric_key(train_metric_at(m)->name, key);
        for (int e = 0; e < (m == 0 ? 4 : 2); e++, n_columns++) {
            base_text_printf(out, ",%s%s", key, ends[e]);
        }
    }
    return n_columns;
}

static void add_csv_figures(const train_sweep_result *r, base_text *out) {
    base_text_printf(out, ",%d,%lld", r->n_folds, (long long)r->n_clips);
    for (int m = 0; m < train_n_metrics(); m++) {
        const train_interval *interval = &r->interval[m];
        const double values[] = {interval->mean, interval->deviation, interval->low,
                                 interval->high};
        if (train_metric_at(m)->is_share) add_numbers(out, values, m == 0 ? 4 : 2);
    }
    base_text_printf(out, ",%lld,%lld", (long long)r->n_param, (long long)r->macs);
}

static void add_csv_comparison(const train_sweep_results *results, int cell, base_text *out) {
    const train_sweep_result *r = &results->cells[cell];
    base_text_add(out, ",");
    if (r->reference >= 0) base_text_add_csv(out, results->sweep->cells[r->reference].name);
    if (r->reference < 0 || r->reference == cell) {
        base_text_add(out, ",,,,,");
        return;
    }
    const train_paired *d = &r->against.result;
    const double values[] = {d->difference, d->low, d->high, d->p_value};
    add_numbers(out, values, sizeof values / sizeof *values);
    base_text_printf(out, ",%s", r->against.paired ? "clips" : "folds");
}

void train_sweep_csv(const train_sweep_results *results, base_text *out) {
    const train_sweep *sweep = results->sweep;
    base_text_add(out, "cell");
    for (int a = 0; a < sweep->n_axes; a++) {
        base_text_add(out, ",");
        base_text_add_csv(out, sweep->axes[a].key);
    }
    base_text_add(out, ",state,folds,clips");
    int n_figures = add_metric_columns(out);
    base_text_add(out, ",n_param,macs,against,difference,low,high,p,compared_over\n");
    for (int i = 0; i < sweep->n_cells; i++) {
        const train_sweep_result *r = &results->cells[i];
        base_text_add_csv(out, sweep->cells[i].name);
        for (int a = 0; a < sweep->n_axes; a++) {
            base_text_add(out, ",");
            base_text_add_csv(out, sweep->axes[a].values[sweep->cells[i].value[a]].label);
        }
        base_text_add(out, r->finished          ? ",finished"
                           : r->problem != NULL ? ",failed"
                                                : ",not trained");
        if (r->finished) {
            add_csv_figures(r, out);
        } else {
            for (int c = 0; c < 4 + n_figures; c++) base_text_add(out, ",");
        }
        add_csv_comparison(results, i, out);
        base_text_add(out, "\n");
    }
}

void train_sweep_margins_csv(const train_sweep_results *results, base_text *out) {
    const train_sweep *sweep = results->sweep;
    base_text_add(out, "key,value,cells");
    for (int i = 0; i < train_n_metrics(); i++) {
        char key[32];
        if (!train_metric_at(i)->is_share) continue;
        base_text_printf(out, ",%s", train_metric_key(train_metric_at(i)->name, key));
    }
    base_text_add(out, "\n");
    for (int a = 0; a < sweep->n_axes; a++) {
        for (int v = 0; v < sweep->axes[a].n_values; v++) {
            const train_sweep_margin *m = &results->margins[a][v];
            base_text_add_csv(out, sweep->axes[a].key);
            base_text_add(out, ",");
            base_text_add_csv(out, sweep->axes[a].values[v].label);
            base_text_printf(out, ",%d", m->n_cells);
            for (int i = 0; i < train_n_metrics(); i++) {
                if (train_metric_at(i)->is_share) add_numbers(out, &m->value[i], 1);
            }
            base_text_add(out, "\n");
        }
    }
}

/* ---- Markdown and LaTeX ---- */

typedef struct {
    const char *plain, *written; /* a row with plain NULL ends the table */
} replacement;

/* The longest match counts; what is in no row stays as it is. */
static void add_replaced(base_text *out, const char *text, const replacement *rows) {
    while (*text != '\0') {
        const replacement *row = rows;
        while (row->plain != NULL && strncmp(text, row->plain, strlen(row->plain)) != 0) row++;
        if (row->plain != NULL) {
            base_text_add(out, row->written);
            text += strlen(row->plain);
        } else {
            base_text_add_bytes(out, text++, 1);
        }
    }
}

static void add_markdown(base_text *out, const char *text) {
    static const replacement rows[] = {{"\\", "\\\\"}, {"|", "\\|"},  {"*", "\\*"}, {"_", "\\_"},
                                       {"`", "\\`"},   {"<", "&lt;"}, {"[", "\\["}, {"]", "\\]"},
                                       {"&", "&amp;"}, {"#", "\\#"},  {"~", "\\~"}, {0}};
    add_replaced(out, text, rows);
}

static void add_tex(base_text *out, const char *text) {
    static const replacement rows[] = {{"\\", "\\textbackslash{}"},
                                       {"~", "\\textasciitilde{}"},
                                       {"^", "\\textasciicircum{}"},
                                       {"&", "\\&"},
                                       {"%", "\\%"},
                                       {"$", "\\$"},
                                       {"#", "\\#"},
                                       {"_", "\\_"},
                                       {"{", "\\{"},
                                       {"}", "\\}"},
                                       {"[", "{[}"}, /* after \\ it would begin an option */
                                       {"<", "$<$"},
                                       {">", "$>$"},
                                       {"|", "$|$"},
                                       {"±", "$\\pm$"},
                                       {"−", "$-$"},
                                       {"–", "--"},
                                       {"…", "\\ldots{}"},
                                       {"†", "$\\dagger$"},
                                       {0}};
    add_replaced(out, text, rows);
}

static void add_markdown_table(base_text *out, const train_sweep_table *table) {
    for (int c = 0; c < table->n_columns; c++) {
        base_text_add(out, "| ");
        add_markdown(out, table->headings[c] + (table->headings[c][0] == '#'));
        base_text_add(out, " ");
    }
    base_text_add(out, "|\n");
    for (int c = 0; c < table->n_columns; c++) {
        base_text_add(out, table->headings[c][0] == '#' ? "|---:" : "|---");
    }
    base_text_add(out, "|\n");
    for (int i = 0; i < table->n_rows * table->n_columns; i++) {
        const train_sweep_field *field = &table->fields[i];
        base_text_add(out, field->bold ? "| **" : "| ");
        add_markdown(out, field->text);
        base_text_add(out, field->bold ? "** " : " ");
        if ((i + 1) % table->n_columns == 0) base_text_add(out, "|\n");
    }
    base_text_add(out, "\n");
}

static void add_tex_table(base_text *out, const train_sweep_table *table) {
    base_text_add(out, "\\begin{tabular}{");
    for (int c = 0; c < table->n_columns; c++) {
        base_text_add(out, table->headings[c][0] == '#' ? "r" : "l");
    }
    base_text_add(out, "}\n\\toprule\n");
    for (int c = 0; c < table->n_columns; c++) {
        add_tex(out, table->headings[c] + (table->headings[c][0] == '#'));
        base_text_add(out, c + 1 < table->n_columns ? " & " : " \\\\\n\\midrule\n");
    }
    for (int i = 0; i < table->n_rows * table->n_columns; i++) {
        const train_sweep_field *field = &table->fields[i];
        if (field->bold) base_text_add(out, "\\textbf{");
        add_tex(out, field->text);
        if (field->bold) base_text_add(out, "}");
        base_text_add(out, (i + 1) % table->n_columns != 0 ? " & " : " \\\\\n");
    }
    base_text_add(out, "\\bottomrule\n\\end{tabular}\n");
}

/* All that a page of text consists of. */
typedef struct {
    base_arena arena;
    train_sweep_table cells, margins;
    base_strings notes;
} contents;

static base_status collect(const train_sweep_results *results, contents *c, base_error *err) {
    *c = (contents){0};
    BASE_TRY(train_sweep_table_cells(results, &c->arena, &c->cells, err));
    BASE_TRY(train_sweep_table_margins(results, &c->arena, &c->margins, err));
    return train_sweep_notes(results, &c->arena, &c->notes, err);
}

base_status train_sweep_markdown(const train_sweep_results *results, base_text *out,
                                 base_error *err) {
    contents c;
    base_status status = collect(results, &c, err);
    if (status == BASE_OK) {
        base_text_add(out, "# ");
        add_markdown(out, results->sweep->name);
        base_text_add(out, "\n\n");
        add_markdown_table(out, &c.cells);
        for (int i = 0; i < c.notes.n; i++) {
            base_text_add(out, "- ");
            add_markdown(out, c.notes.items[i]);
            base_text_add(out, "\n");
        }
        base_text_add(out, "\nMeans over the cells that share a value:\n\n");
        add_markdown_table(out, &c.margins);
    }
    base_arena_release(&c.arena);
    return status;
}

/* Comments end with the line, so a note needs no escapes. */
base_status train_sweep_tex(const train_sweep_results *results, base_text *out, base_error *err) {
    contents c;
    base_status status = collect(results, &c, err);
    if (status == BASE_OK) {
        base_text_printf(out, "%% %s: needs \\usepackage{booktabs}\n", results->sweep->name);
        for (int i = 0; i < c.notes.n; i++) base_text_printf(out, "%% %s\n", c.notes.items[i]);
        add_tex_table(out, &c.cells);
        base_text_add(out, "\n% Means over the cells that share a value.\n");
        add_tex_table(out, &c.margins);
    }
    base_arena_release(&c.arena);
    return status;
}

/* ---- the files ---- */

typedef base_status maker(const train_sweep_results *results, base_text *out, base_error *err);

static base_status make_csv(const train_sweep_results *results, base_text *out, base_error *err) {
    (void)err;
    train_sweep_csv(results, out);
    return BASE_OK;
}

static base_status make_margins_csv(const train_sweep_results *results, base_text *out,
                                    base_error *err) {
    (void)err;
    train_sweep_margins_csv(results, out);
    return BASE_OK;
}

static base_status write_one(const train_sweep_results *results, const char *name, maker *make,
                             base_error *err) {
    base_arena scratch = {0};
    base_text text = {0};
    const char *path = base_path_join(&scratch, results->folder, name);
    base_status status = path != NULL ? make(results, &text, err) : no_memory(results, err);
    if (status == BASE_OK) status = base_file_write_text(path, &text, err);
    base_text_release(&text);
    base_arena_release(&scratch);
    return status;
}

base_status train_sweep_write(const train_sweep_results *results, base_error *err) {
    BASE_TRY(base_folder_make(results->folder, err));
    BASE_TRY(train_sweep_plot(results, err));
    BASE_TRY(write_one(results, "table.csv", make_csv, err));
    BASE_TRY(write_one(results, "margins.csv", make_margins_csv, err));
    BASE_TRY(write_one(results, "table.md", train_sweep_markdown, err));
    BASE_TRY(write_one(results, "table.tex", train_sweep_tex, err));
    return write_one(results, "sweep.html", train_sweep_page, err);
}
