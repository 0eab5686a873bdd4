#include "cli/tables.h"

#include <stdio.h>
#include <string.h>

int cli_columns(const char *text) {
    char shown[BASE_SHOWN_BYTES];
    int columns = 0;
    for (size_t n; (n = base_utf8_show(text, shown)) > 0; text += n) {
        columns += shown[0] == '\\' ? (int)strlen(shown) : 1;
    }
    return columns;
}

void cli_pad(base_text *out, const char *text, int width, bool right) {
    int n = width - cli_columns(text);
    if (right) base_text_printf(out, "%*s", n > 0 ? n : 0, "");
    base_text_add_shown(out, text);
    if (!right) base_text_printf(out, "%*s", n > 0 ? n : 0, "");
}

int cli_widest(const char *const *names, int n, int least) {
    for (int i = 0; i < n; i++) {
        int columns = cli_columns(names[i]);
        least = columns > least ? columns : least;
    }
    return least;
}

/* ------------------------------------------------------------------ tables that fit */

enum { MOST_COLUMNS = 4096 };
#define BOLD_BEGIN "\033[1m"
#define BOLD_END   "\033[0m"

/* Bytes of the escape sequence at `p`, which takes no column; 0 if there is none. */
static size_t escape_bytes(const char *p) {
    return *p == '\033' ? strcspn(p, "m") + (p[strcspn(p, "m")] == 'm') : 0;
}

static size_t character_bytes(const char *p) {
    size_t n = 1;
    while (((unsigned char)p[n] & 0xC0) == 0x80) n++;
    return n;
}

/* Marks the columns where the line has something, and returns how many it has. */
static int mark_line(const char *line, bool *used) {
    int column = 0;
    while (*line && *line != '\n' && column < MOST_COLUMNS) {
        size_t escape = escape_bytes(line);
        if (escape == 0) used[column] = used[column] || *line != ' ';
        column += escape == 0;
        line += escape > 0 ? escape : character_bytes(line);
    }
    return column;
}

/* Adds columns [from, to) of the line with the escape sequences that stand there. One that ends
 * bold type belongs to what is before it. */
static void add_part(const char *line, int from, int to, base_text *out) {
    for (int column = 0; *line && *line != '\n';) {
        size_t escape = escape_bytes(line), n = escape > 0 ? escape : character_bytes(line);
        int at = column - (escape > 0 && strncmp(line, BOLD_END, n) == 0);
        if (at >= to) break;
        if (at >= from) base_text_add_bytes(out, line, n);
        column += escape == 0;
        line += n;
    }
}

/* The last place up to `limit`, but behind `from`, where a column of the table ends. */
static int find_break(const bool *used, int from, int limit, int width) {
    if (limit >= width) return width;
    for (int at = limit; at > from; at--) {
        if (!used[at] && used[at - 1]) return at;
    }
    int at = from + 1;
    while (at < width && !(!used[at] && used[at - 1])) at++;
    return at;
}

/* A table as text, and where it may be broken. */
typedef struct {
    const char *text;
    bool used[MOST_COLUMNS]; /* some line has more than a space there */
    int width, key;          /* columns of all, of the first one */
} wide_table;

static void add_blocks(const wide_table *table, int columns, base_text *out) {
    int width = table->width, key = table->key;
    for (int from = 0, to; from < width; from = to) {
        to = find_break(table->used, from > key ? from : key, columns + (from > 0 ? from - key : 0),
                        width);
        if (from > 0) base_text_add(out, "\n");
        for (const char *line = table->text; *line; line += strcspn(line, "\n") + 1) {
            if (from > 0) add_part(line, 0, key, out);
            add_part(line, from, to, out);
            base_text_add(out, "\n");
        }
    }
}

void cli_fit_table(base_text *out, size_t begin, int key, int columns) {
    wide_table table = {.key = key};
    base_text text = {0};
    if (columns <= 0 || out->failed || out->size == begin) return;
    base_text_add(&text, out->data + begin);
    table.text = base_text_string(&text);
    for (const char *line = table.text; *line; line += strcspn(line, "\n") + 1) {
        int n = mark_line(line, table.used);
        table.width = n > table.width ? n : table.width;
    }
    if (table.width > columns && table.width < MOST_COLUMNS && !text.failed) {
        out->size = begin;
        out->data[begin] = '\0';
        add_blocks(&table, columns, out);
    }
    base_text_release(&text);
}

/* ------------------------------------------------------------------ results */

static int metric_width(int metric) {
    int n = cli_columns(train_metric_at(metric)->name);
    return n > 8 ? n : 8;
}

static void add_values(const double *values, base_text *out) {
    for (int m = 0; m < train_n_metrics(); m++) {
        base_text_printf(out, "%s%*.4f", m ? "  " : " ", metric_width(m), values[m]);
    }
    base_text_add(out, "\n");
}

void cli_table_folds(const train_fold_set *set, const char *title, int columns, base_text *out) {
    size_t begin = out->size;
    base_text_printf(out, "%-6s", title);
    for (int m = 0; m < train_n_metrics(); m++) {
        base_text_add(out, m ? "  " : " ");
        cli_pad(out, train_metric_at(m)->name, metric_width(m), true);
    }
    base_text_add(out, "\n");
    for (int i = 0; i < set->n_folds; i++) {
        base_text_printf(out, "%-6d", i + 1);
        add_values(set->folds[i].metrics.value, out);
    }
    if (set->n_folds < 2) {
        cli_fit_table(out, begin, 6, columns);
        return;
    }
    double means[TRAIN_MAX_METRICS], deviations[TRAIN_MAX_METRICS];
    for (int m = 0; m < train_n_metrics(); m++) {
        means[m] = set->interval[m].mean;
        deviations[m] = set->interval[m].deviation;
    }
    base_text_add(out, "mean  ");
    add_values(means, out);
    base_text_add(out, "±     ");
    add_values(deviations, out);
    cli_fit_table(out, begin, 6, columns);
    base_text_printf(out, "accuracy %.3f ± %.3f   (95 %%: %.3f – %.3f)\n", set->accuracy.mean,
                     set->accuracy.deviation, set->accuracy.low, set->accuracy.high);
}

void cli_table_classes(const train_metrics *metrics, const char *const *classes, int columns,
                       base_text *out) {
    int width = cli_widest(classes, metrics->n_classes, 5);
    size_t begin = out->size;
    cli_pad(out, "class", width, false);
    base_text_add(out, "  precision  recall      F1   clips\n");
    for (int c = 0; c < metrics->n_classes; c++) {
        cli_pad(out, classes[c], width, false);
        base_text_printf(out, "  %9.3f  %6.3f  %6.3f  %6lld\n", metrics->precision[c],
                         metrics->recall[c], metrics->f1[c], (long long)metrics->support[c]);
    }
    cli_fit_table(out, begin, width, columns);
}

void cli_table_confusion(const train_metrics *metrics, const char *const *classes,
                         const cli_call *call, base_text *out) {
    int n = metrics->n_classes, width = cli_widest(classes, n, 5);
    size_t begin = out->size;
    base_text_printf(out, "%*s", width, "");
    for (int c = 0; c < n; c++) {
        base_text_add(out, "  ");
        cli_pad(out, classes[c], cli_columns(classes[c]) > 5 ? 0 : 5, true);
    }
    base_text_add(out, "   recall\n");
    for (int r = 0; r < n; r++) {
        cli_pad(out, classes[r], width, false);
        for (int c = 0; c < n; c++) {
            char cell[32] = "·";
            int64_t count = metrics->confusion[r * n + c];
            if (count > 0) snprintf(cell, sizeof cell, "%lld", (long long)count);
            int columns = cli_columns(classes[c]) > 5 ? cli_columns(classes[c]) : 5;
            bool bold = call->color && r == c;
            base_text_add(out, bold ? "  " BOLD_BEGIN : "  ");
            cli_pad(out, cell, columns, true);
            if (bold) base_text_add(out, BOLD_END);
        }
        base_text_printf(out, "   %6.3f\n", metrics->recall[r]);
    }
    cli_fit_table(out, begin, width, call->columns);
}

/* The last two parts of a path say which file it is. */
static const char *short_path(const char *path) {
    const char *last = strrchr(path, '/'), *p = last;
    while (p && p > path && p[-1] != '/') p--;
    return p && p != last ? p : path;
}

void cli_table_mistakes(const train_predictions *p, int64_t n, base_text *out) {
    int64_t clips[100];
    n = train_run_mistakes(p, n < 100 ? n : 100, clips);
    for (int64_t i = 0; i < n; i++) {
        base_text_add(out, "  ");
        base_text_add_shown(out, short_path(p->clip[clips[i]].path));
        base_text_add(out, "  as ");
        base_text_add_shown(out, p->classes[train_predicted(p, clips[i])]);
        base_text_printf(out, " %.2f\n", train_confidence(p, clips[i]));
    }
}
