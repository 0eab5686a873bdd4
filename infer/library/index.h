/* infer/library/index.h - what was heard in the sounds of a library, in one file that is kept up to
 * date (docs/formats.md). */
#ifndef LIBRARY_INDEX_H
#define LIBRARY_INDEX_H

#include "base/file.h"
#include "base/h5.h"
#include "base/parallel.h"
#include "infer/library/find.h"
#include "infer/model.h"

#define LIBRARY_INDEX_NAME ".rimshot-index.h5" /* below a folder that has an index of its own */

typedef struct {
    const char *name;  /* the file's path, relative to the folder of the index */
    const char *error; /* why nothing was heard; NULL: something was, and what follows is set */
    int best;          /* a class, or INFER_UNKNOWN */
    double seconds, pitch_hz, loudness_lufs; /* as of library_sound; NaN: has none */
    base_digest content;                     /* of the sound */
    base_digest bytes;                       /* of the file */
    base_file_stamp stamp;                   /* of the file when it was heard */
} library_entry;

/* All zeros is an empty one. */
typedef struct {
    base_arena arena;     /* owns all that is not borrowed from */
    base_h5_reader *file; /* the file it was read from; NULL: none */
    base_digest model;    /* of the bytes of the model's file */
    const char *model_name;
    const char *const *classes;
    int n_classes;
    int64_t n, width;
    library_entry *entries;   /* [n] by name, in byte order; no name twice */
    const float *probability; /* [n, n_classes]; zeros of what was not heard */
    const float *embedding;   /* [n, width], likewise */
    float *own;               /* base_alloc'd memory of both, of an index that was not read */
} library_index;

/* The file is untrusted: EMISMATCH, EFORMAT and EDIGEST as of base/h5.h. */
base_status library_index_read(const char *path, library_index *index, base_error *err);
/* Whole or not at all. */
base_status library_index_write(const library_index *index, const char *path, base_error *err);
/* path,class,confidence,pitch_hz,loudness_lufs,seconds,size_bytes,modified_s,content,error; paths
 * relative to the folder of the index. */
base_status library_index_write_csv(const library_index *index, const char *path, base_error *err);
void library_index_release(library_index *index); /* released is fine */

/* EMISMATCH, naming both models and the way out, unless the index at `path` is the model's. */
base_status library_index_check_model(const library_index *index, const char *path,
                                      base_digest model, base_error *err);
/* The digest of a model's file. */
base_status library_model_digest(const char *path, base_digest *digest, base_error *err);

/* The path of an entry for this process, where `path` is that of the index's file. */
const char *library_entry_path(const library_entry *entry, const char *path, base_arena *arena);
/* The probability of its class; of what is unknown that of the most probable class. */
double library_entry_confidence(const library_index *index, int64_t i);
/* Its class' name, or "unknown". */
const char *library_entry_class(const library_index *index, int64_t i);

/* ---- bringing one up to date ---- */

/* Of one call. */
typedef struct {
    int64_t n_kept;    /* as they were by size and time */
    int64_t n_known;   /* new, moved or touched files with the bytes of one that was heard */
    int64_t n_heard;   /* listened to */
    int64_t n_removed; /* of the old index, no longer there */
    int64_t n_failed;  /* of all now in it */
    bool same;         /* nothing changed: the file was not written */
} library_changes;

/* All borrowed. */
typedef struct {
    infer_model *model;
    base_digest model_digest;
    const char *model_name;
    const library_files *files;
    const char *path;         /* of the index's file; written, also now and then on the way */
    const library_index *old; /* of the same path and model; NULL: none */
    bool keeps_in_memory;     /* nothing is written */
    base_pool *pool;
    bool (*stopped)(void); /* asked by any thread; NULL: never */
    bool (*progress)(void *context, const char *what, int64_t done, int64_t total); /* NULL: none */
    void (*failed)(void *context, const char *why); /* "PATH: why"; NULL: not told */
    void *context;
} library_update;

/* Listens to what is new or has changed, and makes the index of exactly the files given. Files
 * that fail are entries with an error, and are tried again when they change, or when memory,
 * input or output was at fault. Stopped (ESTOPPED), or ended from outside, it has written what it
 * had heard, and the next call goes on. ESHAPE for a model without embeddings. */
base_status library_index_update(const library_update *update, library_index *index,
                                 library_changes *changes, base_error *err);

#endif
