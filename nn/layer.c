#include "nn/layer.h"

#include <string.h>

#include "nn/kernels/extent.h"

#define NN_LAYER(name) &nn_layer_##name,
static const nn_layer *const layers[] = {
#include "nn/layers.def"
};
#undef NN_LAYER

#define NN_LAYER(name) &nn_layer_##name.variant,
static const base_variant *const variants[] = {
#include "nn/layers.def"
};
#undef NN_LAYER

enum { N_LAYERS = sizeof layers / sizeof *layers };

const nn_layer *const *nn_layers(int *n_layers) {
    *n_layers = N_LAYERS;
    return layers;
}

const base_variant *const *nn_layer_variants(int *n_layers) {
    *n_layers = N_LAYERS;
    return variants;
}

int64_t nn_shard_begin(const nn_run *run, int shard) {
    const nn_shards *s = &run->shards;
    return shard * s->batch / s->n - s->first * s->batch / s->n;
}

int64_t nn_sums_stride(const nn_plan *plan) {
    return nn_whole_lines(plan->n_sums);
}

int nn_shard_of_rank(int n_shards, int n_ranks, int rank) {
    return (int)((int64_t)n_shards * rank / n_ranks);
}

void nn_gather_sums(const nn_run *run, double *sums, int64_t n) {
    int64_t begin[NN_MAX_SHARDS + 1];
    int n_ranks = base_ranks_n(run->ranks);
    BASE_CHECK(n_ranks <= run->shards.n);
    for (int r = 0; r <= n_ranks; r++) {
        begin[r] = nn_shard_of_rank(run->shards.n, n_ranks, r) * n * (int64_t)sizeof(double);
    }
    base_ranks_gather(run->ranks, sums, begin);
}

double nn_join_sums(const nn_run *run, const double *sums, int64_t stride) {
    double part[NN_MAX_SHARDS];
    int n = run->shards.n;
    for (int s = 0; s < n; s++) part[s] = sums[s * stride];
    for (int distance = 1; distance < n; distance *= 2) {
        for (int s = 0; s + distance < n; s += 2 * distance) part[s] += part[s + distance];
    }
    return part[0];
}

float *nn_shard_sums(const nn_run *run, int shard) {
    return run->sums + shard * nn_sums_stride(run->plan);
}

base_status nn_plan_tensor(nn_plan *plan, const char *name, nn_shape shape, nn_tensor_kind kind,
                           base_error *err) {
    BASE_CHECK(plan->n_tensors < NN_MAX_TENSORS);
    nn_tensor_plan *tensor = &plan->tensor[plan->n_tensors];
    BASE_CHECK(strlen(name) < sizeof tensor->name);
    char text[64];
    int64_t count = nn_shape_count(shape);
    if (count < 0) {
        return base_fail(err, BASE_ESHAPE, "%s of %s is too large or empty", name,
                         nn_shape_text(shape, false, text));
    }
    bool is_state = kind == NN_STATE;
    int64_t *end = is_state ? &plan->n_state : &plan->n_param;
    *tensor = (nn_tensor_plan){
        .shape = shape, .offset = *end, .is_state = is_state, .decays = kind == NN_DECAYED};
    memcpy(tensor->name, name, strlen(name) + 1);
    *end += nn_whole_lines(count);
    plan->n_tensors++;
    return BASE_OK;
}

int64_t nn_saturated(int64_t a, int64_t b) {
    int64_t product;
    return base_mul(a, b, &product) && product < NN_MAX_WORK ? product : NN_MAX_WORK;
}

void nn_plan_work(nn_plan *plan, int64_t a, int64_t b) {
    plan->macs = nn_min(plan->macs + nn_saturated(a, b), NN_MAX_WORK);
}

base_status nn_plan_keep(nn_plan *plan, const void *data, size_t n_bytes, base_error *err) {
    plan->kept = base_arena_alloc(plan->arena, 1, n_bytes);
    if (plan->kept == NULL) return base_fail(err, BASE_EMEMORY, "no memory for its plan");
    memcpy(plan->kept, data, n_bytes);
    return BASE_OK;
}

const nn_tensor_plan *nn_plan_tensor_named(const nn_plan *plan, const char *name) {
    for (int i = 0; i < plan->n_tensors; i++) {
        if (strcmp(plan->tensor[i].name, name) == 0) return &plan->tensor[i];
    }
    return NULL;
}

float *nn_plan_find(const nn_plan *plan, const char *name, float *block) {
    const nn_tensor_plan *tensor = nn_plan_tensor_named(plan, name);
    return tensor != NULL ? block + tensor->offset : NULL;
}

bool nn_layer_function(const nn_layer *layer, const void *options, nn_function *function) {
    if (layer->map == NULL) return false;
    layer->map(options, function);
    function->map.scale = 1.0f;
    function->map.shift = 0.0f;
    return true;
}

/* Whether there is a window at all, and whether one byte tells its elements apart. */
static bool holds_windows(nn_shape image, const nn_tiling *windows) {
    enum { MAX_ELEMENTS = 256 };
    return image.rank == 3 && windows->kernel_f <= image.dim[1] &&
           windows->kernel_t <= image.dim[2] &&
           windows->kernel_f <= MAX_ELEMENTS / windows->kernel_t;
}

static bool fuse_pool(nn_plan *plan, const nn_tiling *windows) {
    if (!holds_windows(plan->out, windows)) return false;
    nn_plan fused = *plan;
    fused.pool = *windows;
    fused.out.dim[1] /= windows->kernel_f;
    fused.out.dim[2] /= windows->kernel_t;
    if (!plan->layer->fuse_pool(&fused)) return false;
    *plan = fused;
    return true;
}

bool nn_layer_fuse(nn_plan *plan, const nn_layer *next, const void *next_options) {
    nn_function function;
    nn_tiling windows;
    if (plan->pool.kernel_f > 0) return false;
    if (plan->layer->fuse_map != NULL && plan->map.kind == NN_IDENTITY &&
        nn_layer_function(next, next_options, &function) &&
        plan->layer->fuse_map(plan, &function)) {
        plan->map = function.map;
        return true;
    }
    return plan->layer->fuse_pool != NULL && next->pool != NULL &&
           next->pool(next_options, &windows) && fuse_pool(plan, &windows);
}

bool nn_layer_fuse_norm(nn_plan *plan, const nn_plan *next) {
    bool can = plan->layer->fuse_norm != NULL && next->layer->scales != NULL;
    bool plain = plan->map.kind == NN_IDENTITY && plan->pool.kernel_f == 0 && plan->norm == NULL;
    if (!can || !plain || plan->training || next->training || next->pool.kernel_f > 0) return false;
    if (plan->out.rank != 3 || !plan->layer->fuse_norm(plan, next)) return false;
    plan->norm = next;
    return true;
}

void nn_init_none(const nn_plan *plan, base_rng *rng, float *param, float *state) {
    (void)plan;
    (void)rng;
    (void)param;
    (void)state;
}

int64_t nn_length_same(const nn_plan *plan, int64_t length) {
    (void)plan;
    return length;
}

int64_t nn_length_none(const nn_plan *plan, int64_t length) {
    (void)length;
    int axis = nn_shape_time_axis(plan->out);
    return axis < 0 ? 0 : plan->out.dim[axis];
}

void nn_init_uniform(base_rng *rng, float bound, float *out, int64_t n) {
    base_rng_fill_uniform(rng, out, n);
    for (int64_t i = 0; i < n; i++) out[i] = bound * (2.0f * out[i] - 1.0f);
}

base_status nn_need_rank(const nn_plan *plan, int rank, const char *advice, base_error *err) {
    static const char *const kinds[] = {"", "a vector [B,F]", "a sequence [B,T,F]",
                                        "an image [B,C,F,T]"};
    BASE_CHECK(rank >= 1 && rank <= 3);
    if (plan->in[0].rank == rank) return BASE_OK;
    char text[64];
    return base_fail(err, BASE_ESHAPE, "input is %s; %s is needed%s",
                     nn_shape_text(plan->in[0], true, text), kinds[rank],
                     advice != NULL ? advice : "");
}
