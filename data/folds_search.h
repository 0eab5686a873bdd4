/* data/folds_search.h - the search behind data/folds.h, on bare numbers. */
#ifndef DATA_FOLDS_SEARCH_H
#define DATA_FOLDS_SEARCH_H

#include "base/status.h"

/* What to assign, as data_folds_assign takes it. */
typedef struct {
    const int32_t *label;
    const int64_t *group;
    int64_t n, n_classes;
    bool stratify;
    uint64_t seed;
} data_folds_list;

/* share[k] of the clips for each fold; they sum to 1. */
base_status data_folds_search(const data_folds_list *clips, const double *share, int64_t k,
                              int32_t *fold, base_error *err);

#endif
