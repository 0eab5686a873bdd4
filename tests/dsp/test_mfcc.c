#include <math.h>

#include "dsp/mfcc.h"
#include "tests/golden.h"
#include "tests/test.h"

START_TEST(the_matrix_is_orthonormal) {
    float m[12 * 12];
    dsp_dct_fill(&(dsp_dct){12, 12, m});
    for (int a = 0; a < 12; a++) {
        for (int b = 0; b < 12; b++) {
            double sum = 0.0;
            for (int i = 0; i < 12; i++) sum += (double)m[a * 12 + i] * (double)m[b * 12 + i];
            ck_assert_double_eq_tol(sum, a == b ? 1.0 : 0.0, 1e-6);
        }
    }
}
END_TEST

START_TEST(columns_beyond_n_are_left_alone) {
    float m[4], x[2 * 3] = {1, 2, 9, 3, 4, 9}, y[2 * 3] = {0, 0, 5, 0, 0, 5};
    dsp_dct dct = {2, 2, m};
    dsp_dct_fill(&dct);
    dsp_dct_apply(&dct, x, y, 3, 2);
    float root = sqrtf(2.0f), expected[6] = {4 / root, 6 / root, 5, -2 / root, -2 / root, 5};
    test_close("dct", y, expected, 6, 1e-6, 1e-6);
}
END_TEST

START_TEST(deltas_agree_with_librosa) {
    golden *g = golden_open("dsp_features");
    int64_t shape[8];
    const float *mfcc = golden_get(g, "mfcc", NULL);
    golden_shape(g, "mfcc", shape);
    for (int order = 1; order <= 2; order++) {
        const float *expected = golden_get(g, order == 1 ? "delta1" : "delta2", NULL);
        for (int64_t row = 0; row < shape[0] * shape[1]; row++) {
            float y[64];
            dsp_delta(order, mfcc + row * shape[2], y, shape[2]);
            test_close("delta", y, expected + row * shape[2], shape[2], 1e-5, 1e-4);
        }
    }
    golden_close(g);
}
END_TEST

START_TEST(a_parabola_has_a_constant_second_derivative) {
    float x[20], y[20];
    for (int i = 0; i < 20; i++) x[i] = (float)(3 * i * i - 5 * i);
    dsp_delta(2, x, y, 20);
    for (int i = 4; i < 16; i++) ck_assert_float_eq_tol(y[i], 6.0f, 1e-4f);
    dsp_delta(1, x, y, 20);
    for (int i = 4; i < 16; i++) ck_assert_float_eq_tol(y[i], (float)(6 * i - 5), 1e-4f);
    dsp_delta(1, x, y, 1);
    ck_assert_float_eq(y[0], 0.0f);
}
END_TEST

TEST_MAIN("dsp/mfcc", the_matrix_is_orthonormal, columns_beyond_n_are_left_alone,
          deltas_agree_with_librosa, a_parabola_has_a_constant_second_derivative)
