#include "base/parallel.h"

#include <float.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "tests/test.h"

enum { MAX_TASKS = 5000 };

typedef struct {
    base_pool *pool;
    int n_threads;
    int done[MAX_TASKS]; /* each written by one task */
    atomic_int busy[16]; /* per worker: tasks running at this moment */
    atomic_int n_wrong;
} record;

static base_pool *new_pool(int n_threads) {
    base_pool *pool;
    base_error err;
    TEST_OK(base_pool_new(n_threads, &pool, &err), err);
    ck_assert_int_eq(base_pool_threads(pool), n_threads);
    return pool;
}

static void note_task(void *context, int64_t task, int worker) {
    record *r = context;
    if (worker < 0 || worker >= r->n_threads) {
        atomic_fetch_add(&r->n_wrong, 1);
        return;
    }
    if (atomic_fetch_add(&r->busy[worker], 1) != 0) atomic_fetch_add(&r->n_wrong, 1);
    r->done[task]++;
    atomic_fetch_sub(&r->busy[worker], 1);
}

START_TEST(each_task_runs_once_as_one_worker) {
    static const int threads[] = {1, 2, 3, 8};
    static const int64_t sizes[] = {0, 1, 2, 7, MAX_TASKS};
    for (int t = 0; t < 4; t++) {
        base_pool *pool = new_pool(threads[t]);
        for (int s = 0; s < 5; s++) {
            static record r;
            memset(&r, 0, sizeof r);
            r.n_threads = threads[t];
            base_parallel(pool, sizes[s], note_task, &r);
            for (int64_t i = 0; i < MAX_TASKS; i++) ck_assert_int_eq(r.done[i], i < sizes[s]);
            ck_assert_int_eq(r.n_wrong, 0);
        }
        base_pool_free(pool);
    }
}
END_TEST

/* Many short loops in a row: late workers must never see a loop that is over. */
START_TEST(short_loops_do_not_mix) {
    for (int n_threads = 2; n_threads <= 6; n_threads += 2) {
        base_pool *pool = new_pool(n_threads);
        static record r;
        memset(&r, 0, sizeof r);
        r.n_threads = n_threads;
        for (int i = 0; i < 3000; i++) base_parallel(pool, 1 + i % 5, note_task, &r);
        for (int i = 0; i < 5; i++) ck_assert_int_eq(r.done[i], 3000 - 600 * i);
        ck_assert_int_eq(r.n_wrong, 0);
        base_pool_free(pool);
    }
}
END_TEST

static void meet_the_other(void *context, int64_t task, int worker) {
    (void)task, (void)worker;
    pthread_barrier_wait(context);
}

/* Each task waits for the other: one thread alone would wait for ever. */
START_TEST(two_tasks_run_at_the_same_time) {
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    base_pool *pool = new_pool(2);
    for (int i = 0; i < 100; i++) base_parallel(pool, 2, meet_the_other, &barrier);
    base_pool_free(pool);
    pthread_barrier_destroy(&barrier);
}
END_TEST

START_TEST(no_pool_means_the_calling_thread) {
    static record r;
    r.n_threads = 1;
    base_parallel(NULL, 100, note_task, &r);
    for (int i = 0; i < 100; i++) ck_assert_int_eq(r.done[i], 1);
    ck_assert_int_eq(base_pool_threads(NULL), 1);
    base_pool_free(NULL);
}
END_TEST

typedef struct {
    record *outer;
    int64_t outer_task;
    int outer_worker;
} nested;

static void inner_task(void *context, int64_t task, int worker) {
    nested *n = context;
    if (worker != n->outer_worker) atomic_fetch_add(&n->outer->n_wrong, 1);
    n->outer->done[n->outer_task * 10 + task]++;
}

static void zeroth_worker_task(void *context, int64_t task, int worker) {
    (void)task;
    if (worker != 0) atomic_fetch_add(&((record *)context)->n_wrong, 1);
}

static void outer_task(void *context, int64_t task, int worker) {
    record *r = context;
    nested n = {.outer = r, .outer_task = task, .outer_worker = worker};
    base_parallel(r->pool, 10, inner_task, &n);
    base_parallel(NULL, 3, zeroth_worker_task, r);
}

START_TEST(nested_loops_run_as_the_same_worker) {
    static record r;
    r.n_threads = 4;
    r.pool = new_pool(4);
    base_parallel(r.pool, 300, outer_task, &r);
    for (int i = 0; i < 3000; i++) ck_assert_int_eq(r.done[i], 1);
    ck_assert_int_eq(r.n_wrong, 0);
    base_pool_free(r.pool);
}
END_TEST

#if defined(__SSE__) || defined(__aarch64__)
static float halve(float x) {
    volatile float y = x;
    return y * 0.5f;
}

static void check_flushed(void *context, int64_t task, int worker) {
    (void)task, (void)worker;
    if (halve(FLT_MIN) != 0.0f) atomic_fetch_add((atomic_int *)context, 1);
}

START_TEST(denormals_are_flushed_in_tasks_only) {
    base_pool *pool = new_pool(3);
    atomic_int n_kept = 0;
    ck_assert(halve(FLT_MIN) != 0.0f);
    base_parallel(pool, 100, check_flushed, &n_kept);
    base_parallel(NULL, 10, check_flushed, &n_kept);
    ck_assert_int_eq(n_kept, 0);
    ck_assert(halve(FLT_MIN) != 0.0f);
    unsigned mode = base_denormals_flush();
    ck_assert(halve(FLT_MIN) == 0.0f);
    base_denormals_restore(mode);
    ck_assert(halve(FLT_MIN) != 0.0f);
    base_pool_free(pool);
}
END_TEST
#else
START_TEST(denormals_are_flushed_in_tasks_only) {
    base_denormals_restore(base_denormals_flush());
}
END_TEST
#endif

/* The tree as a recursion: the left half has the largest power of two of parts below n_parts. */
static float tree(const float *parts, int64_t n_parts, int64_t stride) {
    if (n_parts == 1) return parts[0];
    int64_t half = 1;
    while (half * 2 < n_parts) half *= 2;
    float right = tree(parts + half * stride, n_parts - half, stride);
    return tree(parts, half, stride) + right;
}

START_TEST(tree_sums_have_one_shape) {
    static const int64_t widths[] = {1, 5, 2048, 5000};
    for (int64_t n_parts = 1; n_parts <= 17; n_parts++) {
        for (int w = 0; w < 4; w++) {
            int64_t n = widths[w], stride = n + 3;
            float *parts = base_alloc((size_t)(n_parts * stride), sizeof *parts);
            float *sums = base_alloc((size_t)n, sizeof *sums);
            for (int64_t i = 0; i < n_parts * stride; i++) {
                parts[i] = (float)((i * 7919 + 13) % 1009) * 0.1234567f - 50.0f;
            }
            for (int64_t i = 0; i < n; i++) sums[i] = tree(parts + i, n_parts, stride);
            base_pool *pool = w % 2 != 0 ? new_pool(3) : NULL;
            base_tree_sum(pool, parts, n_parts, stride, n);
            ck_assert_mem_eq(parts, sums, (size_t)n * sizeof *sums);
            base_pool_free(pool);
            base_free(parts);
            base_free(sums);
        }
    }
}
END_TEST

START_TEST(the_environment_sets_the_number_of_threads) {
    base_pool *pool;
    base_error err;
    setenv("RIMSHOT_THREADS", "5", 1);
    TEST_OK(base_pool_new(0, &pool, &err), err);
    ck_assert_int_eq(base_pool_threads(pool), 5);
    base_pool_free(pool);
    TEST_OK(base_pool_new(2, &pool, &err), err);
    ck_assert_int_eq(base_pool_threads(pool), 2);
    base_pool_free(pool);
    static const char *const bad[] = {"0", "-1", "many", "2x", "100000"};
    for (int i = 0; i < 5; i++) {
        setenv("RIMSHOT_THREADS", bad[i], 1);
        TEST_FAILS(base_pool_new(0, &pool, &err), BASE_EUSAGE, err, bad[i]);
    }
    unsetenv("RIMSHOT_THREADS");
    TEST_OK(base_pool_new(0, &pool, &err), err);
    ck_assert_int_eq(base_pool_threads(pool), base_processors());
    ck_assert_int_ge(base_processors(), 1);
    base_pool_free(pool);
    TEST_FAILS(base_pool_new(-3, &pool, &err), BASE_EUSAGE, err, "-3 threads");
}
END_TEST

enum { N_JOBS = 3 };

typedef struct {
    base_pool *pool[N_JOBS];
    pthread_barrier_t together;
    record records[N_JOBS];
} side_record;

/* Waits for the other jobs, then runs a loop in a pool of its own. */
static void note_job(void *context, int job) {
    side_record *r = context;
    pthread_barrier_wait(&r->together);
    r->records[job].n_threads = 2;
    base_parallel(r->pool[job], MAX_TASKS, note_task, &r->records[job]);
}

START_TEST(jobs_go_on_side_by_side) {
    static side_record r;
    pthread_barrier_init(&r.together, NULL, N_JOBS);
    for (int i = 0; i < N_JOBS; i++) r.pool[i] = new_pool(2);
    base_side_by_side(N_JOBS, note_job, &r);
    for (int i = 0; i < N_JOBS; i++) {
        for (int t = 0; t < MAX_TASKS; t++) ck_assert_int_eq(r.records[i].done[t], 1);
        ck_assert_int_eq(r.records[i].n_wrong, 0);
        base_pool_free(r.pool[i]);
    }
    pthread_barrier_destroy(&r.together);
    ck_assert(base_memory() > (size_t)1 << 20);
}
END_TEST

TEST_MAIN("base/parallel", each_task_runs_once_as_one_worker, short_loops_do_not_mix,
          two_tasks_run_at_the_same_time, no_pool_means_the_calling_thread,
          nested_loops_run_as_the_same_worker, denormals_are_flushed_in_tasks_only,
          tree_sums_have_one_shape, jobs_go_on_side_by_side,
          the_environment_sets_the_number_of_threads)
