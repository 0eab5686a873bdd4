/* rimshot import: weights of other programs become models. */
#include <string.h>

#include "tests/program.h"
#include "tests/test.h"

static const char config[] =
    "name: image\n"
    "dataset: {source: synth, per_class: 2, classes: [kick, snare, hat]}\n"
    "audio: {sample_rate: 8000, channels: 2, seconds: 0.1}\n"
    "features: {kind: stft, n_fft: 16, hop: 16, drop_last: true, frames: 9, normalize: none}\n"
    "network:\n"
    "  - {batch_norm: {eps: 1e-3}, name: norm}\n"
    "  - {conv2d: {out: 3, kernel: [3, 2], pad: same}, name: conv}\n"
    "  - relu\n"
    "  - max_pool: {kernel: [3, 4], pad: same}\n"
    "  - {conv2d: {out: 6, kernel: 3, pad: same, groups: 3}, name: depth}\n"
    "  - {conv2d: {out: 6, kernel: 3, pad: same, groups: 6, bias: false}, name: separable_1}\n"
    "  - {conv2d: {out: 4, kernel: 1}, name: separable_2}\n"
    "  - permute: [1, 2, 0]\n"
    "  - flatten\n"
    "  - {linear: classes, name: out}\n";

static const char names[] =
    "{separable.depthwise: separable_1, separable.pointwise: separable_2, optimizer: ~}\n";

/* A folder with a configuration, a map of names and weights that Keras wrote. */
static const char *prepared(void) {
    char command[1024];
    const char *folder = test_folder();
    program_write(folder, "image.yaml", config);
    program_write(folder, "names.yaml", names);
    snprintf(command, sizeof command, "cp '%s' keras.h5", test_path("golden/keras_image.h5"));
    program_expect(folder, command, 0, NULL);
    return folder;
}

#define IMPORT "$RIMSHOT import image.yaml keras.h5 --names names.yaml -o new.h5 "

START_TEST(a_configuration_and_weights_make_a_model) {
    const char *folder = prepared();
    program_expect(folder, IMPORT, 0, NULL);
    program_end summary = program_expect(folder, "$RIMSHOT summary new.h5", 0, NULL);
    ck_assert_ptr_nonnull(strstr(summary.out, "classes  kick, snare, hat\n"));
    ck_assert_ptr_nonnull(strstr(summary.out, "{\"imported_from\": \"keras.h5\"}"));
    program_expect(folder,
                   "$RIMSHOT data synth drums --per-class 1 --quiet && "
                   "$RIMSHOT classify new.h5 drums/kick --format csv && "
                   "$RIMSHOT export new.h5 --to npz -o new.npz --verify",
                   0, NULL);
    program_expect(folder,
                   "$RIMSHOT import new.npz --into new.h5 -o again.h5 && "
                   "$RIMSHOT import image.yaml new.npz --classes a,b,c -o named.h5 && "
                   "$RIMSHOT summary named.h5 | grep -q 'classes  a, b, c'",
                   0, NULL);
}
END_TEST

START_TEST(a_new_head_is_kept) {
    const char *folder = prepared();
    program_write(folder, "names.yaml",
                  "{separable.depthwise: separable_1, separable.pointwise: separable_2, out: ~}\n");
    program_end end = program_expect(folder, IMPORT "--classes a,b", 1, NULL);
    ck_assert_str_eq(end.err, "rimshot: keras.h5: the weights do not fit the network in 2 places\n"
                              "missing: out.weight\nmissing: out.bias\n");
    program_expect(folder, IMPORT "--classes a,b --keep out", 0, NULL);
    program_expect(folder, IMPORT "--classes 'a, b' --keep 'out, norm'", 0, NULL);
    ck_assert_ptr_nonnull(strstr(program_run(folder, IMPORT "--classes a,b --keep out,outer").err,
                                 "to keep, but not in the network: outer\n"));
}
END_TEST

START_TEST(everything_that_does_not_fit_is_listed) {
    const char *folder = prepared();
    program_end end = program_expect(
        folder, "$RIMSHOT import image.yaml keras.h5 -o no.h5 --classes a,b", 1, NULL);
    static const char *const lines[] = {
        "do not fit the network in 8 places\n",
        "\nnot in the network: separable.depthwise.weight\n",
        "\nanother shape: out.weight is [3,24], the network needs [2,24]\n",
        "\nmissing: separable_2.bias\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        ck_assert_msg(strstr(end.err, lines[i]) != NULL, "no '%s' in %s", lines[i], end.err);
    }
    program_expect(folder, "test ! -e no.h5", 0, NULL);
}
END_TEST

START_TEST(wrong_use_is_named) {
    static const struct {
        const char *command, *part;
    } rows[] = {
        {"$RIMSHOT import keras.h5 -o x.h5", "CONFIG WEIGHTS, or WEIGHTS --into MODEL, is needed"},
        {"$RIMSHOT import image.yaml keras.h5", "--out FILE is needed"},
        {"$RIMSHOT import image.yaml keras.h5 --into a.h5 -o x.h5",
         "a model has its configuration"},
        {"$RIMSHOT import keras.h5 --into a.h5 --classes a -o x.h5", "a model has its"},
        {"$RIMSHOT import image.yaml keras.h5 --classes a,,b -o x.h5", "a name is empty"},
        {"$RIMSHOT import image.yaml keras.h5 --classes a,b,a -o x.h5", "a stands there twice"},
    };
    const char *folder = prepared();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        program_expect(folder, rows[i].command, 2, rows[i].part);
    }
    program_expect(folder,
                   "sed -i 's/source: synth, per_class: 2, classes: .kick, snare, hat./path: no/' "
                   "image.yaml",
                   0, NULL);
    program_expect(folder, "$RIMSHOT import image.yaml keras.h5 -o x.h5", 2, "--classes");
}
END_TEST

TEST_MAIN("cli/cmd_import", a_configuration_and_weights_make_a_model, a_new_head_is_kept,
          everything_that_does_not_fit_is_listed, wrong_use_is_named)
