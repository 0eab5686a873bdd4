#include "nn/optimizer.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { BLOCK = 16384 /* floats of one task */, MAX_VECTORS = 3 };

/* A stretch of the parameter vector that one task updates. */
typedef struct {
    int64_t begin, n;
    bool decays;
} segment;

struct nn_optimizer {
    nn_network *network;
    nn_optimizer_kind kind;
    nn_optimizer_options options;
    double average_decay; /* 0: no average */
    float *param, *grad;  /* the network's */
    int64_t n;
    float *moment[2]; /* SGD: momentum; Adam: first and second moment */
    float *average;
    int64_t n_steps;
    segment *segments;
    size_t n_segments;
};

#define FIELD(name) offsetof(nn_optimizer_options, name)
#define LR_OPTION(preset)                                                                          \
    { "lr", BASE_OPT_FLOAT, FIELD(lr), preset, 0, 1e3, NULL, NULL, "learning rate" }
#define DECAY_OPTIONS(preset)                                                                      \
    {"weight_decay",                                                                               \
     BASE_OPT_FLOAT,                                                                               \
     FIELD(weight_decay),                                                                          \
     preset,                                                                                       \
     0,                                                                                            \
     1e3,                                                                                          \
     NULL,                                                                                         \
     NULL,                                                                                         \
     "pull of the weights towards zero"},                                                          \
    {                                                                                              \
        "decay_all", BASE_OPT_BOOL, FIELD(decay_all), "false", 0, 0, NULL, NULL,                   \
            "whether biases and normalisations decay too"                                          \
    }
#define ADAM_OPTIONS                                                                               \
    {"beta1",                                                                                      \
     BASE_OPT_FLOAT,                                                                               \
     FIELD(beta1),                                                                                 \
     "0.9",                                                                                        \
     0,                                                                                            \
     0.999999,                                                                                     \
     NULL,                                                                                         \
     NULL,                                                                                         \
     "memory of the mean gradient"},                                                               \
        {"beta2",                                                                                  \
         BASE_OPT_FLOAT,                                                                           \
         FIELD(beta2),                                                                             \
         "0.999",                                                                                  \
         0,                                                                                        \
         0.999999,                                                                                 \
         NULL,                                                                                     \
         NULL,                                                                                     \
         "memory of the mean squared gradient"},                                                   \
    {                                                                                              \
        "eps", BASE_OPT_FLOAT, FIELD(eps), "1e-8", 1e-16, 1, NULL, NULL,                           \
            "added to the root of the mean squared gradient"                                       \
    }

static const base_option sgd_options[] = {LR_OPTION("0.01"),
                                          {"momentum", BASE_OPT_FLOAT, FIELD(momentum), "0.9", 0,
                                           0.999999, NULL, NULL,
                                           "share of the last update that is kept"},
                                          {"nesterov", BASE_OPT_BOOL, FIELD(nesterov), "false", 0,
                                           0, NULL, NULL, "whether momentum looks one step ahead"},
                                          DECAY_OPTIONS("0"),
                                          {0}};
static const base_option adam_options[] = {
    LR_OPTION("1e-3"), ADAM_OPTIONS, DECAY_OPTIONS("0"), {0}};
static const base_option adamw_options[] = {
    LR_OPTION("1e-3"), ADAM_OPTIONS, DECAY_OPTIONS("0.01"), {0}};

const base_variant *const *nn_optimizer_variants(int *n) {
    enum { SIZE = sizeof(nn_optimizer_options) };
    static const base_variant sgd = {"sgd", "stochastic gradient descent with momentum", "lr",
                                     sgd_options, SIZE};
    static const base_variant adam = {"adam", "Adam; weight decay is part of the gradient", "lr",
                                      adam_options, SIZE};
    static const base_variant adamw = {"adamw", "Adam with weight decay apart from the gradient",
                                       "lr", adamw_options, SIZE};
    static const base_variant *const variants[] = {
        [NN_SGD] = &sgd, [NN_ADAM] = &adam, [NN_ADAMW] = &adamw};
    *n = sizeof variants / sizeof *variants;
    return variants;
}

static int n_moments(const nn_optimizer *o) {
    return o->kind != NN_SGD ? 2 : o->options.momentum > 0 ? 1 : 0;
}

/* Tensors stand in the vector in order; trained neighbours of one kind are cut as one stretch, the
 * zeros between them included. Frozen ones are in none. */
static base_status make_segments(nn_optimizer *o, base_error *err) {
    int n_tensors = nn_network_n_tensors(o->network);
    size_t capacity = (size_t)(o->n / BLOCK) + (size_t)n_tensors + 1;
    o->segments = base_alloc(capacity, sizeof *o->segments);
    if (o->segments == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the optimiser");
    segment *last = NULL; /* of the stretch that goes on */
    for (int i = 0; i < n_tensors; i++) {
        nn_tensor tensor = nn_network_tensor(o->network, i);
        if (tensor.is_state) continue;
        bool decays = tensor.decays || o->options.decay_all;
        int64_t at = tensor.data - o->param, end = at + nn_shape_count(tensor.shape);
        if (tensor.is_frozen || (last != NULL && last->decays != decays)) last = NULL;
        if (last != NULL) at = last->begin + last->n;
        while (at < end && !tensor.is_frozen) {
            if (last == NULL || last->n == BLOCK) {
                last = &o->segments[o->n_segments++];
                *last = (segment){.begin = at, .decays = decays};
            }
            int64_t room = BLOCK - last->n, n = end - at < room ? end - at : room;
            last->n += n;
            at += n;
        }
    }
    return BASE_OK;
}

static base_status new_vector(int64_t n, float **vector, base_error *err) {
    *vector = base_alloc((size_t)(n > 0 ? n : 1), sizeof **vector);
    if (*vector != NULL) return BASE_OK;
    return base_fail(err, BASE_EMEMORY, "no memory for the optimiser: %lld numbers", (long long)n);
}

static base_status allocate(nn_optimizer *o, base_error *err) {
    for (int i = 0; i < n_moments(o); i++) BASE_TRY(new_vector(o->n, &o->moment[i], err));
    if (o->average_decay > 0) BASE_TRY(new_vector(o->n, &o->average, err));
    return make_segments(o, err);
}

base_status nn_optimizer_new(nn_network *network, nn_optimizer_kind kind,
                             const nn_optimizer_options *options, double ema_decay,
                             nn_optimizer **optimizer, base_error *err) {
    *optimizer = NULL;
    nn_optimizer *o = base_alloc(1, sizeof *o);
    if (o == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the optimiser");
    *o = (nn_optimizer){.network = network,
                        .kind = kind,
                        .options = *options,
                        .average_decay = ema_decay,
                        .param = nn_network_params(network, &o->n)};
    o->grad = nn_network_grads(network, &o->n);
    BASE_CHECK(o->grad != NULL); /* the network was planned for training */
    base_status status = allocate(o, err);
    if (status != BASE_OK) {
        nn_optimizer_free(o);
        return status;
    }
    *optimizer = o;
    return BASE_OK;
}

void nn_optimizer_free(nn_optimizer *o) {
    if (o == NULL) return;
    base_free(o->moment[0]);
    base_free(o->moment[1]);
    base_free(o->average);
    base_free(o->segments);
    base_free(o);
}

static base_pool *pool_of(const nn_network *network) {
    return nn_network_get_config(network)->pool;
}

/* The sum of squares is cut into this many parts, added one after the other. */
enum { NORM_PARTS = 256, LANES = 8 };

typedef struct {
    float *grad;
    int64_t n;
    double part[NORM_PARTS];
    float scale;
} clip_context;

static int64_t part_begin(int64_t part, int64_t n) {
    return part * (n / NORM_PARTS) + (part < n % NORM_PARTS ? part : n % NORM_PARTS);
}

static void square_part(void *context, int64_t part, int worker) {
    (void)worker;
    clip_context *clip = context;
    int64_t i = part_begin(part, clip->n), end = part_begin(part + 1, clip->n);
    double lane[LANES] = {0}, sum = 0;
    for (; end - i >= LANES; i += LANES) {
        for (int l = 0; l < LANES; l++) lane[l] += (double)clip->grad[i + l] * clip->grad[i + l];
    }
    for (; i < end; i++) sum += (double)clip->grad[i] * clip->grad[i];
    for (int l = 0; l < LANES; l++) sum += lane[l];
    clip->part[part] = sum;
}

static void scale_part(void *context, int64_t part, int worker) {
    (void)worker;
    const clip_context *clip = context;
    int64_t end = part_begin(part + 1, clip->n);
    for (int64_t i = part_begin(part, clip->n); i < end; i++) clip->grad[i] *= clip->scale;
}

/* torch.nn.utils.clip_grad_norm_: the small constant keeps the quotient finite. A norm that is not
 * a number scales nothing: the caller sees it. */
double nn_clip_gradients(nn_network *network, double max_norm) {
    clip_context clip;
    clip.grad = nn_network_grads(network, &clip.n);
    base_parallel(pool_of(network), NORM_PARTS, square_part, &clip);
    double squares = 0;
    for (int i = 0; i < NORM_PARTS; i++) squares += clip.part[i];
    double norm = sqrt(squares);
    clip.scale = (float)(max_norm / (norm + 1e-6));
    if (max_norm > 0 && isfinite(norm) && clip.scale < 1) {
        base_parallel(pool_of(network), NORM_PARTS, scale_part, &clip);
    }
    return norm;
}

/* The numbers of one update; every rule reads those it needs. */
typedef struct {
    nn_optimizer *optimizer;
    float lr, coupled_decay, keep; /* keep: 1 - lr * decay of AdamW */
    float root2;                   /* sqrt of the second moment's bias correction */
    float average_keep;            /* 0: no average */
} update;

static void step_sgd(const nn_optimizer *o, const update *u, const segment *s) {
    float *restrict param = o->param + s->begin;
    const float *restrict grad = o->grad + s->begin;
    float decay = s->decays ? u->coupled_decay : 0, momentum = (float)o->options.momentum;
    float own = o->options.nesterov ? 1 : 0, ahead = o->options.nesterov ? momentum : 1;
    if (o->moment[0] == NULL) {
        for (int64_t i = 0; i < s->n; i++) param[i] -= u->lr * (grad[i] + decay * param[i]);
        return;
    }
    float *restrict velocity = o->moment[0] + s->begin;
    for (int64_t i = 0; i < s->n; i++) {
        float g = grad[i] + decay * param[i];
        velocity[i] = momentum * velocity[i] + g;
        param[i] -= u->lr * (own * g + ahead * velocity[i]);
    }
}

static void step_adam(const nn_optimizer *o, const update *u, const segment *s) {
    float *restrict param = o->param + s->begin;
    const float *restrict grad = o->grad + s->begin;
    float *restrict m = o->moment[0] + s->begin, *restrict v = o->moment[1] + s->begin;
    float decay = s->decays ? u->coupled_decay : 0, keep = s->decays ? u->keep : 1;
    float beta1 = (float)o->options.beta1, beta2 = (float)o->options.beta2;
    float rest1 = (float)(1 - o->options.beta1), rest2 = (float)(1 - o->options.beta2);
    float lr = u->lr, root2 = u->root2, eps = (float)o->options.eps;
    for (int64_t i = 0; i < s->n; i++) {
        float g = grad[i] + decay * param[i];
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * g * g;
        param[i] = keep * param[i] - lr * m[i] / (sqrtf(v[i]) * root2 + eps);
    }
}

static void average_segment(const nn_optimizer *o, const update *u, const segment *s) {
    const float *restrict param = o->param + s->begin;
    float *restrict average = o->average + s->begin, keep = u->average_keep;
    for (int64_t i = 0; i < s->n; i++) average[i] = keep * average[i] + (1 - keep) * param[i];
}

static void update_segment(void *context, int64_t task, int worker) {
    (void)worker;
    const update *u = context;
    const nn_optimizer *o = u->optimizer;
    const segment *s = &o->segments[task];
    if (o->kind == NN_SGD) {
        step_sgd(o, u, s);
    } else {
        step_adam(o, u, s);
    }
    if (o->average != NULL) average_segment(o, u, s);
}

void nn_optimizer_step(nn_optimizer *o, double lr) {
    const nn_optimizer_options *options = &o->options;
    if (o->average != NULL && o->n_steps == 0) {
        memcpy(o->average, o->param, (size_t)o->n * sizeof *o->average);
    }
    double done = (double)o->n_steps, rise = (1 + done) / (10 + done);
    update u = {.optimizer = o, .lr = (float)lr, .keep = 1, .root2 = 1};
    u.average_keep = (float)fmin(o->average_decay, rise);
    if (o->kind == NN_ADAMW) {
        u.keep = (float)(1 - lr * options->weight_decay);
    } else {
        u.coupled_decay = (float)options->weight_decay;
    }
    if (o->kind != NN_SGD) {
        u.lr = (float)(lr / (1 - pow(options->beta1, done + 1)));
        u.root2 = (float)(1 / sqrt(1 - pow(options->beta2, done + 1)));
    }
    base_parallel(pool_of(o->network), (int64_t)o->n_segments, update_segment, &u);
    o->n_steps++;
}

void nn_optimizer_swap_average(nn_optimizer *o) {
    if (o->average == NULL || o->n_steps == 0) return;
    for (int64_t i = 0; i < o->n; i++) {
        float param = o->param[i];
        o->param[i] = o->average[i];
        o->average[i] = param;
    }
}

bool nn_optimizer_has_average(const nn_optimizer *o) {
    return o->average != NULL;
}

int64_t *nn_optimizer_steps(nn_optimizer *o) {
    return &o->n_steps;
}

int nn_optimizer_vectors(nn_optimizer *o, nn_optimizer_vector vectors[3]) {
    int n = 0;
    for (int i = 0; i < n_moments(o); i++) {
        const char *name = o->kind == NN_SGD ? "momentum" : i == 0 ? "adam_m" : "adam_v";
        vectors[n++] = (nn_optimizer_vector){name, o->moment[i], o->n};
    }
    if (o->average != NULL) vectors[n++] = (nn_optimizer_vector){"average", o->average, o->n};
    BASE_CHECK(n <= MAX_VECTORS);
    return n;
}
