#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/tables.h"

enum { BAR_MOST = 30, BAR_LEAST = 8, DRAWS_PER_S = 8, LINE_BYTES = 512, MESSAGE_BYTES = 4096 };
#define LEAST_S 1.0 /* before what is left is told */

/* Cuts `line` down to so many columns, so that it never wraps: a wrapped line cannot be redrawn. */
static void cut(char *line, int columns) {
    for (; *line; line++) {
        bool begins = ((unsigned char)*line & 0xC0) != 0x80;
        if (begins && columns-- == 0) break;
    }
    *line = '\0';
}

/* Drops what stands last in `text`, whose parts two spaces separate, until it fits. */
static void drop_parts(char *text, int columns) {
    while (cli_columns(text) > columns) {
        char *last = NULL;
        for (char *gap = strstr(text, "  "); gap != NULL; gap = strstr(gap + 2, "  ")) last = gap;
        *(last != NULL ? last : text) = '\0';
    }
}

/* A narrow terminal has no bar, and what matters least, which stands last, is left out whole. */
static void draw_line(const char *label, double share, const char *text, int columns) {
    char line[LINE_BYTES], rest[LINE_BYTES / 2];
    int room = columns - cli_columns(label) - cli_columns(text) - 4;
    int width = room < BAR_LEAST ? 0 : room > BAR_MOST ? BAR_MOST : room;
    int filled = (int)(share * width + 0.5);
    size_t n = (size_t)snprintf(line, sizeof line / 2, "%.200s  ", label);
    for (int i = 0; i < width; i++) {
        n += (size_t)snprintf(line + n, sizeof line - n, "%s", i < filled ? "━" : "─");
    }
    snprintf(rest, sizeof rest, "%s", text);
    if (width == 0) drop_parts(rest, columns - cli_columns(label) - 2);
    snprintf(line + n, sizeof line - n, "%s%s", width > 0 ? "  " : "", rest);
    cut(line, columns);
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
}

void cli_progress_draw(cli_progress *progress, const char *label, double share, const char *text) {
    double now = 1e-9 * (double)base_clock_ns();
    if (!progress->call->terminal || now - progress->last_s < 1.0 / DRAWS_PER_S) return;
    progress->last_s = now;
    progress->drawn = true;
    int columns = cli_terminal_columns(STDERR_FILENO);
    draw_line(label, share, text, (columns > 0 ? columns : 80) - 3); /* room for an echoed ^C */
}

void cli_progress_clear(cli_progress *progress) {
    if (!progress->drawn) return;
    fputs("\r\033[K", stderr);
    progress->drawn = false;
    progress->last_s = 0;
}

/* On stderr, as it is shown: names come from strangers. */
static void put_line(const char *prefix, const char *text) {
    char shown[BASE_SHOWN_BYTES];
    fputs(prefix, stderr);
    for (size_t n; (n = base_utf8_show(text, shown)) > 0; text += n) fputs(shown, stderr);
    fputc('\n', stderr);
}

void cli_progress_line(cli_progress *progress, const char *format, ...) {
    if (progress->call->quiet) return;
    cli_progress_clear(progress);
    char text[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_line("", text);
}

void cli_progress_error(cli_progress *progress, const char *text) {
    cli_progress_clear(progress);
    put_line("rimshot: ", text);
}

void cli_progress_unread(void *context, const char *why) {
    cli_progress *progress = context;
    cli_progress_error(progress, why);
    progress->call->n_unread++;
}

const char *cli_duration(double seconds, char *buf) {
    int64_t s = (int64_t)(seconds + 0.5);
    if (s >= 3600) {
        snprintf(buf, 32, "%lld:%02d:%02d", (long long)(s / 3600), (int)(s / 60 % 60),
                 (int)(s % 60));
    } else {
        snprintf(buf, 32, "%d:%02d", (int)(s / 60), (int)(s % 60));
    }
    return buf;
}

/* Adds how long the rest will take to `text`, once there is something to tell by. */
static void add_left(cli_progress *progress, const char *what, int64_t done, int64_t total,
                     char text[96]) {
    double now = 1e-9 * (double)base_clock_ns();
    if (progress->what == NULL || strcmp(progress->what, what) != 0 || done < progress->begun_at) {
        progress->what = what;
        progress->begun_s = now;
        progress->begun_at = done;
    }
    double passed = now - progress->begun_s;
    int64_t n_done = done - progress->begun_at;
    if (n_done <= 0 || passed < LEAST_S) return;
    char left[32];
    size_t n = strlen(text);
    cli_duration(passed * (double)(total - done) / (double)n_done, left);
    snprintf(text + n, 96 - n, "  %s left", left);
}

bool cli_progress_data(void *context, const char *what, int64_t done, int64_t total) {
    cli_progress *progress = context;
    char text[96], a[32], b[32];
    snprintf(text, sizeof text, "%s of %s", base_thousands(done, a), base_thousands(total, b));
    add_left(progress, what, done, total, text);
    cli_progress_draw(progress, what, total > 0 ? (double)done / (double)total : 1, text);
    return !cli_stopped();
}
