/* data/sets.h - disjoint sets of clips: what must stay together.
 *
 * parent[n] is a forest whose roots are the first members of their sets, so that the result does
 * not depend on the order of the joins. */
#ifndef DATA_SETS_H
#define DATA_SETS_H

#include "base/status.h"

void data_sets_init(int64_t *parent, int64_t n); /* every member alone */
int64_t data_sets_find(int64_t *parent, int64_t member);
void data_sets_join(int64_t *parent, int64_t a, int64_t b);
/* Numbers the sets in order of their first members; returns how many there are. number may not
 * alias parent. */
int64_t data_sets_number(int64_t *parent, int64_t n, int64_t *number);

#endif
