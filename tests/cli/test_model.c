/* Which model a command uses: named, by the environment, or the one that rimshot brings. */
#include <stdlib.h>

#include "tests/program.h"
#include "tests/test.h"

/* A tree with the program and two models of other class orders. */
static const char *fixture(void) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml train.epochs=1 --out a --quiet && "
                   "$RIMSHOT train tiny.yaml train.epochs=1 "
                   "dataset.classes='[kick, snare]' --out b --quiet && "
                   "mkdir -p tree/build tree/bin && cp $RIMSHOT tree/build && "
                   "cp $RIMSHOT tree/bin",
                   0, NULL);
    return folder;
}

/* How many classes the model has that answers. */
#define N_CLASSES(command)                                                                         \
    "test $(" command " --format csv --quiet | head -1 | tr , '\\n' | wc -l) = "

START_TEST(models_are_named_in_many_ways) {
    const char *folder = fixture();
    unsetenv("RIMSHOT_MODEL");
    program_expect(folder, N_CLASSES("$RIMSHOT classify a/model.h5 drums") "14", 0, NULL);
    program_expect(folder, N_CLASSES("$RIMSHOT classify drums --model b/model.h5") "7", 0, NULL);
    program_expect(folder, N_CLASSES("$RIMSHOT classify --model=b/model.h5 drums") "7", 0, NULL);
    program_expect(folder,
                   "cp b/model.h5 strange && " N_CLASSES("$RIMSHOT classify strange drums") "7", 0,
                   NULL);
    program_expect(
        folder,
        "RIMSHOT_MODEL=b/model.h5 && export RIMSHOT_MODEL && " N_CLASSES(
            "$RIMSHOT classify drums") "7 && " N_CLASSES("$RIMSHOT classify a/model.h5 drums") "14",
        0, NULL);
    program_expect(folder, "RIMSHOT_MODEL=b/model.h5 $RIMSHOT embed drums --out e.csv --quiet", 0,
                   NULL);
    program_expect(folder, "RIMSHOT_MODEL=b/model.h5 $RIMSHOT evaluate drums --quiet", 0, NULL);
    program_expect(folder,
                   "RIMSHOT_MODEL=b/model.h5 $RIMSHOT export --to npz --quiet && test -f model.npz "
                   "&& $RIMSHOT export --model a/model.h5 --to npz --quiet && test -f a/model.npz",
                   0, NULL);
}
END_TEST

START_TEST(without_a_name_it_is_the_one_that_comes_with_the_program) {
    const char *folder = fixture();
    unsetenv("RIMSHOT_MODEL");
    program_expect(folder, "tree/build/rimshot classify drums", 2, "no model: name one");
    program_expect(folder,
                   "mkdir -p tree/models tree/share/rimshot/models && "
                   "cp a/model.h5 tree/models/rimshot.h5",
                   0, NULL);
    program_expect(folder, N_CLASSES("tree/build/rimshot classify drums") "14", 0, NULL);
    program_expect(folder, "cp b/model.h5 tree/share/rimshot/models/rimshot.h5", 0, NULL);
    program_expect(folder, N_CLASSES("tree/bin/rimshot classify drums") "7", 0, NULL);
}
END_TEST

START_TEST(mistakes_are_named) {
    const char *folder = test_folder();
    program_expect(folder, "$RIMSHOT classify no.h5", 2, "classify: too few arguments");
    program_expect(folder, "$RIMSHOT classify no.h5 x.wav", 1, "no.h5: No such file");
    program_expect(folder, "$RIMSHOT classify --model no.h5 x.wav", 1, "no.h5: No such file");
    program_expect(folder, "RIMSHOT_MODEL=no.h5 $RIMSHOT evaluate x", 1, "no.h5: No such file");
    program_expect(folder, "$RIMSHOT export a.h5 --model b.h5 --to npz", 2,
                   "a.h5: one model too many");
}
END_TEST

TEST_MAIN("cli/model", models_are_named_in_many_ways,
          without_a_name_it_is_the_one_that_comes_with_the_program, mistakes_are_named)
