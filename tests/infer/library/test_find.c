#include "infer/library/find.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;
static library_files found;

static base_status find(const char *const *arguments, int n) {
    library_find_request request = {.arguments = arguments, .n_arguments = n};
    return library_find(&request, &arena, &found, &err);
}

static const char *in(const char *folder, const char *name) {
    return base_path_join(&arena, folder, name);
}

static void fill(const char *folder) {
    const char *names[] = {"b/x.wav",     "b/a.FLAC",  "b/notes.txt", "b/c/y.aiff",
                           "b/.hide.wav", "b/old.m4a", "b/.git/z.wav"};
    for (int i = 0; i < 7; i++) sound_write_text(&arena, folder, names[i], "-");
}

START_TEST(folders_give_their_sounds_and_name_what_is_none) {
    const char *folder = test_folder(), *b = in(folder, "b");
    fill(folder);
    const char *arguments[] = {"first.xyz", b, in(folder, "b/x.wav")};
    TEST_OK(find(arguments, 3), err);
    ck_assert_int_eq(found.n, 4); /* x.wav once */
    ck_assert_str_eq(found.files[0].path, "first.xyz");
    ck_assert_ptr_null(found.files[0].root);
    ck_assert_str_eq(found.files[1].path, in(folder, "b/a.FLAC"));
    ck_assert_str_eq(found.files[1].root, b);
    ck_assert_str_eq(found.files[2].path, in(folder, "b/c/y.aiff"));
    ck_assert_str_eq(found.files[3].path, in(folder, "b/x.wav"));
    ck_assert_int_eq(found.n_skipped, 1);
    ck_assert_str_eq(found.skipped[0].path, in(folder, "b/old.m4a"));
    ck_assert_str_eq(found.skipped[0].why, "AAC or ALAC sound in MP4 is not read");
    ck_assert_int_eq(found.n_problems, 0);
    const char *lost[] = {in(folder, "none"), b};
    TEST_OK(find(lost, 2), err);
    ck_assert_str_eq(found.files[0].path, lost[0]); /* named, so it is tried */
    ck_assert_int_eq(symlink("nowhere", in(folder, "b/dangling.wav")), 0);
    TEST_OK(find(&b, 1), err);
    ck_assert_int_eq(found.n_problems, 1);
    ck_assert_str_eq(found.problems[0].path, in(folder, "b/dangling.wav"));
}
END_TEST

START_TEST(where_there_is_none_it_says_what_there_is) {
    const char *folder = test_folder(), *all[] = {folder};
    TEST_FAILS(find(all, 1), BASE_EDATA, err, "no sound files");
    sound_write_text(&arena, folder, "notes.txt", "-");
    TEST_FAILS(find(all, 1), BASE_EDATA, err, "no sound files");
    sound_write_text(&arena, folder, "a.WMA", "-");
    TEST_FAILS(find(all, 1), BASE_EDATA, err, "a.WMA: Windows Media sound is not read");
    const char *twice[] = {"-", "a.wav", "-"};
    int null = open("/dev/null", O_RDONLY), kept = dup(STDIN_FILENO);
    dup2(null, STDIN_FILENO);
    TEST_FAILS(find(twice, 3), BASE_EUSAGE, err, "only once");
    dup2(kept, STDIN_FILENO);
    close(null);
    close(kept);
}
END_TEST

/* What stands in a file, as standard input. */
static void find_listed(const char *folder, const char *text, size_t n_bytes) {
    const char *path = in(folder, "list"), *arguments[] = {"-"};
    TEST_OK(base_file_write(path, text, n_bytes, &err), err);
    int list = open(path, O_RDONLY), kept = dup(STDIN_FILENO);
    dup2(list, STDIN_FILENO);
    base_status status = find(arguments, 1);
    dup2(kept, STDIN_FILENO);
    close(list);
    close(kept);
    TEST_OK(status, err);
}

START_TEST(lists_are_read_by_lines_or_by_zero_bytes) {
    static const char lines[] = "one.wav\r\n\ntwo words.wav\nlast.wav";
    static const char zeros[] = "new\nline.wav\0two.wav\0";
    const char *folder = test_folder();
    find_listed(folder, lines, sizeof lines - 1);
    ck_assert_int_eq(found.n, 3);
    ck_assert_str_eq(found.files[0].path, "one.wav");
    ck_assert_str_eq(found.files[1].path, "two words.wav");
    ck_assert_str_eq(found.files[2].path, "last.wav");
    find_listed(folder, zeros, sizeof zeros - 1);
    ck_assert_int_eq(found.n, 2);
    ck_assert_str_eq(found.files[0].path, "new\nline.wav");
    ck_assert_str_eq(found.files[1].path, "two.wav");
}
END_TEST

TEST_MAIN("infer/library/find", folders_give_their_sounds_and_name_what_is_none,
          where_there_is_none_it_says_what_there_is, lists_are_read_by_lines_or_by_zero_bytes)
