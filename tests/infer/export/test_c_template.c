/* The exported header's template compiles as it stands, without warnings, whatever its conditions
 * are; and the exporter knows all of them. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"

#define WARNINGS                                                                                   \
    "-Wall -Wextra -Wshadow -Wvla -Wpointer-arith -Wconversion -Wdouble-promotion -Werror "        \
    "-Wno-unused-function"
#define TEMPLATES   "infer/export/c"
#define MAX_COMMAND 4096

enum { MAX_CONDITIONS = 64, NAME_SIZE = 64 };

typedef struct {
    char name[MAX_CONDITIONS][NAME_SIZE];
    int n;
} conditions;

/* Runs a command in the tree's root. */
static int run(const char *command) {
    char line[MAX_COMMAND + 512];
    snprintf(line, sizeof line, "cd '%s' && %s", test_path(".."), command);
    return system(line);
}

static conditions find_conditions(void) {
    conditions all = {0};
    char line[1024];
    snprintf(line, sizeof line,
             "cd '%s' && sed -nE 's/^#(el)?if !?(MODEL_[A-Z0-9_]+)$/\\2/p' " TEMPLATES
             "/*.[ch] | sort -u",
             test_path(".."));
    FILE *names = popen(line, "r");
    ck_assert_ptr_nonnull(names);
    while (all.n < MAX_CONDITIONS && fgets(all.name[all.n], NAME_SIZE, names) != NULL) {
        all.name[all.n][strcspn(all.name[all.n], "\n")] = '\0';
        all.n++;
    }
    ck_assert_int_eq(pclose(names), 0);
    ck_assert_int_gt(all.n, 20);
    return all;
}

/* Compiles with all conditions as `others` says, but for one. */
static void compile(const char *compiler, const conditions *all, int one, int others) {
    char command[MAX_COMMAND];
    size_t n = (size_t)snprintf(command, sizeof command,
                                "%s -std=c99 -fsyntax-only -I. " WARNINGS " -DMODEL_TEST "
                                "-Dmain=own_main -include " TEMPLATES "/settings.h "
                                "-include " TEMPLATES "/model.h",
                                compiler);
    for (int i = 0; i < all->n; i++) {
        int holds = i == one ? !others : others;
        n += (size_t)snprintf(command + n, sizeof command - n, " -D%s=%d", all->name[i], holds);
        ck_assert_uint_lt(n, sizeof command);
    }
    snprintf(command + n, sizeof command - n, " " TEMPLATES "/verify.c");
    ck_assert_msg(run(command) == 0, "%s", command);
}

START_TEST(compiles_whatever_its_conditions_are) {
    conditions all = find_conditions();
    for (int others = 0; others < 2; others++) {
        for (int one = -1; one < all.n; one++) compile("cc", &all, one, others);
    }
    compile("cc -DMODEL_SINGLE", &all, -1, 0);
    compile("cc -DMODEL_SINGLE", &all, -1, 1);
    if (run("command -v clang >/dev/null") == 0) {
        compile("clang", &all, -1, 0);
        compile("clang", &all, -1, 1);
    }
}
END_TEST

TEST_MAIN("infer/export/c_template", compiles_whatever_its_conditions_are)
