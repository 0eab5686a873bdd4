#include "base/temporary.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tests/test.h"

static base_arena arena;
static base_error err;

static int count_entries(const char *folder) {
    DIR *stream = opendir(folder);
    ck_assert_ptr_nonnull(stream);
    int n = -2; /* "." and ".." */
    while (readdir(stream) != NULL) n++;
    closedir(stream);
    return n;
}

START_TEST(names_are_new_and_cannot_be_guessed) {
    enum { N = 50 };
    const char *folder = test_folder();
    base_temporary t[N];
    for (int i = 0; i < N; i++) {
        TEST_OK(base_temporary_file(folder, 0600, &arena, &t[i], &err), err);
        const char *name = base_path_name(t[i].path);
        ck_assert_uint_eq(strlen(name), strlen(".rimshot-") + 16);
        for (int k = 0; k < i; k++) ck_assert_str_ne(t[k].path, t[i].path);
    }
    ck_assert_int_eq(count_entries(folder), N);
    for (int i = 0; i < N; i++) base_temporary_close(&t[i]);
}
END_TEST

START_TEST(a_folder_is_new_too) {
    struct stat info;
    base_temporary t;
    mode_t before = umask(022);
    TEST_OK(base_temporary_folder(test_folder(), &arena, &t, &err), err);
    ck_assert(base_folder_is_empty(t.path));
    ck_assert_int_eq(stat(t.path, &info), 0);
    ck_assert_int_eq((int)(info.st_mode & 0777), 0755);
    base_temporary_close(&t);
    base_temporary_close(&t);
    umask(before);
}
END_TEST

START_TEST(failures_name_the_folder) {
    base_temporary t;
    TEST_FAILS(base_temporary_file("/nowhere/x", 0600, &arena, &t, &err), BASE_ENOTFOUND, err,
               "/nowhere/x: ");
    TEST_FAILS(base_temporary_folder("/nowhere/x", &arena, &t, &err), BASE_ENOTFOUND, err,
               "/nowhere/x: ");
}
END_TEST

TEST_MAIN("base/temporary", names_are_new_and_cannot_be_guessed, a_folder_is_new_too,
          failures_name_the_folder)
