/* base/parallel.h - a parallel loop over work of fixed size.
 *
 * Results never depend on the number of threads: callers cut their work into tasks by the problem
 * alone, each task writes its own output, and sums across tasks are made afterwards in a fixed
 * order (base_tree_sum). Which worker runs a task is unspecified; the worker number serves only to
 * pick private scratch memory. */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include "base/status.h"

typedef struct base_pool base_pool; /* NULL everywhere means: run in the calling thread */

/* One task. `worker` is in [0, base_pool_threads(pool)). */
typedef void base_task(void *context, int64_t task, int worker);

/* Makes a pool of n_threads workers, the caller of base_parallel being one of them (n_threads - 1
 * threads are started). n_threads 0: RIMSHOT_THREADS, or else the processors this process may use.
 */
base_status base_pool_new(int n_threads, base_pool **pool, base_error *err);
void base_pool_free(base_pool *pool);
int base_pool_threads(const base_pool *pool); /* 1 for NULL */

/* Runs task(context, i, worker) for i in [0, n_tasks) and returns when all are done. Denormals are
 * flushed to zero within tasks and the caller's mode is restored. A call from inside a task runs
 * serially there, as the same worker. One pool serves one calling thread at a time. */
void base_parallel(base_pool *pool, int64_t n_tasks, base_task *task, void *context);

/* Flushes denormals to zero in the calling thread; returns the former mode for _restore. */
unsigned base_denormals_flush(void);
void base_denormals_restore(unsigned mode);

/* Sums n_parts vectors of n floats, laid out part after part with `stride` floats between starts,
 * into part 0 by a binary tree whose shape depends on n_parts alone. The other parts stay. */
void base_tree_sum(base_pool *pool, float *parts, int64_t n_parts, int64_t stride, int64_t n);

/* One of several long jobs that go on at the same time; unlike a task it may use a pool of its own.
 */
typedef void base_job(void *context, int job);

/* Runs job(context, i) for i in [0, n_jobs), each in a thread of its own, job 0 in the calling one,
 * and returns when all are over. A job whose thread can't be started is left out: jobs take what is
 * to be done from a shared list. */
void base_side_by_side(int n_jobs, base_job *job, void *context);

/* Processors this process may run on, at least 1. */
int base_processors(void);

/* Bytes of physical memory; 0 if that is not known. */
size_t base_memory(void);

#endif
