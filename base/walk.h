/* base/walk.h - what lies in folders.
 *
 * One bad entry never ends a walk: what can't be read is named, the others are found all the same.
 */
#ifndef BASE_WALK_H
#define BASE_WALK_H

#include "base/arena.h"
#include "base/status.h"

/* An entry that could not be read. */
typedef struct {
    const char *path;
    base_status status;
    const char *why; /* "PATH: why", as in a base_error */
} base_walk_problem;

typedef struct {
    const char **paths; /* [n_paths] */
    int64_t n_paths;
    base_walk_problem *problems; /* [n_problems] */
    int64_t n_problems;
    const char **repeats; /* [n_repeats] notes: "PATH is the same folder as PATH, ..." */
    int64_t n_repeats;
} base_walk;

/* Whether a file is looked for, by its path. */
typedef bool base_walk_filter(const char *path);

/* All regular files below `folder` that are wanted (NULL: all), depth-first, names in byte order,
 * hidden ones left out. Paths start with `folder`; all lives in the arena.
 *
 * Links are followed. Each real folder is walked once, where its path comes first in that order; a
 * link to it elsewhere is noted as a repeat, one to a folder that it lies in, as ends in a loop,
 * is passed over. Pipes, sockets and devices are never opened.
 *
 * Problems are folders that can't be read, or whose path is longer than the system opens, what has
 * vanished meanwhile, and, of what is wanted, links that lead nowhere and what is no regular file.
 * Fails only if `folder` itself can't be read, or without memory. */
base_status base_folder_walk(const char *folder, base_walk_filter *wanted, base_arena *arena,
                             base_walk *found, base_error *err);

/* The sub-folders directly in `folder`, names only, in byte order, hidden ones left out. */
base_status base_folder_list(const char *folder, base_arena *arena, const char ***names,
                             int64_t *n_names, base_error *err);

#endif
