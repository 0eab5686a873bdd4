/* train/study/curate.h - self-training: a model labels sounds that then train the next model.
 *
 * Round 0 is the run of a configuration, or a given model. In each further round the last round's
 * model classifies a folder of unlabelled sounds; those that it is confident of join the training
 * data, the network is trained afresh, and tested on the same held-out sounds (use: test). A
 * person's label overrides the models'. docs/formats.md describes the files.
 *
 * Killed at any moment and resumed, a folder ends with the same bytes in every file. */
#ifndef TRAIN_STUDY_CURATE_H
#define TRAIN_STUDY_CURATE_H

#include "train/experiment.h"
#include "train/work_folder.h"

typedef struct {
    const char *config;           /* path of the configuration */
    const char *const *overrides; /* [n_overrides] of its keys */
    int n_overrides;
    const char *sounds; /* folder of the unlabelled sounds */
    const char *out;    /* folder of the rounds */
    const char *model;  /* what round 0 is; NULL: it is trained */
    const char *labels; /* given by a person; NULL: labels.csv in `out`, if it is there */
    const char *truth;  /* true classes, only for counting what was proposed right; NULL: unknown */
    double confidence;  /* a sound is proposed from this probability on */
    int64_t per_class;  /* at most so many new ones per class and round; 0: any number */
    bool resume;
    base_pool *pool;
    data_progress *progress; /* of decoding and listening; may be NULL */
    void *progress_context;
    data_unread *unread; /* as a run's */
    void *unread_context;
} train_curate_options;

/* ---- what is known of the sounds; the path stands first in each, which all are sorted by ---- */

/* What a model makes of one sound. */
typedef struct {
    const char *path;
    const char *content; /* digest, as in manifest.csv; "": it could not be decoded */
    int class_index;     /* the most probable class; -1: silent or unreadable */
    double confidence;
} train_curate_sound;

/* A label that a person gave, or the truth. */
typedef struct {
    const char *path;
    int class_index; /* -1: the sound is never to be used; of a truth: no class of the data set */
    int line;        /* in its file */
} train_curate_label;
typedef struct {
    train_curate_label *items;
    int64_t n;
} train_curate_labels;

/* A sound that joins the training data: a line of proposals.csv. */
typedef struct {
    const char *path;
    int class_index;
    double confidence;   /* NaN if a person gave the label */
    int round;           /* the first that was trained on it */
    const char *model;   /* digest of the model.h5 that proposed it; "" by a person */
    const char *content; /* as above */
    bool by_person;
} train_curate_row;
typedef struct {
    train_curate_row *rows;
    int64_t n;
} train_curate_record;

/* ---- which sounds join ---- */

typedef struct {
    int n_classes;
    const train_curate_sound *sounds; /* [n_sounds] sorted by path */
    int64_t n_sounds;
    const char *const *known; /* [n_known] contents of the data set's sounds, sorted */
    int64_t n_known;
    const train_curate_record *before; /* of the round before */
    const train_curate_labels *labels;
    double confidence;
    int64_t per_class; /* 0: any number */
    int round;
    const char *model; /* digest */
} train_curate_choice;

/* The arrays live in the arena given. */
typedef struct {
    train_curate_record record; /* all that is trained on: of rounds before, new, by a person */
    int64_t n_new;              /* proposed now */
    int64_t *new_counts;        /* [n_classes] of these */
    double *lowest;             /* [n_classes] their lowest confidence */
    int64_t n_person, n_never;  /* labels of a person */
    bool changed;               /* another training set than before */
    /* Why the others are not among them: */
    int64_t n_unheard; /* silent or unreadable */
    int64_t n_known;   /* copies of sounds of the data set */
    int64_t n_copies;  /* of sounds that join, or that a person labelled */
    int64_t n_unsure;  /* below the confidence */
    int64_t n_beyond;  /* beyond per_class */
} train_curate_proposals;

/* A person's labels are taken as they are, and decide for exact copies of these sounds, too. What
 * was proposed before stays, unless a person said otherwise or the sound is gone. Of the others
 * those that are sure enough join, the surest first, equals by path; of copies the surest alone. */
base_status train_curate_choose(const train_curate_choice *choice, base_arena *arena,
                                train_curate_proposals *proposals, base_error *err);

/* ---- rounds ---- */

typedef struct {
    base_arena arena;
    train_work_folder work;
    const train_curate_options *options; /* borrowed */
    const char *name;                    /* of the configuration */
    const char *sounds;                  /* the folder, without a slash at its end */
    const char *const *classes;
    int n_classes;
    const char **paths; /* [n_paths] sounds of the folder, in byte order */
    int64_t n_paths;
    const char **known; /* [n_known] contents of the data set's sounds, sorted */
    int64_t n_known;
    int n_done; /* rounds that are finished: 0 to n_done - 1 */
} train_curate;

/* Checks everything, decodes the data set, takes the folder `out` for this process. ECONFIG if the
 * configuration has no fixed test set, or leaves no model; EMISMATCH if the folder was begun with
 * other settings. */
base_status train_curate_open(const train_curate_options *options, train_curate *curate,
                              base_error *err);
void train_curate_release(train_curate *curate);

/* What the first round that is not finished adds; for round 0, which adds nothing, only with a
 * model. Writes nothing. */
base_status train_curate_propose(const train_curate *curate, base_arena *arena,
                                 train_curate_proposals *proposals, base_error *err);
/* Whether that round has begun to train: its proposals stay as they are. */
bool train_curate_is_begun(const train_curate *curate);
/* Makes them the round's. */
base_status train_curate_accept(const train_curate *curate, const train_curate_proposals *proposals,
                                base_error *err);
/* Writes them to proposals.csv alone, for a person to look at. */
base_status train_curate_show(const train_curate *curate, const train_curate_proposals *proposals,
                              base_error *err);
/* Trains (or goes on with) that round and tests it. `run` as for a single run, but for its folder.
 */
base_status train_curate_train(train_curate *curate, const train_experiment_options *run,
                               base_error *err);

/* How many labels of a person the last finished round was trained without. */
base_status train_curate_unused_labels(const train_curate *curate, int64_t *n, base_error *err);

/* ---- results ---- */

typedef struct {
    double value, low, high; /* 95 % bootstrap interval over the clips of the test set */
} train_curate_figure;

typedef struct {
    int64_t n_new, *new_counts; /* proposed by a model in this round; [n_classes] */
    int64_t n_in_use, n_person; /* sounds of the folder trained on; of these by a person */
    int64_t n_checked, n_right; /* of the new ones: with a known truth, and proposed right */
    int64_t n_clips;            /* of the test set */
    train_curate_figure accuracy, balanced;
    train_paired against;              /* accuracy against round 0 */
    train_curate_figure balanced_gain; /* balanced accuracy against round 0 */
} train_curate_result;

typedef struct {
    base_arena arena;
    const train_curate *curate;
    train_curate_result *rounds; /* [n_rounds] the finished ones */
    int n_rounds;
    bool has_truth;
} train_curate_results;

/* Computed from the files of the rounds. EMISMATCH if they were not tested on the same sounds. */
base_status train_curate_results_read(const train_curate *curate, train_curate_results *results,
                                      base_error *err);
void train_curate_results_release(train_curate_results *results);

/* "No gain shown: ..." - the last round against round 0, as far as one can tell. */
void train_curate_verdict(const train_curate_results *results, base_text *out);

/* Writes curate.csv and curate.html. */
base_status train_curate_write(const train_curate_results *results, base_error *err);

#endif
