/* A sequence [B,T,F] becomes a vector [B, kinds * F]: one part per kind, in the order given, each
 * over the sample's valid frames. A sample without frames gives zeros. Attention weighs frame t by
 * softmax over t of w x_t + b. */
#include <math.h>
#include <string.h>

#include "nn/kernels/extent.h"
#include "nn/kernels/kernels.h"
#include "nn/layer.h"

typedef enum { MEAN, MAX, LAST, ATTENTION, N_KINDS } pool_kind;

static const char *const kind_names[N_KINDS] = {"mean", "max", "last", "attention"};

enum { MAX_FRAMES = 1 << 24 }; /* the cache keeps frame numbers as floats */

typedef struct {
    base_strings kinds;
} pool_options;

typedef struct {
    const pool_options *options;
    const nn_run *run;
    const nn_kernels_table *kernels;
    const float *x;
    float *y;
    const float *dy;
    float *dx;
    int64_t n_frames, n_features;
} pool_call;

/* One sample. `kept` is the kind's cache: the frame of each maximum, or attention's weights. */
typedef struct {
    const pool_call *call;
    int64_t n_frames, n_features; /* valid frames */
    const float *x;
    float *y, *dx, *kept;
    const float *dy;
    float *dweight; /* attention: [F] of this shard */
} pool_sample;

static pool_kind kind_at(const pool_options *options, int index) {
    int kind = 0;
    while (strcmp(options->kinds.items[index], kind_names[kind]) != 0) kind++;
    return (pool_kind)kind;
}

static base_status check_kinds(const pool_options *options, base_error *err) {
    const base_strings *kinds = &options->kinds;
    if (kinds->n == 0) return base_fail(err, BASE_ECONFIG, "kinds is empty");
    for (int i = 0; i < kinds->n; i++) {
        bool known = false;
        for (int k = 0; k < N_KINDS; k++) known |= strcmp(kinds->items[i], kind_names[k]) == 0;
        if (!known) {
            return base_fail(err, BASE_ECONFIG,
                             "kinds: '%s' is none of mean, max, last and attention",
                             kinds->items[i]);
        }
        for (int j = 0; j < i; j++) {
            if (strcmp(kinds->items[i], kinds->items[j]) != 0) continue;
            return base_fail(err, BASE_ECONFIG, "kinds names '%s' twice", kinds->items[i]);
        }
    }
    return BASE_OK;
}

/* Floats kept for one sample: the frame of each maximum or the weight of each frame. */
static int64_t kept_floats(pool_kind kind, int64_t n_frames, int64_t n_features) {
    if (kind == MAX) return n_features;
    return kind == ATTENTION ? n_frames : 0;
}

/* The gradient of attention's weight within one shard, on cache lines of its own. */
static int64_t shard_stride(int64_t n_features) {
    return nn_whole_lines(n_features);
}

static base_status plan(nn_plan *plan, base_error *err) {
    const pool_options *o = plan->options;
    BASE_TRY(nn_need_rank(plan, 2, ": put to_sequence before this layer", err));
    BASE_TRY(check_kinds(o, err));
    int64_t n_frames = plan->in[0].dim[0], n_features = plan->in[0].dim[1];
    if (n_frames > MAX_FRAMES) {
        return base_fail(err, BASE_ESHAPE, "%lld frames are more than %d", (long long)n_frames,
                         MAX_FRAMES);
    }
    for (int i = 0; i < o->kinds.n; i++) {
        pool_kind kind = kind_at(o, i);
        plan->n_cache += plan->max_batch * kept_floats(kind, n_frames, n_features);
        plan->macs += n_frames * n_features * (kind == ATTENTION ? 2 : kind == MEAN);
        if (kind != ATTENTION) continue;
        nn_shape weight = {.rank = 2, .dim = {1, n_features}}, bias = {.rank = 1, .dim = {1}};
        BASE_TRY(nn_plan_tensor(plan, "attention_weight", weight, NN_DECAYED, err));
        BASE_TRY(nn_plan_tensor(plan, "attention_bias", bias, NN_TRAINED, err));
        if (plan->training) plan->n_scratch = NN_SHARDS * shard_stride(n_features);
    }
    plan->out = (nn_shape){.rank = 1, .dim = {o->kinds.n * n_features}};
    plan->backward_reads = plan->n_param > 0 ? NN_READS_X : 0;
    return BASE_OK;
}

static void init(const nn_plan *plan, base_rng *rng, float *param, float *state) {
    (void)state;
    float bound = (float)(1 / sqrt((double)plan->in[0].dim[1]));
    for (int i = 0; i < plan->n_tensors; i++) {
        const nn_tensor_plan *tensor = &plan->tensor[i];
        nn_init_uniform(rng, bound, param + tensor->offset, nn_shape_count(tensor->shape));
    }
}

static const float *attention_weight(const pool_call *c) {
    return c->run->param + c->run->plan->tensor[0].offset;
}

static float attention_bias(const pool_call *c) {
    return c->run->param[c->run->plan->tensor[1].offset];
}

static pool_call make_call(const nn_run *run) {
    const nn_shape *in = &run->plan->in[0];
    return (pool_call){.options = run->plan->options,
                       .run = run,
                       .kernels = nn_kernels(),
                       .n_frames = in->dim[0],
                       .n_features = in->dim[1]};
}

static pool_sample make_sample(const pool_call *c, int64_t sample) {
    const int32_t *length = c->run->in_length;
    int64_t n_x = c->n_frames * c->n_features, n_y = c->options->kinds.n * c->n_features;
    pool_sample s = {.call = c, .n_features = c->n_features};
    s.n_frames = length != NULL ? length[sample] : c->n_frames;
    s.x = c->x != NULL ? c->x + sample * n_x : NULL;
    s.y = c->y != NULL ? c->y + sample * n_y : NULL;
    s.dy = c->dy != NULL ? c->dy + sample * n_y : NULL;
    s.dx = c->dx != NULL ? c->dx + sample * n_x : NULL;
    return s;
}

/* Turns s->y, s->dy and s->kept to the part of kind number `index`. `kept` counts the floats of the
 * kinds before it, for the largest batch. */
static void turn_to_kind(pool_sample *s, const pool_sample *first, int64_t sample, int index,
                         int64_t *kept) {
    const pool_call *c = s->call;
    int64_t n = kept_floats(kind_at(c->options, index), c->n_frames, c->n_features);
    if (first->y != NULL) s->y = first->y + index * c->n_features;
    if (first->dy != NULL) s->dy = first->dy + index * c->n_features;
    if (n > 0) s->kept = c->run->cache + *kept + sample * n; /* no kind keeps anything: no cache */
    *kept += c->run->plan->max_batch * n;
}

static void mean_forward(const pool_sample *s) {
    const nn_kernels_table *kernels = s->call->kernels;
    for (int64_t t = 0; t < s->n_frames; t++) {
        kernels->add(s->x + t * s->n_features, s->y, s->n_features);
    }
    kernels->scale(1 / (float)s->n_frames, s->y, s->n_features);
}

static void mean_backward(const pool_sample *s) {
    for (int64_t t = 0; t < s->n_frames; t++) {
        s->call->kernels->axpy(1 / (float)s->n_frames, s->dy, s->dx + t * s->n_features,
                               s->n_features);
    }
}

static void max_forward(const pool_sample *s) {
    int64_t n = s->n_features;
    memcpy(s->y, s->x, (size_t)n * sizeof *s->y);
    memset(s->kept, 0, (size_t)n * sizeof *s->kept);
    for (int64_t t = 1; t < s->n_frames; t++) {
        const float *x = s->x + t * n;
        for (int64_t i = 0; i < n; i++) {
            bool above = x[i] > s->y[i];
            s->y[i] = above ? x[i] : s->y[i];
            s->kept[i] = above ? (float)t : s->kept[i];
        }
    }
}

static void max_backward(const pool_sample *s) {
    for (int64_t i = 0; i < s->n_features; i++) {
        s->dx[(int64_t)s->kept[i] * s->n_features + i] += s->dy[i];
    }
}

static void last_forward(const pool_sample *s) {
    memcpy(s->y, s->x + (s->n_frames - 1) * s->n_features, (size_t)s->n_features * sizeof *s->y);
}

static void last_backward(const pool_sample *s) {
    s->call->kernels->add(s->dy, s->dx + (s->n_frames - 1) * s->n_features, s->n_features);
}

static void attention_forward(const pool_sample *s) {
    const nn_kernels_table *kernels = s->call->kernels;
    const float *weight = attention_weight(s->call);
    float bias = attention_bias(s->call), *a = s->kept, max = -INFINITY;
    int64_t n = s->n_features, n_frames = s->n_frames;
    for (int64_t t = 0; t < n_frames; t++) {
        a[t] = kernels->dot(weight, s->x + t * n, n) + bias;
        max = fmaxf(max, a[t]);
    }
    for (int64_t t = 0; t < n_frames; t++) a[t] -= max;
    kernels->exp(a, a, n_frames);
    kernels->scale(1 / kernels->sum(a, n_frames), a, n_frames);
    for (int64_t t = 0; t < n_frames; t++) kernels->axpy(a[t], s->x + t * n, s->y, n);
}

/* With da_t = dy x_t, the score's gradient is a_t (da_t - sum over u of a_u da_u), and that sum is
 * dy y = sum over u of a_u (dy x_u). The bias has no gradient: it moves all scores alike. */
static void attention_backward(const pool_sample *s) {
    const nn_kernels_table *kernels = s->call->kernels;
    const float *weight = attention_weight(s->call);
    int64_t n = s->n_features;
    float mean = 0;
    for (int64_t t = 0; t < s->n_frames; t++) {
        mean += s->kept[t] * kernels->dot(s->dy, s->x + t * n, n);
    }
    for (int64_t t = 0; t < s->n_frames; t++) {
        const float *x = s->x + t * n;
        float a = s->kept[t], dscore = a * (kernels->dot(s->dy, x, n) - mean);
        kernels->axpy(dscore, x, s->dweight, n);
        if (s->dx == NULL) continue;
        kernels->axpy(a, s->dy, s->dx + t * n, n);
        kernels->axpy(dscore, weight, s->dx + t * n, n);
    }
}

static void forward_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    static void (*const forwards[N_KINDS])(const pool_sample *) = {
        [MEAN] = mean_forward,
        [MAX] = max_forward,
        [LAST] = last_forward,
        [ATTENTION] = attention_forward,
    };
    const pool_call *c = context;
    pool_sample first = make_sample(c, sample), s = first;
    memset(s.y, 0, (size_t)(c->options->kinds.n * c->n_features) * sizeof *s.y);
    if (s.n_frames == 0) return;
    int64_t kept = 0;
    for (int i = 0; i < c->options->kinds.n; i++) {
        turn_to_kind(&s, &first, sample, i, &kept);
        forwards[kind_at(c->options, i)](&s);
    }
}

static void backward_sample(const pool_call *c, int64_t sample, float *dweight) {
    static void (*const backwards[N_KINDS])(const pool_sample *) = {
        [MEAN] = mean_backward,
        [MAX] = max_backward,
        [LAST] = last_backward,
        [ATTENTION] = attention_backward,
    };
    pool_sample first = make_sample(c, sample), s = first;
    if (s.dx != NULL) memset(s.dx, 0, (size_t)(c->n_frames * c->n_features) * sizeof *s.dx);
    if (s.n_frames == 0) return;
    s.dweight = dweight;
    int64_t kept = 0;
    for (int i = 0; i < c->options->kinds.n; i++) {
        pool_kind kind = kind_at(c->options, i);
        turn_to_kind(&s, &first, sample, i, &kept);
        if (kind == ATTENTION || s.dx != NULL) backwards[kind](&s);
    }
}

static void backward_shard(void *context, int64_t shard, int worker) {
    (void)worker;
    const pool_call *c = context;
    int64_t stride = shard_stride(c->n_features);
    float *dweight = c->run->scratch + shard * stride; /* not there without attention */
    if (c->run->plan->n_param > 0) memset(dweight, 0, (size_t)stride * sizeof *dweight);
    int64_t end = nn_shard_begin((int)shard + 1, c->run->batch);
    for (int64_t b = nn_shard_begin((int)shard, c->run->batch); b < end; b++) {
        backward_sample(c, b, dweight);
    }
}

static void forward(const nn_run *run) {
    pool_call c = make_call(run);
    c.x = run->x[0];
    c.y = run->y;
    base_parallel(run->pool, run->batch, forward_sample, &c);
}

static void backward(const nn_run *run) {
    pool_call c = make_call(run);
    c.x = run->plan->backward_reads & NN_READS_X ? run->x[0] : NULL;
    c.dy = run->dy;
    c.dx = run->dx[0];
    base_parallel(run->pool, NN_SHARDS, backward_shard, &c);
    if (run->plan->n_param == 0) return;
    int64_t stride = shard_stride(c.n_features);
    base_tree_sum(run->pool, run->scratch, NN_SHARDS, stride, stride);
    c.kernels->add(run->scratch, run->dparam + run->plan->tensor[0].offset, c.n_features);
}

static const base_option option_table[] = {
    {"kinds", BASE_OPT_STRINGS, offsetof(pool_options, kinds), NULL, 0, 0, NULL, NULL,
     "what to make of the frames, parts of the output in this order: mean, max, last, attention"},
    {.key = NULL}};

const nn_layer nn_layer_time_pool = {
    .variant = {.name = "time_pool",
                .help = "Joins the valid frames of a sequence into one vector",
                .shorthand = "kinds",
                .options = option_table,
                .size_bytes = sizeof(pool_options)},
    .plan = plan,
    .init = init,
    .length = nn_length_none,
    .forward = forward,
    .backward = backward};
