#include "infer/library/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

static const char *in(const char *folder, const char *name) {
    return base_path_join(&arena, folder, name);
}

static const library_operation *find(const library_planner *planner, const library_operation *op) {
    const library_operation *found;
    TEST_OK(library_planner_find(planner, op->content, &found, &err), err);
    return found;
}

/* A file's operation, planned under `wanted`; its `to`. */
static const char *add(library_planner *planner, const char *path, const char *wanted) {
    int64_t number;
    library_plan plan;
    library_operation op = {.from = path};
    TEST_OK(library_operation_look(path, &op, &err), err);
    TEST_OK(library_digest_file(path, &op.content, &err), err);
    TEST_OK(library_planner_add(planner, &op, wanted, &number, &err), err);
    ck_assert_ptr_nonnull(find(planner, &op));
    TEST_OK(library_planner_finish(planner, &plan, &err), err);
    return plan.operations[number].to;
}

static library_planner *open_planner(const library_plan_options *options) {
    library_planner *planner;
    TEST_OK(library_planner_new(options, &arena, &planner, &err), err);
    return planner;
}

START_TEST(taken_names_get_a_number) {
    const char *folder = test_folder();
    const char *a = sound_write_text(&arena, folder, "a/x.wav", "one");
    const char *b = sound_write_text(&arena, folder, "b/X.WAV", "two");
    sound_write_text(&arena, folder, "lib/kick/y.wav", "there before");
    library_plan_options options = {.folder = in(folder, "lib")};
    library_planner *planner = open_planner(&options);
    ck_assert_str_eq(add(planner, a, "kick/x"), "kick/x.wav");
    ck_assert_str_eq(add(planner, b, "kick/X"), "kick/X 2.WAV"); /* also where case is not told */
    ck_assert_str_eq(add(planner, a, "kick/x"), "kick/x 3.wav");
    ck_assert_str_eq(add(planner, a, "kick/y"), "kick/y 2.wav");
    library_planner_free(planner);
}
END_TEST

START_TEST(side_files_go_with_their_sound) {
    library_plan plan;
    const char *folder = test_folder();
    const char *a = sound_write_text(&arena, folder, "a/x.wav", "one");
    sound_write_text(&arena, folder, "a/x.wav.asd", "warp");
    sound_write_text(&arena, folder, "a/x.wav.reapeaks", "peaks");
    sound_write_text(&arena, folder, "lib/kick/x.wav.asd", "another's");
    library_plan_options options = {.folder = in(folder, "lib"), .side_files = true};
    library_planner *planner = open_planner(&options);
    ck_assert_str_eq(add(planner, a, "kick/x"), "kick/x 2.wav");
    TEST_OK(library_planner_finish(planner, &plan, &err), err);
    ck_assert_int_eq(plan.n_operations, 3);
    ck_assert_str_eq(plan.operations[1].to, "kick/x 2.wav.asd");
    ck_assert_str_eq(plan.operations[2].to, "kick/x 2.wav.reapeaks");
    library_planner_free(planner);
}
END_TEST

START_TEST(folders_are_noted_as_they_are) {
    library_plan plan;
    const char *folder = test_folder();
    const char *a = sound_write_text(&arena, folder, "a/x.wav", "one"), *real;
    TEST_OK(library_absolute(folder, &arena, &real, &err), err);
    library_plan_options options = {.folder = in(real, "lib/deep"), .action = LIBRARY_MOVE};
    library_planner *planner = open_planner(&options);
    add(planner, in(real, "a/x.wav"), "kick/low/x");
    TEST_OK(library_planner_finish(planner, &plan, &err), err);
    ck_assert_int_eq(plan.n_made, 4);
    ck_assert_str_eq(plan.made[0], in(real, "lib"));
    ck_assert_str_eq(plan.made[3], in(real, "lib/deep/kick/low"));
    ck_assert_int_eq(plan.n_folders, 2); /* above the library, and where the sound is moved from */
    ck_assert_str_eq(plan.folders[0].path, real);
    ck_assert_str_eq(plan.folders[1].path, in(real, "a"));
    library_planner_free(planner);
    sound_write_text(&arena, folder, "lib/deep", "a file");
    planner = open_planner(&options);
    TEST_FAILS(library_planner_finish(planner, &plan, &err), BASE_EDATA, err,
               "lib/deep: a file stands where a folder is needed");
    library_planner_free(planner);
    (void)a;
}
END_TEST

/* What a former run did, as its journal says. */
START_TEST(former_runs_are_known) {
    const char *folder = test_folder();
    library_operation ops[2] = {
        {.from = sound_write_text(&arena, folder, "a/x.wav", "one"), .to = "kick/x.wav"},
        {.from = sound_write_text(&arena, folder, "a/y.wav", "two"), .to = "kick/y.wav"}};
    for (int i = 0; i < 2; i++) {
        TEST_OK(library_operation_look(ops[i].from, &ops[i], &err), err);
        TEST_OK(library_digest_file(ops[i].from, &ops[i].content, &err), err);
    }
    sound_write_text(&arena, folder, "lib/kick/x.wav", "one");
    uint8_t states[2] = {LIBRARY_DONE, LIBRARY_LEFT};
    library_journal journal = {.plan = {.operations = ops, .n_operations = 2}, .states = states};
    library_plan_options options = {
        .folder = in(folder, "lib"), .journals = &journal, .n_journals = 1};
    library_planner *planner = open_planner(&options);
    ck_assert(library_planner_knows(planner, &ops[0]));
    ck_assert(!library_planner_knows(planner, &ops[1])); /* was left */
    ck_assert_ptr_eq(find(planner, &ops[0]), &ops[0]);
    library_operation changed = ops[0];
    changed.modified_ns++;
    ck_assert(!library_planner_knows(planner, &changed));
    unlink(in(folder, "lib/kick/x.wav")); /* what is no longer in the library is no copy */
    ck_assert_ptr_null(find(planner, &ops[0]));
    library_planner_free(planner);
    journal.plan.action = LIBRARY_MOVE; /* a sound at the place of a moved one is a new one */
    planner = open_planner(&options);
    ck_assert(!library_planner_knows(planner, &ops[0]));
    library_planner_free(planner);
}
END_TEST

START_TEST(library_and_sources_lie_apart) {
    const char *folder = test_folder(), *a, *source;
    sound_write_text(&arena, folder, "a/b/x.wav", "one");
    sound_write_text(&arena, folder, "a2/x.wav", "one");
    TEST_OK(library_absolute(in(folder, "a"), &arena, &a, &err), err);
    ck_assert(a[0] == '/');
    source = in(folder, "a");
    TEST_FAILS(library_check_apart(in(a, "sorted"), &source, 1, &err), BASE_EUSAGE, err,
               "which it is made from");
    TEST_FAILS(library_check_apart(a, &source, 1, &err), BASE_EUSAGE, err, "which it is made from");
    source = in(folder, "a/b/x.wav");
    TEST_FAILS(library_check_apart(a, &source, 1, &err), BASE_EUSAGE, err, "the library");
    source = in(folder, "a2");
    TEST_OK(library_check_apart(a, &source, 1, &err), err);
    ck_assert_int_eq(symlink(a, in(folder, "link")), 0);
    source = in(folder, "link");
    TEST_FAILS(library_check_apart(in(a, "sorted"), &source, 1, &err), BASE_EUSAGE, err,
               "which it is made from");
}
END_TEST

START_TEST(what_cannot_be_is_told_before) {
    const char *folder = test_folder(), *shared = "/dev/shm";
    struct stat here, there;
    library_operation op = {.from = sound_write_text(&arena, folder, "x.wav", "one"),
                            .to = "kick/x.wav"};
    library_plan plan = {.operations = &op, .n_operations = 1};
    TEST_OK(library_plan_check(folder, &plan, &err), err);
    op.size_bytes = INT64_C(1) << 60;
    TEST_FAILS(library_plan_check(in(folder, "new/lib"), &plan, &err), BASE_EIO, err,
               "nothing was done");
    plan.action = LIBRARY_MOVE; /* within a file system no room is needed */
    TEST_OK(library_plan_check(folder, &plan, &err), err);
    if (stat(folder, &here) != 0 || stat(shared, &there) != 0 || here.st_dev == there.st_dev)
        return;
    plan.action = LIBRARY_HARDLINK;
    TEST_FAILS(library_plan_check(shared, &plan, &err), BASE_EUSAGE, err,
               "is on another file system");
}
END_TEST

TEST_MAIN("infer/library/plan", taken_names_get_a_number, side_files_go_with_their_sound,
          folders_are_noted_as_they_are, former_runs_are_known, library_and_sources_lie_apart,
          what_cannot_be_is_told_before)
