#include "cli/merge.h"

#include <string.h>

/* While flags are read: a class after joining may still be empty or unwanted. */
typedef struct {
    int n_from, n_names;
    const char **from;
    int *into;          /* [n_from] number of a name */
    const char **names; /* [at most 2 n_from] */
    bool *wanted;
} reading;

static int find(const char *const *names, int n, const char *name) {
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) return i;
    }
    return -1;
}

/* The next part of a text up to one of `ends`, in the arena; *at moves behind it. NULL: no memory.
 */
static const char *next_part(const char **at, const char *ends, base_arena *arena) {
    size_t n = strcspn(*at, ends);
    const char *part = base_arena_copy(arena, *at, n);
    *at += n;
    return part;
}

static int unknown_class(const char *flag, const char *name, const char *const *names, int n) {
    const char *near = base_nearest(name, names, n);
    if (near == NULL) return cli_usage("--%s: the model has no class '%s'", flag, name);
    return cli_usage("--%s: the model has no class '%s'; did you mean '%s'?", flag, name, near);
}

/* NAME=A+B at *at. `joined` marks the classes that are part of something already. */
static int read_join(cli_call *call, reading *r, bool *joined, const char **at) {
    const char *name = next_part(at, "=,", &call->arena);
    if (name == NULL) return cli_usage("--merge: out of memory");
    if (**at != '=' || name[0] == '\0') {
        return cli_usage("--merge: '%s' is not of the form NAME=CLASS+CLASS", name);
    }
    if (find(r->names + r->n_from, r->n_names - r->n_from, name) >= 0) {
        return cli_usage("--merge: '%s' is given twice", name);
    }
    int target = r->n_names;
    r->names[r->n_names++] = name;
    do {
        ++*at;
        const char *part = next_part(at, "+,", &call->arena);
        if (part == NULL) return cli_usage("--merge: out of memory");
        int c = find(r->from, r->n_from, part);
        if (c < 0) return unknown_class("merge", part, r->from, r->n_from);
        if (joined[c]) return cli_usage("--merge: class '%s' is given twice", part);
        joined[c] = true;
        r->into[c] = target;
    } while (**at == '+');
    return CLI_OK;
}

static int read_merge(cli_call *call, reading *r) {
    const char *at = cli_text(call, "merge");
    bool *joined = base_arena_alloc(&call->arena, (size_t)r->n_from, sizeof *joined);
    if (joined == NULL) return cli_usage("--merge: out of memory");
    for (int n = 0; at != NULL && n < r->n_from; n++) {
        int code = read_join(call, r, joined, &at);
        if (code != CLI_OK) return code;
        if (*at == '\0') break;
        at++;
    }
    for (int k = r->n_from; k < r->n_names; k++) { /* the name of a class that stays itself */
        int c = find(r->from, r->n_from, r->names[k]);
        if (c >= 0 && !joined[c]) {
            return cli_usage("--merge: class '%s' is there already and not part of it",
                             r->names[k]);
        }
    }
    return CLI_OK;
}

static bool is_used(const reading *r, int name) {
    for (int c = 0; c < r->n_from; c++) {
        if (r->into[c] == name) return true;
    }
    return false;
}

static int read_only(cli_call *call, reading *r) {
    const char *at = cli_text(call, "only");
    for (int k = 0; k < r->n_names; k++) r->wanted[k] = at == NULL && is_used(r, k);
    while (at != NULL) {
        const char *name = next_part(&at, ",", &call->arena);
        if (name == NULL) return cli_usage("--only: out of memory");
        int k = r->n_names - 1;
        while (k >= 0 && (strcmp(r->names[k], name) != 0 || !is_used(r, k))) k--;
        if (k < 0) return unknown_class("only", name, r->names, r->n_names);
        if (r->wanted[k]) return cli_usage("--only: class '%s' is given twice", name);
        r->wanted[k] = true;
        at = *at == ',' ? at + 1 : NULL;
    }
    return CLI_OK;
}

/* Joined classes stand where the first of their parts stood. */
static int put_in_order(cli_call *call, const reading *r, cli_merge *merge) {
    size_t n = (size_t)r->n_from;
    const char **classes = base_arena_alloc(&call->arena, n, sizeof *classes);
    int *into = base_arena_alloc(&call->arena, n, sizeof *into);
    if (classes == NULL || into == NULL) return cli_usage("--merge: out of memory");
    *merge = (cli_merge){.n_from = r->n_from, .from = r->from, .classes = classes, .into = into};
    merge->is_partial = cli_given(call, "only");
    for (int c = 0; c < r->n_from; c++) {
        const char *name = r->names[r->into[c]];
        into[c] = r->wanted[r->into[c]] ? find(classes, merge->n_classes, name) : -1;
        if (into[c] >= 0 || !r->wanted[r->into[c]]) continue;
        into[c] = merge->n_classes;
        classes[merge->n_classes++] = name;
    }
    return CLI_OK;
}

int cli_merge_read(cli_call *call, const infer_model *model, cli_merge *merge) {
    reading r = {.n_from = infer_model_n_classes(model)};
    size_t n = (size_t)r.n_from;
    r.from = base_arena_alloc(&call->arena, n, sizeof *r.from);
    r.into = base_arena_alloc(&call->arena, n, sizeof *r.into);
    r.names = base_arena_alloc(&call->arena, 2 * n, sizeof *r.names);
    r.wanted = base_arena_alloc(&call->arena, 2 * n, sizeof *r.wanted);
    if (r.from == NULL || r.into == NULL || r.names == NULL || r.wanted == NULL) {
        return cli_usage("--merge: out of memory");
    }
    for (int c = 0; c < r.n_from; c++) {
        r.from[c] = r.names[c] = infer_model_class(model, c);
        r.into[c] = c;
    }
    r.n_names = r.n_from;
    int code = read_merge(call, &r);
    if (code == CLI_OK) code = read_only(call, &r);
    return code == CLI_OK ? put_in_order(call, &r, merge) : code;
}

void cli_merge_apply(const cli_merge *merge, const float *from, float *into) {
    float sum = 0;
    for (int c = 0; c < merge->n_classes; c++) into[c] = 0;
    for (int c = 0; c < merge->n_from; c++) {
        if (merge->into[c] < 0) continue;
        into[merge->into[c]] += from[c];
        sum += from[c];
    }
    for (int c = 0; c < merge->n_classes && merge->is_partial && sum > 0; c++) into[c] /= sum;
}

int cli_merge_find(const cli_merge *merge, const char *name) {
    int k = find(merge->classes, merge->n_classes, name);
    if (k >= 0) return k;
    int c = find(merge->from, merge->n_from, name);
    return c >= 0 ? merge->into[c] : -1;
}
