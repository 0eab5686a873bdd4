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

/* One kind's part of the output. What it keeps for backward, of all samples, lies in the cache from
 * kept_at on: of each sample the frame of each maximum, or the weight of each frame. */
typedef struct {
    pool_kind kind;
    int64_t n_kept; /* floats of one sample */
    int64_t kept_at;
} pool_part;

/* Kept by the plan. */
typedef struct {
    int n_parts;
    pool_part part[N_KINDS];
    int64_t n_frames, n_features;
} pool_geometry;

/* One sample, or a part of it. */
typedef struct {
    const nn_run *run;
    const nn_kernels_table *kernels;
    int64_t n_frames, n_features; /* valid frames */
    const float *x;
    float *y, *dx, *kept;
    const float *dy;
    float *dweight; /* attention: [F] of this shard */
} pool_sample;

/* N_KINDS: there is none of that name. */
static pool_kind find_kind(const char *name) {
    int kind = 0;
    while (kind < N_KINDS && strcmp(name, kind_names[kind]) != 0) kind++;
    return (pool_kind)kind;
}

static base_status check_kinds(const pool_options *options, base_error *err) {
    const base_strings *kinds = &options->kinds;
    if (kinds->n == 0) return base_fail(err, BASE_ECONFIG, "kinds is empty");
    for (int i = 0; i < kinds->n; i++) {
        if (find_kind(kinds->items[i]) == N_KINDS) {
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

static int64_t kept_floats(pool_kind kind, int64_t n_frames, int64_t n_features) {
    if (kind == MAX) return n_features;
    return kind == ATTENTION ? n_frames : 0;
}

static base_status plan_attention(nn_plan *plan, int64_t n_features, base_error *err) {
    nn_shape weight = {.rank = 2, .dim = {1, n_features}}, bias = {.rank = 1, .dim = {1}};
    BASE_TRY(nn_plan_tensor(plan, "attention_weight", weight, NN_DECAYED, err));
    BASE_TRY(nn_plan_tensor(plan, "attention_bias", bias, NN_TRAINED, err));
    if (plan->training) plan->n_sums = n_features; /* the weight's gradient */
    return BASE_OK;
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
    pool_geometry g = {.n_parts = o->kinds.n, .n_frames = n_frames, .n_features = n_features};
    for (int i = 0; i < g.n_parts; i++) {
        pool_kind kind = find_kind(o->kinds.items[i]);
        g.part[i] = (pool_part){.kind = kind,
                                .n_kept = kept_floats(kind, n_frames, n_features),
                                .kept_at = plan->n_cache};
        plan->n_cache += plan->max_batch * g.part[i].n_kept;
        plan->macs += n_frames * n_features * (kind == ATTENTION ? 2 : kind == MEAN);
        if (kind == ATTENTION) BASE_TRY(plan_attention(plan, n_features, err));
    }
    plan->out = (nn_shape){.rank = 1, .dim = {o->kinds.n * n_features}};
    plan->backward_reads = plan->n_param > 0 ? NN_READS_X : 0;
    return nn_plan_keep(plan, &g, sizeof g, err);
}

static void init(const nn_plan *plan, base_rng *rng, float *param, float *state) {
    (void)state;
    float bound = (float)(1 / sqrt((double)plan->in[0].dim[1]));
    for (int i = 0; i < plan->n_tensors; i++) {
        const nn_tensor_plan *tensor = &plan->tensor[i];
        nn_init_uniform(rng, bound, param + tensor->offset, nn_shape_count(tensor->shape));
    }
}

static const float *attention_weight(const nn_run *run) {
    return run->param + run->plan->tensor[0].offset;
}

static float attention_bias(const nn_run *run) {
    return run->param[run->plan->tensor[1].offset];
}

/* x [batch, in], or NULL. */
static pool_sample sample_of(const nn_run *run, const float *x, int64_t sample) {
    const pool_geometry *g = run->plan->kept;
    int64_t n_x = g->n_frames * g->n_features, n_y = g->n_parts * g->n_features;
    return (pool_sample){
        .run = run,
        .kernels = nn_kernels(),
        .n_frames = run->in_length != NULL ? run->in_length[sample] : g->n_frames,
        .n_features = g->n_features,
        .x = x != NULL ? x + sample * n_x : NULL,
        .y = run->y != NULL ? run->y + sample * n_y : NULL,
        .dy = run->dy != NULL ? run->dy + sample * n_y : NULL,
        .dx = run->dx[0] != NULL ? run->dx[0] + sample * n_x : NULL,
    };
}

static pool_sample part_of(const pool_sample *whole, int64_t sample, int index) {
    const pool_geometry *g = whole->run->plan->kept;
    const pool_part *part = &g->part[index];
    int64_t n = part->n_kept, at = part->kept_at + sample * n;
    pool_sample s = *whole;
    if (s.y != NULL) s.y += index * g->n_features;
    if (s.dy != NULL) s.dy += index * g->n_features;
    if (n > 0) s.kept = s.run->cache + at; /* no kind keeps anything: no cache */
    return s;
}

static void mean_forward(const pool_sample *s) {
    const nn_kernels_table *kernels = s->kernels;
    for (int64_t t = 0; t < s->n_frames; t++) {
        kernels->add(s->x + t * s->n_features, s->y, s->n_features);
    }
    kernels->scale(1 / (float)s->n_frames, s->y, s->n_features);
}

static void mean_backward(const pool_sample *s) {
    for (int64_t t = 0; t < s->n_frames; t++) {
        s->kernels->axpy(1 / (float)s->n_frames, s->dy, s->dx + t * s->n_features, s->n_features);
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
    s->kernels->add(s->dy, s->dx + (s->n_frames - 1) * s->n_features, s->n_features);
}

static void attention_forward(const pool_sample *s) {
    const nn_kernels_table *kernels = s->kernels;
    const float *weight = attention_weight(s->run);
    float bias = attention_bias(s->run), *a = s->kept, max = -INFINITY;
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
    const nn_kernels_table *kernels = s->kernels;
    const float *weight = attention_weight(s->run);
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
    const nn_run *run = context;
    const pool_geometry *g = run->plan->kept;
    pool_sample whole = sample_of(run, run->x[0], sample);
    memset(whole.y, 0, (size_t)(g->n_parts * g->n_features) * sizeof *whole.y);
    if (whole.n_frames == 0) return;
    for (int i = 0; i < g->n_parts; i++) {
        pool_sample s = part_of(&whole, sample, i);
        forwards[g->part[i].kind](&s);
    }
}

static void backward_sample(const nn_run *run, int64_t sample, float *dweight) {
    static void (*const backwards[N_KINDS])(const pool_sample *) = {
        [MEAN] = mean_backward,
        [MAX] = max_backward,
        [LAST] = last_backward,
        [ATTENTION] = attention_backward,
    };
    const pool_geometry *g = run->plan->kept;
    bool reads_x = run->plan->backward_reads & NN_READS_X;
    pool_sample whole = sample_of(run, reads_x ? run->x[0] : NULL, sample);
    size_t n_dx = (size_t)(g->n_frames * g->n_features);
    if (whole.dx != NULL) memset(whole.dx, 0, n_dx * sizeof *whole.dx);
    if (whole.n_frames == 0) return;
    whole.dweight = dweight;
    for (int i = 0; i < g->n_parts; i++) {
        pool_sample s = part_of(&whole, sample, i);
        pool_kind kind = g->part[i].kind;
        if (kind == ATTENTION || s.dx != NULL) backwards[kind](&s);
    }
}

static void backward_shard(void *context, int64_t task, int worker) {
    (void)worker;
    const nn_run *run = context;
    int shard = run->shards.first + (int)task;
    float *dweight = nn_shard_sums(run, shard); /* empty without attention */
    memset(dweight, 0, (size_t)nn_sums_stride(run->plan) * sizeof *dweight);
    int64_t end = nn_shard_begin(run, shard + 1);
    for (int64_t b = nn_shard_begin(run, shard); b < end; b++) {
        backward_sample(run, b, dweight);
    }
}

static void forward(const nn_run *run) {
    base_parallel(run->pool, run->batch, forward_sample, (void *)run);
}

static void backward(const nn_run *run) {
    base_parallel(run->pool, run->shards.end - run->shards.first, backward_shard, (void *)run);
}

static void add_sums(const nn_run *run, float *sums) {
    nn_kernels()->add(sums, run->dparam + run->plan->tensor[0].offset, run->plan->n_sums);
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
    .backward = backward,
    .add_sums = add_sums};
