/* cli/tables.h - a run's results as text for a terminal or a log. */
#ifndef CLI_TABLES_H
#define CLI_TABLES_H

#include "cli/cli.h"
#include "train/run.h"

/* Breaks the table that stands in `out` from byte `begin` on, if it is wider than the terminal:
 * what does not fit follows as a table of its own, with the first column, `key` wide, repeated. It
 * is broken where all lines have a space. `columns` 0: no terminal; there is room for everything.
 */
void cli_fit_table(base_text *out, size_t begin, int key, int columns);

/* The tables below are broken to fit `columns`, as cli_fit_table does. */

/* One line per fold, then mean, deviation and 95 % interval. `title` heads the first column. */
void cli_table_folds(const train_fold_set *set, const char *title, int columns, base_text *out);
/* Per class: precision, recall, F1, clips. */
void cli_table_classes(const train_metrics *metrics, const char *const *classes, int columns,
                       base_text *out);
/* Rows: truth; columns: prediction; '·' for zero; recall at the end. The diagonal is bold where
 * the call has color. */
void cli_table_confusion(const train_metrics *metrics, const char *const *classes,
                         const cli_call *call, base_text *out);
/* The n most confident mistakes. */
void cli_table_mistakes(const train_predictions *p, int64_t n, base_text *out);

/* Columns that `text` takes in a terminal as it is shown (base/utf8.h): characters, not bytes. */
int cli_columns(const char *text);
/* The most columns that one of the names takes, and no fewer than `least`. */
int cli_widest(const char *const *names, int n, int least);
/* `text`, as it is shown, padded with spaces to `width` columns, on the left or right. */
void cli_pad(base_text *out, const char *text, int width, bool right);

#endif
