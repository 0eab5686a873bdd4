/* The commands for a library of sounds: index, similar, map. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/program.h"
#include "tests/test.h"

/* A folder "drums" of 18 sounds, one of them broken, one in MP4, and a model. */
static const char *fixture(void) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml train.epochs=1 --out run --quiet && "
                   "cp run/model.h5 m.h5 && echo no sound >drums/kick/bad.wav && "
                   "echo no sound >drums/tom/song.m4a",
                   0, NULL);
    setenv("RIMSHOT_MODEL", "m.h5", 1);
    return folder;
}

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

static int n_lines(const char *text) {
    int n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

START_TEST(an_index_is_made_and_kept) {
    const char *folder = fixture();
    program_end end = program_run(folder, "$RIMSHOT index drums --csv i.csv");
    ck_assert_int_eq(end.code, 1);
    contains(end.out, "19 sounds in drums/.rimshot-index.h5: ");
    contains(end.out, ", 1 not readable\n");
    contains(end.err, "skipped: drums/tom/song.m4a: AAC or ALAC sound in MP4 is not read\n");
    contains(end.err, "rimshot: drums/kick/bad.wav: not an audio file");
    ck_assert_int_eq(n_lines(end.err), 2);
    program_expect(folder, "test $(wc -l <i.csv) = 20 && grep -q '^kick/bad.wav,,' i.csv", 0, NULL);
    end = program_run(folder, "$RIMSHOT index drums --quiet --json");
    contains(end.out, "{\"index\": \"drums/.rimshot-index.h5\", \"sounds\": 19, \"heard\": 0, ");
    contains(end.out, "\"unchanged\": 19, \"removed\": 0, \"classes\": {");
    contains(end.out, "\"skipped\": [{\"path\": \"drums/tom/song.m4a\", \"why\": \"AAC or ALAC");
    contains(end.out, "\"failed\": [{\"path\": \"drums/kick/bad.wav\", \"error\": \"not an audio");
    program_expect(folder, "rm drums/kick/bad.wav && $RIMSHOT index drums --quiet", 0, NULL);
    /* The same sounds by way of a list. */
    end = program_run(folder, "find drums -name '*.wav' | $RIMSHOT index - -o all.h5");
    ck_assert_msg(end.code == 0, "%s", end.err);
    contains(end.out, "18 sounds in all.h5: ");
}
END_TEST

START_TEST(what_cannot_be_is_one_line) {
    const char *folder = fixture();
    program_expect(folder, "rm drums/kick/bad.wav && $RIMSHOT index drums --quiet", 0, NULL);
    program_expect(folder, "mkdir none && $RIMSHOT index none", 1, "none: no sound files");
    program_expect(folder, "cp drums/tom/song.m4a none && $RIMSHOT index none", 1,
                   "none: no sound that can be read (none/song.m4a: AAC or ALAC");
    program_expect(folder, "$RIMSHOT index nowhere", 2, "--out FILE.h5");
    program_expect(folder, "$RIMSHOT index drums/kick drums/tom", 2, "--out FILE.h5");
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml train.epochs=1 train.seed=9 --out b --quiet && "
                   "$RIMSHOT index b/model.h5 drums",
                   1, "drums/.rimshot-index.h5: an index of another model (m.h5)");
    program_expect(folder,
                   "s=$(ls drums/kick/*.wav | head -1); "
                   "$RIMSHOT similar b/model.h5 $s --index drums/.rimshot-index.h5",
                   1, "an index of another model (m.h5)");
    program_expect(folder, "$RIMSHOT index b/model.h5 drums --rebuild --quiet", 0, NULL);
    program_expect(folder, "$RIMSHOT similar drums/kick", 2, "name the sounds to compare with");
    program_expect(folder, "$RIMSHOT similar b/model.h5 no.wav drums", 1, "no.wav: No such file");
}
END_TEST

START_TEST(the_most_similar_come_first) {
    const char *folder = fixture();
    program_run(folder, "rm drums/kick/bad.wav; s=$(ls drums/snare/*.wav | head -1); "
                        "cp $s drums/copy.wav; cp $s sample.wav; mv drums/tom/song.m4a .");
    program_end end = program_run(folder, "$RIMSHOT similar sample.wav drums -n 3");
    ck_assert_msg(end.code == 0, "%s", end.err);
    ck_assert_int_eq(n_lines(end.out), 3);
    contains(end.out, " 1.000  ");
    contains(end.out, "  drums/copy.wav  (a copy)\n");
    /* Of the library itself: not compared with itself. */
    end = program_run(folder, "$RIMSHOT similar drums/copy.wav --index drums/.rimshot-index.h5 "
                              "--count 30 --json");
    ck_assert_msg(end.code == 0, "%s", end.err);
    contains(end.out, "{\"sample\": \"drums/copy.wav\", \"class\": ");
    contains(end.out, "\"similarity\": 1.000000, ");
    ck_assert_ptr_null(strstr(strstr(end.out, "similar\": ["), "drums/copy.wav"));
    program_expect(folder,
                   "$RIMSHOT similar - drums -n 3 <sample.wav >a && "
                   "$RIMSHOT similar sample.wav drums -n 3 >b && cmp a b",
                   0, NULL);
}
END_TEST

START_TEST(clips_of_some_milliseconds_are_found) {
    const char *folder = fixture();
    program_run(folder, "rm drums/kick/bad.wav drums/tom/song.m4a");
    /* Less than 50 ms, cut off. */
    program_expect(folder,
                   "s=$(ls drums/rim/*.wav | head -1); head -c 2000 $s >short.wav; "
                   "$RIMSHOT classify short.wav --damaged use >c && "
                   "$RIMSHOT similar short.wav drums -n 1 --quiet >o; test $(wc -l <o) = 1",
                   0, NULL);
}
END_TEST

START_TEST(a_folder_that_cannot_be_written_is_searched) {
    const char *folder = fixture();
    if (geteuid() == 0) return; /* who may write everywhere */
    program_end end = program_run(folder, "rm drums/kick/bad.wav drums/tom/song.m4a; "
                                          "s=$(ls drums/kick/*.wav | head -1); "
                                          "chmod a-w drums; $RIMSHOT similar $s drums -n 1; "
                                          "code=$?; chmod u+w drums; exit $code");
    ck_assert_int_eq(end.code, 0);
    contains(end.err, "the index is kept in memory");
    ck_assert_int_eq(n_lines(end.out), 1);
}
END_TEST

START_TEST(maps_are_written_and_the_same_each_time) {
    const char *folder = fixture();
    program_run(folder, "rm drums/kick/bad.wav drums/tom/song.m4a");
    program_end end = program_run(folder, "$RIMSHOT map drums");
    ck_assert_msg(end.code == 0, "%s", end.err);
    ck_assert_str_eq(end.out, "18 sounds in map.html map.svg map.csv\n");
    program_expect(
        folder, "test $(wc -l <map.csv) = 19 && test $(grep -c '<circle' map.svg) -ge 18", 0, NULL);
    program_expect(folder,
                   "$RIMSHOT map --index drums/.rimshot-index.h5 -o again.csv --threads 1 --json "
                   ">out && cmp map.csv again.csv && "
                   "grep -q '{\"sounds\": 18, \"files\": ..again.csv.., ' out",
                   0, NULL);
    program_expect(folder, "$RIMSHOT map drums --seed 2 -o other.csv --quiet", 0, NULL);
    program_expect(folder, "cmp -s map.csv other.csv", 1, NULL);
    program_expect(folder, "$RIMSHOT map drums -o map.png", 2, "end in .html, .svg or .csv");
    program_expect(folder, "$RIMSHOT map", 2, "name the sounds");
    /* Names that would end the script, and what is no letter of an address. */
    program_expect(
        folder,
        "mkdir -p 'drums/</script>' && cp drums/tom/0.wav 'drums/</script>/50% #1.wav' && "
        "mkdir maps && $RIMSHOT map drums -o maps/a.html --quiet && "
        "! grep -q '</script>/' maps/a.html && grep -q '\"../drums/\"' maps/a.html",
        0, NULL);
}
END_TEST

/* Where there is no browser, the page is only written. */
START_TEST(the_page_works_in_a_browser) {
    const char *folder = fixture();
    program_run(folder, "rm drums/kick/bad.wav drums/tom/song.m4a; cd drums/tom && "
                        "mv 0.wav '50% #1 \xc3\xa9?.wav' && mv 1.wav $(printf '\\377.wav')");
    program_expect(folder,
                   "mkdir maps && $RIMSHOT map drums -o maps/a.html --quiet && "
                   "$RIMSHOT map drums -o b.html --inline --quiet",
                   0, NULL);
    char command[4096];
    snprintf(command, sizeof command, "python3 '%s' maps/a.html b.html",
             test_path("cli/check_map.py"));
    program_end end = program_run(folder, command);
    if (end.code == 77) printf("skip cli/test_library: the page of map: no browser\n");
    ck_assert_msg(end.code == 0 || end.code == 77, "%s%s", end.out, end.err);
}
END_TEST

TEST_MAIN("cli/library", an_index_is_made_and_kept, what_cannot_be_is_one_line,
          the_most_similar_come_first, clips_of_some_milliseconds_are_found,
          a_folder_that_cannot_be_written_is_searched, maps_are_written_and_the_same_each_time,
          the_page_works_in_a_browser)
