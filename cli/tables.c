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

void cli_table_folds(const train_fold_set *set, const char *title, base_text *out) {
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
    if (set->n_folds < 2) return;
    double means[TRAIN_MAX_METRICS], deviations[TRAIN_MAX_METRICS];
    for (int m = 0; m < train_n_metrics(); m++) {
        means[m] = set->interval[m].mean;
        deviations[m] = set->interval[m].deviation;
    }
    base_text_add(out, "mean  ");
    add_values(means, out);
    base_text_add(out, "±     ");
    add_values(deviations, out);
    base_text_printf(out, "accuracy %.3f ± %.3f   (95 %%: %.3f – %.3f)\n", set->accuracy.mean,
                     set->accuracy.deviation, set->accuracy.low, set->accuracy.high);
}

void cli_table_classes(const train_metrics *metrics, const char *const *classes, base_text *out) {
    int width = cli_widest(classes, metrics->n_classes, 5);
    cli_pad(out, "class", width, false);
    base_text_add(out, "  precision  recall      F1   clips\n");
    for (int c = 0; c < metrics->n_classes; c++) {
        cli_pad(out, classes[c], width, false);
        base_text_printf(out, "  %9.3f  %6.3f  %6.3f  %6lld\n", metrics->precision[c],
                         metrics->recall[c], metrics->f1[c], (long long)metrics->support[c]);
    }
}

void cli_table_confusion(const train_metrics *metrics, const char *const *classes, bool color,
                         base_text *out) {
    int n = metrics->n_classes, width = cli_widest(classes, n, 5);
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
            bool bold = color && r == c;
            base_text_add(out, bold ? "  \033[1m" : "  ");
            cli_pad(out, cell, columns, true);
            if (bold) base_text_add(out, "\033[0m");
        }
        base_text_printf(out, "   %6.3f\n", metrics->recall[r]);
    }
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
