#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/job.h"
#include "cli/tables.h"
#include "train/study/sweep_deal.h"
#include "train/work_folder.h"

typedef struct {
    cli_call *call;
    cli_progress progress;
    train_sweep sweep;
    const char *folder;
    train_experiment_options options; /* of every cell */
    cli_job job;
    train_sweep_deal deal; /* begun in a job of several ranks */
    int cell;              /* under way */
} sweep_view;

/* ------------------------------------------------------------------ what is shown while it runs */

/* "cell 2/4", with which all lines about a cell begin. */
static const char *cell_label(const sweep_view *view, char label[32]) {
    snprintf(label, 32, "cell %d/%d", view->cell + 1, view->sweep.n_cells);
    return label;
}

static void show_line(void *context, const char *line) {
    sweep_view *view = context;
    cli_progress_line(&view->progress, "%s", line);
}

/* A line of this rank's, shown by rank 0. */
BASE_PRINTF(2, 3) static void say(sweep_view *view, const char *format, ...) {
    char line[TRAIN_SWEEP_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (view->job.ranks != NULL) {
        train_sweep_deal_say(&view->deal, line);
    } else {
        show_line(view, line);
    }
}

static bool on_event(void *context, const train_event *event) {
    sweep_view *view = context;
    char cell[32];
    train_sweep_deal_serve(&view->deal);
    switch (event->kind) {
    case TRAIN_EVENT_DECODE:
        cli_progress_data(&view->progress, event->text, event->done, event->total);
        break;
    case TRAIN_EVENT_STEP:
        if (event->stage != NULL) {
            cli_training_draw(&view->progress, cell_label(view, cell), "cell", event);
        }
        break;
    case TRAIN_EVENT_FOLD:
        say(view, "%s  %s %d/%d  accuracy %.4f  balanced %.4f", cell_label(view, cell),
            event->stage, event->fold, event->n_folds, event->metrics->accuracy,
            event->metrics->balanced);
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

/* For scripts: a number from 1 on, what is done of the cell, and its name, a cell a line. */
static int print_cells(const sweep_view *view) {
    static const char *const states[] = {"to-do", "begun", "finished", "failed", "wrong"};
    base_text out = {0};
    for (int i = 0; i < view->sweep.n_cells; i++) {
        const train_sweep_cell *cell = &view->sweep.cells[i];
        base_text_printf(&out, "%d\t%s\t", i + 1, states[cell->state]);
        cli_add_name("", cell->name, "\n", &out);
    }
    return cli_print_release(&out);
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
static base_status train_cell(sweep_view *view, train_sweep_company company) {
    char label[32];
    base_error err, full;
    const char *name = view->sweep.cells[view->cell].name;
    say(view, "%s  %s", cell_label(view, label), name);
    base_status status =
        train_sweep_run_cell(&view->sweep, view->cell, company, &view->options, &err);
    cli_progress_clear(&view->progress);
    if (status == BASE_OK || status == BASE_ESTOPPED) return status;
    base_fail(&full, status, "%s %s: %s", label, name, err.text);
    if (cli_job_speaks(&view->job)) {
        cli_progress_error(&view->progress, full.text);
    } else {
        say(view, "rimshot: %s", full.text);
    }
    return status;
}

static bool is_finished(sweep_view *view) {
    char label[32];
    const train_sweep_cell *cell = &view->sweep.cells[view->cell];
    if (cell->state != TRAIN_SWEEP_FINISHED) return false;
    say(view, "%s  %s  is finished", cell_label(view, label), cell->name);
    return true;
}

/* One cell, beside other processes that have others. */
static int train_one(sweep_view *view, int64_t number) {
    int n = view->sweep.n_cells;
    if (number > n) return cli_usage("--cell=%lld: there are %d cells", (long long)number, n);
    view->cell = (int)number - 1;
    if (is_finished(view)) return CLI_OK;
    base_status status = train_cell(view, TRAIN_SWEEP_AMONG_OTHERS);
    if (status == BASE_ESTOPPED) return CLI_STOPPED;
    return status == BASE_OK ? CLI_OK : CLI_FAILED;
}

/* Cells dealt to the ranks of a job. Ranks other than 0 have nothing to show. */
static int train_dealt(sweep_view *view) {
    base_error err;
    bool stopped = false;
    view->deal.hear = show_line;
    view->deal.hear_context = view;
    base_status status = train_sweep_deal_begin(&view->deal, &view->sweep, &view->options, &err);
    while (status == BASE_OK && !stopped) {
        view->cell = train_sweep_deal_take(&view->deal);
        if (view->cell < 0) break;
        stopped = train_cell(view, TRAIN_SWEEP_AMONG_OTHERS) == BASE_ESTOPPED;
    }
    while (stopped && train_sweep_deal_take(&view->deal) >= 0) continue;
    train_sweep_deal_end(&view->deal);
    stopped = !base_ranks_all(view->job.ranks, !stopped);
    if (status != BASE_OK) return cli_fail(&err);
    return stopped ? CLI_STOPPED : CLI_OK;
}

/* A cell that fails does not keep the others from being trained. */
static int train_all(sweep_view *view) {
    int n_failed = 0;
    for (view->cell = 0; view->cell < view->sweep.n_cells; view->cell++) {
        if (is_finished(view)) continue;
        base_status status = train_cell(view, TRAIN_SWEEP_ALONE);
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

static int count_unfinished(const sweep_view *view) {
    int n = 0;
    for (int i = 0; i < view->sweep.n_cells; i++) {
        n += view->sweep.cells[i].state != TRAIN_SWEEP_FINISHED;
    }
    return n;
}

/* The tables; not all there is to be said while cells are missing. */
static int collect(sweep_view *view) {
    int code = show_results(view, "text"), n = count_unfinished(view);
    if (code == CLI_OK && n > 0) {
        cli_progress_line(&view->progress, "%d of %d cells are not finished", n,
                          view->sweep.n_cells);
    }
    return code == CLI_OK && n > 0 ? CLI_FAILED : code;
}

/* What every rank of the job does alike, first. */
static base_status read_sweep(sweep_view *view, base_error *err) {
    cli_call *call = view->call;
    BASE_TRY(train_sweep_read(call->arguments[0], call->arguments + 1, call->n_arguments - 1,
                              &view->sweep, err));
    view->folder = view->options.folder = cli_training_folder(call, view->sweep.name);
    if (view->folder == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    if (cli_given(call, "table")) {
        return train_sweep_folder_find(&view->sweep, view->folder, err);
    }
    return train_sweep_look(&view->sweep, view->folder, err);
}

static int run_in_job(sweep_view *view) {
    base_error err;
    base_status status = base_ranks_agree(view->job.ranks, read_sweep(view, &err), &err);
    if (status != BASE_OK) return cli_job_speaks(&view->job) ? cli_fail(&err) : CLI_OK;
    int code = train_dealt(view);
    if (!cli_job_speaks(&view->job)) return CLI_OK;
    cli_progress_clear(&view->progress);
    if (code == CLI_STOPPED) show_stop(view);
    if (code != CLI_OK) return code;
    if (train_sweep_look(&view->sweep, view->folder, &err) != BASE_OK) return cli_fail(&err);
    return collect(view);
}

static int run_alone(sweep_view *view) {
    base_error err;
    int64_t number = 0;
    cli_call *call = view->call;
    const char *format = cli_text(call, "table");
    if (!cli_int(call, "cell", 1, 1000000, &number)) return CLI_USAGE;
    if (read_sweep(view, &err) != BASE_OK) return cli_fail(&err);
    if (format != NULL) return show_results(view, format);
    if (cli_given(call, "cells")) return print_cells(view);
    if (cli_given(call, "dry-run")) return list_cells(view);
    if (cli_given(call, "collect")) {
        base_status status = train_sweep_folder_find(&view->sweep, view->folder, &err);
        return status == BASE_OK ? collect(view) : cli_fail(&err);
    }
    return number > 0 ? train_one(view, number) : train_all(view);
}

/* Of the flags that say what to do there may be one. */
static const char *find_task(const cli_call *call, bool *exclusive) {
    static const char *const tasks[] = {"table", "dry-run", "cells", "cell", "collect"};
    const char *found = NULL;
    *exclusive = true;
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        if (!cli_given(call, tasks[i])) continue;
        if (found != NULL) {
            cli_usage("--%s and --%s exclude each other", found, tasks[i]);
            *exclusive = false;
        }
        if (found != NULL) break;
        found = tasks[i];
    }
    return found;
}

/* Ranks deal cells among themselves only where all cells are to be trained, or share the one. */
static int run_with(sweep_view *view, const char *task) {
    if (task != NULL && strcmp(task, "cell") != 0) return run_alone(view);
    int code = cli_job_begin(&view->job, view->call, &view->options);
    view->options.listener = on_event; /* whose lines rank 0 shows */
    if (code == CLI_OK && view->job.ranks == NULL) {
        code = run_alone(view);
    } else if (code == CLI_OK && task != NULL) {
        code =
            cli_job_speaks(&view->job) ? cli_usage("--cell: an MPI job trains all cells") : CLI_OK;
    } else if (code == CLI_OK) {
        code = run_in_job(view);
    }
    cli_job_end(&view->job);
    return code;
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
    bool exclusive;
    const char *task = find_task(call, &exclusive);
    if (!exclusive) return CLI_USAGE;
    int code = run_with(&view, task);
    train_sweep_release(&view.sweep);
    return code;
}

static const cli_flag flags[] = {
    {"out", "DIR", "folder of the sweep (default: runs/NAME)"},
    {"dry-run", NULL, "list the cells and what is done of them"},
    {"table", "text|csv|md|tex", "train nothing: make all tables anew, print one"},
    {"cells", NULL, "list the cells for scripts: number, what is done of it, name"},
    {"cell", "I", "train cell I alone, beside other processes that train others"},
    {"collect", NULL, "train nothing: make all tables anew; status 1 if cells are missing"},
    CLI_FLAGS_PARALLEL,
    CLI_FLAG_DATA_PARALLEL,
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
        "mpirun -n N rimshot sweep SWEEP deals the cells, and the trainings of each, to N "
        "processes; --cells, --cell and --collect are for schedulers that start a process for each "
        "cell (Slurm's arrays, GNU parallel). docs/cluster.md has scripts for both.\n\n"
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
