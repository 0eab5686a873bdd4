/* infer/classify.h - classifies many files: decoded in parallel, classified in batches, reported in
 * order. */
#ifndef INFER_CLASSIFY_H
#define INFER_CLASSIFY_H

#include "base/walk.h"
#include "infer/model.h"

typedef struct {
    const char *path;
    base_status status; /* not OK: `error` says why, no probabilities */
    const char *error;
    const float *probability; /* [n_classes] */
    int best;                 /* the answer: a class, or INFER_UNKNOWN */
    const char *condition;    /* of a sound that is damaged, used or not, or whose header was never
                                 finalised (data/sound.h); NULL: it is whole */
} infer_result;

/* Called in the order of paths; false stops (ESTOPPED). */
typedef bool infer_result_handler(void *context, const infer_result *result);

/* All borrowed. */
typedef struct {
    infer_model *model;
    const char *const *paths; /* [n]; "-" is standard input */
    int64_t n;
    base_pool *pool;       /* decodes; NULL: in the calling thread */
    int damaged;           /* DATA_DAMAGED_...: what becomes of such sounds; refused, they fail */
    bool (*stopped)(void); /* whether to stop, asked by any thread; NULL: never */
    infer_result_handler *handler;
    void *context; /* of the handler */
} infer_classify_job;

/* A file that fails is a result too; only a failure of the whole job is an error. Memory does not
 * grow with n, nor with the length of the sounds: standard input, of up to 1 GiB, is put into a
 * temporary file, below TMPDIR or /tmp. */
base_status infer_classify_files(const infer_classify_job *job, base_error *err);

typedef struct {
    const char **items; /* [n] in the arena; the caller may reorder them */
    int64_t n;
    base_walk_problem *problems; /* [n_problems] what could not be read, or holds no audio files */
    int64_t n_problems;
    const char **repeats; /* [n_repeats] as in base_walk */
    int64_t n_repeats;
} infer_paths;

/* Expands files and folders (all audio files below them, in byte order); "-" stays as it is. A
 * folder that can't be read is a problem, no failure. EUSAGE for a second "-". */
base_status infer_expand_paths(const char *const *arguments, int n_arguments, base_arena *arena,
                               infer_paths *paths, base_error *err);

#endif
