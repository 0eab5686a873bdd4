/* infer/library/journal.h - what an organised library was made by: DEST/.rimshot-organize/.
 *
 * Each run has one file, NUMBER.journal. Its plan is there, whole and on the disk, before anything
 * else is touched; then a line follows for each operation that was carried out, left, or taken
 * back. Every line carries a digest, and a last line that a crash cut short is passed over.
 * docs/formats.md describes the lines. */
#ifndef LIBRARY_JOURNAL_H
#define LIBRARY_JOURNAL_H

#include "infer/library/operation.h"

#define LIBRARY_JOURNAL_FOLDER ".rimshot-organize"

/* A folder as it was before: adding and removing files changes its time. */
typedef struct {
    const char *path; /* absolute */
    int64_t modified_ns;
    uint32_t mode;
} library_folder;

/* All borrowed, or in the arena they were read to. */
typedef struct {
    library_action action;
    const char *settings; /* what the run was asked for, any text: the same again goes on with it */
    const library_operation *operations;
    int64_t n_operations;
    const library_folder *folders; /* that were there, and change */
    int64_t n_folders;
    const char *const *made; /* absolute: folders that the run makes, each behind the one above */
    int64_t n_made;
} library_plan;

typedef enum { LIBRARY_PLANNED, LIBRARY_DONE, LIBRARY_LEFT, LIBRARY_UNDONE } library_state;

typedef struct {
    const char *path; /* of its file */
    library_plan plan;
    uint8_t *states; /* [n_operations] library_state */
    bool finished;   /* all operations were carried out or left */
    bool undoing;    /* it is being taken back */
    int fd;          /* to append to; -1: not open */
    int64_t n_bytes; /* that are whole lines */
} library_journal;

/* The runs of a library, oldest first; none where the folder has no journals. Lives in the arena.
 * EFORMAT for a file that is damaged before its last line. */
base_status library_journals_read(const char *folder, base_arena *arena, library_journal **journals,
                                  int64_t *n_journals, base_error *err);

/* Writes a new run's plan behind those that are there. Its folder must exist. */
base_status library_journal_write(const char *folder, const library_plan *plan, base_arena *arena,
                                  library_journal *journal, base_error *err);

/* Appends what became of an operation; _finish, _undo: of the run. They reach the disk with
 * _sync, and need not before: operations can be repeated. */
base_status library_journal_mark(library_journal *journal, int64_t operation, library_state state,
                                 base_error *err);
base_status library_journal_finish(library_journal *journal, base_error *err);
base_status library_journal_undo(library_journal *journal, base_error *err);
base_status library_journal_sync(library_journal *journal, base_error *err);
void library_journal_close(library_journal *journal);

#endif
