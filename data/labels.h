/* data/labels.h - rules from free names to classes.
 *
 * A rules file is YAML:
 *     classes: {kick: ["*kick*", "*bass*drum*", "bd*"], snare: [...], ...}
 *     leave_out: ["*roll*", "*loop*"]       # checked first
 * Patterns are case-insensitive globs on the label. The first class, in the order of the file, with
 * a pattern that matches wins; a label that no pattern matches is left out. */
#ifndef DATA_LABELS_H
#define DATA_LABELS_H

#include "base/options.h"

typedef struct data_labels data_labels; /* lives in the arena given */

base_status data_labels_read(const char *path, base_arena *arena, data_labels **labels,
                             base_error *err);
int data_labels_n_classes(const data_labels *labels);
const char *data_labels_class(const data_labels *labels, int index);
/* Index of the class, or -1; *reason (if not NULL) then says why: "left out by rule '*roll*'" or
 * "no rule matches"; NULL: no memory. */
int data_labels_match(const data_labels *labels, const char *label, base_arena *arena,
                      const char **reason);

#endif
