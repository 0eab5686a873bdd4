/* infer/library/plan.h - where each file of a library goes. Reads the disk, and writes nothing. */
#ifndef LIBRARY_PLAN_H
#define LIBRARY_PLAN_H

#include "infer/library/journal.h"

/* All borrowed. */
typedef struct {
    const char *folder; /* absolute; need not exist */
    library_action action;
    const char *settings; /* library_plan.settings */
    bool side_files;      /* what programs keep beside a sound (NAME.wav.asd) goes with it */
    const library_journal *journals; /* of former runs, which must outlive the planner */
    int64_t n_journals;
} library_plan_options;

typedef struct library_planner library_planner;

base_status library_planner_new(const library_plan_options *options, base_arena *arena,
                                library_planner **planner, base_error *err);
void library_planner_free(library_planner *planner);

/* Whether a former run has carried the file, of which it then left one behind, and it is the same
 * by its size and time. */
bool library_planner_knows(const library_planner *planner, const library_operation *operation);

/* *operation: of the file with the same bytes that stands in the plan, or that a former run brought
 * into the library and that is still there; NULL: none. */
base_status library_planner_find(const library_planner *planner, base_digest content,
                                 const library_operation **operation, base_error *err);

/* Plans an operation, whose `to` is not yet set. Its name becomes `wanted` with the extension of
 * `from`; where that is taken, on the disk or in the plan and whatever its case, " 2" or another
 * number is put behind `wanted`. *number: its place in the plan. Strings live in the arena. EDATA
 * for a side file that cannot be read: then neither is planned. */
base_status library_planner_add(library_planner *planner, const library_operation *operation,
                                const char *wanted, int64_t *number, base_error *err);

/* The plan, valid as long as planner and arena. EDATA: a file stands where a folder is needed. */
base_status library_planner_finish(library_planner *planner, library_plan *plan, base_error *err);

/* ENOTFOUND, EUSAGE: the library's folder and a source, which must exist, lie in each other.
 * *folder: the library's as an absolute path without links, as far as it exists. */
base_status library_check_apart(const char *folder, const char *const *sources, int64_t n_sources,
                                base_error *err);
/* The path as an absolute one without links, whether it exists or is yet to be made. */
base_status library_absolute(const char *path, base_arena *arena, const char **absolute,
                             base_error *err);
/* Whether one absolute path is the other or lies below it. */
bool library_is_within(const char *path, const char *folder);

/* Whether the plan can be carried out as far as can be told before: room for what is copied (EIO),
 * one file system for hard links and shared blocks (EUSAGE). */
base_status library_plan_check(const char *folder, const library_plan *plan, base_error *err);

#endif
