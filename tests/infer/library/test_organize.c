#include "infer/library/organize.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "infer/library/plan.h"
#include "tests/sound.h"
#include "tests/test.h"

enum { N = 5, OLD_S = 1000000000 };

static base_error err;
static base_arena arena;
static const char *const names[N] = {"a.wav", "b.wav", "deep/c.wav", "deep/d.wav", "e.wav"};

/* What was said, and when to stop. */
typedef struct {
    int64_t stop_at;
    int n_left;
    char last[BASE_ERROR_SIZE];
} record;

static bool on_progress(void *context, const char *what, int64_t done, int64_t total) {
    (void)what, (void)total;
    return done != ((record *)context)->stop_at;
}

static void on_left(void *context, const char *why) {
    record *r = context;
    r->n_left++;
    snprintf(r->last, sizeof r->last, "%s", why);
}

static const char *in(const char *folder, const char *name) {
    return base_path_join(&arena, folder, name);
}

static void set_time(const char *path, int64_t seconds) {
    const struct timespec times[2] = {{seconds, 5}, {seconds, 7}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int64_t time_of(const char *path) {
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    return info.st_mtim.tv_sec;
}

/* The folder of the test without links, with N files below "from"; all times are old. */
static const char *make_files(void) {
    const char *folder;
    TEST_OK(library_absolute(test_folder(), &arena, &folder, &err), err);
    for (int i = 0; i < N; i++) {
        const char *path = in(in(folder, "from"), names[i]);
        sound_write_text(&arena, in(folder, "from"), names[i], names[i]);
        set_time(path, OLD_S + i);
    }
    ck_assert_int_eq(chmod(in(folder, "from/deep"), 0750), 0);
    set_time(in(folder, "from/deep"), OLD_S);
    set_time(in(folder, "from"), OLD_S);
    set_time(folder, OLD_S);
    return folder;
}

/* Plans all files to lib/kick/, and writes the plan. */
static library_journal write_plan(const char *folder, library_action action, base_lock *lock) {
    static library_planner *planner; /* whose memory the journal's plan is, until the next */
    library_plan plan;
    library_journal journal;
    const char *lib = in(folder, "lib");
    library_plan_options options = {.folder = lib, .action = action, .settings = "s"};
    library_planner_free(planner);
    TEST_OK(library_planner_new(&options, &arena, &planner, &err), err);
    for (int i = 0; i < N; i++) {
        int64_t number;
        library_operation op = {.from = in(in(folder, "from"), names[i])};
        if (library_operation_look(op.from, &op, &err) != BASE_OK) continue;
        TEST_OK(library_digest_file(op.from, &op.content, &err), err);
        TEST_OK(library_planner_add(planner, &op, "kick/x", &number, &err), err);
    }
    TEST_OK(library_planner_finish(planner, &plan, &err), err);
    TEST_OK(library_lock(lib, lock, &err), err);
    TEST_OK(library_journal_write(lib, &plan, &arena, &journal, &err), err);
    return journal;
}

static void is_as_before(const char *folder) {
    for (int i = 0; i < N; i++) {
        const char *path = in(in(folder, "from"), names[i]);
        ck_assert_int_eq(base_file_size(path), (int64_t)strlen(names[i]));
        ck_assert_int_eq(time_of(path), OLD_S + i);
    }
    struct stat info;
    ck_assert_int_eq(stat(in(folder, "from/deep"), &info), 0);
    ck_assert_uint_eq(info.st_mode & 07777, 0750);
    ck_assert_int_eq(time_of(in(folder, "from/deep")), OLD_S);
    ck_assert_int_eq(time_of(in(folder, "from")), OLD_S);
    ck_assert_int_eq(time_of(folder), OLD_S);
    ck_assert(!base_folder_exists(in(folder, "lib")));
}

START_TEST(done_and_undone_all_is_as_before) {
    for (int action = LIBRARY_COPY; action < LIBRARY_REFLINK; action++) {
        const char *folder = make_files(), *lib = in(folder, "lib");
        base_lock lock = {0};
        record r = {.stop_at = -1};
        library_watch watch = {on_progress, on_left, &r};
        library_tally tally = {0};
        library_journal journal = write_plan(folder, (library_action)action, &lock);
        TEST_OK(library_apply(lib, &journal, &watch, &tally, &err), err);
        ck_assert_int_eq(tally.n_done, N);
        ck_assert(journal.finished);
        ck_assert(base_file_exists(in(lib, "kick/x 5.wav")));
        TEST_OK(library_undo(lib, &journal, &watch, &tally, &err), err);
        base_lock_release(&lock);
        ck_assert_int_eq(tally.n_left, 0);
        is_as_before(folder);
    }
}
END_TEST

/* Stopped at every place, on both ways, and gone on with from what the file says. */
START_TEST(stopped_anywhere_it_goes_on) {
    for (int stop = 0; stop < N; stop++) {
        int64_t n;
        library_journal *journals;
        const char *folder = make_files(), *lib = in(folder, "lib");
        base_lock lock = {0};
        record r = {.stop_at = stop};
        library_watch watch = {on_progress, on_left, &r};
        library_tally tally = {0};
        library_journal journal = write_plan(folder, LIBRARY_MOVE, &lock);
        TEST_FAILS(library_apply(lib, &journal, &watch, &tally, &err), BASE_ESTOPPED, err,
                   "stopped");
        ck_assert_int_eq(tally.n_done, stop);
        TEST_OK(library_journals_read(lib, &arena, &journals, &n, &err), err);
        ck_assert(!journals[0].finished);
        r.stop_at = -1;
        TEST_OK(library_apply(lib, &journals[0], &watch, &tally, &err), err);
        ck_assert_int_eq(tally.n_done, N);
        r.stop_at = stop;
        TEST_FAILS(library_undo(lib, &journals[0], &watch, &tally, &err), BASE_ESTOPPED, err,
                   "stopped");
        TEST_OK(library_journals_read(lib, &arena, &journals, &n, &err), err);
        ck_assert(journals[0].undoing);
        r.stop_at = -1;
        TEST_OK(library_undo(lib, &journals[0], &watch, &tally, &err), err);
        base_lock_release(&lock);
        is_as_before(folder);
    }
}
END_TEST

START_TEST(one_bad_file_is_told_and_the_others_go_on) {
    const char *folder = make_files(), *lib = in(folder, "lib");
    base_lock lock = {0};
    record r = {.stop_at = -1};
    library_watch watch = {on_progress, on_left, &r};
    library_tally tally = {0};
    library_journal journal = write_plan(folder, LIBRARY_COPY, &lock);
    unlink(in(folder, "from/b.wav"));
    TEST_OK(library_apply(lib, &journal, &watch, &tally, &err), err);
    ck_assert_int_eq(tally.n_done, N - 1);
    ck_assert_int_eq(tally.n_left, 1);
    ck_assert_ptr_nonnull(strstr(r.last, "from/b.wav: No such file"));
    ck_assert_int_eq(journal.states[1], LIBRARY_LEFT);
    base_lock_release(&lock);
}
END_TEST

/* What was changed stays, with the journal, so that undoing can be tried again. */
START_TEST(undo_leaves_what_was_changed) {
    int64_t n;
    library_journal *journals;
    const char *folder = make_files(), *lib = in(folder, "lib");
    base_lock lock = {0};
    record r = {.stop_at = -1};
    library_watch watch = {on_progress, on_left, &r};
    library_tally tally = {0};
    library_journal journal = write_plan(folder, LIBRARY_MOVE, &lock);
    TEST_OK(library_apply(lib, &journal, &watch, &tally, &err), err);
    sound_write_text(&arena, lib, "kick/x.wav", "A.WAV edited");
    base_folder_remove(in(folder, "from/deep"), &err); /* emptied, and tidied away */
    TEST_OK(library_undo(lib, &journal, &watch, &tally, &err), err);
    ck_assert_int_eq(tally.n_left, 1);
    ck_assert_ptr_nonnull(strstr(r.last, "lib/kick/x.wav: changed since"));
    ck_assert(base_file_exists(in(folder, "from/deep/d.wav")));
    TEST_OK(library_journals_read(lib, &arena, &journals, &n, &err), err);
    ck_assert_int_eq(n, 1);
    sound_write_text(&arena, lib, "kick/x.wav", "a.wav"); /* the bytes it had */
    TEST_OK(library_undo(lib, &journals[0], &watch, &tally, &err), err);
    base_lock_release(&lock);
    is_as_before(folder);
}
END_TEST

START_TEST(one_at_a_time) {
    const char *lib = in(test_folder(), "lib");
    base_lock lock = {0};
    TEST_OK(library_lock(lib, &lock, &err), err);
    ck_assert(base_lock_holds(&lock));
    pid_t child = fork();
    if (child == 0) {
        base_lock other = {0};
        _exit(library_lock(lib, &other, &err) == BASE_EEXISTS ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    base_lock_release(&lock);
}
END_TEST

TEST_MAIN("infer/library/organize", done_and_undone_all_is_as_before, stopped_anywhere_it_goes_on,
          one_bad_file_is_told_and_the_others_go_on, undo_leaves_what_was_changed, one_at_a_time)
