#include "cli/library.h"
#include "cli/model.h"

/* How many sounds each class has; the unknown stand last. */
static void count_classes(const library_index *index, int64_t *count) {
    for (int64_t i = 0; i < index->n; i++) {
        const library_entry *e = &index->entries[i];
        if (e->error == NULL) count[e->best >= 0 ? e->best : index->n_classes]++;
    }
}

static const char *class_at(const library_index *index, int c) {
    return c < index->n_classes ? index->classes[c] : "unknown";
}

static void add_counts(const library_index *index, const int64_t *count, base_text *out) {
    base_text_add(out, " ");
    for (int c = 0; c <= index->n_classes; c++) {
        char number[32];
        if (count[c] == 0) continue;
        base_text_printf(out, " %s ", base_thousands(count[c], number));
        cli_add_name("", class_at(index, c), " ", out);
    }
    base_text_add(out, "\n");
}

static void add_change(int64_t n, const char *what, const char *before, base_text *out) {
    char number[32];
    if (n > 0) base_text_printf(out, "%s%s %s", before, base_thousands(n, number), what);
}

static void add_text(const cli_library *library, const int64_t *count, base_text *out) {
    const library_changes *changes = &library->changes;
    char n[32];
    base_text_printf(out, "%s sounds in ", base_thousands(library->index.n, n));
    cli_add_name("", library->path, ":", out);
    add_change(changes->n_heard, "heard", " ", out);
    add_change(changes->n_known, "moved or copied", changes->n_heard > 0 ? ", " : " ", out);
    bool any = changes->n_heard + changes->n_known > 0;
    add_change(changes->n_kept, "unchanged", any ? ", " : " ", out);
    add_change(changes->n_removed, "no longer there", ", ", out);
    add_change(changes->n_failed, "not readable", ", ", out);
    base_text_add(out, "\n");
    add_counts(&library->index, count, out);
}

static void add_json(cli_library *library, const int64_t *count, base_text *out) {
    const library_changes *changes = &library->changes;
    const library_index *index = &library->index;
    base_text_add(out, "{\"index\": ");
    base_text_add_json_path(out, library->path);
    base_text_printf(out,
                     ", \"sounds\": %lld, \"heard\": %lld, \"known\": %lld, \"unchanged\": %lld, "
                     "\"removed\": %lld, \"classes\": {",
                     (long long)index->n, (long long)changes->n_heard, (long long)changes->n_known,
                     (long long)changes->n_kept, (long long)changes->n_removed);
    for (int c = 0; c <= index->n_classes; c++) {
        if (c > 0) base_text_add(out, ", ");
        base_text_add_json(out, class_at(index, c));
        base_text_printf(out, ": %lld", (long long)count[c]);
    }
    base_text_add(out, "}, ");
    cli_library_add_json(library, out);
    base_text_add(out, "}\n");
}

static int tell(cli_library *library) {
    const library_index *index = &library->index;
    base_text out = {0};
    int64_t *count =
        base_arena_alloc(&library->call->arena, (size_t)index->n_classes + 1, sizeof *count);
    if (count == NULL) return cli_usage("out of memory");
    count_classes(index, count);
    if (library->call->json) {
        add_json(library, count, &out);
    } else if (!library->call->quiet) {
        add_text(library, count, &out);
    }
    return cli_print_release(&out);
}

static int run_index(cli_call *call) {
    cli_library library = {.call = call};
    base_error err;
    const char *csv = cli_text(call, "csv");
    int code = cli_library_open_model(&library);
    if (code == CLI_OK) code = cli_library_update(&library, "out");
    if (code == CLI_OK && csv != NULL &&
        library_index_write_csv(&library.index, csv, &err) != BASE_OK) {
        code = cli_fail(&err);
    }
    if (code == CLI_OK) code = tell(&library);
    cli_library_release(&library);
    return code == CLI_OK && call->n_unread > 0 ? CLI_FAILED : code;
}

static const cli_flag flags[] = {
    CLI_FLAG_MODEL,
    {"out", "FILE", "the index (default: " LIBRARY_INDEX_NAME " in the folder)"},
    {"csv", "FILE", "the same as a table: class, confidence, pitch, loudness, length, content"},
    {"rebuild", NULL, "listen to everything again, as another model needs"},
    CLI_FLAG_JSON,
    {0},
};

const cli_command cli_index = {
    .name = "index",
    .arguments = "[MODEL] PATH...",
    .summary = "listen to a library of sounds and keep what was heard",
    .description = CLI_LIBRARY_PATHS
    "\n\nThe index holds each sound's class, the probabilities, the embedding, pitch, loudness, "
    "length and a digest of its content. similar and map work on it. Called again, it listens "
    "to what is new or has changed; files that were moved or copied are known by their bytes. "
    "Interrupted, it keeps what it has heard, and the next call goes on.\n\n"
    "A file that cannot be read is named on standard error and marked in the index, and the "
    "exit code is 1. Kinds of files that are never read, such as .m4a, are named and "
    "skipped.\n\n" CLI_MODEL_HELP,
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_index,
};
