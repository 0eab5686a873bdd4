#include "nn/kernels/planes.h"

#include <stdlib.h>

#include "tests/convolution_check.h"
#include "tests/test.h"

/* The padded input at row f and column t of a channel. */
static float padded(const convolution_truth *k, int64_t channel, int64_t f, int64_t t) {
    f -= k->f.before;
    t -= k->t.before;
    if (f < 0 || f >= k->f.in || t < 0 || t >= k->t.in) return 0.0F;
    return k->x[(channel * k->f.in + f) * k->t.in + t];
}

/* Each element of the kernel reads what it is to be multiplied with, for every output of a block.
 */
static void check_block(const convolution_truth *k, const nn_planes *p, int64_t first, int64_t rows,
                        const float *planes, const int32_t *offset) {
    int64_t n_elements = k->f.kernel * k->t.kernel;
    for (int64_t i = 0; i < p->channels * n_elements; i++) {
        int64_t f = i % n_elements / k->t.kernel * k->f.dilation;
        int64_t t = i % k->t.kernel * k->t.dilation;
        for (int64_t place = 0; place < rows * k->t.out; place++) {
            int64_t row = place / k->t.out, column = place % k->t.out;
            float wanted = padded(k, i / n_elements, (first + row) * k->f.stride + f,
                                  column * k->t.stride + t);
            float got = planes[offset[i] + row * p->pitch + column];
            if (got != wanted) ck_abort_msg("element %d, place %d", (int)i, (int)place);
        }
    }
}

START_TEST(elements_read_their_inputs) {
    enum { N_RANDOM = 300 };
    base_rng rng = base_rng_open(7, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N_RANDOM; i++) {
        convolution_truth k;
        nn_axis f = convolution_random_axis(&rng), t = convolution_random_axis(&rng);
        convolution_truth_init(&k, f, t, 1 + base_rng_below(&rng, 3), 1);
        int64_t rows = 1 + base_rng_below(&rng, k.f.out), wider = base_rng_below(&rng, 3);
        nn_planes p = {.f = k.f, .t = k.t, .channels = k.in};
        p.rows = rows + nn_planes_reach(&k.f);
        p.pitch = k.t.out + nn_planes_reach(&k.t) + wider;
        int64_t n_elements = k.in * k.f.kernel * k.t.kernel;
        int32_t *offset = check_zeros(&k.memory, n_elements, sizeof *offset);
        float *planes = check_dirt(&k.memory, nn_planes_floats(&p));
        nn_planes_offsets(&p, offset);
        for (int64_t first = 0; first < k.f.out; first += rows) {
            nn_planes_lay_out(&p, k.x, first, planes);
            check_block(&k, &p, first, nn_min(rows, k.f.out - first), planes, offset);
        }
        convolution_truth_release(&k);
    }
}
END_TEST

START_TEST(blocks_are_nearly_alike) {
    ck_assert_int_eq(nn_planes_cut(10, 100, 1000, 1), 10);
    ck_assert_int_eq(nn_planes_cut(10, 100, 1000, 2), 5);
    ck_assert_int_eq(nn_planes_cut(11, 100, 1000, 1), 6);
    ck_assert_int_eq(nn_planes_cut(3, 5000, 1000, 1), 1);
    ck_assert_int_eq(nn_planes_cut(1, 1, 1000, 2), 1);
    nn_output_cut cut = {.extent = 10, .x_floats = 1, .y_floats = 1 << 20, .macs = 1000};
    ck_assert_int_eq(nn_planes_cut_outputs(&cut), 10);
    cut.macs = 1000000;
    ck_assert_int_eq(nn_planes_cut_outputs(&cut), 5);
    cut.unit = 3;
    ck_assert_int_eq(nn_planes_cut_outputs(&cut), 3);
    cut.unit = 0;
    cut.x_floats = 1 << 20;
    ck_assert_int_eq(nn_planes_cut_outputs(&cut), 1);
}
END_TEST

TEST_MAIN("nn/kernels/planes", elements_read_their_inputs, blocks_are_nearly_alike)
