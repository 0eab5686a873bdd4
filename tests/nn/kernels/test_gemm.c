#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "nn/kernels/gemm.h"
#include "tests/test.h"

/* Check's own comparison writes to a pipe each time, which is slow in long loops. */
static void expect_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) {
        ck_abort_msg("%.9g is not within %g of %.9g", value, tolerance, expected);
    }
}

enum { MAX = 400 };

static float a[MAX * MAX], b[MAX * MAX], c[MAX * MAX], start[MAX * MAX];

static void fill(float *x, uint64_t stream) {
    base_rng rng = base_rng_open(5, BASE_RNG_TEST, stream, 0);
    for (int i = 0; i < MAX * MAX; i++) x[i] = base_rng_normal(&rng);
}

static double element(const nn_gemm_args *g, int64_t i, int64_t j) {
    double sum = 0;
    for (int64_t k = 0; k < g->k; k++) {
        double left = g->trans_a ? g->a[k * g->lda + i] : g->a[i * g->lda + k];
        sum += left * (double)(g->trans_b ? g->b[j * g->ldb + k] : g->b[k * g->ldb + j]);
    }
    return g->alpha * sum + g->beta * (double)start[i * g->ldc + j];
}

/* Every element against the definition; what lies between the rows of C must stay. */
static void check_product(base_pool *pool, nn_gemm_args g, bool parallel) {
    memcpy(c, start, sizeof c);
    if (parallel) {
        nn_gemm_parallel(pool, &g);
    } else {
        nn_gemm(&g);
    }
    for (int64_t i = 0; i < g.m; i++) {
        for (int64_t j = 0; j < g.ldc; j++) {
            double expected = j < g.n ? element(&g, i, j) : start[i * g.ldc + j];
            expect_near(c[i * g.ldc + j], expected, 1e-4);
        }
    }
}

static const int64_t shapes[][3] = {{1, 1, 1},    {3, 5, 7},       {17, 33, 9},    {1, 300, 40},
                                    {300, 1, 40}, {129, 257, 61},  {390, 20, 200}, {20, 390, 200},
                                    {16, 16, 0},  {200, 200, 390}, {47, 5, 390}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static nn_gemm_args make_args(int shape, int variant) {
    const int64_t *s = shapes[shape];
    return (nn_gemm_args){.trans_a = variant & 1,
                          .trans_b = variant >> 1 & 1,
                          .m = s[0],
                          .n = s[1],
                          .k = s[2],
                          .alpha = variant & 4 ? 0.5f : 1.0f,
                          .beta = variant & 4 ? 1.0f : 0.0f,
                          .a = a,
                          .lda = MAX,
                          .b = b,
                          .ldb = MAX,
                          .c = c,
                          .ldc = s[1] + 3 < MAX ? s[1] + 3 : MAX};
}

static void fill_all(void) {
    fill(a, 1);
    fill(b, 2);
    fill(start, 3);
}

START_TEST(multiplies) {
    fill_all();
    for (int shape = 0; shape < N_SHAPES; shape++) {
        for (int variant = 0; variant < 8; variant++) {
            nn_gemm_args args = make_args(shape, variant);
            check_product(NULL, args, variant % 2 == 0);
        }
    }
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    fill_all();
    static float expected[MAX * MAX];
    for (int shape = 0; shape < N_SHAPES; shape++) {
        for (int variant = 0; variant < 8; variant++) {
            nn_gemm_args args = make_args(shape, variant);
            memcpy(c, start, sizeof c);
            nn_gemm_parallel(NULL, &args);
            memcpy(expected, c, sizeof c);
            for (int n_threads = 2; n_threads <= 3; n_threads++) {
                base_pool *pool;
                base_error err = {0};
                TEST_OK(base_pool_new(n_threads, &pool, &err), err);
                memcpy(c, start, sizeof c);
                nn_gemm_parallel(pool, &args);
                ck_assert_mem_eq(c, expected, sizeof c);
                base_pool_free(pool);
            }
        }
    }
}
END_TEST

START_TEST(does_nothing_without_extent) {
    fill_all();
    nn_gemm_args args = make_args(0, 0);
    args.m = 0;
    check_product(NULL, args, true);
    args = make_args(0, 0);
    args.n = 0;
    check_product(NULL, args, true);
}
END_TEST

START_TEST(names_its_kernel) {
    nn_blas_setup();
    ck_assert_ptr_nonnull(nn_blas_kernel());
    ck_assert_int_gt(strlen(nn_blas_kernel()), 0);
    const char *best = nn_blas_best_kernel();
    ck_assert(best == NULL || strcmp(best, "SkylakeX") == 0 || strcmp(best, "Haswell") == 0);
}
END_TEST

TEST_MAIN("nn/kernels/gemm", multiplies, gives_the_same_bits_on_any_threads,
          does_nothing_without_extent, names_its_kernel)
