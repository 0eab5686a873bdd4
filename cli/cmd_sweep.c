#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/tables.h"
#include "cli/training.h"
#include "train/study/sweep.h"
#include "train/work_folder.h"

typedef struct {
    cli_call *call;
    cli_progress progress;
    train_sweep sweep;
    const char *folder;
    train_experiment_options options; /* of every cell */
    int cell;                         /* under way */
} sweep_view;

/* ------------------------------------------------------------------ what is shown while it runs */

/* "cell 2/4", with which all lines about a cell begin. */
static const char *cell_label(const sweep_view *view, char label[32]) {
    snprintf(label, 32, "cell %d/%d", view->cell + 1, view->sweep.n_cells);
    return label;
}

static bool on_event(void *context, const train_event *event) {
    sweep_view *view = context;
    char cell[32];
    switch (event->kind) {
    case TRAIN_EVENT_DECODE:
        cli_progress_data(&view->progress, event->text, event->done, event->total);
        break;
    case TRAIN_EVENT_STEP:
        cli_training_draw(&view->progress, cell_label(view, cell), "cell", event);
        break;
    case TRAIN_EVENT_FOLD:
        cli_progress_line(&view->progress, "%s  %s %d/%d  accuracy %.4f  balanced %.4f",
                          cell_label(view, cell), event->stage, event->fold, event->n_folds,
                          event->metrics->accuracy, event->metrics->balanced);
        break;
    default:
        break;
    }
    return !cli_stopped();
}

/* ------------------------------------------------------------------ what is shown at the end */

static int field_columns(const train_sweep_table *table, int column) {
    const char *heading = table->headings[column];
    int widest = cli_columns(heading + (heading[0] == '#'));
    for (int r = 0; r < table->n_rows; r++) {
        int columns = cli_columns(table->fields[r * table->n_columns + column].text);
        widest = columns > widest ? columns : widest;
    }
    return widest;
}

/* Row -1 is the heading. Without colours the best figures have a star. */
static void add_row(const train_sweep_table *table, int row, const int *widths, bool color,
                    base_text *out) {
    for (int c = 0; c < table->n_columns; c++) {
        bool number = table->headings[c][0] == '#';
        train_sweep_field field = {table->headings[c] + number, false};
        if (row >= 0) field = table->fields[row * table->n_columns + c];
        bool last = c + 1 == table->n_columns;
        if (field.bold && color) base_text_add(out, "\033[1m");
        cli_pad(out, field.text, last && !number ? 0 : widths[c], number);
        if (field.bold && color) base_text_add(out, "\033[0m");
        if (!last) base_text_add(out, field.bold && !color ? "* " : "  ");
        if (last && field.bold && !color) base_text_add(out, "*");
    }
    base_text_add(out, "\n");
}

static base_status add_table(cli_call *call, const train_sweep_table *table, base_text *out,
                             base_error *err) {
    int *widths = base_arena_alloc(&call->arena, (size_t)table->n_columns, sizeof *widths);
    if (widths == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    for (int c = 0; c < table->n_columns; c++) widths[c] = field_columns(table, c);
    size_t begin = out->size;
    for (int r = -1; r < table->n_rows; r++) add_row(table, r, widths, call->color, out);
    cli_fit_table(out, begin, widths[0], call->columns);
    return BASE_OK;
}

static base_status add_text(cli_call *call, const train_sweep_results *results, base_text *out,
                            base_error *err) {
    train_sweep_table cells, margins;
    base_strings notes;
    BASE_TRY(train_sweep_table_cells(results, &call->arena, &cells, err));
    BASE_TRY(train_sweep_table_margins(results, &call->arena, &margins, err));
    BASE_TRY(train_sweep_notes(results, &call->arena, &notes, err));
    BASE_TRY(add_table(call, &cells, out, err));
    base_text_add(out, "\n");
    if (!call->color) base_text_add(out, "* marks the best of a column.\n");
    for (int i = 0; i < notes.n; i++) cli_add_name("", notes.items[i], "\n", out);
    base_text_add(out, "\nmeans over the cells that share a value\n");
    BASE_TRY(add_table(call, &margins, out, err));
    cli_add_name("\nreport   ", results->folder,
                 "/sweep.html   (tables: table.csv, table.md, table.tex)\n", out);
    return BASE_OK;
}

static base_status add_results(cli_call *call, const train_sweep_results *results,
                               const char *format, base_text *out, base_error *err) {
    if (strcmp(format, "md") == 0) return train_sweep_markdown(results, out, err);
    if (strcmp(format, "tex") == 0) return train_sweep_tex(results, out, err);
    if (strcmp(format, "text") == 0) return add_text(call, results, out, err);
    train_sweep_csv(results, out);
    return BASE_OK;
}

/* Makes all tables anew from the runs' folders, and prints one of them. */
static int show_results(sweep_view *view, const char *format) {
    base_error err;
    train_sweep_results results;
    base_text out = {0};
    if (train_sweep_results_read(&view->sweep, view->folder, &results, &err) != BASE_OK) {
        return cli_fail(&err);
    }
    base_status status = train_sweep_write(&results, &err);
    if (status == BASE_OK) status = add_results(view->call, &results, format, &out, &err);
    train_sweep_results_release(&results);
    int code = status == BASE_OK ? cli_print(&out) : cli_fail(&err);
    base_text_release(&out);
    return code;
}

/* ------------------------------------------------------------------ the command */

static int list_cells(const sweep_view *view) {
    static const char *const states[] = {"to do", "begun", "finished", "failed", "wrong"};
    base_text out = {0};
    int n = view->sweep.n_cells, n_finished = 0, n_bad = 0;
    for (int i = 0; i < n; i++) {
        const train_sweep_cell *cell = &view->sweep.cells[i];
        base_text_printf(&out, "%-8s  ", states[cell->state]);
        cli_add_name("", cell->name, cell->problem != NULL ? ": " : "", &out);
        cli_add_name("", cell->problem != NULL ? cell->problem : "", "\n", &out);
        n_finished += cell->state == TRAIN_SWEEP_FINISHED;
        n_bad += cell->state == TRAIN_SWEEP_BAD;
    }
    base_text_printf(&out, "%d of %d cells to train, into ", n - n_finished, n);
    cli_add_name("", view->folder, "\n", &out);
    int code = cli_print_release(&out);
    return code == CLI_OK && n_bad > 0 ? CLI_FAILED : code;
}

static void show_stop(const sweep_view *view) {
    base_text line = {0};
    base_text_printf(&line, "stopped in cell %d/%d; go on with: ", view->cell + 1,
                     view->sweep.n_cells);
    cli_add_again(view->call, &line);
    fprintf(stderr, "%s\n", base_text_string(&line));
    base_text_release(&line);
}

/* One cell that is not finished yet. */
static base_status train_cell(sweep_view *view) {
    char label[32];
    base_error err, full;
    const char *name = view->sweep.cells[view->cell].name;
    cli_progress_line(&view->progress, "%s  %s", cell_label(view, label), name);
    base_status status = train_sweep_run_cell(&view->sweep, view->cell, &view->options, &err);
    cli_progress_clear(&view->progress);
    if (status == BASE_OK || status == BASE_ESTOPPED) return status;
    base_fail(&full, status, "%s %s: %s", label, name, err.text);
    cli_progress_error(&view->progress, full.text);
    return status;
}

/* A cell that fails does not keep the others from being trained. */
static int train_all(sweep_view *view) {
    int n_failed = 0;
    char label[32];
    for (view->cell = 0; view->cell < view->sweep.n_cells; view->cell++) {
        const train_sweep_cell *cell = &view->sweep.cells[view->cell];
        if (cell->state == TRAIN_SWEEP_FINISHED) {
            cli_progress_line(&view->progress, "%s  %s  is finished", cell_label(view, label),
                              cell->name);
            continue;
        }
        base_status status = train_cell(view);
        if (status == BASE_ESTOPPED) {
            show_stop(view);
            return CLI_STOPPED;
        }
        n_failed += status != BASE_OK;
    }
    if (train_folder_kind_of(view->folder) != TRAIN_FOLDER_SWEEP) {
        return CLI_FAILED; /* no cell got as far as to make the folder the sweep's */
    }
    cli_progress_line(&view->progress, "%s", "");
    int code = show_results(view, "text");
    return code == CLI_OK && n_failed > 0 ? CLI_FAILED : code;
}

static int run_with(sweep_view *view, const char *format) {
    base_error err;
    cli_call *call = view->call;
    if (train_sweep_read(call->arguments[0], call->arguments + 1, call->n_arguments - 1,
                         &view->sweep, &err) != BASE_OK) {
        return cli_fail(&err);
    }
    view->folder = view->options.folder = cli_training_folder(call, view->sweep.name);
    if (view->folder == NULL) return cli_usage("out of memory");
    if (format != NULL) {
        base_status status = train_sweep_folder_find(&view->sweep, view->folder, &err);
        return status == BASE_OK ? show_results(view, format) : cli_fail(&err);
    }
    if (train_sweep_look(&view->sweep, view->folder, &err) != BASE_OK) return cli_fail(&err);
    return cli_given(call, "dry-run") ? list_cells(view) : train_all(view);
}

static int run_sweep(cli_call *call) {
    static const char *const formats[] = {"text", "csv", "md", "tex"};
    sweep_view view = {.call = call, .progress = {.call = call}};
    view.options = (train_experiment_options){.listener = on_event, .listener_context = &view};
    if (!cli_training_options(call, &view.progress, &view.options)) return CLI_USAGE;
    const char *format = cli_text(call, "table");
    bool known = format == NULL;
    for (int i = 0; i < 4 && !known; i++) known = strcmp(format, formats[i]) == 0;
    if (!known) return cli_usage("--table=%s: must be text, csv, md or tex", format);
    if (format != NULL && cli_given(call, "dry-run")) {
        return cli_usage("--table and --dry-run exclude each other");
    }
    int code = run_with(&view, format);
    train_sweep_release(&view.sweep);
    return code;
}

static const cli_flag flags[] = {
    {"out", "DIR", "folder of the sweep (default: runs/NAME)"},
    {"dry-run", NULL, "list the cells and what is done of them"},
    {"table", "text|csv|md|tex", "train nothing: make all tables anew, print one"},
    CLI_FLAGS_PARALLEL,
    CLI_FLAG_KEEP_GOING,
    {0},
};

const cli_command cli_sweep = {
    .name = "sweep",
    .arguments = "SWEEP [KEY=VALUE ...]",
    .summary = "train every combination of several settings, and compare them in one table",
    .description =
        "The YAML file SWEEP names a base configuration (config:), overrides for all cells (set:, "
        "and after these KEY=VALUE), and keys with the values each is to have (grid:). Every "
        "combination of values is a cell: an ordinary run, as `rimshot train` makes it, in a "
        "folder of its own below the sweep's.\n\n"
        "Called again, a sweep goes on where it stopped: cells that are finished stay as they "
        "are, one that was cut off is resumed to the same bits. Values may be added to the grid; a "
        "folder that holds another sweep, or anything else, is refused. A cell that fails is "
        "reported, the others are trained all the same, and the exit status is 1.\n\n"
        "At the end there is one table of all cells: accuracy, balanced accuracy and macro F1 "
        "with their deviation over the folds, parameters, multiply-adds, and for each cell the "
        "difference of accuracy to the best (or to the cells that baseline: names) with its p "
        "value. A second one has the means over the cells that share a value. Both are written as "
        "table.csv, margins.csv, table.md, table.tex (booktabs) and, with a picture and links to "
        "the cells' reports, sweep.html.\n\n"
        "docs/formats.md describes the file; configs/sweeps/demo.yaml is an example.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_sweep,
};
