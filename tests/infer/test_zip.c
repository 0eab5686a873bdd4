#include "infer/zip.h"

#include "tests/test.h"

static infer_zip_writer make(void) {
    infer_zip_writer zip = {0};
    infer_zip_add(&zip, "a.txt", (const infer_zip_part[2]){{"12345", 5}, {"6789", 4}});
    infer_zip_add(&zip, "empty", (const infer_zip_part[2]){{"", 0}, {"", 0}});
    infer_zip_close(&zip);
    return zip;
}

START_TEST(reads_what_it_writes) {
    base_error err;
    infer_zip zip;
    infer_zip_entry entry;
    infer_zip_writer made = make();
    const uint8_t *bytes = (const uint8_t *)made.file.data;
    TEST_OK(infer_zip_open("a.zip", bytes, made.file.size, &zip, &err), err);
    ck_assert_int_eq(zip.n, 2);
    TEST_OK(infer_zip_next(&zip, &entry, &err), err);
    ck_assert_uint_eq(entry.n_bytes, 9);
    ck_assert_mem_eq(entry.data, "123456789", 9);
    ck_assert_mem_eq(entry.name, "a.txt", 5);
    /* the check value of CRC-32 */
    ck_assert_mem_eq(bytes + 14, "\x26\x39\xF4\xCB", 4);
    TEST_OK(infer_zip_next(&zip, &entry, &err), err);
    ck_assert_uint_eq(entry.n_bytes, 0);
    infer_zip_release(&made);
}
END_TEST

static base_status read_all(const infer_zip_writer *made, base_error *err) {
    infer_zip zip;
    infer_zip_entry entry;
    BASE_TRY(infer_zip_open("a.zip", (uint8_t *)made->file.data, made->file.size, &zip, err));
    for (int64_t i = 0; i < zip.n; i++) BASE_TRY(infer_zip_next(&zip, &entry, err));
    return BASE_OK;
}

/* One entry that the directory lists twice. */
START_TEST(entries_do_not_overlap) {
    base_error err;
    infer_zip_writer once = {0}, twice = {0};
    char data[1000] = {0};
    infer_zip_add(&once, "a", (infer_zip_part[]){{data, sizeof data}, {data, 0}});
    infer_zip_close(&once);
    size_t start = 30 + 1 + sizeof data, n_directory = 46 + 1;
    ck_assert_uint_eq(once.file.size, start + n_directory + 22);
    base_text_add_bytes(&twice.file, once.file.data, start + n_directory);
    base_text_add_bytes(&twice.file, once.file.data + start, n_directory + 22);
    char *end = twice.file.data + twice.file.size - 22;
    end[8] = end[10] = 2;
    end[12] = (char)(2 * n_directory);
    TEST_OK(read_all(&once, &err), err);
    TEST_FAILS(read_all(&twice, &err), BASE_EFORMAT, err, "a: entries of its zip archive overlap");
    infer_zip_release(&once);
    infer_zip_release(&twice);
}
END_TEST

START_TEST(damage_is_found) {
    base_error err;
    infer_zip_writer made = make();
    made.file.data[35] ^= 1; /* the first entry's data */
    TEST_FAILS(read_all(&made, &err), BASE_EDIGEST, err, "a.txt: its checksum is wrong");
    made.file.data[35] ^= 1;
    TEST_OK(read_all(&made, &err), err);
    size_t directory = made.file.size - 22 - 2 * 46 - 10;
    made.file.data[directory + 10] = 8; /* deflated */
    TEST_FAILS(read_all(&made, &err), BASE_EFORMAT, err, "compressed");
    made.file.data[directory + 10] = 0;
    made.file.data[directory + 45] = 127; /* the entry's place */
    TEST_FAILS(read_all(&made, &err), BASE_EFORMAT, err, "reaches past its end");
    infer_zip_release(&made);
}
END_TEST

TEST_MAIN("infer/zip", entries_do_not_overlap, reads_what_it_writes, damage_is_found)
