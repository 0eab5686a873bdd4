/* data/manifest.h - the rows of a data set: which sound, which span, which class, which group.
 *
 * Sources fill in path, span, label and group; the label rules the class; decoding (data/clips.h)
 * the facts about the sound; data/duplicates.h the duplicate group. A row that is not used stays,
 * with the reason: nothing is left out silently. */
#ifndef DATA_MANIFEST_H
#define DATA_MANIFEST_H

#include "base/file.h"
#include "base/options.h"
#include "data/labels.h"

typedef enum {
    DATA_SOURCE_FOLDER,
    DATA_SOURCE_CSV,
    DATA_SOURCE_HYDROGEN,
    DATA_SOURCE_SYNTH,
    DATA_SOURCE_MIX,
    DATA_SOURCE_PERFORMANCE
} data_source_kind;

/* What a sound is for. */
typedef enum {
    DATA_USE_FOLDS, /* tested in one fold, trained on in the others */
    DATA_USE_TRAIN, /* trained on, never tested */
    DATA_USE_TEST,  /* an unseen sound: tested by every fold's network, never trained on */
    DATA_USE_NONE   /* of clips alone (data/folds.h): their row was left out in the end */
} data_use;

typedef struct data_mix data_mix; /* what puts sounds together from others: data/mix.h */

/* `dataset:` in a config: one map of these, or a list of maps whose rows are joined. */
typedef struct {
    int source; /* data_source_kind */
    int use;    /* data_use */
    const char
        *path; /* folder; hydrogen: NULL searches hydrogen/data/drumkits below XDG_DATA_DIRS */
    const char *labels; /* csv: file name within path (default labels.csv); columns
                           path,label[,group[,begin_s,end_s]] */
    const char
        *rules; /* rules file, relative to the configuration's folder; NULL: labels are classes */
    base_strings
        classes; /* keep only these, in this order; none: all, in name order (rules: file order) */
    base_strings only_groups, skip_groups; /* kits to keep or leave out, by name */
    const char *label; /* folder: of every sound, wherever it lies; NULL: the first folder's name */
    int otherwise;     /* if the source's folder is missing: 0 fail, 1 synth */
    int64_t per_class; /* synth, mix: sounds per class */
    int64_t seed;      /* synth, mix, performance */
    const base_node *parts; /* mix, performance: the data set of one-shots they are made from */
    int64_t pools;          /* the one-shots are dealt into as many */
    double gain_db[2], jitter_ms[2]; /* of every part */
    double ringing;            /* mix: how many, of 1, have the tail of an earlier sound beneath */
    double tempo_bpm[2];       /* performance: quarter notes a minute */
    int64_t songs, bars;       /* performance; bars of each song */
    base_node *node;           /* no key: where these stood, */
    const char *config_folder; /* and what anchors the parts' rules */
} data_source_options;
extern const base_option data_source_table[];

/* A one-shot that a mix or a performance is made from. */
typedef struct {
    base_digest content; /* as a row's */
    const char *name;    /* "KIT/FILE" */
} data_row_part;

typedef struct {
    const char *path;      /* openable; "synth:kick:17:7", a synthesised hit (data/synth.h);
                              "mix:B+CH:17:1", "performance:3:1" (data/mix.h) */
    double begin_s, end_s; /* end 0: the whole file */
    const char *label;     /* as found; of a mix or performance, once decoded, its parts */
    const char *group;     /* kit, pack or sub-folder; "" if none */
    data_use use;
    int class_index;      /* -1: left out */
    const char *left_out; /* why; NULL for a used row */
    const data_mix *mix;  /* what makes it, as its number `item`; NULL for all others */
    int64_t item;
    const data_row_part *parts; /* [n_parts] what is heard in it, once that is decoded */
    int64_t n_parts;
    /* Known after decoding */
    double sample_rate_hz, seconds;
    int64_t n_channels;
    double peak;         /* largest |sample| */
    int64_t n_clipped;   /* samples at or beyond full scale, in runs of 3 or more */
    base_digest content; /* trimmed, peak-normalised, 16-bit quantised mono */
    int64_t duplicate;   /* number of its duplicate group, shared by copies; -1: no copy */
} data_row;

typedef struct {
    base_arena arena;   /* owns all below */
    base_node *dataset; /* the node it was opened from, with all defaults filled in */
    data_row *rows;     /* base_alloc'd */
    int64_t n_rows;
    const char *const *classes;
    int n_classes;
    const char *const *notes; /* what a user should know: "no Hydrogen kits found; ..." */
    int n_notes;
    data_mix *mixes; /* a list */
} data_manifest;

/* Lists the sources in `dataset` (a node: map or list of maps). `config_folder` anchors rules
 * files. Rows keep the order of their source (files in byte order). EDATA when nothing is left, or
 * a class has sounds for testing alone. */
base_status data_manifest_open(const base_node *dataset, const char *config_folder,
                               data_manifest *manifest, base_error *err);
void data_manifest_release(data_manifest *manifest);

/* Once duplicates are known: leaves out what is not of use: test itself, but is a copy of a row
 * that is, or has a one-shot in common with it: is made from one, or is one (exact copies). With
 * notes. EDATA if a class is left with nothing to train on by this. */
base_status data_manifest_leave_out_copies(data_manifest *manifest, base_error *err);

/* manifest.csv:
 * path,begin_s,end_s,label,class,group,duplicate,left_out,sample_rate_hz,channels,seconds,peak,clipped,content
 */
base_status data_manifest_write(const data_manifest *manifest, const char *path, base_error *err);

/* Adds a note, formatted and made one line as errors are; without memory for it the note is lost.
 */
void data_manifest_note(data_manifest *manifest, const char *format, ...) BASE_PRINTF(2, 3);

/* One source each; they append rows (in data/sources/): path, span, label and group in the
 * manifest's arena, and left_out where the source itself can't use a row. ENOTFOUND if what
 * options->path names (or the search) isn't there. */
base_status data_manifest_append(data_manifest *manifest, size_t *capacity, const data_row *row,
                                 base_error *err);
base_status data_source_folder(const data_source_options *options, data_manifest *manifest,
                               size_t *capacity, base_error *err);
base_status data_source_csv(const data_source_options *options, data_manifest *manifest,
                            size_t *capacity, base_error *err);
base_status data_source_hydrogen(const data_source_options *options, data_manifest *manifest,
                                 size_t *capacity, base_error *err);
base_status data_source_synth(const data_source_options *options, data_manifest *manifest,
                              size_t *capacity, base_error *err);
base_status data_source_mix(const data_source_options *options, data_manifest *manifest,
                            size_t *capacity, base_error *err);
base_status data_source_performance(const data_source_options *options, data_manifest *manifest,
                                    size_t *capacity, base_error *err);

#endif
