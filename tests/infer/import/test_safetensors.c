#include <stdio.h>

#include "infer/tensors.h"
#include "tests/test.h"

/* Reads a file of this header and n_data bytes 0, 1, 2, ... */
static base_status try_header(const char *header, size_t n_data, infer_tensors *tensors,
                              base_error *err) {
    base_text file = {0};
    base_error ignored;
    char path[512];
    uint64_t length = strlen(header);
    base_text_add_bytes(&file, &length, sizeof length);
    base_text_add(&file, header);
    for (size_t i = 0; i < n_data; i++) base_text_add_bytes(&file, &(uint8_t){(uint8_t)i}, 1);
    snprintf(path, sizeof path, "%s/a.safetensors", test_folder());
    TEST_OK(base_file_write_text(path, &file, &ignored), ignored);
    base_text_release(&file);
    return infer_tensors_read(path, tensors, err);
}

#define TENSOR(name, shape, begin, end)                                                            \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

START_TEST(reads_what_is_well_formed) {
    base_error err;
    infer_tensors tensors;
    TEST_OK(try_header("{\"__metadata__\":{\"a\":\"b\"}," TENSOR("b", "[2]", "4", "12") "," TENSOR(
                           "a", "[]", "0", "4") "}  ",
                       12, &tensors, &err),
            err);
    ck_assert_uint_eq(tensors.n, 2);
    ck_assert_str_eq(tensors.items[0].name, "a");
    ck_assert_int_eq(tensors.items[0].rank, 0);
    ck_assert_str_eq(tensors.items[1].name, "b");
    ck_assert_int_eq(tensors.items[1].dim[0], 2);
    ck_assert_uint_eq(tensors.items[1].data[0], 4);
    infer_tensors_release(&tensors);
    TEST_OK(try_header("{}", 0, &tensors, &err), err);
    ck_assert_uint_eq(tensors.n, 0);
    infer_tensors_release(&tensors);
}
END_TEST

static const struct {
    const char *header;
    size_t n_data;
    const char *text;
} bad[] = {
    {"{" TENSOR("a", "[1]", "0", "4") "," TENSOR("b", "[1]", "2", "6") "}", 6, "b: it overlaps"},
    {"{" TENSOR("a", "[1]", "0", "4") "," TENSOR("b", "[1]", "0", "4") "}", 4, "overlaps"},
    {"{" TENSOR("a", "[1]", "4", "8") "}", 8, "a gap before it"},
    {"{" TENSOR("a", "[1]", "0", "4") "}", 5, "bytes follow"},
    {"{" TENSOR("a", "[2]", "0", "8") "}", 7, "do not lie within"},
    {"{" TENSOR("a", "[1]", "8", "4") "}", 8, "do not lie within"},
    {"{" TENSOR("a", "[2]", "0", "4") "}", 4, "do not hold the shape [2]"},
    {"{" TENSOR("a", "[4294967296,4294967296,4]", "0", "4") "}", 4, "do not hold the shape"},
    {"{" TENSOR("a", "[4611686018427387905]", "0", "4") "}", 4, "not a whole number"},
    {"{" TENSOR("a", "[1]", "0", "18446744073709551620") "}", 4, "two whole numbers"},
    {"{" TENSOR("a", "[1]", "-4", "0") "}", 4, "two whole numbers"},
    {"{" TENSOR("a", "[1]", "0.5", "4") "}", 4, "two whole numbers"},
    {"{" TENSOR("a", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, "more than 8 axes"},
    {"{" TENSOR("a", "[1]", "0", "4") "," TENSOR("a", "[1]", "4", "8") "}", 8, "twice"},
    {"{\"a\":{\"dtype\":\"F8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "dtype"},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "no shape"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets"},
    {"{" TENSOR("a\\nb", "[1]", "0", "4") "}", 4, "a name that is no text"},
    {"{" TENSOR("\xab", "[1]", "0", "4") "}", 4, "a name that is no text"},
    {"{\"a\":3}", 0, "not described"},
    {"[]", 0, "not a JSON object"},
    {"{\"a\":", 0, "not a JSON object"},
    {"", 0, "not a JSON object"},
};

START_TEST(malformed_files_are_refused_in_one_line) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        base_error err;
        infer_tensors tensors;
        TEST_FAILS(try_header(bad[i].header, bad[i].n_data, &tensors, &err), BASE_EFORMAT, err,
                   bad[i].text);
        ck_assert(strstr(err.text, "a.safetensors") != NULL);
        ck_assert_ptr_null(tensors.file);
    }
}
END_TEST

START_TEST(header_lengths_are_not_believed) {
    static const uint64_t lengths[] = {3, 100, UINT32_MAX, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint8_t bytes[10] = {[8] = '{', [9] = '}'};
        base_error err;
        infer_tensors tensors = {0};
        memcpy(bytes, &lengths[i], sizeof lengths[i]);
        TEST_FAILS(infer_safetensors_read("x", bytes, sizeof bytes, &tensors, &err), BASE_EFORMAT,
                   err, "a header of");
        TEST_FAILS(infer_safetensors_read("x", bytes, 7, &tensors, &err), BASE_EFORMAT, err,
                   "neither");
    }
}
END_TEST

TEST_MAIN("infer/import/safetensors", reads_what_is_well_formed,
          malformed_files_are_refused_in_one_line, header_lengths_are_not_believed)
