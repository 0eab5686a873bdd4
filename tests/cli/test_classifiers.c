/* System S0's statistical classifiers at reduced size and on synthesised drums: every configuration
 * trains, and every command takes the model it leaves. */
#include <stdio.h>

#include "tests/program.h"
#include "tests/test.h"

#define SMALL                                                                                      \
    "'dataset={source: synth, per_class: 4, classes: " PROGRAM_CLASSES                             \
    "}' audio.sample_rate=16000 audio.seconds=0.2 folds.k=2 "                                      \
    "--quiet "

static void train_small(const char *folder, const char *config, const char *more) {
    char command[4096];
    snprintf(command, sizeof command, "$RIMSHOT train %s --out run --overwrite " SMALL "%s",
             test_path(config), more);
    program_expect(folder, command, 0, NULL);
}

static void use_model(const char *folder, const char *classifier) {
    program_expect(folder, "$RIMSHOT evaluate run/model.h5 drums --quiet", 0, NULL);
    program_expect(folder,
                   "$RIMSHOT classify run/model.h5 drums --format csv --quiet >out.csv && test "
                   "$(wc -l <out.csv) = 10",
                   0, NULL);
    program_expect(folder,
                   "$RIMSHOT embed run/model.h5 drums --out out.csv --quiet && test $(wc -l "
                   "<out.csv) = 10",
                   0, NULL);
    program_end end = program_expect(folder, "$RIMSHOT summary run/model.h5", 0, NULL);
    ck_assert_msg(strstr(end.out, classifier), "%s: %s", classifier, end.out);
}

START_TEST(every_classifier_of_system_s0_trains) {
    static const struct {
        const char *config, *classifier;
    } rows[] = {
        {"../configs/systems/s0-forest.yaml", "classifier: random_forest, 500 trees"},
        {"../configs/systems/s0-adaboost.yaml", "classifier: adaboost, "},
        {"../configs/systems/s0-logistic.yaml", "classifier: logistic_regression, 261 weights"},
        {"../configs/systems/s0-svm.yaml", "classifier: svm, "},
        {"../configs/systems/s0-nearest.yaml", "classifier: nearest, 36 neighbours"}};
    const char *folder = test_folder();
    program_fixture(folder, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        train_small(folder, rows[i].config, "");
        use_model(folder, rows[i].classifier);
    }
}
END_TEST

START_TEST(a_forest_grows_on_the_embedding_of_a_network) {
    char command[2048];
    const char *folder = test_folder();
    program_fixture(folder, 1);
    train_small(folder, "../configs/h3.yaml", "features.n_mels=16 train.epochs=1");
    program_expect(folder, "mv run net", 0, NULL);
    snprintf(
        command, sizeof command,
        "features.n_mels=16 train.init.weights=%s/net/model.h5 classifier.random_forest.trees=9",
        folder);
    train_small(folder, "../configs/systems/s0-embedding-forest.yaml", command);
    use_model(folder, "classifier: random_forest, 9 trees");
}
END_TEST

START_TEST(networks_alone_are_exported_and_imported) {
    static const char *const formats[] = {"onnx", "safetensors", "npz", "c", "web"};
    const char *folder = test_folder();
    char command[2048];
    program_fixture(folder, 1);
    train_small(folder, "../configs/systems/s0-logistic.yaml", "");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        snprintf(command, sizeof command, "$RIMSHOT export run/model.h5 --to %s --out out",
                 formats[i]);
        program_expect(folder, command, 2, "'logistic_regression' has no form in other formats");
        program_expect(folder, "test ! -e out", 0, NULL);
    }
    program_expect(folder, "$RIMSHOT import out.npz --into run/model.h5 --out new.h5", 2,
                   "its classifier was fitted on what its network gives now");
    snprintf(command, sizeof command, "$RIMSHOT import %s out.npz --out new.h5",
             test_path("../configs/systems/s0-forest.yaml"));
    program_expect(folder, command, 2, "its classifier can't be imported");
    snprintf(command, sizeof command, "$RIMSHOT summary %s --classes 5",
             test_path("../configs/systems/s0-forest.yaml"));
    program_end end = program_expect(folder, command, 0, NULL);
    ck_assert_ptr_nonnull(strstr(end.out, "classifier: random_forest"));
    end = program_expect(folder, "$RIMSHOT help config classifier", 0, NULL);
    ck_assert_ptr_nonnull(strstr(end.out, "nearest - "));
}
END_TEST

TEST_MAIN("cli/classifiers", every_classifier_of_system_s0_trains,
          a_forest_grows_on_the_embedding_of_a_network, networks_alone_are_exported_and_imported)
