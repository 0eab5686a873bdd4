/* cli/help.h - the help texts, made from the tables of commands and of options: for a terminal, as
 * Markdown, or as manual pages. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/options.h"
#include "cli/cli.h"

void cli_help_overview(base_text *out);   /* all commands, a line each */
void cli_manual_overview(base_text *out); /* rimshot(1) */
void cli_help_command(const cli_command *command, base_help_form form, base_text *out);

/* All sections of a configuration, or the named one and those below it ("train" also shows
 * "train.optimizer"), or else whatever is named so at any level ("gru", "augment.noise", "hidden")
 * or, where nothing is, speaks of it; NULL: all. Returns the exit code, CLI_USAGE after a message.
 */
int cli_help_config(const char *section, base_help_form form, base_text *out);

/* Layers, effects and keys of that name; `mentioned`: a list of those whose help speaks of it.
 * False if there are none. */
bool cli_help_config_find(const char *name, bool mentioned, base_help_form form, base_text *out);
/* The path of what has the nearest name, written into `path`; NULL: nothing is near. */
const char *cli_help_config_near(const char *name, char *path, size_t size);

/* ".TH NAME SECTION ..." and the NAME section of a manual page. */
void cli_manual_head(const char *name, int section, const char *summary, base_text *out);
void cli_manual_heading(const char *heading, base_text *out);
/* Paragraphs separated by an empty line. */
void cli_manual_paragraphs(const char *text, base_text *out);

#endif
