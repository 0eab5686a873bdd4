#include "tests/layer_check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/kernels/gemm.h"
#include "tests/golden.h"
#include "tests/test.h"

enum { GUARD = 64, SEED = 7 }; /* floats on each side of a block */
static const uint32_t guard_bits = 0x7fc5a5a5u;

/* Guarded blocks: [n as int64, in the first two floats] guard zone | n floats | guard zone. */

static float *block_new(int64_t n) {
    ck_assert_int_ge(n, 0);
    uint32_t *memory = base_alloc((size_t)(n + 2 * GUARD), sizeof *memory);
    ck_assert_ptr_nonnull(memory);
    memcpy(memory, &n, sizeof n);
    for (int64_t i = 2; i < GUARD; i++) memory[i] = guard_bits;
    for (int64_t i = GUARD + n; i < n + 2 * GUARD; i++) memory[i] = guard_bits;
    return (float *)memory + GUARD;
}

static void block_free(float *block) {
    if (block != NULL) base_free(block - GUARD);
}

static int64_t block_size(const float *block) {
    int64_t n;
    memcpy(&n, block - GUARD, sizeof n);
    return n;
}

static bool block_intact(const float *block) {
    uint32_t guard[GUARD];
    memcpy(guard, block - GUARD, sizeof guard);
    for (int i = 2; i < GUARD; i++) {
        if (guard[i] != guard_bits) return false;
    }
    memcpy(guard, block + block_size(block), sizeof guard);
    for (int i = 0; i < GUARD; i++) {
        if (guard[i] != guard_bits) return false;
    }
    return true;
}

static void fill_nan(float *block) {
    for (int64_t i = 0, n = block_size(block); i < n; i++) block[i] = NAN;
}

/* Asserts once: Check notes every assertion in a file, which is slow for one per number. */
static void check_no_nan(const layer_probe *probe, const char *what, const float *data, int64_t n) {
    int64_t i = 0;
    while (i < n && !isnan(data[i])) i++;
    ck_assert_msg(i == n, "%s: %s[%lld of %lld] is NaN or was never written",
                  probe->setup.layer->variant.name, what, (long long)i, (long long)n);
}

static uint64_t hash(uint64_t start, const float *data, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &data[i], sizeof bits);
        start = (start ^ bits) * 0x100000001b3u;
    }
    return start;
}

static bool same_bits(const float *a, const float *b, int64_t n) {
    return n == 0 || memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

void layer_fill_normal(float *x, int64_t n, int input, base_rng *rng) {
    (void)input;
    for (int64_t i = 0; i < n; i++) x[i] = base_rng_normal(rng);
}

void layer_fill_apart(float *x, int64_t n, int input, base_rng *rng) {
    (void)input;
    for (int64_t i = 0; i < n; i++) {
        int64_t j = base_rng_below(rng, i + 1); /* a shuffle made while filling */
        x[i] = x[j];
        x[j] = 0.05f * ((float)(i - n / 2) + 0.5f);
    }
}

/* Zeroes (or fills with `value`) the frames of x [batch, shape] from length on. */
static void set_past(float *x, nn_shape shape, int64_t batch, const int32_t *length, float value) {
    int axis = nn_shape_time_axis(shape);
    if (length == NULL || axis < 0) return;
    int64_t frames = shape.dim[axis], inner = 1;
    for (int i = axis + 1; i < shape.rank; i++) inner *= shape.dim[i];
    int64_t outer = nn_shape_count(shape) / (frames * inner);
    for (int64_t row = 0; row < batch * outer; row++) {
        float *start = x + row * frames * inner;
        for (int64_t i = length[row / outer] * inner; i < frames * inner; i++) start[i] = value;
    }
}

static void *bind_options(const nn_layer *layer, const char *text, base_arena *arena) {
    char yaml[512];
    const char *name = layer->variant.name;
    if (text == NULL || text[0] == '\0') {
        snprintf(yaml, sizeof yaml, "%s", name);
    } else {
        snprintf(yaml, sizeof yaml, "%s: %s", name, text);
    }
    base_error err = {0};
    base_node *node = NULL;
    const base_variant *variants[] = {&layer->variant};
    const base_family family = {.what = "layer", .variants = variants, .n = 1};
    base_choice choice;
    TEST_OK(base_yaml_parse(yaml, "test", arena, &node, &err), err);
    TEST_OK(base_variant_bind(&family, node, arena, &choice, &err), err);
    return choice.options;
}

static void start_plan(layer_probe *probe) {
    layer_case *setup = &probe->setup;
    if (setup->n_in == 0) setup->n_in = 1;
    if (setup->max_batch == 0) setup->max_batch = setup->batch;
    if (setup->n_threads == 0) setup->n_threads = 1;
    probe->plan.layer = setup->layer;
    probe->plan.options = bind_options(setup->layer, setup->options, &probe->arena);
    probe->plan.arena = &probe->arena;
    probe->plan.n_in = setup->n_in;
    memcpy(probe->plan.in, setup->in, sizeof setup->in);
    probe->plan.max_batch = setup->max_batch;
    probe->plan.n_shards = NN_DEFAULT_SHARDS;
    probe->plan.n_workers = setup->n_threads;
    probe->plan.training = setup->mode != LAYER_INFER;
}

static void finish_plan(layer_probe *probe) {
    base_error err = {0};
    const nn_layer *layer = probe->setup.layer;
    TEST_OK(layer->plan(&probe->plan, &err), err);
    for (int i = 0; i < 2 && probe->setup.next[i] != NULL; i++) {
        const nn_layer *next = probe->setup.next[i];
        void *options = bind_options(next, probe->setup.next_options[i], &probe->arena);
        ck_assert_msg(nn_layer_fuse(&probe->plan, next, options), "%s does not fuse with %s",
                      layer->variant.name, next->variant.name);
    }
}

static void allocate_blocks(layer_probe *probe) {
    const nn_plan *plan = &probe->plan;
    int64_t batch = probe->setup.batch;
    for (int i = 0; i < plan->n_in; i++) {
        probe->n_x[i] = batch * nn_shape_count(plan->in[i]);
        probe->x[i] = block_new(probe->n_x[i]);
        probe->dx[i] = block_new(probe->n_x[i]);
    }
    ck_assert_int_gt(nn_shape_count(plan->out), 0);
    probe->n_y = batch * nn_shape_count(plan->out);
    probe->y = block_new(probe->n_y);
    probe->dy = block_new(probe->n_y);
    probe->dy_copy = block_new(probe->n_y);
    probe->param = block_new(plan->n_param);
    probe->dparam = block_new(plan->n_param);
    probe->state = block_new(plan->n_state);
    probe->state_start = block_new(plan->n_state);
    probe->cache = block_new(plan->n_cache);
    probe->scratch = block_new(plan->n_scratch);
    probe->sums = block_new(plan->n_shards * nn_sums_stride(plan));
    probe->worker_scratch = block_new(plan->n_worker_scratch * plan->n_workers);
}

static void set_lengths(layer_probe *probe) {
    const layer_case *setup = &probe->setup;
    if (setup->length == NULL || nn_shape_time_axis(probe->plan.out) < 0) return;
    probe->out_length =
        base_arena_alloc(&probe->arena, (size_t)setup->batch, sizeof *probe->out_length);
    ck_assert_ptr_nonnull(probe->out_length);
    for (int64_t b = 0; b < setup->batch; b++) {
        int64_t n = setup->layer->length(&probe->plan, setup->length[b]);
        probe->out_length[b] = n < 1 ? 1 : (int32_t)n; /* as the network has it */
    }
}

/* init must write every tensor and leave the padding between them alone. */
static void draw_params(layer_probe *probe, base_rng *rng) {
    const nn_plan *plan = &probe->plan;
    for (int i = 0; i < plan->n_tensors; i++) {
        const nn_tensor_plan *tensor = &plan->tensor[i];
        float *data = (tensor->is_state ? probe->state : probe->param) + tensor->offset;
        for (int64_t j = 0; j < nn_shape_count(tensor->shape); j++) data[j] = NAN;
    }
    probe->setup.layer->init(plan, rng, probe->param, probe->state);
    check_no_nan(probe, "param after init", probe->param, plan->n_param);
    check_no_nan(probe, "state after init", probe->state, plan->n_state);
    for (int i = 0; i < plan->n_tensors; i++) {
        const nn_tensor_plan *tensor = &plan->tensor[i];
        if (tensor->is_state) continue;
        float *data = probe->param + tensor->offset;
        for (int64_t j = 0; j < nn_shape_count(tensor->shape); j++) {
            data[j] += 0.1f * base_rng_normal(rng);
        }
    }
    memcpy(probe->state_start, probe->state, (size_t)plan->n_state * sizeof *probe->state);
}

layer_probe *layer_probe_new(const layer_case *setup) {
    layer_probe *probe = base_alloc(1, sizeof *probe);
    ck_assert_ptr_nonnull(probe);
    nn_blas_setup();
    probe->setup = *setup;
    start_plan(probe);
    finish_plan(probe);
    allocate_blocks(probe);
    set_lengths(probe);
    base_error err = {0};
    if (setup->n_threads > 1) TEST_OK(base_pool_new(setup->n_threads, &probe->pool, &err), err);
    base_rng rng = base_rng_open(SEED, BASE_RNG_TEST, 0, 0);
    draw_params(probe, &rng);
    for (int i = 0; i < probe->plan.n_in; i++) {
        (setup->fill ? setup->fill : layer_fill_normal)(probe->x[i], probe->n_x[i], i, &rng);
        set_past(probe->x[i], probe->plan.in[i], setup->batch, setup->length, 0);
    }
    layer_fill_normal(probe->dy, probe->n_y, 0, &rng);
    return probe;
}

/* Every guarded block of the probe, NULL past the end. */
static float *probe_block(const layer_probe *probe, int index, const char **name) {
    static const char *const names[] = {"y",     "dy",      "param", "dparam",         "state",
                                        "cache", "scratch", "sums",  "worker scratch", "dy"};
    float *const blocks[] = {
        probe->y,     probe->dy,      probe->param, probe->dparam,         probe->state,
        probe->cache, probe->scratch, probe->sums,  probe->worker_scratch, probe->dy_copy};
    int n_fixed = (int)(sizeof blocks / sizeof *blocks), at = index - n_fixed;
    if (index < n_fixed) {
        *name = names[index];
        return blocks[index];
    }
    if (at >= 2 * probe->plan.n_in) return NULL;
    *name = at % 2 ? "dx" : "x";
    return at % 2 ? probe->dx[at / 2] : probe->x[at / 2];
}

static void check_guards(const layer_probe *probe, const char *call) {
    const char *name;
    const float *block;
    for (int i = 0; (block = probe_block(probe, i, &name)) != NULL; i++) {
        ck_assert_msg(block_intact(block), "%s: %s wrote outside %s",
                      probe->setup.layer->variant.name, call, name);
    }
}

void layer_probe_free(layer_probe *probe) {
    if (probe == NULL) return;
    const char *name;
    float *block;
    for (int i = 0; (block = probe_block(probe, i, &name)) != NULL; i++) block_free(block);
    block_free(probe->state_start);
    base_pool_free(probe->pool);
    base_arena_release(&probe->arena);
    base_free(probe);
}

static base_rng open_rng(const void *context, uint64_t sample) {
    (void)context;
    return base_rng_open(SEED, BASE_RNG_DROPOUT, 1, sample);
}

static nn_run make_run(const layer_probe *probe) {
    return (nn_run){.plan = &probe->plan,
                    .pool = probe->pool,
                    .batch = probe->setup.batch,
                    .shards = {.n = probe->plan.n_shards,
                               .end = probe->plan.n_shards,
                               .batch = probe->setup.batch,
                               .length = probe->setup.length},
                    .training = probe->setup.mode == LAYER_TRAIN,
                    .param = probe->param,
                    .dparam = probe->plan.training ? probe->dparam : NULL,
                    .state = probe->state,
                    .cache = probe->cache,
                    .scratch = probe->scratch,
                    .sums = probe->sums,
                    .worker_scratch = probe->worker_scratch,
                    .in_length = probe->setup.length,
                    .open_rng = open_rng};
}

static uint64_t hash_constants(const layer_probe *probe) {
    uint64_t value = hash(0xcbf29ce484222325u, probe->param, probe->plan.n_param);
    for (int i = 0; i < probe->plan.n_in; i++) value = hash(value, probe->x[i], probe->n_x[i]);
    return value;
}

void layer_probe_forward(layer_probe *probe) {
    fill_nan(probe->y);
    fill_nan(probe->cache);
    fill_nan(probe->scratch);
    fill_nan(probe->worker_scratch);
    memcpy(probe->state, probe->state_start, (size_t)probe->plan.n_state * sizeof *probe->state);
    uint64_t before = hash_constants(probe);
    nn_run run = make_run(probe);
    for (int i = 0; i < NN_MAX_INPUTS; i++) run.x[i] = probe->x[i];
    run.y = probe->y;
    probe->setup.layer->forward(&run);
    ck_assert_msg(before == hash_constants(probe), "forward changed x or param");
    check_guards(probe, "forward");
    set_past(probe->y, probe->plan.out, probe->setup.batch, probe->out_length, 0);
    check_no_nan(probe, "y", probe->y, probe->n_y);
    check_no_nan(probe, "state", probe->state, probe->plan.n_state);
}

/* Gradients of the padding between tensors must stay zero. */
static void check_padding(const layer_probe *probe) {
    int64_t end = 0;
    bool zero = true;
    for (int i = 0; i < probe->plan.n_tensors; i++) {
        const nn_tensor_plan *tensor = &probe->plan.tensor[i];
        if (tensor->is_state) continue;
        for (; end < tensor->offset; end++) zero = zero && probe->dparam[end] == 0;
        end = tensor->offset + nn_shape_count(tensor->shape);
    }
    for (; end < probe->plan.n_param; end++) zero = zero && probe->dparam[end] == 0;
    ck_assert_msg(zero, "backward wrote between the parameters' gradients");
}

void layer_probe_backward(layer_probe *probe, bool with_dx) {
    ck_assert_msg(probe->plan.training, "not planned for backward");
    fill_nan(probe->scratch);
    fill_nan(probe->sums);
    fill_nan(probe->worker_scratch);
    set_past(probe->dy, probe->plan.out, probe->setup.batch, probe->out_length, 0);
    memcpy(probe->dy_copy, probe->dy, (size_t)probe->n_y * sizeof *probe->dy);
    nn_run run = make_run(probe);
    for (int i = 0; i < probe->plan.n_in; i++) {
        fill_nan(probe->dx[i]);
        if (probe->plan.backward_reads & NN_READS_X) run.x[i] = probe->x[i];
        if (with_dx) run.dx[i] = probe->dx[i];
    }
    if (probe->plan.backward_reads & NN_READS_Y) run.y = probe->y;
    for (int64_t i = 0; probe->adds && i < probe->n_x[0]; i++) probe->dx[0][i] = 1;
    run.adds = probe->adds;
    run.dy = probe->dy_copy;
    uint64_t before = hash(hash_constants(probe), probe->y, probe->n_y);
    probe->setup.layer->backward(&run);
    if (probe->plan.n_sums > 0) {
        base_tree_sum(probe->pool, run.sums, run.shards.n, nn_sums_stride(run.plan),
                      run.plan->n_sums);
        probe->setup.layer->add_sums(&run, run.sums);
    }
    ck_assert_msg(before == hash(hash_constants(probe), probe->y, probe->n_y),
                  "backward changed x, y or param");
    check_guards(probe, "backward");
    check_padding(probe);
    check_no_nan(probe, "dparam", probe->dparam, probe->plan.n_param);
    for (int i = 0; with_dx && i < probe->plan.n_in; i++) {
        if (!probe->setup.layer->passes_padding) {
            set_past(probe->dx[i], probe->plan.in[i], probe->setup.batch, probe->setup.length, 0);
        }
        check_no_nan(probe, "dx", probe->dx[i], probe->n_x[i]);
    }
}

void layer_probe_run(layer_probe *probe) {
    for (int64_t i = 0; i < probe->plan.n_param; i++) probe->dparam[i] = 0;
    layer_probe_forward(probe);
    layer_probe_backward(probe, true);
}

float *layer_probe_tensor(layer_probe *probe, const char *name, float *block, int64_t *n) {
    for (int i = 0; i < probe->plan.n_tensors; i++) {
        const nn_tensor_plan *tensor = &probe->plan.tensor[i];
        if (strcmp(tensor->name, name) != 0) continue;
        if (n) *n = nn_shape_count(tensor->shape);
        return block + tensor->offset;
    }
    ck_abort_msg("%s has no tensor '%s'", probe->setup.layer->variant.name, name);
    return NULL;
}

void layer_check_refused(const layer_case *setup, base_status status, const char *part) {
    layer_probe probe = {.setup = *setup};
    start_plan(&probe);
    base_error err = {0};
    TEST_FAILS(setup->layer->plan(&probe.plan, &err), status, err, part);
    base_arena_release(&probe.arena);
}

/* Golden cases. */

typedef struct {
    const layer_golden *check;
    golden *file;
    char key[128];
} golden_case;

static const char *golden_key(golden_case *c, const char *what, const char *name) {
    snprintf(c->key, sizeof c->key, "%s/%s%s", c->check->name, what, name);
    return c->key;
}

/* The key of input i: "x" where there is but one, else "x0", "x1", ... */
static const char *input_key(golden_case *c, const char *what, int i, int n_in) {
    char number[16] = "";
    if (n_in > 1) snprintf(number, sizeof number, "%d", i);
    return golden_key(c, what, number);
}

static layer_case golden_setup(golden_case *c, layer_mode mode, int32_t *length, int max_batch) {
    layer_case setup = {.layer = c->check->layer, .options = c->check->options, .mode = mode};
    setup.n_in = 1;
    if (!golden_has(c->file, golden_key(c, "x", ""))) {
        setup.n_in = 0;
        while (golden_has(c->file, input_key(c, "x", setup.n_in, 2))) setup.n_in++;
        ck_assert_msg(setup.n_in > 1, "golden case '%s' has no inputs", c->check->name);
    }
    for (int i = 0; i < setup.n_in; i++) {
        int64_t shape[8];
        int rank = golden_shape(c->file, input_key(c, "x", i, setup.n_in), shape);
        setup.batch = shape[0];
        setup.in[i] = nn_shape_make(rank - 1, shape + 1);
    }
    if (golden_has(c->file, golden_key(c, "length", ""))) {
        const float *given = golden_get(c->file, c->key, NULL);
        ck_assert_int_le(setup.batch, max_batch);
        for (int64_t b = 0; b < setup.batch; b++) length[b] = (int32_t)given[b];
        setup.length = length;
    }
    return setup;
}

static void load_golden(golden_case *c, const char *key, float *out, int64_t n) {
    int64_t n_given;
    const float *given = golden_get(c->file, key, &n_given);
    ck_assert_msg(n_given == n, "golden '%s' has %lld numbers, the layer %lld", key,
                  (long long)n_given, (long long)n);
    memcpy(out, given, (size_t)n * sizeof *out);
}

static void load_case(golden_case *c, layer_probe *probe) {
    const nn_plan *plan = &probe->plan;
    for (int i = 0; i < plan->n_in; i++) {
        load_golden(c, input_key(c, "x", i, plan->n_in), probe->x[i], probe->n_x[i]);
        set_past(probe->x[i], plan->in[i], probe->setup.batch, probe->setup.length, 0);
    }
    for (int i = 0; i < plan->n_tensors; i++) {
        const nn_tensor_plan *tensor = &plan->tensor[i];
        float *block = tensor->is_state ? probe->state_start : probe->param;
        const char *key = golden_key(c, tensor->is_state ? "state." : "param.", tensor->name);
        int64_t shape[8];
        int rank = golden_shape(c->file, key, shape);
        ck_assert_msg(nn_shape_equal(tensor->shape, nn_shape_make(rank, shape)),
                      "golden '%s' and the layer's tensor differ in shape", key);
        load_golden(c, key, block + tensor->offset, nn_shape_count(tensor->shape));
    }
}

static void compare(golden_case *c, const char *key, const float *got, int64_t n, bool is_grad) {
    const layer_golden *check = c->check;
    int64_t n_given;
    const float *expected = golden_get(c->file, key, &n_given);
    ck_assert_msg(n_given == n, "golden '%s' has %lld numbers, not %lld", key, (long long)n_given,
                  (long long)n);
    bool own = is_grad && (check->grad_rtol > 0 || check->grad_atol > 0);
    test_close(key, got, expected, n, own ? check->grad_rtol : check->rtol,
               own ? check->grad_atol : check->atol);
}

/* Compares every array "<case>/<prefix><tensor>" with that tensor of `block`. */
static void compare_tensors(golden_case *c, layer_probe *probe, const char *prefix, float *block) {
    size_t n_prefix = strlen(golden_key(c, prefix, ""));
    char start[128];
    snprintf(start, sizeof start, "%s", c->key);
    const char *name;
    for (int i = 0; (name = golden_name(c->file, i)) != NULL; i++) {
        if (strncmp(name, start, n_prefix) != 0) continue;
        int64_t n;
        const float *got = layer_probe_tensor(probe, name + n_prefix, block, &n);
        compare(c, name, got, n, true);
    }
}

static void run_golden(golden_case *c, layer_mode mode) {
    int32_t length[64];
    layer_case setup = golden_setup(c, mode, length, 64);
    layer_probe *probe = layer_probe_new(&setup);
    load_case(c, probe);
    layer_probe_forward(probe);
    compare(c, golden_key(c, "y", ""), probe->y, probe->n_y, false);
    compare_tensors(c, probe, "state_after.", probe->state);
    if (mode == LAYER_TRAIN) {
        load_golden(c, golden_key(c, "dy", ""), probe->dy, probe->n_y);
        layer_probe_backward(probe, true);
        for (int i = 0; i < setup.n_in; i++) {
            compare(c, input_key(c, "dx", i, setup.n_in), probe->dx[i], probe->n_x[i], true);
        }
        compare_tensors(c, probe, "dparam.", probe->dparam);
    }
    layer_probe_free(probe);
}

void layer_check_golden(const layer_golden *check) {
    golden_case c = {.check = check, .file = golden_open(check->file)};
    if (golden_has(c.file, golden_key(&c, "dy", ""))) {
        run_golden(&c, LAYER_TRAIN);
    } else {
        run_golden(&c, LAYER_EVAL);
        run_golden(&c, LAYER_INFER);
    }
    golden_close(c.file);
}

/* Gradient check. A part is one vector the output depends on: an input or a parameter tensor. */

typedef struct {
    const char *name;
    float *value, *grad;
    float *start, *direction; /* own copies */
    int64_t n;
} gradient_part;

typedef struct {
    layer_probe *probe;
    gradient_part part[NN_MAX_INPUTS + NN_MAX_TENSORS];
    int n_parts;
} gradient_check;

static void add_part(gradient_check *check, const char *name, float *value, float *grad,
                     int64_t n) {
    gradient_part *part = &check->part[check->n_parts++];
    *part = (gradient_part){.name = name, .value = value, .grad = grad, .n = n};
    part->start = block_new(n);
    part->direction = block_new(n);
    memcpy(part->start, value, (size_t)n * sizeof *value);
    base_rng rng = base_rng_open(SEED, BASE_RNG_TEST, 1, (uint64_t)check->n_parts);
    for (int64_t i = 0; i < n; i++) {
        part->direction[i] = 2 * base_rng_uniform(&rng) - 1;
    }
}

static void add_parts(gradient_check *check) {
    layer_probe *probe = check->probe;
    const nn_plan *plan = &probe->plan;
    for (int i = 0; i < plan->n_in; i++) {
        add_part(check, "x", probe->x[i], probe->dx[i], probe->n_x[i]);
        set_past(check->part[i].direction, plan->in[i], probe->setup.batch, probe->setup.length, 0);
    }
    for (int i = 0; i < plan->n_tensors; i++) {
        const nn_tensor_plan *tensor = &plan->tensor[i];
        if (tensor->is_state) continue;
        add_part(check, tensor->name, probe->param + tensor->offset, probe->dparam + tensor->offset,
                 nn_shape_count(tensor->shape));
    }
}

/* <dy, y> with the parts [first, end) moved by h along their directions. */
static double objective_at(gradient_check *check, int first, int end, double h) {
    for (int p = first; p < end; p++) {
        gradient_part *part = &check->part[p];
        for (int64_t i = 0; i < part->n; i++) {
            part->value[i] = (float)(part->start[i] + h * part->direction[i]);
        }
    }
    layer_probe_forward(check->probe);
    double sum = 0;
    for (int64_t i = 0; i < check->probe->n_y; i++) {
        sum += (double)check->probe->dy[i] * check->probe->y[i];
    }
    return sum;
}

/* What the float rounding of y makes of <dy, y>, generously. */
static double rounding_noise(const layer_probe *probe) {
    double squares = 0;
    for (int64_t i = 0; i < probe->n_y; i++) {
        double product = (double)probe->dy[i] * probe->y[i];
        squares += product * product;
    }
    return 5e-7 * sqrt(squares);
}

static void check_direction(gradient_check *check, int first, int end, double h, double tolerance) {
    double expected = 0, squares = 0;
    for (int p = first; p < end; p++) {
        const gradient_part *part = &check->part[p];
        for (int64_t i = 0; i < part->n; i++) {
            double product = (double)part->grad[i] * part->direction[i];
            expected += product;
            squares += (double)part->grad[i] * part->grad[i];
        }
    }
    double near = objective_at(check, first, end, h) - objective_at(check, first, end, -h);
    double far = objective_at(check, first, end, 2 * h) - objective_at(check, first, end, -2 * h);
    double measured = (8 * near - far) / (12 * h), scale = sqrt(squares / 3);
    double noise = rounding_noise(check->probe) / h;
    ck_assert_msg(fabs(measured - expected) <= tolerance * fmax(scale, fabs(expected)) + noise,
                  "%s: d/d%s is %.8g, backward says %.8g (scale %.3g)",
                  check->probe->setup.layer->variant.name,
                  end - first > 1 ? "everything" : check->part[first].name, measured, expected,
                  scale);
    objective_at(check, first, end, 0);
}

/* Backward again without dx: dparam must double (it is added to). */
static void check_adds(layer_probe *probe) {
    int64_t n = probe->plan.n_param;
    float *twice = block_new(n);
    for (int64_t i = 0; i < n; i++) twice[i] = 2 * probe->dparam[i];
    layer_probe_forward(probe);
    layer_probe_backward(probe, false);
    test_close("dparam after a second backward", probe->dparam, twice, n, 1e-4, 1e-4);
    block_free(twice);
}

static void check_adds_dx(layer_probe *probe) {
    int64_t n = probe->n_x[0];
    float *sum = block_new(n);
    layer_probe_backward(probe, true);
    for (int64_t i = 0; i < n; i++) sum[i] = 1 + probe->dx[0][i];
    probe->adds = true;
    layer_probe_backward(probe, true);
    probe->adds = false;
    ck_assert_msg(same_bits(probe->dx[0], sum, n), "backward does not add to dx");
    block_free(sum);
}

void layer_check_gradient(const layer_case *setup, double step, double tolerance) {
    gradient_check check = {.probe = layer_probe_new(setup)};
    layer_probe_run(check.probe);
    add_parts(&check);
    for (int p = 0; p < check.n_parts; p++) check_direction(&check, p, p + 1, step, tolerance);
    if (check.n_parts > 1) check_direction(&check, 0, check.n_parts, step, tolerance);
    check_adds(check.probe);
    if (setup->layer->adds_dx) check_adds_dx(check.probe);
    for (int p = 0; p < check.n_parts; p++) {
        block_free(check.part[p].start);
        block_free(check.part[p].direction);
    }
    layer_probe_free(check.probe);
}

/* Equality of bits. */

static void check_same_run(const layer_probe *a, const layer_probe *b, const char *what) {
    ck_assert_int_eq(a->n_y, b->n_y);
    ck_assert_msg(same_bits(a->y, b->y, a->n_y), "y differs with %s", what);
    ck_assert_msg(same_bits(a->state, b->state, a->plan.n_state), "state differs with %s", what);
    if (!a->plan.training) return;
    ck_assert_msg(same_bits(a->dparam, b->dparam, a->plan.n_param), "dparam differs with %s", what);
    for (int i = 0; i < a->plan.n_in; i++) {
        ck_assert_msg(same_bits(a->dx[i], b->dx[i], a->n_x[i]), "dx differs with %s", what);
    }
}

static layer_probe *run_probe(const layer_case *setup) {
    layer_probe *probe = layer_probe_new(setup);
    if (probe->plan.training) {
        layer_probe_run(probe);
    } else {
        layer_probe_forward(probe);
    }
    return probe;
}

/* A layer alone on the probe before it: y becomes x, and back. */
static layer_probe *follow(const layer_probe *before, const layer_case *setup, int next) {
    layer_case alone = {.layer = setup->next[next],
                        .options = setup->next_options[next],
                        .in[0] = before->plan.out,
                        .batch = setup->batch,
                        .length = before->out_length,
                        .mode = setup->mode};
    layer_probe *probe = layer_probe_new(&alone);
    memcpy(probe->x[0], before->y, (size_t)before->n_y * sizeof(float));
    return probe;
}

static void check_same_gradients(layer_probe *whole, layer_probe **part, int n, double tolerance) {
    layer_probe_backward(whole, true);
    memcpy(part[n]->dy, whole->dy, (size_t)whole->n_y * sizeof(float));
    for (int i = n; i > 0; i--) {
        layer_probe_backward(part[i], true);
        memcpy(part[i - 1]->dy, part[i]->dx[0], (size_t)part[i - 1]->n_y * sizeof(float));
    }
    layer_probe_backward(part[0], true);
    const layer_probe *one = part[0];
    test_close("dx", whole->dx[0], one->dx[0], whole->n_x[0], tolerance, tolerance);
    test_close("dparam", whole->dparam, one->dparam, whole->plan.n_param, tolerance, tolerance);
}

void layer_check_fusion_near(const layer_case *setup, double tolerance) {
    layer_case first = *setup;
    first.next[0] = first.next[1] = NULL;
    layer_probe *whole = layer_probe_new(setup), *part[3] = {layer_probe_new(&first)};
    memcpy(part[0]->param, whole->param, (size_t)whole->plan.n_param * sizeof(float));
    memcpy(part[0]->x[0], whole->x[0], (size_t)whole->n_x[0] * sizeof(float));
    layer_probe_forward(whole);
    layer_probe_forward(part[0]);
    int n = 0;
    for (; n < 2 && setup->next[n] != NULL; n++) {
        part[n + 1] = follow(part[n], setup, n);
        layer_probe_forward(part[n + 1]);
    }
    ck_assert_int_eq(whole->n_y, part[n]->n_y);
    test_close("y", whole->y, part[n]->y, whole->n_y, tolerance, tolerance);
    if (setup->mode != LAYER_INFER) check_same_gradients(whole, part, n, tolerance);
    ck_assert_mem_eq(whole->state, part[0]->state, (size_t)whole->plan.n_state * sizeof(float));
    for (int i = 0; i <= n; i++) layer_probe_free(part[i]);
    layer_probe_free(whole);
}

void layer_check_fusion(const layer_case *setup) {
    layer_check_fusion_near(setup, 0);
}

void layer_check_threads(const layer_case *setup) {
    layer_probe *one = run_probe(setup);
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        for (int more = 0; more <= 3; more += 3) {
            layer_case other = *setup;
            other.n_threads = n_threads;
            other.max_batch = setup->batch + more;
            layer_probe *probe = run_probe(&other);
            char what[64];
            snprintf(what, sizeof what, "%d threads, max_batch %d more", n_threads, more);
            check_same_run(one, probe, what);
            layer_probe_free(probe);
        }
    }
    layer_probe_free(one);
}

/* Lengths. */

static void check_zero_past(const layer_probe *probe, int input) {
    int64_t n = probe->n_x[input], i = 0;
    float *cleared = block_new(n);
    memcpy(cleared, probe->dx[input], (size_t)n * sizeof *cleared);
    set_past(cleared, probe->plan.in[input], probe->setup.batch, probe->setup.length, 0);
    while (i < n && cleared[i] == probe->dx[input][i]) i++;
    ck_assert_msg(i == n, "dx[%lld] is not zero, but past the length", (long long)i);
    block_free(cleared);
}

/* Copies the frames both shapes have, from one sample to another. */
static void copy_frames(const float *from, nn_shape from_shape, float *to, nn_shape to_shape) {
    int axis = nn_shape_time_axis(from_shape);
    if (axis < 0) {
        memcpy(to, from, (size_t)nn_shape_count(to_shape) * sizeof *to);
        return;
    }
    int64_t inner = 1, outer = 1;
    for (int i = 0; i < axis; i++) outer *= from_shape.dim[i];
    for (int i = axis + 1; i < from_shape.rank; i++) inner *= from_shape.dim[i];
    int64_t n_from = from_shape.dim[axis] * inner, n_to = to_shape.dim[axis] * inner;
    int64_t n = n_from < n_to ? n_from : n_to;
    for (int64_t row = 0; row < outer; row++) {
        memcpy(to + row * n_to, from + row * n_from, (size_t)n * sizeof *to);
    }
}

/* One sample, cut to its valid frames, in a layer of its own. */
static void check_alone(const layer_probe *all, int64_t sample, double rtol, double atol) {
    layer_case setup = all->setup;
    setup.batch = setup.max_batch = 1;
    setup.length = NULL;
    for (int i = 0; i < setup.n_in; i++) {
        int axis = nn_shape_time_axis(setup.in[i]);
        if (axis >= 0) setup.in[i].dim[axis] = all->setup.length[sample];
    }
    layer_probe *alone = layer_probe_new(&setup);
    memcpy(alone->param, all->param, (size_t)all->plan.n_param * sizeof *alone->param);
    for (int i = 0; i < setup.n_in; i++) {
        copy_frames(all->x[i] + sample * nn_shape_count(all->plan.in[i]), all->plan.in[i],
                    alone->x[i], setup.in[i]);
    }
    layer_probe_forward(alone);
    float *expected = block_new(alone->n_y);
    copy_frames(all->y + sample * nn_shape_count(all->plan.out), all->plan.out, expected,
                alone->plan.out);
    test_close("y of a sample alone", alone->y, expected, alone->n_y, rtol, atol);
    block_free(expected);
    layer_probe_free(alone);
}

void layer_check_padding(const layer_case *setup, float rubbish) {
    ck_assert_ptr_nonnull(setup->length);
    layer_probe *clean = run_probe(setup), *dirty = layer_probe_new(setup);
    for (int i = 0; i < clean->plan.n_in; i++) {
        check_zero_past(clean, i);
        set_past(dirty->x[i], dirty->plan.in[i], setup->batch, setup->length, rubbish);
    }
    layer_probe_run(dirty);
    check_same_run(clean, dirty, "rubbish past the length");
    layer_probe_free(dirty);
    layer_probe_free(clean);
}

void layer_check_lengths(const layer_case *setup, double rtol, double atol) {
    layer_check_padding(setup, 1e6f);
    layer_probe *clean = run_probe(setup);
    for (int64_t b = 0; b < setup->batch; b++) {
        if (setup->length[b] > 0) check_alone(clean, b, rtol, atol);
    }
    layer_probe_free(clean);
}
