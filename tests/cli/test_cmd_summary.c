/* What a network is like, of a model or of a configuration whose sounds may be elsewhere. */
#include <stdio.h>

#include "tests/program.h"
#include "tests/test.h"

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

static const char head[] = "name: x\naudio: {sample_rate: 8000, seconds: 0.25}\n"
                           "features: {n_fft: 256, hop: 256, n_mels: 8}\n";

static void write_config(const char *folder, const char *name, const char *rest) {
    char text[1024];
    snprintf(text, sizeof text, "%s%s", head, rest);
    program_write(folder, name, text);
}

START_TEST(sounds_need_not_be_there) {
    const char *folder = test_folder();
    write_config(folder, "named.yaml",
                 "dataset: {source: folder, path: nosuch, classes: [kick, tom, rim]}\n"
                 "network: [flatten, linear: classes]\n");
    write_config(folder, "rules.yaml",
                 "dataset:\n  - {source: folder, path: nosuch, rules: r.yaml}\n"
                 "  - {source: folder, path: nosuch, classes: [kick, cowbell]}\n"
                 "network: [flatten, linear: classes]\n");
    program_write(folder, "r.yaml", "classes: {kick: ['*kick*'], tom: ['*tom*']}\n");
    write_config(folder, "literal.yaml",
                 "dataset: {source: folder, path: nosuch}\n"
                 "network: [flatten, linear: 7]\n");
    write_config(folder, "unknown.yaml",
                 "dataset: {source: folder, path: nosuch}\n"
                 "network: [flatten, linear: classes]\n");
    const char *named = program_expect(folder, "$RIMSHOT summary named.yaml", 0, NULL).out;
    contains(named, "[B,3]");
    contains(named, "note: 3 classes assumed: those that 'dataset' names; the sounds were not ");
    contains(program_expect(folder, "$RIMSHOT summary rules.yaml", 0, NULL).out,
             "note: 3 classes assumed");
    contains(program_expect(folder, "$RIMSHOT summary literal.yaml", 0, NULL).out,
             "note: 7 classes assumed: the network gives as many numbers");
    program_expect(folder, "$RIMSHOT summary unknown.yaml", 1,
                   "nosuch: no such folder; --classes says how many classes there are");
    const char *given =
        program_expect(folder, "$RIMSHOT summary unknown.yaml --classes 5", 0, NULL).out;
    contains(given, "[B,5]");
    ck_assert_ptr_null(strstr(given, "note:"));
}
END_TEST

START_TEST(one_for_pretraining_is_shown) {
    const char *folder = test_folder();
    write_config(folder, "pretrain.yaml",
                 "dataset: {source: folder, path: nosuch, label: any}\n"
                 "network: [flatten, linear: 16]\npretrain: {temperature: 0.1}\n");
    contains(program_expect(folder, "$RIMSHOT summary pretrain.yaml", 0, NULL).out, "[B,16]");
}
END_TEST

START_TEST(programs_get_json) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run --quiet", 0, NULL);
    const char *config = program_expect(folder, "$RIMSHOT summary tiny.yaml --json", 0, NULL).out;
    contains(config, "{\"n_classes\": 9, \"assumed\": \"\", \"classifier\": \"\", \"layers\": [");
    contains(config, "\"layer\": \"gru\"");
    contains(config, "\"batch\": 8, \"training\": true");
    const char *model = program_expect(folder, "$RIMSHOT summary run/model.h5 --json", 0, NULL).out;
    contains(model, "{\"n_classes\": 9, \"classes\": [\"clap\", ");
    contains(model, "\"needs\": {\"memory_bytes\": ");
    program_expect(
        folder,
        "for what in 'summary tiny.yaml' 'summary run/model.h5' 'report run'; do "
        "$RIMSHOT $what --json >j || exit 3; "
        "! command -v python3 >/dev/null || python3 -m json.tool j >/dev/null || exit 4; "
        "done; cmp j run/summary.json",
        0, NULL);
}
END_TEST

TEST_MAIN("cli/cmd_summary", sounds_need_not_be_there, one_for_pretraining_is_shown,
          programs_get_json)
