/* data/folds_file.h - following a folds.csv. */
#ifndef DATA_FOLDS_FILE_H
#define DATA_FOLDS_FILE_H

#include "data/folds.h"

/* Sets folds->fold as the file says, for the clips that take part (folds->use). Rows are matched by
 * path, begin and end; EMISMATCH, with the count and the first, if clips are missing from the file
 * or rows from the clips. */
base_status data_folds_replay(const data_manifest *manifest, const data_clips *clips,
                              const data_folds_options *options, data_folds *folds,
                              base_error *err);

#endif
