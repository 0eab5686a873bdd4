/* base/lock.h - one process at a time. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include "base/status.h"

/* A file that is there while someone holds the lock. All zeros: none is held. */
typedef struct {
    char *path; /* NULL: none is held */
    int file;   /* -1: held without a file */
} base_lock;

/* Takes the lock for this process, until _release or the process ends, however it ends. EEXISTS
 * ("PATH: in use") if another process has it. Where files cannot be locked (some network file
 * systems, a folder that cannot be written to) it is taken all the same. */
base_status base_lock_take(const char *path, base_lock *lock, base_error *err);
/* Removes the file; nothing if no lock is held. */
void base_lock_release(base_lock *lock);

#endif
