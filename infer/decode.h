/* infer/decode.h - many sound files decoded in parallel into a model's form, a group at a time. */
#ifndef INFER_DECODE_H
#define INFER_DECODE_H

#include "base/file.h"
#include "base/parallel.h"
#include "data/clip.h"

enum { INFER_DECODE_GROUP = 64 }; /* files in memory at a time */

/* n files, paths first ... first + n - 1 of the job. What a file that failed has is zero. */
typedef struct {
    int64_t first, n;
    data_audio clips[INFER_DECODE_GROUP];
    base_error errors[INFER_DECODE_GROUP]; /* status BASE_OK: there is a clip */
    data_condition conditions[INFER_DECODE_GROUP];
    data_row facts[INFER_DECODE_GROUP];         /* as of data_clip_read, where they are wanted */
    base_file_stamp stamps[INFER_DECODE_GROUP]; /* before reading; zeros of standard input */
} infer_decoded;

/* A clip before its level is normalised; number `place` of its group. Called by several threads at
 * the same time. */
typedef void infer_decode_measure(void *context, const data_audio *clip, int64_t place, int worker);
/* Called in the order of paths; the group's memory is the job's. A failure ends the job. */
typedef base_status infer_decode_handler(void *context, const infer_decoded *group,
                                         base_error *err);

/* All borrowed. */
typedef struct {
    const data_audio_options *form;
    const char *const *paths; /* [n]; "-" is standard input */
    int64_t n;
    base_pool *pool; /* NULL: in the calling thread */
    bool wants_facts;
    bool (*stopped)(void);         /* whether to stop, asked by any thread; NULL: never */
    infer_decode_measure *measure; /* NULL: nothing is measured */
    infer_decode_handler *handler;
    void *context; /* of both */
} infer_decode_job;

/* Fails as the handler does, and with ESTOPPED. Memory grows neither with n nor with the length of
 * the sounds: standard input, of up to 1 GiB, is put into a temporary file, below TMPDIR or /tmp.
 */
base_status infer_decode_files(const infer_decode_job *job, base_error *err);

#endif
