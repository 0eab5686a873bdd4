#include "infer/npz.h"

#include <stdio.h>

#include "base/file.h"
#include "base/rng.h"
#include "infer/tensors.h"
#include "tests/test.h"

static base_error err;

enum { ALIGN = 64, PREFIX = 10 };

static void only_entry(const infer_zip_writer *zip, infer_zip_entry *entry) {
    infer_zip read;
    TEST_OK(infer_zip_open("a.npz", (const uint8_t *)zip->file.data, zip->file.size, &read, &err),
            err);
    ck_assert_int_eq(read.n, 1);
    TEST_OK(infer_zip_next(&read, entry, &err), err);
}

/* The array behind a header that says `dictionary` and fills up its lines of 64 bytes. */
static const uint8_t *array_after(const infer_zip_entry *entry, const char *dictionary) {
    const uint8_t *head = entry->data;
    size_t n_head = (size_t)(head[8] + 256 * head[9]), n_text = strlen(dictionary);
    ck_assert_uint_gt(entry->n_bytes, PREFIX);
    ck_assert_mem_eq(head, "\x93NUMPY\1\0", 8);
    ck_assert_uint_eq((PREFIX + n_head) % ALIGN, 0);
    ck_assert_uint_le(PREFIX + n_head, entry->n_bytes);
    ck_assert_mem_eq(head + PREFIX, dictionary, n_text);
    for (size_t i = n_text; i + 1 < n_head; i++) ck_assert_int_eq(head[PREFIX + i], ' ');
    ck_assert_int_eq(head[PREFIX + n_head - 1], '\n');
    return head + PREFIX + n_head;
}

START_TEST(an_array_is_its_header_and_its_bytes) {
    static const float x[6] = {1, -2, 3.5f, 0, 1e30f, -0.0f};
    infer_zip_writer zip = {0};
    infer_zip_entry entry;
    infer_npz_add(&zip, &(infer_npz_array){.name = "x",
                                           .type = "<f4",
                                           .rank = 2,
                                           .dim = (const int64_t[]){2, 3},
                                           .data = x,
                                           .n_bytes = sizeof x});
    infer_zip_close(&zip);
    only_entry(&zip, &entry);
    ck_assert_uint_eq(entry.n_name, 5);
    ck_assert_mem_eq(entry.name, "x.npy", 5);
    const uint8_t *data =
        array_after(&entry, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,3,), }");
    ck_assert_ptr_eq(data + sizeof x, entry.data + entry.n_bytes);
    ck_assert_mem_eq(data, x, sizeof x);
    infer_zip_release(&zip);
}
END_TEST

/* Its length takes two bytes. */
START_TEST(a_header_may_be_long) {
    enum { RANK = 40 };
    char dictionary[512] = "{'descr': '<i8', 'fortran_order': False, 'shape': (";
    int64_t dim[RANK];
    for (int i = 0; i < RANK; i++) {
        dim[i] = 1000000;
        strcat(dictionary, "1000000,");
    }
    strcat(dictionary, "), }");
    infer_zip_writer zip = {0};
    infer_zip_entry entry;
    infer_npz_add(&zip, &(infer_npz_array){.name = "x", .type = "<i8", .rank = RANK, .dim = dim});
    infer_zip_close(&zip);
    only_entry(&zip, &entry);
    ck_assert_ptr_eq(array_after(&entry, dictionary), entry.data + entry.n_bytes);
    infer_zip_release(&zip);
}
END_TEST

/* Any rank and extents, so that headers of all lengths are filled up. */
START_TEST(arrays_come_back) {
    enum { N_ARRAYS = 100, MOST = 4096 };
    static float x[MOST];
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    base_rng_fill_uniform(&rng, x, MOST);
    infer_zip_writer zip = {0};
    int rank[N_ARRAYS];
    int64_t dim[N_ARRAYS][INFER_TENSOR_RANK];
    for (int i = 0; i < N_ARRAYS; i++) {
        char name[32];
        int64_t count = 1;
        snprintf(name, sizeof name, "array.%d", i);
        rank[i] = (int)base_rng_below(&rng, INFER_TENSOR_RANK + 1);
        for (int d = 0; d < rank[i]; d++) {
            dim[i][d] = 1 + base_rng_below(&rng, count < MOST / 200 ? 200 : 1);
            count *= dim[i][d];
        }
        infer_npz_add(&zip, &(infer_npz_array){.name = name,
                                               .type = "<f4",
                                               .rank = rank[i],
                                               .dim = dim[i],
                                               .data = x,
                                               .n_bytes = (size_t)count * sizeof *x});
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/a.npz", test_folder());
    TEST_OK(infer_npz_finish(&zip, path, &err), err);
    infer_tensors tensors = {0};
    TEST_OK(infer_tensors_read(path, &tensors, &err), err);
    ck_assert_uint_eq(tensors.n, N_ARRAYS);
    for (int i = 0; i < N_ARRAYS; i++) {
        const infer_tensor *t = &tensors.items[i];
        ck_assert_int_eq(t->rank, rank[i]);
        ck_assert_mem_eq(t->dim, dim[i], (size_t)rank[i] * sizeof *t->dim);
        ck_assert_mem_eq(t->data, x, t->n_bytes);
    }
    infer_tensors_release(&tensors);
}
END_TEST

static void check_strings(const char *const *strings, int64_t n, const char *dictionary,
                          const uint32_t *codes, size_t n_codes) {
    infer_zip_writer zip = {0};
    infer_zip_entry entry;
    infer_npz_add_strings(&zip, "s", strings, n);
    infer_zip_close(&zip);
    only_entry(&zip, &entry);
    const uint8_t *data = array_after(&entry, dictionary);
    ck_assert_uint_eq((size_t)(entry.data + entry.n_bytes - data), n_codes * sizeof *codes);
    if (n_codes > 0) ck_assert_mem_eq(data, codes, n_codes * sizeof *codes);
    infer_zip_release(&zip);
}

#define HEAD(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': (" shape "), }"

/* As wide as the longest, counted in characters; a byte that is no UTF-8 is one of Latin-1. */
START_TEST(strings_are_as_wide_as_the_longest) {
    static const char *const strings[] = {"a", "\xC3\xB6\xE2\x82\xAC\xF0\x9F\xA5\x81", "", "x\xFF"};
    static const uint32_t codes[4 * 3] = {'a', 0, 0, 0xF6, 0x20AC, 0x1F941, 0, 0, 0, 'x', 0xFF, 0};
    check_strings(strings, 4, HEAD("<U3", "4,"), codes, 12);
}
END_TEST

/* NumPy has no strings of no width. */
START_TEST(empty_strings_and_none_have_a_width) {
    static const char *const empty[] = {"", ""};
    static const uint32_t zeros[2];
    check_strings(empty, 2, HEAD("<U1", "2,"), zeros, 2);
    check_strings(NULL, 0, HEAD("<U1", "0,"), NULL, 0);
}
END_TEST

START_TEST(what_cannot_be_written_is_an_error) {
    char path[4096];
    snprintf(path, sizeof path, "%s/none.npz", test_folder());
    infer_zip_writer large = {.too_large = true}, failed = {.file = {.failed = true}};
    TEST_FAILS(infer_npz_finish(&large, path, &err), BASE_ESHAPE, err, "none.npz: would be larger");
    TEST_FAILS(infer_npz_finish(&failed, path, &err), BASE_EMEMORY, err, "none.npz");
    void *bytes;
    size_t n;
    ck_assert_int_eq(base_file_read(path, 0, &bytes, &n, &err), BASE_ENOTFOUND);
}
END_TEST

TEST_MAIN("infer/npz", an_array_is_its_header_and_its_bytes, a_header_may_be_long, arrays_come_back,
          strings_are_as_wide_as_the_longest, empty_strings_and_none_have_a_width,
          what_cannot_be_written_is_an_error)
