/* cli/args.h - from argv to a cli_call. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "cli/cli.h"

/* Parses what follows the command's name. `--` ends flags. Returns CLI_OK, or CLI_USAGE after a
 * message with the nearest known flag. *help: --help was given. */
int cli_parse(cli_call *call, int argc, char **argv, bool *help);

/* Flag i of a command: its own, then those of all commands. False past the last. */
bool cli_flag_at(const cli_command *command, int i, cli_flag *flag);

/* "-o" of --out; NULL if it has none. */
const char *cli_short_form(const cli_flag *flag);

#endif
