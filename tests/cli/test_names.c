/* Files and classes whose names act on terminals, pages and spreadsheets, or are no text. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/utf8.h"
#include "tests/program.h"
#include "tests/test.h"

/* Classes: an escape sequence and a forged line; an override; a formula; one that ends a page. */
static const char rename_classes[] =
    "cd drums && mv kick \"$(printf 'k\\033[31m\\nkick 1.00')\" && "
    "mv snare \"$(printf 's\\342\\200\\256gpj')\" && mv clap '=clap' && "
    "mv tom '<script>&\"'";
/* Files: bytes that are no text, a line end, a backslash that looks like a byte, a formula. */
static const char rename_files[] = "cd drums/rim && mv 0.wav \"$(printf 'caf\\351.wav')\" && "
                                   "mv 1.wav \"$(printf 'a\\n\\302\\233b.wav')\" && "
                                   "mv 2.wav '\\xe9.wav' && mv 3.wav '@sum.wav'";

static const char *hostile(void) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    ck_assert_int_eq(program_run(folder, rename_classes).code, 0);
    ck_assert_int_eq(program_run(folder, rename_files).code, 0);
    return folder;
}

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

static void lacks(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) == NULL, "'%s' is in: %s", part, text);
}

/* All of the text is seen, but for ends of lines, and no line is forged. */
static void is_seen(const char *what, const char *text) {
    const char *begin = text;
    for (size_t n; *text != '\0'; text += n) {
        uint32_t code;
        n = base_utf8_decode(text, &code);
        bool seen = n > 0 && (code == '\n' || !base_utf8_is_hidden(code));
        ck_assert_msg(seen, "%s: byte %d is %02x: %s", what, (int)(text - begin),
                      (unsigned char)*text, text);
    }
    lacks(begin, "\nkick 1.00");
}

static program_end runs(const char *folder, const char *command) {
    program_end end = program_run(folder, command);
    ck_assert_msg(end.code == 0, "%s: exit status %d: %s", command, end.code, end.err);
    is_seen(command, end.out);
    is_seen(command, end.err);
    return end;
}

START_TEST(what_is_printed_is_seen) {
    const char *folder = hostile();
    contains(runs(folder, "$RIMSHOT train tiny.yaml --out run").out, "k\\x1b[31m\\x0akick 1.00");
    contains(runs(folder, "$RIMSHOT train tiny.yaml --out other --json").out,
             "\"k\\u001b[31m\\nkick 1.00\"");
    runs(folder, "$RIMSHOT train tiny.yaml --overwrite --events");
    const char *shown = runs(folder, "$RIMSHOT classify run/model.h5 drums").out;
    contains(shown, "s\\u202egpj");
    contains(shown, "caf\\xe9.wav");
    contains(shown, "a\\x0a\\u009bb.wav");
    shown = runs(folder, "$RIMSHOT classify run/model.h5 drums/rim --json").out;
    contains(shown, "caf\\\\xe9.wav\"");
    contains(shown, "a\\n\\u009bb.wav\"");
    contains(shown, "\\\\x5cxe9.wav\"");
    static const char *const others[] = {
        "$RIMSHOT data overview drums",
        "$RIMSHOT data overview drums --json",
        "$RIMSHOT data overview drums --out pictures",
        "$RIMSHOT data duplicates drums --near 0.9",
        "$RIMSHOT data duplicates drums --near 0.9 --json",
        "$RIMSHOT evaluate run/model.h5 drums",
        "$RIMSHOT evaluate run/model.h5 drums --json",
        "$RIMSHOT summary run/model.h5",
        "$RIMSHOT report run",
        "cat run/report.html run/classes.svg run/confusion.svg pictures/sounds.svg",
        "cat run/summary.json run/facts.json run/config.yaml",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) runs(folder, others[i]);
    contains(program_run(folder, "cat run/report.html").out, "&lt;script&gt;&amp;&quot;");
    lacks(program_run(folder, "cat run/report.html").out, "<script>&\"");
}
END_TEST

START_TEST(errors_are_seen) {
    const char *folder = test_folder();
    program_end end = program_expect(
        folder, "$RIMSHOT data overview \"$(printf 'no\\033such\\nrimshot: \\351\\302\\233')\"", 1,
        "no\\x1bsuch\\x0arimshot: \\xe9\\u009b");
    is_seen("error", end.err);
    program_fixture(folder, 2);
    program_run(folder, "echo x >\"$(printf 'bad\\n\\351.wav')\"");
    runs(folder, "$RIMSHOT train tiny.yaml --out run --quiet");
    end = program_expect(folder, "$RIMSHOT classify run/model.h5 bad*.wav", 1,
                         "bad\\x0a\\xe9.wav: not an audio file");
    is_seen("error", end.err);
}
END_TEST

START_TEST(tables_can_be_read_back) {
    const char *folder = hostile();
    runs(folder, "$RIMSHOT train tiny.yaml --out run --quiet");
    const char *manifest = program_run(folder, "cat run/manifest.csv").out;
    ck_assert_ptr_null(base_utf8_fault(manifest));
    contains(manifest, "drums/rim/caf\\xe9.wav,");
    contains(manifest, "drums/rim/\\x5cxe9.wav,");
    contains(manifest, ",'=clap,'=clap,");
    contains(program_run(folder, "head -n 1 run/fold1/predictions.csv").out, ",'=clap,");
    /* The same folds, read from the file: the same bits. */
    runs(folder, "$RIMSHOT train tiny.yaml --out again --quiet folds.file=run/folds.csv");
    runs(folder, "cmp run/folds.csv again/folds.csv && "
                 "cmp run/fold1/predictions.csv again/fold1/predictions.csv");
    /* The manifest as a list of sounds, wherever its paths lead. */
    runs(folder, "cp run/manifest.csv labels.csv");
    const char *json = runs(folder, "$RIMSHOT data overview . --json").out;
    contains(json, "{\"clips\": 36,");
    contains(json, "\"=clap\"");
    static const char *const arrays[] = {"x.csv", "x.npz", "x.h5"};
    for (int i = 0; i < 3; i++) {
        char command[128];
        snprintf(command, sizeof command, "$RIMSHOT embed run/model.h5 drums --out %s", arrays[i]);
        runs(folder, command);
        snprintf(command, sizeof command, "grep -c 'c.*a.*f.*x.*e.*9' -a %s", arrays[i]);
        runs(folder, command);
    }
    contains(program_run(folder, "cat x.csv").out, "drums/rim/caf\\xe9.wav,");
}
END_TEST

START_TEST(folders_may_have_any_name) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    runs(folder, "mv drums \"$(printf 'dr\\351ms\\nx')\"");
    const char *json = runs(folder, "$RIMSHOT data duplicates dr* --near 0.9 --json").out;
    contains(json, "dr\\\\xe9ms\\nx/");
    runs(folder, "$RIMSHOT data overview dr*");
    runs(folder, "$RIMSHOT train tiny.yaml --out run --quiet 'dataset.path=\"dr\\\\xe9ms\\nx\"'");
    runs(folder, "$RIMSHOT train run/config.yaml --out again --quiet");
    runs(folder, "cmp run/model.h5 again/model.h5");
}
END_TEST

START_TEST(what_is_no_text_is_refused_at_the_door) {
    static const struct {
        const char *command, *part;
    } rows[] = {
        {"printf 'name: caf\\351\\n' >a.yaml && $RIMSHOT train a.yaml", "a.yaml:1: "},
        {"mkdir c && printf 'path,label\\nx.wav,a\\ny.wav,caf\\351\\n' >c/labels.csv && "
         "$RIMSHOT data overview c",
         "c/labels.csv:3: the byte \\xe9 is not UTF-8"},
        {"printf 'classes:\\n  caf\\351: [\"*\"]\\n' >r.yaml && "
         "$RIMSHOT train tiny.yaml dataset.rules=r.yaml",
         "r.yaml:2: "},
        {"$RIMSHOT train tiny.yaml \"name=$(printf 'caf\\351')\"", "caf\\xe9"},
        {"mv drums/kick \"$(printf 'drums/caf\\351')\" && $RIMSHOT train tiny.yaml",
         "drums/caf\\xe9: the folder's name would be a label, and is not UTF-8"},
    };
    const char *folder = test_folder();
    program_fixture(folder, 2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        program_end end = program_run(folder, rows[i].command);
        ck_assert_msg(end.code == 1 || end.code == 2, "%s: %d", rows[i].command, end.code);
        contains(end.err, rows[i].part);
        is_seen("error", end.err);
    }
    ck_assert_int_ne(program_run(folder, "test -e runs").code, 0); /* nothing was begun */
    /* Without a class of its own a folder may be called anything. */
    runs(folder, "$RIMSHOT data overview tiny.yaml dataset.label=all");
}
END_TEST

TEST_MAIN("cli/names", what_is_printed_is_seen, errors_are_seen, tables_can_be_read_back,
          folders_may_have_any_name, what_is_no_text_is_refused_at_the_door)
