/* Finding what there is to know. */
#include <stdio.h>

#include "tests/program.h"
#include "tests/test.h"

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

static const char *help(const char *topic) {
    char command[100];
    snprintf(command, sizeof command, "$RIMSHOT help %s", topic);
    return program_expect(test_folder(), command, 0, NULL).out;
}

START_TEST(all_levels_are_searched) {
    contains(help("config gru"), "network.gru - Gated");
    contains(help("config gru"), "\n  bidirectional ");
    contains(help("config augment.noise"), "augment.noise - ");
    contains(help("config augment.noise"), "\n  snr_db ");
    ck_assert_ptr_null(strstr(help("config augment.noise"), "kernel"));
    contains(help("config train.adamw"), "train.optimizer.adamw - ");
    contains(help("config epochs"), "train - how the network is trained\n  epochs ");
    ck_assert_ptr_null(strstr(help("config epochs"), "  batch "));
    contains(help("config gru.hidden"), "network.gru - ");
    contains(help("config spectrum"), "  augment.noise.color ");
    ck_assert_str_eq(help("gru"), help("config gru"));
    contains(help("config train"), "\ntrain.optimizer - ");
}
END_TEST

START_TEST(a_group_of_commands_is_listed) {
    contains(help("data"), "  data overview ");
    contains(help("data"), "  data synth ");
    ck_assert_ptr_null(strstr(help("data"), "train "));
}
END_TEST

START_TEST(a_terminal_gets_a_pager) {
    const char *folder = test_folder();
    contains(program_on_terminal(folder, "PAGER='sed s/^/@/' $RIMSHOT help", 80), "@  classify");
    contains(program_on_terminal(folder, "PAGER=no-such-pager $RIMSHOT help", 80), "  classify");
    contains(program_on_terminal(folder, "PAGER=false $RIMSHOT help", 80), "");
    program_expect(folder, "PAGER='echo paged;' $RIMSHOT help >text && ! grep paged text", 0, NULL);
}
END_TEST

TEST_MAIN("cli/cmd_help", all_levels_are_searched, a_group_of_commands_is_listed,
          a_terminal_gets_a_pager)
