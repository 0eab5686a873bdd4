/* The shared library's binary interface, as tests/infer/abi.txt states it. A change there needs a
 * new version: a greater minor number (major, from 1 on) where something is gone or different. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "infer/rimshot.h"
#include "tests/test.h"

/* What each function takes and gives: a difference does not compile. */
typedef struct {
    const char *(*version)(void);
    const char *(*status_text)(rimshot_status);
    rimshot_status (*open)(const char *, int32_t, rimshot_model **, rimshot_error *);
    void (*close)(rimshot_model *);
    int32_t (*n_classes)(const rimshot_model *);
    const char *(*class_name)(const rimshot_model *, int32_t);
    const char *(*model_config)(const rimshot_model *);
    const char *(*model_record)(const rimshot_model *);
    int32_t (*model_format)(const rimshot_model *);
    double (*model_sample_rate_hz)(const rimshot_model *);
    int32_t (*model_n_channels)(const rimshot_model *);
    double (*model_seconds)(const rimshot_model *);
    rimshot_status (*audio_read)(const char *, rimshot_audio *, rimshot_error *);
    void (*audio_free)(rimshot_audio *);
    rimshot_status (*classify)(rimshot_model *, const rimshot_audio *, float *, rimshot_error *);
    rimshot_status (*classify_file)(rimshot_model *, const char *, float *, rimshot_error *);
    rimshot_status (*classify_batch)(rimshot_model *, const rimshot_audio *, int64_t, float *,
                                     rimshot_status *, rimshot_error *);
    int64_t (*embedding_size)(const rimshot_model *);
    rimshot_status (*embed)(rimshot_model *, const rimshot_audio *, float *, rimshot_error *);
    void (*features_shape)(const rimshot_model *, int64_t[3]);
    rimshot_status (*features)(rimshot_model *, const rimshot_audio *, float *, rimshot_error *);
    int64_t (*log_mel_frames)(const rimshot_log_mel_options *, int64_t);
    rimshot_status (*log_mel)(const rimshot_log_mel_options *, const rimshot_audio *, float *,
                              rimshot_error *);
    rimshot_status (*network_features)(rimshot_model *, int32_t, const rimshot_audio *, float *,
                                       rimshot_error *);
    rimshot_status (*features_frames)(rimshot_model *, const rimshot_audio *, int64_t *,
                                      rimshot_error *);
    int32_t (*n_descriptors)(void);
    const char *(*descriptor_name)(int32_t);
    rimshot_status (*descriptors)(const rimshot_audio *, double *, rimshot_error *);
    int32_t (*n_networks)(const rimshot_model *);
    int32_t (*n_tensors)(const rimshot_model *, int32_t);
    rimshot_status (*get_tensor)(const rimshot_model *, int32_t, int32_t, rimshot_tensor *,
                                 rimshot_error *);
    double (*model_temperature)(const rimshot_model *);
    int32_t (*decide)(const rimshot_model *, const float *);
    int32_t (*decide_why)(const rimshot_model *, const float *, rimshot_reason *);
} interface;

static const interface functions = {rimshot_version,
                                    rimshot_status_text,
                                    rimshot_open,
                                    rimshot_close,
                                    rimshot_n_classes,
                                    rimshot_class_name,
                                    rimshot_model_config,
                                    rimshot_model_record,
                                    rimshot_model_format,
                                    rimshot_model_sample_rate_hz,
                                    rimshot_model_n_channels,
                                    rimshot_model_seconds,
                                    rimshot_audio_read,
                                    rimshot_audio_free,
                                    rimshot_classify,
                                    rimshot_classify_file,
                                    rimshot_classify_batch,
                                    rimshot_embedding_size,
                                    rimshot_embed,
                                    rimshot_features_shape,
                                    rimshot_features,
                                    rimshot_log_mel_frames,
                                    rimshot_log_mel,
                                    rimshot_network_features,
                                    rimshot_features_frames,
                                    rimshot_n_descriptors,
                                    rimshot_descriptor_name,
                                    rimshot_descriptors,
                                    rimshot_n_networks,
                                    rimshot_n_tensors,
                                    rimshot_get_tensor,
                                    rimshot_model_temperature,
                                    rimshot_decide,
                                    rimshot_decide_why};

#define FIELD(type, name) base_text_printf(text, " " #name "@%zu", offsetof(type, name))

static void add_version_and_structs(base_text *text) {
    base_text_printf(text, "version %d.%d\n", RIMSHOT_VERSION_MAJOR, RIMSHOT_VERSION_MINOR);
    base_text_printf(text, "struct rimshot_error %zu", sizeof(rimshot_error));
    FIELD(rimshot_error, status);
    FIELD(rimshot_error, text);
    base_text_printf(text, "\nstruct rimshot_audio %zu", sizeof(rimshot_audio));
    FIELD(rimshot_audio, samples);
    FIELD(rimshot_audio, n_frames);
    FIELD(rimshot_audio, n_channels);
    FIELD(rimshot_audio, sample_rate_hz);
    base_text_printf(text, "\nstruct rimshot_log_mel_options %zu", sizeof(rimshot_log_mel_options));
    FIELD(rimshot_log_mel_options, n_fft);
    FIELD(rimshot_log_mel_options, hop);
    FIELD(rimshot_log_mel_options, n_mels);
    FIELD(rimshot_log_mel_options, fmin_hz);
    FIELD(rimshot_log_mel_options, fmax_hz);
    base_text_printf(text, "\nstruct rimshot_tensor %zu", sizeof(rimshot_tensor));
    FIELD(rimshot_tensor, name);
    FIELD(rimshot_tensor, data);
    FIELD(rimshot_tensor, shape);
    FIELD(rimshot_tensor, n_axes);
    base_text_printf(text, "\nstruct rimshot_reason %zu", sizeof(rimshot_reason));
    FIELD(rimshot_reason, class_index);
    FIELD(rimshot_reason, bound);
    base_text_add(text, "\n");
}

static void add_statuses(base_text *text) {
    for (int i = 0; i <= RIMSHOT_EUSAGE; i++) {
        base_text_printf(text, "status %d %s\n", i, rimshot_status_text((rimshot_status)i));
    }
}

/* The library lies in the build folder, two above this program. */
static void library_path(char *path, size_t size) {
    ssize_t n = readlink("/proc/self/exe", path, size - 1);
    ck_assert(n > 0);
    path[n] = '\0';
    for (int i = 0; i < 3; i++) *strrchr(path, '/') = '\0';
    strcat(path, "/librimshot.so");
}

static void add_symbols(base_text *text) {
    char path[4096], command[5000], line[512], name[256];
    library_path(path, sizeof path);
    ck_assert_msg(base_file_exists(path), "%s: not built", path);
    snprintf(command, sizeof command, "LC_ALL=C nm -D --defined-only '%s'", path);
    FILE *symbols = popen(command, "r");
    ck_assert_ptr_nonnull(symbols);
    while (fgets(line, sizeof line, symbols) != NULL) {
        ck_assert_int_eq(sscanf(line, "%*s %*s %255s", name), 1);
        base_text_printf(text, "symbol %s\n", name);
    }
    ck_assert_int_eq(pclose(symbols), 0);
}

START_TEST(nothing_else_is_exported_and_nothing_moved) {
    base_text text = {0};
    base_error err;
    void *expected;
    size_t n;
    add_version_and_structs(&text);
    add_statuses(&text);
    add_symbols(&text);
    TEST_OK(base_file_read(test_path("infer/abi.txt"), 0, &expected, &n, &err), err);
    ck_assert_str_eq(base_text_string(&text), expected);
    base_text_release(&text);
    base_free(expected);
}
END_TEST

/* One symbol for each function of the header, none missing from either. */
START_TEST(the_list_of_functions_is_whole) {
    base_text text = {0};
    int n_symbols = 0;
    add_symbols(&text);
    for (const char *c = base_text_string(&text); *c; c++) n_symbols += *c == '\n';
    ck_assert_int_eq(n_symbols, sizeof functions / sizeof functions.version);
    ck_assert_ptr_nonnull(functions.log_mel);
    base_text_release(&text);
}
END_TEST

TEST_MAIN("infer/abi", nothing_else_is_exported_and_nothing_moved, the_list_of_functions_is_whole)
