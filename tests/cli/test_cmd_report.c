/* Reports that compare runs and play sounds. */
#include <stdio.h>

#include "tests/program.h"
#include "tests/test.h"

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

/* Two runs, run and other, which make mistakes. */
static const char *two_runs(void) {
    const char *folder = test_folder();
    program_fixture(folder, 3);
    program_expect(folder,
                   "mv drums 'a drum 1%' && "
                   "$RIMSHOT train tiny.yaml --out run train.epochs=1 dataset.path='a drum 1%' && "
                   "$RIMSHOT train tiny.yaml --out other name=other train.epochs=1 train.seed=5 "
                   "dataset.path='a drum 1%'",
                   0, NULL);
    return folder;
}

START_TEST(says_what_differs) {
    const char *folder = two_runs();
    program_end end = program_expect(folder, "$RIMSHOT report run other", 0, NULL);
    contains(end.out, "what differs:\n  train.seed: 1 | 5\nother against ");
    contains(end.out, "comparison.html\n");
    program_expect(folder,
                   "test -s comparison.html && test -s comparison-curves.svg && "
                   "$RIMSHOT report run other --json --out both.html >both.json && "
                   "python3 -c 'import json; d = json.load(open(\"both.json\")); "
                   "assert [r[\"folder\"] for r in d[\"runs\"]] == [\"run\", \"other\"]; "
                   "assert d[\"configuration\"] == [{\"key\": \"train.seed\", "
                   "\"values\": [\"1\", \"5\"]}]'",
                   0, NULL);
}
END_TEST

START_TEST(links_to_sounds) {
    const char *folder = two_runs();
    program_expect(folder, "$RIMSHOT report run --audio link", 0, NULL);
    const char *page = program_run(folder, "cat run/report.html").out;
    contains(page, "<audio controls preload=\"none\" src=\"../a%20drum%201%25/");
    program_expect(folder, "! test -e run/report-sounds", 0, NULL);
    program_expect(folder, "$RIMSHOT report run other --audio link --out all.html", 0, NULL);
    contains(program_run(folder, "cat all.html").out, " src=\"a%20drum%201%25/");
    program_expect(folder, "$RIMSHOT report run --audio play", 2, "--audio play: link or copy");
}
END_TEST

/* A copy is the sound itself; page and folder stand alone. */
START_TEST(copies_sounds) {
    const char *folder = two_runs();
    program_expect(folder,
                   "$RIMSHOT report run --audio copy && "
                   "grep -q 'src=\"report-sounds/001.wav\"' run/report.html && "
                   "n=$(grep -c '<audio' run/report.html) && "
                   "test \"$n\" -eq \"$(ls run/report-sounds | wc -l)\"",
                   0, NULL);
    program_expect(
        folder,
        "python3 - <<'END'\n"
        "import csv, re, struct\n"
        "def frames(path):\n"
        "    data, at, size = open(path, 'rb').read(), 12, 0\n"
        "    while at + 8 <= len(data):\n"
        "        name, n = data[at:at + 4], struct.unpack('<I', data[at + 4:at + 8])[0]\n"
        "        if name == b'fmt ': block = struct.unpack('<H', data[at + 20:at + 22])[0]\n"
        "        if name == b'data': size = n\n"
        "        at += 8 + n + n % 2\n"
        "    return size // block\n"
        "page = open('run/report.html').read()\n"
        "rows = re.findall(r'<span>([^<]*)</span>([^<]*)</td>.*?src=\"([^\"]*)\"', page)\n"
        "assert rows\n"
        "for folder, name, sound in rows:\n"
        "    assert frames('run/' + sound) == frames('a drum 1%/' + folder + name)\n"
        "END\n",
        0, NULL);
}
END_TEST

/* Sounds that are no files have nothing to link to, but can be written. */
START_TEST(synthesised_sounds_are_written) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml --out run train.epochs=1 "
                   "'dataset={source: synth, per_class: 3, classes: [kick, snare, tom]}' && "
                   "$RIMSHOT report run --audio link && ! grep -q '<audio' run/report.html && "
                   "$RIMSHOT report run --audio copy && grep -q '<audio' run/report.html && "
                   "test -s run/report-sounds/001.wav",
                   0, NULL);
}
END_TEST

TEST_MAIN("cli/cmd_report", says_what_differs, links_to_sounds, copies_sounds,
          synthesised_sounds_are_written)
