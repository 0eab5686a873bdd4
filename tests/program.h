/* tests/program.h - runs the built program as a user would: from a shell, in a folder.
 *
 * In commands $RIMSHOT is the program. Sounds decoded are cached within the folder. */
#ifndef TEST_PROGRAM_H
#define TEST_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    int code;              /* exit status; 128 + n after signal n */
    const char *out, *err; /* all that was written; valid until the test ends */
} program_end;

program_end program_run(const char *folder, const char *command);

/* The same in two steps, one process at a time per folder. `command` begins with "exec" where
 * signals are meant for the program. */
pid_t program_start(const char *folder, const char *command);
program_end program_wait(pid_t process, const char *folder);
/* Waits until the running program has written `text` to stderr; false if it ended before. */
bool program_says(pid_t process, const char *folder, const char *text);

/* Becomes that command, in a child process of the caller's. */
_Noreturn void program_exec(const char *folder, const char *command);

/* Succeeds if the command exits with `code` and its stderr is one line that contains `part` (any
 * stderr for part NULL). Returns its end. */
program_end program_expect(const char *folder, const char *command, int code, const char *part);

/* Runs a command that succeeds on a terminal of so many columns; all that came out of it. */
const char *program_on_terminal(const char *folder, const char *command, int columns);

/* Writes a small data set (folder "drums", nine classes of `per_class` sounds) and the
 * configuration "tiny.yaml" that trains on it in a moment. */
void program_fixture(const char *folder, int per_class);
/* Its classes, as a flow-style YAML list. */
#define PROGRAM_CLASSES "[kick, snare, closedhat, openhat, clap, tom, crash, cowbell, rim]"
void program_write(const char *folder, const char *name, const char *text);

#endif
