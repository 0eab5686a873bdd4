/* infer/library/find.h - the sound files that a library is made of: named, found below folders, or
 * listed on standard input. */
#ifndef LIBRARY_FIND_H
#define LIBRARY_FIND_H

#include "base/arena.h"
#include "base/status.h"
#include "base/walk.h"

typedef struct {
    const char *path;
    const char *root; /* the folder it was found below, as it was given: `path` begins with it;
                         NULL: it was named itself */
} library_file;

/* Sound that cannot be read, by its name. */
typedef struct {
    const char *path, *why;
} library_skipped;

/* All in the arena. */
typedef struct {
    const library_file *files;
    int64_t n; /* each path once, in the order of the arguments; folders in byte order */
    const library_skipped *skipped;
    int64_t n_skipped;
    const base_walk_problem *problems; /* what could not be read (base/walk.h) */
    int64_t n_problems;
    const char *const *repeats; /* notes, as of base_walk */
    int64_t n_repeats;
} library_files;

typedef struct {
    const char *const *arguments; /* [n_arguments] files, folders, and "-" */
    int n_arguments;
    bool (*stopped)(void); /* whether to stop waiting for standard input; NULL: never */
} library_find_request;

/* "-" is a list on standard input: one path a line, or each ended by a NUL byte as by find -print0,
 * where it holds any. A file that is named is taken whatever it is called, one below a folder if
 * data_audio_is_name. Hidden files and folders are passed over. EDATA, with what there is instead,
 * if there is no sound at all; EUSAGE for a second "-". A folder that cannot be read is a problem,
 * no failure, where there is something else. */
base_status library_find(const library_find_request *request, base_arena *arena,
                         library_files *files, base_error *err);

/* Why a file cannot be read, told by its name: "AAC sound is not read"; NULL: it may be, or is no
 * sound. */
const char *library_why_skipped(const char *path);

#endif
