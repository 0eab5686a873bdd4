#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/help.h"

static const cli_command *find_by_words(cli_call *call) {
    const char *name = call->arguments[0];
    if (call->n_arguments > 1) {
        name = base_arena_printf(&call->arena, "%s %s", name, call->arguments[1]);
    }
    for (int i = 0; name != NULL && cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0) return cli_commands[i];
    }
    return NULL;
}

/* The commands that begin with the word, as `data` does; false if none does. */
static bool add_group(const char *word, base_text *out) {
    size_t length = strlen(word), before = out->size;
    for (int i = 0; cli_commands[i] != NULL; i++) {
        const char *name = cli_commands[i]->name;
        if (strncmp(name, word, length) != 0 || name[length] != ' ') continue;
        base_text_printf(out, "  %-16s %s\n", name, cli_commands[i]->summary);
    }
    return out->size > before;
}

static int unknown_topic(const char *topic) {
    const char *names[64];
    char path[200];
    int n = 0;
    for (; cli_commands[n] != NULL; n++) names[n] = cli_commands[n]->name;
    const char *near = base_nearest(topic, names, n);
    if (near == NULL) near = cli_help_config_near(topic, path, sizeof path);
    if (near != NULL) {
        return cli_usage("%s: no such command or topic; did you mean '%s'?   (all: rimshot help)",
                         topic, near);
    }
    return cli_usage("%s: no such command or topic   (all: rimshot help)", topic);
}

static int add_help(cli_call *call, base_help_form form, base_text *out) {
    const char *topic = call->n_arguments > 0 ? call->arguments[0] : NULL;
    if (topic == NULL) {
        if (form == BASE_HELP_MANUAL) cli_manual_overview(out);
        if (form != BASE_HELP_MANUAL) cli_help_overview(out);
        return CLI_OK;
    }
    if (strcmp(topic, "config") == 0) {
        return cli_help_config(call->n_arguments > 1 ? call->arguments[1] : NULL, form, out);
    }
    const cli_command *command = find_by_words(call);
    if (command != NULL) {
        cli_help_command(command, form, out);
        return CLI_OK;
    }
    if (call->n_arguments > 1) {
        return unknown_topic(base_arena_printf(&call->arena, "%s %s", topic, call->arguments[1]));
    }
    bool found = add_group(topic, out) || cli_help_config_find(topic, false, form, out);
    return found ? CLI_OK : unknown_topic(topic);
}

/* ------------------------------------------------------------------ all manual pages */

static base_status write_page(cli_call *call, const char *folder, const char *name, base_text *page,
                              base_error *err) {
    char *path = base_path_join(&call->arena, folder, name);
    base_status status = path != NULL ? base_file_write_text(path, page, err)
                                      : base_fail(err, BASE_EMEMORY, "%s: out of memory", folder);
    base_text_release(page);
    return status;
}

static base_status write_command(cli_call *call, const char *folder, const cli_command *command,
                                 base_error *err) {
    base_text page = {0};
    char name[128];
    snprintf(name, sizeof name, "rimshot-%s.1", command->name);
    for (char *c = name; *c; c++) *c = *c == ' ' ? '-' : *c;
    cli_help_command(command, BASE_HELP_MANUAL, &page);
    return write_page(call, folder, name, &page, err);
}

static base_status write_pages(cli_call *call, const char *folder, base_error *err) {
    base_text page = {0};
    BASE_TRY(base_folder_make(folder, err));
    cli_manual_overview(&page);
    BASE_TRY(write_page(call, folder, "rimshot.1", &page, err));
    cli_help_config(NULL, BASE_HELP_MANUAL, &page);
    BASE_TRY(write_page(call, folder, "rimshot-config.5", &page, err));
    for (int i = 0; cli_commands[i] != NULL; i++) {
        BASE_TRY(write_command(call, folder, cli_commands[i], err));
    }
    return BASE_OK;
}

/* ------------------------------------------------------------------ the command */

static int run_help(cli_call *call) {
    bool manual = cli_given(call, "man"), markdown = cli_given(call, "markdown");
    const char *folder = cli_text(call, "man-pages");
    base_error err;
    if (manual && markdown) return cli_usage("--man and --markdown exclude each other");
    if (folder != NULL) return write_pages(call, folder, &err) == BASE_OK ? CLI_OK : cli_fail(&err);
    base_help_form form = manual     ? BASE_HELP_MANUAL
                          : markdown ? BASE_HELP_MARKDOWN
                                     : BASE_HELP_TEXT;
    base_text out = {0};
    int code = add_help(call, form, &out);
    if (code == CLI_OK) code = cli_page(call, &out);
    base_text_release(&out);
    return code;
}

static const cli_flag flags[] = {
    {"man", NULL, "as a manual page"},
    {"man-pages", "DIR", "write all manual pages into DIR"},
    {"markdown", NULL, "the reference of a configuration as Markdown"},
    {0},
};

const cli_command cli_help = {
    .name = "help",
    .arguments = "[COMMAND | config [NAME]]",
    .summary = "explain a command, or the keys of a configuration",
    .description = "Without arguments lists the commands. `help config` lists every key of a "
                   "configuration with its type, default, limits and meaning; `help config NAME` "
                   "a section (train), a layer or effect (gru, augment.noise) or a key (epochs), "
                   "or what speaks of a word. A name alone will do where no command has it: `help "
                   "gru`. On a terminal long texts go through PAGER (default: less).",
    .flags = flags,
    .min_arguments = 0,
    .max_arguments = 2,
    .run = run_help,
};
