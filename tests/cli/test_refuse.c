/* `rimshot refuse`: bounds from a run's tests. */
#include <stdlib.h>
#include <string.h>

#include "tests/program.h"
#include "tests/test.h"

/* A model that refuses claps, and a made-up run of twenty-five kicks, two snares and two claps. */
static const char *fixture(void) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_expect(
        folder,
        "$RIMSHOT train tiny.yaml 'dataset.classes=[kick, snare, clap]' "
        "'refuse={class: clap, above: 0.9}' train.epochs=1 --out run --quiet && "
        "mkdir -p tests/fold1 tests/fold2 && "
        "echo path,begin_s,end_s,truth,predicted,kick,snare,clap >head && "
        "(cat head; for i in $(seq 25); do awk -v i=$i 'BEGIN { "
        "printf \"a%d,0,0,kick,kick,%.4f,0.1,%.4f\\n\", i, 0.8995 - i / 100, i / 100 + 0.0005 }'; "
        "done) >tests/fold1/predictions.csv && "
        "(cat head; echo b1,0,0,snare,snare,0.1,0.7,0.2; "
        "echo b2,0,0,snare,snare,0.1,0.8,0.1; echo c1,0,0,clap,clap,0.2,0.1,0.7; "
        "echo c2,0,0,clap,kick,0.8,0.1,0.1) >tests/fold2/predictions.csv",
        0, NULL);
    return folder;
}

/* The temperature, and the bounds in tempered probabilities, are those that SciPy 1.10 finds:
 * minimize_scalar of the log loss, then the sorted probabilities. */
START_TEST(bounds_lose_no_more_than_asked) {
    const char *folder = fixture();
    program_end end = program_expect(
        folder, "$RIMSHOT refuse run/model.h5 tests --lose 0.2 --out new.h5", 0, NULL);
    /* Of 25 kicks 5 may be lost, of all 27 drums 5; 2 snares are too few for a bound. */
    ck_assert_ptr_nonnull(strstr(end.out, "kick             25  0.065      5\n"));
    ck_assert_ptr_nonnull(strstr(end.out, "snare             2  0.065      0\n"));
    ck_assert_ptr_nonnull(strstr(end.out, "drums lost       5 of 27 (0.185)\n"));
    ck_assert_ptr_nonnull(strstr(end.out, "others refused   1 of 2 (0.500)\n"));
    ck_assert_ptr_nonnull(strstr(end.out, "refuse: {class: clap, above: 0.065, above_for: {}}\n"));
    ck_assert_ptr_nonnull(strstr(end.out, "temperature      0.470\n"));
    end = program_expect(folder, "$RIMSHOT refuse run/model.h5 tests --lose 0.12 --out new.h5", 0,
                         NULL);
    ck_assert_ptr_nonnull(strstr(end.out, "kick             25  0.083      3\n"));
    program_expect(folder,
                   "h5diff run/model.h5 new.h5 /members && "
                   "h5dump -d /temperature new.h5 | grep -q 'DATA.*0\\.4696\\|0): 0\\.4696' && "
                   "$RIMSHOT classify new.h5 drums --refuse 0.083 --format csv --quiet >a && "
                   "$RIMSHOT classify new.h5 drums --format csv --quiet >b && cmp a b",
                   0, NULL);
}
END_TEST

START_TEST(what_cannot_be_is_told) {
    const char *folder = fixture();
    program_expect(folder, "$RIMSHOT refuse run/model.h5 nowhere", 1, "fold1/predictions.csv");
    program_expect(folder, "$RIMSHOT refuse run/model.h5 tests --lose 2", 2, "--lose");
    program_expect(folder,
                   "sed -i s/clap/ride/g tests/fold1/predictions.csv && "
                   "$RIMSHOT refuse run/model.h5 tests",
                   1, "predictions.csv");
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml train.epochs=1 --out plain --quiet && "
                   "$RIMSHOT refuse plain/model.h5 tests",
                   1, "the model has no class for what is none of the others");
}
END_TEST

TEST_MAIN("cli/refuse", bounds_lose_no_more_than_asked, what_cannot_be_is_told)
