/* What rimshot classify writes, and where. */
#include "tests/program.h"
#include "tests/test.h"

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

/* Nine sounds in "drums". */
static const char *fixture(void) {
    const char *folder = test_folder();
    program_fixture(folder, 1);
    return folder;
}

START_TEST(into_a_file) {
    const char *folder = fixture();
    program_expect(folder, "$RIMSHOT classify drums --format csv >a.csv", 0, NULL);
    program_end end = program_run(folder, "$RIMSHOT classify drums -o b.csv");
    ck_assert_str_eq(end.out, "9 sounds in b.csv\n");
    program_expect(folder, "$RIMSHOT classify drums -o c.json --quiet && cmp a.csv b.csv", 0, NULL);
    program_expect(folder, "test $(grep -c '^{\"path\": ' c.json) = 9", 0, NULL);
    program_expect(folder,
                   "$RIMSHOT classify drums >d && $RIMSHOT classify drums -o e.txt --quiet "
                   "&& cmp d e.txt",
                   0, NULL);
    program_expect(folder, "$RIMSHOT classify drums -o nowhere/x.csv", 1, "writing nowhere/x.csv");
}
END_TEST

START_TEST(with_measures) {
    const char *folder = fixture();
    program_end end = program_run(folder, "$RIMSHOT classify drums --format csv --measure");
    contains(end.out, ",error,condition,reason,pitch_hz,note,loudness_lufs,seconds\n");
    program_expect(folder, "$RIMSHOT classify drums --json --measure | head -1", 0, NULL);
    end = program_run(folder, "$RIMSHOT classify drums/kick --json --measure");
    contains(end.out, ", \"pitch_hz\": ");
    contains(end.out, ", \"note\": \"");
    contains(end.out, ", \"loudness_lufs\": -");
    contains(end.out, ", \"seconds\": 0.");
    /* Measuring changes no probability. */
    program_expect(folder,
                   "$RIMSHOT classify drums --format csv | sed 1d | cut -d, -f1-14 >a && $RIMSHOT "
                   "classify drums --format csv --measure | sed 1d | cut -d, -f1-14 | cmp a -",
                   0, NULL);
    program_expect(folder,
                   "echo x >bad.wav; $RIMSHOT classify bad.wav --format csv --measure | tail -1 | "
                   "grep -q ',,,,$'",
                   0, NULL);
}
END_TEST

START_TEST(tags_stand_beside_the_sound) {
    const char *folder = fixture();
    program_expect(folder,
                   "find drums -type f | sort | xargs sha1sum >before && $RIMSHOT classify drums "
                   "--write-tags --quiet >/dev/null && sha1sum -c --quiet before",
                   0, NULL);
    program_expect(folder, "test $(find drums -name '*.wav.rimshot.json' | wc -l) = 9", 0, NULL);
    program_expect(folder,
                   "cd drums/kick && grep -q \"^{\\\"path\\\": \\\"$(ls *.wav)\\\", \\\"class\\\": "
                   ".*\\\"loudness_lufs\\\": .*}$\" *.json",
                   0, NULL);
    /* Once more replaces them; a file that is none of ours stays. */
    program_expect(folder, "$RIMSHOT classify drums --write-tags --quiet >/dev/null", 0, NULL);
    program_expect(folder,
                   "f=$(ls drums/kick/*.json) && echo mine >\"$f\" && ! $RIMSHOT classify drums "
                   "--write-tags --quiet >/dev/null 2>why && grep -q 'not replaced, it is no file "
                   "of tags' why && grep -qx mine \"$f\"",
                   0, NULL);
}
END_TEST

START_TEST(a_list_of_paths) {
    const char *folder = fixture();
    program_expect(folder,
                   "$RIMSHOT classify drums >a && find drums -name '*.wav' | sort | $RIMSHOT "
                   "classify --list - >b && cmp a b",
                   0, NULL);
}
END_TEST

START_TEST(a_run_is_its_model) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_expect(folder, "$RIMSHOT train tiny.yaml train.epochs=1 --out run --quiet", 0, NULL);
    program_end end = program_run(folder, "$RIMSHOT classify run drums");
    ck_assert_msg(end.code == 0, "%s", end.err);
    program_expect(folder,
                   "$RIMSHOT classify run/model.h5 drums >a && $RIMSHOT classify run drums | cmp a "
                   "- && $RIMSHOT classify --model run drums | cmp a - && RIMSHOT_MODEL=run "
                   "$RIMSHOT classify drums | cmp a -",
                   0, NULL);
    program_expect(folder, "$RIMSHOT classify --model drums drums", 1, "drums/model.h5: No such");
}
END_TEST

START_TEST(nothing_says_why) {
    const char *folder = test_folder();
    program_expect(folder, "mkdir none && echo x >none/song.m4a", 0, NULL);
    program_end end = program_run(folder, "$RIMSHOT classify none");
    ck_assert_int_eq(end.code, 1);
    contains(end.err, "skipped: none/song.m4a: AAC or ALAC sound in MP4 is not read\n");
    contains(end.err, "rimshot: none: no audio files below it\n");
    ck_assert_str_eq(end.out, "");
}
END_TEST

/* A pager, or grep, shows results on the terminal that the bar is on. */
START_TEST(no_bar_between_the_lines_of_a_pipe) {
    const char *folder = fixture();
    const char *shown = program_on_terminal(folder, "$RIMSHOT classify drums | cat", 80);
    ck_assert_ptr_null(strstr(shown, "classifying"));
    ck_assert_ptr_null(strstr(shown, "\033["));
    shown = program_on_terminal(folder, "$RIMSHOT classify drums", 80);
    contains(shown, "classifying");
    shown = program_on_terminal(folder, "$RIMSHOT classify drums -o x.csv | cat", 80);
    contains(shown, "classifying");
}
END_TEST

TEST_MAIN("cli/classify", into_a_file, with_measures, tags_stand_beside_the_sound, a_list_of_paths,
          a_run_is_its_model, nothing_says_why, no_bar_between_the_lines_of_a_pipe)
