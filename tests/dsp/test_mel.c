#include <stdio.h>
#include <string.h>

#include "dsp/mel.h"
#include "tests/golden.h"
#include "tests/test.h"

START_TEST(rows_agree_with_librosa) {
    golden *g = golden_open("dsp_mel");
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "options%d", i);
        const float *o = golden_get(g, name, NULL);
        dsp_mel_options options = {.sample_rate_hz = (double)o[0],
                                   .n_fft = (int64_t)o[1],
                                   .n_mels = (int64_t)o[2],
                                   .fmin_hz = (double)o[3],
                                   .fmax_hz = (double)o[4],
                                   .htk = o[5] != 0.0f,
                                   .area = o[6] != 0.0f};
        dsp_mel *mel;
        base_error err;
        TEST_OK(dsp_mel_new(&options, false, &mel, &err), err);
        snprintf(name, sizeof name, "rows%d", i);
        const float *rows = golden_get(g, name, NULL);
        int64_t n_bins = options.n_fft / 2 + 1;
        for (int64_t m = 0; m < options.n_mels; m++) {
            float row[257];
            dsp_mel_row(mel, m, row);
            test_close(name, row, rows + m * n_bins, n_bins, 1e-6, 1e-8);
        }
        dsp_mel_free(mel);
    }
    golden_close(g);
}
END_TEST

START_TEST(scales_agree_with_librosa) {
    golden *g = golden_open("dsp_mel");
    int64_t n;
    const float *hz = golden_get(g, "hz", &n);
    for (int htk = 0; htk < 2; htk++) {
        const float *mel = golden_get(g, htk ? "htk" : "slaney", NULL);
        for (int64_t i = 0; i < n; i++) {
            double got = dsp_hz_to_mel((double)hz[i], htk);
            ck_assert_double_eq_tol(got, (double)mel[i], 1e-4);
            ck_assert_double_eq_tol(dsp_mel_to_hz(got, htk), (double)hz[i], 1e-6);
        }
    }
    golden_close(g);
}
END_TEST

START_TEST(apply_is_the_product_with_the_rows) {
    dsp_mel_options options = {.sample_rate_hz = 44100, .n_fft = 2048, .n_mels = 64, .area = true};
    dsp_mel *mel;
    base_error err;
    TEST_OK(dsp_mel_new(&options, false, &mel, &err), err);
    float power[1025], out[64], expected[64], row[1025];
    for (int k = 0; k < 1025; k++) power[k] = (float)(1 + k * 37 % 101);
    dsp_mel_apply(mel, power, out);
    for (int m = 0; m < 64; m++) {
        double sum = 0.0;
        dsp_mel_row(mel, m, row);
        for (int k = 0; k < 1025; k++) sum += (double)row[k] * (double)power[k];
        expected[m] = (float)sum;
    }
    test_close("mel", out, expected, 64, 1e-6, 0.0);
    dsp_mel_free(mel);
}
END_TEST

START_TEST(a_filter_without_bins_is_named) {
    dsp_mel_options options = {.sample_rate_hz = 44100, .n_fft = 256, .n_mels = 64, .area = true};
    dsp_mel *mel;
    base_error err;
    TEST_FAILS(dsp_mel_new(&options, false, &mel, &err), BASE_ECONFIG, err, "filter 1 of 64");
    ck_assert_ptr_null(mel);
    TEST_OK(dsp_mel_new(&options, true, &mel, &err), err);
    float power[129], out[64];
    for (int k = 0; k < 129; k++) power[k] = 1.0f;
    dsp_mel_apply(mel, power, out);
    ck_assert_float_eq(out[0], 0.0f);
    ck_assert_float_gt(out[63], 0.0f);
    dsp_mel_free(mel);
}
END_TEST

START_TEST(refuses_impossible_bands) {
    dsp_mel_options options = {.sample_rate_hz = 8000, .fmax_hz = 4001, .n_fft = 256, .n_mels = 8};
    dsp_mel *mel;
    base_error err;
    TEST_FAILS(dsp_mel_new(&options, false, &mel, &err), BASE_ECONFIG, err, "4001");
    options.fmax_hz = 0.0;
    options.fmin_hz = 4000.0;
    TEST_FAILS(dsp_mel_new(&options, false, &mel, &err), BASE_ECONFIG, err, "4000");
    dsp_mel_free(NULL);
}
END_TEST

TEST_MAIN("dsp/mel", rows_agree_with_librosa, scales_agree_with_librosa,
          apply_is_the_product_with_the_rows, a_filter_without_bins_is_named,
          refuses_impossible_bands)
