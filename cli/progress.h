/* cli/progress.h - what a long job shows while it runs, on stderr.
 *
 * On a terminal one line is redrawn a few times a second; elsewhere there is one plain line per
 * finished step of the work, without colours or cursor movement. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli/cli.h"

typedef struct {
    cli_call *call;
    double last_s; /* when the line was last drawn */
    bool drawn;    /* a line is on the screen that must be cleared */
    /* What cli_progress_data counts, and since when. */
    const char *what;
    double begun_s;
    int64_t begun_at;
} cli_progress;

/* Draws "label ━━━━──── text" with `share` of the bar filled, unless drawn a moment ago. Nothing
 * without a terminal. */
void cli_progress_draw(cli_progress *progress, const char *label, double share, const char *text);
/* Clears the drawn line, so that ordinary lines can be printed. */
void cli_progress_clear(cli_progress *progress);
/* One permanent line; nothing when quiet. */
void cli_progress_line(cli_progress *progress, const char *format, ...) BASE_PRINTF(2, 3);

/* "rimshot: text", said of one part of the work while the rest goes on. */
void cli_progress_error(cli_progress *progress, const char *text);

/* A data_unread that says so; context is a cli_progress. The command ends with CLI_FAILED then. */
void cli_progress_unread(void *context, const char *why);

/* "0:14", "1:02:03" into buf[32]. */
const char *cli_duration(double seconds, char *buf);

/* A data_progress that draws how much is done and how long the rest will take; context is a
 * cli_progress. */
bool cli_progress_data(void *context, const char *what, int64_t done, int64_t total);

#endif
