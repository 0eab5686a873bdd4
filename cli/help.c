#include "cli/help.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"

enum { COLUMNS = 80, FLAG_COLUMN = 20 };

/* ------------------------------------------------------------------ for a terminal */

/* Adds `text` broken at spaces so that no line exceeds COLUMNS; lines after the first begin with
 * `indent` spaces, and so many columns of the first are taken. */
static void add_wrapped(const char *text, int indent, base_text *out) {
    int column = indent;
    bool first = true;
    while (*text) {
        int word = (int)strcspn(text, " \n");
        if (!first && column + 1 + word > COLUMNS) {
            base_text_printf(out, "\n%*s", indent, "");
            column = indent;
            first = true;
        }
        base_text_printf(out, "%s%.*s", first ? "" : " ", word, text);
        column += word + (first ? 0 : 1);
        first = false;
        text += word;
        for (; *text == '\n'; text++) {
            base_text_add(out, "\n");
            column = indent;
            first = true;
        }
        text += *text == ' ';
    }
    base_text_add(out, "\n");
}

static const char *flag_text(const cli_flag *flag, char *buf, size_t size) {
    const char *letter = cli_short_form(flag);
    snprintf(buf, size, "%s%s--%s%s%s", letter != NULL ? letter : "", letter != NULL ? ", " : "",
             flag->name, flag->value != NULL ? " " : "", flag->value != NULL ? flag->value : "");
    return buf;
}

static void add_flags(const cli_command *command, base_text *out) {
    cli_flag flag;
    for (int i = 0; cli_flag_at(command, i, &flag); i++) {
        char left[64];
        base_text_printf(out, "  %-*s ", FLAG_COLUMN, flag_text(&flag, left, sizeof left));
        if (strlen(left) > FLAG_COLUMN) base_text_printf(out, "\n%*s", FLAG_COLUMN + 3, "");
        add_wrapped(flag.help, FLAG_COLUMN + 3, out);
    }
}

/* The description with what tables add to it. */
static base_text describe(const cli_command *command) {
    base_text text = {0};
    base_text_add(&text, command->description);
    if (command->more_text == NULL) return text;
    base_text more = {0};
    for (int i = 0; command->more_text(i, &more); i++) {
        base_text_printf(&text, "\n\n%s", base_text_string(&more));
        base_text_release(&more);
        more = (base_text){0};
    }
    return text;
}

static void add_command(const cli_command *command, base_text *out) {
    base_text_printf(out, "rimshot %s - %s\n\nusage: rimshot %s %s\n\n", command->name,
                     command->summary, command->name, command->arguments);
    base_text description = describe(command);
    add_wrapped(base_text_string(&description), 0, out);
    base_text_release(&description);
    base_text_add(out, "\n");
    add_flags(command, out);
}

static const char about[] = "rimshot trains, evaluates and uses drum-sample classifiers";

void cli_help_overview(base_text *out) {
    base_text_printf(out, "%s.\n\nusage: rimshot COMMAND [ARGUMENTS]\n\n", about);
    for (int i = 0; cli_commands[i] != NULL; i++) {
        base_text_printf(out, "  %-16s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    }
    base_text_add(out,
                  "\nFirst steps: rimshot train configs/demo.yaml --out demo\n"
                  "             rimshot classify demo/model.h5 FOLDER\n"
                  "More:        rimshot help COMMAND, and rimshot help config for every key of a\n"
                  "             configuration\n");
}

/* ------------------------------------------------------------------ manual pages */

void cli_manual_heading(const char *heading, base_text *out) {
    base_text_add(out, ".SH ");
    base_text_add_troff(out, heading);
    base_text_add(out, "\n");
}

/* "data overview" -> "rimshot-data-overview" */
static void add_page_name(const char *name, bool upper, base_text *out) {
    for (const char *c = name; *c; c++) {
        char letter[2] = {(char)(upper ? toupper((unsigned char)*c) : *c), '\0'};
        base_text_add_troff(out, *c == ' ' ? "-" : letter);
    }
}

void cli_manual_head(const char *name, int section, const char *summary, base_text *out) {
    base_text_add(out, ".TH ");
    add_page_name(name, true, out);
    base_text_printf(out, " %d \"" RIMSHOT_DATE "\" \"rimshot " RIMSHOT_VERSION "\"\n", section);
    cli_manual_heading("NAME", out);
    add_page_name(name, false, out);
    base_text_add(out, " \\- ");
    base_text_add_troff(out, summary);
    base_text_add(out, "\n");
}

void cli_manual_paragraphs(const char *text, base_text *out) {
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t n = end != NULL ? (size_t)(end - text) : strlen(text);
        char paragraph[4096];
        snprintf(paragraph, sizeof paragraph, "%.*s", (int)n, text);
        base_text_add_troff(out, paragraph);
        base_text_add(out, "\n");
        text += n;
        if (end != NULL) base_text_add(out, ".PP\n");
        text += strspn(text, "\n");
    }
}

static void add_manual_flags(const cli_command *command, base_text *out) {
    cli_flag flag;
    for (int i = 0; cli_flag_at(command, i, &flag); i++) {
        const char *letter = cli_short_form(&flag);
        base_text_add(out, ".TP\n\\fB");
        base_text_add_troff(out, letter != NULL ? letter : "");
        base_text_add(out, letter != NULL ? ", \\-\\-" : "\\-\\-");
        base_text_add_troff(out, flag.name);
        base_text_add(out, "\\fR");
        if (flag.value != NULL) base_text_printf(out, " \\fI%s\\fR", flag.value);
        base_text_add(out, "\n");
        base_text_add_troff(out, flag.help);
        base_text_add(out, "\n");
    }
}

static const char exit_codes[] =
    "0: done. 1: failed. 2: wrong arguments or configuration. 130: stopped by SIGINT or SIGTERM.";

static void add_manual_command(const cli_command *command, base_text *out) {
    char name[128];
    snprintf(name, sizeof name, "rimshot %s", command->name);
    cli_manual_head(name, 1, command->summary, out);
    cli_manual_heading("SYNOPSIS", out);
    base_text_printf(out, ".B %s\n", name);
    base_text_add_troff(out, command->arguments);
    base_text_add(out, "\n");
    cli_manual_heading("DESCRIPTION", out);
    base_text description = describe(command);
    cli_manual_paragraphs(base_text_string(&description), out);
    base_text_release(&description);
    cli_manual_heading("OPTIONS", out);
    add_manual_flags(command, out);
    cli_manual_heading("EXIT STATUS", out);
    cli_manual_paragraphs(exit_codes, out);
    cli_manual_heading("SEE ALSO", out);
    base_text_add(out, ".BR rimshot (1),\n.BR rimshot\\-config (5)\n");
}

static void add_manual_commands(base_text *out) {
    for (int i = 0; cli_commands[i] != NULL; i++) {
        base_text_printf(out, ".TP\n.B rimshot %s\n", cli_commands[i]->name);
        base_text_add_troff(out, cli_commands[i]->summary);
        base_text_add(out, "\n");
    }
}

static const struct {
    const char *name, *meaning;
} variables[] = {
    {"RIMSHOT_THREADS", "threads to use where --threads is not given"},
    {"RIMSHOT_LEVEL", "v2, v3 or v4: use no newer instructions than those of this x86-64 level"},
    {"RIMSHOT_CACHE", "folder for decoded sounds (default: XDG_CACHE_HOME/rimshot or "
                      "HOME/.cache/rimshot, or none without a HOME); may be removed at any time"},
    {"RIMSHOT_BUDGET", "a number: allow models that need so many times more memory, work or longer "
                       "Fourier transforms than usual (see rimshot summary MODEL)"},
    {"PAGER", "the program that rimshot help shows long texts with on a terminal (default: less)"},
    {"NO_COLOR", "no bold type, if set and not empty"},
    {"OPENBLAS_CORETYPE", "the kernels OpenBLAS uses (default: the best for this processor)"},
};

void cli_manual_overview(base_text *out) {
    cli_manual_head("rimshot", 1, "train, evaluate and use drum-sample classifiers", out);
    cli_manual_heading("SYNOPSIS", out);
    base_text_add(out, ".B rimshot\n.I COMMAND\n[ARGUMENTS]\n");
    cli_manual_heading("DESCRIPTION", out);
    cli_manual_paragraphs(about, out);
    cli_manual_heading("COMMANDS", out);
    add_manual_commands(out);
    cli_manual_heading("OPTIONS", out);
    base_text_add(out, "Every command takes these:\n");
    add_manual_flags(&(cli_command){.flags = NULL}, out);
    cli_manual_heading("ENVIRONMENT", out);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        base_text_printf(out, ".TP\n.B %s\n", variables[i].name);
        base_text_add_troff(out, variables[i].meaning);
        base_text_add(out, "\n");
    }
    cli_manual_heading("EXIT STATUS", out);
    cli_manual_paragraphs(exit_codes, out);
    cli_manual_heading("SEE ALSO", out);
    base_text_add(out, ".BR rimshot\\-config (5)\n");
}

void cli_help_command(const cli_command *command, base_help_form form, base_text *out) {
    if (form == BASE_HELP_MANUAL) {
        add_manual_command(command, out);
    } else {
        add_command(command, out);
    }
}
