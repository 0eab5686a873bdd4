#include <string.h>

#include "base/clock.h"
#include "nn/kernels/extent.h"
#include "nn/kernels/kernels.h"
#include "nn/network_internal.h"

enum { ADD_BLOCK = 16384 /* floats of one task */ };
#define MAX_DESCRIPTION_BYTES ((size_t)256 << 20)

base_status nn_network_new(const base_node *layers, const nn_network_config *config,
                           nn_network **network, base_error *err) {
    *network = NULL;
    char text[64];
    BASE_CHECK(config->max_batch >= 1 && config->n_classes >= 1);
    BASE_CHECK(config->training || !config->input_grad);
    BASE_CHECK(base_ranks_n(config->ranks) <= NN_MAX_SHARDS);
    BASE_CHECK(config->n_shards >= 0 && config->n_shards <= NN_MAX_SHARDS);
    if (nn_shape_count(config->input) < 0) {
        return base_fail(err, BASE_ESHAPE, "the network's input %s is empty or too large",
                         nn_shape_text(config->input, true, text));
    }
    nn_network *made = base_alloc(1, sizeof *made);
    if (made == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the network");
    made->config = *config;
    if (base_ranks_n(config->ranks) == 1) made->config.ranks = NULL;
    if (config->n_shards == 0) made->config.n_shards = NN_DEFAULT_SHARDS;
    made->arena.limit_bytes = MAX_DESCRIPTION_BYTES;
    base_status status = nn__network_build(made, layers, err);
    if (status == BASE_OK) status = nn__network_plan(made, err);
    if (status != BASE_OK) {
        nn_network_free(made);
        return status;
    }
    *network = made;
    return BASE_OK;
}

void nn_network_free(nn_network *network) {
    if (network == NULL) return;
    nn_exchange_free(network->exchange);
    base_free(network->param);
    base_free(network->activation);
    base_free(network->scratch);
    base_free(network->nodes);
    base_arena_release(&network->arena);
    base_free(network);
}

/* Streams are numbered by the layer's place before any were fused. */
void nn_network_init(nn_network *network, uint64_t seed) {
    memset(network->param, 0, (size_t)network->n_param * sizeof *network->param);
    memset(network->state, 0, (size_t)network->n_state * sizeof *network->state);
    for (int k = 0; k < network->n_nodes; k++) {
        const nn__node *node = &network->nodes[k];
        if (node->plan.n_tensors == 0) continue;
        base_rng rng = base_rng_open(seed, BASE_RNG_INIT, (uint64_t)k, 0);
        node->plan.layer->init(&node->plan, &rng, network->param + node->param_at,
                               network->state + node->state_at);
    }
}

/* ---- lengths ---- */

/* At least one frame always counts as valid. */
static int64_t length_after(const nn_plan *plan, int64_t length) {
    int64_t extent = plan->out.dim[nn_shape_time_axis(plan->out)];
    length = plan->layer->length(plan, length);
    return length < 1 ? 1 : length > extent ? extent : length;
}

static void find_lengths(nn_network *network, int k, int64_t n) {
    const nn__node *node = &network->nodes[k];
    nn__value *value = &network->values[node->out];
    const int32_t *length = network->values[node->in[0]].length;
    value->length = length != NULL ? value->length_memory : NULL;
    for (int64_t i = 0; value->length != NULL && i < n; i++) {
        value->length_memory[i] = (int32_t)length_after(&node->plan, length[i]);
    }
}

/* Samples [begin, begin + n) of a batch, and the shards that they are. */
typedef struct {
    int64_t begin, n;
    int first, end;
} batch_part;

static bool is_shared(const nn_network *network, const nn_input *input) {
    return network->exchange != NULL && input->training;
}

static batch_part part_of_rank(const nn_network *network, int64_t n, int rank) {
    int n_shards = network->config.n_shards, n_ranks = base_ranks_n(network->config.ranks);
    batch_part part = {.first = nn_shard_of_rank(n_shards, n_ranks, rank),
                       .end = nn_shard_of_rank(n_shards, n_ranks, rank + 1)};
    part.begin = part.first * n / n_shards;
    part.n = part.end * n / n_shards - part.begin;
    return part;
}

/* What this rank works on of a batch, or all of it. */
static batch_part part_of(const nn_network *network, const nn_input *input, bool whole) {
    if (is_shared(network, input) && !whole) {
        return part_of_rank(network, input->n, base_ranks_self(network->config.ranks));
    }
    return (batch_part){.n = input->n, .end = network->config.n_shards};
}

void nn_network_gather(const nn_network *network, int64_t n, void *data, int64_t sample_bytes) {
    int64_t begin[NN_MAX_SHARDS + 1] = {0};
    int n_ranks = base_ranks_n(network->config.ranks);
    for (int r = 0; r < n_ranks; r++) {
        batch_part part = part_of_rank(network, n, r);
        begin[r + 1] = (part.begin + part.n) * sample_bytes;
    }
    base_ranks_gather(network->config.ranks, data, begin);
}

static void gather(const nn_network *network, int64_t n, float *data, int64_t count) {
    nn_network_gather(network, n, data, count * (int64_t)sizeof *data);
}

typedef struct {
    nn_shape shape;
    const int32_t *length;
    float *data;
} frames;

static void zero_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    const frames *f = context;
    int axis = nn_shape_time_axis(f->shape);
    int64_t n_frames = f->shape.dim[axis], valid = f->length[sample];
    int64_t n = nn_shape_count(f->shape), rows = axis == 2 ? n / n_frames : 1;
    int64_t row = n / rows, frame = row / n_frames;
    float *data = f->data + sample * n;
    for (int64_t r = 0; r < rows && valid < n_frames; r++) {
        memset(data + r * row + valid * frame, 0,
               (size_t)((n_frames - valid) * frame) * sizeof *data);
    }
}

/* Frames past the length are zero in every value and every gradient, except where keeps_padding
 * says that nothing depends on them. data: of the whole batch */
static void zero_padding(const nn_network *network, int value, float *data, batch_part part) {
    const nn__value *v = &network->values[value];
    if (v->length == NULL || v->keeps_padding) return;
    frames f = {v->shape, v->length + part.begin, data + part.begin * nn_shape_count(v->shape)};
    base_parallel(network->config.pool, part.n, zero_sample, &f);
}

/* ---- running ---- */

/* Of one layer's call. */
typedef struct {
    const nn_input *input;
    int node;
    batch_part part;
} stream_name;

static base_rng open_stream(const void *rng_context, uint64_t sample) {
    const stream_name *name = rng_context;
    uint32_t purpose = (uint32_t)BASE_RNG_DROPOUT | (uint32_t)(name->node + 1) << 8;
    return base_rng_open(name->input->seed, purpose, name->input->step,
                         name->input->first_sample + (uint64_t)name->part.begin + sample);
}

static const float *value_data(const nn_network *network, int value, const nn_input *input) {
    return value == 0 ? input->x : network->values[value].y;
}

/* Where a part of a value's samples begins; NULL of NULL. */
static float *part_at(const nn_network *network, int value, float *data, batch_part part) {
    if (data == NULL) return NULL;
    return data + part.begin * nn_shape_count(network->values[value].shape);
}

static nn_run make_run(const nn_network *network, const stream_name *name) {
    batch_part part = name->part;
    bool cut = part.first > 0 || part.end < network->config.n_shards;
    const nn__node *node = &network->nodes[name->node];
    int64_t n_scratch = network->n_scratch - node->plan.n_workers * node->plan.n_worker_scratch;
    nn_run run = {.plan = &node->plan,
                  .pool = network->config.pool,
                  .batch = part.n,
                  .shards = {.n = node->plan.n_shards,
                             .first = part.first,
                             .end = part.end,
                             .batch = name->input->n,
                             .length = network->values[node->in[0]].length},
                  .ranks = cut ? network->config.ranks : NULL,
                  .training = name->input->training && !node->is_frozen,
                  .param = network->param + node->param_at,
                  .dparam = network->grad != NULL ? network->grad + node->param_at : NULL,
                  .state = network->state + node->state_at,
                  .cache = node->cache,
                  .scratch = network->scratch,
                  .sums = network->scratch + nn_whole_lines(node->plan.n_scratch),
                  .worker_scratch = network->scratch + n_scratch,
                  .open_rng = open_stream,
                  .rng_context = name,
                  .y = part_at(network, node->out, network->values[node->out].y, part)};
    if (run.shards.length != NULL) run.in_length = run.shards.length + part.begin;
    if (node->plan.norm != NULL) {
        run.norm_param = network->param + network->nodes[node->norm].param_at;
        run.norm_state = network->state + network->nodes[node->norm].state_at;
    }
    for (int i = 0; i < node->plan.n_in; i++) {
        float *x = (float *)value_data(network, node->in[i], name->input);
        run.x[i] = part_at(network, node->in[i], x, part);
    }
    return run;
}

static double now_s(const nn_network *network) {
    return network->profiling ? 1e-9 * (double)base_clock_ns() : 0;
}

static bool learns(const nn__node *node) {
    return node->plan.learns && !node->is_frozen;
}

/* Floats of one sample that the learning layers before node k have read. */
static int64_t learned_before(const nn_network *network, int k) {
    int64_t n = 0;
    for (int i = 0; i < k; i++) {
        const nn__node *node = &network->nodes[i];
        if (learns(node)) n += nn_shape_count(node->plan.in[0]);
    }
    return n;
}

int64_t nn_network_n_learned_from(const nn_network *network) {
    return learned_before(network, network->n_nodes);
}

static void collect(const nn_network *network, int k, const float *x, const nn_input *input) {
    int64_t n = nn_shape_count(network->nodes[k].plan.in[0]);
    int64_t stride = nn_network_n_learned_from(network);
    float *to = input->learned_from + learned_before(network, k);
    for (int64_t i = 0; i < input->n; i++) {
        memcpy(to + i * stride, x + i * n, (size_t)n * sizeof *to);
    }
}

void nn_network_learn(nn_network *network, int64_t n, const float *learned_from,
                      const int32_t *label, const float *class_weight) {
    BASE_CHECK(network->config.training);
    nn_input input = {.n = 1};
    for (int r = 0; r < network->n_rows; r++) {
        int k = network->rows[r];
        const nn__node *node = &network->nodes[k];
        if (!learns(node)) continue;
        stream_name name = {&input, k, part_of(network, &input, true)};
        nn_run run = make_run(network, &name);
        nn_samples samples = {.n = n,
                              .x = learned_from + learned_before(network, k),
                              .stride = nn_network_n_learned_from(network),
                              .label = label,
                              .class_weight = class_weight};
        node->plan.layer->learn(&run, &samples);
    }
}

/* What a layer reads of all samples, where it is not there yet. */
static void gather_inputs(const nn_network *network, const nn__node *node, const nn_input *input) {
    for (int i = 0; i < node->plan.n_in; i++) {
        const nn__value *value = &network->values[node->in[i]];
        float *x = (float *)value_data(network, node->in[i], input);
        if (!value->is_whole) gather(network, input->n, x, nn_shape_count(value->shape));
    }
}

static void forward_node(nn_network *network, int k, const nn_input *input) {
    nn__node *node = &network->nodes[k];
    double start_s = now_s(network);
    find_lengths(network, k, input->n);
    if (is_shared(network, input) && node->whole_forward) gather_inputs(network, node, input);
    stream_name name = {input, k, part_of(network, input, node->whole_forward)};
    nn_run run = make_run(network, &name);
    if (input->learned_from != NULL && learns(node)) collect(network, k, run.x[0], input);
    node->plan.layer->forward(&run);
    zero_padding(network, node->out, network->values[node->out].y, name.part);
    node->forward_s += now_s(network) - start_s;
}

const float *nn_network_forward(nn_network *network, const nn_input *input) {
    BASE_CHECK(input->n >= 1 && input->n <= network->config.max_batch);
    BASE_CHECK(network->config.training || !input->training);
    network->n_run = input->n;
    bool has_time = nn_shape_time_axis(network->config.input) >= 0;
    network->values[0].length = has_time ? input->length : NULL;
    for (int r = 0; r < network->n_rows; r++) forward_node(network, network->rows[r], input);
    const nn__value *output = &network->values[network->n_nodes];
    if (is_shared(network, input) && !output->is_whole) {
        gather(network, input->n, output->y, nn_shape_count(output->shape));
    }
    return output->y;
}

typedef struct {
    const float *from;
    float *to;
    int64_t n;
} addition;

static void add_block(void *context, int64_t task, int worker) {
    (void)worker;
    const addition *a = context;
    int64_t start = task * ADD_BLOCK;
    nn_kernels()->add(a->from + start, a->to + start, nn_min(a->n - start, ADD_BLOCK));
}

/* Where value's gradient lies; dx is the caller's for the input, dy for the output. */
static float *gradient_of(const nn_network *network, int value, float *dy, float *dx) {
    return value == 0 ? dx : value == network->n_nodes ? dy : network->values[value].dy;
}

/* Sums of gradients over the whole batch: here, or, once all layers have been through backward,
 * from what the ranks sent each other. */
static void join_sums(nn_network *network, nn__node *node, const nn_run *run) {
    const nn_plan *plan = run->plan;
    if (plan->n_sums == 0 || node->is_frozen) return;
    if (run->ranks != NULL) {
        node->sums_at =
            nn_exchange_add(network->exchange, run->sums, nn_sums_stride(plan), plan->n_sums);
        return;
    }
    base_tree_sum(run->pool, run->sums, plan->n_shards, nn_sums_stride(plan), plan->n_sums);
    plan->layer->add_sums(run, run->sums);
}

static void add_exchanged_sums(nn_network *network) {
    nn_exchange_finish(network->exchange);
    for (int r = network->n_rows - 1; r >= 0; r--) {
        nn__node *node = &network->nodes[network->rows[r]];
        const nn_plan *plan = &node->plan;
        bool exchanged = node->runs_backward && !node->whole_backward && !node->is_frozen;
        if (!exchanged || plan->n_sums == 0) continue;
        nn_run run = {.plan = plan,
                      .param = network->param + node->param_at,
                      .dparam = network->grad + node->param_at};
        plan->layer->add_sums(&run, nn_exchange_total(network->exchange, node->sums_at));
    }
}

/* The gradient of the output is whole as the caller gives it. */
static void gather_for_backward(const nn_network *network, const nn__node *node,
                                const nn_input *input, float *dy) {
    const nn__value *value = &network->values[node->out];
    int64_t count = nn_shape_count(value->shape);
    unsigned reads = node->plan.backward_reads;
    if (!value->dy_is_whole) gather(network, input->n, dy, count);
    if (node->whole_forward) return;
    if (reads & NN_READS_Y) gather(network, input->n, value->y, count);
    if (reads & NN_READS_X) gather_inputs(network, node, input);
}

static void backward_node(nn_network *network, int k, const nn_input *input, float *dy, float *dx) {
    nn__node *node = &network->nodes[k];
    double start_s = now_s(network);
    bool shared = is_shared(network, input);
    batch_part part = part_of(network, input, node->whole_backward);
    stream_name name = {input, k, part};
    nn_run run = make_run(network, &name);
    float *sum[NN_MAX_INPUTS], *dy_all = gradient_of(network, node->out, dy, dx);
    if (shared) nn_exchange_poll(network->exchange);
    if (shared && node->whole_backward) gather_for_backward(network, node, input, dy_all);
    for (int i = 0; i < node->plan.n_in; i++) {
        int value = node->in[i];
        bool wanted = network->values[value].wants_grad;
        sum[i] = part_at(network, value, wanted ? gradient_of(network, value, dy, dx) : NULL, part);
        run.dx[i] = sum[i];
        if (sum[i] == NULL || !node->adds[i]) continue;
        if (node->plan.layer->adds_dx) {
            run.adds = true;
        } else {
            run.dx[i] = part_at(network, value, node->dx[i], part);
        }
    }
    run.dy = part_at(network, node->out, dy_all, part);
    zero_padding(network, node->out, dy_all, part);
    node->plan.layer->backward(&run);
    join_sums(network, node, &run);
    for (int i = 0; i < node->plan.n_in; i++) {
        if (run.dx[i] == sum[i]) continue;
        addition a = {run.dx[i], sum[i], part.n * nn_shape_count(node->plan.in[i])};
        base_parallel(network->config.pool, nn_ceil_div(a.n, ADD_BLOCK), add_block, &a);
    }
    if (node->is_frozen) {
        memset(network->grad + node->param_at, 0, (size_t)node->plan.n_param * sizeof(float));
    }
    node->backward_s += now_s(network) - start_s;
}

void nn_network_backward(nn_network *network, const nn_input *input, float *dy, float *dx) {
    BASE_CHECK(network->config.training && input->training && input->n == network->n_run);
    bool shared = is_shared(network, input);
    BASE_CHECK(dx == NULL || (network->config.input_grad && !shared));
    for (int r = network->n_rows - 1; r >= 0; r--) {
        int k = network->rows[r];
        if (network->nodes[k].runs_backward) backward_node(network, k, input, dy, dx);
    }
    if (shared) add_exchanged_sums(network);
    if (dx != NULL) zero_padding(network, 0, dx, part_of(network, input, true));
}

void nn_network_own(const nn_network *network, int64_t n, int64_t *begin, int64_t *end) {
    batch_part part = {.n = n};
    if (network->exchange != NULL) {
        part = part_of_rank(network, n, base_ranks_self(network->config.ranks));
    }
    *begin = part.begin;
    *end = part.begin + part.n;
}

/* ---- what others see ---- */

nn_shape nn_network_output(const nn_network *network) {
    return network->values[network->n_nodes].shape;
}

const nn_network_config *nn_network_get_config(const nn_network *network) {
    return &network->config;
}

const base_node *nn_network_layers(const nn_network *network) {
    return network->layers;
}

float *nn_network_params(nn_network *network, int64_t *n) {
    if (n) *n = network->n_param;
    return network->param;
}

float *nn_network_grads(nn_network *network, int64_t *n) {
    if (n) *n = network->n_param;
    return network->grad;
}

void nn_network_zero_grads(nn_network *network) {
    BASE_CHECK(network->grad != NULL);
    memset(network->grad, 0, (size_t)network->n_param * sizeof *network->grad);
}

const float *nn_network_value(nn_network *network, int from_end, nn_shape *shape) {
    BASE_CHECK(from_end >= 0 && from_end < NN__KEPT);
    int value = network->top[from_end];
    if (value < 0 || !network->values[value].exists) return NULL;
    if (shape != NULL) *shape = network->values[value].shape;
    return network->values[value].y;
}

bool nn_path_is_within(const char *path, const char *layer) {
    size_t n = strlen(layer);
    return strncmp(path, layer, n) == 0 && (path[n] == '\0' || path[n] == '.');
}

int nn_network_n_tensors(const nn_network *network) {
    return network->n_tensors;
}

nn_tensor nn_network_tensor(nn_network *network, int index) {
    BASE_CHECK(index >= 0 && index < network->n_tensors);
    const nn__tensor_name *entry = &network->tensors[index];
    const nn__node *node = &network->nodes[entry->node];
    const nn_tensor_plan *plan = &node->plan.tensor[entry->tensor];
    nn_tensor tensor = {.name = entry->name,
                        .shape = plan->shape,
                        .is_state = plan->is_state,
                        .is_frozen = node->is_frozen,
                        .decays = plan->decays};
    if (plan->is_state) {
        tensor.data = network->state + node->state_at + plan->offset;
    } else {
        tensor.data = network->param + node->param_at + plan->offset;
        if (network->grad != NULL) tensor.grad = network->grad + node->param_at + plan->offset;
    }
    return tensor;
}

/* Includes those of a normalisation fused into the layer. */
static int64_t count_tensors(const nn_plan *plan, bool states) {
    int64_t n = plan->norm != NULL ? count_tensors(plan->norm, states) : 0;
    for (int i = 0; i < plan->n_tensors; i++) {
        if (plan->tensor[i].is_state == states) n += nn_shape_count(plan->tensor[i].shape);
    }
    return n;
}

int nn_network_n_rows(const nn_network *network) {
    return network->n_rows;
}

nn_graph_node nn_network_node(const nn_network *network, int index) {
    BASE_CHECK(index >= 0 && index < network->n_rows);
    const nn__node *node = &network->nodes[network->rows[index]];
    return (nn_graph_node){.layer = node->plan.layer,
                           .options = node->plan.options,
                           .plan = &node->plan,
                           .path = node->path,
                           .param = network->param + node->param_at,
                           .state = network->state + node->state_at,
                           .in = node->in,
                           .out = node->out};
}

int64_t nn_graph_length(const nn_graph_node *node, int64_t length) {
    if (nn_shape_time_axis(node->plan->out) < 0) return 0;
    return length_after(node->plan, length);
}

nn_summary_row nn_network_row(const nn_network *network, int index) {
    BASE_CHECK(index >= 0 && index < network->n_rows);
    const nn__node *node = &network->nodes[network->rows[index]];
    return (nn_summary_row){.path = node->path,
                            .layer = node->plan.layer->variant.name,
                            .fused = node->fused_text,
                            .in = node->plan.in[0],
                            .out = node->plan.out,
                            .n_param = count_tensors(&node->plan, false),
                            .macs = node->plan.macs,
                            .is_frozen = node->is_frozen,
                            .forward_s = node->forward_s,
                            .backward_s = node->backward_s};
}

void nn_network_profile(nn_network *network, bool on) {
    network->profiling = on;
    for (int k = 0; on && k < network->n_nodes; k++) {
        network->nodes[k].forward_s = network->nodes[k].backward_s = 0;
    }
}

/* What a layer computes, counting a number that it only looks at like a multiply-add. */
static int64_t count_work(const nn_plan *plan) {
    int64_t work = plan->macs + nn_shape_count(plan->out);
    for (int i = 0; i < plan->n_in; i++) work += nn_shape_count(plan->in[i]);
    return work + plan->n_visits;
}

nn_summary nn_network_summary(const nn_network *network) {
    nn_summary summary = {0};
    for (int r = 0; r < network->n_rows; r++) {
        const nn__node *node = &network->nodes[network->rows[r]];
        const nn_plan *plan = &node->plan;
        int64_t n_param = count_tensors(plan, false);
        summary.n_param += n_param;
        summary.n_frozen += node->is_frozen ? n_param : 0;
        summary.n_state += count_tensors(plan, true);
        summary.macs += plan->macs;
        summary.work += count_work(plan);
    }
    int64_t n_grad = network->config.training ? network->n_param : 0;
    summary.param_bytes = (size_t)(network->n_param + n_grad + network->n_state) * sizeof(float);
    summary.activation_bytes = (size_t)network->n_activation * sizeof(float);
    summary.scratch_bytes = (size_t)network->n_scratch * sizeof(float);
    return summary;
}
