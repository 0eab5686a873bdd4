/* cli/library.h - what the commands for a library of sounds share. */
#ifndef CLI_LIBRARY_H
#define CLI_LIBRARY_H

#include "cli/progress.h"
#include "infer/library/index.h"

/* Of their help. */
#define CLI_LIBRARY_PATHS                                                                          \
    "PATH is a sound file, a folder (all sound files below it) or - for a list on standard "       \
    "input, "                                                                                      \
    "one path a line or as find -print0 gives them. Sounds need no labels."

/* Finds the sounds that the arguments name. Tells what is skipped and why, and counts in
 * call->n_unread what could not be read. CLI_OK, or an exit code after a message. */
int cli_library_find(cli_call *call, cli_progress *progress, library_files *files);

/* A model, and the index that was made with it. All zeros: none yet. */
typedef struct {
    cli_call *call;
    cli_progress progress;
    infer_model *model;
    base_digest digest;            /* of the model's file */
    const char *model_path, *path; /* of the index */
    library_files files;
    library_index index;
    library_changes changes;
} cli_library;

/* Opens the call's model (cli/model.h), which may be taken from the arguments. */
int cli_library_open_model(cli_library *library);
/* The index of the folder, list or files that the arguments name, brought up to date: where the
 * flag says, or in the folder. Where that cannot be written it is kept in memory, with a note. */
int cli_library_update(cli_library *library, const char *flag);
/* The index at `path` as it is. */
int cli_library_read(cli_library *library, const char *path);
void cli_library_release(cli_library *library);

/* {"path": ..., "error": ...}, ... of what was skipped and what failed, as two members of an
 * object. */
void cli_library_add_json(cli_library *library, base_text *out);

#endif
