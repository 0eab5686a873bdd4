/* data/duplicates.h - copies, exact and near, as groups that no fold may split.
 *
 * Exact: equal once mixed to mono, trimmed, peak-normalised and quantised to 16 bits. Near:
 * spectral fingerprints (log-mel of 32 bands x 16 frames from the onset, mean removed, unit norm)
 * whose cosine is at least `near`; candidates come from sorting random projections, so that the
 * search is far from quadratic. */
#ifndef DATA_DUPLICATES_H
#define DATA_DUPLICATES_H

#include "data/clips.h"

typedef struct {
    int64_t n_groups;    /* groups of two or more clips */
    int64_t n_copies;    /* clips beyond the first of each group */
    int64_t n_conflicts; /* groups with more than one class */
} data_duplicates;

typedef struct {
    const data_clips *clips;
    double near; /* 0: exact copies only; otherwise 0.9..1 */
    base_pool *pool;
} data_duplicates_search;

/* Sets manifest->rows[].duplicate for the clips. */
base_status data_duplicates_find(const data_duplicates_search *search, data_manifest *manifest,
                                 data_duplicates *found, base_error *err);

#endif
