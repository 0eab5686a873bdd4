#include "cli/args.h"

#include <string.h>

const cli_flag cli_common_flags[] = {
    {"threads", "N", "threads to use (default: all processors; RIMSHOT_THREADS)"},
    {"quiet", NULL, "nothing but results and errors"},
    {"help", NULL, "this help"},
    {0},
};

/* Item *i of a table; past its end *i is what is left to count. */
static bool in_table(const cli_flag *table, int *i, cli_flag *flag) {
    for (; table != NULL && table->name != NULL; table++) {
        if ((*i)-- > 0) continue;
        *flag = *table;
        return true;
    }
    return false;
}

bool cli_flag_at(const cli_command *command, int i, cli_flag *flag) {
    if (in_table(command->flags, &i, flag)) return true;
    for (int k = 0; command->more_flags != NULL && command->more_flags(k, flag); k++) {
        if (i-- == 0) return true;
    }
    return in_table(cli_common_flags, &i, flag);
}

static bool find_flag(const cli_call *call, const char *name, size_t length, cli_flag *flag) {
    for (int i = 0; cli_flag_at(call->command, i, flag); i++) {
        if (strlen(flag->name) == length && strncmp(flag->name, name, length) == 0) return true;
    }
    return false;
}

static int unknown_flag(const cli_call *call, const char *argument) {
    const char *names[CLI_MAX_FLAGS];
    int n = 0;
    for (cli_flag flag; n < CLI_MAX_FLAGS && cli_flag_at(call->command, n, &flag); n++) {
        names[n] = flag.name;
    }
    const char *near = base_nearest(argument + strspn(argument, "-"), names, n);
    if (near != NULL) {
        return cli_usage("%s: no such flag; did you mean --%s?   (all flags: rimshot help %s)",
                         argument, near, call->command->name);
    }
    return cli_usage("%s: no such flag   (all flags: rimshot help %s)", argument,
                     call->command->name);
}

static const struct {
    const char *letter, *name;
} short_forms[] = {{"-o", "out"}, {"-n", "count"}, {"-h", "help"}};

const char *cli_short_form(const cli_flag *flag) {
    for (size_t i = 0; i < sizeof short_forms / sizeof *short_forms; i++) {
        if (strcmp(short_forms[i].name, flag->name) == 0) return short_forms[i].letter;
    }
    return NULL;
}

/* The name that a flag begins with: "out=x" of "--out=x", "out" of "-o"; "" if it is no flag. */
static const char *flag_name(const char *argument) {
    if (argument[1] == '-') return argument + 2;
    for (size_t i = 0; i < sizeof short_forms / sizeof *short_forms; i++) {
        if (strcmp(short_forms[i].letter, argument) == 0) return short_forms[i].name;
    }
    return "";
}

/* Takes one flag at argv[*i]: --name, --name=value, --name value or -n value. */
static int take_flag(cli_call *call, int argc, char **argv, int *i) {
    const char *argument = argv[*i], *name = flag_name(argument);
    size_t length = strcspn(name, "=");
    cli_flag flag;
    if (!find_flag(call, name, length, &flag)) return unknown_flag(call, argument);
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    if (flag.value == NULL && value != NULL) return cli_usage("--%s: takes no value", flag.name);
    if (flag.value != NULL && value == NULL) {
        if (*i + 1 >= argc) return cli_usage("--%s: needs a value, %s", flag.name, flag.value);
        value = argv[++*i];
    }
    if (call->n_flags == CLI_MAX_FLAGS) return cli_usage("more than %d flags", CLI_MAX_FLAGS);
    call->flag_name[call->n_flags] = flag.name;
    call->flag_value[call->n_flags++] = value;
    return CLI_OK;
}

static int check_count(const cli_call *call) {
    const cli_command *command = call->command;
    int n = call->n_arguments;
    if (n >= command->min_arguments &&
        (command->max_arguments < 0 || n <= command->max_arguments)) {
        return CLI_OK;
    }
    return cli_usage("%s: %s   (usage: rimshot %s %s)", command->name,
                     n < command->min_arguments ? "too few arguments" : "too many arguments",
                     command->name, command->arguments);
}

int cli_parse(cli_call *call, int argc, char **argv, bool *help) {
    const char **positional = base_arena_alloc(&call->arena, (size_t)argc + 1, sizeof *positional);
    if (positional == NULL) return cli_usage("out of memory");
    bool flags_over = false;
    for (int i = 0; i < argc; i++) {
        const char *argument = argv[i];
        bool is_flag = !flags_over && argument[0] == '-' && argument[1] != '\0';
        if (is_flag && strcmp(argument, "--") == 0) {
            flags_over = true;
        } else if (is_flag) {
            int code = take_flag(call, argc, argv, &i);
            if (code != CLI_OK) return code;
        } else {
            positional[call->n_arguments++] = argument;
        }
    }
    call->arguments = positional;
    call->quiet = cli_given(call, "quiet");
    call->json = cli_given(call, "json");
    *help = cli_given(call, "help");
    return *help ? CLI_OK : check_count(call);
}

/* The last one given counts. */
static int flag_index(const cli_call *call, const char *flag) {
    for (int i = call->n_flags - 1; i >= 0; i--) {
        if (strcmp(call->flag_name[i], flag) == 0) return i;
    }
    return -1;
}

const char *cli_text(const cli_call *call, const char *flag) {
    int i = flag_index(call, flag);
    return i < 0 ? NULL : call->flag_value[i];
}

bool cli_given(const cli_call *call, const char *flag) {
    return flag_index(call, flag) >= 0;
}

bool cli_int(const cli_call *call, const char *flag, int64_t lo, int64_t hi, int64_t *value) {
    const char *text = cli_text(call, flag);
    int64_t number;
    if (text == NULL) return true;
    if (base_parse_int(text, &number) && number >= lo && number <= hi) {
        *value = number;
        return true;
    }
    cli_usage("--%s=%s: must be a whole number from %lld to %lld", flag, text, (long long)lo,
              (long long)hi);
    return false;
}

bool cli_number(const cli_call *call, const char *flag, double lo, double hi, double *value) {
    const char *text = cli_text(call, flag);
    double number;
    if (text == NULL) return true;
    if (base_parse_double(text, &number) && number >= lo && number <= hi) {
        *value = number;
        return true;
    }
    cli_usage("--%s=%s: must be a number from %g to %g", flag, text, lo, hi);
    return false;
}
