#include "infer/import_weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const infer_tensors *tensors;
    const base_node *names;
    nn_network *network;
    const char **renamed;        /* [tensors->n] NULL: left out */
    const infer_tensor **source; /* [n_tensors of the network] */
    base_text *faults;
    int64_t n_faults;
    base_arena arena;
} import;

static void add_fault(import *in, const char *what, const char *name, const char *detail) {
    base_text_printf(in->faults, "%s: %s%s\n", what, name, detail);
    in->n_faults++;
}

/* ---- names ---- */

/* The entry of the map for the longest run of leading parts; *n: its length. */
static const base_node *find_entry(const import *in, const char *name, size_t *n) {
    for (*n = strlen(name); in->names != NULL && *n > 0; (*n)--) {
        if (name[*n] != '\0' && name[*n] != '.') continue;
        for (const base_node *entry = in->names->child; entry != NULL; entry = entry->next) {
            if (strlen(entry->key) == *n && strncmp(entry->key, name, *n) == 0) return entry;
        }
    }
    return NULL;
}

static base_status rename_tensor(import *in, size_t i, base_error *err) {
    const char *name = in->tensors->items[i].name;
    size_t n;
    const base_node *entry = find_entry(in, name, &n);
    in->renamed[i] = name;
    if (entry == NULL) return BASE_OK;
    in->renamed[i] = NULL;
    if (base_node_is_null(entry)) return BASE_OK;
    const char *rest = name + n;
    if (entry->text[0] == '\0' && *rest == '.') rest++;
    in->renamed[i] = base_arena_printf(&in->arena, "%s%s", entry->text, rest);
    return in->renamed[i] != NULL ? BASE_OK : base_fail(err, BASE_EMEMORY, "import: out of memory");
}

static base_status check_names(import *in, base_error *err) {
    if (in->names == NULL) return BASE_OK;
    if (in->names->kind != BASE_NODE_MAP) {
        return base_node_fail(in->names, err, BASE_ECONFIG, "a map of names is needed");
    }
    for (const base_node *entry = in->names->child; entry != NULL; entry = entry->next) {
        if (entry->kind != BASE_NODE_SCALAR) {
            return base_node_fail(entry, err, BASE_ECONFIG, "a name or ~ is needed");
        }
        bool used = false;
        size_t n;
        for (size_t i = 0; !used && i < in->tensors->n; i++) {
            used = find_entry(in, in->tensors->items[i].name, &n) == entry;
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

static int find_target(const import *in, const char *name) {
    for (int i = 0; i < nn_network_n_tensors(in->network); i++) {
        if (strcmp(nn_network_tensor(in->network, i).name, name) == 0) return i;
    }
    return -1;
}

static base_status check_finite(import *in, const infer_tensor *tensor, base_error *err) {
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

static base_status place_tensor(import *in, size_t i, base_error *err) {
    const infer_tensor *tensor = &in->tensors->items[i];
    if (in->renamed[i] == NULL) return BASE_OK;
    int target = find_target(in, in->renamed[i]);
    char stored[160], wanted[64], detail[300] = "";
    if (strcmp(in->renamed[i], tensor->name) != 0) {
        snprintf(detail, sizeof detail, " (as %.200s)", in->renamed[i]);
    }
    if (target < 0) {
        add_fault(in, "not in the network", tensor->name, detail);
        return BASE_OK;
    }
    nn_shape shape = nn_network_tensor(in->network, target).shape;
    if (in->source[target] != NULL) {
        add_fault(in, "a second tensor of one name", tensor->name, detail);
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

static base_status check_all(import *in, base_error *err) {
    BASE_TRY(check_names(in, err));
    for (size_t i = 0; i < in->tensors->n; i++) {
        BASE_TRY(rename_tensor(in, i, err));
        BASE_TRY(place_tensor(in, i, err));
    }
    for (int i = 0; i < nn_network_n_tensors(in->network); i++) {
        if (in->source[i] == NULL) {
            add_fault(in, "missing", nn_network_tensor(in->network, i).name, "");
        }
    }
    if (in->n_faults == 0) return BASE_OK;
    return base_fail(err, BASE_ESHAPE, "the weights do not fit the network in %lld places",
                     (long long)in->n_faults);
}

base_status infer_import_weights(const infer_tensors *tensors, const base_node *names,
                                 nn_network *network, base_text *faults, base_error *err) {
import in = {.tensors = tensors, .names = names, .network = network, .faults = faults };
    int n = nn_network_n_tensors(network);
    in.renamed = base_arena_alloc(&in.arena, tensors->n + 1, sizeof *in.renamed);
    in.source = base_arena_alloc(&in.arena, (size_t)n + 1, sizeof *in.source);
    base_status status = in.renamed != NULL && in.source != NULL
                             ? check_all(&in, err)
                             : base_fail(err, BASE_EMEMORY, "import: out of memory");
    for (int i = 0; status == BASE_OK && i < n; i++) {
        infer_tensor_floats(in.source[i], nn_network_tensor(network, i).data);
    }
    base_arena_release(&in.arena);
    return status;
}
