/* infer/library/sounds.h - what a model and the ear hear in each of many sound files. */
#ifndef LIBRARY_SOUNDS_H
#define LIBRARY_SOUNDS_H

#include "base/file.h"
#include "infer/model.h"

/* Borrowed: valid while the handler runs. */
typedef struct {
    const char *path;
    base_status status;
    const char *error;        /* NULL: heard; or why not, and nothing from probability on is set */
    const char *condition;    /* of a sound that is damaged, used or not, or whose header was never
                                 finalised (data/sound.h); NULL: it is whole */
    const float *probability; /* [the model's classes]; the bits of infer_classify_files */
    int best;                 /* infer_refusal_decide: a class, or INFER_UNKNOWN */
    const float *embedding;   /* [infer_model_embedding_size]; NULL: the model gives none */
    base_digest content;      /* as a manifest row's: trimmed, peak-normalised, 16-bit mono */
    double seconds;           /* of the whole file */
    /* Of the clip as the model takes it, but with the level it has in the file; the numbers of
     * dsp/descriptors.h. NaN: the clip has none, or they were not asked for. */
    double pitch_hz, loudness_lufs;
    base_file_stamp stamp; /* of the file before it was read; zeros of standard input */
} library_sound;

/* Called in the order of paths; false stops (ESTOPPED). */
typedef bool library_sound_handler(void *context, const library_sound *sound);

/* All borrowed. */
typedef struct {
    infer_model *model;
    const char *const *paths; /* [n]; "-" is standard input */
    int64_t n;
    base_pool *pool;       /* decodes and measures; NULL: in the calling thread */
    int damaged;           /* DATA_DAMAGED_...: what becomes of such sounds; refused, they fail */
    bool measures;         /* pitch and loudness, which take longer than decoding */
    bool (*stopped)(void); /* whether to stop, asked by any thread; NULL: never */
    library_sound_handler *handler;
    void *context; /* of the handler */
} library_listen_job;

/* A file that fails is a result too; only a failure of the whole job is an error. Memory grows
 * neither with n nor with the length of the sounds. */
base_status library_listen(const library_listen_job *job, base_error *err);

/* The name of a class of the model, or "unknown". */
const char *library_class_name(const infer_model *model, int best);

#endif
