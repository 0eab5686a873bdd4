#include <stdio.h>
#include <stdlib.h>

#include "infer/tensors.h"
#include "infer/zip.h"
#include "tests/test.h"

static void add_array(infer_zip_writer *zip, const char *name, const char *dictionary,
                      size_t n_data) {
    static const uint8_t zeros[64];
    base_text head = {0};
    uint16_t length = (uint16_t)(strlen(dictionary) + 1);
    base_text_add_bytes(&head, "\x93NUMPY\1\0", 8);
    base_text_add_bytes(&head, &length, sizeof length);
    base_text_printf(&head, "%s\n", dictionary);
    infer_zip_add(zip, name,
                  (const infer_zip_part[2]){{base_text_string(&head), head.size}, {zeros, n_data}});
    base_text_release(&head);
}

static base_status read_zip(const infer_zip_writer *zip, infer_tensors *tensors, base_error *err) {
    *tensors = (infer_tensors){0};
    base_status status = infer_npz_read("a.npz", (const uint8_t *)base_text_string(&zip->file),
                                        zip->file.size, tensors, err);
    return status;
}

START_TEST(reads_arrays_and_passes_by_other_entries) {
    base_error err;
    infer_tensors tensors;
    infer_zip_writer zip = {0};
    add_array(&zip, "0.weight.npy",
              "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   ", 24);
    add_array(&zip, "n.npy", "{'shape': (), 'fortran_order': False, 'descr': '<i8'}", 8);
    infer_zip_add(&zip, "metadata.json", (const infer_zip_part[2]){{"{}", 2}, {"\n", 1}});
    infer_zip_close(&zip);
    TEST_OK(read_zip(&zip, &tensors, &err), err);
    ck_assert_uint_eq(tensors.n, 2);
    ck_assert_str_eq(tensors.items[0].name, "0.weight");
    ck_assert_int_eq(tensors.items[0].rank, 2);
    ck_assert_int_eq(tensors.items[0].dim[1], 3);
    ck_assert_int_eq(tensors.items[1].rank, 0);
    ck_assert_int_eq(tensors.items[1].type, INFER_I64);
    infer_tensors_release(&tensors);
    infer_zip_release(&zip);
}
END_TEST

static const struct {
    const char *dictionary;
    size_t n_data;
    const char *text;
} bad[] = {
    {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 24, "Fortran order"},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 16, "Python objects"},
    {"{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 8, "'>f4'"},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8, "its header"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 20, "do not hold"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9), }", 4,
     "do not hold"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 4,
     "its header"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, "its header"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4, "its header"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1", 4, "its header"},
    {"{'descr': '<f4', 'shape': (1,), }", 4, "its header"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", 4, "its header"},
    {"", 4, "its header"},
};

START_TEST(arrays_that_cannot_be_read_are_named) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        base_error err;
        infer_tensors tensors;
        infer_zip_writer zip = {0};
        add_array(&zip, "a.npy", bad[i].dictionary, bad[i].n_data);
        infer_zip_close(&zip);
        TEST_FAILS(read_zip(&zip, &tensors, &err), BASE_EFORMAT, err, bad[i].text);
        ck_assert(strstr(err.text, "a.npz: a") != NULL);
        infer_tensors_release(&tensors);
        infer_zip_release(&zip);
    }
}
END_TEST

/* Copies of exact size, so that a read past the end is seen by the sanitizer. */
START_TEST(no_damage_goes_unnoticed_or_crashes) {
    base_error err;
    infer_tensors tensors;
    infer_zip_writer zip = {0};
    add_array(&zip, "a.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 12);
    infer_zip_close(&zip);
    size_t n = zip.file.size;
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *bytes = malloc(cut + 1);
        memcpy(bytes, zip.file.data, cut);
        tensors = (infer_tensors){0};
        ck_assert_int_ne(infer_npz_read("a.npz", bytes, cut, &tensors, &err), BASE_OK);
        infer_tensors_release(&tensors);
        free(bytes);
    }
    for (size_t at = 0; at < n; at++) {
        uint8_t *bytes = malloc(n);
        memcpy(bytes, zip.file.data, n);
        bytes[at] ^= 0x81;
        tensors = (infer_tensors){0};
        if (infer_npz_read("a.npz", bytes, n, &tensors, &err) == BASE_OK && tensors.n == 1) {
            ck_assert_int_eq(tensors.items[0].dim[0], 3);
        }
        infer_tensors_release(&tensors);
        free(bytes);
    }
    infer_zip_release(&zip);
}
END_TEST

TEST_MAIN("infer/import/npz", reads_arrays_and_passes_by_other_entries,
          arrays_that_cannot_be_read_are_named, no_damage_goes_unnoticed_or_crashes)
