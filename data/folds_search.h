/* data/folds_search.h - the search behind data/folds.h, on bare numbers. */
#ifndef DATA_FOLDS_SEARCH_H
#define DATA_FOLDS_SEARCH_H

#include "base/status.h"

/* n clips to assign to k folds. */
typedef struct {
    const int32_t *label; /* [n] in [0, n_classes) */
    const int64_t *group; /* [n] any numbers */
    int64_t n, n_classes;
    int64_t k;           /* 2..20 */
    const double *share; /* [k] of the clips for each fold, sum 1; NULL: equal shares */
    bool stratify;
    uint64_t seed;
} data_folds_list;

/* Writes fold[n]. EDATA if there are fewer groups than folds. */
base_status data_folds_search(const data_folds_list *clips, int32_t *fold, base_error *err);

#endif
