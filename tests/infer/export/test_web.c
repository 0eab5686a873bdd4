#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/temporary.h"
#include "infer/export/export.h"
#include "tests/model_make.h"
#include "tests/test.h"

extern const infer_exporter infer_export_web, infer_export_onnx;

static const infer_export_options only = {.member = -1};

/* A folder of the test's own, with a model in it. */
typedef struct {
    base_arena arena;
    infer_model *model;
    const char *root, *model_path;
    const char *folder; /* where to export to */
} fixture;

static fixture open_fixture(int n_members) {
    base_error err;
    fixture f = {0};
    f.root = test_folder();
    f.model_path = base_path_join(&f.arena, f.root, "model.h5");
    model_make(f.model_path, n_members);
    TEST_OK(infer_model_open(f.model_path, 1, NULL, &f.model, &err), err);
    f.folder = base_path_join(&f.arena, f.root, "web");
    return f;
}

static void close_fixture(fixture *f) {
    infer_model_free(f->model);
    base_arena_release(&f->arena);
}

static base_text read_bytes(const char *path) {
    base_error err;
    base_text bytes = {0};
    void *data;
    TEST_OK(base_file_read(path, 0, &data, &bytes.size, &err), err);
    bytes.data = data;
    return bytes;
}

static char *read_text(fixture *f, const char *path) {
    base_text bytes = read_bytes(path);
    char *text = base_arena_copy(&f->arena, bytes.data, bytes.size);
    base_text_release(&bytes);
    return text;
}

static char *read_part(fixture *f, const char *name) {
    return read_text(f, base_path_join(&f->arena, f->folder, name));
}

/* Hidden entries count. */
static int n_entries(const char *folder) {
    DIR *stream = opendir(folder);
    ck_assert_ptr_nonnull(stream);
    int n = -2; /* "." and ".." */
    while (readdir(stream) != NULL) n++;
    closedir(stream);
    return n;
}

static double number(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "%s", key);
    return item->valuedouble;
}

static void check_settings(fixture *f) {
    cJSON *settings = cJSON_Parse(read_part(f, "model.json"));
    ck_assert_ptr_nonnull(settings);
    const data_audio_options *audio = infer_model_audio(f->model);
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(settings, "classes");
    ck_assert_int_eq(cJSON_GetArraySize(classes), infer_model_n_classes(f->model));
    for (int i = 0; i < infer_model_n_classes(f->model); i++) {
        ck_assert_str_eq(cJSON_GetArrayItem(classes, i)->valuestring,
                         infer_model_class(f->model, i));
    }
    ck_assert_double_eq(number(settings, "sample_rate_hz"), audio->sample_rate_hz);
    ck_assert_double_eq(number(settings, "channels"), (double)audio->channels);
    ck_assert_double_eq(number(settings, "samples"), (double)data_audio_samples(audio));
    ck_assert_double_eq(number(settings, "trim_db"), audio->trim_db);
    ck_assert_double_eq(number(settings, "min_peak_db"), audio->min_peak_db);
    const cJSON *normalize = cJSON_GetObjectItemCaseSensitive(settings, "normalize");
    ck_assert_str_eq(cJSON_GetStringValue(normalize), "none");
    const cJSON *refuse = cJSON_GetObjectItemCaseSensitive(settings, "refuse");
    ck_assert_double_eq(number(refuse, "class"), INFER_NONE_REFUSED);
    const cJSON *least = cJSON_GetObjectItemCaseSensitive(refuse, "least");
    ck_assert_int_eq(cJSON_GetArraySize(least), infer_model_n_classes(f->model));
    ck_assert_double_eq(cJSON_GetArrayItem(least, 0)->valuedouble, 0);
    cJSON_Delete(settings);
}

START_TEST(the_folder_is_whole) {
    base_error err;
    fixture f = open_fixture(1);
    TEST_OK(infer_export_web.write(f.model, &only, f.folder, &err), err);
    ck_assert_int_eq(n_entries(f.folder), 3);
    ck_assert_int_eq(n_entries(f.root), 2);
    ck_assert_str_eq(read_part(&f, "index.html"),
                     read_text(&f, test_path("../infer/web/index.html")));
    check_settings(&f);
    close_fixture(&f);
}
END_TEST

static base_text export_onnx(fixture *f, bool needs_length) {
    base_error err;
    const char *const switches[] = {"with-features", needs_length ? "needs-length" : NULL, NULL};
    infer_export_options options = {.member = -1, .switches = switches};
    const char *path = base_path_join(&f->arena, f->root, "alone.onnx");
    TEST_OK(infer_export_onnx.write(f->model, &options, path, &err), err);
    return read_bytes(path);
}

static bool equal(const base_text *a, const base_text *b) {
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* The clip's length is an input that must be given: onnxruntime-web offers no other. */
START_TEST(the_network_needs_a_length) {
    base_error err;
    fixture f = open_fixture(1);
    TEST_OK(infer_export_web.write(f.model, &only, f.folder, &err), err);
    base_text network = read_bytes(base_path_join(&f.arena, f.folder, "model.onnx")),
              needs = export_onnx(&f, true), preset = export_onnx(&f, false);
    ck_assert(equal(&network, &needs));
    ck_assert(!equal(&network, &preset));
    base_text_release(&network);
    base_text_release(&needs);
    base_text_release(&preset);
    close_fixture(&f);
}
END_TEST

/* Nobody can have put a folder where the export is put together, and what a killed one left goes.
 */
START_TEST(a_planted_stage_is_not_used) {
    base_error err;
    fixture f = open_fixture(1);
    base_temporary left;
    const char *planted =
        base_arena_printf(&f.arena, "%s/.rimshot-web-%ld", f.root, (long)getpid());
    TEST_OK(base_folder_make(planted, &err), err);
    TEST_OK(base_file_write(base_path_join(&f.arena, planted, "evil.js"), "x", 1, &err), err);
    TEST_OK(base_temporary_folder(f.root, &f.arena, &left, &err), err);
    base_temporary_close(&left);
    TEST_OK(infer_export_web.write(f.model, &only, f.folder, &err), err);
    ck_assert_int_eq(n_entries(f.folder), 3);
    ck_assert_int_eq(n_entries(f.root), 3);
    close_fixture(&f);
}
END_TEST

/* Written again, also under a name that ends in '/', it keeps what the user put beside the page. */
START_TEST(a_second_export_keeps_the_rest) {
    base_error err;
    fixture f = open_fixture(1);
    TEST_OK(infer_export_web.write(f.model, &only, f.folder, &err), err);
    TEST_OK(base_file_write(base_path_join(&f.arena, f.folder, "ort"), "x", 1, &err), err);
    const char *page = base_path_join(&f.arena, f.folder, "index.html");
    struct stat info;
    TEST_OK(base_file_write(page, "x", 1, &err), err);
    ck_assert_int_eq(chmod(page, 0604), 0);
    const char *again = base_arena_printf(&f.arena, "%s//", f.folder);
    TEST_OK(infer_export_web.write(f.model, &only, again, &err), err);
    ck_assert_int_eq(n_entries(f.folder), 4);
    ck_assert_uint_gt(strlen(read_part(&f, "index.html")), 1);
    ck_assert_int_eq(stat(page, &info), 0);
    ck_assert_int_eq((int)(info.st_mode & 0777), 0604);
    close_fixture(&f);
}
END_TEST

static void refuse(fixture *f, const char *path, base_status status, const char *why) {
    base_error err;
    TEST_FAILS(infer_export_web.write(f->model, &only, path, &err), status, err, why);
    ck_assert_ptr_null(strchr(err.text, '\n'));
}

START_TEST(what_cannot_be_written_leaves_nothing) {
    base_error err;
    fixture f = open_fixture(1);
    refuse(&f, base_path_join(&f.arena, f.model_path, "web"), BASE_ENOTFOUND, "no folder");
    refuse(&f, f.model_path, BASE_EIO, "model.h5");
    ck_assert_int_eq(n_entries(f.root), 1);

    TEST_OK(base_folder_make(f.folder, &err), err);
    TEST_OK(base_file_write(base_path_join(&f.arena, f.folder, "index.html"), "mine", 4, &err),
            err);
    refuse(&f, f.folder, BASE_EEXISTS, "index.html is not from an export of rimshot");
    ck_assert_str_eq(read_part(&f, "index.html"), "mine");
    ck_assert_int_eq(n_entries(f.folder), 1);
    close_fixture(&f);
}
END_TEST

START_TEST(an_ensemble_has_one_network) {
    base_error err;
    fixture f = open_fixture(2);
    TEST_OK(infer_export_web.write(f.model, &only, f.folder, &err), err);
    base_text network = read_bytes(base_path_join(&f.arena, f.folder, "model.onnx")),
              alone = export_onnx(&f, true);
    ck_assert(equal(&network, &alone));
    base_text_release(&network);
    base_text_release(&alone);
    close_fixture(&f);
}
END_TEST

/* Classes, settings and page are compared before the network is run. */
START_TEST(verifying_finds_what_was_changed) {
    base_error err;
    base_text report = {0};
    fixture f = open_fixture(1);
    TEST_OK(infer_export_web.write(f.model, &only, f.folder, &err), err);
    setenv("PATH", f.root, 1);
    TEST_FAILS(infer_export_web.verify(f.model, &only, f.folder, &report, &err), BASE_ENOTFOUND,
               err, "there is no python3");
    static const char *const parts[] = {"model.json", "index.html"};
    for (int i = 0; i < 2; i++) {
        const char *path = base_path_join(&f.arena, f.folder, parts[i]);
        TEST_OK(base_file_write(path, "{}", 2, &err), err);
        TEST_FAILS(infer_export_web.verify(f.model, &only, f.folder, &report, &err), BASE_EMISMATCH,
                   err, parts[i]);
    }
    ck_assert_uint_eq(report.size, 0);
    close_fixture(&f);
}
END_TEST

TEST_MAIN("infer/export/web", the_folder_is_whole, the_network_needs_a_length,
          a_planted_stage_is_not_used, a_second_export_keeps_the_rest,
          what_cannot_be_written_leaves_nothing, an_ensemble_has_one_network,
          verifying_finds_what_was_changed)
