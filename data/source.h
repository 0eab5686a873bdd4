/* data/source.h - the contract of every kind of source: which sounds there are, and how each is
 * read.
 *
 * A kind is one file of data/sources/ that exports one data_source and has one line in
 * data/sources.def. An entry of `dataset:` in a configuration names a kind (`source: csv`); opened,
 * it is a data_origin, which its rows refer to; no other code depends on the kind. */
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include "base/walk.h"
#include "data/clip.h"
#include "data/manifest.h"
#include "data/work.h"

typedef struct data_source data_source;

/* Keys that every kind of source has. */
typedef struct {
    int source;           /* number of the kind */
    int use;              /* data_use */
    const char *rules;    /* rules file, relative to the configuration's folder; NULL: labels are
                             classes */
    base_strings classes; /* keep only these, in this order; none: all, in name order (rules: in
                             the file's) */
    base_strings only_groups, skip_groups; /* kits to keep or to leave out, by name */
} data_source_options;
extern const base_option data_source_table[];

/* An entry of `dataset:` while the data set is open. The manifest owns it. */
struct data_origin {
    const data_source *source; /* its kind */
    const void *options;       /* the kind's own */
    data_source_options common;
    base_node *node;  /* its entry in the configuration, */
    const char *path; /* its `path` as written there, without a slash at the end; NULL */
    void *state;      /* the kind's own; its close() frees it */
    data_origin *next;
};

typedef enum {
    DATA_FOLDER_NONE,     /* the kind has no path */
    DATA_FOLDER_SEARCHED, /* without a path it knows where to look */
    DATA_FOLDER_NEEDED
} data_folder_use;

/* Functions may be NULL where it says so; the others must be there. */
struct data_source {
    base_variant variant;   /* name, help, its own options */
    data_folder_use folder; /* if not NONE, the options begin with a data_folder_options */
    bool takes_file;        /* the path may also be that of a file */
    bool makes_classes;     /* the sounds are made for the classes that `classes` names */

    /* Appends its rows (data_manifest_append): path, span, label and group, in the manifest's
     * arena, and left_out where the source itself cannot use a row. ENOTFOUND if what the path
     * names, or the search, is not there. */
    base_status (*list)(data_origin *origin, data_manifest *manifest, base_error *err);

    /* Makes a row's sound; NULL: it is the file at row->path. Called from any number of threads at
     * once. */
    base_status (*read)(const data_row *row, data_audio *audio, base_error *err);

    /* Digest of everything that decides the sound at row->path, except the span; NULL with read.
     * Rows of one origin with the same path have the same sound. */
    base_digest (*digest)(const data_row *row);
    bool renders_file; /* read() makes the sound from the file at row->path, whose content need not
                          be part of digest() */

    /* Prepares whatever read() and digest() need; NULL: nothing. Notes go to the manifest. */
    base_status (*load)(data_origin *origin, data_manifest *manifest,
                        const data_audio_options *audio, const data_work *work, base_error *err);
    /* Once loaded: names in the row's label and parts the one-shots that the sound is made from.
     * NULL: it is made from none. */
    base_status (*describe)(data_row *row, base_arena *arena, base_error *err);
    void (*unload)(data_origin *origin); /* frees what load() prepared; NULL if that is NULL */
    void (*close)(data_origin *origin);  /* frees the state, if any; NULL: there never is one */
};

#define DATA_SOURCE(name) extern const data_source data_source_##name;
#include "data/sources.def"
#undef DATA_SOURCE

/* All kinds in the order of data/sources.def, for help. */
const base_variant *const *data_source_variants(int *n);

/* Opens an entry of `dataset:` and puts it at the end of the manifest's origins. Defaults of the
 * kind's keys are filled in. A key that only other kinds have is refused; but older versions wrote
 * the keys of all kinds into run folders and models, so one that is null or at its default is
 * dropped from the entry. */
base_status data_origin_open(base_node *node, data_manifest *manifest, data_origin **origin,
                             base_error *err);
/* Appends its rows and sets their origin. `otherwise: synth` replaces a missing folder by the
 * synthesiser, with a note. */
base_status data_origin_list(data_origin *origin, data_manifest *manifest, base_error *err);

/* Why a source leaves out a file that lies loose among folders named after classes. */
extern const char data_no_class_folder[];

/* Where this process finds a row's file. */
const char *data_row_file(const data_row *row);
/* A row's sound, made by its origin or decoded from its file (as is a row's without an origin). */
base_status data_row_open(const data_row *row, data_sound **sound, base_error *err);
/* Digest of what decides it. A file that is not there, or is none, is digested as what is wrong
 * with it; one that cannot be read fails. */
base_status data_row_digest(const data_row *row, base_digest *digest, base_error *err);

/* ---- for kinds of source ---- */

/* base_folder_walk into the manifest's arena. What could not be read is noted as unread
 * (data_manifest_add_unread), repeats as notes; fails, with the first of these, if nothing else was
 * found. */
base_status data_folder_walk(const char *folder, base_walk_filter *wanted, data_manifest *manifest,
                             base_walk *found, base_error *err);

/* Keys that several kinds have, as rows for their tables; `type` is the options' struct, `field`
 * the member, `when` a text before the help. */
#define DATA_PER_CLASS_ROW(type, field, when)                                                      \
    {                                                                                              \
        "per_class", BASE_OPT_INT, offsetof(type, field), "60", 1, 100000, NULL, NULL,             \
            when "sounds per class"                                                                \
    }
#define DATA_SEED_ROW(type, field, when)                                                           \
    {                                                                                              \
        "seed", BASE_OPT_INT, offsetof(type, field), "1", 0, 4294967295.0, NULL, NULL,             \
            when "decides what is drawn at random"                                                 \
    }

typedef struct {
    int64_t per_class, seed;
} data_synth_options;

typedef struct {
    const char *path; /* of the folder for this process, without a slash at the end; NULL: search */
    int otherwise;    /* if it is missing: 0 fail, 1 synth */
    data_synth_options synth;
} data_folder_options;

#define DATA_FOLDER_ROWS(type, field, path_help)                                                   \
    {"path", BASE_OPT_STRING, offsetof(type, field.path), "~", 0, 0, NULL, NULL, path_help},       \
        {"otherwise",                                                                              \
         BASE_OPT_CHOICE,                                                                          \
         offsetof(type, field.otherwise),                                                          \
         "fail",                                                                                   \
         0,                                                                                        \
         0,                                                                                        \
         "fail|synth",                                                                             \
         NULL,                                                                                     \
         "what to do if it is missing: fail, or use the built-in synthesiser"},                    \
        DATA_PER_CLASS_ROW(type, field.synth.per_class, "with otherwise: synth, "),                \
        DATA_SEED_ROW(type, field.synth.seed, "with otherwise: synth, ")

#endif
