#include "infer/library/tar.h"

#include <stdlib.h>

#include "base/file.h"
#include "tests/program.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

/* What tar(1) reads out of it. */
START_TEST(tar_reads_it) {
    library_tar tar = {0};
    base_text packed = {0};
    static char large[100000];
    for (size_t i = 0; i < sizeof large; i++) large[i] = (char)(i * i % 251);
    library_tar_add(&tar, "kit/drumkit.xml", "<x/>\n", 5);
    library_tar_add(&tar, "kit/a b.wav", large, sizeof large);
    library_tar_add(&tar, "kit/empty", "", 0);
    library_tar_add(&tar, "kit/block", large, 512);
    TEST_OK(library_tar_pack(&tar, &packed, &err), err);
    const char *folder = test_folder();
    TEST_OK(base_file_write_text(base_path_join(&arena, folder, "t.tar.gz"), &packed, &err), err);
    TEST_OK(base_file_write(base_path_join(&arena, folder, "large"), large, sizeof large, &err),
            err);
    program_expect(folder, "tar xzf t.tar.gz && test \"$(cat kit/drumkit.xml)\" = '<x/>'", 0, NULL);
    program_expect(folder, "cmp large 'kit/a b.wav' && head -c 512 large | cmp - kit/block", 0,
                   NULL);
    program_end end = program_run(folder, "tar tzvf t.tar.gz | awk '{print $1, $2, $3}' | uniq -c");
    ck_assert_ptr_nonnull(strstr(end.out, "-rw-r--r-- 0/0"));
    program_expect(folder, "test -f kit/empty && test ! -s kit/empty", 0, NULL);
    base_text_release(&packed);
    library_tar_release(&tar);
}
END_TEST

START_TEST(long_names_are_refused) {
    char name[102] = "";
    memset(name, 'n', 101);
    library_tar tar = {0};
    base_text packed = {0};
    library_tar_add(&tar, name, "", 0);
    TEST_FAILS(library_tar_pack(&tar, &packed, &err), BASE_EDATA, err, "its name too long");
    library_tar_release(&tar);
    name[100] = '\0';
    tar = (library_tar){0};
    library_tar_add(&tar, name, "x", 1);
    TEST_OK(library_tar_pack(&tar, &packed, &err), err);
    library_tar_release(&tar);
    base_text_release(&packed);
}
END_TEST

TEST_MAIN("infer/library/tar", tar_reads_it, long_names_are_refused)
