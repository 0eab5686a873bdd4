/* train/include.h - layers of other files in a network's list.
 *
 * An item `include: FILE` of a list of layers, however deep, stands for the layers of FILE: a YAML
 * list, whose own includes are relative to it. */
#ifndef TRAIN_INCLUDE_H
#define TRAIN_INCLUDE_H

#include "base/options.h"

extern const base_option train_include_table[]; /* of the item, for help */

/* Splices in all that `network` includes, relative to `folder`, in place. What it brings keeps its
 * file and line for errors. ECONFIG where includes go in a circle, too deep or without end. */
base_status train_include(base_node *network, const char *folder, base_arena *arena,
                          base_error *err);

#endif
