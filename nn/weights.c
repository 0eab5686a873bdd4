#include "nn/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *full_name(base_arena *arena, const char *prefix, const char *name) {
    return base_arena_printf(arena, "%s/%s", prefix, name);
}

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the weights");
}

static base_status write_all(nn_network *network, base_h5_writer *writer, const char *prefix,
                             base_arena *arena, base_error *err) {
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor tensor = nn_network_tensor(network, i);
        const char *name = full_name(arena, prefix, tensor.name);
        if (name == NULL) return no_memory(err);
        BASE_TRY(base_h5_put(writer, name, BASE_H5_F32, tensor.shape.rank, tensor.shape.dim,
                             tensor.data, err));
    }
    return BASE_OK;
}

base_status nn_weights_write(nn_network *network, base_h5_writer *writer, const char *prefix,
                             base_error *err) {
    base_arena arena = {0};
    base_status status = write_all(network, writer, prefix, &arena, err);
    base_arena_release(&arena);
    return status;
}

/* Reading first finds all faults, then reads. */
typedef struct {
    nn_network *network;
    base_h5_reader *reader;
    const char *prefix;
    base_arena arena;
    base_text faults;
} reading;

static void add_fault(reading *r, const char *what, const char *name, const char *detail) {
    base_text_printf(&r->faults, "%s%s %s%s", r->faults.size > 0 ? "; " : "", what, name, detail);
}

static base_status check_tensor(reading *r, nn_tensor tensor, const char *name, base_error *err) {
    if (!base_h5_has(r->reader, name)) {
        add_fault(r, "missing", name, "");
        return BASE_OK;
    }
    nn_shape shape = {0};
    int64_t dim[BASE_H5_MAX_RANK];
    BASE_TRY(base_h5_shape(r->reader, name, &shape.rank, dim, err));
    bool fits = shape.rank <= NN_MAX_RANK;
    if (fits) shape = nn_shape_make(shape.rank, dim);
    if (!fits || !nn_shape_equal(shape, tensor.shape)) {
        char stored[64] = "more extents", wanted[64], detail[160];
        if (fits) nn_shape_text(shape, false, stored);
        snprintf(detail, sizeof detail, " is %s, the network needs %s", stored,
                 nn_shape_text(tensor.shape, false, wanted));
        add_fault(r, "the shape of", name, detail);
    }
    return BASE_OK;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names in the file that are no tensor's, `known` being all that are. */
static base_status add_unknown(reading *r, const char **names, int64_t n, const char **known,
                               base_error *err) {
    enum { MOST_BYTES = 1 << 12 }; /* of text: a list, not a book */
    size_t n_known = (size_t)nn_network_n_tensors(r->network);
    for (size_t i = 0; i < n_known; i++) known[i] = nn_network_tensor(r->network, (int)i).name;
    qsort(known, n_known, sizeof *known, compare_names);
    for (int64_t i = 0; i < n && r->faults.size < MOST_BYTES; i++) {
        if (bsearch(&names[i], known, n_known, sizeof *known, compare_names) != NULL) continue;
        const char *name = full_name(&r->arena, r->prefix, names[i]);
        if (name == NULL) return no_memory(err);
        add_fault(r, "unknown", name, "");
    }
    return BASE_OK;
}

static base_status check_names(reading *r, base_error *err) {
    const char **names = NULL;
    int64_t n = 0;
    size_t n_tensors = (size_t)nn_network_n_tensors(r->network);
    bool empty = n_tensors == 0 && !base_h5_has(r->reader, r->prefix);
    if (empty) return BASE_OK; /* a group without tensors is not written */
    BASE_TRY(base_h5_list(r->reader, r->prefix, &r->arena, &names, &n, err));
    const char **known = base_arena_alloc(&r->arena, n_tensors + 1, sizeof *known);
    return known != NULL ? add_unknown(r, names, n, known, err) : no_memory(err);
}

static base_status check_all(reading *r, base_error *err) {
    for (int i = 0; i < nn_network_n_tensors(r->network); i++) {
        nn_tensor tensor = nn_network_tensor(r->network, i);
        const char *name = full_name(&r->arena, r->prefix, tensor.name);
        if (name == NULL) return no_memory(err);
        BASE_TRY(check_tensor(r, tensor, name, err));
    }
    BASE_TRY(check_names(r, err));
    if (r->faults.failed) return no_memory(err);
    if (r->faults.size == 0) return BASE_OK;
    return base_fail(err, BASE_ESHAPE, "%s: the weights do not fit the network: %s",
                     base_h5_reader_path(r->reader), base_text_string(&r->faults));
}

/* Everything is found to be there before the first number is read. */
static base_status read_all(reading *r, base_error *err) {
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < nn_network_n_tensors(r->network); i++) {
            nn_tensor tensor = nn_network_tensor(r->network, i);
            int64_t n = nn_shape_count(tensor.shape);
            const char *name = full_name(&r->arena, r->prefix, tensor.name);
            if (name == NULL) return no_memory(err);
            BASE_TRY(pass == 0 ? base_h5_expect(r->reader, name, BASE_H5_F32, n, err)
                               : base_h5_get(r->reader, name, BASE_H5_F32, n, tensor.data, err));
        }
    }
    return BASE_OK;
}

base_status nn_weights_read(nn_network *network, base_h5_reader *reader, const char *prefix,
                            base_error *err) {
    reading r = {.network = network, .reader = reader, .prefix = prefix};
    base_status status = check_all(&r, err);
    if (status == BASE_OK) status = read_all(&r, err);
    base_text_release(&r.faults);
    base_arena_release(&r.arena);
    return status;
}
