/* cli/cli.h - what the subcommands share. Only this folder prints, parses arguments and exits.
 *
 * A command is one file cmd_*.c that exports one cli_command, listed in main.c's table. Its flags
 * are data: the same table parses, prints `rimshot help COMMAND` and makes the manual page. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/arena.h"
#include "base/parallel.h"
#include "base/text.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_STOPPED = 130 };

typedef struct {
    const char *name;  /* "out", given as --out */
    const char *value; /* "DIR"; NULL: a switch */
    const char *help;
} cli_flag; /* a table ends with a NULL name */

/* For the tables of commands whose result a program may read. */
#define CLI_FLAG_JSON                                                                              \
    { "json", NULL, "the result as JSON, for programs" }

typedef struct cli_call cli_call;

typedef struct {
    const char *name;        /* "train", "data overview" */
    const char *arguments;   /* "CONFIG [KEY=VALUE ...]" */
    const char *summary;     /* one sentence without a stop */
    const char *description; /* paragraphs separated by an empty line */
    const cli_flag *flags;   /* NULL: none of its own */
    /* What other tables add, NULL: nothing. Flag i, from 0 on, and paragraph i behind the
     * description; false past the last. */
    bool (*more_flags)(int i, cli_flag *flag);
    bool (*more_text)(int i, base_text *out);
    int min_arguments, max_arguments; /* max -1: any number */
    int (*run)(cli_call *call);       /* returns the exit code */
} cli_command;

enum { CLI_MAX_FLAGS = 32 };

/* One run of a command. */
struct cli_call {
    const cli_command *command;
    const char *const *arguments; /* positional */
    int n_arguments;
    const char *flag_name[CLI_MAX_FLAGS];
    const char *flag_value[CLI_MAX_FLAGS];
    int n_flags;
    bool quiet, json;
    bool color;       /* stdout is a terminal and NO_COLOR is not set */
    bool terminal;    /* stderr is a terminal: progress may redraw a line */
    bool mixed;       /* stdout is a terminal, too: results stand between the progress */
    int columns;      /* of the terminal that stdout is; 0: it is none */
    int64_t n_unread; /* sounds told to be left out because they could not be read */
    base_pool *pool;
    base_arena arena;
};

extern const cli_flag cli_common_flags[];       /* --threads, --quiet, --help */
extern const cli_command *const cli_commands[]; /* NULL-terminated */
extern const cli_command cli_help;
/* The command that `words` begin with, of one word or two, *n_words; NULL if there is none. */
const cli_command *cli_find_command(const char *const *words, int n, int *n_words);

/* The last value given; NULL if the flag was not. */
const char *cli_text(const cli_call *call, const char *flag);
bool cli_given(const cli_call *call, const char *flag);
/* False, with a message printed, if the value is not a number in lo..hi; *value stays as it is
 * where the flag was not given. */
bool cli_int(const cli_call *call, const char *flag, int64_t lo, int64_t hi, int64_t *value);
bool cli_number(const cli_call *call, const char *flag, double lo, double hi, double *value);

/* "rimshot: text" on stderr. Returns the exit code: CLI_USAGE for EUSAGE and ECONFIG, CLI_STOPPED
 * without a message for ESTOPPED, CLI_FAILED for everything else. */
int cli_fail(const base_error *err);
/* The same for a mistake on the command line; returns CLI_USAGE. */
int cli_usage(const char *format, ...) BASE_PRINTF(1, 2);

/* Set by SIGINT or SIGTERM: finish what must not be lost, then return CLI_STOPPED. */
bool cli_stopped(void);

/* Writes to stdout and flushes it; CLI_OK, or CLI_FAILED after a message. _release also frees. */
int cli_print(const base_text *text);
int cli_print_release(base_text *text);
/* The same through the user's PAGER, by default less, if stdout is a terminal. */
int cli_page(const cli_call *call, const base_text *text);

/* False, after a message, if the folder that files are to be written into holds others, and
 * --overwrite was not given. */
bool cli_may_fill(const cli_call *call, const char *folder);
#define CLI_FLAG_OVERWRITE_FILES                                                                   \
    { "overwrite", NULL, "write into a folder that is not empty, over files of the same names" }

/* Adds a name as it is shown (base/utf8.h), between two texts of ours. */
void cli_add_name(const char *before, const char *name, const char *after, base_text *out);

/* The width of the terminal that a standard file is; 0 if it is none or does not tell. */
int cli_terminal_columns(int file);

/* Adds the call as a line for the shell, to go on with: its arguments and --out. */
void cli_add_again(const cli_call *call, base_text *out);
/* Adds a word, in single quotes where a shell would read more into it. */
void cli_add_quoted(const char *word, base_text *out);

#endif
