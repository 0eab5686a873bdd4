#include "cli/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"

/* By what its file begins with (base/h5.h). */
static bool is_model(const char *path) {
    static const char mark[] = "rimshot\nmodel";
    char begin[sizeof mark];
    FILE *file = base_file_exists(path) ? fopen(path, "rbe") : NULL;
    bool read = file != NULL && fread(begin, sizeof begin, 1, file) == 1;
    if (file != NULL) fclose(file);
    return read && memcmp(begin, mark, sizeof mark) == 0;
}

/* A run's folder holds the configuration beside the model. */
static bool is_run(const char *path) {
    base_arena arena = {0};
    const char *model = base_path_join(&arena, path, "model.h5");
    const char *config = base_path_join(&arena, path, "config.yaml");
    bool is =
        model != NULL && config != NULL && base_file_exists(model) && base_file_exists(config);
    base_arena_release(&arena);
    return is;
}

static bool names_model(const cli_call *call) {
    if (call->n_arguments == 0) return false;
    const char *first = call->arguments[0];
    return call->command->max_arguments == 1 || strcasecmp(base_path_extension(first), "h5") == 0 ||
           is_model(first) || is_run(first);
}

/* The one that rimshot brings: installed, or in the tree that the program was built in; NULL. */
static const char *find_installed(base_arena *arena) {
    static const char *const places[] = {"../share/rimshot/models/rimshot.h5",
                                         "../models/rimshot.h5"};
    char program[4096];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0) return NULL;
    program[n] = '\0';
    const char *folder = base_path_folder(arena, program);
    for (size_t i = 0; i < sizeof places / sizeof *places && folder != NULL; i++) {
        const char *path = base_path_join(arena, folder, places[i]);
        if (path != NULL && base_file_exists(path)) return path;
    }
    return NULL;
}

static const char *find_default(base_arena *arena) {
    const char *named = getenv("RIMSHOT_MODEL");
    return named != NULL && named[0] != '\0' ? named : find_installed(arena);
}

int cli_model_path(cli_call *call, const char **path) {
    *path = cli_text(call, "model");
    if (*path == NULL && names_model(call)) {
        *path = *call->arguments++;
        call->n_arguments--;
    }
    if (call->n_arguments < call->command->min_arguments) {
        return cli_usage("%s: too few arguments   (usage: rimshot %s %s)", call->command->name,
                         call->command->name, call->command->arguments);
    }
    if (*path == NULL) *path = find_default(&call->arena);
    if (*path != NULL && base_folder_exists(*path)) {
        *path = base_path_join(&call->arena, *path, "model.h5");
    }
    if (*path != NULL) return CLI_OK;
    return cli_usage("no model: name one (--model FILE or RIMSHOT_MODEL), none is installed");
}
