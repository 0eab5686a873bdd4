/* tests/bench/bench.h - what the parts of the benchmark program share.
 *
 * `bench PART` measures one part in one process and prints one JSON object. tests/bench/run.py runs
 * it in turn with other programs, repeats, and prints tables. */
#ifndef BENCH_H
#define BENCH_H

#include "base/parallel.h"
#include "base/text.h"
#include "train/config.h"

typedef struct {
    const char *const *arguments; /* what follows the name of the part and is no flag */
    int n_arguments;
    int64_t batch;
    double seconds; /* about what each figure may take */
    base_pool *pool;
} bench_call;

/* Measures, and adds the entries of one JSON object. */
typedef base_status bench_part(const bench_call *call, base_text *json, base_error *err);
bench_part bench_kernel, bench_sgemm, bench_network, bench_layers, bench_sound, bench_epoch,
    bench_folder, bench_duplicates, bench_onnx, bench_similar;

/* A configuration's network with its first weights, for five classes, as a model file. */
base_status bench_write_model(const train_config *config, const char *path, base_error *err);

double bench_now(void); /* seconds */

/* Seconds that one call of work takes: the median over calls for about `seconds`, after two that do
 * not count; at least three are timed. */
typedef void bench_work(void *context);
double bench_time(bench_work *work, void *context, double seconds);

/* Entries of an object (key) or of a list (key NULL), commas included. bench_open begins an object
 * or a list, "{" or "["; its end is added as plain text. */
void bench_number(base_text *json, const char *key, double value);
void bench_string(base_text *json, const char *key, const char *value);
void bench_open(base_text *json, const char *key, const char *bracket);

#endif
