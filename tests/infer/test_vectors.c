#include "data/dataset.h"
#include "infer/vectors.h"

#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "base/h5.h"
#include "base/yaml.h"
#include "data/clips.h"
#include "infer/model.h"
#include "infer/zip.h"
#include "tests/model_make.h"
#include "tests/test.h"

enum { N_COLUMNS = 3 };

static base_error err;
static base_arena arena;

static const char *const column_names[N_COLUMNS] = {"first", "a, b", "last"};

/* Two clips of a manifest written by hand. */
static int64_t clip_rows[] = {1, 0};
static int32_t clip_labels[] = {1, 0};
static data_row rows[] = {{.path = "a \"b\".wav", .group = "kit", .begin_s = 0.25, .end_s = 0.5},
                          {.path = "t\xc3\xb6n.wav", .group = ""}};
static const char *const classes[] = {"kick", "snare"};
static const float numbers[] = {0.1F, NAN, -2, 1e-9F, 3, 4};
static const data_manifest manifest = {
    .rows = rows, .n_rows = 2, .classes = classes, .n_classes = 2};
static const data_clips clips = {.n_clips = 2, .row = clip_rows, .label = clip_labels};

static infer_vectors table(const char *const *columns) {
    return (infer_vectors){.manifest = &manifest,
                           .clips = &clips,
                           .name = "x",
                           .columns = columns,
                           .n_columns = N_COLUMNS,
                           .x = numbers};
}

static const char *written(const infer_vectors *vectors, const char *name) {
    const char *path = base_path_join(&arena, test_folder(), name);
    TEST_OK(infer_vectors_write(vectors, path, &err), err);
    return path;
}

START_TEST(csv_has_a_line_per_sound) {
    infer_vectors named = table(column_names), numbered = table(NULL);
    void *text;
    size_t n;
    TEST_OK(base_file_read(written(&named, "v.csv"), 0, &text, &n, &err), err);
    ck_assert_str_eq(text, "path,begin_s,end_s,class,group,first,\"a, b\",last\n"
                           "t\xc3\xb6n.wav,0,0,snare,,0.100000001,,-2\n"
                           "\"a \"\"b\"\".wav\",0.25,0.5,kick,kit,9.99999972e-10,3,4\n");
    base_free(text);
    TEST_OK(base_file_read(written(&numbered, "n.CSV"), 0, &text, &n, &err), err);
    ck_assert_int_eq(strncmp(text, "path,begin_s,end_s,class,group,x0,x1,x2\n", 40), 0);
    base_free(text);
}
END_TEST

START_TEST(hdf5_has_an_array_per_column) {
    infer_vectors named = table(column_names);
    base_h5_reader *file;
    float x[6];
    int64_t label[2], n;
    const char **texts;
    TEST_OK(base_h5_reader_open(written(&named, "v.h5"), "vectors", 2, NULL, &file, &err), err);
    TEST_OK(base_h5_get(file, "x", BASE_H5_F32, 6, x, &err), err);
    TEST_OK(base_h5_get(file, "class", BASE_H5_I64, 2, label, &err), err);
    TEST_OK(base_h5_get_strings(file, "path", &arena, &texts, &n, &err), err);
    ck_assert_int_eq(memcmp(x, numbers, sizeof x), 0);
    ck_assert_int_eq(label[0], 1);
    ck_assert_int_eq(label[1], 0);
    ck_assert_str_eq(texts[0], rows[1].path);
    ck_assert_str_eq(texts[1], rows[0].path);
    TEST_OK(base_h5_get_strings(file, "columns", &arena, &texts, &n, &err), err);
    ck_assert_int_eq(n, N_COLUMNS);
    ck_assert_str_eq(texts[1], "a, b");
    base_h5_reader_free(file);
}
END_TEST

/* The header of NumPy's format says type and shape; what follows are the numbers. */
static const uint8_t *array_of(const infer_zip_entry *entry, const char *type, size_t n_bytes) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
    ck_assert_int_eq(memcmp(entry->data, "\x93NUMPY\1\0", 8), 0);
    ck_assert_int_eq(strncmp((const char *)entry->data + 10, wanted, strlen(wanted)), 0);
    ck_assert_uint_eq(entry->n_bytes % 64, n_bytes % 64);
    return entry->data + entry->n_bytes - n_bytes;
}

START_TEST(npz_has_arrays_that_numpy_reads) {
    infer_vectors named = table(column_names);
    const char *path = written(&named, "v.npz");
    static const uint32_t longest[] = {'a', ' ', '"', 'b', '"', '.', 'w', 'a', 'v'};
    void *bytes;
    size_t n;
    infer_zip zip;
    infer_zip_entry entry;
    int n_found = 0;
    TEST_OK(base_file_read(path, 0, &bytes, &n, &err), err);
    TEST_OK(infer_zip_open(path, bytes, n, &zip, &err), err);
    ck_assert_int_eq(zip.n, 8);
    for (int64_t i = 0; i < zip.n; i++) {
        TEST_OK(infer_zip_next(&zip, &entry, &err), err);
        if (strncmp(entry.name, "x.npy", entry.n_name) == 0) {
            const uint8_t *x = array_of(&entry, "<f4", sizeof numbers);
            ck_assert_int_eq(memcmp(x, numbers, sizeof numbers), 0);
            n_found++;
        }
        if (strncmp(entry.name, "path.npy", entry.n_name) == 0) {
            const uint8_t *text = array_of(&entry, "<U9", 2 * sizeof longest);
            uint32_t umlaut, end;
            memcpy(&umlaut, text + 4, sizeof umlaut);
            memcpy(&end, text + sizeof longest - 4, sizeof end);
            ck_assert_uint_eq(umlaut, 0xf6);
            ck_assert_uint_eq(end, 0);
            ck_assert_int_eq(memcmp(text + sizeof longest, longest, sizeof longest), 0);
            n_found++;
        }
    }
    ck_assert_int_eq(n_found, 2);
    base_free(bytes);
}
END_TEST

START_TEST(other_endings_are_refused) {
    infer_vectors named = table(column_names);
    ck_assert_int_eq(infer_vectors_write(&named, "v.txt", &err), BASE_EUSAGE);
    ck_assert_str_eq(err.text, "v.txt: the name must end in .csv, .h5 or .npz");
    ck_assert_int_eq(infer_vectors_check("v", &err), BASE_EUSAGE);
}
END_TEST

/* ---- embeddings ---- */

static void open_synth(const infer_model *model, data_manifest *set, data_clips *sounds) {
    base_node *dataset;
    const char *text = "source: synth\nper_class: 3\nclasses: [kick, snare]\n";
    TEST_OK(base_yaml_parse(text, "test", &arena, &dataset, &err), err);
    TEST_OK(data_manifest_open(dataset, &(data_manifest_request){.config_folder = "."}, set, &err),
            err);
    TEST_OK(data_clips_open(set, infer_model_audio(model), NULL, sounds, &err), err);
}

/* An ensemble's embedding is its members' side by side, whatever the batches. */
START_TEST(embeddings_stand_side_by_side) {
    enum { N = 6 };
    const char *path = base_path_join(&arena, test_folder(), "two.h5");
    infer_model *model, *single;
    data_manifest set;
    data_clips sounds;
    const int64_t index[N] = {5, 4, 3, 2, 1, 0};
    float all[N][2 * MODEL_MAKE_EMBEDDING], one[2 * MODEL_MAKE_EMBEDDING];
    model_make(path, 2);
    TEST_OK(infer_model_open(path, 4, NULL, &model, &err), err);
    TEST_OK(infer_model_open(path, 1, NULL, &single, &err), err);
    open_synth(model, &set, &sounds);
    ck_assert_int_eq(infer_model_embedding_size(model), 2 * MODEL_MAKE_EMBEDDING);
    TEST_OK(infer_model_embed_clips(model, &(infer_selection){&sounds, index, N}, all[0], &err),
            err);
    for (int i = 0; i < N; i++) {
        float p[MODEL_MAKE_CLASSES];
        int64_t size;
        TEST_OK(
            infer_model_classify_clips(single, &(infer_selection){&sounds, index + i, 1}, p, &err),
            err);
        for (int m = 0; m < 2; m++) {
            const float *value = infer_model_embedding(single, m, &size);
            ck_assert_int_eq(size, MODEL_MAKE_EMBEDDING);
            memcpy(one + m * size, value, (size_t)size * sizeof *one);
        }
        for (int c = 0; c < 2 * MODEL_MAKE_EMBEDDING; c++) {
            ck_assert_float_eq_tol(all[i][c], one[c], 1e-6F);
        }
    }
    data_clips_release(&sounds);
    data_manifest_release(&set);
    infer_model_free(model);
    infer_model_free(single);
}
END_TEST

TEST_MAIN("infer/vectors", csv_has_a_line_per_sound, hdf5_has_an_array_per_column,
          npz_has_arrays_that_numpy_reads, other_endings_are_refused, embeddings_stand_side_by_side)
