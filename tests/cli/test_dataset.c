/* Data sets as people have them: without labels, away from the configuration. */
#include <stdio.h>

#include "tests/program.h"
#include "tests/test.h"

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

/* Four sounds in two folders, two loose ones, one of them silent and in a folder, and a text. */
static const char *loose_sounds(void) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_expect(
        folder,
        "mkdir mine && cp -r drums/kick drums/tom mine && cp drums/rim/0.wav mine/a.wav && "
        "cp drums/rim/1.wav mine/b.wav && echo x >mine/tom/broken.wav",
        0, NULL);
    return folder;
}

START_TEST(loose_sounds_need_no_label) {
    const char *folder = loose_sounds();
    program_end end = program_expect(folder, "$RIMSHOT data descriptors mine -o d.csv", 0, NULL);
    contains(end.err, "left out 1: unreadable");
    contains(end.err, "(mine/tom/broken.wav)");
    program_expect(folder, "test $(wc -l <d.csv) = 7 && grep -q '^mine/a.wav,0,0,,,' d.csv", 0,
                   NULL);
    const char *overview = program_expect(folder, "$RIMSHOT data overview mine", 0, NULL).out;
    contains(overview, "6 clips in 2 classes");
    contains(overview, "\n(no label)       2 ");
    contains(overview, "left out       1  unreadable");
    program_expect(folder, "$RIMSHOT data overview mine --out shown && test -s shown/sounds.png", 0,
                   NULL);
    program_expect(folder, "cp mine/a.wav mine/c.wav", 0, NULL);
    contains(program_expect(folder, "$RIMSHOT data duplicates mine", 0, NULL).out, "mine/c.wav");
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run --quiet", 0, NULL);
    end = program_expect(folder, "$RIMSHOT embed run/model.h5 mine -o e.csv", 0, NULL);
    contains(end.err, "left out 1: unreadable");
    program_expect(folder, "test $(wc -l <e.csv) = 8", 0, NULL);
    program_expect(folder,
                   "$RIMSHOT embed run/model.h5 mine -o e.h5 && $RIMSHOT embed "
                   "run/model.h5 mine -o e.npz",
                   0, NULL);
    program_expect(folder,
                   "mkdir flat && cp mine/a.wav flat && $RIMSHOT data descriptors flat -o "
                   "f.h5 && $RIMSHOT data descriptors flat -o f.npz && $RIMSHOT data "
                   "descriptors flat -o f.csv && test $(wc -l <f.csv) = 2",
                   0, NULL);
}
END_TEST

START_TEST(a_list_needs_no_label) {
    const char *folder = loose_sounds();
    program_write(folder, "mine/labels.csv", "path\na.wav\ntom/0.wav\n");
    program_expect(folder, "$RIMSHOT data descriptors mine -o d.csv && test $(wc -l <d.csv) = 3", 0,
                   NULL);
    program_write(folder, "mine/labels.csv", "label,path\n,a.wav\ntom,tom/0.wav\n");
    contains(program_expect(folder, "$RIMSHOT data overview mine", 0, NULL).out,
             "2 clips in 1 classes");
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml --out run dataset.source=csv "
                   "dataset.path=mine --quiet",
                   1, "labels.csv:2: the label is empty");
}
END_TEST

START_TEST(paths_are_relative_to_the_configuration) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder,
                   "mkdir -p project/configs elsewhere && mv drums project/sounds && "
                   "sed s,path:.drums,'path: ../sounds', tiny.yaml >project/configs/tiny.yaml && "
                   "cp tiny.yaml project/configs/wrong.yaml",
                   0, NULL);
    program_expect(folder, "$RIMSHOT train project/configs/tiny.yaml --out project/a --quiet", 0,
                   NULL);
    program_expect(folder,
                   "cd project/configs && $RIMSHOT train tiny.yaml --out ../b --quiet && cd .. && "
                   "diff -r a b",
                   0, NULL);
    program_expect(folder,
                   "grep -q '^../sounds/kick/0.wav,' project/a/manifest.csv && "
                   "test $(cat project/a/paths_from.txt) = ../configs",
                   0, NULL);
    /* What a run stores leads back, from wherever it is used. */
    program_expect(folder,
                   "cd elsewhere && $RIMSHOT train ../project/a/config.yaml --out ../project/c "
                   "--quiet && diff -r ../project/a ../project/c && "
                   "$RIMSHOT data overview ../project/a/config.yaml >text && "
                   "$RIMSHOT train ../project/a/config.yaml --out ../project/a --resume --quiet",
                   0, NULL);
    program_expect(folder,
                   "mv project moved && cd elsewhere && $RIMSHOT data overview "
                   "../moved/a/config.yaml && $RIMSHOT evaluate ../moved/a/model.h5 "
                   "../moved/a/config.yaml --quiet",
                   0, NULL);
    program_expect(folder, "cp -r moved/sounds drums", 0, NULL);
    const char *wrong = program_expect(folder, "$RIMSHOT train moved/configs/wrong.yaml", 1,
                                       "/moved/configs/drums: no such folder; paths are relative "
                                       "to the configuration: path: ../../drums is the one seen")
                            .err;
    contains(wrong, "rimshot: /");
    program_expect(folder,
                   "$RIMSHOT train moved/configs/wrong.yaml --out w --quiet "
                   "dataset.path=../../drums",
                   0, NULL);
}
END_TEST

/* The way back holds a line end and a byte that is not UTF-8. */
START_TEST(ways_may_have_any_name) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder,
                   "d=$(printf 'co\\nf\\351') && mkdir \"$d\" && mv tiny.yaml drums \"$d\" && "
                   "$RIMSHOT train \"$d/tiny.yaml\" --out run --quiet && "
                   "$RIMSHOT train run/config.yaml --out again --quiet && diff -r run again",
                   0, NULL);
}
END_TEST

/* Runs of earlier versions have no way back: their paths were those of the working folder. */
START_TEST(runs_of_earlier_versions_go_on) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml --out runs/old --quiet && cp -r runs/old new && "
                   "rm runs/old/paths_from.txt runs/old/model.h5 && "
                   "$RIMSHOT train runs/old/config.yaml --out runs/old --resume --quiet && "
                   "cmp runs/old/model.h5 new/model.h5",
                   0, NULL);
}
END_TEST

TEST_MAIN("cli/dataset", loose_sounds_need_no_label, a_list_needs_no_label,
          paths_are_relative_to_the_configuration, ways_may_have_any_name,
          runs_of_earlier_versions_go_on)
