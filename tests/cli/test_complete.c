/* Completion: what the program answers, and what bash, zsh and fish make of it. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/program.h"
#include "tests/test.h"

/* What could follow: all lines, or "" for none. */
static void completes(const char *folder, const char *words, const char *lines) {
    char command[256];
    snprintf(command, sizeof command, "$RIMSHOT --complete %s | cut -f1", words);
    ck_assert_str_eq(program_expect(folder, command, 0, NULL).out, lines);
}

START_TEST(candidates_come_from_the_tables) {
    static const struct {
        const char *words, *lines;
    } rows[] = {
        {"tr", "train\n"},
        {"d", "data\n"},
        {"data d", "duplicates\ndescriptors\n"},
        {"train ''", ":files *.yaml\n"},
        {"train x.yaml train.loss=", ""},
        {"train x.yaml train.epo", "train.epochs=\n"},
        {"train x.yaml -- features.win", "features.win_length=\nfeatures.window=\n"},
        {"train x.yaml train.final=b", "train.final=best_fold\n"},
        {"train x.yaml folds.stratify=", "folds.stratify=true\nfolds.stratify=false\n"},
        {"train --res", "--resume\n"},
        {"train -- --res", ":files *.yaml\n"},
        {"train --out ''", ":folders\n"},
        {"train -o ''", ":folders\n"},
        {"train --threads 2 ''", ":files *.yaml\n"},
        {"classify ''", ":files *.h5\n"},
        {"classify m.h5 a b ''", ":files\n"},
        {"classify m.h5 --format ''", "text\njson\ncsv\n"},
        {"classify m.h5 --format=c", "--format=csv\n"},
        {"classify m.h5 --quiet=", ""},
        {"summary ''", ":files *.yaml\n:files *.h5\n"},
        {"export ''", ":files *.h5\n"},
        {"export m.h5 ''", ""},
        {"export m.h5 --to s", "safetensors\n"},
        {"report a b ''", ":folders\n"},
        {"help config train.o", "train.optimizer\n"},
        {"help data o", "overview\n"},
        {"nonsense ''", ""},
    };
    const char *folder = test_folder();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        completes(folder, rows[i].words, rows[i].lines);
    }
    /* Every command is offered, with what it does. */
    program_end end = program_run(folder, "$RIMSHOT --complete ''");
    ck_assert(strstr(end.out, "train\trun an experiment") != NULL);
    ck_assert(strstr(end.out, "--version\t") != NULL);
    ck_assert_int_eq(program_run(folder, "$RIMSHOT --complete").code, 0);
}
END_TEST

static bool shell_is_there(const char *folder, const char *shell) {
    char command[64];
    snprintf(command, sizeof command, "command -v %s", shell);
    bool there = program_run(folder, command).code == 0;
    if (!there) printf("skip %s: it is not installed\n", shell);
    return there;
}

/* Runs `script` in the shell, with $SCRIPTS the folder of the completions. */
static void shell_prints(const char *folder, const char *shell, const char *script,
                         const char *lines) {
    char scripts[PATH_MAX], command[128];
    ck_assert_ptr_nonnull(realpath("cli/completion", scripts));
    setenv("SCRIPTS", scripts, 1);
    program_write(folder, "script", script);
    program_run(folder, "mkdir -p configs 'a folder'; touch configs/a.yaml configs/b.yaml b.txt");
    snprintf(command, sizeof command, "%s script", shell);
    program_end end = program_run(folder, command);
    ck_assert_str_eq(end.err, "");
    ck_assert_str_eq(end.out, lines);
}

/* bash hands over words cut at '='. */
START_TEST(bash_completes) {
    static const char script[] = ". \"$SCRIPTS/rimshot.bash\"\n"
                                 "try() {\n"
                                 "    COMP_LINE=\"$RIMSHOT $1\"; COMP_POINT=${#COMP_LINE}; shift\n"
                                 "    COMP_WORDS=(\"$RIMSHOT\" \"$@\"); COMP_CWORD=$#\n"
                                 "    _rimshot; (IFS=,; echo \"${COMPREPLY[*]}\")\n"
                                 "}\n"
                                 "try 'tr' tr\n"
                                 "try 'data o' data o\n"
                                 "try 'train configs/a' train configs/a\n"
                                 "try 'train --out=a' train --out = a\n"
                                 "try 'train --out a' train --out a\n"
                                 "try 'train x.yaml train.final=' train x.yaml train.final =\n"
                                 "try 'train x.yaml train.final=b' train x.yaml train.final = b\n"
                                 "try 'export m --to=saf' export m --to = saf\n";
    const char *folder = test_folder();
    if (!shell_is_there(folder, "bash")) return;
    shell_prints(folder, "bash", script,
                 "train\noverview\nconfigs/a.yaml\na folder\na folder\n"
                 "all,best_fold,ensemble,none\nbest_fold\nsafetensors\n");
}
END_TEST

START_TEST(zsh_completes) {
    static const char script[] =
        "_files() { print files $* }\n"
        "_describe() { print $1 ${(P)2} ${3:+no space} }\n"
        "try() { words=($RIMSHOT \"$@\"); CURRENT=$#words; . $SCRIPTS/_rimshot }\n"
        "try data ov\n"
        "try train ''\n"
        "try train --out ''\n"
        "try train x.yaml train.final=b\n"
        "try train x.yaml train.epo\n";
    const char *folder = test_folder();
    if (!shell_is_there(folder, "zsh")) return;
    shell_prints(folder, "zsh -f", script,
                 "rimshot overview:show what is in a data set: classes, lengths, formats, copies, "
                 "oddities\nfiles -g *.yaml\nfiles -/\nrimshot train.final=best_fold:\n"
                 "key train.epochs=:passes over the training clips (or over `steps` batches); with "
                 "a classifier passes of augmented clips, and 1 by default no space\n");
}
END_TEST

START_TEST(fish_completes) {
    static const char script[] = "source $SCRIPTS/rimshot.fish\n"
                                 "set PATH (dirname $RIMSHOT) $PATH\n"
                                 "for line in 'data o' 'train --out a' 'train configs/a' "
                                 "'train x train.final=b' 'train x train.epo'\n"
                                 "    complete -C \"rimshot $line\" | cut -f1\n"
                                 "end\n";
    const char *folder = test_folder();
    if (!shell_is_there(folder, "fish")) return;
    shell_prints(folder, "fish --no-config", script,
                 "overview\na folder/\nconfigs/a.yaml\ntrain.final=best_fold\ntrain.epochs=\n");
}
END_TEST

TEST_MAIN("complete", candidates_come_from_the_tables, bash_completes, zsh_completes,
          fish_completes)
