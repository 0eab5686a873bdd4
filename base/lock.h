/* base/lock.h - one process at a time. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include "base/status.h"

/* A locked file, which exists as long as the lock is held. All zeros: no lock is held. */
typedef struct {
    char *path; /* NULL: no lock is held */
    int file;
} base_lock;

/* Takes the lock for this process, until _release or until the process ends, however it ends. The
 * folder must exist. EEXISTS ("PATH: in use") if another process has it; EIO, ENOTFOUND if the file
 * cannot be made or its file system has no locks. */
base_status base_lock_take(const char *path, base_lock *lock, base_error *err);
/* Whether the lock is held and its path still names the locked file. It does not once the folder is
 * renamed or removed: then another process can take the lock of that name. */
bool base_lock_holds(const base_lock *lock);
/* Removes the locked file, and no other that has its name by now; nothing if no lock is held. */
void base_lock_release(base_lock *lock);

#endif
