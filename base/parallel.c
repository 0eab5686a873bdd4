/* A loop is published by opening a gate and stepping a generation. Workers that see the new
 * generation enter through the gate and take tasks from a shared counter; the caller takes tasks
 * too, shuts the gate when none is left and waits for those inside to leave. A worker that is late
 * finds the gate shut and is not waited for. */
#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/text.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

enum { MAX_THREADS = 1024, SPIN_NS = 40000, SUM_COLUMNS = 2048, BLOCK_COLUMNS = 512 };
#define GATE_SHUT 0x80000000u

typedef struct {
    base_pool *pool;
    int index;
    pthread_t thread;
} worker_entry;

struct base_pool {
    int n_threads;
    int n_started; /* entries of workers[] from 1 on that have a thread */
    bool spin;     /* a thread that spins would take a processor from one that works otherwise */
    worker_entry *workers;

    pthread_mutex_t mutex; /* orders sleeping and waking */
    pthread_cond_t wake;   /* generation stepped */
    pthread_cond_t idle;   /* the last worker left the shut gate */
    atomic_uint generation;
    atomic_bool stop;

    atomic_uint gate; /* GATE_SHUT | workers inside */
    base_task *task;  /* these three are written only while the gate is shut and nobody is inside */
    void *context;
    int64_t n_tasks;
    _Atomic int64_t next;
};

/* Which pool's task this thread runs, if any, and as which worker. */
typedef struct {
    bool inside;
    const base_pool *pool;
    int worker;
} task_place;

static _Thread_local task_place place;

unsigned base_denormals_flush(void) {
#if defined(__SSE__)
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040); /* flush to zero, denormals are zero */
    return mode;
#elif defined(__aarch64__)
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"(mode | (uint64_t)1 << 24));
    return (unsigned)mode;
#else
    return 0;
#endif
}

void base_denormals_restore(unsigned mode) {
#if defined(__SSE__)
    _mm_setcsr(mode);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)mode));
#else
    (void)mode;
#endif
}

int base_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

size_t base_memory(void) {
    long n_pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return n_pages > 0 && page_bytes > 0 ? (size_t)n_pages * (size_t)page_bytes : 0;
}

static void pause_briefly(void) {
#if defined(__SSE__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Waits a short while for *value to become `target` (equal) or to leave it (!equal). */
static bool spin_until(const base_pool *pool, atomic_uint *value, unsigned target, bool equal) {
    if (!pool->spin) return (atomic_load(value) == target) == equal;
    int64_t deadline = base_clock_ns() + SPIN_NS;
    do {
        for (int i = 0; i < 32; i++) {
            if ((atomic_load(value) == target) == equal) return true;
            pause_briefly();
        }
    } while (base_clock_ns() < deadline);
    return false;
}

static void take_tasks(base_pool *pool, int worker) {
    for (;;) {
        int64_t i = atomic_fetch_add(&pool->next, 1);
        if (i >= pool->n_tasks) return;
        pool->task(pool->context, i, worker);
    }
}

static void leave_gate(base_pool *pool) {
    if (atomic_fetch_sub(&pool->gate, 1) != (GATE_SHUT | 1)) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_signal(&pool->idle);
    pthread_mutex_unlock(&pool->mutex);
}

static void await_generation(base_pool *pool, unsigned seen) {
    if (spin_until(pool, &pool->generation, seen, false)) return;
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->generation) == seen) pthread_cond_wait(&pool->wake, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static void *run_worker(void *argument) {
    const worker_entry *entry = argument;
    base_pool *pool = entry->pool;
    place = (task_place){.inside = true, .pool = pool, .worker = entry->index};
    base_denormals_flush();
    for (unsigned seen = 0;;) {
        await_generation(pool, seen);
        seen = atomic_load(&pool->generation);
        if (atomic_load(&pool->stop)) return NULL;
        if (!(atomic_fetch_add(&pool->gate, 1) & GATE_SHUT)) take_tasks(pool, entry->index);
        leave_gate(pool);
    }
}

static void step_generation(base_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->generation, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

static base_status threads_wanted(int n_threads, int *n, base_error *err) {
    *n = n_threads > 0 ? n_threads : base_processors();
    const char *text = getenv("RIMSHOT_THREADS");
    if (n_threads == 0 && text != NULL && text[0] != '\0') {
        int64_t value;
        if (!base_parse_int(text, &value) || value < 1 || value > MAX_THREADS) {
            return base_fail(err, BASE_EUSAGE,
                             "RIMSHOT_THREADS=%s: not a number of threads from 1 to %d", text,
                             MAX_THREADS);
        }
        *n = (int)value;
    }
    if (n_threads < 0 || n_threads > MAX_THREADS) {
        return base_fail(err, BASE_EUSAGE, "%d threads: must be from 0 to %d", n_threads,
                         MAX_THREADS);
    }
    if (*n > MAX_THREADS) *n = MAX_THREADS;
    return BASE_OK;
}

/* Signals stay with the threads of the program: those started here block them all. */
static int start_thread(pthread_t *thread, void *(*run)(void *), void *argument) {
    sigset_t all, former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    int failure = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    return failure;
}

static base_status start_workers(base_pool *pool, base_error *err) {
    int failure = 0;
    for (int i = 1; i < pool->n_threads && failure == 0; i++) {
        worker_entry *entry = &pool->workers[i];
        *entry = (worker_entry){.pool = pool, .index = i};
        failure = start_thread(&entry->thread, run_worker, entry);
        if (failure == 0) pool->n_started++;
    }
    if (failure == 0) return BASE_OK;
    return base_fail_errno(err, failure, "starting thread %d", pool->n_started + 1);
}

base_status base_pool_new(int n_threads, base_pool **pool, base_error *err) {
    *pool = NULL;
    int n;
    BASE_TRY(threads_wanted(n_threads, &n, err));
    base_pool *made = base_alloc(1, sizeof *made);
    worker_entry *workers = base_alloc((size_t)n, sizeof *workers);
    if (made == NULL || workers == NULL) {
        base_free(made);
        base_free(workers);
        return base_fail(err, BASE_EMEMORY, "no memory for %d threads", n);
    }
    made->n_threads = n;
    made->spin = n <= base_processors();
    made->workers = workers;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->wake, NULL);
    pthread_cond_init(&made->idle, NULL);
    atomic_init(&made->gate, GATE_SHUT);
    base_status status = start_workers(made, err);
    if (status != BASE_OK) {
        base_pool_free(made);
        return status;
    }
    *pool = made;
    return BASE_OK;
}

void base_pool_free(base_pool *pool) {
    if (pool == NULL) return;
    atomic_store(&pool->stop, true);
    step_generation(pool);
    for (int i = 1; i <= pool->n_started; i++) pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->idle);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    base_free(pool->workers);
    base_free(pool);
}

int base_pool_threads(const base_pool *pool) {
    return pool != NULL ? pool->n_threads : 1;
}

static void run_here(int64_t n_tasks, base_task *task, void *context, int worker) {
    for (int64_t i = 0; i < n_tasks; i++) task(context, i, worker);
}

static void open_gate(base_pool *pool, int64_t n_tasks, base_task *task, void *context) {
    pool->task = task;
    pool->context = context;
    pool->n_tasks = n_tasks;
    atomic_store(&pool->next, 0);
    atomic_fetch_and(&pool->gate, ~GATE_SHUT);
    step_generation(pool);
}

static void shut_gate(base_pool *pool) {
    atomic_fetch_or(&pool->gate, GATE_SHUT);
    if (spin_until(pool, &pool->gate, GATE_SHUT, true)) return;
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->gate) != GATE_SHUT) pthread_cond_wait(&pool->idle, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

void base_parallel(base_pool *pool, int64_t n_tasks, base_task *task, void *context) {
    if (n_tasks <= 0) return;
    if (place.inside) {
        run_here(n_tasks, task, context, pool == place.pool ? place.worker : 0);
        return;
    }
    place = (task_place){.inside = true, .pool = pool, .worker = 0};
    unsigned mode = base_denormals_flush();
    if (base_pool_threads(pool) == 1 || n_tasks == 1) {
        run_here(n_tasks, task, context, 0);
    } else {
        open_gate(pool, n_tasks, task, context);
        take_tasks(pool, 0);
        shut_gate(pool);
    }
    base_denormals_restore(mode);
    place = (task_place){0};
}

typedef struct {
    base_job *run;
    void *context;
    int number;
    pthread_t thread;
    bool started;
} side_job;

static void *run_side_job(void *argument) {
    const side_job *job = argument;
    job->run(job->context, job->number);
    return NULL;
}

void base_side_by_side(int n_jobs, base_job *job, void *context) {
    side_job *jobs = base_alloc((size_t)n_jobs, sizeof *jobs);
    for (int i = 1; jobs != NULL && i < n_jobs; i++) {
        jobs[i] = (side_job){.run = job, .context = context, .number = i};
        jobs[i].started = start_thread(&jobs[i].thread, run_side_job, &jobs[i]) == 0;
    }
    job(context, 0);
    for (int i = 1; jobs != NULL && i < n_jobs; i++) {
        if (jobs[i].started) pthread_join(jobs[i].thread, NULL);
    }
    base_free(jobs);
}

typedef struct {
    float *parts;
    int64_t n_parts, stride, n;
} tree_sum;

/* A block of columns. */
typedef struct {
    const tree_sum *sum;
    int64_t start, n;
} column_block;

static const float *columns_of(const column_block *b, int64_t part) {
    return b->sum->parts + part * b->sum->stride + b->start;
}

static void add_columns(const float *x, const float *y, float *to, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] = x[i] + y[i];
}

/* Sums parts [first, first + span), as far as they are there: its halves, each summed likewise.
 * What halves come to stays in the cache. */
static void sum_span(const column_block *b, int64_t first, int64_t span, float *to) {
    int64_t second = first + span / 2;
    if (span == 1) {
        memcpy(to, columns_of(b, first), (size_t)b->n * sizeof *to);
        return;
    }
    if (second >= b->sum->n_parts) {
        sum_span(b, first, span / 2, to);
        return;
    }
    if (span == 2) {
        add_columns(columns_of(b, first), columns_of(b, second), to, b->n);
        return;
    }
    float half[BLOCK_COLUMNS];
    sum_span(b, first, span / 2, to);
    sum_span(b, second, span / 2, half);
    add_columns(to, half, to, b->n);
}

static void sum_columns(void *context, int64_t task, int worker) {
    (void)worker;
    const tree_sum *sum = context;
    int64_t span = 1, end = (task + 1) * SUM_COLUMNS;
    if (end > sum->n) end = sum->n;
    while (span < sum->n_parts) span *= 2;
    for (int64_t start = task * SUM_COLUMNS; start < end; start += BLOCK_COLUMNS) {
        int64_t n = end - start < BLOCK_COLUMNS ? end - start : BLOCK_COLUMNS;
        sum_span(&(column_block){sum, start, n}, 0, span, sum->parts + start);
    }
}

void base_tree_sum(base_pool *pool, float *parts, int64_t n_parts, int64_t stride, int64_t n) {
    if (n <= 0 || n_parts == 1) return;
    tree_sum sum = {.parts = parts, .n_parts = n_parts, .stride = stride, .n = n};
    base_parallel(pool, (n + SUM_COLUMNS - 1) / SUM_COLUMNS, sum_columns, &sum);
}
