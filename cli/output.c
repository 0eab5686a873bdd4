#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
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

int cli_terminal_columns(int file) {
    struct winsize size;
    return isatty(file) && ioctl(file, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
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

/* Exit status of a shell that does not find the command. */
enum { NOT_FOUND = 127 };

int cli_page(const cli_call *call, const base_text *text) {
    if (!call->mixed || text->failed) return cli_print(text);
    setenv("LESS", "FRX", 0); /* less ends by itself where all fits on the screen */
    fflush(stdout);
    FILE *pager = popen("${PAGER:-less}", "w");
    if (pager == NULL) return cli_print(text);
    fwrite(base_text_string(text), 1, text->size, pager); /* who leaves early has read enough */
    int status = pclose(pager);
    bool missing = WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND;
    return missing ? cli_print(text) : CLI_OK;
}

bool cli_may_fill(const cli_call *call, const char *folder) {
    if (cli_given(call, "overwrite") || !base_folder_exists(folder) ||
        base_folder_is_empty(folder)) {
        return true;
    }
    base_error err;
    base_fail(&err, BASE_EEXISTS, "%s: is not empty; --overwrite writes into it all the same",
              folder);
    cli_fail(&err);
    return false;
}

void cli_add_name(const char *before, const char *name, const char *after, base_text *out) {
    base_text_add(out, before);
    base_text_add_shown(out, name);
    base_text_add(out, after);
}

static bool is_seen_whole(const char *word) {
    char shown[BASE_SHOWN_BYTES];
    for (size_t n; (n = base_utf8_show(word, shown)) > 0; word += n) {
        if (shown[0] != *word || strlen(shown) != n) return false;
    }
    return true;
}

/* As shells read it that know $'...': byte by byte where it can't be seen. */
static void add_escaped(const char *word, base_text *out) {
    char shown[BASE_SHOWN_BYTES];
    base_text_add(out, "$'");
    for (size_t n; (n = base_utf8_show(word, shown)) > 0; word += n) {
        bool seen = shown[0] == *word && strlen(shown) == n;
        if (*word == '\'' || *word == '\\') base_text_add(out, "\\");
        if (seen) base_text_add(out, shown);
        for (size_t i = 0; !seen && i < n; i++) {
            base_text_printf(out, "\\x%02x", (unsigned char)word[i]);
        }
    }
    base_text_add(out, "'");
}

void cli_add_quoted(const char *word, base_text *out) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-./=,:+@%";
    if (word[0] && word[strspn(word, plain)] == '\0') {
        base_text_add(out, word);
        return;
    }
    if (!is_seen_whole(word)) {
        add_escaped(word, out);
        return;
    }
    base_text_add(out, "'");
    for (; *word; word++) {
        if (*word == '\'') base_text_add(out, "'\\'");
        base_text_add_bytes(out, word, 1);
    }
    base_text_add(out, "'");
}

void cli_add_again(const cli_call *call, base_text *out) {
    base_text_printf(out, "rimshot %s", call->command->name);
    for (int i = 0; i < call->n_arguments; i++) {
        base_text_add(out, " ");
        cli_add_quoted(call->arguments[i], out);
    }
    if (!cli_given(call, "out")) return;
    base_text_add(out, " --out ");
    cli_add_quoted(cli_text(call, "out"), out);
}
