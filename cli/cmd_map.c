#include <string.h>
#include <strings.h>

#include "cli/library.h"
#include "cli/model.h"
#include "infer/library/map.h"

/* What is to be written. */
typedef struct {
    const char *paths[3];
    int n;
} outputs;

/* One file by its ending, or all three of a name. */
static int find_outputs(cli_call *call, outputs *all) {
    static const char *const endings[] = {"html", "svg", "csv"};
    const char *name = cli_text(call, "out");
    base_error err;
    if (name == NULL) name = "map";
    if (base_path_extension(name)[0] != '\0') {
        if (library_map_check(name, &err) != BASE_OK) return cli_fail(&err);
        all->paths[all->n++] = name;
        return CLI_OK;
    }
    for (; all->n < 3; all->n++) {
        all->paths[all->n] = base_arena_printf(&call->arena, "%s.%s", name, endings[all->n]);
        if (all->paths[all->n] == NULL) return cli_usage("out of memory");
    }
    return CLI_OK;
}

static bool tell_progress(void *context, const char *what, int64_t done, int64_t total) {
    cli_library *library = context;
    return cli_progress_data(&library->progress, what, done, total);
}

static int tell(cli_library *library, const library_map *map, const outputs *all) {
    base_text out = {0};
    char number[32];
    if (library->call->json) {
        base_text_printf(&out, "{\"sounds\": %lld, \"files\": [", (long long)map->n);
        for (int i = 0; i < all->n; i++) {
            base_text_add(&out, i > 0 ? ", " : "");
            base_text_add_json_path(&out, all->paths[i]);
        }
        base_text_add(&out, "], ");
        cli_library_add_json(library, &out);
        base_text_add(&out, "}\n");
    } else if (!library->call->quiet) {
        base_text_printf(&out, "%s sounds in", base_thousands(map->n, number));
        for (int i = 0; i < all->n; i++) cli_add_name(" ", all->paths[i], "", &out);
        base_text_add(&out, "\n");
    }
    return cli_print_release(&out);
}

static int make_map(cli_library *library, const outputs *all, const library_map_job *job) {
    base_error err;
    library_map map;
    base_status status = library_map_make(job, &map, &err);
    for (int i = 0; status == BASE_OK && i < all->n; i++) {
        status = library_map_write(&map, all->paths[i], cli_given(library->call, "inline"), &err);
    }
    cli_progress_clear(&library->progress);
    int code = status == BASE_OK ? tell(library, &map, all) : cli_fail(&err);
    library_map_release(&map);
    return code;
}

static int open_library(cli_library *library) {
    const char *path = cli_text(library->call, "index");
    int code = cli_library_open_model(library);
    if (code != CLI_OK) return code;
    if (library->call->n_arguments > 0) return cli_library_update(library, "index");
    if (path == NULL) return cli_usage("map: name the sounds: a FOLDER, or --index FILE");
    return cli_library_read(library, path);
}

static int run_map(cli_call *call) {
    cli_library library = {.call = call};
    outputs all = {0};
    int64_t seed = 1;
    double perplexity = 30;
    if (!cli_int(call, "seed", 0, INT64_MAX, &seed) ||
        !cli_number(call, "perplexity", 2, 200, &perplexity)) {
        return CLI_USAGE;
    }
    int code = find_outputs(call, &all);
    if (code == CLI_OK) code = open_library(&library);
    if (code == CLI_OK) {
        const library_map_job job = {.index = &library.index,
                                     .path = library.path,
                                     .perplexity = perplexity,
                                     .seed = (uint64_t)seed,
                                     .pool = call->pool,
                                     .progress = tell_progress,
                                     .context = &library};
        code = make_map(&library, &all, &job);
    }
    cli_library_release(&library);
    return code == CLI_OK && call->n_unread > 0 ? CLI_FAILED : code;
}

static const cli_flag flags[] = {
    CLI_FLAG_MODEL,
    {"out", "NAME", "NAME.html, NAME.svg or NAME.csv; without an ending all three (default map)"},
    {"index", "FILE",
     "the index: brought up to date if sounds are named, else taken as it is (default: " //
     LIBRARY_INDEX_NAME " in the folder)"},
    {"inline", NULL, "put the sounds into the page, up to 64 MiB of them"},
    {"perplexity", "P", "how many neighbours count (default 30)"},
    {"seed", "N", "of the places that the points start from (default 1)"},
    CLI_FLAG_JSON,
    {0},
};

const cli_command cli_map = {
    .name = "map",
    .arguments = "[MODEL] [PATH...]",
    .summary = "draw the sounds of a library as a map on which near ones sound alike",
    .description = CLI_LIBRARY_PATHS
    "\n\nEach sound is a bubble, placed by t-SNE on the embeddings: colour by class, size by "
    "loudness. The page plays a sound on a click or on hover, finds names, filters by class, "
    "length and pitch, and saves what is selected as a list. It needs no network and no "
    "server; sounds are played from where they lie, so keep the page in its place beside "
    "them, or put them into it with --inline. The picture and the table are of the same "
    "places.\n\n"
    "The index is kept as by rimshot index. The same index and seed give the same map.\n\n" //
    CLI_MODEL_HELP,
    .flags = flags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_map,
};
