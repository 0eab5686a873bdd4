#include "nn/layers/recurrent.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/kernels/extent.h"
#include "nn/kernels/gemm.h"
#include "nn/kernels/rows.h"

enum { BLOCK = 8 }; /* samples of one task */

/* Layer l draws the dropout of sample b from stream b + l * 2^24, which no batch reaches. */
enum { DROPOUT_LAYER_SHIFT = 24 };

typedef enum { WEIGHT_IH, WEIGHT_HH, BIAS_IH, BIAS_HH, N_TENSORS } tensor_kind;

/* Floats of the blocks within cache and scratch, for the largest batch. */
typedef struct {
    int64_t rows;     /* [B,T,n_row * hidden]: one layer, one direction */
    int64_t sequence; /* [B,T,directions * hidden] */
    int64_t bias;     /* [tasks per direction, n_row * hidden] */
    int64_t weight;   /* [hidden, gates_pitch]: one direction's W_hh^T */
} block_sizes;

/* Kept by the plan. */
typedef struct {
    const nn_cell *cell;
    block_sizes size;
} recurrent_plan;

/* One call on the whole stack. */
typedef struct {
    const nn_cell *cell;
    const nn_recurrent_options *options;
    const nn_run *run;
    const nn_kernels_table *kernels;
    int n_directions;
    int64_t hidden, n_frames, n_blocks;
    block_sizes size;
} call;

/* One layer of the stack within a call. Sequences are [B,T,...] of the call's batch. */
typedef struct {
    const call *call;
    int layer;
    const float *x;
    int64_t n_in;
    float *h;        /* [B,T,directions * hidden] */
    const float *dh; /* gradient of h */
} layer_pass;

/* One task: some samples of one direction. */
typedef struct {
    const call *call;
    const layer_pass *pass;
    int direction;
    int64_t first, n; /* samples */
    float *rows;
    const float *weight_hh, *bias_ih, *bias_hh;
    float *product;     /* [BLOCK, gates_pitch] */
    float *dh, *dc;     /* [BLOCK, hidden] */
    const float *zeros; /* [n_row * hidden]: product, row and state before the first frame */
} block_task;

/* Of the products of a state with the gates; the kernel that makes them writes whole lines. */
static int64_t gates_pitch(const nn_cell *cell, int64_t hidden) {
    return nn_whole_lines(cell->n_gates * hidden);
}

static int directions(const nn_recurrent_options *options) {
    return options->bidirectional ? 2 : 1;
}

static block_sizes sizes(const nn_cell *cell, const nn_recurrent_options *options,
                         const nn_plan *plan) {
    int64_t frames = plan->max_batch * plan->in[0].dim[0], row = cell->n_row * options->hidden;
    return (block_sizes){.rows = nn_whole_lines(frames * row),
                         .sequence = nn_whole_lines(frames * directions(options) * options->hidden),
                         .bias = nn_whole_lines(nn_ceil_div(plan->max_batch, BLOCK) * row),
                         .weight = options->hidden * gates_pitch(cell, options->hidden)};
}

static int64_t worker_floats(const nn_cell *cell, int64_t hidden) {
    int64_t block = BLOCK * gates_pitch(cell, hidden) + (2 * BLOCK + cell->n_row) * hidden;
    return nn_whole_lines(nn_max(block, NN_ROWS_SCRATCH));
}

/* Features of layer l's input. */
static int64_t input_size(const nn_recurrent_options *options, const nn_plan *plan, int layer) {
    return layer == 0 ? plan->in[0].dim[1] : directions(options) * options->hidden;
}

static base_status plan_direction(const nn_cell *cell, nn_plan *plan, int layer, int direction,
                                  base_error *err) {
    const nn_recurrent_options *options = plan->options;
    static const char *const kinds[N_TENSORS] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    int64_t gates = cell->n_gates * options->hidden;
    const nn_shape shapes[N_TENSORS] = {
        {.rank = 2, .dim = {gates, input_size(options, plan, layer)}},
        {.rank = 2, .dim = {gates, options->hidden}},
        {.rank = 1, .dim = {gates}},
        {.rank = 1, .dim = {gates}},
    };
    for (int k = 0; k < N_TENSORS; k++) {
        char name[32];
        snprintf(name, sizeof name, "%s_l%d%s", kinds[k], layer, direction ? "_reverse" : "");
        BASE_TRY(
            nn_plan_tensor(plan, name, shapes[k], k <= WEIGHT_HH ? NN_DECAYED : NN_TRAINED, err));
    }
    return BASE_OK;
}

/* The floats of every block together, so that no later product overflows; and what a task's samples
 * put out, which its kernel counts in 32 bits. */
static base_status check_size(const nn_cell *cell, const nn_recurrent_options *options,
                              const nn_plan *plan, base_error *err) {
    int64_t n_out = directions(options) * options->hidden;
    int64_t floats = n_out * options->layers * (cell->n_row + 8);
    if (base_mul(floats, plan->in[0].dim[0], &floats) &&
        base_mul(floats, plan->max_batch, &floats) && floats <= (int64_t)1 << 40 &&
        BLOCK * n_out * plan->in[0].dim[0] <= INT32_MAX) {
        return BASE_OK;
    }
    char text[64];
    return base_fail(err, BASE_ESHAPE, "hidden %lld is too large for input %s",
                     (long long)options->hidden, nn_shape_text(plan->in[0], true, text));
}

static bool is_sequence(const nn_recurrent_options *options) {
    return options->output == NN_RECURRENT_SEQUENCE;
}

/* Cache: rows of every layer and direction (inference: of one layer), the sequences between
 * layers (and the last, if only its end is put out), the same after dropout. */
static void plan_blocks(const nn_cell *cell, const nn_recurrent_options *options, nn_plan *plan) {
    block_sizes size = sizes(cell, options, plan);
    int64_t n_directions = directions(options), n_layers = options->layers;
    plan->n_cache = (plan->training ? n_layers : 1) * n_directions * size.rows;
    plan->n_cache += (n_layers - is_sequence(options)) * size.sequence;
    plan->n_worker_scratch = worker_floats(cell, options->hidden);
    plan->n_scratch = n_directions * size.weight;
    if (!plan->training) return;
    if (options->dropout > 0) plan->n_cache += (n_layers - 1) * size.sequence;
    int64_t n_backward = 3 * size.sequence + n_directions * size.bias;
    if (n_backward > plan->n_scratch) plan->n_scratch = n_backward;
}

base_status nn_recurrent_plan(const nn_cell *cell, nn_plan *plan, base_error *err) {
    const nn_recurrent_options *options = plan->options;
    BASE_TRY(nn_need_rank(plan, 2, ": put to_sequence before this layer", err));
    BASE_TRY(check_size(cell, options, plan, err));
    int n_directions = directions(options);
    int64_t n_frames = plan->in[0].dim[0], n_out = n_directions * options->hidden;
    for (int l = 0; l < options->layers; l++) {
        for (int d = 0; d < n_directions; d++) {
            BASE_TRY(plan_direction(cell, plan, l, d, err));
        }
        int64_t n_weights =
            n_out * cell->n_gates * (input_size(options, plan, l) + options->hidden);
        nn_plan_work(plan, n_frames, n_weights);
    }
    plan->out = is_sequence(options) ? (nn_shape){.rank = 2, .dim = {n_frames, n_out}}
                                     : (nn_shape){.rank = 1, .dim = {n_out}};
    plan->backward_reads = NN_READS_X | (is_sequence(options) ? NN_READS_Y : 0);
    plan_blocks(cell, options, plan);
    recurrent_plan kept = {.cell = cell, .size = sizes(cell, options, plan)};
    return nn_plan_keep(plan, &kept, sizeof kept, err);
}

void nn_recurrent_init(const nn_plan *plan, base_rng *rng, float *param, float *state) {
    (void)state;
    const nn_recurrent_options *o = plan->options;
    float bound = (float)(1 / sqrt((double)o->hidden));
    for (int i = 0; i < plan->n_tensors; i++) {
        const nn_tensor_plan *tensor = &plan->tensor[i];
        nn_init_uniform(rng, bound, param + tensor->offset, nn_shape_count(tensor->shape));
    }
}

int64_t nn_recurrent_length(const nn_plan *plan, int64_t length) {
    return is_sequence(plan->options) ? nn_length_same(plan, length) : nn_length_none(plan, length);
}

static call make_call(const nn_run *run) {
    const nn_recurrent_options *options = run->plan->options;
    const recurrent_plan *kept = run->plan->kept;
    return (call){.cell = kept->cell,
                  .options = options,
                  .run = run,
                  .kernels = nn_kernels(),
                  .n_directions = directions(options),
                  .hidden = options->hidden,
                  .n_frames = run->plan->in[0].dim[0],
                  .n_blocks = nn_ceil_div(run->batch, BLOCK),
                  .size = kept->size};
}

static int64_t tensor_offset(const call *c, int layer, int direction, tensor_kind kind) {
    int index = (layer * c->n_directions + direction) * N_TENSORS + (int)kind;
    return c->run->plan->tensor[index].offset;
}

static const float *param_at(const call *c, int layer, int direction, tensor_kind kind) {
    return c->run->param + tensor_offset(c, layer, direction, kind);
}

static float *dparam_at(const call *c, int layer, int direction, tensor_kind kind) {
    return c->run->dparam + tensor_offset(c, layer, direction, kind);
}

static float *rows_at(const call *c, int layer, int direction) {
    int kept = c->run->plan->training ? layer : 0;
    return c->run->cache + (kept * c->n_directions + direction) * c->size.rows;
}

/* What layer l puts out, unless that is y. */
static float *sequence_at(const call *c, int layer) {
    int64_t n_rows = c->run->plan->training ? c->options->layers : 1;
    return c->run->cache + n_rows * c->n_directions * c->size.rows + layer * c->size.sequence;
}

static float *dropped_at(const call *c, int layer) {
    return sequence_at(c, layer + (int)c->options->layers - is_sequence(c->options));
}

/* Scratch of forward: W_hh^T [hidden, gates_pitch], as its kernel reads it. */
static float *transposed_at(const call *c, int direction) {
    return c->run->scratch + direction * c->size.weight;
}

/* Scratch of backward: two gradients of sequences, the states before each frame, bias sums. */
static float *gradient_at(const call *c, int layer) {
    return c->run->scratch + layer % 2 * c->size.sequence;
}

static float *before_at(const call *c, int direction) {
    int64_t frames = c->run->batch * c->n_frames;
    return c->run->scratch + 2 * c->size.sequence + direction * frames * c->hidden;
}

static float *bias_at(const call *c, int direction) {
    return c->run->scratch + 3 * c->size.sequence + direction * c->size.bias;
}

static bool is_last(const call *c, int layer) {
    return layer == c->options->layers - 1;
}

static bool drops(const call *c, int layer) {
    return c->run->training && c->options->dropout > 0 && !is_last(c, layer);
}

static layer_pass make_pass(const call *c, int layer) {
    layer_pass pass = {.call = c, .layer = layer, .x = c->run->x[0]};
    pass.n_in = input_size(c->options, c->run->plan, layer);
    pass.h = is_last(c, layer) && is_sequence(c->options) ? c->run->y : sequence_at(c, layer);
    if (layer > 0) pass.x = sequence_at(c, layer - 1);
    if (layer > 0 && drops(c, layer - 1)) pass.x = dropped_at(c, layer - 1);
    return pass;
}

static int64_t length_of(const call *c, int64_t sample) {
    return c->run->in_length != NULL ? c->run->in_length[sample] : c->n_frames;
}

static block_task make_block(const layer_pass *pass, int64_t task, int worker) {
    const call *c = pass->call;
    int direction = (int)(task % c->n_directions);
    int64_t first = task / c->n_directions * BLOCK;
    float *scratch = c->run->worker_scratch + worker * c->run->plan->n_worker_scratch;
    block_task b = {.call = c, .pass = pass, .direction = direction, .first = first};
    b.n = nn_min(c->run->batch - first, BLOCK);
    b.rows = rows_at(c, pass->layer, direction);
    b.weight_hh = param_at(c, pass->layer, direction, WEIGHT_HH);
    b.bias_ih = param_at(c, pass->layer, direction, BIAS_IH);
    b.bias_hh = param_at(c, pass->layer, direction, BIAS_HH);
    b.product = scratch;
    b.dh = b.product + BLOCK * gates_pitch(c->cell, c->hidden);
    b.dc = b.dh + BLOCK * c->hidden;
    b.zeros = b.dc + BLOCK * c->hidden;
    memset(b.dh, 0, (size_t)((2 * BLOCK + c->cell->n_row) * c->hidden) * sizeof *b.dh);
    return b;
}

/* The frame a direction reads at its step number `step`. */
static int64_t frame_at(const block_task *b, int64_t step) {
    return b->direction ? b->call->n_frames - 1 - step : step;
}

static float *row_at(const block_task *b, int64_t sample, int64_t frame) {
    int64_t index = (b->first + sample) * b->call->n_frames + frame;
    return b->rows + index * b->call->cell->n_row * b->call->hidden;
}

static float *state_at(const block_task *b, float *sequence, int64_t sample, int64_t frame) {
    const call *c = b->call;
    int64_t index = (b->first + sample) * c->n_frames + frame;
    return sequence + (index * c->n_directions + b->direction) * c->hidden;
}

static nn_cell_step make_step(const block_task *b, int64_t sample, int64_t step) {
    const call *c = b->call;
    int64_t frame = frame_at(b, step);
    nn_cell_step s = {.hidden = c->hidden, .bias_ih = b->bias_ih, .bias_hh = b->bias_hh};
    s.row = row_at(b, sample, frame);
    s.h = state_at(b, b->pass->h, sample, frame);
    s.dh = b->dh + sample * c->hidden;
    s.dc = b->dc + sample * c->hidden;
    s.row_before = s.h_before = s.product = b->zeros;
    if (step > 0) {
        s.row_before = row_at(b, sample, frame_at(b, step - 1));
        s.h_before = state_at(b, b->pass->h, sample, frame_at(b, step - 1));
        s.product = b->product + sample * gates_pitch(c->cell, c->hidden);
    }
    return s;
}

/* product = h(step - 1) W_hh^T for all samples of the block. */
static void multiply_states(const block_task *b, int64_t step) {
    const call *c = b->call;
    int64_t pitch = gates_pitch(c->cell, c->hidden);
    int32_t offset[BLOCK];
    if (step == 0) return;
    memset(b->product, 0, (size_t)(b->n * pitch) * sizeof *b->product);
    for (int64_t i = 0; i < b->n; i++) {
        offset[i] = (int32_t)(i * c->n_frames * c->n_directions * c->hidden);
    }
    c->kernels->multiply_positions(
        &(nn_positions_product){.n_rows = b->n,
                                .n_terms = c->hidden,
                                .n_columns = pitch,
                                .a = state_at(b, b->pass->h, 0, frame_at(b, step - 1)),
                                .offset = offset,
                                .b = transposed_at(c, b->direction),
                                .b_pitch = pitch,
                                .c = b->product,
                                .c_pitch = pitch});
}

/* Rows and states past a sample's length become zero. */
static void run_block(void *context, int64_t task, int worker) {
    block_task b = make_block(context, task, worker);
    const call *c = b.call;
    size_t hidden_bytes = (size_t)c->hidden * sizeof(float);
    for (int64_t step = 0; step < c->n_frames; step++) {
        multiply_states(&b, step);
        for (int64_t i = 0; i < b.n; i++) {
            nn_cell_step s = make_step(&b, i, step);
            if (frame_at(&b, step) < length_of(c, b.first + i)) {
                c->cell->forward(c->kernels, &s);
            } else {
                memset(s.row, 0, (size_t)c->cell->n_row * hidden_bytes);
                memset(s.h, 0, hidden_bytes);
            }
        }
    }
}

/* dh += row gradients W_hh: the gradient of the state before this frame. */
static void multiply_gradients(const block_task *b, int64_t step) {
    const call *c = b->call;
    int64_t row = c->cell->n_row * c->hidden;
    for (int k = 0; k < c->cell->n_spans; k++) {
        nn_gemm(
            &(nn_gemm_args){.m = b->n,
                            .n = c->hidden,
                            .k = c->cell->span[k].n * c->hidden,
                            .alpha = 1,
                            .beta = 1,
                            .a = row_at(b, 0, frame_at(b, step)) + c->cell->span[k].row * c->hidden,
                            .lda = c->n_frames * row,
                            .b = b->weight_hh + c->cell->span[k].gate * c->hidden * c->hidden,
                            .ldb = c->hidden,
                            .c = b->dh,
                            .ldc = c->hidden});
    }
}

static void sum_biases(const block_task *b) {
    const call *c = b->call;
    int64_t row = c->cell->n_row * c->hidden;
    float *sum = bias_at(c, b->direction) + b->first / BLOCK * row;
    memset(sum, 0, (size_t)row * sizeof *sum);
    for (int64_t i = 0; i < b->n * c->n_frames; i++) {
        c->kernels->add(row_at(b, 0, 0) + i * row, sum, row);
    }
}

static void run_block_backward(void *context, int64_t task, int worker) {
    block_task b = make_block(context, task, worker);
    const call *c = b.call;
    size_t hidden_bytes = (size_t)c->hidden * sizeof(float);
    for (int64_t step = c->n_frames - 1; step >= 0; step--) {
        int64_t frame = frame_at(&b, step);
        for (int64_t i = 0; i < b.n; i++) {
            nn_cell_step s = make_step(&b, i, step);
            int64_t index = (b.first + i) * c->n_frames + frame;
            memcpy(before_at(c, b.direction) + index * c->hidden, s.h_before, hidden_bytes);
            if (frame >= length_of(c, b.first + i)) continue; /* the row is zero since forward */
            c->kernels->add(state_at(&b, (float *)b.pass->dh, i, frame), s.dh, c->hidden);
            c->cell->backward(c->kernels, &s);
        }
        if (step > 0) multiply_gradients(&b, step);
    }
    sum_biases(&b);
}

/* One gate of one direction: [hidden, hidden] of W_hh. */
static void transpose_gate(void *context, int64_t task, int worker) {
    (void)worker;
    const layer_pass *pass = context;
    const call *c = pass->call;
    int64_t hidden = c->hidden, first = task / c->n_directions * hidden;
    int direction = (int)(task % c->n_directions);
    const float *weight = param_at(c, pass->layer, direction, WEIGHT_HH) + first * hidden;
    float *transposed = transposed_at(c, direction) + first;
    int64_t pitch = gates_pitch(c->cell, hidden);
    for (int64_t k = 0; k < hidden; k++) {
        for (int64_t g = 0; g < hidden; g++) {
            transposed[k * pitch + g] = weight[g * hidden + k];
        }
    }
}

/* Products of a layer's input with the gates, into the rows of one direction. */
static void multiply_inputs(const layer_pass *pass, int direction) {
    const call *c = pass->call;
    nn_rows_multiply(c->run->pool,
                     &(nn_rows_product){.n_rows = c->run->batch * c->n_frames,
                                        .n_in = pass->n_in,
                                        .n_out = c->cell->n_gates * c->hidden,
                                        .x = pass->x,
                                        .x_pitch = pass->n_in,
                                        .weight = param_at(c, pass->layer, direction, WEIGHT_IH),
                                        .y = rows_at(c, pass->layer, direction),
                                        .y_pitch = c->cell->n_row * c->hidden,
                                        .worker_scratch = c->run->worker_scratch,
                                        .scratch_pitch = c->run->plan->n_worker_scratch});
}

typedef struct {
    const call *call;
    int layer;
    const float *in;
    float *out;
} dropout_pass;

/* One sample: out = in * mask; forward and backward draw the same mask. */
static void drop_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    const dropout_pass *pass = context;
    const call *c = pass->call;
    const nn_run *run = c->run;
    uint64_t stream = (uint64_t)sample + ((uint64_t)pass->layer << DROPOUT_LAYER_SHIFT);
    base_rng rng = run->open_rng(run->rng_context, stream);
    int64_t n = c->n_frames * c->n_directions * c->hidden;
    const float *in = pass->in + sample * n;
    float *out = pass->out + sample * n, uniform[256];
    float p = (float)c->options->dropout, keep = 1 / (1 - p);
    for (int64_t start = 0; start < n; start += 256) {
        int64_t count = nn_min(n - start, 256);
        base_rng_fill_uniform(&rng, uniform, count);
        for (int64_t i = 0; i < count; i++) {
            out[start + i] = uniform[i] < p ? 0 : in[start + i] * keep;
        }
    }
}

static void drop(const call *c, int layer, const float *in, float *out) {
    dropout_pass pass = {.call = c, .layer = layer, .in = in, .out = out};
    base_parallel(c->run->pool, c->run->batch, drop_sample, &pass);
}

/* The frame whose state is a direction's final one; negative for a sample without frames. */
static int64_t final_frame(const call *c, int direction, int64_t sample) {
    int64_t length = length_of(c, sample);
    return direction && length > 0 ? 0 : length - 1;
}

/* y [B, directions * hidden] from the final frames of h. */
static void gather_last(const call *c, const float *h, float *y) {
    int64_t n = c->n_directions * c->hidden;
    memset(y, 0, (size_t)(c->run->batch * n) * sizeof *y);
    for (int64_t b = 0; b < c->run->batch; b++) {
        for (int d = 0; d < c->n_directions; d++) {
            int64_t frame = final_frame(c, d, b), part = d * c->hidden;
            if (frame < 0) continue;
            memcpy(y + b * n + part, h + (b * c->n_frames + frame) * n + part,
                   (size_t)c->hidden * sizeof *y);
        }
    }
}

static void scatter_last(const call *c, const float *dy, float *dh) {
    int64_t n = c->n_directions * c->hidden;
    memset(dh, 0, (size_t)(c->run->batch * c->n_frames * n) * sizeof *dh);
    for (int64_t b = 0; b < c->run->batch; b++) {
        for (int d = 0; d < c->n_directions; d++) {
            int64_t frame = final_frame(c, d, b), part = d * c->hidden;
            if (frame < 0) continue;
            memcpy(dh + (b * c->n_frames + frame) * n + part, dy + b * n + part,
                   (size_t)c->hidden * sizeof *dh);
        }
    }
}

void nn_recurrent_forward(const nn_run *run) {
    call c = make_call(run);
    for (int l = 0; l < c.options->layers; l++) {
        layer_pass pass = make_pass(&c, l);
        for (int d = 0; d < c.n_directions; d++) multiply_inputs(&pass, d);
        base_parallel(run->pool, c.n_directions * c.cell->n_gates, transpose_gate, &pass);
        base_parallel(run->pool, c.n_directions * c.n_blocks, run_block, &pass);
        if (drops(&c, l)) drop(&c, l, pass.h, dropped_at(&c, l));
        if (is_last(&c, l) && !is_sequence(c.options)) gather_last(&c, pass.h, run->y);
    }
}

/* dx = sum over directions of row gradients W_ih. */
static void find_input_gradient(const layer_pass *pass, float *dx) {
    const call *c = pass->call;
    for (int d = 0; d < c->n_directions; d++) {
        nn_gemm_parallel(c->run->pool, &(nn_gemm_args){.m = c->run->batch * c->n_frames,
                                                       .n = pass->n_in,
                                                       .k = c->cell->n_gates * c->hidden,
                                                       .alpha = 1,
                                                       .beta = d > 0,
                                                       .a = rows_at(c, pass->layer, d),
                                                       .lda = c->cell->n_row * c->hidden,
                                                       .b = param_at(c, pass->layer, d, WEIGHT_IH),
                                                       .ldb = pass->n_in,
                                                       .c = dx,
                                                       .ldc = pass->n_in});
    }
}

/* dweight [n_gates, n_in] += gradients[frames, n_gates]^T x[frames, n_in], the gradients being
 * some columns of the rows. */
static void add_weight_gradient(const call *c, const float *gradients, int64_t n_gates,
                                const float *x, int64_t n_in, float *dweight) {
    nn_gemm_parallel(c->run->pool, &(nn_gemm_args){.trans_a = true,
                                                   .m = n_gates,
                                                   .n = n_in,
                                                   .k = c->run->batch * c->n_frames,
                                                   .alpha = 1,
                                                   .beta = 1,
                                                   .a = gradients,
                                                   .lda = c->cell->n_row * c->hidden,
                                                   .b = x,
                                                   .ldb = n_in,
                                                   .c = dweight,
                                                   .ldc = n_in});
}

static void add_direction_gradients(const layer_pass *pass, int d) {
    const call *c = pass->call;
    const nn_cell *cell = c->cell;
    const float *rows = rows_at(c, pass->layer, d);
    int64_t hidden = c->hidden, row = cell->n_row * hidden, gates = cell->n_gates * hidden;
    float *bias = bias_at(c, d);
    base_tree_sum(c->run->pool, bias, c->n_blocks, row, row);
    c->kernels->add(bias, dparam_at(c, pass->layer, d, BIAS_IH), gates);
    add_weight_gradient(c, rows, gates, pass->x, pass->n_in,
                        dparam_at(c, pass->layer, d, WEIGHT_IH));
    for (int k = 0; k < cell->n_spans; k++) {
        int64_t from = cell->span[k].row * hidden, to = cell->span[k].gate * hidden;
        int64_t n = cell->span[k].n * hidden;
        c->kernels->add(bias + from, dparam_at(c, pass->layer, d, BIAS_HH) + to, n);
        add_weight_gradient(c, rows + from, n, before_at(c, d), hidden,
                            dparam_at(c, pass->layer, d, WEIGHT_HH) + to * hidden);
    }
}

void nn_recurrent_backward(const nn_run *run) {
    call c = make_call(run);
    int n_layers = (int)c.options->layers;
    const float *dh = run->dy;
    if (!is_sequence(c.options)) {
        scatter_last(&c, run->dy, gradient_at(&c, n_layers));
        dh = gradient_at(&c, n_layers);
    }
    for (int l = n_layers - 1; l >= 0; l--) {
        layer_pass pass = make_pass(&c, l);
        pass.dh = dh;
        base_parallel(run->pool, c.n_directions * c.n_blocks, run_block_backward, &pass);
        for (int d = 0; d < c.n_directions; d++) add_direction_gradients(&pass, d);
        float *dinput = l > 0 ? gradient_at(&c, l) : run->dx[0];
        if (dinput != NULL) find_input_gradient(&pass, dinput);
        if (l > 0 && drops(&c, l - 1)) drop(&c, l - 1, dinput, dinput);
        dh = dinput;
    }
}
