/* rimshot import: weights of other programs become models. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "tests/program.h"
#include "tests/test.h"
#include "train/experiment.h"

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
        "\nanother shape: out.weight is [3,36], the network needs [2,36]\n",
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
        {"$RIMSHOT import image.yaml keras.h5 --classes a,b,a -o x.h5", "a is given twice"},
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

/* ---- configs/systems ---- */

static nn_network *network_of(const char *folder, const char *name) {
    char text[512];
    base_error err;
    base_arena arena = {0};
    train_config made;
    nn_network *network;
    snprintf(text, sizeof text,
             "name: a\ndataset: {source: synth}\naudio: {sample_rate: 8000, seconds: 0.5}\n"
             "features: {kind: stft, n_fft: 128, hop: 64, frames: 64}\n"
             "network: [{include: '%s/%s.yaml'}]\n",
             test_path("../configs/systems/networks"), name);
    program_write(folder, "net.yaml", text);
    TEST_OK(train_config_read(base_path_join(&arena, folder, "net.yaml"), NULL, 0, &made, &err),
            err);
    TEST_OK(
        train_network_new(&(train_network_plan){.config = &made, .n_classes = 5, .max_batch = 1},
                          &network, NULL, &err),
        err);
    train_config_release(&made);
    base_arena_release(&arena);
    return network;
}

/* How many entries lead to the layer that has this tensor. */
static int n_entries(const base_node *map, const char *tensor) {
    int n = 0;
    size_t n_layer = (size_t)(strrchr(tensor, '.') - tensor);
    for (const base_node *entry = map->child; entry != NULL; entry = entry->next) {
        n += strlen(entry->text) == n_layer && strncmp(entry->text, tensor, n_layer) == 0;
    }
    return n;
}

static void check_map(const char *name) {
    char path[128];
    base_error err;
    base_arena arena = {0};
    base_node *map;
    nn_network *network = network_of(test_folder(), name);
    snprintf(path, sizeof path, "../configs/systems/names/%s_torchvision.yaml", name);
    TEST_OK(base_yaml_read(test_path(path), &arena, &map, &err), err);
    int n = nn_network_n_tensors(network), n_layers = 0;
    const char *last = "";
    for (int i = 0; i < n; i++) {
        const char *tensor = nn_network_tensor(network, i).name;
        size_t n_layer = (size_t)(strrchr(tensor, '.') - tensor) + 1;
        n_layers += strncmp(tensor, last, n_layer) != 0;
        last = tensor;
        ck_assert_msg(n_entries(map, tensor) == 1, "%s: %s", name, tensor);
    }
    ck_assert_int_eq(map->n_children, n_layers);
    nn_network_free(network);
    base_arena_release(&arena);
}

START_TEST(maps_of_names_lead_to_every_layer) {
    check_map("resnet34");
    check_map("efficientnet_b0");
    check_map("efficientnet_b1");
    check_map("efficientnet_b2");
}
END_TEST

START_TEST(a_refused_class_must_be_there) {
    const char *folder = test_folder();
    program_write(folder, "small.yaml",
                  "name: s\ndataset: {source: folder, path: x}\naudio: {seconds: 0.05}\n"
                  "features: {n_mels: 8}\nrefuse: {class: other}\n"
                  "network: [flatten, linear: classes]\n");
    program_expect(folder, "$RIMSHOT import small.yaml none.npz --classes a,b --keep '*' -o m.h5",
                   2, "small.yaml:5: refuse: 'other' is not one of");
    program_expect(folder, "test ! -e m.h5", 0, NULL);
}
END_TEST

/* As they stand but for the sounds, which are few, short and made up. */
START_TEST(the_encoder_of_system_s0_trains_and_stays) {
    static const char *const configs[] = {"openl3", "openl3-frozen"};
    const char *folder = test_folder();
    for (int i = 0; i < 2; i++) {
        char command[1024];
        snprintf(command, sizeof command,
                 "$RIMSHOT train '%s/%s.yaml' 'dataset={source: synth, per_class: 2, classes: "
                 "[kick, snare]}' audio.seconds=0.05 features.n_mels=16 train.epochs=1 "
                 "train.batch=2 train.final=best_fold folds.k=2 %s --out run%d --quiet",
                 test_path("../configs/systems"), configs[i],
                 i > 0 ? "train.init.weights=\"$PWD/run0/model.h5\"" : "", i);
        program_expect(folder, command, 0, NULL);
    }
    char command[1024];
    snprintf(command, sizeof command,
             "echo '{hidden: ~, head: ~}' >names.yaml && "
             "$RIMSHOT export run0/model.h5 --to npz -o all.npz && "
             "$RIMSHOT import '%s/openl3-embed.yaml' all.npz --classes kick,snare --keep head "
             "--names names.yaml -o embed.h5",
             test_path("../configs/systems"));
    program_expect(folder, command, 0, NULL);
    program_expect(folder,
                   "for i in 0 1; do $RIMSHOT export run$i/model.h5 --to npz -o $i.npz && "
                   "mkdir $i && (cd $i && python3 -m zipfile -e ../$i.npz .) || exit 1; done && "
                   "cmp 0/audio_embedding_layer.weight.npy 1/audio_embedding_layer.weight.npy && "
                   "! cmp -s 0/hidden.weight.npy 1/hidden.weight.npy",
                   0, NULL);
}
END_TEST

/* Reduced to what the build of the others needs: they differ from openl3_mel256 by one number. */
START_TEST(encoders_of_system_s0_give_their_embeddings) {
    static const struct {
        const char *name, *features;
        int64_t n;
    } rows[] = {{"openl3_mel256",
                 "kind: log_mel, n_mels: 256, n_fft: 2048, pad: same, htk: true, empty: true", 512},
                {"openl3_mel256_6144",
                 "kind: log_mel, n_mels: 256, n_fft: 2048, pad: same, htk: true, empty: true",
                 6144},
                {"openl3_mel128",
                 "kind: log_mel, n_mels: 128, n_fft: 2048, pad: same, htk: true, empty: true", 512},
                {"openl3_linear", "kind: stft, n_fft: 512, centered: false, decibels: true", 512}};
    base_arena arena = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        base_error err;
        train_config made;
        nn_network *network;
        const char *folder = test_folder();
        snprintf(text, sizeof text,
                 "name: a\ndataset: {source: synth}\naudio: {sample_rate: 48000, seconds: 1}\n"
                 "features: {%s, hop: 242}\nnetwork: [{include: '%s/%s.yaml'}]\n",
                 rows[i].features, test_path("../configs/systems/networks"), rows[i].name);
        program_write(folder, "net.yaml", text);
        TEST_OK(train_config_read(base_path_join(&arena, folder, "net.yaml"), NULL, 0, &made, &err),
                err);
        TEST_OK(train_network_new(
                    &(train_network_plan){.config = &made, .n_classes = rows[i].n, .max_batch = 1},
                    &network, NULL, &err),
                err);
        ck_assert_int_eq(nn_network_summary(network).n_param, 4687042);
        nn_network_free(network);
        train_config_release(&made);
    }
    base_arena_release(&arena);
}
END_TEST

TEST_MAIN("cli/cmd_import", a_refused_class_must_be_there, a_configuration_and_weights_make_a_model,
          a_new_head_is_kept, everything_that_does_not_fit_is_listed, wrong_use_is_named,
          maps_of_names_lead_to_every_layer, the_encoder_of_system_s0_trains_and_stays,
          encoders_of_system_s0_give_their_embeddings)
