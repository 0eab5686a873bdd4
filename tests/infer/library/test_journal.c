#include "infer/library/journal.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

static const library_operation operations[2] = {
    {"/a b/100%.wav", "kick/100% \n.wav", 12, 345, 0644, {0x123, 0xfedcba9876543210}},
    {"/x\xff.wav", "snare/\xff.wav", 0, -1, 0, {0, 0}}};
static const library_folder folder_before = {"/a b", 99, 0755};
static const char *const made[] = {"/lib", "/lib/kick"};
static const library_plan plan = {.action = LIBRARY_MOVE,
                                  .settings = "",
                                  .operations = operations,
                                  .n_operations = 2,
                                  .folders = &folder_before,
                                  .n_folders = 1,
                                  .made = made,
                                  .n_made = 2};

static const char *make_folder(void) {
    const char *folder = test_folder();
    TEST_OK(base_folder_make(base_path_join(&arena, folder, LIBRARY_JOURNAL_FOLDER), &err), err);
    return folder;
}

static library_journal *read_one(const char *folder) {
    library_journal *journals;
    int64_t n;
    TEST_OK(library_journals_read(folder, &arena, &journals, &n, &err), err);
    ck_assert_int_eq(n, 1);
    return journals;
}

START_TEST(a_plan_reads_back) {
    library_journal written;
    const char *folder = make_folder();
    TEST_OK(library_journal_write(folder, &plan, &arena, &written, &err), err);
    const library_journal *journal = read_one(folder);
    ck_assert_int_eq(journal->plan.action, LIBRARY_MOVE);
    ck_assert_str_eq(journal->plan.settings, "");
    ck_assert_int_eq(journal->plan.n_operations, 2);
    for (int i = 0; i < 2; i++) {
        const library_operation *a = &journal->plan.operations[i], *b = &operations[i];
        ck_assert_str_eq(a->from, b->from);
        ck_assert_str_eq(a->to, b->to);
        ck_assert_int_eq(a->size_bytes, b->size_bytes);
        ck_assert_int_eq(a->modified_ns, b->modified_ns);
        ck_assert_uint_eq(a->mode, b->mode);
        ck_assert(base_digest_equal(a->content, b->content));
    }
    ck_assert_str_eq(journal->plan.folders[0].path, "/a b");
    ck_assert_int_eq(journal->plan.folders[0].modified_ns, 99);
    ck_assert_str_eq(journal->plan.made[1], "/lib/kick");
    ck_assert(!journal->finished && !journal->undoing);
}
END_TEST

START_TEST(progress_is_appended) {
    library_journal journal;
    const char *folder = make_folder();
    TEST_OK(library_journal_write(folder, &plan, &arena, &journal, &err), err);
    TEST_OK(library_journal_mark(&journal, 0, LIBRARY_DONE, &err), err);
    TEST_OK(library_journal_mark(&journal, 1, LIBRARY_LEFT, &err), err);
    TEST_OK(library_journal_finish(&journal, &err), err);
    library_journal_close(&journal);
    library_journal *again = read_one(folder);
    ck_assert_int_eq(again->states[0], LIBRARY_DONE);
    ck_assert_int_eq(again->states[1], LIBRARY_LEFT);
    ck_assert(again->finished);
    TEST_OK(library_journal_undo(again, &err), err);
    TEST_OK(library_journal_mark(again, 0, LIBRARY_UNDONE, &err), err);
    library_journal_close(again);
    again = read_one(folder);
    ck_assert(again->undoing);
    ck_assert_int_eq(again->states[0], LIBRARY_UNDONE);
}
END_TEST

/* Whatever of the last line is there, what stood before it holds, and can be appended to. */
START_TEST(a_line_that_was_cut_short_is_passed_over) {
    library_journal journal;
    const char *folder = make_folder();
    TEST_OK(library_journal_write(folder, &plan, &arena, &journal, &err), err);
    int64_t size = base_file_size(journal.path);
    TEST_OK(library_journal_mark(&journal, 0, LIBRARY_DONE, &err), err);
    int64_t all = base_file_size(journal.path);
    library_journal_close(&journal);
    for (int64_t n = all - 1; n >= size; n--) {
        ck_assert_int_eq(truncate(journal.path, n), 0);
        library_journal *cut = read_one(folder);
        ck_assert_int_eq(cut->states[0], LIBRARY_PLANNED);
        if (n > size + 3) continue;
        TEST_OK(library_journal_mark(cut, 1, LIBRARY_DONE, &err), err);
        library_journal_close(cut);
        cut = read_one(folder);
        ck_assert_int_eq(cut->states[0], LIBRARY_PLANNED);
        ck_assert_int_eq(cut->states[1], LIBRARY_DONE);
    }
}
END_TEST

START_TEST(a_damaged_plan_is_refused) {
    library_journal *journals, journal;
    int64_t n;
    size_t size;
    void *data;
    const char *folder = make_folder();
    TEST_OK(library_journal_write(folder, &plan, &arena, &journal, &err), err);
    TEST_OK(base_file_read(journal.path, 0, &data, &size, &err), err);
    for (size_t i = 0; i < size; i++) {
        unsigned char *bytes = data;
        bytes[i] ^= 4;
        TEST_OK(base_file_write(journal.path, data, size, &err), err);
        TEST_FAILS(library_journals_read(folder, &arena, &journals, &n, &err), BASE_EFORMAT, err,
                   "000001.journal");
        bytes[i] ^= 4;
        if (i % 10 != 0) continue;
        TEST_OK(base_file_write(journal.path, data, i, &err), err);
        TEST_FAILS(library_journals_read(folder, &arena, &journals, &n, &err), BASE_EFORMAT, err,
                   "000001.journal");
    }
    base_free(data);
}
END_TEST

START_TEST(runs_are_numbered) {
    library_journal *journals, journal;
    int64_t n;
    const char *folder = make_folder();
    TEST_OK(library_journals_read(test_folder(), &arena, &journals, &n, &err), err);
    ck_assert_int_eq(n, 0);
    for (int i = 0; i < 3; i++) {
        TEST_OK(library_journal_write(folder, &plan, &arena, &journal, &err), err);
    }
    TEST_OK(library_journals_read(folder, &arena, &journals, &n, &err), err);
    ck_assert_int_eq(n, 3);
    ck_assert_str_eq(base_path_name(journals[2].path), "000003.journal");
}
END_TEST

TEST_MAIN("infer/library/journal", a_plan_reads_back, progress_is_appended,
          a_line_that_was_cut_short_is_passed_over, a_damaged_plan_is_refused, runs_are_numbered)
