#include "base/h5.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/parallel.h"
#include "tests/test.h"

static base_arena arena;
static const float matrix[6] = {1.5f, -2.0f, 3.0f, 0.0f, 1e-30f, 6.25f};

/* One of everything. */
static base_h5_writer *sample_writer(void) {
    static const char *const names[] = {"kick", "", "grüße, \"snare\""};
    base_h5_writer *w;
    base_error err;
    TEST_OK(base_h5_writer_new("test", 3, &w, &err), err);
    double scalar = 0.1;
    int64_t large = INT64_MIN;
    unsigned char bytes[4] = {0, 1, 254, 255};
    int16_t samples[3] = {-32768, 0, 32767};
    int32_t counts[2] = {-5, 7};
    base_h5_put(w, "weights/conv/weight", BASE_H5_F32, 2, (int64_t[]){2, 3}, matrix, &err);
    base_h5_put(w, "scalar", BASE_H5_F64, 0, NULL, &scalar, &err);
    base_h5_put(w, "numbers/i64", BASE_H5_I64, 1, (int64_t[]){1}, &large, &err);
    base_h5_put(w, "numbers/u8", BASE_H5_U8, 1, (int64_t[]){4}, bytes, &err);
    base_h5_put(w, "numbers/i16", BASE_H5_I16, 1, (int64_t[]){3}, samples, &err);
    base_h5_put(w, "numbers/i32", BASE_H5_I32, 5, (int64_t[]){1, 1, 2, 1, 1}, counts, &err);
    base_h5_put(w, "numbers/none", BASE_H5_F32, 2, (int64_t[]){0, 9}, NULL, &err);
    base_h5_put_strings(w, "labels", 3, names, &err);
    base_h5_put_strings(w, "no_labels", 0, NULL, &err);
    base_h5_put_string(w, "config", "name: x\n", &err);
    return w;
}

/* Text of any length does not keep numbers behind it from being used where they lie. */
START_TEST(numbers_behind_text_are_aligned) {
    base_error err;
    const char *path = base_path_join(&arena, test_folder(), "text.h5");
    for (int length = 0; length < 20; length++) {
        const char *text = base_arena_printf(&arena, "%0*d", length, 0);
        base_h5_writer *w;
        base_h5_reader *r;
        void *data;
        TEST_OK(base_h5_writer_new("test", 3, &w, &err), err);
        base_h5_put_string(w, "text", text, &err);
        base_h5_put_strings(w, "texts", 3, (const char *const[]){"", text, "a"}, &err);
        base_h5_put(w, "x", BASE_H5_F32, 1, (int64_t[]){6}, matrix, &err);
        TEST_OK(base_h5_writer_finish(w, path, &err), err);
        TEST_OK(base_h5_reader_open(path, "test", 3, NULL, &r, &err), err);
        TEST_OK(base_h5_borrow(r, "x", BASE_H5_F32, 6, &data, &err), err);
        ck_assert_mem_eq(data, matrix, sizeof matrix);
        base_h5_reader_free(r);
    }
}
END_TEST

static const char *sample_file(void) {
    const char *path = base_path_join(&arena, test_folder(), "x.h5");
    base_error err;
    TEST_OK(base_h5_writer_finish(sample_writer(), path, &err), err);
    return path;
}

static base_h5_reader *open_file(const char *path) {
    base_h5_reader *reader;
    uint32_t version = 0;
    base_error err;
    TEST_OK(base_h5_reader_open(path, "test", 3, &version, &reader, &err), err);
    ck_assert_uint_eq(version, 3);
    return reader;
}

START_TEST(ours_are_known_by_their_start) {
    const char *other = base_path_join(&arena, test_folder(), "other.h5");
    base_error err;
    TEST_OK(base_file_write(other, "\x89HDF\r\n\x1a\n", 8, &err), err);
    ck_assert(base_h5_is_ours(sample_file()));
    ck_assert(!base_h5_is_ours(other));
    ck_assert(!base_h5_is_ours("not/there.h5"));
}
END_TEST

START_TEST(what_is_put_is_got) {
    base_h5_reader *r = open_file(sample_file());
    base_error err;
    int rank;
    int64_t shape[BASE_H5_MAX_RANK], n;
    TEST_OK(base_h5_shape(r, "weights/conv/weight", &rank, shape, &err), err);
    ck_assert(rank == 2 && shape[0] == 2 && shape[1] == 3);
    float floats[6];
    TEST_OK(base_h5_get(r, "weights/conv/weight", BASE_H5_F32, 6, floats, &err), err);
    ck_assert_mem_eq(floats, matrix, sizeof matrix);
    double scalar;
    TEST_OK(base_h5_shape(r, "scalar", &rank, shape, &err), err);
    ck_assert_int_eq(rank, 0);
    TEST_OK(base_h5_get(r, "scalar", BASE_H5_F64, 1, &scalar, &err), err);
    ck_assert(scalar == 0.1);
    int64_t large;
    TEST_OK(base_h5_get(r, "numbers/i64", BASE_H5_I64, 1, &large, &err), err);
    ck_assert(large == INT64_MIN);
    unsigned char *bytes;
    TEST_OK(base_h5_get_alloc(r, "numbers/u8", BASE_H5_U8, &arena, (void **)&bytes, &n, &err), err);
    ck_assert(n == 4 && bytes[2] == 254 && bytes[3] == 255);
    int16_t samples[3];
    TEST_OK(base_h5_get(r, "numbers/i16", BASE_H5_I16, 3, samples, &err), err);
    ck_assert(samples[0] == -32768 && samples[2] == 32767);
    TEST_OK(base_h5_shape(r, "numbers/i32", &rank, shape, &err), err);
    ck_assert(rank == 5 && shape[2] == 2);
    void *none;
    TEST_OK(base_h5_get_alloc(r, "numbers/none", BASE_H5_F32, &arena, &none, &n, &err), err);
    ck_assert_int_eq(n, 0);
    base_h5_reader_free(r);
}
END_TEST

START_TEST(what_lies_in_the_file_is_borrowed) {
    base_h5_reader *r = open_file(sample_file());
    base_error err;
    void *data;
    TEST_OK(base_h5_expect(r, "weights/conv/weight", BASE_H5_F32, 6, &err), err);
    TEST_FAILS(base_h5_expect(r, "weights/conv/weight", BASE_H5_F64, 6, &err), BASE_EFORMAT, err,
               "another type");
    TEST_OK(base_h5_borrow(r, "weights/conv/weight", BASE_H5_F32, 6, &data, &err), err);
    ck_assert_mem_eq(data, matrix, sizeof matrix);
    TEST_OK(base_h5_borrow(r, "numbers/i64", BASE_H5_I64, 1, &data, &err), err);
    ck_assert(*(int64_t *)data == INT64_MIN);
    TEST_FAILS(base_h5_borrow(r, "weights/conv/weight", BASE_H5_F32, 5, &data, &err), BASE_ESHAPE,
               err, "has 6 items, not 5");
    TEST_FAILS(base_h5_borrow(r, "weights/conv/weight", BASE_H5_I32, 6, &data, &err), BASE_EFORMAT,
               err, "holds numbers of another type");
    TEST_FAILS(base_h5_borrow(r, "numbers/none", BASE_H5_F32, 0, &data, &err), BASE_EFORMAT, err,
               "cannot be used where it lies");
    TEST_FAILS(base_h5_borrow(r, "labels", BASE_H5_F32, 3, &data, &err), BASE_EFORMAT, err,
               "does not hold numbers");
    TEST_FAILS(base_h5_borrow(r, "none", BASE_H5_F32, 3, &data, &err), BASE_ENOTFOUND, err, "none");
    base_h5_reader_free(r);
}
END_TEST

START_TEST(strings_are_kept) {
    base_h5_reader *r = open_file(sample_file());
    base_error err;
    const char **strings, *string;
    int64_t n;
    TEST_OK(base_h5_get_strings(r, "labels", &arena, &strings, &n, &err), err);
    ck_assert_int_eq(n, 3);
    ck_assert_str_eq(strings[0], "kick");
    ck_assert_str_eq(strings[1], "");
    ck_assert_str_eq(strings[2], "grüße, \"snare\"");
    TEST_OK(base_h5_get_strings(r, "no_labels", &arena, &strings, &n, &err), err);
    ck_assert_int_eq(n, 0);
    TEST_OK(base_h5_get_string(r, "config", &arena, &string, &err), err);
    ck_assert_str_eq(string, "name: x\n");
    base_h5_reader_free(r);
}
END_TEST

START_TEST(groups_are_listed) {
    base_h5_reader *r = open_file(sample_file());
    base_error err;
    const char **names;
    int64_t n;
    TEST_OK(base_h5_list(r, "numbers", &arena, &names, &n, &err), err);
    static const char *const expected[] = {"i16", "i32", "i64", "none", "u8"};
    ck_assert_int_eq(n, 5);
    for (int i = 0; i < 5; i++) ck_assert_str_eq(names[i], expected[i]);
    TEST_OK(base_h5_list(r, "", &arena, &names, &n, &err), err);
    ck_assert_int_eq(n, 6);
    ck_assert(base_h5_has(r, "weights/conv"));
    ck_assert(base_h5_has(r, "/weights/conv/weight"));
    ck_assert(base_h5_has(r, ""));
    ck_assert(!base_h5_has(r, "weights/none/weight"));
    ck_assert(!base_h5_has(r, "scalar/x"));
    TEST_FAILS(base_h5_list(r, "none", &arena, &names, &n, &err), BASE_ENOTFOUND, err, "none");
    TEST_FAILS(base_h5_list(r, "scalar", &arena, &names, &n, &err), BASE_ENOTFOUND, err, "scalar");
    base_h5_reader_free(r);
}
END_TEST

START_TEST(wrong_requests_are_told) {
    const char *path = sample_file();
    base_h5_reader *r = open_file(path);
    base_error err;
    float f[8];
    const char **strings, *string;
    int rank;
    int64_t n, shape[BASE_H5_MAX_RANK];
    TEST_FAILS(base_h5_get(r, "none", BASE_H5_F32, 1, f, &err), BASE_ENOTFOUND, err, path);
    TEST_FAILS(base_h5_get(r, "weights", BASE_H5_F32, 1, f, &err), BASE_EFORMAT, err,
               "'weights' is not a dataset");
    TEST_FAILS(base_h5_get(r, "scalar", BASE_H5_F64, 2, f, &err), BASE_ESHAPE, err,
               "'scalar' has 1 items, not 2");
    TEST_FAILS(base_h5_get(r, "labels", BASE_H5_F32, 3, f, &err), BASE_EFORMAT, err,
               "'labels' does not hold numbers");
    TEST_FAILS(base_h5_get_strings(r, "scalar", &arena, &strings, &n, &err), BASE_EFORMAT, err,
               "'scalar' does not hold strings");
    TEST_FAILS(base_h5_get_string(r, "labels", &arena, &string, &err), BASE_ESHAPE, err,
               "'labels' is not one string");
    TEST_FAILS(base_h5_shape(r, "", &rank, shape, &err), BASE_EFORMAT, err, "not a dataset");
    base_h5_reader *other;
    TEST_FAILS(base_h5_reader_open(path, "model", 3, NULL, &other, &err), BASE_EMISMATCH, err,
               "a file of kind 'test', not 'model'");
    TEST_FAILS(base_h5_reader_open(path, "test", 2, NULL, &other, &err), BASE_EFORMAT, err,
               "version 3 is newer");
    TEST_FAILS(base_h5_reader_open("none.h5", "test", 2, NULL, &other, &err), BASE_ENOTFOUND, err,
               "none.h5");
    base_h5_reader_free(r);
    base_h5_reader_free(NULL);
}
END_TEST

START_TEST(two_files_are_open_side_by_side) {
    const char *path = sample_file();
    base_h5_reader *a = open_file(path), *b = open_file(path);
    float f[6];
    base_error err;
    base_h5_reader_free(a);
    TEST_OK(base_h5_get(b, "weights/conv/weight", BASE_H5_F32, 6, f, &err), err);
    ck_assert_mem_eq(f, matrix, sizeof matrix);
    base_h5_reader_free(b);
}
END_TEST

START_TEST(the_first_error_is_remembered) {
    base_h5_writer *w = sample_writer();
    base_error err;
    const char *path = base_path_join(&arena, test_folder(), "x.h5");
    TEST_FAILS(base_h5_put_string(w, "scalar", "again", &err), BASE_EIO, err, "'scalar'");
    TEST_FAILS(base_h5_put_string(w, "fine", "x", &err), BASE_EIO, err, "'scalar'");
    TEST_FAILS(base_h5_writer_finish(w, path, &err), BASE_EIO, err, "x.h5: dataset 'scalar'");
    ck_assert(!base_file_exists(path));
    w = sample_writer();
    TEST_FAILS(base_h5_put_string(w, "scalar/below", "x", &err), BASE_EIO, err, "'scalar/below'");
    base_h5_writer_free(w);
    base_h5_writer_free(NULL);
    w = sample_writer();
    TEST_FAILS(base_h5_writer_finish(w, "/no/such/folder/x.h5", &err), BASE_ENOTFOUND, err, "x.h5");
}
END_TEST

static unsigned char *read_bytes(const char *path, size_t *n) {
    void *data;
    base_error err;
    TEST_OK(base_file_read(path, 0, &data, n, &err), err);
    return data;
}

START_TEST(equal_content_gives_equal_bytes) {
    size_t n_a, n_b;
    unsigned char *a = read_bytes(sample_file(), &n_a);
    struct timespec wait = {.tv_sec = 1, .tv_nsec = 100000000}; /* HDF5 keeps time in seconds */
    nanosleep(&wait, NULL);
    unsigned char *b = read_bytes(sample_file(), &n_b);
    ck_assert_uint_eq(n_a, n_b);
    ck_assert_mem_eq(a, b, n_a);
    base_free(a);
    base_free(b);
}
END_TEST

static base_status open_bytes(const char *path, const unsigned char *bytes, size_t n,
                              base_error *err) {
    FILE *file = fopen(path, "wb"); /* no need for durability here */
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
    base_h5_reader *reader;
    base_status status = base_h5_reader_open(path, "test", 3, NULL, &reader, err);
    base_h5_reader_free(reader);
    return status;
}

START_TEST(a_flipped_byte_is_found) {
    size_t n;
    const char *path = sample_file();
    unsigned char *bytes = read_bytes(path, &n);
    base_error err;
    for (size_t i = 0; i < n; i += i < 600 ? 1 : 37) {
        bytes[i] ^= (unsigned char)(1 << i % 8);
        base_status status = open_bytes(path, bytes, n, &err);
        ck_assert_msg(status == BASE_EDIGEST || status == BASE_EFORMAT, "byte %zu: %s", i,
                      base_status_text(status));
        ck_assert_ptr_nonnull(strstr(err.text, path));
        bytes[i] ^= (unsigned char)(1 << i % 8);
    }
    TEST_OK(open_bytes(path, bytes, n, &err), err);
    base_free(bytes);
}
END_TEST

START_TEST(a_cut_or_grown_file_is_found) {
    size_t n;
    const char *path = sample_file();
    unsigned char *bytes = read_bytes(path, &n);
    base_error err;
    for (size_t cut = 0; cut < n; cut += cut < 600 ? 13 : 101) {
        base_status status = open_bytes(path, bytes, cut, &err);
        ck_assert(status == BASE_EDIGEST || status == BASE_EFORMAT);
    }
    ck_assert_int_eq(open_bytes(path, bytes, n - 1, &err), BASE_EDIGEST);
    unsigned char *longer = base_alloc(n + 1, 1);
    memcpy(longer, bytes, n);
    TEST_FAILS(open_bytes(path, longer, n + 1, &err), BASE_EDIGEST, err, "bytes of content");
    base_free(longer);
    base_free(bytes);
}
END_TEST

/* A file whose head is right but which is not HDF5: the digest only guards against accidents. */
START_TEST(a_right_digest_over_rubbish_is_refused) {
    unsigned char bytes[512 + 64] = "rimshot\ntest";
    memset(bytes + 512, 0xA5, 64);
    base_digest digest = base_digest_bytes(bytes + 512, 64);
    bytes[24] = 3;
    uint64_t check = base_digest_bytes(bytes, 28).low;
    for (int i = 0; i < 8; i++) {
        if (i < 4) bytes[28 + i] = (unsigned char)(check >> 8 * i);
        bytes[40 + i] = (unsigned char)(digest.low >> 8 * i);
        bytes[48 + i] = (unsigned char)(digest.high >> 8 * i);
    }
    bytes[32] = 64;
    base_error err;
    TEST_FAILS(open_bytes(base_path_join(&arena, test_folder(), "x.h5"), bytes, sizeof bytes, &err),
               BASE_EFORMAT, err, "not an HDF5 file");
}
END_TEST

/* Any HDF5 tool opens the file in spite of the block in front. */
START_TEST(other_programs_read_it) {
    if (system("command -v h5dump >/dev/null 2>&1") != 0) return;
    char *command = base_arena_printf(&arena, "h5dump -d /weights/conv/weight '%s'", sample_file());
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    char output[4096] = {0};
    ck_assert_uint_gt(fread(output, 1, sizeof output - 1, pipe), 0);
    ck_assert_int_eq(pclose(pipe), 0);
    ck_assert_ptr_nonnull(strstr(output, "H5T_IEEE_F32LE"));
    ck_assert_ptr_nonnull(strstr(output, "(1,0): 0, 1e-30, 6.25"));
}
END_TEST

START_TEST(many_and_large_datasets_fit) {
    enum { N_SETS = 300, N_LARGE = 1 << 22 };
    base_h5_writer *w;
    base_error err;
    TEST_OK(base_h5_writer_new("test", 1, &w, &err), err);
    float *large = base_alloc(N_LARGE, sizeof *large);
    for (int i = 0; i < N_LARGE; i++) large[i] = (float)i;
    base_h5_put(w, "large", BASE_H5_F32, 1, (int64_t[]){N_LARGE}, large, &err);
    for (int i = 0; i < N_SETS; i++) {
        const char *name = base_arena_printf(&arena, "many/%d/x", i);
        base_h5_put(w, name, BASE_H5_I32, 0, NULL, &i, &err);
    }
    const char *path = base_path_join(&arena, test_folder(), "x.h5");
    TEST_OK(base_h5_writer_finish(w, path, &err), err);
    base_h5_reader *r;
    TEST_OK(base_h5_reader_open(path, "test", 1, NULL, &r, &err), err);
    const char **names;
    int64_t n;
    TEST_OK(base_h5_list(r, "many", &arena, &names, &n, &err), err);
    ck_assert_int_eq(n, N_SETS);
    float *back = base_alloc(N_LARGE, sizeof *back);
    TEST_OK(base_h5_get(r, "large", BASE_H5_F32, N_LARGE, back, &err), err);
    ck_assert_mem_eq(back, large, N_LARGE * sizeof *back);
    base_h5_reader_free(r);
    base_free(back);
    base_free(large);
}
END_TEST

static void read_in_task(void *context, int64_t task, int worker) {
    (void)task, (void)worker;
    const char *path = context;
    base_h5_reader *r;
    float f[6];
    BASE_CHECK(base_h5_reader_open(path, "test", 3, NULL, &r, NULL) == BASE_OK);
    BASE_CHECK(base_h5_get(r, "weights/conv/weight", BASE_H5_F32, 6, f, NULL) == BASE_OK);
    BASE_CHECK(memcmp(f, matrix, sizeof f) == 0);
    base_h5_reader_free(r);
}

START_TEST(threads_do_not_disturb_each_other) {
    base_pool *pool;
    base_error err;
    TEST_OK(base_pool_new(4, &pool, &err), err);
    base_parallel(pool, 100, read_in_task, (void *)sample_file());
    base_pool_free(pool);
}
END_TEST

static void write_texts(const char *path, const char *text) {
    base_h5_writer *writer;
    base_error err;
    float numbers[3] = {1, 2, 3};
    TEST_OK(base_h5_writer_new("kind", 2, &writer, &err), err);
    TEST_OK(base_h5_put_string(writer, "text", text, &err), err);
    TEST_OK(base_h5_put(writer, "a/numbers", BASE_H5_F32, 1, (int64_t[]){3}, numbers, &err), err);
    TEST_OK(base_h5_writer_finish(writer, path, &err), err);
}

/* The bytes are those of a file written with the other text. */
START_TEST(a_text_is_replaced) {
    char path[4096], other[4096];
    const char *folder = test_folder();
    base_h5_reader *reader;
    base_error err;
    void *a, *b;
    size_t n_a, n_b;
    snprintf(path, sizeof path, "%s/a.h5", folder);
    snprintf(other, sizeof other, "%s/b.h5", folder);
    write_texts(path, "one text");
    write_texts(other, "another!");
    TEST_OK(base_h5_reader_open(path, "kind", 2, NULL, &reader, &err), err);
    TEST_FAILS(base_h5_replace_string(reader, "text", "shorter", &err), BASE_ESHAPE, err,
               "of that length");
    TEST_FAILS(base_h5_replace_string(reader, "text", "a longer one", &err), BASE_ESHAPE, err,
               "of that length");
    TEST_FAILS(base_h5_replace_string(reader, "a/numbers", "another!", &err), BASE_ESHAPE, err,
               "a/numbers");
    TEST_OK(base_h5_replace_string(reader, "text", "another!", &err), err);
    base_h5_reader_free(reader);
    TEST_OK(base_file_read(path, 0, &a, &n_a, &err), err);
    TEST_OK(base_file_read(other, 0, &b, &n_b, &err), err);
    ck_assert_uint_eq(n_a, n_b);
    ck_assert_mem_eq(a, b, n_a);
    base_free(a);
    base_free(b);
}
END_TEST

TEST_MAIN("base/h5", a_text_is_replaced, ours_are_known_by_their_start, what_is_put_is_got,
          what_lies_in_the_file_is_borrowed, numbers_behind_text_are_aligned, strings_are_kept,
          groups_are_listed, wrong_requests_are_told, two_files_are_open_side_by_side,
          the_first_error_is_remembered, equal_content_gives_equal_bytes, a_flipped_byte_is_found,
          a_cut_or_grown_file_is_found, a_right_digest_over_rubbish_is_refused,
          other_programs_read_it, many_and_large_datasets_fit, threads_do_not_disturb_each_other)
