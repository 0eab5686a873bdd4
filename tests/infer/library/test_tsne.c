#include "infer/library/tsne.h"

#include <math.h>

#include "base/rng.h"
#include "tests/test.h"

enum { N = 600, WIDTH = 16, K = 20, N_BLOBS = 4 };

static base_error err;
static float x[N * WIDTH];
static double xy[2 * N], again[2 * N], force[2 * N];

/* Vectors of unit length around N_BLOBS directions; vector i belongs to blob i % N_BLOBS. */
static library_tsne blobs(int64_t n) {
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < n; i++) {
        double square = 0;
        for (int c = 0; c < WIDTH; c++) {
            float value = 0.2F * base_rng_normal(&rng) + (c == i % N_BLOBS ? 1.0F : 0.0F);
            x[i * WIDTH + c] = value;
            square += (double)value * (double)value;
        }
        for (int c = 0; c < WIDTH; c++) x[i * WIDTH + c] /= (float)sqrt(square);
    }
    return (library_tsne){.x = x, .n = n, .width = WIDTH, .perplexity = 30, .seed = 7};
}

static double distance(int64_t i, int64_t j) {
    double sum = 0;
    for (int c = 0; c < WIDTH; c++) {
        double d = (double)x[i * WIDTH + c] - (double)x[j * WIDTH + c];
        sum += d * d;
    }
    return sum;
}

START_TEST(the_nearest_are_found_exactly) {
    static int32_t neighbour[N * K];
    static float found[N * K];
    library_tsne job = blobs(N);
    TEST_OK(library_tsne_nearest(&job, K, neighbour, found, &err), err);
    for (int64_t i = 0; i < N; i++) {
        double farthest = distance(i, neighbour[i * K + K - 1]);
        int n_nearer = 0;
        for (int64_t j = 0; j < N; j++) n_nearer += j != i && distance(i, j) < farthest - 1e-5;
        ck_assert_int_le(n_nearer, K - 1);
        for (int64_t k = 0; k < K; k++) {
            ck_assert_int_ne(neighbour[i * K + k], i);
            ck_assert_double_eq_tol((double)found[i * K + k], distance(i, neighbour[i * K + k]),
                                    1e-5);
            if (k > 0) ck_assert_float_ge(found[i * K + k], found[i * K + k - 1]);
        }
    }
}
END_TEST

/* By the definition. */
static double repulsion(const double *at, int64_t n, double *all) {
    double total = 0;
    memset(all, 0, (size_t)(2 * n) * sizeof *all);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) {
            double dx = at[2 * i] - at[2 * j], dy = at[2 * i + 1] - at[2 * j + 1];
            double q = 1 / (1 + dx * dx + dy * dy);
            if (i == j) continue;
            total += q;
            all[2 * i] += q * q * dx;
            all[2 * i + 1] += q * q * dy;
        }
    }
    return total;
}

static void compare_repulsion(int64_t n, double within) {
    static double expected[2 * N];
    base_status status;
    double total = library_tsne_repulsion(NULL, xy, n, force, &status), square = 0, off = 0;
    ck_assert_int_eq(status, BASE_OK);
    double expected_total = repulsion(xy, n, expected);
    ck_assert_double_eq_tol(total / expected_total, 1, within);
    for (int64_t i = 0; i < 2 * n; i++) {
        square += expected[i] * expected[i];
        off += (force[i] - expected[i]) * (force[i] - expected[i]);
    }
    ck_assert_double_le(sqrt(off / square), within);
}

START_TEST(the_repulsion_is_near_its_definition) {
    base_rng rng = base_rng_open(2, BASE_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < 2 * N; i++) {
        xy[i] = 10 * (double)base_rng_normal(&rng) + (i / 2 % 2 ? 40 : 0);
    }
    compare_repulsion(N, 0.01);
    compare_repulsion(8, 1e-12);                        /* one leaf: exact */
    for (int64_t i = 0; i < 40; i++) xy[i] = xy[i % 2]; /* twenty copies at one place */
    compare_repulsion(N, 0.01);
}
END_TEST

START_TEST(what_is_alike_stays_together) {
    library_tsne job = blobs(N);
    int n_same = 0;
    double most = 0;
    TEST_OK(library_tsne_run(&job, xy, &err), err);
    for (int64_t i = 0; i < N; i++) {
        int64_t nearest = -1;
        double least = INFINITY;
        for (int64_t j = 0; j < N; j++) {
            double d = hypot(xy[2 * i] - xy[2 * j], xy[2 * i + 1] - xy[2 * j + 1]);
            if (j == i || d >= least) continue;
            least = d;
            nearest = j;
        }
        n_same += nearest % N_BLOBS == i % N_BLOBS;
        most = fmax(most, fmax(fabs(xy[2 * i]), fabs(xy[2 * i + 1])));
    }
    ck_assert_int_ge(n_same, N * 98 / 100);
    ck_assert_double_eq(most, 1);
}
END_TEST

START_TEST(threads_do_not_matter_and_seeds_do) {
    library_tsne job = blobs(N);
    TEST_OK(library_tsne_run(&job, xy, &err), err);
    TEST_OK(base_pool_new(3, &job.pool, &err), err);
    TEST_OK(library_tsne_run(&job, again, &err), err);
    ck_assert_mem_eq(again, xy, sizeof xy);
    job.seed = 8;
    TEST_OK(library_tsne_run(&job, again, &err), err);
    ck_assert_mem_ne(again, xy, sizeof xy);
    base_pool_free(job.pool);
}
END_TEST

START_TEST(few_and_equal_vectors_have_places) {
    for (int64_t n = 1; n < 12; n++) {
        library_tsne job = blobs(n);
        TEST_OK(library_tsne_run(&job, xy, &err), err);
        for (int64_t i = 0; i < 2 * n; i++) ck_assert(isfinite(xy[i]));
    }
    library_tsne job = blobs(100);
    for (int64_t i = 1; i < 100; i++) memcpy(x + i * WIDTH, x, WIDTH * sizeof *x);
    TEST_OK(library_tsne_run(&job, xy, &err), err);
    for (int64_t i = 0; i < 200; i++) ck_assert(isfinite(xy[i]));
    memset(x, 0, sizeof x);
    TEST_OK(library_tsne_run(&job, xy, &err), err);
    for (int64_t i = 0; i < 200; i++) ck_assert(isfinite(xy[i]));
}
END_TEST

static bool stop_mapping(void *context, const char *what, int64_t done, int64_t total) {
    (void)context;
    return strcmp(what, "mapping") != 0 || done < total / 2;
}

START_TEST(it_stops_when_asked_to) {
    library_tsne job = blobs(100);
    job.progress = stop_mapping;
    ck_assert_int_eq(library_tsne_run(&job, xy, &err), BASE_ESTOPPED);
}
END_TEST

TEST_MAIN("infer/library/tsne", the_nearest_are_found_exactly, the_repulsion_is_near_its_definition,
          what_is_alike_stays_together, threads_do_not_matter_and_seeds_do,
          few_and_equal_vectors_have_places, it_stops_when_asked_to)
