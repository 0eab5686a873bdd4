/* Files that libhdf5 makes and rimshot does not: older ones, which are read, and all others, which
 * are refused whatever their bytes are. */
#include <hdf5.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/h5.h"
#include "base/h5_block.h"
#include "base/rng.h"
#include "tests/test.h"

enum { N_LABELS = 3000, N_MUTATIONS = 4000 };

static base_arena arena;
static base_error err;

/* ---- making files ---- */

/* A file with room for the block, as rimshot has libhdf5 make them; `newest` is another layout. */
static hid_t create(const char *path, bool newest) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
    if (newest) H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    H5Pset_userblock(creation, BASE__H5_BLOCK_BYTES);
    H5Pset_obj_track_times(creation, false);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    ck_assert_int_ge(file, 0);
    H5Pclose(access);
    H5Pclose(creation);
    return file;
}

static hid_t plain_creation(void) {
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(creation, false);
    return creation;
}

/* A dataset of the numbers 0, 1, ...; the creation list is closed. */
static void put_numbers(hid_t file, const char *name, hid_t type, hid_t creation) {
    static const int32_t numbers[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    hsize_t n = 8;
    hid_t space = H5Screate_simple(1, &n, NULL);
    hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    ck_assert_int_ge(set, 0);
    ck_assert_int_ge(H5Dwrite(set, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers), 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(creation);
}

static void put_plain(hid_t file, const char *name) {
    put_numbers(file, name, H5T_STD_I32LE, plain_creation());
}

/* Text of variable length, as older versions had it; n of 0: one string. */
static void put_variable(hid_t file, const char *name, hsize_t n, const char *const *strings) {
    hid_t type = H5Tcopy(H5T_C_S1), creation = plain_creation();
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    hid_t space = n > 0 ? H5Screate_simple(1, &n, NULL) : H5Screate(H5S_SCALAR);
    hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    ck_assert_int_ge(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, strings), 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(creation);
    H5Tclose(type);
}

static void save(const char *path, const void *bytes, size_t n) {
    FILE *file = fopen(path, "wb"); /* no need for durability here */
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

/* Fills the block so that the digest fits what follows. */
static void vouch(const char *path, unsigned char *bytes, size_t n) {
    memset(bytes, 0, BASE__H5_BLOCK_BYTES);
    base__h5_block_fill(bytes, "test", 1, n - BASE__H5_BLOCK_BYTES);
    save(path, bytes, n);
}

static unsigned char *load(const char *path, size_t *n) {
    void *data;
    TEST_OK(base_file_read(path, 0, &data, n, &err), err);
    return data;
}

static void vouch_for_file(const char *path) {
    size_t n;
    unsigned char *bytes = load(path, &n);
    vouch(path, bytes, n);
    base_free(bytes);
}

static const char *path_of(const char *name) {
    return base_path_join(&arena, test_folder(), name);
}

static base_h5_reader *open_file(const char *path) {
    base_h5_reader *reader;
    TEST_OK(base_h5_reader_open(path, "test", 1, NULL, &reader, &err), err);
    return reader;
}

/* ---- older files ---- */

/* Of all lengths, every seventh empty. */
static const char *label(int64_t i) {
    return i % 7 == 0 ? ""
                      : base_arena_printf(&arena, "label %0*lld", (int)(i % 300), (long long)i);
}

static const char *older_file(int64_t n_labels) {
    const char *path = path_of("older.h5");
    const char **labels = base_arena_alloc(&arena, (size_t)n_labels, sizeof *labels);
    const char *config = "name: x\n";
    for (int64_t i = 0; i < n_labels; i++) labels[i] = label(i);
    hid_t file = create(path, false);
    put_variable(file, "config", 0, &config);
    put_variable(file, "labels", (hsize_t)n_labels, labels);
    put_plain(file, "numbers");
    H5Fclose(file);
    vouch_for_file(path);
    return path;
}

START_TEST(text_of_variable_length_is_read) {
    base_h5_reader *reader = open_file(older_file(N_LABELS));
    const char **labels, *config;
    int64_t n;
    TEST_OK(base_h5_get_string(reader, "config", &arena, &config, &err), err);
    ck_assert_str_eq(config, "name: x\n");
    TEST_OK(base_h5_get_strings(reader, "labels", &arena, &labels, &n, &err), err);
    ck_assert_int_eq(n, N_LABELS);
    for (int64_t i = 0; i < n; i++) ck_assert_str_eq(labels[i], label(i));
    int32_t numbers[8];
    TEST_OK(base_h5_get(reader, "numbers", BASE_H5_I32, 8, numbers, &err), err);
    ck_assert_int_eq(numbers[7], 7);
    base_h5_reader_free(reader);
}
END_TEST

/* ---- collections of one text each ---- */

/* A collection's head and its text's, and the text itself. */
enum { N_COLLECTIONS = 5000, ONE_TEXT_BYTES = 16 + 16 + 8 };

static void put_u64(unsigned char *at, uint64_t value) {
    memcpy(at, &value, sizeof value);
}

static const char *text_of(int64_t i) {
    return base_arena_printf(&arena, "%07lld", (long long)i);
}

/* Text i is number i % 3 + 1 of collection i. */
static void put_collection(unsigned char *at, int64_t i) {
    memcpy(at, "GCOL\1\0\0\0", 8);
    put_u64(at + 8, ONE_TEXT_BYTES);
    put_u64(at + 16, (uint64_t)i % 3 + 1);
    put_u64(at + 24, 8);
    memcpy(at + 32, text_of(i), 8);
}

static unsigned char *offset_of(hid_t file, const char *name, unsigned char *bytes) {
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    haddr_t offset = H5Dget_offset(set);
    H5Dclose(set);
    ck_assert(offset != HADDR_UNDEF);
    return bytes + offset;
}

/* A file whose labels are made to refer to as many collections; they lie in a dataset of bytes.
 * `*references` is where the file says so, 16 bytes each. */
static unsigned char *file_of_collections(const char *path, size_t *n, unsigned char **references) {
    static const char *labels[N_COLLECTIONS];
    for (int64_t i = 0; i < N_COLLECTIONS; i++) labels[i] = "12345678";
    hid_t file = create(path, false), creation = plain_creation();
    hsize_t n_room = (hsize_t)N_COLLECTIONS * ONE_TEXT_BYTES;
    H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
    hid_t space = H5Screate_simple(1, &n_room, NULL);
    H5Dclose(H5Dcreate2(file, "room", H5T_STD_U8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(creation);
    put_variable(file, "labels", N_COLLECTIONS, labels);
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    unsigned char *bytes = load(path, n), *room = offset_of(file, "room", bytes);
    *references = offset_of(file, "labels", bytes);
    H5Fclose(file);
    for (int64_t i = 0; i < N_COLLECTIONS; i++) {
        unsigned char *collection = room + i * ONE_TEXT_BYTES, *reference = *references + 16 * i;
        put_collection(collection, i);
        put_u64(reference + 4, (uint64_t)(collection - bytes - BASE__H5_BLOCK_BYTES));
        memcpy(reference + 12, collection + 16, 4);
    }
    vouch(path, bytes, *n);
    return bytes;
}

START_TEST(collections_of_one_text_are_read) {
    const char *path = path_of("collections.h5"), **labels;
    size_t n_bytes;
    int64_t n;
    unsigned char *references, *bytes = file_of_collections(path, &n_bytes, &references);
    base_h5_reader *reader = open_file(path);
    TEST_OK(base_h5_get_strings(reader, "labels", &arena, &labels, &n, &err), err);
    ck_assert_int_eq(n, N_COLLECTIONS);
    for (int64_t i = 0; i < n; i++) ck_assert_str_eq(labels[i], text_of(i));
    base_h5_reader_free(reader);
    /* The number of a text of the collection before. */
    memcpy(references + 16 * 5 + 12, references + 16 * 4 + 12, 4);
    vouch(path, bytes, n_bytes);
    reader = open_file(path);
    TEST_FAILS(base_h5_get_strings(reader, "labels", &arena, &labels, &n, &err), BASE_EFORMAT, err,
               "'labels' is damaged");
    base_h5_reader_free(reader);
    base_free(bytes);
}
END_TEST

/* ---- what other programs may write ---- */

static void external_storage(hid_t file) {
    hid_t creation = plain_creation();
    H5Pset_external(creation, "/etc/hostname", 0, 32);
    put_numbers(file, "x", H5T_STD_I32LE, creation);
}

static void external_link(hid_t file) {
    put_plain(file, "x");
    H5Lcreate_external("other.h5", "/x", file, "y", H5P_DEFAULT, H5P_DEFAULT);
}

static void soft_link(hid_t file) {
    put_plain(file, "x");
    H5Lcreate_soft("/x", file, "y", H5P_DEFAULT, H5P_DEFAULT);
}

static void second_name(hid_t file) {
    put_plain(file, "x");
    H5Lcreate_hard(file, "x", file, "y", H5P_DEFAULT, H5P_DEFAULT);
}

static void group_in_itself(hid_t file) {
    H5Lcreate_hard(file, "/", file, "self", H5P_DEFAULT, H5P_DEFAULT);
}

static void in_chunks(hid_t file) {
    hsize_t chunk = 4;
    hid_t creation = plain_creation();
    H5Pset_chunk(creation, 1, &chunk);
    put_numbers(file, "x", H5T_STD_I32LE, creation);
}

static void compressed(hid_t file) {
    hsize_t chunk = 8;
    hid_t creation = plain_creation();
    H5Pset_chunk(creation, 1, &chunk);
    H5Pset_deflate(creation, 9);
    put_numbers(file, "x", H5T_STD_I32LE, creation);
}

static void compact(hid_t file) {
    hid_t creation = plain_creation();
    H5Pset_layout(creation, H5D_COMPACT);
    put_numbers(file, "x", H5T_STD_I32LE, creation);
}

static void with_time(hid_t file) {
    put_numbers(file, "x", H5T_STD_I32LE, H5Pcreate(H5P_DATASET_CREATE));
}

static void big_endian(hid_t file) {
    put_numbers(file, "x", H5T_STD_I32BE, plain_creation());
}

static void of_other_type(hid_t file) {
    put_numbers(file, "x", H5T_STD_U16LE, plain_creation());
}

static void of_type_of_its_own(hid_t file) {
    hid_t type = H5Tcopy(H5T_STD_I32LE);
    H5Tcommit2(file, "type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    put_numbers(file, "x", type, plain_creation());
    H5Tclose(type);
}

static void with_attribute(hid_t file) {
    put_plain(file, "x");
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate_by_name(file, "x", "a", H5T_STD_I32LE, space, H5P_DEFAULT,
                                        H5P_DEFAULT, H5P_DEFAULT);
    H5Aclose(attribute);
    H5Sclose(space);
}

static void never_written(hid_t file) {
    hsize_t n = (hsize_t)1 << 40;
    hid_t space = H5Screate_simple(1, &n, NULL), creation = plain_creation();
    H5Dclose(H5Dcreate2(file, "x", H5T_STD_I32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(creation);
}

static void of_growing_size(hid_t file) {
    hsize_t n = 4, most = H5S_UNLIMITED, chunk = 4;
    hid_t space = H5Screate_simple(1, &n, &most), creation = plain_creation();
    H5Pset_chunk(creation, 1, &chunk);
    H5Dclose(H5Dcreate2(file, "x", H5T_STD_I32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(creation);
}

static void (*const foreign[])(hid_t) = {
    external_storage, external_link,      soft_link,      second_name,   group_in_itself,
    in_chunks,        compressed,         compact,        with_time,     big_endian,
    of_other_type,    of_type_of_its_own, with_attribute, never_written, of_growing_size};
enum { N_FOREIGN = sizeof foreign / sizeof *foreign };

static void expect_refusal(const char *path, const char *what) {
    base_h5_reader *reader;
    base_status status = base_h5_reader_open(path, "test", 1, NULL, &reader, &err);
    ck_assert_msg(status == BASE_EFORMAT, "%s: %s", what, base_status_text(status));
    ck_assert_ptr_nonnull(strstr(err.text, path));
    ck_assert_ptr_nonnull(strstr(err.text, "damaged or made by another program"));
}

START_TEST(what_rimshot_does_not_write_is_refused) {
    const char *path = path_of("foreign.h5");
    hid_t file = create(path, false);
    put_plain(file, "x"); /* the other half of each case: this one is read */
    H5Fclose(file);
    vouch_for_file(path);
    base_h5_reader_free(open_file(path));
    for (int i = 0; i < N_FOREIGN; i++) {
        char what[32];
        snprintf(what, sizeof what, "number %d", i);
        file = create(path, false);
        foreign[i](file);
        H5Fclose(file);
        vouch_for_file(path);
        expect_refusal(path, what);
    }
    file = create(path, true);
    put_plain(file, "x");
    H5Fclose(file);
    vouch_for_file(path);
    expect_refusal(path, "newest layout");
}
END_TEST

START_TEST(a_pipe_does_not_block) {
    const char *path = path_of("pipe");
    base_h5_reader *reader;
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    TEST_FAILS(base_h5_reader_open(path, "test", 1, NULL, &reader, &err), BASE_EIO, err,
               "not a regular file");
    ck_assert(!base_h5_is_ours(path));
}
END_TEST

/* ---- bytes that say too much ---- */

/* Replaces the eight bytes `value` wherever they stand by `by`. */
static int replace(unsigned char *bytes, size_t n, uint64_t value, uint64_t by) {
    int n_replaced = 0;
    for (size_t i = BASE__H5_BLOCK_BYTES; i + 8 <= n; i++) {
        if (memcmp(bytes + i, &value, 8) != 0) continue;
        memcpy(bytes + i, &by, 8);
        n_replaced++;
    }
    return n_replaced;
}

static const char *two_sets(size_t *n, unsigned char **bytes) {
    const char *path = path_of("two.h5");
    hid_t file = create(path, false);
    static const int32_t numbers[3] = {1, 2, 3};
    hsize_t three = 3;
    hid_t space = H5Screate_simple(1, &three, NULL), creation = plain_creation();
    hid_t set = H5Dcreate2(file, "long", H5T_STD_I32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(creation);
    put_plain(file, "numbers");
    H5Fclose(file);
    *bytes = load(path, n);
    vouch(path, *bytes, *n);
    return path;
}

START_TEST(extents_beyond_the_file_are_refused) {
    size_t n;
    unsigned char *bytes;
    const char *path = two_sets(&n, &bytes);
    base_h5_reader_free(open_file(path));
    /* The extent alone, then the size of what is stored as well. */
    ck_assert_int_ge(replace(bytes, n, 3, (uint64_t)1 << 40), 2);
    vouch(path, bytes, n);
    expect_refusal(path, "extent");
    ck_assert_int_ge(replace(bytes, n, 12, (uint64_t)1 << 42), 1);
    vouch(path, bytes, n);
    expect_refusal(path, "extent and size");
    base_free(bytes);
}
END_TEST

/* ---- mutations ---- */

/* Reads all there is below a group. */
static void read_below(base_h5_reader *reader, const char *group, base_arena *memory) {
    const char **names, **strings;
    int64_t n, n_items, shape[BASE_H5_MAX_RANK];
    void *data;
    int rank;
    if (base_h5_list(reader, group, memory, &names, &n, &err) != BASE_OK) return;
    for (int64_t i = 0; i < n; i++) {
        const char *name = base_arena_printf(memory, "%s/%s", group, names[i]);
        ck_assert(base_h5_has(reader, name));
        if (base_h5_shape(reader, name, &rank, shape, &err) == BASE_OK) {
            base_h5_get_alloc(reader, name, BASE_H5_I32, memory, &data, &n_items, &err);
            base_h5_get_strings(reader, name, memory, &strings, &n_items, &err);
        } else {
            read_below(reader, name, memory);
        }
    }
}

/* Half of the changes strike where numbers and addresses stand. */
static void mutate(unsigned char *bytes, size_t n_bytes, base_rng *rng) {
    unsigned char *content = bytes + BASE__H5_BLOCK_BYTES;
    int64_t n = (int64_t)n_bytes - BASE__H5_BLOCK_BYTES - 8;
    for (int64_t k = 1 + base_rng_below(rng, 3); k > 0; k--) {
        int64_t at = base_rng_below(rng, n), from = base_rng_below(rng, n);
        int64_t value = base_rng_below(rng, 2) ? from : -1;
        switch (base_rng_below(rng, 4)) {
        case 0:
            content[at] = (unsigned char)base_rng_below(rng, 256);
            break;
        case 1:
            content[at] ^= (unsigned char)(1 << base_rng_below(rng, 8));
            break;
        case 2:
            memcpy(content + at / 8 * 8, &value, 8);
            break;
        default:
            memmove(content + at / 8 * 8, content + from / 8 * 8, 8);
        }
    }
}

/* Opens a mutated file and, if that works, reads it all; whether it worked. */
static bool open_mutated(const char *path) {
    base_h5_reader *reader;
    base_status status = base_h5_reader_open(path, "test", 1, NULL, &reader, &err);
    if (status != BASE_OK) {
        ck_assert_int_eq(status, BASE_EFORMAT);
        ck_assert_ptr_nonnull(strstr(err.text, path));
        return false;
    }
    base_arena memory = {.limit_bytes = (size_t)1 << 20};
    read_below(reader, "", &memory);
    base_arena_release(&memory);
    base_h5_reader_free(reader);
    return true;
}

static void try_mutations(const char *path, uint64_t seed) {
    size_t n;
    int n_read = 0;
    unsigned char *whole = load(path, &n), *bytes = base_alloc(n, 1);
    base_rng rng = base_rng_open(seed, 0, 0, 0);
    const char *changed = path_of("changed.h5");
    for (int i = 0; i < N_MUTATIONS; i++) {
        memcpy(bytes, whole, n);
        mutate(bytes, n, &rng);
        vouch(changed, bytes, n);
        n_read += open_mutated(changed);
    }
    ck_assert_int_gt(n_read, N_MUTATIONS / 20);
    ck_assert_int_lt(n_read, N_MUTATIONS * 19 / 20);
    base_free(whole);
    base_free(bytes);
}

START_TEST(mutations_are_read_or_refused) {
    static const char *const labels[] = {"kick", "", "snare"};
    const char *path = path_of("new.h5");
    float matrix[6] = {0};
    base_h5_writer *writer;
    TEST_OK(base_h5_writer_new("test", 1, &writer, &err), err);
    base_h5_put_string(writer, "config", "name: x\n", &err);
    base_h5_put_strings(writer, "labels", 3, labels, &err);
    for (int i = 0; i < 12; i++) { /* more than one node holds */
        const char *name = base_arena_printf(&arena, "members/%d/weight", i);
        base_h5_put(writer, name, BASE_H5_F32, 2, (int64_t[]){2, 3}, matrix, &err);
    }
    TEST_OK(base_h5_writer_finish(writer, path, &err), err);
    try_mutations(path, 1);
    try_mutations(older_file(20), 2);
}
END_TEST

TEST_MAIN("base/h5_read", text_of_variable_length_is_read, collections_of_one_text_are_read,
          what_rimshot_does_not_write_is_refused, a_pipe_does_not_block,
          extents_beyond_the_file_are_refused, mutations_are_read_or_refused)
