/* What is fused into what, and where every buffer lies.
 *
 * Buffers that one allocation holds are placed by lifetime on one time line: node k runs forward at
 * time k, the caller looks at the output at time n, node k runs backward at time 2 n - k. A buffer
 * takes the lowest place that is free from its birth to its death. */
#include <stdlib.h>
#include <string.h>

#include "nn/kernels/extent.h"
#include "nn/network_internal.h"

#define MAX_FLOATS ((int64_t)1 << 42) /* of one buffer: sums of all of them cannot overflow */

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the network's plan");
}

/* ---- fusion ---- */

/* The node that follows this one and those fused into it, if it is their only reader; else NULL. */
static nn__node *only_reader(const nn_network *network, const int *n_readers,
                             const nn__node *node) {
    if (node->out >= network->n_nodes || node->out == network->top[1]) return NULL;
    nn__node *other = &network->nodes[node->out];
    bool alone = n_readers[node->out] == 1 && other->plan.n_in == 1 && other->in[0] == node->out;
    return alone ? other : NULL;
}

static void take_over(nn__node *node, nn__node *other) {
    BASE_CHECK(nn_shape_equal(node->plan.out, other->plan.out));
    other->is_fused = true;
    node->out = other->out;
}

static bool try_fuse(const nn_network *network, const int *n_readers, nn__node *node) {
    nn__node *other = only_reader(network, n_readers, node);
    if (other == NULL || other->plan.n_tensors > 0) return false;
    bool is_idle = other->plan.layer->idle_in_inference && !other->plan.training;
    if (!is_idle && !nn_layer_fuse(&node->plan, other->plan.layer, other->plan.options)) {
        return false;
    }
    take_over(node, other);
    return true;
}

/* Fuses a normalisation, into which its own successors have been fused before. */
static void try_fuse_norm(const nn_network *network, const int *n_readers, nn__node *node) {
    nn__node *other = only_reader(network, n_readers, node);
    if (other == NULL || !nn_layer_fuse_norm(&node->plan, &other->plan)) return;
    node->norm = (int)(other - network->nodes);
    take_over(node, other);
}

static base_status fuse_layers(nn_network *network, base_error *err) {
    int *n_readers =
        base_arena_alloc(&network->arena, (size_t)network->n_nodes + 1, sizeof *n_readers);
    if (n_readers == NULL) return no_memory(err);
    for (int k = 0; k < network->n_nodes; k++) {
        const nn__node *node = &network->nodes[k];
        for (int i = 0; i < node->plan.n_in; i++) n_readers[node->in[i]]++;
    }
    for (int k = 0; k < network->n_nodes && !network->config.keep_order; k++) {
        nn__node *node = &network->nodes[k];
        if (node->is_fused) continue;
        while (try_fuse(network, n_readers, node)) continue;
    }
    for (int k = 0; k < network->n_nodes && !network->config.keep_order; k++) {
        nn__node *node = &network->nodes[k];
        if (!node->is_fused) try_fuse_norm(network, n_readers, node);
    }
    return BASE_OK;
}

/* Those between node k and its value are fused into it. */
static base_status name_fused(nn_network *network, int k, base_error *err) {
    nn__node *node = &network->nodes[k];
    for (int i = k + 1; i < node->out; i++) {
        node->fused_text =
            base_arena_printf(&network->arena, "%s%s%s", node->fused_text, i > k + 1 ? ", " : "",
                              network->nodes[i].plan.layer->variant.name);
        if (node->fused_text == NULL) return no_memory(err);
    }
    return BASE_OK;
}

static base_status list_rows(nn_network *network, base_error *err) {
    network->rows =
        base_arena_alloc(&network->arena, (size_t)network->n_nodes, sizeof *network->rows);
    if (network->rows == NULL) return no_memory(err);
    for (int k = 0; k < network->n_nodes; k++) {
        if (network->nodes[k].is_fused) continue;
        BASE_TRY(name_fused(network, k, err));
        network->rows[network->n_rows++] = k;
    }
    return BASE_OK;
}

/* ---- values ---- */

static base_status list_values(nn_network *network, base_error *err) {
    network->values =
        base_arena_alloc(&network->arena, (size_t)network->n_nodes + 1, sizeof *network->values);
    if (network->values == NULL) return no_memory(err);
    network->values[0] = (nn__value){
        .shape = network->config.input, .exists = true, .wants_grad = network->config.input_grad};
    for (int r = 0; r < network->n_rows; r++) {
        nn__node *node = &network->nodes[network->rows[r]];
        node->runs_backward = network->config.training && node->wants_grad;
        network->values[node->out] =
            (nn__value){.shape = node->plan.out, .exists = true, .wants_grad = node->wants_grad};
    }
    return BASE_OK;
}

/* Whether a node's output is read after the forward pass by anything but its reader: by the caller,
 * or by the node's own backward. */
static bool is_looked_at(const nn_network *network, const nn__node *node) {
    bool found = node->out == network->n_nodes || node->plan.backward_reads & NN_READS_Y;
    for (int i = 0; i < NN__KEPT; i++) found = found || network->top[i] == node->out;
    return found;
}

static void find_padding(nn_network *network) {
    for (int r = 0; r < network->n_rows; r++) {
        const nn__node *reader = &network->nodes[network->rows[r]];
        for (int i = 0; i < reader->plan.n_in; i++) {
            nn__value *value = &network->values[reader->in[i]];
            value->keeps_padding = value->n_readers++ == 0 && reader->plan.layer->passes_padding;
        }
    }
    for (int r = 0; r < network->n_rows; r++) {
        const nn__node *node = &network->nodes[network->rows[r]];
        if (is_looked_at(network, node)) network->values[node->out].keeps_padding = false;
    }
}

/* ---- ranks that share a batch ---- */

/* What reads whole values alone is not worth cutting: its output would have to be gathered. */
static bool reads_whole_values(const nn_network *network, const nn__node *node) {
    for (int i = 0; i < node->plan.n_in; i++) {
        if (!network->values[node->in[i]].is_whole) return false;
    }
    return true;
}

static void find_whole(nn_network *network) {
    for (int r = 0; r < network->n_rows; r++) {
        nn__node *node = &network->nodes[network->rows[r]];
        int batch = node->plan.layer->batch;
        node->whole_forward = batch == NN_WHOLE || reads_whole_values(network, node);
        node->whole_backward = batch != NN_CUT || node->whole_forward;
        network->values[node->out].is_whole = node->whole_forward;
        network->values[node->out].dy_is_whole = true;
    }
    for (int r = 0; r < network->n_rows; r++) {
        const nn__node *node = &network->nodes[network->rows[r]];
        for (int i = 0; i < node->plan.n_in && node->runs_backward; i++) {
            if (!node->whole_backward) network->values[node->in[i]].dy_is_whole = false;
        }
    }
}

static base_status make_exchange(nn_network *network, base_error *err) {
    int64_t n_floats = 0;
    for (int r = 0; r < network->n_rows; r++) {
        const nn__node *node = &network->nodes[network->rows[r]];
        if (!node->whole_backward) n_floats += node->plan.n_sums;
    }
    const nn_network_config *config = &network->config;
    network->exchange = nn_exchange_new(config->ranks, config->pool, config->n_shards, n_floats);
    return network->exchange != NULL ? BASE_OK : no_memory(err);
}

/* ---- buffers ---- */

typedef struct {
    int64_t n; /* floats */
    int birth, death;
    int64_t at;
    size_t number; /* in order of addition */
    float **owner; /* where the address goes */
} buffer;

typedef struct {
    nn_network *network;
    buffer *buffers;
    size_t n, capacity;
    base_error *err;
} placement;

static base_status too_large(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "the network needs more memory than can be counted");
}

static base_status add_buffer(placement *p, int64_t n, int birth, int death, float **owner) {
    if (n == 0) return BASE_OK;
    if (n < 0 || n > MAX_FLOATS) return too_large(p->err);
    if (!base_grow((void **)&p->buffers, &p->capacity, p->n + 1, sizeof *p->buffers)) {
        return no_memory(p->err);
    }
    p->buffers[p->n] = (buffer){
        .n = nn_whole_lines(n), .birth = birth, .death = death, .number = p->n, .owner = owner};
    p->n++;
    return BASE_OK;
}

static base_status add_value_buffer(placement *p, int value, int birth, int death, float **owner) {
    int64_t n;
    const nn_network *network = p->network;
    if (!base_mul(nn_shape_count(network->values[value].shape), network->config.max_batch, &n)) {
        return too_large(p->err);
    }
    return add_buffer(p, n, birth, death, owner);
}

static int backward_time(const nn_network *network, int k) {
    return 2 * network->n_nodes - k;
}

static void live_until(int *death, int time) {
    if (*death < time) *death = time;
}

/* death[v]: the last time anyone reads value v. last_reader[v]: the node that is first to give it a
 * gradient. */
static void find_lifetimes(const nn_network *network, int *death, int *last_reader) {
    for (int r = 0; r < network->n_rows; r++) {
        int k = network->rows[r];
        const nn__node *node = &network->nodes[k];
        unsigned reads = node->runs_backward ? node->plan.backward_reads : 0;
        live_until(&death[node->out], reads & NN_READS_Y ? backward_time(network, k) : k);
        for (int i = 0; i < node->plan.n_in; i++) {
            live_until(&death[node->in[i]], reads & NN_READS_X ? backward_time(network, k) : k);
            last_reader[node->in[i]] = k;
        }
    }
    for (int i = 0; i < NN__KEPT; i++) {
        if (network->top[i] >= 0) live_until(&death[network->top[i]], network->n_nodes);
    }
}

/* The first to give a value its gradient writes it in place; what others give is added. */
static base_status add_gradients(placement *p, int k, const int *last_reader) {
    nn_network *network = p->network;
    nn__node *node = &network->nodes[k];
    int time = backward_time(network, k);
    for (int i = 0; i < node->plan.n_in; i++) {
        int value = node->in[i];
        if (!network->values[value].wants_grad) continue;
        node->adds[i] = last_reader[value] != k;
        for (int j = 0; j < i; j++) node->adds[i] = node->adds[i] || node->in[j] == value;
        if (!node->adds[i] || node->plan.layer->adds_dx) continue;
        BASE_TRY(add_value_buffer(p, value, time, time, &node->dx[i]));
    }
    bool is_output = node->out == network->n_nodes;
    if (is_output) return BASE_OK;
    return add_value_buffer(p, node->out, backward_time(network, last_reader[node->out]), time,
                            &network->values[node->out].dy);
}

static base_status add_buffers(placement *p, const int *death, const int *last_reader) {
    nn_network *network = p->network;
    for (int r = 0; r < network->n_rows; r++) {
        int k = network->rows[r];
        nn__node *node = &network->nodes[k];
        BASE_TRY(
            add_value_buffer(p, node->out, k, death[node->out], &network->values[node->out].y));
        int cache_death = node->runs_backward ? backward_time(network, k) : k;
        BASE_TRY(add_buffer(p, node->plan.n_cache, k, cache_death, &node->cache));
        if (node->runs_backward) BASE_TRY(add_gradients(p, k, last_reader));
    }
    return BASE_OK;
}

static int earlier(const void *a, const void *b) {
    const buffer *x = a, *y = b;
    if (x->birth != y->birth) return x->birth < y->birth ? -1 : 1;
    if (x->n != y->n) return x->n > y->n ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* First fit: `live` are the buffers in use, by address. Returns the floats needed. */
static int64_t place_buffers(buffer *buffers, size_t n, buffer **live) {
    int64_t total = 0;
    size_t n_live = 0;
    for (size_t i = 0; i < n; i++) {
        buffer *b = &buffers[i];
        size_t kept = 0, place = 0;
        for (size_t j = 0; j < n_live; j++) {
            if (live[j]->death >= b->birth) live[kept++] = live[j];
        }
        n_live = kept;
        while (place < n_live && live[place]->at - b->at < b->n) {
            b->at = live[place]->at + live[place]->n;
            place++;
        }
        memmove(live + place + 1, live + place, (n_live - place) * sizeof(buffer *));
        live[place] = b;
        n_live++;
        if (b->at + b->n > total) total = b->at + b->n;
    }
    return total;
}

static base_status place(placement *p, int64_t *n_floats) {
    nn_network *network = p->network;
    size_t n_values = (size_t)network->n_nodes + 1;
    int *death = base_arena_alloc(&network->arena, n_values, sizeof *death);
    int *last_reader = base_arena_alloc(&network->arena, n_values, sizeof *last_reader);
    if (death == NULL || last_reader == NULL) return no_memory(p->err);
    find_lifetimes(network, death, last_reader);
    BASE_TRY(add_buffers(p, death, last_reader));
    qsort(p->buffers, p->n, sizeof *p->buffers, earlier);
    buffer **live = base_alloc(p->n + 1, sizeof(buffer *));
    if (live == NULL) return no_memory(p->err);
    *n_floats = place_buffers(p->buffers, p->n, live);
    base_free(live);
    return BASE_OK;
}

/* ---- memory ---- */

static base_status count_params(nn_network *network, base_error *err) {
    for (int k = 0; k < network->n_nodes; k++) {
        nn__node *node = &network->nodes[k];
        if (node->plan.n_param > MAX_FLOATS || node->plan.n_state > MAX_FLOATS) {
            return too_large(err);
        }
        node->param_at = network->n_param;
        node->state_at = network->n_state;
        network->n_param += nn_whole_lines(node->plan.n_param);
        network->n_state += nn_whole_lines(node->plan.n_state);
    }
    return BASE_OK;
}

static bool runs_along_time(const nn_network *network, int row) {
    return nn_shape_time_axis(network->nodes[network->rows[row]].plan.out) >= 0;
}

/* Lengths are int32_t in memory of their own behind the n_floats of buffers: they are few. */
static void count_activations(nn_network *network, int64_t n_floats) {
    network->n_activation = n_floats;
    for (int r = 0; r < network->n_rows; r++) {
        if (runs_along_time(network, r)) {
            network->n_activation += nn_whole_lines(network->config.max_batch);
        }
    }
}

static base_status count_scratch(nn_network *network, base_error *err) {
    for (int r = 0; r < network->n_rows; r++) {
        nn_plan *plan = &network->nodes[network->rows[r]].plan;
        if (plan->n_scratch > MAX_FLOATS || plan->n_worker_scratch > MAX_FLOATS / plan->n_workers) {
            return too_large(err);
        }
        plan->n_worker_scratch = nn_whole_lines(plan->n_worker_scratch);
        if (plan->n_sums > MAX_FLOATS / plan->n_shards) return too_large(err);
        int64_t n = nn_whole_lines(plan->n_scratch) + plan->n_shards * nn_sums_stride(plan) +
                    plan->n_workers * plan->n_worker_scratch;
        if (n > network->n_scratch) network->n_scratch = n;
    }
    return BASE_OK;
}

static base_status allocate(int64_t n_floats, const char *what, float **block, base_error *err) {
    *block = base_alloc((size_t)n_floats + 1, sizeof **block);
    if (*block != NULL) return BASE_OK;
    return base_fail(err, BASE_EMEMORY, "no memory for the network's %s: %lld MiB", what,
                     (long long)(n_floats >> 18));
}

static void give_places(nn_network *network, const placement *p, int64_t n_floats) {
    for (size_t i = 0; i < p->n; i++) {
        *p->buffers[i].owner = network->activation + p->buffers[i].at;
    }
    float *next = network->activation + n_floats;
    for (int r = 0; r < network->n_rows; r++) {
        if (!runs_along_time(network, r)) continue;
        network->values[network->nodes[network->rows[r]].out].length_memory =
            (int32_t *)(void *)next;
        next += nn_whole_lines(network->config.max_batch);
    }
}

static base_status allocate_all(nn_network *network, const placement *p, int64_t n_floats,
                                base_error *err) {
    int64_t n_grad = network->config.training ? network->n_param : 0;
    BASE_TRY(allocate(network->n_activation, "activations", &network->activation, err));
    give_places(network, p, n_floats);
    BASE_TRY(
        allocate(network->n_param + n_grad + network->n_state, "parameters", &network->param, err));
    if (network->config.training) network->grad = network->param + network->n_param;
    network->state = network->param + network->n_param + n_grad;
    return allocate(network->n_scratch, "scratch", &network->scratch, err);
}

static base_status list_tensors(nn_network *network, base_error *err) {
    for (int k = 0; k < network->n_nodes; k++) {
        network->n_tensors += network->nodes[k].plan.n_tensors;
    }
    nn__tensor_name *next =
        base_arena_alloc(&network->arena, (size_t)network->n_tensors + 1, sizeof *next);
    if (next == NULL) return no_memory(err);
    network->tensors = next;
    for (int k = 0; k < network->n_nodes; k++) {
        const nn__node *node = &network->nodes[k];
        for (int t = 0; t < node->plan.n_tensors; t++, next++) {
            *next = (nn__tensor_name){.node = k, .tensor = t};
            next->name =
                base_arena_printf(&network->arena, "%s.%s", node->path, node->plan.tensor[t].name);
            if (next->name == NULL) return no_memory(err);
        }
    }
    return BASE_OK;
}

base_status nn__network_plan(nn_network *network, base_error *err) {
    BASE_TRY(fuse_layers(network, err));
    BASE_TRY(list_rows(network, err));
    BASE_TRY(list_values(network, err));
    find_padding(network);
    find_whole(network);
    BASE_TRY(list_tensors(network, err));
    placement p = {.network = network, .err = err};
    int64_t n_floats = 0;
    base_status status = place(&p, &n_floats);
    if (status == BASE_OK) status = count_params(network, err);
    if (status == BASE_OK) status = count_scratch(network, err);
    if (status == BASE_OK) count_activations(network, n_floats);
    if (status == BASE_OK && !network->config.measure) {
        status = allocate_all(network, &p, n_floats, err);
        if (status == BASE_OK && network->config.ranks != NULL && network->config.training) {
            status = make_exchange(network, err);
        }
    }
    base_free(p.buffers);
    return status;
}
