#include <math.h>

#include "tests/layer_check.h"
#include "tests/test.h"

extern const nn_layer nn_layer_time_pool;

static const int32_t lengths[] = {6, 1, 4, 2, 3, 6, 5, 1, 2, 0};

static layer_case make_case(const char *options, int64_t batch) {
    layer_case setup = {.layer = &nn_layer_time_pool, .options = options, .batch = batch};
    setup.in[0] = (nn_shape){.rank = 2, .dim = {6, 5}};
    setup.fill = layer_fill_apart;
    return setup;
}

START_TEST(agrees_with_pytorch) {
    static const struct {
        const char *name, *options;
    } cases[] = {
        {"time_pool/mean", "mean"},
        {"time_pool/max", "[max]"},
        {"time_pool/last", "{kinds: last}"},
        {"time_pool/attention", "attention"},
        {"time_pool/all", "[mean, max, last, attention]"},
        {"time_pool/lengths", "[attention, max, mean, last]"},
        {"time_pool/one", "{kinds: [mean, max, last, attention]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        layer_check_golden(&(layer_golden){.layer = &nn_layer_time_pool,
                                           .options = cases[i].options,
                                           .file = "nn_recurrent",
                                           .name = cases[i].name,
                                           .rtol = 1e-5,
                                           .atol = 2e-6});
    }
}
END_TEST

/* The gradient of attention's bias is zero: softmax does not heed what all scores share. */
START_TEST(has_the_right_gradient) {
    layer_case setup = make_case("[mean, max, last, attention]", 3);
    layer_check_gradient(&setup, 0.004, 1e-3);
    setup.length = lengths;
    layer_check_gradient(&setup, 0.004, 1e-3);
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    layer_case setup = make_case("[mean, max, attention, last]", 21);
    layer_check_threads(&setup);
    setup.batch = 5; /* fewer samples than shards */
    layer_check_threads(&setup);
}
END_TEST

START_TEST(heeds_lengths) {
    layer_case setup = make_case("[mean, max, last, attention]", 10);
    setup.length = lengths;
    layer_check_lengths(&setup, 1e-5, 1e-6);
}
END_TEST

START_TEST(gives_zeros_for_a_sample_without_frames) {
    layer_case setup = make_case("[mean, max, last, attention]", 10);
    setup.length = lengths;
    layer_probe *probe = layer_probe_new(&setup);
    layer_probe_run(probe);
    for (int i = 0; i < 4 * 5; i++) ck_assert(probe->y[9 * 4 * 5 + i] == 0);
    layer_probe_free(probe);
}
END_TEST

START_TEST(weighs_by_large_scores_without_overflow) {
    layer_case setup = make_case("attention", 1);
    layer_probe *probe = layer_probe_new(&setup);
    float *weight = layer_probe_tensor(probe, "attention_weight", probe->param, NULL);
    for (int i = 0; i < 5; i++) weight[i] = i == 0 ? 1000 : 0;
    layer_probe_forward(probe);
    int best = 0;
    for (int t = 1; t < 6; t++) best = probe->x[0][t * 5] > probe->x[0][best * 5] ? t : best;
    test_close("y", probe->y, probe->x[0] + best * 5, 5, 1e-6, 1e-6);
    layer_probe_free(probe);
}
END_TEST

START_TEST(refuses_what_it_cannot_do) {
    layer_case setup = make_case("[mean, median]", 1);
    layer_check_refused(&setup, BASE_ECONFIG, "median");
    setup.options = "[max, mean, max]";
    layer_check_refused(&setup, BASE_ECONFIG, "'max' twice");
    setup.options = "{kinds: []}";
    layer_check_refused(&setup, BASE_ECONFIG, "empty");
    setup.options = "mean";
    setup.in[0] = (nn_shape){.rank = 1, .dim = {5}};
    layer_check_refused(&setup, BASE_ESHAPE, "[B,5]");
}
END_TEST

TEST_MAIN("nn/layers/time_pool", agrees_with_pytorch, has_the_right_gradient,
          gives_the_same_bits_on_any_threads, heeds_lengths,
          gives_zeros_for_a_sample_without_frames, weighs_by_large_scores_without_overflow,
          refuses_what_it_cannot_do)
