/* data/folds.h - stratified, group-aware k-fold.
 *
 * Groups (duplicates, kits) are never split. Among all assignments that keep groups whole the
 * search minimises the squared deviation of every fold's class counts from their ideal share:
 * groups in order of size and rarity go greedily to the best fold, then single moves and swaps
 * improve until none does. Deterministic for a seed. */
#ifndef DATA_FOLDS_H
#define DATA_FOLDS_H

#include "data/clips.h"

/* `folds:` in a config. */
typedef struct {
    int64_t k; /* 2..20; 1 with holdout */
    bool stratify;
    base_strings
        group; /* "duplicates", "kit", both or none: rows that share any of them stay together */
    int64_t seed;
    double holdout;       /* k 1: the share of clips held out for validation */
    base_strings compare; /* keys of a second set of folds, reported beside the first; none: no
                             second set */
    double near; /* clips at least this similar count as duplicates (data/duplicates.h); 0: exact
                    copies only */
    const char *file; /* folds.csv of an earlier run or of a benchmark: replays it; NULL: none */
} data_folds_options;
extern const base_option data_folds_table[];

enum { DATA_FOLD_NONE = -1, DATA_FOLD_HELD_OUT = -2 };

typedef struct {
    int64_t n_folds;
    int64_t n_clips;
    uint8_t *use;   /* [n_clips] data_use; NONE: the clip takes no part */
    int32_t *fold;  /* [n_clips] the fold that does not train on this clip and, if its use is
                       folds, tests it; NONE: all train on it; HELD_OUT: none does */
    int64_t *group; /* [n_clips] number of its group */
    int64_t n_groups;
} data_folds;

/* Assigns the clips of use: folds. A clip of use: train that shares a group with some of them is
 * kept out of the training of the fold that tests these. EDATA, with the class and its counts, if a
 * class has fewer groups than folds or would be absent from a fold or from its training part; of a
 * file's folds each must test something, and no class may be in one only. */
base_status data_folds_make(const data_manifest *manifest, const data_clips *clips,
                            const data_folds_options *options, data_folds *folds, base_error *err);
void data_folds_release(data_folds *folds);

/* Whether `fold` trains on the clip or tests it; DATA_FOLD_NONE stands for the training on all. */
bool data_folds_trains(const data_folds *folds, int64_t fold, int64_t clip);
bool data_folds_tests(const data_folds *folds, int64_t fold, int64_t clip);

/* Adds folds.csv: path,begin_s,end_s,class,group,fold,use; the text fails without memory. */
void data_folds_text(const data_folds *folds, const data_manifest *manifest,
                     const data_clips *clips, base_text *out);

#endif
