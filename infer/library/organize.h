/* infer/library/organize.h - carries out what a plan says, goes on with it, and takes it back. */
#ifndef LIBRARY_ORGANIZE_H
#define LIBRARY_ORGANIZE_H

#include "base/lock.h"
#include "infer/library/journal.h"

/* Who looks on. */
typedef struct {
    bool (*progress)(void *context, const char *what, int64_t done,
                     int64_t total);              /* false: stop */
    void (*left)(void *context, const char *why); /* "PATH: why", of a file that is left as it is */
    void *context;
} library_watch;

typedef struct {
    int64_t n_done; /* operations carried out or taken back in this call */
    int64_t n_left; /* that concern files which are gone or have changed, and were left */
} library_tally;

/* Makes the library's folder, with the journals' in it, and locks it for this process: EEXISTS
 * while another one works there. */
base_status library_lock(const char *folder, base_lock *lock, base_error *err);

/* Carries out the operations of a journal that are still planned. Files that have changed since are
 * left; ESTOPPED and failures of the library leave the journal so that a call goes on from there.
 * The caller holds the lock. */
base_status library_apply(const char *folder, library_journal *journal, const library_watch *watch,
                          library_tally *tally, base_error *err);

/* Takes back what a journal says was done, last things first: names, bytes, permissions and times
 * of files, then folders that were made, where nothing else is in them, and the times of those that
 * were there. The journal is removed unless files were left. Can be repeated as _apply can. */
base_status library_undo(const char *folder, library_journal *journal, const library_watch *watch,
                         library_tally *tally, base_error *err);

#endif
