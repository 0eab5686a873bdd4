/* cli/complete.h - what could stand at the end of a command line, for the completion of shells.
 *
 * The scripts in cli/completion/ ask by `rimshot --complete WORD...`, so that bash, zsh and fish
 * complete by the same tables that parse and print help. */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "base/text.h"

/* `words` follow the program's name; the last is the one being typed, empty where it has not begun.
 * Adds a line per candidate that begins with it: the word and, behind a tab, what it means.
 * Where a file can stand, a line ":files", ":files *.yaml", ":files *.h5" or ":folders" says so. */
void cli_complete(const char *const *words, int n, base_text *out);

#endif
