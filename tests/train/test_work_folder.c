#include "train/work_folder.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/walk.h"
#include "tests/test.h"

static base_error err;

static base_arena memory; /* of paths; each test has a process of its own */

static const char *below(const char *folder, const char *name) {
    return base_path_join(&memory, folder, name);
}

static void write_files(const char *folder, const char *const *names) {
    TEST_OK(base_folder_make(folder, &err), err);
    for (; *names; names++) TEST_OK(base_file_write(below(folder, *names), "", 0, &err), err);
}

/* A run that has got as far as its first fold. */
static void make_run(const char *folder) {
    static const char *const names[] = {"config.yaml", "manifest.csv", "facts.json", NULL};
    static const char *const in_fold[] = {"last.h5", NULL};
    write_files(folder, names);
    write_files(below(folder, "fold1"), in_fold);
}

/* What opening and claiming it says to another process. */
static base_status other_claims(const char *folder, train_folder_kind kind) {
    pid_t process = fork();
    if (process == 0) {
        train_work_folder work = {.path = folder, .kind = kind, .resume = true};
        base_status status = train_work_folder_open(&work, &err);
        _exit((int)(status == BASE_OK ? train_work_folder_claim(&work, &err) : status));
    }
    int status;
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert(WIFEXITED(status));
    return (base_status)WEXITSTATUS(status);
}

START_TEST(every_command_has_its_folder_to_itself) {
    for (int kind = TRAIN_FOLDER_RUN; kind <= TRAIN_FOLDER_PRETRAINING; kind++) {
        char name[32];
        snprintf(name, sizeof name, "folder%d", kind);
        const char *folder = below(test_folder(), name);
        train_work_folder work = {.path = folder, .kind = (train_folder_kind)kind};
        TEST_OK(train_work_folder_open(&work, &err), err);
        ck_assert(!base_folder_exists(folder));
        TEST_OK(train_work_folder_claim(&work, &err), err);
        ck_assert_int_eq(other_claims(folder, work.kind), BASE_EEXISTS);
        train_work_folder_release(&work);
        ck_assert(base_folder_is_empty(folder));
        ck_assert_int_eq(other_claims(folder, work.kind), BASE_OK);
    }
    train_work_folder_release(NULL);
}
END_TEST

/* What tells that it is a run's folder stays; so it can be overwritten again. */
static void expect_removed(const char *folder) {
    base_walk left;
    TEST_OK(base_folder_walk(folder, NULL, &memory, &left, &err), err);
    ck_assert_int_eq(left.n_paths, 2);
    ck_assert_str_eq(left.paths[0], below(folder, "config.yaml"));
    ck_assert_str_eq(left.paths[1], below(folder, "manifest.csv"));
    train_work_folder again = {.path = folder, .kind = TRAIN_FOLDER_RUN, .overwrite = true};
    TEST_OK(train_work_folder_check(&again, &err), err);
}

START_TEST(an_overwritten_run_stays_locked) {
    struct stat before, after;
    const char *folder = below(test_folder(), "run");
    make_run(folder);
    train_work_folder work = {.path = folder, .kind = TRAIN_FOLDER_RUN, .overwrite = true};
    TEST_OK(train_work_folder_open(&work, &err), err);
    ck_assert_int_eq(other_claims(folder, TRAIN_FOLDER_RUN), BASE_EEXISTS);
    ck_assert(base_file_exists(below(folder, "fold1/last.h5"))); /* until it is claimed */
    ck_assert_int_eq(stat(below(folder, ".lock"), &before), 0);
    TEST_OK(train_work_folder_claim(&work, &err), err);
    ck_assert_int_eq(stat(below(folder, ".lock"), &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    ck_assert_int_eq(other_claims(folder, TRAIN_FOLDER_RUN), BASE_EEXISTS);
    train_work_folder_release(&work);
    expect_removed(folder);
}
END_TEST

START_TEST(what_cannot_be_removed_is_named_with_its_reason) {
    const char *folder = below(test_folder(), "run");
    make_run(folder);
    train_work_folder work = {.path = folder, .kind = TRAIN_FOLDER_RUN, .overwrite = true};
    TEST_OK(train_work_folder_open(&work, &err), err);
    if (geteuid() == 0) return; /* root removes everything */
    ck_assert_int_eq(chmod(folder, 0500), 0);
    TEST_FAILS(train_work_folder_claim(&work, &err), BASE_EIO, err,
               "facts.json: Permission denied");
    ck_assert_int_eq(chmod(folder, 0700), 0);
    TEST_OK(train_work_folder_claim(&work, &err), err);
    train_work_folder_release(&work);
    expect_removed(folder);
}
END_TEST

/* Another process has made a run of that name while this one decoded. */
START_TEST(what_came_between_is_not_overwritten) {
    const char *folder = test_folder(), *aside = below(folder, "aside");
    folder = below(folder, "run");
    make_run(folder);
    train_work_folder work = {.path = folder, .kind = TRAIN_FOLDER_RUN, .overwrite = true};
    TEST_OK(train_work_folder_open(&work, &err), err);
    ck_assert_int_eq(rename(folder, aside), 0);
    make_run(folder);
    TEST_FAILS(train_work_folder_claim(&work, &err), BASE_EEXISTS, err, "already exists");
    ck_assert(base_file_exists(below(folder, "facts.json")));
    ck_assert_int_eq(other_claims(folder, TRAIN_FOLDER_RUN), BASE_EEXISTS);
    train_work_folder_release(&work);
    ck_assert_int_eq(other_claims(folder, TRAIN_FOLDER_RUN), BASE_OK);
}
END_TEST

START_TEST(what_belongs_to_others_is_refused) {
    static const struct {
        const char *file;
        train_folder_kind kind;
        bool resume, overwrite;
        const char *why; /* NULL: it is not refused */
    } rows[] = {
        {"facts.json", TRAIN_FOLDER_RUN, false, false,
         "already exists; --resume goes on with it, --o"},
        {"facts.json", TRAIN_FOLDER_RUN, true, false, NULL},
        {"facts.json", TRAIN_FOLDER_RUN, false, true, "is not a run folder"},
        {"facts.json", TRAIN_FOLDER_SWEEP, true, false, "the folder of a run, not of a sweep"},
        {"last.h5", TRAIN_FOLDER_RUN, true, false, "the folder of a pretraining, not of a run"},
        {"curate.yaml", TRAIN_FOLDER_PRETRAINING, true, false,
         "the folder of rounds, not of a pre"},
        {"sweep.yaml", TRAIN_FOLDER_ROUNDS, true, false, "the folder of a sweep, not of rounds"},
        {"notes.txt", TRAIN_FOLDER_ROUNDS, true, false, "which has a curate.yaml"},
        {"notes.txt", TRAIN_FOLDER_SWEEP, true, false, "which has a sweep.yaml"},
        {"cell.yaml", TRAIN_FOLDER_RUN, true, false, NULL},
        {".hidden", TRAIN_FOLDER_ROUNDS, false, false, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const names[] = {rows[i].file, NULL};
        char name[32];
        snprintf(name, sizeof name, "row%zu", i);
        const char *folder = below(test_folder(), name);
        train_work_folder work = {.path = folder,
                                  .kind = rows[i].kind,
                                  .resume = rows[i].resume,
                                  .overwrite = rows[i].overwrite};
        write_files(folder, names);
        if (rows[i].why) {
            TEST_FAILS(train_work_folder_check(&work, &err), BASE_EEXISTS, err, rows[i].why);
        } else {
            TEST_OK(train_work_folder_check(&work, &err), err);
        }
    }
}
END_TEST

static bool disk_is_broken;

/* In place of the C library's. */
struct dirent *readdir(DIR *folder) {
    struct dirent *(*real)(DIR *) = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");
    if (!disk_is_broken) return real(folder);
    errno = EIO;
    return NULL;
}

/* Names that cannot be read are not names that are not there. */
START_TEST(a_folder_that_cannot_be_read_is_not_empty) {
    const char *folder = below(test_folder(), "run");
    make_run(folder);
    train_work_folder work = {.path = folder, .kind = TRAIN_FOLDER_RUN, .overwrite = true};
    TEST_OK(train_work_folder_open(&work, &err), err);
    disk_is_broken = true;
    TEST_FAILS(train_work_folder_claim(&work, &err), BASE_EIO, err, "Input/output error");
    ck_assert(!base_folder_is_empty(below(test_folder(), "run/fold1")));
    disk_is_broken = false;
    ck_assert(base_file_exists(below(folder, "config.yaml")));
    ck_assert(base_file_exists(below(folder, "fold1/last.h5")));
    TEST_OK(train_work_folder_claim(&work, &err), err);
    train_work_folder_release(&work);
    expect_removed(folder);
    train_work_folder other = {.path = test_folder(), .kind = TRAIN_FOLDER_SWEEP};
    TEST_OK(train_work_folder_check(&other, &err), err);
    disk_is_broken = true;
    TEST_FAILS(train_work_folder_check(&other, &err), BASE_EEXISTS, err, "already exists");
}
END_TEST

TEST_MAIN("train/work_folder", every_command_has_its_folder_to_itself,
          an_overwritten_run_stays_locked, what_cannot_be_removed_is_named_with_its_reason,
          what_came_between_is_not_overwritten, what_belongs_to_others_is_refused,
          a_folder_that_cannot_be_read_is_not_empty)
