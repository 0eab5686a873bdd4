/* data/manifest.h - the rows of a data set: which sound, which span, which class, which group.
 *
 * Sources fill in path, span, label and group; the label rules the class; decoding (data/clips.h)
 * the facts about the sound; data/duplicates.h the duplicate group. A row that is not used stays,
 * with the reason: nothing is left out silently. */
#ifndef DATA_MANIFEST_H
#define DATA_MANIFEST_H

#include "base/file.h"
#include "base/options.h"

enum { DATA_MAX_CLASSES = 1000 };

/* What a sound is for. */
typedef enum {
    DATA_USE_FOLDS, /* tested in one fold, trained on in the others */
    DATA_USE_TRAIN, /* trained on, never tested */
    DATA_USE_TEST,  /* held out: tested by every fold's network, never trained on */
    DATA_USE_NONE   /* only of clips (data/folds.h): their row was left out after decoding */
} data_use;

typedef struct data_origin data_origin; /* where rows come from: data/source.h */

/* A one-shot that a sound is made from. */
typedef struct {
    base_digest content; /* as a row's */
    const char *name;    /* "KIT/FILE" */
} data_row_part;

typedef struct {
    const char *path;      /* of a file, as the configuration has it: relative to the folder of
                              sounds; of what is made, a name: "synth:kick:17:7" */
    const char *file;      /* the same file for this process; NULL: `path` */
    double begin_s, end_s; /* end 0: the whole file */
    const char *label;     /* as found; of a sound made from one-shots, once decoded, their names */
    const char *group;     /* kit, pack or sub-folder; "" if none */
    const char *family;    /* name shared by several strokes of one instrument; NULL: none */
    data_use use;
    int class_index;       /* -1: left out */
    const char *left_out;  /* why; NULL for a used row */
    const char *condition; /* of a sound in use that is damaged, or whose header was never finalised
                              (data/sound.h), once decoded; NULL: it is whole */
    const data_origin *origin;
    int64_t item;               /* its number within the origin */
    const data_row_part *parts; /* [n_parts] one-shots heard in it, once decoded */
    int64_t n_parts;
    /* Known after decoding */
    double sample_rate_hz, seconds;
    int64_t n_channels;
    double peak;         /* largest |sample| */
    int64_t n_clipped;   /* samples at or beyond full scale, in runs of 3 or more */
    base_digest content; /* trimmed, peak-normalised, 16-bit quantised mean of the channels; where
                            they cancel each other in it, of all channels; of silence 0 */
    int64_t duplicate;   /* number of its duplicate group, shared by copies; -1: no copy */
} data_row;

/* What a data set is opened with, beside its description. */
typedef struct {
    const char *config_folder; /* files that it names, such as rules, are relative to it */
    const char *sounds_folder; /* and to this one the paths of its sources; NULL: the same */
    bool label_free;           /* a sound needs no label; one that has none is of the class "" */
} data_manifest_request;

typedef struct {
    base_arena arena; /* owns all below */
    data_manifest_request request;
    base_node *dataset; /* the node it was opened from, with all defaults filled in */
    data_row *rows;     /* base_alloc'd */
    int64_t n_rows;
    size_t capacity; /* of rows */
    const char *const *classes;
    int n_classes;
    const char *const *notes; /* for the user: "no Hydrogen kits found; ..." */
    int n_notes;
    const char *const *unread; /* what could not be read, "PATH: why", while the rows were listed */
    int n_unread;
    data_origin *origins; /* a list */
} data_manifest;

/* Adds a row; its class and duplicate group are not known yet. */
base_status data_manifest_append(data_manifest *manifest, const data_row *row, base_error *err);

/* EDATA, with the class and why, unless every class has a sound to train on: one in use that is not
 * for testing alone. A row that was left out counts for the reason while it has its class_index. */
base_status data_manifest_check_trained(const data_manifest *manifest, base_error *err);

/* Once duplicates are known: leaves out, with notes, rows for training that are copies of a row of
 * use: test, or share a one-shot with it (are one, or are made from one; exact copies). EDATA if
 * this leaves a class with nothing to train on. */
base_status data_manifest_leave_out_copies(data_manifest *manifest, base_error *err);

/* Adds manifest.csv; the text fails without memory:
 * path,begin_s,end_s,label,class,group,duplicate,left_out,sample_rate_hz,channels,seconds,peak,clipped,content,condition
 */
void data_manifest_text(const data_manifest *manifest, base_text *out);
base_status data_manifest_write(const data_manifest *manifest, const char *path, base_error *err);

/* Notes that something could not be read, which data_clips_open then tells of, or fails for. */
base_status data_manifest_add_unread(data_manifest *manifest, const char *why, base_error *err);

/* Adds a note, formatted and made one line as errors are; without memory for it the note is lost.
 */
void data_manifest_note(data_manifest *manifest, const char *format, ...) BASE_PRINTF(2, 3);

#endif
