/* Testing a model on a data set whose classes are not all its own. */
#include "tests/program.h"
#include "tests/test.h"

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

START_TEST(unknown_classes_are_named_with_the_remedy) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml --out run --quiet && "
                   "mv drums/kick drums/bass && mv drums/rim drums/side",
                   0, NULL);
    const char *text = program_expect(folder, "$RIMSHOT evaluate run/model.h5 drums", 0, NULL).out;
    contains(text, "14 clips; left out are 4 of classes the model does not know: bass 2, side 2\n");
    contains(text, "(it knows clap, closedhat, ");
    contains(text, "dataset.rules=FILE maps other names to them)");
    contains(program_expect(folder, "$RIMSHOT evaluate run/model.h5 drums --json", 0, NULL).out,
             "\"unknown\": {\"bass\": 2, \"side\": 2}}");
    program_write(folder, "rules.yaml", "classes: {kick: [bass], rim: [side]}\n");
    contains(program_expect(folder, "$RIMSHOT evaluate run/model.h5 drums dataset.rules=rules.yaml",
                            0, NULL)
                 .out,
             "4 clips\n");
    program_expect(folder, "mkdir other && mv drums/bass other", 0, NULL);
    program_expect(folder, "$RIMSHOT evaluate run/model.h5 other", 1,
                   "that the model knows (clap, closedhat, cowbell");
}
END_TEST

TEST_MAIN("cli/cmd_evaluate", unknown_classes_are_named_with_the_remedy)
