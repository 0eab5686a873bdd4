/* rimshot kit, as its users call it. */
#include <stdio.h>

#include "tests/program.h"
#include "tests/test.h"

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

START_TEST(a_kit_in_all_forms) {
    const char *folder = test_folder();
    program_expect(folder, "$RIMSHOT data synth drums --per-class 3 --quiet", 0, NULL);
    program_end end = program_run(folder, "$RIMSHOT kit drums --name 'My Kit'");
    ck_assert_msg(end.code == 0, "%s", end.err);
    contains(end.out, " 36  Kick ");
    contains(end.out, " LUFS in kit\n");
    program_expect(
        folder,
        "test -s 'kit/My Kit.sfz' && test -s 'kit/My Kit.dspreset' && "
        "tar tzf 'kit/My Kit.h2drumkit' | grep -qx 'My Kit/drumkit.xml' && "
        "tar tzf 'kit/My Kit.h2drumkit' | grep -qx 'My Kit/36_kick_1.wav' && "
        "head -1 kit/kit.csv | grep -qx drum,note,file,class,probability,gain_db,path && "
        "test $(ls kit/samples | wc -l) = $(($(wc -l <kit/kit.csv) - 1))",
        0, NULL);
    /* Hydrogen's kits are what `source: hydrogen` reads. */
    program_expect(folder,
                   "tar xzf 'kit/My Kit.h2drumkit' && printf 'dataset: {source: hydrogen, path: My "
                   "Kit}\\n' >d.yaml && $RIMSHOT data overview d.yaml --quiet >seen; grep -q Kick "
                   "seen",
                   0, NULL);
    program_expect(folder, "$RIMSHOT kit drums", 1, "kit: is not empty; --overwrite");
    /* The same bytes again. */
    program_expect(folder,
                   "$RIMSHOT kit drums --name 'My Kit' --out again --quiet && diff -r kit again", 0,
                   NULL);
}
END_TEST

/* Hydrogen's kits and SFZ instruments are read with the same labels; General MIDI's names of the
 * keys mean the same classes. */
START_TEST(a_kit_is_read_back_with_its_labels) {
    const char *folder = test_folder();
    program_expect(folder,
                   "$RIMSHOT data synth drums --per-class 2 --quiet && "
                   "$RIMSHOT kit drums --per-drum 2 --name My --quiet && tar xzf kit/My.h2drumkit",
                   0, NULL);
    program_write(folder, "h.yaml", "dataset: {source: hydrogen, path: My}\n");
    program_write(folder, "s.yaml", "dataset: {source: sfz, path: kit/My.sfz}\n");
    program_expect(folder,
                   "for i in h s; do $RIMSHOT data overview $i.yaml --quiet >$i || exit 1; done; "
                   "grep -q '^Closed hat  *2' h && diff h s >&2",
                   0, NULL);
    const char *rules = test_path("../configs/labels/thirteen.yaml");
    char text[4096];
    snprintf(text, sizeof text,
             "for i in h s; do $RIMSHOT data overview $i.yaml --quiet dataset.rules=%s $by >$i || "
             "exit 1; by=dataset.label_from=key; done; grep -q '^closedhat  *2' h && diff h s >&2",
             rules);
    program_expect(folder, text, 0, NULL);
}
END_TEST

START_TEST(seeds_and_anything) {
    const char *folder = test_folder();
    program_expect(folder, "$RIMSHOT data synth drums --per-class 4 --quiet", 0, NULL);
    program_end end = program_run(
        folder, "$RIMSHOT kit drums --from-anything --seed 2 --per-drum 2 --format folder --json");
    ck_assert_msg(end.code == 0, "%s", end.err);
    contains(end.out, "\"missing\": []");
    contains(end.out, "\"note\": 36, \"class\": \"kick\"");
    program_expect(folder, "test ! -e kit/kit.sfz && test -d kit/samples", 0, NULL);
}
END_TEST

START_TEST(what_cannot_be_is_one_line) {
    const char *folder = test_folder();
    program_expect(folder, "mkdir empty", 0, NULL);
    program_expect(folder, "$RIMSHOT kit empty", 1, "empty: no sound files");
    program_expect(folder, "$RIMSHOT kit empty --format midi", 2, "must be all, hydrogen, sfz");
    program_expect(folder, "$RIMSHOT kit empty --name a/b", 2, "--name: up to 40 letters");
    program_expect(folder, "$RIMSHOT kit empty --per-drum 0", 2, "--per-drum");
}
END_TEST

TEST_MAIN("cli/kit", a_kit_in_all_forms, a_kit_is_read_back_with_its_labels, seeds_and_anything,
          what_cannot_be_is_one_line)
