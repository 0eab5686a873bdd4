/* Deep neural decision forest (P. Kontschieder, M. Fiterau, A. Criminisi, S. Rota Bulo, "Deep
 * Neural Decision Forests", ICCV 2015).
 *
 * Each split of a tree looks at one unit of the layer before, a linear one as a rule, which was
 * chosen at random: a sample goes left with probability sigmoid(unit). A tree with its splits level
 * by level, 0 at the root, sends a sample to each of its leaves with a probability mu, and gives
 * P[c] = sum over leaves of mu pi[c]; the forest gives the mean over its trees. The output is
 * log P, of which softmax is P again: behind it cross entropy is the paper's loss.
 *
 * pi is estimated from all training samples after each epoch (the paper's section 3.2) or made by
 * softmax from trained numbers. Leaves of all trees stand side by side: pi is [classes, leaves]. */
#include <math.h>
#include <string.h>

#include "nn/kernels/gemm.h"
#include "nn/layers/options.h"

enum { LEAVES_UPDATE, LEAVES_GRADIENT };

typedef struct {
    int64_t out, trees, depth, iterations;
    int leaves;
} forest_options;

static const base_option forest_table[] = {
    {"out", BASE_OPT_INT, offsetof(forest_options, out), NULL, 1, 1 << 16, NULL, NULL,
     "classes; the output is the logarithms of their probabilities, for cross_entropy"},
    {"trees", BASE_OPT_INT, offsetof(forest_options, trees), "10", 1, 1024, NULL, NULL,
     "trees, whose probabilities are averaged"},
    {"depth", BASE_OPT_INT, offsetof(forest_options, depth), "6", 1, 12, NULL, NULL,
     "levels of splits, each on an input chosen at random; a tree has 2^depth leaves"},
    {"leaves", BASE_OPT_CHOICE, offsetof(forest_options, leaves), "update", 0, 0, "update|gradient",
     NULL,
     "update: the leaves' probabilities are estimated from all training clips after each epoch; "
     "gradient: they are trained like weights"},
    {"iterations", BASE_OPT_INT, offsetof(forest_options, iterations), "20", 1, 1000, NULL, NULL,
     "steps of that estimate"},
    {0}};

typedef struct {
    int64_t units, classes, trees, depth;
    int64_t splits, leaves; /* of one tree */
} forest_shape;

static forest_shape shape_of(const forest_options *o, const nn_plan *plan) {
    int64_t leaves = (int64_t)1 << o->depth;
    return (forest_shape){.units = plan->in[0].dim[0],
                          .classes = o->out,
                          .trees = o->trees,
                          .depth = o->depth,
                          .splits = leaves - 1,
                          .leaves = leaves};
}

/* What a sample leaves for backward: the probabilities of going left and right at each split, of
 * arriving at each leaf, and P. */
typedef struct {
    float *left, *right, *reach, *p;
} sample_cache;

static int64_t cache_floats(const forest_shape *s) {
    return s->trees * (2 * s->splits + s->leaves) + s->classes;
}

static sample_cache cache_at(const forest_shape *s, float *cache, int64_t sample) {
    sample_cache at = {.left = cache + sample * cache_floats(s)};
    at.right = at.left + s->trees * s->splits;
    at.reach = at.right + s->trees * s->splits;
    at.p = at.reach + s->trees * s->leaves;
    return at;
}

/* One worker's memory while leaves are estimated: sums [classes, leaves] of one tree in double,
 * then what route() writes, an even number, for the next worker's doubles. Backward
 * needs a number for every leaf of the forest. */
static int64_t worker_floats(const forest_shape *s) {
    int64_t learn = 2 * s->classes * s->leaves + 2 * s->splits + s->leaves;
    int64_t backward = s->trees * s->leaves;
    return nn_round_up(nn_max(learn, backward), 2);
}

static base_status forest_plan(nn_plan *plan, base_error *err) {
    const forest_options *o = plan->options;
    BASE_TRY(nn_need_rank(plan, 1, ". Put 'time_pool' or 'flatten' and a 'linear' before it", err));
    forest_shape s = shape_of(o, plan);
    if (s.units > 1 << 24) {
        return base_fail(err, BASE_ESHAPE, "input has %lld numbers, more than splits can name",
                         (long long)s.units);
    }
    plan->out = nn_shape_make(1, &o->out);
    nn_shape unit = nn_shape_make(2, (int64_t[]){s.trees, s.splits});
    nn_shape leaves = nn_shape_make(2, (int64_t[]){s.classes, s.trees * s.leaves});
    plan->learns = o->leaves == LEAVES_UPDATE;
    BASE_TRY(nn_plan_tensor(plan, "unit", unit, NN_STATE, err));
    BASE_TRY(nn_plan_tensor(plan, "leaves", leaves, plan->learns ? NN_STATE : NN_DECAYED, err));
    plan->macs = nn_shape_count(leaves);
    plan->n_cache = plan->max_batch * cache_floats(&s);
    if (!plan->learns) plan->n_scratch = (plan->training ? 2 : 1) * nn_shape_count(leaves);
    if (plan->training) plan->n_worker_scratch = worker_floats(&s);
    return BASE_OK;
}

/* ---- initialisation ---- */

/* Each unit equally often, but for a remainder that is a random choice of units (D. Knuth, The Art
 * of Computer Programming 3.4.2, algorithm S), in random order. */
static void choose_units(base_rng *rng, int64_t n_units, float *unit, int64_t n) {
    int64_t n_chosen = n / n_units * n_units;
    for (int64_t i = 0; i < n_chosen; i++) unit[i] = (float)(i % n_units);
    for (int64_t u = 0; u < n_units && n_chosen < n; u++) {
        if (base_rng_below(rng, n_units - u) < n - n_chosen) unit[n_chosen++] = (float)u;
    }
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = base_rng_below(rng, i + 1);
        float other = unit[j];
        unit[j] = unit[i];
        unit[i] = other;
    }
}

/* Leaves start as points drawn evenly from all distributions: exponentials over their sum. With
 * equal leaves there would be no gradient. */
static void forest_init(const nn_plan *plan, base_rng *rng, float *param, float *state) {
    forest_shape s = shape_of(plan->options, plan);
    float *unit = nn_plan_find(plan, "unit", state);
    float *leaves = nn_plan_find(plan, "leaves", plan->learns ? state : param);
    int64_t n = s.trees * s.leaves;
    for (int64_t t = 0; t < s.trees; t++) {
        choose_units(rng, s.units, unit + t * s.splits, s.splits);
    }
    for (int64_t i = 0; i < s.classes * n; i++) {
        leaves[i] = (float)-log(base_rng_range(rng, 1e-9, 1.0));
        if (!plan->learns) leaves[i] = logf(leaves[i] + NN_FOREST_TINY);
    }
    for (int64_t l = 0; l < n && plan->learns; l++) {
        float sum = NN_FOREST_TINY;
        for (int64_t c = 0; c < s.classes; c++) sum += leaves[c * n + l];
        for (int64_t c = 0; c < s.classes; c++) leaves[c * n + l] /= sum;
    }
}

/* ---- the way through the trees ---- */

/* A model file may hold anything. */
static int64_t unit_number(float unit, int64_t n_units) {
    return unit >= 0.0f && unit < (float)n_units ? (int64_t)unit : 0;
}

int64_t nn_forest_unit(const nn_plan *plan, const float *state, int64_t tree, int64_t split) {
    const nn_tensor_plan *unit = &plan->tensor[0];
    return unit_number(state[unit->offset + tree * unit->shape.dim[1] + split], plan->in[0].dim[0]);
}

/* From the probabilities at each split of a tree to that of each of its leaves, level by level in
 * the same memory. */
static void descend(const float *left, const float *right, int64_t n_leaves, float *reach) {
    reach[0] = 1.0f;
    for (int64_t n = 1; n < n_leaves; n *= 2) {
        for (int64_t i = n - 1; i >= 0; i--) {
            float here = reach[i];
            reach[2 * i + 1] = here * right[n - 1 + i];
            reach[2 * i] = here * left[n - 1 + i];
        }
    }
}

/* Sends x through n_trees trees. Both probabilities are made from the unit: 1 - left would have
 * lost a small one. */
static void route(const forest_shape *s, const float *unit, int64_t n_trees, const float *x,
                  const sample_cache *to) {
    const nn_kernels_table *kernels = nn_kernels();
    int64_t n = n_trees * s->splits;
    for (int64_t i = 0; i < n; i++) {
        to->left[i] = x[unit_number(unit[i], s->units)];
        to->right[i] = -to->left[i];
    }
    kernels->sigmoid(to->left, to->left, n);
    kernels->sigmoid(to->right, to->right, n);
    for (int64_t t = 0; t < n_trees; t++) {
        descend(to->left + t * s->splits, to->right + t * s->splits, s->leaves,
                to->reach + t * s->leaves);
    }
}

/* ---- leaves from trained numbers ---- */

typedef struct {
    forest_shape shape;
    const float *logits; /* [classes, leaves] */
    float *leaves;
    float *dlogits;       /* backward: added to */
    const float *dleaves; /* backward */
} softmax_call;

/* The leaves of one tree. */
static void softmax_task(void *context, int64_t tree, int worker) {
    (void)worker;
    const softmax_call *call = context;
    const forest_shape *s = &call->shape;
    int64_t n = s->trees * s->leaves;
    for (int64_t l = tree * s->leaves; l < (tree + 1) * s->leaves; l++) {
        float top = call->logits[l], sum = 0.0f;
        for (int64_t c = 1; c < s->classes; c++) top = fmaxf(top, call->logits[c * n + l]);
        for (int64_t c = 0; c < s->classes; c++) {
            call->leaves[c * n + l] = expf(call->logits[c * n + l] - top);
            sum += call->leaves[c * n + l];
        }
        for (int64_t c = 0; c < s->classes; c++) call->leaves[c * n + l] /= sum;
    }
}

static void softmax_backward_task(void *context, int64_t tree, int worker) {
    (void)worker;
    const softmax_call *call = context;
    const forest_shape *s = &call->shape;
    int64_t n = s->trees * s->leaves;
    for (int64_t l = tree * s->leaves; l < (tree + 1) * s->leaves; l++) {
        float mean = 0.0f;
        for (int64_t c = 0; c < s->classes; c++) {
            mean += call->leaves[c * n + l] * call->dleaves[c * n + l];
        }
        for (int64_t c = 0; c < s->classes; c++) {
            call->dlogits[c * n + l] += call->leaves[c * n + l] * (call->dleaves[c * n + l] - mean);
        }
    }
}

static softmax_call open_softmax(const forest_shape *s, const nn_plan *plan, const float *param,
                                 float *leaves) {
    return (softmax_call){
        .shape = *s, .logits = nn_plan_find(plan, "leaves", (float *)param), .leaves = leaves};
}

void nn_forest_leaves(const void *options, const nn_plan *plan, const float *param,
                      const float *state, float *leaves) {
    forest_shape s = shape_of(options, plan);
    if (plan->learns) {
        memcpy(leaves, nn_plan_find(plan, "leaves", (float *)state),
               (size_t)(s.classes * s.trees * s.leaves) * sizeof *leaves);
        return;
    }
    softmax_call call = open_softmax(&s, plan, param, leaves);
    for (int64_t t = 0; t < s.trees; t++) softmax_task(&call, t, 0);
}

/* Trained leaves are made in the scratch memory. */
static const float *find_leaves(const forest_shape *s, const nn_run *run) {
    if (run->plan->learns) return nn_plan_find(run->plan, "leaves", run->state);
    softmax_call call = open_softmax(s, run->plan, run->param, run->scratch);
    base_parallel(run->pool, s->trees, softmax_task, &call);
    return run->scratch;
}

/* ---- forward and backward ---- */

typedef struct {
    forest_shape shape;
    const nn_run *run;
    const float *unit, *leaves, *x;
    float *y, *dy, *dx;
} forest_call;

static forest_call open_call(const nn_run *run) {
    forest_call call = {.shape = shape_of(run->plan->options, run->plan),
                        .run = run,
                        .unit = nn_plan_find(run->plan, "unit", run->state),
                        .x = run->x[0],
                        .y = run->y,
                        .dy = run->dy,
                        .dx = run->dx[0]};
    call.leaves = find_leaves(&call.shape, run);
    return call;
}

static void forward_task(void *context, int64_t sample, int worker) {
    (void)worker;
    const forest_call *call = context;
    const forest_shape *s = &call->shape;
    sample_cache cache = cache_at(s, call->run->cache, sample);
    int64_t n = s->trees * s->leaves;
    route(s, call->unit, s->trees, call->x + sample * s->units, &cache);
    for (int64_t c = 0; c < s->classes; c++) {
        float sum = nn_kernels()->dot(call->leaves + c * n, cache.reach, n);
        cache.p[c] = sum / (float)s->trees + NN_FOREST_TINY;
        call->y[sample * s->classes + c] = logf(cache.p[c]);
    }
}

static void forest_forward(const nn_run *run) {
    forest_call call = open_call(run);
    base_parallel(run->pool, run->batch, forward_task, &call);
}

/* The gradient of the splits' units from that of log reach, level by level upwards in the same
 * memory: a becomes the sum over the leaves below. d log sigmoid(f) = sigmoid(-f) df. */
static void ascend(const float *left, const float *right, int64_t n_leaves, float *a, float *df) {
    for (int64_t n = n_leaves / 2; n >= 1; n /= 2) {
        for (int64_t i = 0; i < n; i++) {
            float below_left = a[2 * i], below_right = a[2 * i + 1];
            df[n - 1 + i] = right[n - 1 + i] * below_left - left[n - 1 + i] * below_right;
            a[i] = below_left + below_right;
        }
    }
}

/* The gradient of x from that of each P; df replaces the probabilities of going left. */
static void backward_sample(const forest_call *call, int64_t sample, const float *dp, float *a) {
    const forest_shape *s = &call->shape;
    const nn_kernels_table *kernels = nn_kernels();
    sample_cache cache = cache_at(s, call->run->cache, sample);
    float *dx = call->dx + sample * s->units, *df = cache.left;
    int64_t n = s->trees * s->leaves;
    memset(a, 0, (size_t)n * sizeof *a);
    for (int64_t c = 0; c < s->classes; c++) kernels->axpy(dp[c], call->leaves + c * n, a, n);
    kernels->multiply(a, cache.reach, a, n);
    for (int64_t t = 0; t < s->trees; t++) {
        ascend(cache.left + t * s->splits, cache.right + t * s->splits, s->leaves,
               a + t * s->leaves, df + t * s->splits);
    }
    memset(dx, 0, (size_t)s->units * sizeof *dx);
    for (int64_t i = 0; i < s->trees * s->splits; i++) {
        dx[unit_number(call->unit[i], s->units)] += df[i];
    }
}

/* dy becomes the gradient of the trees' sum of P. */
static void backward_task(void *context, int64_t sample, int worker) {
    const forest_call *call = context;
    const forest_shape *s = &call->shape;
    const nn_run *run = call->run;
    sample_cache cache = cache_at(s, run->cache, sample);
    float *dp = call->dy + sample * s->classes;
    for (int64_t c = 0; c < s->classes; c++) dp[c] /= cache.p[c] * (float)s->trees;
    if (call->dx == NULL) return;
    backward_sample(call, sample, dp, run->worker_scratch + worker * run->plan->n_worker_scratch);
}

/* The samples' sum of dp mu is one matrix product. */
static void backward_leaves(const forest_call *call) {
    const forest_shape *s = &call->shape;
    const nn_run *run = call->run;
    int64_t n = s->trees * s->leaves;
    float *dleaves = run->scratch + s->classes * n;
    nn_gemm_parallel(run->pool, &(nn_gemm_args){.trans_a = true,
                                                .m = s->classes,
                                                .n = n,
                                                .k = run->batch,
                                                .alpha = 1.0f,
                                                .a = call->dy,
                                                .lda = s->classes,
                                                .b = cache_at(s, run->cache, 0).reach,
                                                .ldb = cache_floats(s),
                                                .c = dleaves,
                                                .ldc = n});
    softmax_call softmax = {.shape = *s,
                            .leaves = (float *)call->leaves,
                            .dlogits = nn_plan_find(run->plan, "leaves", run->dparam),
                            .dleaves = dleaves};
    base_parallel(run->pool, s->trees, softmax_backward_task, &softmax);
}

static void forest_backward(const nn_run *run) {
    forest_call call = open_call(run);
    base_parallel(run->pool, run->batch, backward_task, &call);
    if (!run->plan->learns) backward_leaves(&call);
}

/* ---- leaves from all training samples ---- */

typedef struct {
    forest_shape shape;
    const nn_run *run;
    const nn_samples *samples;
    int64_t iterations;
    const float *unit;
    float *leaves;
} learn_call;

/* sum[c, l] += mu[l] / P[c] for a tree's own P of the sample's class c. */
static void add_sample(const learn_call *call, int64_t tree, int64_t sample,
                       const sample_cache *memory, double *sum) {
    const forest_shape *s = &call->shape;
    const nn_samples *samples = call->samples;
    int64_t c = samples->label[sample];
    const float *leaves = call->leaves + (c * s->trees + tree) * s->leaves;
    route(s, call->unit + tree * s->splits, 1, samples->x + sample * samples->stride, memory);
    float p = nn_kernels()->dot(leaves, memory->reach, s->leaves) + NN_FOREST_TINY;
    float factor = (samples->class_weight != NULL ? samples->class_weight[c] : 1.0f) / p;
    for (int64_t l = 0; l < s->leaves; l++) {
        sum[c * s->leaves + l] += (double)(factor * memory->reach[l]);
    }
}

/* pi[c] becomes pi[c] sum[c] / Z; a leaf that no sample reaches has all classes alike. */
static void update_leaves(const learn_call *call, int64_t tree, const double *sum) {
    const forest_shape *s = &call->shape;
    for (int64_t l = 0; l < s->leaves; l++) {
        float *leaf = call->leaves + tree * s->leaves + l;
        int64_t step = s->trees * s->leaves;
        double z = 0.0;
        for (int64_t c = 0; c < s->classes; c++) z += leaf[c * step] * sum[c * s->leaves + l];
        for (int64_t c = 0; c < s->classes; c++) {
            double share = leaf[c * step] * sum[c * s->leaves + l] / z;
            leaf[c * step] = (float)(z > 0.0 ? share : 1.0 / (double)s->classes);
        }
    }
}

/* One tree, with the samples in their order. Equation 11 of the paper, from equal classes on. */
static void learn_task(void *context, int64_t tree, int worker) {
    const learn_call *call = context;
    const forest_shape *s = &call->shape;
    float *scratch = call->run->worker_scratch + worker * call->run->plan->n_worker_scratch;
    double *sum = (void *)scratch;
    int64_t n_sums = s->classes * s->leaves;
    sample_cache memory = {.left = scratch + 2 * n_sums};
    memory.right = memory.left + s->splits;
    memory.reach = memory.right + s->splits;
    for (int64_t i = 0; i < n_sums; i++) {
        int64_t row = i / s->leaves * s->trees + tree;
        call->leaves[row * s->leaves + i % s->leaves] = 1.0f / (float)s->classes;
    }
    for (int64_t k = 0; k < call->iterations; k++) {
        memset(sum, 0, (size_t)n_sums * sizeof *sum);
        for (int64_t i = 0; i < call->samples->n; i++) add_sample(call, tree, i, &memory, sum);
        update_leaves(call, tree, sum);
    }
}

static void forest_learn(const nn_run *run, const nn_samples *samples) {
    const forest_options *o = run->plan->options;
    learn_call call = {.shape = shape_of(o, run->plan),
                       .run = run,
                       .samples = samples,
                       .iterations = o->iterations,
                       .unit = nn_plan_find(run->plan, "unit", run->state),
                       .leaves = nn_plan_find(run->plan, "leaves", run->state)};
    base_parallel(run->pool, call.shape.trees, learn_task, &call);
}

const nn_layer nn_layer_forest = {
    .variant = {"forest", "deep neural decision forest: trees whose splits are trained", "out",
                forest_table, sizeof(forest_options)},
    .plan = forest_plan,
    .batch = NN_WHOLE,
    .init = forest_init,
    .length = nn_length_none,
    .forward = forest_forward,
    .backward = forest_backward,
    .learn = forest_learn,
};
