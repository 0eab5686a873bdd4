#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/study/sweep.h"

#define DASH       "–"
#define MINUS      "−"
#define OVER_FOLDS "†"

static base_status no_memory(const train_sweep_results *results, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", results->folder);
}

/* ---- tables for people ---- */

static bool table_begin(train_sweep_table *table, const char *const *headings, int n_columns,
                        int n_rows, base_arena *arena) {
    size_t n = (size_t)n_columns * (size_t)n_rows;
    *table = (train_sweep_table){.headings = headings, .n_columns = n_columns, .n_rows = n_rows};
    table->fields = base_arena_alloc(arena, n, sizeof *table->fields);
    for (size_t i = 0; table->fields != NULL && i < n; i++) table->fields[i].text = DASH;
    return headings != NULL && table->fields != NULL;
}

/* Any text may be NULL when memory ran out: then the table has failed. */
static bool is_whole(const train_sweep_table *table) {
    for (int i = 0; i < table->n_columns * table->n_rows; i++) {
        if (table->fields[i].text == NULL) return false;
    }
    return true;
}

static const char *mean_text(const train_interval *figure, base_arena *arena) {
    if (!isfinite(figure->deviation)) return base_arena_printf(arena, "%.1f", 100 * figure->mean);
    return base_arena_printf(arena, "%.1f ± %.1f", 100 * figure->mean, 100 * figure->deviation);
}

static const char *count_text(int64_t value, base_arena *arena) {
    char text[32];
    return base_arena_string(arena, base_thousands(value, text));
}

/* "18.3 M": multiply-adds have too many digits to read. */
static const char *macs_text(int64_t value, base_arena *arena) {
    static const char *const units[] = {"", " k", " M", " G", " T"};
    double number = (double)value;
    int unit = 0;
    for (; unit < 4 && number >= 999.95; unit++) number /= 1000;
    return base_arena_printf(arena, unit > 0 ? "%.1f%s" : "%.0f%s", number, units[unit]);
}

static const char *points_text(double share, base_arena *arena) {
    double points = 100 * share;
    const char *sign = points <= -0.05 ? MINUS : points >= 0.05 ? "+" : "";
    return base_arena_printf(arena, "%s%.1f", sign, fabs(points));
}

static const char *p_text(const train_comparison *c, base_arena *arena) {
    const char *mark = c->paired ? "" : OVER_FOLDS;
    if (!isfinite(c->result.p_value)) return DASH;
    if (c->result.p_value < 0.001) return base_arena_printf(arena, "< 0.001%s", mark);
    return base_arena_printf(arena, "%.3f%s", c->result.p_value, mark);
}

/* ---- one row per cell ---- */

/* Columns: the metrics that are shares, then these. */
enum { PARAMETERS, MACS, DIFFERENCE, P_VALUE, N_FIGURES };
static const char *const figure_headings[N_FIGURES] = {"#parameters", "#multiply-adds",
                                                       "#difference", "#p"};

static int n_shares(void) {
    int n = 0;
    for (int m = 0; m < train_n_metrics(); m++) n += train_metric_at(m)->is_share;
    return n;
}

/* "#accuracy %" and so on; false when out of memory. */
static bool share_headings(const char **headings, base_arena *arena) {
    bool whole = true;
    for (int m = 0; m < train_n_metrics(); m++) {
        const train_metric *metric = train_metric_at(m);
        if (!metric->is_share) continue;
        *headings = base_arena_printf(arena, "#%s %%", metric->name);
        whole = whole && *headings++ != NULL;
    }
    return whole;
}

/* The highest mean of one metric. */
static double highest(const train_sweep_results *results, int metric) {
    double most = -1;
    for (int i = 0; i < results->sweep->n_cells; i++) {
        const train_sweep_result *cell = &results->cells[i];
        if (cell->finished) most = fmax(most, cell->interval[metric].mean);
    }
    return most;
}

static void fill_figures(const train_sweep_results *results, int cell, train_sweep_field *fields,
                         base_arena *arena) {
    const train_sweep_result *r = &results->cells[cell];
    for (int m = 0; m < train_n_metrics(); m++) {
        const train_interval *figure = &r->interval[m];
        if (!train_metric_at(m)->is_share) continue;
        *fields++ =
            (train_sweep_field){mean_text(figure, arena), figure->mean == highest(results, m)};
    }
    fields[PARAMETERS].text = count_text(r->n_param, arena);
    fields[MACS].text = macs_text(r->macs, arena);
    if (r->reference < 0) return;
    if (r->reference == cell) {
        fields[DIFFERENCE].text = results->sweep->has_baseline ? "baseline" : "best";
        return;
    }
    fields[DIFFERENCE].text = points_text(r->against.result.difference, arena);
    fields[P_VALUE].text = p_text(&r->against, arena);
}

static const char *const *cell_headings(const train_sweep *sweep, base_arena *arena) {
    int n = sweep->n_axes, n_first = n + n_shares();
    const char **headings = base_arena_alloc(arena, (size_t)n_first + N_FIGURES, sizeof *headings);
    if (headings == NULL || !share_headings(headings + n, arena)) return NULL;
    for (int a = 0; a < n; a++) headings[a] = sweep->axes[a].word;
    memcpy(headings + n_first, figure_headings, sizeof figure_headings);
    return headings;
}

static void fill_cell(const train_sweep_results *results, int cell, train_sweep_field *row,
                      base_arena *arena) {
    const train_sweep *sweep = results->sweep;
    for (int a = 0; a < sweep->n_axes; a++) {
        row[a].text = sweep->axes[a].values[sweep->cells[cell].value[a]].label;
    }
    row += sweep->n_axes;
    if (results->cells[cell].finished) {
        fill_figures(results, cell, row, arena);
    } else {
        row->text = results->cells[cell].problem != NULL ? "failed" : "not trained";
    }
}

base_status train_sweep_table_cells(const train_sweep_results *results, base_arena *arena,
                                    train_sweep_table *table, base_error *err) {
    const train_sweep *sweep = results->sweep;
    const char *const *headings = cell_headings(sweep, arena);
    int n_columns = sweep->n_axes + n_shares() + N_FIGURES;
    if (!table_begin(table, headings, n_columns, sweep->n_cells, arena)) {
        return no_memory(results, err);
    }
    for (int i = 0; i < sweep->n_cells; i++) {
        fill_cell(results, i, table->fields + (ptrdiff_t)i * table->n_columns, arena);
    }
    return is_whole(table) ? BASE_OK : no_memory(results, err);
}

/* ---- one row per value ---- */

static void fill_margin(const train_sweep_margin *margin, train_sweep_field *fields,
                        base_arena *arena) {
    fields++->text = base_arena_printf(arena, "%d", margin->n_cells);
    for (int m = 0; m < train_n_metrics() && margin->n_cells > 0; m++) {
        if (!train_metric_at(m)->is_share) continue;
        fields++->text = base_arena_printf(arena, "%.1f", 100 * margin->value[m]);
    }
}

base_status train_sweep_table_margins(const train_sweep_results *results, base_arena *arena,
                                      train_sweep_table *table, base_error *err) {
    static const char *const first[] = {"key", "value", "#cells"};
    enum { N_FIRST = sizeof first / sizeof *first };
    const train_sweep *sweep = results->sweep;
    int n_rows = 0, n_columns = N_FIRST + n_shares();
    const char **headings = base_arena_alloc(arena, (size_t)n_columns, sizeof *headings);
    if (headings == NULL || !share_headings(headings + N_FIRST, arena)) {
        return no_memory(results, err);
    }
    memcpy(headings, first, sizeof first);
    for (int a = 0; a < sweep->n_axes; a++) n_rows += sweep->axes[a].n_values;
    if (!table_begin(table, headings, n_columns, n_rows, arena)) return no_memory(results, err);
    train_sweep_field *row = table->fields;
    for (int a = 0; a < sweep->n_axes; a++) {
        double best = -1;
        for (int v = 0; v < sweep->axes[a].n_values; v++) {
            best = fmax(best, results->margins[a][v].value[0]);
        }
        for (int v = 0; v < sweep->axes[a].n_values; v++, row += n_columns) {
            row[0].text = sweep->axes[a].word;
            row[1].text = sweep->axes[a].values[v].label;
            fill_margin(&results->margins[a][v], row + 2, arena);
            row[3].bold = results->margins[a][v].value[0] == best;
        }
    }
    return is_whole(table) ? BASE_OK : no_memory(results, err);
}

/* ---- notes ---- */

typedef struct {
    const char **items;
    int n;
    base_arena *arena;
    bool failed;
} note_list;

static void add_note(note_list *notes, const char *text) {
    notes->items[notes->n++] = text;
    notes->failed |= text == NULL;
}

static void add_reading_notes(const train_sweep_results *results, note_list *notes) {
    const train_sweep *sweep = results->sweep;
    bool several = false, paired = false, unpaired = false;
    for (int i = 0; i < sweep->n_cells; i++) {
        const train_sweep_result *cell = &results->cells[i];
        bool compared = cell->finished && cell->reference >= 0 && cell->reference != i;
        several |= cell->finished && cell->n_folds > 1;
        paired |= compared && cell->against.paired;
        unpaired |= compared && !cell->against.paired;
    }
    if (several) add_note(notes, "± is the standard deviation over the folds.");
    if (paired || unpaired) {
        add_note(notes, sweep->has_baseline
                            ? "difference: points of accuracy above the baseline with the same "
                              "other values; its 95 % interval is in table.csv."
                            : "difference: points of accuracy above the best cell; its 95 % "
                              "interval is in table.csv. The best was picked by these very "
                              "figures, which flatters it.");
    }
    if (paired) {
        add_note(notes, "p: McNemar's exact test on the same clips, not corrected for the number "
                        "of comparisons.");
    }
    if (unpaired) {
        add_note(notes, OVER_FOLDS " other clips were tested: Welch's t-test over the folds.");
    }
}

static void add_missing_notes(const train_sweep_results *results, note_list *notes) {
    const train_sweep *sweep = results->sweep;
    if (results->n_finished == sweep->n_cells) return;
    add_note(notes, base_arena_printf(notes->arena,
                                      "%d of %d cells are finished; means over cells are over "
                                      "these.",
                                      results->n_finished, sweep->n_cells));
    for (int i = 0; i < sweep->n_cells; i++) {
        if (results->cells[i].problem == NULL) continue;
        add_note(notes, base_arena_printf(notes->arena, "%s failed: %s", sweep->cells[i].name,
                                          results->cells[i].problem));
    }
}

base_status train_sweep_notes(const train_sweep_results *results, base_arena *arena,
                              base_strings *list, base_error *err) {
    enum { MOST_FIXED = 5 };
    note_list notes = {.arena = arena};
    notes.items =
        base_arena_alloc(arena, MOST_FIXED + (size_t)results->sweep->n_cells, sizeof *notes.items);
    if (notes.items == NULL) return no_memory(results, err);
    add_reading_notes(results, &notes);
    add_missing_notes(results, &notes);
    *list = (base_strings){.items = notes.items, .n = notes.n};
    return notes.failed ? no_memory(results, err) : BASE_OK;
}
