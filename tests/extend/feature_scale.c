/* A layer with arithmetic of its own: y = weight x for each feature of a vector or a sequence. */
#include "nn/layer.h"

static base_status feature_scale_plan(nn_plan *plan, base_error *err) {
    nn_shape in = plan->in[0];
    if (in.rank == 3) return base_fail(err, BASE_ESHAPE, "input is an image");
    plan->out = in;
    plan->backward_reads = plan->training ? NN_READS_X : 0;
    return nn_plan_tensor(plan, "weight", nn_shape_make(1, &in.dim[in.rank - 1]), NN_DECAYED, err);
}

static void feature_scale_init(const nn_plan *plan, base_rng *rng, float *param, float *state) {
    (void)rng, (void)state;
    for (int64_t i = 0; i < plan->n_param; i++) param[i] = 1.0f;
}

static void feature_scale_forward(const nn_run *run) {
    const nn_plan *plan = run->plan;
    int64_t width = plan->in[0].dim[plan->in[0].rank - 1];
    int64_t n = run->batch * nn_shape_count(plan->in[0]);
    const float *weight = nn_plan_find(plan, "weight", (float *)run->param);
    for (int64_t i = 0; i < n; i++) run->y[i] = run->x[0][i] * weight[i % width];
}

static void feature_scale_backward(const nn_run *run) {
    const nn_plan *plan = run->plan;
    int64_t width = plan->in[0].dim[plan->in[0].rank - 1];
    int64_t n = run->batch * nn_shape_count(plan->in[0]);
    const float *weight = nn_plan_find(plan, "weight", (float *)run->param);
    float *dweight = nn_plan_find(plan, "weight", run->dparam), *dx = run->dx[0];
    for (int64_t i = 0; i < n; i++) dweight[i % width] += run->dy[i] * run->x[0][i];
    for (int64_t i = 0; i < n && dx != NULL; i++) dx[i] = run->dy[i] * weight[i % width];
}

const nn_layer nn_layer_feature_scale = {
    .variant = {.name = "feature_scale", .help = "a trained factor for each feature"},
    .plan = feature_scale_plan,
    .init = feature_scale_init,
    .length = nn_length_same,
    .forward = feature_scale_forward,
    .backward = feature_scale_backward,
};
