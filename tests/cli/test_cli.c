/* The program as its users meet it: what it says, where, and with which exit status. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "data/audio_file.h"
#include "tests/program.h"
#include "tests/test.h"

typedef struct {
    const char *command;
    int code;
    const char *part; /* of the one line on stderr */
} complaint;

static void complains(const char *folder, const complaint *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        program_expect(folder, rows[i].command, rows[i].code, rows[i].part);
    }
}
#define COMPLAINS(folder, rows) complains(folder, rows, sizeof(rows) / sizeof *(rows))

static const char *trained(int per_class) {
    const char *folder = test_folder();
    program_fixture(folder, per_class);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run --quiet", 0, NULL);
    return folder;
}

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

/* ------------------------------------------------------------------ the command line */

START_TEST(wrong_commands_and_flags_are_named) {
    static const complaint rows[] = {
        {"$RIMSHOT trian", 2, "trian: no such command; did you mean 'train'?"},
        {"$RIMSHOT data", 2, "data: a second word is missing: 'data overview', 'data duplicates'"},
        {"$RIMSHOT data overveiw", 2, "did you mean 'data overview'?"},
        {"$RIMSHOT xyzzyxyzzy", 2, "xyzzyxyzzy: no such command   (all commands: rimshot help)"},
        {"$RIMSHOT help xyzzy", 2, "xyzzy: no such command or topic"},
        {"$RIMSHOT help config trian", 2, "did you mean 'train'?"},
        {"$RIMSHOT help config augment.noize", 2, "did you mean 'augment.noise'?"},
        {"$RIMSHOT help gruu", 2, "did you mean 'network.gru'?"},
        {"$RIMSHOT help data overveiw", 2, "did you mean 'data overview'?"},
        {"$RIMSHOT train", 2, "usage: rimshot train CONFIG [KEY=VALUE ...]"},
        {"$RIMSHOT report", 2, "too few arguments"},
        {"$RIMSHOT data synth a b", 2, "too many arguments"},
        {"$RIMSHOT train x --thraeds 2", 2, "--thraeds: no such flag; did you mean --threads?"},
        {"$RIMSHOT train x -x y", 2, "-x: no such flag"},
        {"$RIMSHOT train x -o", 2, "--out: needs a value, DIR"},
        {"$RIMSHOT train x --quiet=yes", 2, "--quiet: takes no value"},
        {"$RIMSHOT train x --threads 0", 2, "--threads=0: must be a whole number from 1 to 1024"},
        {"$RIMSHOT train x --threads=many", 2, "--threads=many: must be"},
        {"$RIMSHOT classify m s --threshold 2", 2, "must be a number from 0 to 1"},
        {"$RIMSHOT classify m s --top 0", 2, "--top=0"},
        {"$RIMSHOT classify m s --format xml", 2, "--format=xml: must be text, json or csv"},
        {"$RIMSHOT data overview . --near nan", 2, "--near=nan"},
        {"$RIMSHOT data synth d --per-class 0", 2, "--per-class=0"},
        {"$RIMSHOT summary x --classes=-1", 2, "--classes=-1"},
        {"$RIMSHOT summary x.h5 train.epochs=5", 2,
         "x.h5: overrides and --classes need a configuration"},
        {"$RIMSHOT \"$(printf 'a\\033[31m\\nb')\"", 2, "a\\x1b[31m\\x0ab: no such command"},
    };
    COMPLAINS(test_folder(), rows);
}
END_TEST

START_TEST(a_processor_without_kernels_is_named) {
    program_expect(test_folder(), "RIMSHOT_LEVEL=v1 $RIMSHOT data synth drums", 2,
                   "the processor lacks instructions of x86-64-v2");
}
END_TEST

START_TEST(help_is_given) {
    const char *folder = test_folder();
    program_end overview = program_expect(folder, "$RIMSHOT help", 0, NULL);
    contains(overview.out, "\n  classify  ");
    ck_assert_str_eq(program_expect(folder, "$RIMSHOT", 2, NULL).out, overview.out);
    ck_assert_str_eq(program_expect(folder, "$RIMSHOT --help", 0, NULL).out, overview.out);
    ck_assert_str_eq(program_expect(folder, "$RIMSHOT -h", 0, NULL).out, overview.out);
    program_end train = program_expect(folder, "$RIMSHOT help train", 0, NULL);
    contains(train.out, "usage: rimshot train CONFIG [KEY=VALUE ...]\n");
    contains(train.out, "\n  --threads N ");
    ck_assert_str_eq(program_expect(folder, "$RIMSHOT train -h", 0, NULL).out, train.out);
    contains(program_expect(folder, "$RIMSHOT help data overview", 0, NULL).out, "--near COSINE");
    contains(program_expect(folder, "$RIMSHOT help config", 0, NULL).out, "\n  epochs ");
    program_end folds = program_expect(folder, "$RIMSHOT help config folds", 0, NULL);
    contains(folds.out, "\n  k  ");
    ck_assert_ptr_null(strstr(folds.out, "epochs"));
    contains(program_expect(folder, "$RIMSHOT --version", 0, NULL).out, "rimshot " RIMSHOT_VERSION);
}
END_TEST

START_TEST(help_fits_a_terminal) {
    const char *folder = test_folder();
    static const char *const commands[] = {"train",           "classify",   "evaluate",
                                           "report",          "summary",    "data overview",
                                           "data duplicates", "data synth", "help"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char command[64];
        snprintf(command, sizeof command, "$RIMSHOT help %s", commands[i]);
        for (const char *line = program_expect(folder, command, 0, NULL).out; *line;) {
            size_t n = strcspn(line, "\n");
            ck_assert_msg(n <= 100, "%s: %.*s", command, (int)n, line);
            line += n + 1;
        }
    }
}
END_TEST

START_TEST(the_committed_pages_are_what_the_program_prints) {
    const char *folder = test_folder();
    char command[8192];
    snprintf(command, sizeof command,
             "$RIMSHOT help --man-pages man && diff -r man '%s' >&2 && "
             "$RIMSHOT help config --markdown | diff - '%s' >&2 || { echo 'run make docs' >&2; "
             "exit 3; }",
             test_path("../docs/man"), test_path("../docs/config.md"));
    program_expect(folder, command, 0, NULL);
    program_expect(folder,
                   "$RIMSHOT help --man | cmp - man/rimshot.1 && "
                   "$RIMSHOT help config --man | cmp - man/rimshot-config.5 && "
                   "$RIMSHOT help data synth --man | cmp - man/rimshot-data-synth.1",
                   0, NULL);
}
END_TEST

/* ------------------------------------------------------------------ where the output goes */

START_TEST(an_output_that_fails_is_a_failure) {
    static const complaint rows[] = {
        {"$RIMSHOT help >/dev/full", 1, "standard output: No space left on device"},
        {"$RIMSHOT help config >/dev/full", 1, "standard output: No space left on device"},
        {"$RIMSHOT --version >&-", 1, "standard output: Bad file descriptor"},
        {"$RIMSHOT data synth d --per-class 1 >/dev/full", 1, "standard output: No space"},
        {"$RIMSHOT data overview d >/dev/full", 1, "standard output: No space"},
        {"$RIMSHOT data overview d >&-", 1, "standard output: Bad file descriptor"},
    };
    const char *folder = test_folder();
    COMPLAINS(folder, rows);
    /* Who read enough needs no message. */
    program_end end = program_run(folder, "{ $RIMSHOT help config; echo $? >&2; } | true");
    ck_assert_str_eq(end.err, "1\n");
}
END_TEST

START_TEST(closed_standard_files_do_not_end_up_in_others) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out whole --quiet", 0, NULL);
    program_run(folder, "$RIMSHOT train tiny.yaml --out run <&- >&- 2>&-");
    program_expect(folder,
                   "cmp whole/model.h5 run/model.h5 && cmp whole/fold1/last.h5 "
                   "run/fold1/last.h5 && cmp whole/summary.json run/summary.json",
                   0, NULL);
}
END_TEST

START_TEST(a_log_gets_plain_lines) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_end end = program_expect(folder, "$RIMSHOT train tiny.yaml", 0, NULL);
    ck_assert_ptr_null(strchr(end.err, '\033'));
    ck_assert_ptr_null(strchr(end.err, '\r'));
    ck_assert_ptr_null(strchr(end.out, '\033'));
    contains(end.err, "fold 2/2  epoch 2/2  train loss ");
    contains(end.out, "\nmean ");
    contains(end.out, "next     rimshot classify runs/tiny/model.h5 FOLDER\n");
    end = program_expect(folder, "$RIMSHOT train tiny.yaml --overwrite --quiet --json", 0, NULL);
    ck_assert_str_eq(end.err, "");
    ck_assert_int_eq(end.out[0], '{');
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml --overwrite --quiet --json >printed && "
                   "cmp printed runs/tiny/summary.json",
                   0, NULL);
}
END_TEST

static int count(const char *text, const char *part) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) n++;
    return n;
}

/* Every line is one object; they say what the run folder says. */
START_TEST(events_are_lines_of_json) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_end end = program_expect(folder, "$RIMSHOT train tiny.yaml --quiet --events", 0, NULL);
    ck_assert_str_eq(end.err, "");
    ck_assert_int_eq(count(end.out, "\n"), count(end.out, "{\"event\": \""));
    ck_assert_int_eq(count(end.out, "}\n{"), count(end.out, "\n") - 1);
    ck_assert_int_eq(count(end.out, "{\"event\": \"data\", \"name\": \"tiny\""), 1);
    ck_assert_int_eq(count(end.out, "{\"event\": \"epoch\", \"stage\": \"fold\""), 4);
    ck_assert_int_eq(
        count(
            end.out,
            "{\"event\": \"epoch\", \"stage\": \"final\", \"fold\": 0, \"folds\": 1, \"epoch\": 2"),
        1);
    ck_assert_int_eq(count(end.out, "\"balanced\": null}\n"), 2);
    ck_assert_int_eq(count(end.out, "{\"event\": \"fold\", \"stage\": \"fold\", \"fold\": 2"), 1);
    ck_assert_int_eq(count(end.out, "nan"), 0);
    program_expect(folder, "test -s runs/tiny/model.h5", 0, NULL);
    program_run(folder, "$RIMSHOT train tiny.yaml --out cut --events 2>said | head -n 1 >first");
    program_expect(folder, "test ! -e cut/model.h5 && grep -q stopped said", 0, NULL);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out cut --resume --quiet --events", 0, NULL);
    program_expect(folder, "cmp runs/tiny/model.h5 cut/model.h5", 0, NULL);
    /* Who closed the pipe needs no message, a full disk does. */
    program_expect(folder, "! grep -q 'standard output' said", 0, NULL);
    end = program_run(folder, "$RIMSHOT train tiny.yaml --out full --quiet --events >/dev/full");
    ck_assert_int_eq(end.code, 130);
    contains(end.err, "rimshot: standard output: No space left on device\n");
    ck_assert_int_eq(count(end.err, "standard output"), 1);
    contains(end.err, "rimshot train tiny.yaml --out full");
}
END_TEST

/* The longest line that was drawn and then drawn over, in columns. */
static int longest_drawn(const char *text) {
    int longest = 0;
    for (const char *line = strstr(text, "\r\033[K"); line; line = strstr(line, "\r\033[K")) {
        int columns = 0;
        for (line += 4; *line && *line != '\r' && *line != '\n'; line++) {
            columns += ((unsigned char)*line & 0xC0) != 0x80;
        }
        bool permanent = strncmp(line, "\r\033", 2) != 0;
        if (!permanent && columns > longest) longest = columns;
    }
    return longest;
}

START_TEST(a_terminal_gets_a_line_that_fits) {
    const char *folder = test_folder();
    static const int widths[] = {30, 80, 200};
    program_fixture(folder, 4);
    for (int i = 0; i < 3; i++) {
        const char *text =
            program_on_terminal(folder, "exec $RIMSHOT train tiny.yaml --overwrite", widths[i]);
        int longest = longest_drawn(text);
        ck_assert_msg(longest > 20 && longest < widths[i], "%d of %d columns", longest, widths[i]);
        ck_assert_ptr_null(strstr(text, "train loss")); /* no line for every epoch */
        ck_assert_ptr_null(strstr(text, " clips/\r"));  /* nothing is cut in the middle */
        contains(text, "\033[1m");
    }
    const char *verbose = program_on_terminal(
        folder, "NO_COLOR=1 exec $RIMSHOT train tiny.yaml --overwrite --verbose", 80);
    contains(verbose, "epoch 2/2  train loss");
    ck_assert_ptr_null(strstr(verbose, "\033[1m"));
    const char *quiet =
        program_on_terminal(folder, "exec $RIMSHOT train tiny.yaml --overwrite --quiet", 80);
    ck_assert_ptr_null(strstr(quiet, "epoch"));
    const char *dumb =
        program_on_terminal(folder, "TERM=dumb exec $RIMSHOT train tiny.yaml --overwrite", 80);
    ck_assert_int_eq(longest_drawn(dumb), 0);
}
END_TEST

/* ------------------------------------------------------------------ configurations */

START_TEST(mistakes_in_a_configuration_are_named) {
    static const complaint rows[] = {
        {"$RIMSHOT train nosuch.yaml", 1, "nosuch.yaml: No such file"},
        {"$RIMSHOT train empty.yaml", 2, "empty.yaml:1: a configuration is a map of sections"},
        {"$RIMSHOT train twice.yaml", 2, "twice.yaml:3: 'name' stands twice, first in line 1"},
        {"$RIMSHOT train key.yaml", 2,
         "key.yaml:2: train.epocs: no such key; did you mean 'epochs'"},
        {"$RIMSHOT train broken.yaml", 2, "broken.yaml:3: "},
        {"$RIMSHOT train tiny.yaml train.epocs=5", 2,
         "train.epocs=5: no such key in 'train'; did you mean 'epochs'?   (all keys: rimshot help "
         "config train)"},
        {"$RIMSHOT train tiny.yaml train.epochs=many", 2, "train.epochs: 'many' is not a whole"},
        {"$RIMSHOT train tiny.yaml train.epochs=[1]", 2, "train.epochs: "},
        {"$RIMSHOT train tiny.yaml train.epochs=0", 2, "train.epochs: 0 is out of range: 1 to"},
        {"$RIMSHOT train tiny.yaml train.optimizer=adamx", 2, "did you mean 'adam'?"},
        {"$RIMSHOT train tiny.yaml 'network[0]=conv3d'", 2, "did you mean 'conv2d'?"},
        {"$RIMSHOT train tiny.yaml train.epochs", 2, "not of the form key.key=value"},
        {"$RIMSHOT train tiny.yaml name=a/b", 2, "name: must be usable as a folder name"},
        {"$RIMSHOT train tiny.yaml folds.k=5", 1, "has 4 samples, fewer than folds.k = 5"},
        {"$RIMSHOT train tiny.yaml dataset.path=nosuch", 1, "nosuch: no such folder"},
        {"$RIMSHOT train tiny.yaml dataset.path=none", 1, "none: no audio files"},
        {"$RIMSHOT train tiny.yaml 'network[3]=identity'", 2, "no such layer 'identity'"},
        {"$RIMSHOT train shape.yaml", 1, "shape.yaml:6: network[1].gru: input is [B,2,8,"},
        {"$RIMSHOT train tiny.yaml --out tiny.yaml", 1, "tiny.yaml: is a file, not a folder"},
    };
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_write(folder, "empty.yaml", "");
    program_write(folder, "twice.yaml", "name: a\ntrain: {}\nname: b\n");
    program_write(folder, "key.yaml",
                  "name: a\ntrain: {epocs: 5}\ndataset: {source: synth}\n"
                  "network: [linear: classes]\n");
    program_write(folder, "broken.yaml", "name: a\ntrain: {epochs: 5\n");
    program_write(folder, "shape.yaml",
                  "name: a\ndataset: {source: folder, path: drums}\n"
                  "features: {n_mels: 8}\nnetwork:\n"
                  "  - conv2d: {out: 2, kernel: 3, pad: same}\n  - gru: 4\n  - linear: classes\n"
                  "folds: {k: 2}\n");
    program_run(folder, "mkdir none");
    COMPLAINS(folder, rows);
    ck_assert_int_ne(program_run(folder, "test -e runs").code, 0); /* nothing was begun */
}
END_TEST

START_TEST(an_unreadable_folder_is_named) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    if (geteuid() == 0) return; /* root reads everything */
    program_run(folder, "chmod 0 drums/kick");
    program_expect(folder, "$RIMSHOT data overview drums", 1, "drums/kick: Permission denied");
    program_run(folder, "chmod 700 drums/kick");
}
END_TEST

/* ------------------------------------------------------------------ sounds */

static void put_u32(FILE *file, uint32_t value, int n_bytes) {
    for (int i = 0; i < n_bytes; i++) fputc((int)(value >> (8 * i) & 0xFF), file);
}

/* A WAV file of `n` frames of a decaying tone. format: 1 integers, 3 floats. */
static void write_wav(const char *folder, const char *name, int format, int bits, int n_channels,
                      int n) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    uint32_t frame = (uint32_t)(n_channels * bits / 8), size = (uint32_t)n * frame;
    fwrite("RIFF", 1, 4, file);
    put_u32(file, 36 + size, 4);
    fwrite("WAVEfmt ", 1, 8, file);
    put_u32(file, 16, 4);
    put_u32(file, (uint32_t)format, 2);
    put_u32(file, (uint32_t)n_channels, 2);
    put_u32(file, 8000, 4);
    put_u32(file, 8000 * frame, 4);
    put_u32(file, frame, 2);
    put_u32(file, (uint32_t)bits, 2);
    fwrite("data", 1, 4, file);
    put_u32(file, size, 4);
    for (int i = 0; i < n * n_channels; i++) {
        int t = i / n_channels;
        double x = t < 2 ? 0.5 : 0.8 * sin(0.3 * t) * exp(-t / 500.0);
        if (format == 3) fwrite(&x, 1, 8, file);
        if (format == 1) put_u32(file, (uint32_t)(128 + 127 * x), bits / 8);
    }
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(odd_sounds_are_classified_or_named) {
    static const complaint rows[] = {
        {"$RIMSHOT classify run/model.h5 nosuch.wav", 1, "nosuch.wav: No such file"},
        {"$RIMSHOT classify run/model.h5 empty.wav", 1, "empty.wav: the file is empty"},
        {"$RIMSHOT classify run/model.h5 text.wav", 1, "text.wav: not an audio file"},
        {"$RIMSHOT classify run/model.h5 zero.wav", 1, "zero.wav: no samples"},
        {"$RIMSHOT classify run/model.h5 nan.wav", 1, "nan.wav: sample 3 of channel 1 is not a"},
        {"$RIMSHOT classify run/model.h5 none", 1, "none: no audio files below it"},
        {"$RIMSHOT classify run/model.h5 - </dev/null", 1, "standard input: "},
    };
    const char *folder = trained(2);
    program_write(folder, "empty.wav", "");
    program_write(folder, "text.wav", "this is no sound\n");
    write_wav(folder, "zero.wav", 1, 8, 1, 0);
    write_wav(folder, "one.wav", 1, 8, 1, 1);
    write_wav(folder, "six.wav", 1, 8, 6, 2000);
    write_wav(folder, "eight.wav", 1, 8, 1, 2000);
    write_wav(folder, "double.wav", 3, 64, 1, 2000);
    program_run(folder, "cp double.wav nan.wav && printf '\\0\\0\\0\\0\\0\\0\\370\\177' | "
                        "dd of=nan.wav bs=1 seek=68 conv=notrunc 2>/dev/null; mkdir none");
    COMPLAINS(folder, rows);
    program_end end = program_expect(
        folder, "$RIMSHOT classify run/model.h5 one.wav six.wav eight.wav double.wav", 0, NULL);
    ck_assert_str_eq(end.err, "");
    contains(end.out, "  six.wav  (");
    contains(end.out, "  double.wav  (");
    end = program_run(folder, "$RIMSHOT classify run/model.h5 one.wav text.wav double.wav");
    ck_assert_int_eq(end.code, 1); /* and the others go on */
    contains(end.out, "one.wav");
    contains(end.out, "double.wav");
}
END_TEST

START_TEST(results_take_three_forms) {
    const char *folder = trained(2);
    program_end text = program_expect(folder, "$RIMSHOT classify run/model.h5 drums/kick", 0, NULL);
    contains(text.out, "  drums/kick/0.wav  (");
    program_end json =
        program_expect(folder, "$RIMSHOT classify run/model.h5 drums/kick --json", 0, NULL);
    ck_assert_int_eq(strncmp(json.out, "{\"path\": \"drums/kick/0.wav\", \"class\": \"", 39), 0);
    program_end csv =
        program_expect(folder, "$RIMSHOT classify run/model.h5 drums --format csv", 0, NULL);
    ck_assert_int_eq(strncmp(csv.out, "path,class,clap,closedhat,", 26), 0);
    int n_lines = 0;
    for (const char *c = csv.out; *c; c++) n_lines += *c == '\n';
    ck_assert_int_eq(n_lines, 1 + 18);
    contains(
        program_expect(folder, "$RIMSHOT classify run/model.h5 drums/tom --threshold 1", 0, NULL)
            .out,
        "unknown ");
    contains(
        program_expect(folder, "$RIMSHOT classify run/model.h5 - <drums/tom/0.wav --top 1", 0, NULL)
            .out,
        "  -\n");
}
END_TEST

START_TEST(damaged_models_are_refused) {
    static const complaint rows[] = {
        {"$RIMSHOT classify nosuch.h5 drums", 1, "nosuch.h5: No such file"},
        {"$RIMSHOT classify empty.h5 drums", 1, "empty.h5: not a rimshot file"},
        {"$RIMSHOT classify --model tiny.yaml drums", 1, "tiny.yaml: not a rimshot file"},
        {"$RIMSHOT classify cut.h5 drums", 1, "cut.h5: "},
        {"$RIMSHOT classify changed.h5 drums", 1, "changed.h5: the content does not match its"},
        {"$RIMSHOT classify run/fold1/last.h5 drums", 1, "run/fold1/last.h5: "},
        {"$RIMSHOT evaluate cut.h5 drums", 1, "cut.h5: "},
        {"$RIMSHOT summary changed.h5", 1, "changed.h5: "},
        {"$RIMSHOT report nosuch", 1, "nosuch: no such folder"},
    };
    const char *folder = trained(2);
    program_run(folder, ": >empty.h5; head -c 5000 run/model.h5 >cut.h5; "
                        "cp run/model.h5 changed.h5; "
                        "printf X | dd of=changed.h5 bs=1 seek=9000 conv=notrunc");
    COMPLAINS(folder, rows);
}
END_TEST

/* ------------------------------------------------------------------ data sets and runs */

START_TEST(data_sets_are_shown) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_run(folder, "cp drums/kick/0.wav drums/tom/copy.wav");
    contains(program_expect(folder, "$RIMSHOT data overview drums", 0, NULL).out,
             "19 clips in 9 classes");
    contains(program_expect(folder, "$RIMSHOT data overview tiny.yaml dataset.classes=[kick,tom]",
                            0, NULL)
                 .out,
             "5 clips in 2 classes");
    contains(program_expect(folder, "$RIMSHOT data overview drums --json", 0, NULL).out,
             "\"copies\": 1, \"duplicate_groups\": 1, \"conflicts\": 1");
    contains(program_expect(folder, "$RIMSHOT data duplicates drums", 0, NULL).out,
             ", 2 clips, with two labels\n  kick         drums/kick/0.wav\n");
    program_expect(folder,
                   "$RIMSHOT data overview drums --out shown && test -s shown/sounds.png "
                   "&& test -s shown/manifest.csv",
                   0, NULL);
    program_expect(folder,
                   "$RIMSHOT data synth a --per-class 1 --quiet && $RIMSHOT data synth b "
                   "--per-class 1 --quiet && diff -r a b",
                   0, NULL);
}
END_TEST

START_TEST(models_and_runs_are_shown) {
    const char *folder = trained(2);
    program_expect(
        folder, "$RIMSHOT embed run/model.h5 drums -o e.csv && test $(wc -l <e.csv) = 19", 0, NULL);
    program_expect(folder, "$RIMSHOT embed run/model.h5 drums -o e.txt", 2, "end in .csv, .h5 or");
    contains(program_expect(folder, "$RIMSHOT evaluate run/model.h5 drums", 0, NULL).out,
             "18 clips\naccuracy ");
    contains(program_expect(folder, "$RIMSHOT evaluate run/model.h5 tiny.yaml --json", 0, NULL).out,
             "{\"clips\": 18, \"left_out\": 0, \"accuracy\": ");
    contains(program_expect(folder, "$RIMSHOT summary tiny.yaml", 0, NULL).out, "conv2d");
    contains(program_expect(folder, "$RIMSHOT summary run/model.h5", 0, NULL).out,
             "classes  clap, closedhat");
    program_expect(folder,
                   "cp -r run other && $RIMSHOT report other && "
                   "cmp run/report.html other/report.html && "
                   "cmp run/summary.json other/summary.json",
                   0, NULL);
    contains(program_expect(folder, "$RIMSHOT report run other --out both.html", 0, NULL).out,
             "paired over clips");
}
END_TEST

START_TEST(a_run_over_budget_ends_before_it_begins) {
    const char *folder = test_folder();
    program_fixture(folder, 6);
    program_expect(folder, "RIMSHOT_BUDGET=1e-5 $RIMSHOT train tiny.yaml --quiet", 1,
                   "RIMSHOT_BUDGET=N allows N times as much");
    ck_assert_int_ne(program_run(folder, "ls runs/tiny/fold1").code, 0);
    program_expect(folder, "RIMSHOT_BUDGET=1e-5 $RIMSHOT train tiny.yaml --quiet train.final=none",
                   0, NULL);
}
END_TEST

/* The weights would take 300 GB. */
START_TEST(a_network_beyond_all_memory_is_measured_all_the_same) {
    static const char network[] =
        "'network=[to_sequence, {repeat: {times: 40, body: [{gru: {hidden: 8192, layers: 5}}]}}, "
        "time_pool: mean, linear: classes]'";
    char command[512];
    const char *folder = test_folder();
    program_fixture(folder, 6);
    snprintf(command, sizeof command, "$RIMSHOT train tiny.yaml --quiet %s", network);
    program_expect(folder, command, 1, "RIMSHOT_BUDGET=N allows N times as much");
    snprintf(command, sizeof command, "$RIMSHOT summary tiny.yaml %s", network);
    contains(program_expect(folder, command, 0, NULL).out, " parameters, ");
}
END_TEST

TEST_MAIN("cli", a_run_over_budget_ends_before_it_begins,
          a_network_beyond_all_memory_is_measured_all_the_same, wrong_commands_and_flags_are_named,
          a_processor_without_kernels_is_named, help_is_given, help_fits_a_terminal,
          the_committed_pages_are_what_the_program_prints, an_output_that_fails_is_a_failure,
          closed_standard_files_do_not_end_up_in_others, a_terminal_gets_a_line_that_fits,
          a_log_gets_plain_lines, events_are_lines_of_json, mistakes_in_a_configuration_are_named,
          an_unreadable_folder_is_named, odd_sounds_are_classified_or_named,
          results_take_three_forms, damaged_models_are_refused, data_sets_are_shown,
          models_and_runs_are_shown)
