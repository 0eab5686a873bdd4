#include <stdlib.h>
#include <string.h>

#include "cli/dataset.h"
#include "cli/tables.h"
#include "data/duplicates.h"

/* One group: rows[begin..end) sound the same. */
typedef struct {
    const data_row **rows;
    int64_t begin, end;
    bool conflict; /* they have two labels */
} copy_group;

static int compare_rows(const void *a, const void *b) {
    const data_row *x = *(const data_row *const *)a, *y = *(const data_row *const *)b;
    if (x->duplicate != y->duplicate) return x->duplicate < y->duplicate ? -1 : 1;
    return strcmp(x->path, y->path);
}

static const data_row **sort_copies(const data_manifest *manifest, base_arena *arena, int64_t *n) {
    const data_row **rows = base_arena_alloc(arena, (size_t)manifest->n_rows + 1, sizeof *rows);
    *n = 0;
    for (int64_t i = 0; rows != NULL && i < manifest->n_rows; i++) {
        if (manifest->rows[i].duplicate >= 0) rows[(*n)++] = &manifest->rows[i];
    }
    if (rows != NULL) qsort(rows, (size_t)*n, sizeof *rows, compare_rows);
    return rows;
}

/* The group that begins where `group` ended; false after the last. */
static bool next_group(copy_group *group, int64_t n) {
    const data_row **rows = group->rows;
    group->begin = group->end;
    group->conflict = false;
    for (; group->end < n && rows[group->end]->duplicate == rows[group->begin]->duplicate;
         group->end++) {
        group->conflict |= rows[group->end]->class_index != rows[group->begin]->class_index;
    }
    return group->begin < n;
}

static void add_text(const copy_group *group, const data_manifest *manifest, base_text *out) {
    base_text_printf(
        out, "group %lld, %lld clips%s\n", (long long)group->rows[group->begin]->duplicate,
        (long long)(group->end - group->begin), group->conflict ? ", with two labels" : "");
    for (int64_t i = group->begin; i < group->end; i++) {
        const data_row *row = group->rows[i];
        base_text_add(out, "  ");
        cli_pad(out, manifest->classes[row->class_index], 12, false);
        base_text_add(out, " ");
        base_text_add_shown(out, row->path);
        base_text_add(out, "\n");
    }
}

/* One object per line and group. */
static void add_json(const copy_group *group, const data_manifest *manifest, base_text *out) {
    base_text_printf(out, "{\"group\": %lld, \"conflict\": %s, \"clips\": [",
                     (long long)group->rows[group->begin]->duplicate,
                     group->conflict ? "true" : "false");
    for (int64_t i = group->begin; i < group->end; i++) {
        const data_row *row = group->rows[i];
        base_text_add(out, i > group->begin ? ", {\"class\": " : "{\"class\": ");
        base_text_add_json(out, manifest->classes[row->class_index]);
        base_text_add(out, ", \"path\": ");
        base_text_add_json_path(out, row->path);
        base_text_add(out, "}");
    }
    base_text_add(out, "]}\n");
}

static base_status show(cli_call *call, cli_dataset *set, double near, base_text *out,
                        base_error *err) {
    data_duplicates found;
    int64_t n;
    const data_duplicates_search search = {&set->clips, near, call->pool};
    BASE_TRY(data_duplicates_find(&search, &set->manifest, &found, err));
    copy_group group = {.rows = sort_copies(&set->manifest, &call->arena, &n)};
    if (group.rows == NULL) return base_fail(err, BASE_EMEMORY, "duplicates: out of memory");
    while (next_group(&group, n)) {
        if (call->json) add_json(&group, &set->manifest, out);
        if (!call->json) add_text(&group, &set->manifest, out);
    }
    if (call->json) return BASE_OK;
    base_text_printf(out, "%lld copies in %lld groups, %lld of them with two labels\n",
                     (long long)found.n_copies, (long long)found.n_groups,
                     (long long)found.n_conflicts);
    return BASE_OK;
}

static int run_duplicates(cli_call *call) {
    return cli_dataset_show(call, show);
}

static const cli_flag flags[] = {
    {"near", "COSINE", "count clips at least this similar as copies too (default 0: exact ones)"},
    CLI_FLAG_JSON,
    {0},
};

const cli_command cli_data_duplicates = {
    .name = "data duplicates",
    .arguments = CLI_DATASET_ARGUMENTS,
    .summary = "list the groups of copies in a data set",
    .description = CLI_DATASET_HELP CLI_DATASET_NO_LABELS
    "\n\nSounds are compared by content, not by name: trimmed, "
    "peak-normalised and quantised for exact copies, by "
    "spectral fingerprint for near ones (--near 0.98). With --json "
    "one object per line and group.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_duplicates,
};
