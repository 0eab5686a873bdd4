#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "infer/export/export.h"
#include "train/config.h"

enum { MAX_POSITIONS = 4 };

typedef struct {
    const char *typed; /* what a candidate must begin with */
    base_text *out;
} answer;

static bool begins_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

static void add(const answer *a, const char *before, const char *word, const char *help) {
    size_t length = strlen(before);
    bool fits = strlen(a->typed) <= length
                    ? begins_with(before, a->typed)
                    : begins_with(a->typed, before) && begins_with(word, a->typed + length);
    if (fits) base_text_printf(a->out, "%s%s\t%s\n", before, word, help);
}

/* ------------------------------------------------------------------ commands */

static size_t first_word(const char *name) {
    return strcspn(name, " ");
}

static void add_commands(const answer *a) {
    for (int i = 0; cli_commands[i] != NULL; i++) {
        const char *name = cli_commands[i]->name;
        size_t length = first_word(name);
        if (name[length] == '\0') {
            add(a, "", name, cli_commands[i]->summary);
        } else if (i == 0 || strncmp(cli_commands[i - 1]->name, name, length + 1) != 0) {
            char word[32];
            snprintf(word, sizeof word, "%.*s", (int)length, name);
            add(a, "", word, "several commands");
        }
    }
}

/* The second words of commands of two. */
static void add_second_words(const answer *a, const char *first) {
    for (int i = 0; cli_commands[i] != NULL; i++) {
        const char *name = cli_commands[i]->name;
        size_t length = first_word(name);
        bool same = strlen(first) == length && strncmp(first, name, length) == 0;
        if (same && name[length] == ' ') add(a, "", name + length + 1, cli_commands[i]->summary);
    }
}

/* ------------------------------------------------------------------ keys of a configuration */

/* "a|b|c" */
static void add_choices(const answer *a, const char *before, const char *choices) {
    for (const char *c = choices; *c != '\0';) {
        char word[64];
        int length = (int)strcspn(c, "|");
        snprintf(word, sizeof word, "%.*s", length, c);
        add(a, before, word, "");
        c += length + (c[length] == '|');
    }
}

static void add_key(const answer *a, const char *section, const base_option *option) {
    char key[128];
    if (section[0] == '\0' && option->kind == BASE_OPT_NODE) return; /* a section of its own */
    snprintf(key, sizeof key, "%s%s%s=", section, section[0] ? "." : "", option->key);
    if (!begins_with(a->typed, key)) add(a, "", key, option->help);
    if (!begins_with(a->typed, key)) return;
    if (option->kind == BASE_OPT_CHOICE) add_choices(a, key, option->choices);
    if (option->kind == BASE_OPT_BOOL) add_choices(a, key, "true|false");
}

static void add_keys(const answer *a) {
    int n;
    const train_config_section *sections = train_config_sections(&n);
    for (int i = 0; i < n; i++) {
        const base_option *option = sections[i].table;
        for (; option != NULL && option->key != NULL; option++) {
            add_key(a, sections[i].name, option);
        }
    }
}

static void add_sections(const answer *a) {
    int n;
    const train_config_section *sections = train_config_sections(&n);
    for (int i = 0; i < n; i++) {
        if (sections[i].name[0] != '\0') add(a, "", sections[i].name, sections[i].help);
    }
}

/* ------------------------------------------------------------------ kinds of words */

static bool is_among(const char *const *names, const char *kind) {
    for (; *names != NULL; names++) {
        if (strcmp(*names, kind) == 0) return true;
    }
    return false;
}

static void add_formats(const answer *a, const char *before) {
    int n;
    const infer_exporter *const *exporters = infer_exporters(&n);
    for (int i = 0; i < n; i++) add(a, before, exporters[i]->name, "");
}

/* `kind` is how help names an argument or a flag's value: "CONFIG", "text|json|csv". */
static void add_kind(const answer *a, const char *before, const char *kind) {
    static const char *const folders[] = {"DIR", "FOLDER", "RUN", NULL};
    static const char *const files[] = {"FILE", "PATH", "WEIGHTS", "DATASET", NULL};
    static const char *const yaml[] = {"CONFIG", "SWEEP", NULL};
    if (is_among(folders, kind)) base_text_add(a->out, ":folders\n");
    if (is_among(files, kind)) base_text_add(a->out, ":files\n");
    if (is_among(yaml, kind)) base_text_add(a->out, ":files *.yaml\n");
    if (strcmp(kind, "MODEL") == 0) base_text_add(a->out, ":files *.h5\n");
    if (strcmp(kind, "KEY=VALUE") == 0) add_keys(a);
    if (strcmp(kind, "FORMAT") == 0) add_formats(a, before);
    if (kind[0] >= 'a' && kind[0] <= 'z') add_choices(a, before, kind);
}

/* Kinds in the place of one argument: "CONFIG|MODEL". */
static void add_kinds(const answer *a, const char *kinds) {
    for (const char *k = kinds; *k != '\0';) {
        char kind[64];
        int length = (int)strcspn(k, "|");
        snprintf(kind, sizeof kind, "%.*s", length, k);
        if (kind[0] != '-') add_kind(a, "", kind);
        k += length + (k[length] == '|');
    }
}

/* The arguments of a usage, "CONFIG [KEY=VALUE ...]": place `index`, or the last one where that
 * may be repeated. */
static void add_position(const answer *a, const cli_command *command, int index) {
    char usage[256], *places[MAX_POSITIONS], *rest;
    int n = 0;
    bool repeats = strstr(command->arguments, "...") != NULL;
    snprintf(usage, sizeof usage, "%s", command->arguments);
    for (char *c = usage; (c = strpbrk(c, "[].")) != NULL;) *c = ' ';
    for (char *word = strtok_r(usage, " ", &rest); word != NULL && n < MAX_POSITIONS;
         word = strtok_r(NULL, " ", &rest)) {
        if (word[0] == '-') break; /* flags that usage shows */
        places[n++] = word;
    }
    if (index >= n && repeats) index = n - 1;
    if (index < n && index >= 0) add_kinds(a, places[index]);
}

/* ------------------------------------------------------------------ flags */

static void add_flags(const answer *a, const cli_command *command) {
    cli_flag flag;
    for (int i = 0; cli_flag_at(command, i, &flag); i++) add(a, "--", flag.name, flag.help);
}

/* The flag that `word` gives: "--out", "--out=DIR" or "-o". */
static bool find_flag(const cli_command *command, const char *word, cli_flag *flag) {
    for (int i = 0; cli_flag_at(command, i, flag); i++) {
        const char *letter = cli_short_form(flag);
        size_t length = strlen(flag->name);
        bool is_long = begins_with(word, "--") && strncmp(word + 2, flag->name, length) == 0 &&
                       (word[2 + length] == '\0' || word[2 + length] == '=');
        if (is_long || (letter != NULL && strcmp(word, letter) == 0)) return true;
    }
    return false;
}

/* Behind the command's name: counts what is given, then says what may follow. */
static void complete_arguments(const answer *a, const cli_command *command,
                               const char *const *words, int n) {
    int n_positional = 0;
    bool flags_over = false;
    cli_flag flag;
    for (int i = 0; i < n - 1; i++) {
        if (flags_over || words[i][0] != '-' || words[i][1] == '\0') {
            n_positional++;
        } else if (strcmp(words[i], "--") == 0) {
            flags_over = true;
        } else if (find_flag(command, words[i], &flag) && flag.value != NULL &&
                   strchr(words[i], '=') == NULL && ++i == n - 1) {
            add_kind(a, "", flag.value);
            return;
        }
    }
    const char *value = strchr(a->typed, '=');
    if (flags_over || a->typed[0] != '-') {
        add_position(a, command, n_positional);
    } else if (value == NULL) {
        add_flags(a, command);
    } else if (find_flag(command, a->typed, &flag) && flag.value != NULL) {
        char before[64];
        snprintf(before, sizeof before, "%.*s", (int)(value + 1 - a->typed), a->typed);
        add_kind(a, before, flag.value);
    }
}

static void complete_help(const answer *a, const char *const *words, int n) {
    if (n == 1 && a->typed[0] == '-') {
        add_flags(a, &cli_help);
    } else if (n == 1) {
        add_commands(a);
        add(a, "", "config", "the keys of a configuration");
    } else if (strcmp(words[0], "config") == 0) {
        add_sections(a);
    } else {
        add_second_words(a, words[0]);
    }
}

void cli_complete(const char *const *words, int n, base_text *out) {
    if (n < 1) return;
    answer a = {words[n - 1], out};
    int n_words;
    const cli_command *command = n > 1 ? cli_find_command(words, n - 1, &n_words) : NULL;
    if (n == 1) {
        add_commands(&a);
        add(&a, "--", "version", "the program's version");
    } else if (command == &cli_help) {
        complete_help(&a, words + 1, n - 1);
    } else if (command != NULL) {
        complete_arguments(&a, command, words + n_words, n - n_words);
    } else if (n == 2) {
        add_second_words(&a, words[0]);
    }
}
