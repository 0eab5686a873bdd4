/* Headers of many small networks, compiled as a stranger would and asked to check themselves: their
 * test vectors are what rimshot found. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "infer/export/c.h"
#include "tests/memory.h"
#include "tests/model_make.h"
#include "tests/test.h"

#define WARNINGS "-Wall -Wextra -Wconversion -Wdouble-promotion -Wfloat-conversion -Werror"
#define STRICT   WARNINGS " -DTINY_MODEL_TEST"

#define MONO    "audio: {sample_rate: 8000, channels: 1, seconds: 0.25}\n"
#define LOG_MEL "features: {kind: log_mel, n_fft: 256, hop: 80, n_mels: 12}\n"

static const char *const int8_on[] = {"int8", NULL};

static base_status export_header(const char *model_path, const char *path, bool int8, int member,
                                 base_error *err) {
    infer_model *model;
    infer_export_options options = {.switches = int8 ? int8_on : NULL, .member = member};
    TEST_OK(infer_model_open(model_path, 1, NULL, &model, err), *err);
    base_status status = infer_exporter_find("c")->write(model, &options, path, err);
    infer_model_free(model);
    return status;
}

/* The test's own: each test is a process. */
static const char *folder(void) {
    static const char *made;
    if (made == NULL) made = test_folder();
    return made;
}

/* Runs a command in the test's folder; its exit status. */
static int run(const char *command) {
    char line[1024];
    snprintf(line, sizeof line, "cd '%s' && { %s; } >log.txt 2>&1 || { cat log.txt; exit 1; }",
             folder(), command);
    return system(line);
}

static bool has(const char *program) {
    char line[128];
    snprintf(line, sizeof line, "command -v %s >/dev/null 2>&1", program);
    return system(line) == 0;
}

static const char *in_folder(const char *name) {
    static char path[2][512];
    static int turn;
    turn = 1 - turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder(), name);
    return path[turn];
}

/* Exports a model of this configuration, compiles its header and lets it check itself. */
static void check_config(const char *config, bool int8) {
    base_error err;
    model_make_of(in_folder("model.h5"), config);
    TEST_OK(export_header(in_folder("model.h5"), in_folder("tiny_model.h"), int8, -1, &err), err);
    ck_assert_int_eq(run("cc -std=c99 " STRICT " -x c tiny_model.h -lm -o tiny && ./tiny"), 0);
}

/* The same header, compiled for a processor without doubles. */
static void check_single(void) {
    ck_assert_int_eq(run("cc -std=c99 " STRICT " -DTINY_MODEL_SINGLE -x c tiny_model.h -lm -o tiny "
                         "&& ./tiny"),
                     0);
}

START_TEST(every_layer_has_a_form) {
    int n;
    const nn_layer *const *layers = nn_layers(&n);
    for (int i = 0; i < n; i++) {
        ck_assert_msg(export_c_knows(layers[i]), "%s has no form in C", layers[i]->variant.name);
    }
    ck_assert(!export_c_knows(&(nn_layer){.variant = {.name = "nope"}}));
}
END_TEST

/* And the refusal is true: ONNX has what it says. */
START_TEST(front_ends_without_a_form_are_refused_by_name) {
    static const struct {
        const char *kind;
        bool has_onnx;
    } refused[] = {{"raster", true}, {"raster_log_mel", true}, {"descriptors", false}};
    const infer_export_options whole = {.switches = (const char *const[]){"with-features", NULL},
                                        .member = -1};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        base_error err;
        infer_model *model;
        char config[512], part[64];
        snprintf(config, sizeof config,
                 MONO "features: {kind: %s, n_fft: 256, hop: 80, n_mels: 12}\n"
                      "network: [flatten, {linear: classes}]\n",
                 refused[i].kind);
        snprintf(part, sizeof part, "features.kind: '%s' has no form in C", refused[i].kind);
        model_make_of(in_folder("model.h5"), config);
        TEST_FAILS(export_header(in_folder("model.h5"), in_folder("a.h"), false, -1, &err),
                   BASE_ECONFIG, err, part);
        ck_assert_int_eq(strstr(err.text, "use onnx --with-features") != NULL, refused[i].has_onnx);
        TEST_OK(infer_model_open(in_folder("model.h5"), 1, NULL, &model, &err), err);
        base_status status =
            infer_exporter_find("onnx")->write(model, &whole, in_folder("a.onnx"), &err);
        ck_assert_int_eq(status, refused[i].has_onnx ? BASE_OK : BASE_ECONFIG);
        infer_model_free(model);
    }
}
END_TEST

START_TEST(images_and_both_recurrent_directions) {
    check_config(MONO LOG_MEL "network: [{conv2d: {out: 4, kernel: 3, pad: same, bias: false}}, "
                              "batch_norm, relu, {max_pool: 2}, to_sequence, "
                              "{gru: {hidden: 5, bidirectional: true}}, "
                              "{time_pool: [mean, max, last, attention]}, {dropout: 0.3}, "
                              "{linear: classes}]\n",
                 false);
}
END_TEST

START_TEST(strides_dilation_groups_and_other_windows) {
    check_config(MONO LOG_MEL
                 "network: [{conv2d: {out: 6, kernel: [3, 5], stride: [1, 2], pad: [1, 0, 3, 1]}}, "
                 "{leaky_relu: 0.2}, "
                 "{conv2d: {out: 12, kernel: 3, dilation: [1, 2], groups: 6, pad: same}}, gelu, "
                 "{max_pool: {kernel: 3, stride: 2, pad: 1}}, {gelu: tanh}, "
                 "{avg_pool: {kernel: [2, 3], stride: 1, pad: [1, 1]}}, {max_pool: {kernel: [3, "
                 "4], stride: [2, 1], pad: same}}, batch_norm, sigmoid, "
                 "{global_pool: mean}, {linear: classes}]\n",
                 false);
}
END_TEST

START_TEST(nested_lists) {
    check_config(
        MONO LOG_MEL
        "network: [{conv2d: {out: 4, kernel: 3, pad: same}}, silu, "
        "{conv2d: {out: x1, kernel: 5, pad: half, groups: 0}}, {residual: {body: "
        "[{conv2d: {out: 8, kernel: 3, stride: 2, pad: same}}, "
        "batch_norm], shortcut: [{conv2d: {out: 8, kernel: 1, stride: 2}}]}}, relu, "
        "{gate: [global_pool, {linear: 8}, sigmoid]}, "
        "{concat: [[], [{conv2d: {out: 3, kernel: 3, pad: same}}, tanh]]}, stochastic_depth, "
        "{adaptive_pool: [3, 5]}, layer_norm, "
        "{global_pool: {kind: max, keep: true}}, flatten, {linear: classes}]\n",
        false);
}
END_TEST

START_TEST(stacks_of_recurrent_layers) {
    check_config(MONO LOG_MEL "network: [to_sequence, layer_norm, batch_norm, "
                              "{lstm: {hidden: 6, layers: 2, bidirectional: true}}, {linear: 7}, "
                              "{rnn: {hidden: 5, layers: 3}}, to_image, {permute: [1, 0, 2]}, "
                              "to_sequence, {rnn: {hidden: 4, nonlinearity: relu, output: last, "
                              "bidirectional: true}}, {linear: {out: classes, bias: false}}]\n",
                 false);
}
END_TEST

START_TEST(moved_axes_end_the_padding) {
    check_config(MONO LOG_MEL
                 "network: [{permute: [0, 2, 1]}, {conv2d: {out: 2, kernel: 3}}, relu, "
                 "{reshape: [2, -1]}, {gru: {hidden: 3}}, {time_pool: last}, "
                 "{linear: classes}]\n",
                 false);
}
END_TEST

/* What follows a clip's end is silence there, not zero as behind every other layer. */
START_TEST(first_layers_read_silence) {
    static const char *const first[] = {"dropout", "silu", "{avg_pool: 3}",
                                        "{gate: [global_pool, sigmoid]}",
                                        "{concat: [[dropout], [{conv2d: {out: 2, kernel: 1}}]]}"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        char config[512];
        snprintf(config, sizeof config,
                 MONO LOG_MEL
                 "network: [%s, {conv2d: {out: 3, kernel: 3, pad: same}}, to_sequence, "
                 "{time_pool: max}, {linear: classes}]\n",
                 first[i]);
        check_config(config, false);
    }
    check_config(MONO LOG_MEL "network: [to_sequence, {time_pool: mean}, {linear: classes}]\n",
                 false);
}
END_TEST

START_TEST(decision_trees) {
    check_config(MONO LOG_MEL "network: [to_sequence, {time_pool: max}, {linear: 9}, "
                              "{forest: {out: classes, trees: 3, depth: 4}}]\n",
                 false);
    check_config(MONO LOG_MEL "network: [flatten, {linear: 9}, "
                              "{forest: {out: classes, trees: 2, depth: 1, leaves: gradient}}]\n",
                 true);
}
END_TEST

START_TEST(integers) {
    check_config(MONO LOG_MEL "network: [{conv2d: {out: 4, kernel: 3, pad: same}}, batch_norm, "
                              "relu, {conv2d: {out: 5, kernel: 3}}, {max_pool: 2}, to_sequence, "
                              "{gru: {hidden: 5, bidirectional: true}}, {time_pool: mean}, "
                              "{linear: classes}]\n",
                 true);
}
END_TEST

#define SMALL                                                                                      \
    "network: [{conv2d: {out: 4, kernel: [1, 3], stride: 2}}, relu, global_pool, "                 \
    "{linear: classes}]\n"

START_TEST(every_front_end) {
    static const char *const front_ends[] = {
        "audio: {sample_rate: 8000, channels: 2, seconds: 0.25, normalize: rms, trim_db: 0}\n"
        "features: {kind: mfcc, n_fft: 300, hop: 100, win_length: 200, window: hamming, n_mels: "
        "14, "
        "n_mfcc: 8, deltas: 2, pad: zero, normalize: clip, frames: 30}\n",
        "audio: {sample_rate: 8000, seconds: 0.25, normalize: standard, trim_db: -30}\n"
        "features: {kind: stft, n_fft: 105, hop: 50, power: 2, scale: true, drop_last: true, "
        "centered: false, normalize: minmax, frames: 60}\n",
        "audio: {sample_rate: 8000, seconds: 0.25, normalize: none}\n"
        "features: {kind: log_mel, n_fft: 128, hop: 64, n_mels: 8, top_db: 40, reference: max, "
        "window: rectangular, normalize: dataset, mask_padding: false}\n",
        "audio: {sample_rate: 8000, seconds: 0.25}\n"
        "features: {kind: mel_power, n_fft: 192, hop: 64, n_mels: 8, htk: true, area: false, "
        "normalize: none, frames: 20}\n",
        "audio: {sample_rate: 8000, seconds: 0.25}\n"
        "features: {kind: waveform, normalize: none}\n",
        "audio: {sample_rate: 8000, seconds: 0.25}\n"
        "features: {kind: log_mel, n_fft: 256, hop: 60, n_mels: 64, htk: true, empty: true, root: "
        "true, pad: same, reference: max, top_db: 80, normalize: none}\n",
        "audio: {sample_rate: 8000, seconds: 0.25}\n"
        "features: {kind: stft, n_fft: 64, hop: 31, centered: false, decibels: true, reference: "
        "max, normalize: none}\n",
        "audio: {sample_rate: 8000, seconds: 0.25}\n"
        "features: {kind: stft, n_fft: 64, hop: 40}\n"};
    for (size_t i = 0; i < sizeof front_ends / sizeof *front_ends; i++) {
        char config[1024];
        snprintf(config, sizeof config, "%s" SMALL, front_ends[i]);
        check_config(config, false);
        check_single();
    }
}
END_TEST

/* As rimshot's own answers, of a pool's rows that a convolution fills: no map between, one that
 * does not keep zeros, windows with gaps and padding, means; and what must not be done so:
 * overlapping windows, a value that is read twice. */
START_TEST(pools_read_convolutions_row_by_row) {
    static const struct {
        const char *layers;
        bool by_rows;
    } forms[] = {
        {"{conv2d: {out: 4, kernel: 3}}, {max_pool: 2}", true},
        {"{conv2d: {out: 4, kernel: 3, pad: same}}, batch_norm, sigmoid, {dropout: 0.2}, "
         "tanh, {max_pool: {kernel: [2, 3], stride: [3, 2], pad: 1}}",
         true},
        {"{conv2d: {out: 4, kernel: [3, 5], stride: [2, 1]}}, gelu, "
         "{avg_pool: {kernel: [3, 2], stride: [3, 1], pad: [1, 0]}}",
         true},
        {"{conv2d: {out: 4, kernel: 3}}, relu, {max_pool: {kernel: 3, stride: 2}}", false},
        {"{residual: {body: [{conv2d: {out: 1, kernel: 3, pad: same}}]}}, {max_pool: 2}", false}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char config[512];
        snprintf(config, sizeof config,
                 MONO LOG_MEL "network: [%s, to_sequence, {time_pool: mean}, {linear: classes}]\n",
                 forms[i].layers);
        check_config(config, false);
        ck_assert_int_eq(run("grep -q model_convolve_window tiny_model.h") == 0, forms[i].by_rows);
    }
}
END_TEST

/* A program that reads 16-bit stereo in blocks: the very answers of floats in memory. A read that
 * fails, whichever it is, fails the call. */
static const char reader[] =
    "#define TINY_MODEL_IMPLEMENTATION\n"
    "#include \"tiny_model.h\"\n"
    "enum { N = 3000 };\n"
    "static short pcm[2 * N];\n"
    "static float wave[2 * N];\n"
    "static int n_reads, failing = -1;\n"
    "static int read_pcm(void *user, int channel, int at, int n, float *x) {\n"
    "    if (user != pcm || n < 1 || n > TINY_MODEL_BLOCK || at < 0 || at + n > N) return 0;\n"
    "    if (n_reads++ == failing) return 0;\n"
    "    for (int i = 0; i < n; i++) x[i] = (float)pcm[2 * (at + i) + channel] / 32768.0f;\n"
    "    return 1;\n"
    "}\n"
    "int main(void) {\n"
    "    static tiny_model_work work;\n"
    "    float a[TINY_MODEL_N_CLASSES], b[TINY_MODEL_N_CLASSES];\n"
    "    tiny_model_sound sound = {read_pcm, pcm, 2, N};\n"
    "    unsigned seed = 1;\n"
    "    for (int i = 400; i < 2 * N - 700; i++) {\n"
    "        seed = seed * 1664525u + 1013904223u;\n"
    "        pcm[i] = (short)((int)(seed >> 17) - 16384);\n"
    "        wave[i % 2 * N + i / 2] = (float)pcm[i] / 32768.0f;\n"
    "    }\n"
    "    if (tiny_model_classify(wave, 2, N, &work, a) != 1) return 1;\n"
    "    if (tiny_model_classify_sound(&sound, &work, b) != 1) return 2;\n"
    "    if (memcmp(a, b, sizeof a) != 0) return 3;\n"
    "    const int all = n_reads;\n"
    "    for (failing = 0; failing < all; failing++) {\n"
    "        n_reads = 0;\n"
    "        if (tiny_model_classify_sound(&sound, &work, b) != TINY_MODEL_FAILED) return 4;\n"
    "        for (int c = 0; c < TINY_MODEL_N_CLASSES; c++) if (b[c] != 0) return 5;\n"
    "    }\n"
    "    sound.n = 0;\n"
    "    return all < 20 || tiny_model_classify_sound(&sound, &work, b) != 0;\n"
    "}\n";

START_TEST(sounds_are_read_in_blocks) {
    static const char *const audio[] = {MONO,
                                        "audio: {sample_rate: 8000, channels: 2, seconds: 0.25, "
                                        "normalize: standard}\n"};
    static const char *const features[] = {LOG_MEL, "features: {kind: waveform}\n"};
    for (int i = 0; i < 4; i++) {
        char config[512];
        snprintf(config, sizeof config, "%s%snetwork: [flatten, {linear: classes}]\n", audio[i / 2],
                 features[i % 2]);
        check_config(config, false);
        FILE *file = fopen(in_folder("reader.c"), "w");
        ck_assert_ptr_nonnull(file);
        fputs(reader, file);
        ck_assert_int_eq(fclose(file), 0);
        ck_assert_int_eq(run("cc -std=c99 -O1 " WARNINGS " reader.c -lm -o reader && ./reader"), 0);
    }
}
END_TEST

/* The size that the header states, and not that of all values together. */
START_TEST(work_memory_is_what_is_stated_and_shared) {
    check_config(MONO LOG_MEL "network: [{conv2d: {out: 64, kernel: 3}}, relu, {max_pool: 2}, "
                              "{conv2d: {out: 8, kernel: 3}}, flatten, {linear: classes}]\n",
                 false);
    FILE *file = fopen(in_folder("size.c"), "w");
    ck_assert_ptr_nonnull(file);
    fputs("#include \"tiny_model.h\"\n"
          "#include <stdio.h>\n"
          "int main(void) { printf(\"%d\\n\", (int)sizeof(tiny_model_work)); return 0; }\n",
          file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(run("cc size.c -o size && cc -DTINY_MODEL_SINGLE size.c -o single && "
                         "n=$(./size) && m=$(./single) && "
                         "grep -q \"Work buffer: $n bytes, or\" tiny_model.h && "
                         "grep -q \" $m with TINY_MODEL_SINGLE\" tiny_model.h && "
                         "test $m -lt $n && test $n -lt 35000"),
                     0);
}
END_TEST

/* Every compiler there is, both languages, nothing but libm and memory copies. */
START_TEST(compilers) {
    static const struct {
        const char *compiler, *language;
    } forms[] = {{"gcc", "c -std=c99"},
                 {"clang", "c -std=c99"},
                 {"g++", "c++ -std=c++17"},
                 {"clang++", "c++ -std=c++17"}};
    check_config(MONO LOG_MEL "network: [{conv2d: {out: 3, kernel: 3}}, relu, to_sequence, "
                              "{lstm: 4}, {time_pool: [max, attention]}, {linear: classes}]\n",
                 false);
    for (int i = 0; i < 4; i++) {
        char command[512];
        if (!has(forms[i].compiler)) continue;
        snprintf(command, sizeof command,
                 "%s -O2 " STRICT " -x %s tiny_model.h -lm -o tiny && ./tiny", forms[i].compiler,
                 forms[i].language);
        ck_assert_int_eq(run(command), 0);
    }
    FILE *file = fopen(in_folder("use.c"), "w");
    ck_assert_ptr_nonnull(file);
    fputs("#define TINY_MODEL_IMPLEMENTATION\n#include \"tiny_model.h\"\n", file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(run("cc -std=c99 -Wall -Wextra -Werror -O2 -c use.c -o use.o && "
                         "nm -u use.o >symbols.txt && grep -q expf symbols.txt && "
                         "! grep -E 'alloc|free|print' symbols.txt"),
                     0);
}
END_TEST

/* A header whose weights were changed must fail its own test. */
START_TEST(finds_a_wrong_weight) {
    check_config(MONO LOG_MEL "network: [flatten, {linear: classes}]\n", false);
    ck_assert_int_eq(run("sed '/_weight_1\\[/{n;s/^    [^,]*,/    1e6f,/}' tiny_model.h >wrong.h"),
                     0);
    ck_assert_int_eq(run("cc -DTINY_MODEL_TEST -x c wrong.h -lm -o wrong"), 0);
    ck_assert_int_eq(run("! cmp -s wrong.h tiny_model.h && ! ./wrong && ./wrong | grep -q FAILED"),
                     0);
}
END_TEST

START_TEST(one_member_of_an_ensemble) {
    base_error err;
    model_make(in_folder("model.h5"), 2);
    TEST_FAILS(export_header(in_folder("model.h5"), in_folder("tiny_model.h"), false, -1, &err),
               BASE_EUSAGE, err, "ensemble");
    TEST_OK(export_header(in_folder("model.h5"), in_folder("tiny-model.h"), false, 1, &err), err);
    ck_assert_int_eq(
        run("cc -std=c99 " STRICT " -x c tiny-model.h -lm -o tiny && ./tiny | grep -q passed"), 0);
}
END_TEST

static base_status verify(const char *name, bool int8, base_text *report, base_error *err) {
    infer_model *model;
    infer_export_options options = {.switches = int8 ? int8_on : NULL, .member = -1};
    TEST_OK(infer_model_open(in_folder("model.h5"), 1, NULL, &model, err), *err);
    base_status status =
        infer_exporter_find("c")->verify(model, &options, in_folder(name), report, err);
    infer_model_free(model);
    return status;
}

static double reported(const base_text *report, const char *before) {
    const char *at = strstr(base_text_string(report), before);
    ck_assert_ptr_nonnull(at);
    return strtod(at + strlen(before), NULL);
}

#define TWO_CHANNELS "audio: {sample_rate: 8000, channels: 2, seconds: 0.25}\n"
#define NETWORK                                                                                    \
    "network: [{conv2d: {out: 4, kernel: 3}}, relu, to_sequence, {gru: 4}, {time_pool: mean}, "    \
    "{linear: classes}]\n"

START_TEST(verifies_by_the_compiler_that_is_there) {
    base_error err;
    base_text report = {0};
    check_config(TWO_CHANNELS LOG_MEL NETWORK, false);
    TEST_OK(verify("tiny_model.h", false, &report, &err), err);
    ck_assert_double_lt(reported(&report, "39 synthesised drums differ by at most "), 1e-5);
    base_text_release(&report);
    TEST_OK(export_header(in_folder("model.h5"), in_folder("tiny_model.h"), true, -1, &err), err);
    TEST_OK(verify("tiny_model.h", true, &report, &err), err);
    ck_assert_double_lt(reported(&report, "differ by at most "), 1e-5);
    ck_assert_double_gt(reported(&report, ", by "), 1e-4);
    TEST_FAILS(verify("tiny_model.h", false, &report, &err), BASE_EMISMATCH, err,
               "the header's probabilities differ by up to");
    base_text_release(&report);
}
END_TEST

START_TEST(verifying_says_what_is_wrong) {
    base_error err;
    base_text report = {0};
    check_config(MONO LOG_MEL "network: [flatten, {linear: classes}]\n", false);
    ck_assert_int_eq(
        run("sed '/_weight_1\\[/{n;s/^    [^,]*,/    1e6f,/}' tiny_model.h >wrong.h && "
            "mv wrong.h tiny_model.h"),
        0);
    TEST_FAILS(verify("tiny_model.h", false, &report, &err), BASE_EMISMATCH, err,
               "tiny_model.h: its own test: largest difference");
    ck_assert_int_eq(run("echo 'int x = ;' >>tiny_model.h"), 0);
    TEST_FAILS(verify("tiny_model.h", false, &report, &err), BASE_EMISMATCH, err,
               "cc cannot compile it: ");
    ck_assert_ptr_nonnull(strstr(err.text, "error:"));
    setenv("PATH", folder(), 1);
    TEST_FAILS(verify("tiny_model.h", false, &report, &err), BASE_ENOTFOUND, err,
               "there is no cc in PATH");
    ck_assert_uint_eq(report.size, 0);
}
END_TEST

START_TEST(refuses_numbers_that_are_none) {
    base_error err;
    infer_model *model;
    infer_export_options options = {.member = -1};
    model_make(in_folder("model.h5"), 1);
    TEST_OK(infer_model_open(in_folder("model.h5"), 1, NULL, &model, &err), err);
    int64_t n;
    nn_network_params(infer_model_network(model, 0), &n)[0] = NAN;
    TEST_FAILS(infer_exporter_find("c")->write(model, &options, in_folder("none.h"), &err),
               BASE_ENUMERIC, err, "0.weight");
    ck_assert(!base_file_exists(in_folder("none.h")));
    infer_model_free(model);
}
END_TEST

/* Folding can overflow though all weights are finite. */
START_TEST(numbers_that_are_not_finite_are_written) {
    base_text text = {0};
    export_c_number(&text, INFINITY);
    export_c_number(&text, 0.5f);
    export_c_double(&text, -INFINITY);
    export_c_double(&text, NAN);
    ck_assert_str_eq(base_text_string(&text), "(1.0f / 0.0f)0.5f(-1.0f / 0.0f)(0.0f / 0.0f)");
    base_text_release(&text);
}
END_TEST

/* 0.1f is above 0.1, 0.3f below 0.3. */
START_TEST(bounds_become_floats_that_decide_alike) {
    static const double bounds[] = {0.1, 0.3, 0.5, 0.0, 0.081, 0.336, 1.0 / 3};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        float bound = export_c_not_below(bounds[i]);
        ck_assert((double)bound >= bounds[i]);
        ck_assert((double)nextafterf(bound, -1) < bounds[i]);
    }
}
END_TEST

/* Without memory there is no header; never one that lacks a number. */
START_TEST(headers_are_whole_or_refused) {
    base_error err;
    infer_model *model;
    infer_export_options options = {.member = -1};
    model_make_of(in_folder("model.h5"),
                  MONO LOG_MEL "network: [to_sequence, {layer_norm: {eps: 1e-3}}, leaky_relu, "
                               "{time_pool: attention}, {linear: classes}]\n");
    TEST_OK(infer_model_open(in_folder("model.h5"), 1, NULL, &model, &err), err);
    TEST_OK(infer_exporter_find("c")->write(model, &options, in_folder("tiny.h"), &err), err);
    ck_assert_int_eq(run("mv tiny.h whole"), 0);
    int64_t i = 0, n;
    do {
        memory_refuse(++i);
        base_status status =
            infer_exporter_find("c")->write(model, &options, in_folder("tiny.h"), &err);
        n = memory_requests();
        memory_refuse(0);
        ck_assert_msg(status != BASE_OK || run("diff whole tiny.h") == 0, "request %lld",
                      (long long)i);
    } while (n >= i);
    ck_assert_int_gt(i, 10);
    infer_model_free(model);
}
END_TEST

TEST_MAIN("infer/export/c", numbers_that_are_not_finite_are_written,
          bounds_become_floats_that_decide_alike, every_layer_has_a_form,
          front_ends_without_a_form_are_refused_by_name, images_and_both_recurrent_directions,
          strides_dilation_groups_and_other_windows, nested_lists, stacks_of_recurrent_layers,
          first_layers_read_silence, decision_trees, moved_axes_end_the_padding, integers,
          every_front_end, pools_read_convolutions_row_by_row, sounds_are_read_in_blocks,
          work_memory_is_what_is_stated_and_shared, compilers, finds_a_wrong_weight,
          one_member_of_an_ensemble, verifies_by_the_compiler_that_is_there,
          verifying_says_what_is_wrong, refuses_numbers_that_are_none, headers_are_whole_or_refused)
