/* infer/library/operation.h - a file copied, moved or linked into a library, and back.
 *
 * Nothing is overwritten, and what is there after a step that was cut short is a state the step can
 * be repeated from: contents appear under their name whole or not at all (a temporary file, fsync,
 * then a rename that fails where the name is taken), and the original of a moved file goes last. */
#ifndef LIBRARY_OPERATION_H
#define LIBRARY_OPERATION_H

#include "base/file.h"

typedef enum {
    LIBRARY_COPY,
    LIBRARY_MOVE,
    LIBRARY_HARDLINK,
    LIBRARY_SYMLINK,
    LIBRARY_REFLINK, /* a copy that shares its blocks, where the file system can */
    LIBRARY_N_ACTIONS
} library_action;
extern const char *const library_action_names[LIBRARY_N_ACTIONS];

/* All borrowed. */
typedef struct {
    const char *from; /* absolute */
    const char *to;   /* relative to the library's folder */
    /* the file as it was when the plan was made */
    int64_t size_bytes, modified_ns;
    uint32_t mode; /* permissions */
    base_digest content;
} library_operation;

/* Fills size, time and permissions from the file; EDATA for what is no regular file, ENOTFOUND. */
base_status library_operation_look(const char *path, library_operation *operation, base_error *err);

/* The digest of a file's bytes, read block by block. */
base_status library_digest_file(const char *path, base_digest *content, base_error *err);

/* Carries it out in `folder`; where it has been carried out, nothing. The folder of `to` must
 * exist. ENOTFOUND, EDATA, EEXISTS and EMISMATCH are about this file alone, which stays what and
 * where it was: it is gone, unreadable or has changed since, or its new name is taken. Others (EIO:
 * disk full, folder read-only) are about the library. */
base_status library_operation_do(const char *folder, library_action action,
                                 const library_operation *operation, base_error *err);

/* Takes it back; where it was not carried out, or has been taken back, nothing. The same statuses:
 * EMISMATCH for what was changed since, EEXISTS where something else has the original's name,
 * ENOTFOUND where the moved file, or the original of a copy, is gone. All of these leave it alone.
 * Folders that the original stood in must exist. */
base_status library_operation_undo(const char *folder, library_action action,
                                   const library_operation *operation, base_error *err);

/* Whether a status of the two functions above concerns its file alone. */
bool library_status_is_local(base_status status);

#endif
