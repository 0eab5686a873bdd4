/* infer/classify.h - many files through a model: decode in parallel, classify in batches, results
 * in order. */
#ifndef INFER_CLASSIFY_H
#define INFER_CLASSIFY_H

#include "infer/model.h"

typedef struct {
    const char *path;
    base_status status; /* not OK: `error` says why, no probabilities */
    const char *error;
    const float *probability; /* [n_classes] */
    int best;                 /* class of the largest */
} infer_result;

/* Called in the order of paths; false stops (ESTOPPED). */
typedef bool infer_result_handler(void *context, const infer_result *result);

/* Files that fail are results too; only a failure of the whole job is an error. Memory does not
 * grow with n. */
base_status infer_classify_files(infer_model *model, const char *const *paths, int64_t n,
                                 base_pool *pool, infer_result_handler *handler, void *context,
                                 base_error *err);

/* Expands files and folders (audio files below them, byte order) into a list; "-" is kept as it is.
 */
base_status infer_expand_paths(const char *const *arguments, int n_arguments, base_arena *arena,
                               const char ***paths, int64_t *n, base_error *err);

#endif
