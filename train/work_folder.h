/* train/work_folder.h - the folder that a command works in: whose it is, and one process at a time.
 *
 * A command opens its folder before hours of decoding, which refuses what can be refused and locks
 * a folder that is there; claims it when all is known to fit; writes into it; and releases it, also
 * after a failure. */
#ifndef TRAIN_WORK_FOLDER_H
#define TRAIN_WORK_FOLDER_H

#include "base/file.h"
#include "base/lock.h"

/* Which command a folder belongs to. */
typedef enum {
    TRAIN_FOLDER_OTHER,      /* none of these: empty, or the user's own */
    TRAIN_FOLDER_RUN,        /* has facts.json */
    TRAIN_FOLDER_ROUNDS,     /* of curate: curate.yaml */
    TRAIN_FOLDER_SWEEP,      /* sweep.yaml */
    TRAIN_FOLDER_PRETRAINING /* last.h5 */
} train_folder_kind;

typedef struct {
    const char *path; /* borrowed */
    train_folder_kind kind;
    bool resume;    /* continue what is there */
    bool overwrite; /* remove the run that is there; of runs only */
    base_lock lock;
} train_work_folder;

train_folder_kind train_folder_kind_of(const char *path);

/* Refuses, with EEXISTS, what cannot be worked in: a file, the folder of another command, one that
 * is not empty unless it is to be resumed or is a run to be overwritten. Files whose names begin
 * with a dot do not count. Changes nothing. */
base_status train_work_folder_check(const train_work_folder *folder, base_error *err);
/* The same, and locks the folder if there is one; EEXISTS if another process works in it. */
base_status train_work_folder_open(train_work_folder *folder, base_error *err);
/* Makes the folder and locks it, if that is not done yet, checks it again, and removes the
 * temporary files that a killed process left in it. An overwritten run is removed under the lock,
 * facts.json first, but for config.yaml and manifest.csv, which the caller replaces: whatever
 * happens until then, it can be overwritten again. */
base_status train_work_folder_claim(train_work_folder *folder, base_error *err);
void train_work_folder_release(train_work_folder *folder);

#endif
