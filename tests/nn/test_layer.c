#include "nn/layer.h"

#include <string.h>

#include "tests/test.h"

START_TEST(the_registry_is_whole) {
    int n_layers, n_variants;
    const nn_layer *const *layers = nn_layers(&n_layers);
    const base_variant *const *variants = nn_layer_variants(&n_variants);
    ck_assert_int_eq(n_layers, n_variants);
    ck_assert_int_gt(n_layers, 20);
    for (int i = 0; i < n_layers; i++) {
        const nn_layer *layer = layers[i];
        ck_assert_ptr_eq(&layer->variant, variants[i]);
        ck_assert_msg(layer->variant.name && layer->variant.help, "layer %d has no name", i);
        ck_assert_msg(layer->plan && layer->init && layer->length && layer->forward &&
                          layer->backward,
                      "%s lacks a function", layer->variant.name);
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(layer->variant.name, layers[j]->variant.name);
        }
    }
}
END_TEST

START_TEST(tensors_start_on_cache_lines) {
    static nn_plan plan;
    base_error err;
    nn_shape five = nn_shape_make(1, (const int64_t[]){5});
    TEST_OK(nn_plan_tensor(&plan, "weight", five, NN_DECAYED, &err), err);
    TEST_OK(nn_plan_tensor(&plan, "mean", five, NN_STATE, &err), err);
    TEST_OK(nn_plan_tensor(&plan, "bias", five, NN_TRAINED, &err), err);
    ck_assert_int_eq(plan.n_tensors, 3);
    ck_assert_int_eq(plan.n_param, 32);
    ck_assert_int_eq(plan.n_state, 16);
    ck_assert(plan.tensor[0].decays && !plan.tensor[1].decays && !plan.tensor[2].decays);
    float block[32];
    ck_assert_ptr_eq(nn_plan_find(&plan, "bias", block), block + 16);
    ck_assert_ptr_null(nn_plan_find(&plan, "gain", block));
    ck_assert_ptr_eq(nn_plan_tensor_named(&plan, "bias"), &plan.tensor[2]);
    ck_assert_ptr_null(nn_plan_tensor_named(&plan, "gain"));
    nn_shape none = nn_shape_make(2, (const int64_t[]){5, 0});
    TEST_FAILS(nn_plan_tensor(&plan, "gain", none, NN_TRAINED, &err), BASE_ESHAPE, err,
               "gain of [5,0]");
}
END_TEST

START_TEST(shards_cover_the_batch) {
    enum { N = 6 };
    for (int64_t batch = 1; batch < 40; batch++) {
        nn_run all = {.shards = {.n = N, .end = N, .batch = batch}},
               some = {.shards = {.n = N, .first = 2, .end = 5, .batch = batch}};
        ck_assert_int_eq(nn_shard_begin(&all, 0), 0);
        ck_assert_int_eq(nn_shard_begin(&all, N), batch);
        ck_assert_int_eq(nn_shard_begin(&some, 2), 0);
        for (int s = 0; s < N; s++) {
            int64_t n = nn_shard_begin(&all, s + 1) - nn_shard_begin(&all, s);
            ck_assert_int_ge(n, batch / N);
            ck_assert_int_le(n, (batch + N - 1) / N);
            ck_assert_int_eq(n, nn_shard_begin(&some, s + 1) - nn_shard_begin(&some, s));
        }
    }
}
END_TEST

START_TEST(uniform_numbers_stay_in_bounds) {
    enum { N = 10000 };
    static float x[N];
    base_rng rng = base_rng_open(3, BASE_RNG_TEST, 0, 0);
    nn_init_uniform(&rng, 0.25f, x, N);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        ck_assert(x[i] >= -0.25f && x[i] < 0.25f);
        sum += x[i];
        squares += (double)x[i] * x[i];
    }
    ck_assert_double_eq_tol(sum / N, 0, 0.006);
    ck_assert_double_eq_tol(squares / N, 0.0625 / 3, 0.001);
}
END_TEST

START_TEST(ranks_are_explained) {
    static nn_plan plan;
    base_error err;
    plan.in[0] = nn_shape_make(3, (const int64_t[]){64, 8, 12});
    TEST_OK(nn_need_rank(&plan, 3, "", &err), err);
    TEST_FAILS(nn_need_rank(&plan, 2, "; put to_sequence before it", &err), BASE_ESHAPE, err,
               "input is [B,64,8,12]; a sequence [B,T,F] is needed; put to_sequence before it");
}
END_TEST

START_TEST(lengths) {
    static nn_plan plan;
    plan.out = nn_shape_make(2, (const int64_t[]){9, 4});
    ck_assert_int_eq(nn_length_same(&plan, 5), 5);
    ck_assert_int_eq(nn_length_none(&plan, 5), 9);
}
END_TEST

TEST_MAIN("nn/layer", the_registry_is_whole, tensors_start_on_cache_lines, shards_cover_the_batch,
          uniform_numbers_stay_in_bounds, ranks_are_explained, lengths)
