#include "infer/import/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const infer_tensors *tensors;
    infer_import_options options;
    nn_network *network;
    const char **renamed;        /* [tensors->n] NULL: left out */
    const infer_tensor **source; /* [n_tensors of the network] */
    infer_import_report *report;
    int64_t n_faults;
    base_arena arena;
} importing;

static void add_fault(importing *in, const char *what, const char *name, const char *detail) {
    base_text *faults = &in->report->faults;
    base_text_printf(faults, "%s: ", what);
    base_text_add_shown(faults, name);
    base_text_add_shown(faults, detail);
    base_text_add(faults, "\n");
    in->n_faults++;
}

/* ---- names ---- */

/* The tensor's name without the prefix; NULL if it lies elsewhere. */
static const char *name_within(const importing *in, size_t i) {
    const char *name = in->tensors->items[i].name, *prefix = in->options.prefix;
    if (prefix == NULL || prefix[0] == '\0') return name;
    if (!nn_path_is_within(name, prefix)) return NULL;
    name += strlen(prefix);
    return name[0] == '.' ? name + 1 : name;
}

/* The entry of the map for the longest run of leading parts; *n: its length. */
static const base_node *find_entry(const importing *in, const char *name, size_t *n) {
    const base_node *names = in->options.names;
    for (*n = strlen(name); names != NULL && *n > 0; (*n)--) {
        if (name[*n] != '\0' && name[*n] != '.') continue;
        for (const base_node *entry = names->child; entry != NULL; entry = entry->next) {
            if (strlen(entry->key) == *n && strncmp(entry->key, name, *n) == 0) return entry;
        }
    }
    return NULL;
}

static base_status rename_tensor(importing *in, size_t i, base_error *err) {
    const char *name = name_within(in, i);
    size_t n;
    in->renamed[i] = name;
    if (name == NULL) return BASE_OK;
    const base_node *entry = find_entry(in, name, &n);
    if (entry == NULL) return BASE_OK;
    in->renamed[i] = NULL;
    if (base_node_is_null(entry)) return BASE_OK;
    const char *rest = name + n;
    if (entry->text[0] == '\0' && *rest == '.') rest++;
    in->renamed[i] = base_arena_printf(&in->arena, "%s%s", entry->text, rest);
    return in->renamed[i] != NULL ? BASE_OK : base_fail(err, BASE_EMEMORY, "import: out of memory");
}

static base_status check_names(importing *in, base_error *err) {
    const base_node *names = in->options.names;
    if (names == NULL) return BASE_OK;
    if (names->kind != BASE_NODE_MAP) {
        return base_node_fail(names, err, BASE_ECONFIG, "a map of names is needed");
    }
    for (const base_node *entry = names->child; entry != NULL; entry = entry->next) {
        if (entry->kind != BASE_NODE_SCALAR) {
            return base_node_fail(entry, err, BASE_ECONFIG, "a name or ~ is needed");
        }
        bool used = base_node_is_null(entry);
        size_t n;
        for (size_t i = 0; !used && i < in->tensors->n; i++) {
            const char *name = name_within(in, i);
            used = name != NULL && find_entry(in, name, &n) == entry;
        }
        if (!used) add_fault(in, "names nothing in the file", entry->key, "");
    }
    return BASE_OK;
}

/* ---- shapes ---- */

static bool fits(const infer_tensor *tensor, nn_shape shape) {
    if (infer_tensor_count(tensor) == 1 && nn_shape_count(shape) == 1 && tensor->rank <= 1) {
        return shape.rank <= 1;
    }
    if (tensor->rank != shape.rank) return false;
    return memcmp(tensor->dim, shape.dim, (size_t)shape.rank * sizeof *shape.dim) == 0;
}

static int find_target(const importing *in, const char *name) {
    for (int i = 0; i < nn_network_n_tensors(in->network); i++) {
        if (strcmp(nn_network_tensor(in->network, i).name, name) == 0) return i;
    }
    return -1;
}

static base_status check_finite(importing *in, const infer_tensor *tensor, base_error *err) {
    int64_t n = infer_tensor_count(tensor);
    float *numbers = base_alloc((size_t)n + 1, sizeof *numbers);
    if (numbers == NULL) return base_fail(err, BASE_EMEMORY, "import: out of memory");
    infer_tensor_floats(tensor, numbers);
    int64_t i = 0;
    while (i < n && isfinite(numbers[i])) i++;
    if (i < n) add_fault(in, "not finite", tensor->name, "");
    base_free(numbers);
    return BASE_OK;
}

static bool is_wanted(const importing *in, const char *name) {
    base_strings only = in->options.only;
    bool wanted = only.n == 0;
    for (int i = 0; i < only.n && !wanted; i++) wanted = nn_path_is_within(name, only.items[i]);
    return wanted;
}

static base_status place_tensor(importing *in, size_t i, base_error *err) {
    const infer_tensor *tensor = &in->tensors->items[i];
    if (in->renamed[i] == NULL || !is_wanted(in, in->renamed[i])) return BASE_OK;
    int target = find_target(in, in->renamed[i]);
    char stored[160], wanted[64], detail[300] = "";
    if (strcmp(in->renamed[i], tensor->name) != 0) {
        snprintf(detail, sizeof detail, " (as %.200s)", in->renamed[i]);
    }
    if (target < 0) {
        if (!in->options.partial) add_fault(in, "not in the network", tensor->name, detail);
        return BASE_OK;
    }
    nn_shape shape = nn_network_tensor(in->network, target).shape;
    if (in->source[target] != NULL) {
        add_fault(in, "given twice", tensor->name, detail);
    } else if (!fits(tensor, shape)) {
        snprintf(detail, sizeof detail, " is %s, the network needs %s",
                 infer_tensor_shape(tensor, stored), nn_shape_text(shape, false, wanted));
        add_fault(in, "another shape", tensor->name, detail);
    } else {
        BASE_TRY(check_finite(in, tensor, err));
    }
    in->source[target] = tensor;
    return BASE_OK;
}

/* Whether any tensor of this one's layer is to be set. */
static bool layer_is_taken(const importing *in, const char *name) {
    size_t n = (size_t)(strrchr(name, '.') - name) + 1;
    for (int i = 0; i < nn_network_n_tensors(in->network); i++) {
        const char *other = nn_network_tensor(in->network, i).name;
        bool same = strncmp(other, name, n) == 0 && strchr(other + n, '.') == NULL;
        if (same && in->source[i] != NULL) return true;
    }
    return false;
}

static bool is_kept(const importing *in, const char *name) {
    base_strings keep = in->options.keep;
    bool kept = infer_tensor_is_counter(name);
    for (int i = 0; i < keep.n && !kept; i++) kept = nn_path_is_within(name, keep.items[i]);
    return kept;
}

static void check_missing(importing *in) {
    for (int i = 0; i < nn_network_n_tensors(in->network); i++) {
        const char *name = nn_network_tensor(in->network, i).name;
        bool needed = in->options.whole ? !is_kept(in, name) : !infer_tensor_is_counter(name);
        if (in->source[i] != NULL || !needed) continue;
        if (in->options.whole || layer_is_taken(in, name)) add_fault(in, "missing", name, "");
    }
}

static void check_keep(importing *in) {
    for (int i = 0; i < in->options.keep.n; i++) {
        const char *layer = in->options.keep.items[i];
        bool found = false;
        for (int t = 0; t < nn_network_n_tensors(in->network) && !found; t++) {
            found = nn_path_is_within(nn_network_tensor(in->network, t).name, layer);
        }
        if (!found) add_fault(in, "to keep, but not in the network", layer, "");
    }
}

static void check_only(importing *in) {
    for (int i = 0; i < in->options.only.n; i++) {
        const char *layer = in->options.only.items[i];
        bool found = false;
        for (int t = 0; t < nn_network_n_tensors(in->network) && !found; t++) {
            found = in->source[t] != NULL &&
                    nn_path_is_within(nn_network_tensor(in->network, t).name, layer);
        }
        if (!found) add_fault(in, "nothing to take for", layer, "");
    }
}

static base_status check_all(importing *in, base_error *err) {
    BASE_TRY(check_names(in, err));
    for (size_t i = 0; i < in->tensors->n; i++) {
        BASE_TRY(rename_tensor(in, i, err));
        BASE_TRY(place_tensor(in, i, err));
    }
    check_missing(in);
    check_keep(in);
    check_only(in);
    if (in->n_faults == 0) return BASE_OK;
    return base_fail(err, BASE_ESHAPE, "the weights do not fit the network in %lld places",
                     (long long)in->n_faults);
}

base_status infer_import_weights(const infer_tensors *tensors, const infer_import_options *options,
                                 nn_network *network, infer_import_report *report,
                                 base_error *err) {
    int n = nn_network_n_tensors(network);
    importing in = {.tensors = tensors, .options = *options, .network = network, .report = report};
    in.renamed = base_arena_alloc(&in.arena, tensors->n + 1, sizeof *in.renamed);
    in.source = base_arena_alloc(&in.arena, (size_t)n + 1, sizeof *in.source);
    base_status status = in.renamed != NULL && in.source != NULL
                             ? check_all(&in, err)
                             : base_fail(err, BASE_EMEMORY, "import: out of memory");
    for (int i = 0; status == BASE_OK && i < n; i++) {
        if (in.source[i] == NULL) continue;
        infer_tensor_floats(in.source[i], nn_network_tensor(network, i).data);
        report->n_taken++;
    }
    base_arena_release(&in.arena);
    return status;
}
