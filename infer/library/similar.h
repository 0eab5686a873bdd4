/* infer/library/similar.h - the sounds of an index that are most like another. */
#ifndef LIBRARY_SIMILAR_H
#define LIBRARY_SIMILAR_H

#include "infer/library/index.h"

typedef struct {
    int64_t entry;
    float similarity; /* cosine of the angle between the embeddings, -1 to 1 */
} library_match;

/* The n_wanted entries (fewer if there are no more) whose embeddings have the largest cosine with
 * query [index->width], the most similar first; of equal ones that which comes first in the index.
 * Exact: every entry that was heard is compared. The same bits for any number of threads. EMEMORY.
 */
base_status library_find_similar(const library_index *index, const float *query, base_pool *pool,
                                 int64_t n_wanted, library_match *matches, int64_t *n_found,
                                 base_error *err);

#endif
