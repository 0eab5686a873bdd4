/* base/temporary.h - files and folders that are filled under a name of their own and then renamed.
 *
 * Names are ".rimshot-" and 16 random hexadecimal digits, which nobody can guess, and nothing that
 * exists is ever opened. Who makes one holds a lock on it (flock), which ends with the process:
 * what a killed process left behind can be told from what another one is writing. */
#ifndef BASE_TEMPORARY_H
#define BASE_TEMPORARY_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/status.h"

typedef struct {
    char *path; /* in the caller's arena */
    int fd;     /* of a file: open for writing */
} base_temporary;

/* A new file or folder in `folder`, with the permissions of `mode` less the umask's. */
base_status base_temporary_file(const char *folder, mode_t mode, base_arena *arena,
                                base_temporary *t, base_error *err);
base_status base_temporary_folder(const char *folder, base_arena *arena, base_temporary *t,
                                  base_error *err);
/* Closes it and so gives up the lock, after the renaming or the removal. */
void base_temporary_close(base_temporary *t);

bool base_temporary_is_name(const char *name); /* whether it could be one of these */

#endif
