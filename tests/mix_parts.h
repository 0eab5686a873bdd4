/* tests/mix_parts.h - synthesised one-shots of system S4's eight parts. */
#ifndef MIX_PARTS_H
#define MIX_PARTS_H

#include "base/arena.h"

/* A flow-style YAML list for `parts:`; it needs a rules file, which is written into `folder`. The
 * synthesiser has one tom: its first seed gives middle toms, a second one floor toms. */
const char *mix_parts(base_arena *arena, const char *folder, int per_class);
/* The same from two other seeds, `seed` and the next: no sound is in both. */
const char *mix_parts_of(base_arena *arena, const char *folder, int per_class, int seed);

/* The 23 classes of S4, as a flow-style YAML list. */
extern const char mix_classes[];

#endif
