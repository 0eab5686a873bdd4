/* `rimshot curate` as its users meet it. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "tests/program.h"
#include "tests/test.h"

/* Nine classes of labelled drums, other ones to test with, and a pool without labels; the last
 * holds copies of a drum, of a test sound and of one of its own, a broken file and a text. */
static const char *with_pool(void) {
    const char *folder = test_folder();
    program_fixture(folder, 3);
    program_expect(
        folder,
        "$RIMSHOT data synth tests --per-class 2 --seed 5 --quiet && "
        "$RIMSHOT data synth made --per-class 2 --seed 9 --quiet && mkdir pool && "
        "for folder in tests made; do for class in perc ride shaker tambourine; do "
        "rm -r $folder/$class || exit 1; done; done && "
        "for class in made/*/; do name=$(basename $class) && i=0 && "
        "for file in $class*; do i=$((i + 1)) && cp \"$file\" pool/$name-$i.wav || exit 1; done; "
        "done && "
        "cp drums/kick/1.wav pool/a-drum.wav && cp $(ls tests/snare/* | head -n 1) pool/z-test.wav "
        "&& "
        "cp pool/kick-1.wav pool/kick-copy.wav && echo broken >pool/broken.wav && "
        "echo text >pool/read.me && "
        "sed -i 's/^dataset:.*/dataset: [{source: folder, path: drums}, "
        "{source: folder, path: tests, use: test}]/' tiny.yaml",
        0, NULL);
    return folder;
}

/* However unsure a network of nine classes is, it gives one of them more than a tenth. */
#define CURATE "$RIMSHOT curate tiny.yaml pool --confidence 0.1 --out all "

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

START_TEST(rounds_add_what_the_model_proposes) {
    const char *folder = with_pool();
    program_end end = program_expect(folder, CURATE "--per-class 2 --rounds 2", 0, NULL);
    contains(end.err, "round 0/2  27 clips to train on, 18 to test with\n");
    contains(end.err, "round 1/2  fold 2/2  accuracy ");
    contains(end.err, " of 22 sounds proposed: ");
    contains(end.out, "\n    1 ");
    contains(end.out, "on the 18 sounds of the test set round ");
    contains(end.out, "report   all/curate.html");
    program_expect(
        folder,
        "cd all && test -e round0/report.html && test -e round1/report.html && "
        "cmp round1/config.yaml ../tiny.yaml; test $? = 1 && "
        "grep -q 'labels: all/round1/proposals.csv' round1/config.yaml && "
        "test $(grep -c '^[012],' curate.csv) -ge 2 && test -e curate.html && "
        /* copies of the data set never join, and copies count once */
        "! grep -q -e a-drum -e z-test -e broken proposals.csv && "
        "test $(grep -c kick- proposals.csv) -le 2 && "
        "test $(grep -c 'kick-1\\|kick-copy' proposals.csv) -le 1 && "
        "test $(tail -n +2 round1/proposals.csv | cut -d, -f2 | sort | uniq -c | "
        "awk '$1 > 2' | wc -l) = 0 && "
        /* who proposed what: round, digest of the model */
        "test $(tail -n +2 round1/proposals.csv | grep -vc ',1,[0-9a-f]*,[0-9a-f]*,model$') = 0 && "
        "test $(tail -n +2 proposals.csv | wc -l) -ge $(tail -n +2 round1/proposals.csv | wc -l) "
        "&& "
        /* what joined was trained on, and never tested */
        "test $(grep -c ',-1,train$' round1/folds.csv) = "
        "$(tail -n +2 round1/proposals.csv | wc -l) && "
        "! grep -q pool/ round1/fold1/predictions.csv round1/unseen.csv && "
        "cut -d, -f1-4 round0/unseen.csv >a && cut -d, -f1-4 round1/unseen.csv | cmp - a",
        0, NULL);
}
END_TEST

/* Two names for the same sound must not be used, one against and one for it. */
START_TEST(labels_by_a_person_are_never_overwritten) {
    static const char labels[] = "path,label\n"
                                 "kick-1.wav,snare\n"
                                 "snare-1.wav,-\n"
                                 "pool/snare-2.wav,kick\n";
    const char *folder = with_pool();
    program_expect(folder, CURATE "--rounds 1 --quiet", 0, NULL);
    program_expect(folder,
                   "cd all && grep -q snare-1 proposals.csv && "
                   "grep 'kick-[1c]' proposals.csv | grep -q ',model$' && ! grep -q person "
                   "proposals.csv",
                   0, NULL);
    program_write(folder, "all/labels.csv", labels);
    program_write(folder, "mine.csv", labels);
    contains(program_expect(folder, CURATE "--rounds 1 --quiet --resume", 0, NULL).out,
             "\n3 labels by a person came after the last round was begun; one more takes them up: "
             "--resume --rounds 2\n");
    contains(program_expect(folder, CURATE "--rounds 3 --resume", 0, NULL).err,
             "; 3 labels by a person\n");
    program_expect(folder,
                   "cmp all/labels.csv mine.csv && cd all && "
                   "for round in . round2; do "
                   "grep -q '^pool/kick-1.wav,snare,,2,,[0-9a-f]*,person$' $round/proposals.csv && "
                   "grep -q '^pool/snare-2.wav,kick,,2,,[0-9a-f]*,person$' $round/proposals.csv && "
                   "! grep -q -e snare-1 -e kick-copy $round/proposals.csv && "
                   "test $(grep -c kick-1 $round/proposals.csv) = 1 || exit 1; done && "
                   "grep -q '^./pool/kick-1.wav,.*,snare,snare,' round2/manifest.csv && "
                   "! grep -q snare-1 round2/manifest.csv",
                   0, NULL);
    /* Labels elsewhere; taken up by a further round, which the others do not change. */
    program_expect(folder, "cp -r all before && sed 's/,kick/,tom/' mine.csv >other.csv", 0, NULL);
    contains(program_expect(folder,
                            "n=$(ls -d all/round* | wc -l) && " CURATE
                            "--labels other.csv --rounds $n --quiet --resume && "
                            "grep -q '^pool/snare-2.wav,tom,' all/proposals.csv",
                            0, NULL)
                 .out,
             "report ");
    program_expect(folder, "cmp all/labels.csv mine.csv && diff -r before/round2 all/round2", 0,
                   NULL);
}
END_TEST

START_TEST(a_dry_run_shows_what_would_be_added) {
    const char *folder = with_pool();
    program_expect(folder, CURATE "--dry-run", 2, "there is no model yet to propose anything");
    program_expect(folder, "$RIMSHOT train tiny.yaml --out first --quiet", 0, NULL);
    program_end end =
        program_expect(folder, CURATE "--resume --rounds 0 --model first/model.h5 --quiet", 1,
                       "all/curate.yaml:2: begun with other settings");
    program_expect(folder, "rm -r all", 0, NULL);
    end = program_expect(folder, CURATE "--model first/model.h5 --rounds 0 --quiet", 0, NULL);
    contains(end.out, "class ");
    contains(end.out, "lowest confidence\n");
    contains(end.out, "\nnot proposed: 0 below the confidence of 0.1, 1 silent or unreadable, 2 "
                      "copies of sounds of the data set, 1 copies of others in the folder\n");
    contains(end.out, "all             18\n");
    contains(end.out, "\nall      all/proposals.csv\n");
    program_expect(folder,
                   "test $(grep -c ',model$' all/proposals.csv) = 18 && ! test -e all/round0 && "
                   "mv all/proposals.csv shown.csv",
                   0, NULL);
    /* The rounds then do as was shown; round 0 is the model's test. */
    end = program_expect(folder,
                         CURATE "--model first/model.h5 --rounds 1 --quiet --resume && "
                                "cmp shown.csv all/round1/proposals.csv && "
                                "cmp shown.csv all/proposals.csv",
                         0, NULL);
    contains(end.out, "model    all/round1/model.h5\n");
    program_expect(folder,
                   "cut -d, -f1-5 first/unseen.csv >a && cut -d, -f1-5 all/round0/unseen.csv | "
                   "cmp - a && test $(ls all/round0) = unseen.csv",
                   0, NULL);
    contains(program_expect(folder,
                            CURATE "--model first/model.h5 --dry-run --quiet && "
                                   "cmp shown.csv all/proposals.csv",
                            1, NULL)
                 .err,
             "all: already exists; --resume");
    contains(
        program_expect(folder, CURATE "--model first/model.h5 --dry-run --quiet --resume", 0, NULL)
            .out,
        "proposed by earlier rounds: 18\n");
}
END_TEST

/* Of sounds whose truth is known, what was proposed right is counted. */
START_TEST(a_truth_counts_and_does_nothing_else) {
    const char *folder = with_pool();
    program_expect(folder,
                   "{ echo path,label; for file in pool/*-?.wav; do "
                   "name=${file#pool/}; echo $name,${name%-?.wav}; done; } >truth.csv",
                   0, NULL);
    program_expect(folder, CURATE "--rounds 1 --quiet && mv all plain", 0, NULL);
    contains(program_expect(folder, CURATE "--rounds 1 --quiet --truth truth.csv", 0, NULL).out,
             "proposed right\n");
    program_expect(folder,
                   "diff -rq plain all | sort >said; test $(grep -c '' said) = 2 && "
                   "grep -q curate.csv said && grep -q curate.html said && "
                   "grep -q '^1,18,1[78],[0-9]*,18,0,18,' all/curate.csv && "
                   "grep -q '^1,18,,,18,0,18,' plain/curate.csv",
                   0, NULL);
}
END_TEST

#define LONG_CURATE CURATE "--rounds 2 --resume train.epochs=20 "

START_TEST(kills_and_threads_do_not_matter) {
    static const struct {
        const char *text;
        long wait_us;
    } moments[] = {
        {"round 0/2  27 clips", 0}, {"round 0/2  fold 1/2", 300},  {"sounds proposed", 0},
        {"round 1/2  fold 1/2", 0}, {"round 1/2  fold 2/2", 9000}, {"round 2/2", 0},
        {"round 2/2", 4000}};
    const char *folder = with_pool();
    program_write(folder, "mine.csv", "path,label\nkick-2.wav,snare\n");
    program_expect(folder,
                   LONG_CURATE "--per-class 1 --labels mine.csv --threads 1 >text && mv all whole",
                   0, NULL);
    program_expect(folder, "test -e whole/round2/report.html", 0, NULL);
    int n_killed = 0;
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        pid_t process = program_start(folder, "exec " LONG_CURATE
                                              "--per-class 1 --labels mine.csv --threads 2");
        if (program_says(process, folder, moments[i].text)) {
            nanosleep(&(struct timespec){.tv_nsec = moments[i].wait_us * 1000}, NULL);
            kill(process, SIGKILL);
        }
        n_killed += program_wait(process, folder).code == 128 + SIGKILL;
    }
    ck_assert_int_ge(n_killed, 4);
    program_expect(folder,
                   LONG_CURATE "--per-class 1 --labels mine.csv --threads 3 --parallel-folds 2 "
                               ">again && cmp text again && "
                               "diff -r whole all >&2",
                   0, NULL);
}
END_TEST

START_TEST(an_interrupted_call_tells_how_to_go_on) {
    const char *folder = with_pool();
    pid_t process = program_start(
        folder, "exec $RIMSHOT curate tiny.yaml pool train.epochs=100000 --confidence 0.5");
    ck_assert(program_says(process, folder, "round 0/3  27 clips"));
    kill(process, SIGINT);
    program_end end = program_wait(process, folder);
    ck_assert_int_eq(end.code, 130);
    contains(end.err, "\nstopped; go on with: rimshot curate tiny.yaml pool train.epochs=100000 "
                      "--confidence 0.5 --resume\n");
    program_expect(folder, "test -e runs/tiny/curate.yaml", 0, NULL);
}
END_TEST

START_TEST(a_round_that_would_change_nothing_is_left_out) {
    const char *folder = with_pool();
    program_end end =
        program_expect(folder, "$RIMSHOT curate tiny.yaml pool --confidence 1 --out all", 0, NULL);
    contains(end.err, "round 1/3  0 of 22 sounds proposed\n");
    contains(end.err, "round 1/3  is left out: nothing has changed\n");
    program_expect(folder, "! test -e all/round1 && test $(grep -c '' all/curate.csv) = 2", 0,
                   NULL);
}
END_TEST

START_TEST(mistakes_are_refused) {
    static const struct {
        const char *command;
        int code;
        const char *part;
    } rows[] = {
        {"$RIMSHOT curate tiny.yaml", 2, "usage: rimshot curate CONFIG FOLDER [KEY=VALUE ...]"},
        {"$RIMSHOT curate tiny.yaml nosuch", 1, "nosuch: no such folder"},
        {"$RIMSHOT curate nosuch.yaml pool", 1, "nosuch.yaml: No such file"},
        {"$RIMSHOT curate tiny.yaml pool train.epocs=5", 2, "did you mean 'epochs'?"},
        {"$RIMSHOT curate tiny.yaml pool 'dataset={source: folder, path: drums}'", 2,
         "there is no test set: a gain shows on sounds that are the same in all rounds"},
        {"$RIMSHOT curate tiny.yaml pool 'dataset={source: folder, path: drums}' folds.k=1 "
         "folds.holdout=0.3",
         2, "a hold-out, are dealt anew"},
        {"$RIMSHOT curate tiny.yaml pool train.final=none", 2, "train.final is 'none'"},
        {"$RIMSHOT curate tiny.yaml pool --confidence 2", 2, "--confidence=2: must be a number"},
        {"$RIMSHOT curate tiny.yaml pool --per-class 0", 2, "--per-class=0"},
        {"$RIMSHOT curate tiny.yaml pool --labels nosuch.csv", 1, "nosuch.csv: No such file"},
        {"$RIMSHOT curate tiny.yaml pool --truth nosuch.csv", 1, "nosuch.csv: No such file"},
        {"$RIMSHOT curate tiny.yaml pool --model nosuch.h5", 1, "nosuch.h5: No such file"},
        {"$RIMSHOT curate tiny.yaml pool --model five/model.h5", 1,
         "five/model.h5: has 5 classes, the data set 9"},
        {"$RIMSHOT curate tiny.yaml pool --out five", 1, "five: is the folder of a run"},
        {"$RIMSHOT curate tiny.yaml pool --out drums", 1, "drums: already exists; --resume"},
        {"$RIMSHOT curate tiny.yaml pool --out tiny.yaml", 1, "is a file, not a folder"},
    };
    const char *folder = with_pool();
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml 'dataset={source: synth, per_class: 2, classes: "
                   "[kick, snare, clap, tom, cowbell]}' --out five --quiet",
                   0, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        program_expect(folder, rows[i].command, rows[i].code, rows[i].part);
    }
    program_expect(folder, "! test -e runs", 0, NULL);
    program_expect(folder, "$RIMSHOT curate tiny.yaml pool --rounds 0 --quiet", 0, NULL);
    program_expect(folder, "$RIMSHOT curate tiny.yaml pool --rounds 0 --confidence 0.9 --resume", 1,
                   "runs/tiny/curate.yaml:3: begun with other settings");
}
END_TEST

/* The example that comes with the program, with little data and few steps. */
START_TEST(the_example_runs) {
    const char *folder = with_pool();
    char command[8192];
    snprintf(command, sizeof command,
             "$RIMSHOT curate '%s' pool 'dataset=[{source: synth, per_class: 2}, "
             "{source: synth, per_class: 1, seed: 5, use: test}]' train.epochs=1 train.steps=1 "
             "train.batch=4 --confidence 0.1 --rounds 1 --quiet",
             test_path("../configs/systems/s0-curate.yaml"));
    program_end end = program_expect(folder, command, 0, NULL);
    ck_assert_str_eq(end.err, "");
    contains(end.out, "report   runs/s0-curate/curate.html");
}
END_TEST

TEST_MAIN("cli/curate", rounds_add_what_the_model_proposes,
          labels_by_a_person_are_never_overwritten, a_dry_run_shows_what_would_be_added,
          a_truth_counts_and_does_nothing_else, kills_and_threads_do_not_matter,
          an_interrupted_call_tells_how_to_go_on, a_round_that_would_change_nothing_is_left_out,
          mistakes_are_refused, the_example_runs)
