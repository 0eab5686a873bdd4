#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

int cli_fail(const base_error *err) {
    if (err->status == BASE_ESTOPPED) return CLI_STOPPED;
    fprintf(stderr, "rimshot: %s\n", err->text);
    return err->status == BASE_EUSAGE || err->status == BASE_ECONFIG ? CLI_USAGE : CLI_FAILED;
}

int cli_usage(const char *format, ...) {
    char text[BASE_ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    base_error err; /* base_fail keeps control characters off the terminal */
    base_fail(&err, BASE_EUSAGE, "%s", text);
    return cli_fail(&err);
}

/* Who closed the pipe (`| head`) has read enough and needs no message. */
int cli_print(const base_text *text) {
    if (text->failed) {
        fputs("rimshot: standard output: out of memory\n", stderr);
        return CLI_FAILED;
    }
    bool written = fwrite(base_text_string(text), 1, text->size, stdout) == text->size;
    if (written && fflush(stdout) == 0) return CLI_OK;
    if (errno != EPIPE) fprintf(stderr, "rimshot: standard output: %s\n", strerror(errno));
    return CLI_FAILED;
}

int cli_print_release(base_text *text) {
    int code = cli_print(text);
    base_text_release(text);
    return code;
}
