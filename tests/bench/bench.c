#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/processor.h"
#include "nn/kernels/gemm.h"

enum { WARM_UP_CALLS = 2, MIN_CALLS = 3, MAX_CALLS = 8192, MAX_ARGUMENTS = 64 };

static const struct {
    const char *name, *arguments, *help;
    bench_part *part;
    int min_arguments;
} parts[] = {
    {"kernel", "", "which inner loops are in use, and which OPENBLAS_CORETYPE would be best",
     bench_kernel, 0},
    {"sgemm", "", "matrix products of 1024 x 1024, the limit of all else", bench_sgemm, 0},
    {"network", "FILE", "training and inference of a network on random data", bench_network, 1},
    {"layers", "FILE", "the same by layer", bench_layers, 1},
    {"sound", "FILE", "front end, effects and chain", bench_sound, 1},
    {"epoch", "CONFIG [KEY=VALUE ...]", "one epoch of training, from the cache to the weights",
     bench_epoch, 1},
    {"folder", "CONFIG [FOLDER]", "classification of a folder; by default of synthesised drums",
     bench_folder, 1},
    {"duplicates", "N...", "the search for near copies among N synthesised drums", bench_duplicates,
     1},
    {"similar", "N...", "the search for the most similar among N sounds", bench_similar, 1},
    {"onnx", "CONFIG FILE [KEY=VALUE ...]", "writes a configuration's network for onnxruntime",
     bench_onnx, 2},
};
enum { N_PARTS = sizeof parts / sizeof *parts };

/* ------------------------------------------------------------------ time */

double bench_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_time(bench_work *work, void *context, double seconds) {
    double took[MAX_CALLS];
    int n = 0;
    for (int i = 0; i < WARM_UP_CALLS; i++) work(context);
    double begin = bench_now(), now = begin;
    while (n < MAX_CALLS && (n < MIN_CALLS || now - begin < seconds)) {
        double last = now;
        work(context);
        now = bench_now();
        took[n++] = now - last;
    }
    qsort(took, (size_t)n, sizeof *took, compare);
    return took[n / 2];
}

/* ------------------------------------------------------------------ JSON */

static void begin_entry(base_text *json, const char *key) {
    char last = json->size > 0 ? json->data[json->size - 1] : '{';
    if (last != '{' && last != '[') base_text_add(json, ", ");
    if (!key) return;
    base_text_add_json(json, key);
    base_text_add(json, ": ");
}

void bench_number(base_text *json, const char *key, double value) {
    begin_entry(json, key);
    base_text_add_number(json, value);
}

void bench_string(base_text *json, const char *key, const char *value) {
    begin_entry(json, key);
    base_text_add_json(json, value);
}

void bench_open(base_text *json, const char *key, const char *bracket) {
    begin_entry(json, key);
    base_text_add(json, bracket);
}

/* ------------------------------------------------------------------ the command line */

base_status bench_kernel(const bench_call *call, base_text *json, base_error *err) {
    (void)call;
    (void)err;
    const char *best = nn_blas_best_kernel();
    bench_string(json, "kernel", nn_blas_kernel());
    bench_string(json, "best", best ? best : nn_blas_kernel());
    bench_number(json, "level", base_processor_level());
    bench_number(json, "processors", base_processors());
    return BASE_OK;
}

static int usage(void) {
    fprintf(stderr, "usage: bench PART [ARGUMENT...] [--threads N] [--batch N] [--seconds S]\n");
    for (int i = 0; i < N_PARTS; i++) {
        fprintf(stderr, "  %-8s%-28s%s\n", parts[i].name, parts[i].arguments, parts[i].help);
    }
    return 2;
}

/* Takes `--name VALUE`; false if it is none of the flags or has no such value. */
static bool take_flag(bench_call *call, int64_t *n_threads, const char *name, const char *value) {
    if (!value) return false;
    if (strcmp(name, "--seconds") == 0) {
        return base_parse_double(value, &call->seconds) && call->seconds >= 0;
    }
    int64_t *number = strcmp(name, "--threads") == 0 ? n_threads
                      : strcmp(name, "--batch") == 0 ? &call->batch
                                                     : NULL;
    return number && base_parse_int(value, number) && *number >= 1 && *number <= 4096;
}

static int run_part(bench_part *part, bench_call *call, int n_threads) {
    base_error err = {0};
    base_text json = {0};
    base_status status = base_pool_new(n_threads, &call->pool, &err);
    if (status == BASE_OK) status = part(call, &json, &err);
    base_pool_free(call->pool);
    if (status == BASE_OK && json.failed) status = base_fail(&err, BASE_EMEMORY, "out of memory");
    if (status == BASE_OK) printf("{%s}\n", base_text_string(&json));
    if (status != BASE_OK) fprintf(stderr, "bench: %s\n", err.text);
    base_text_release(&json);
    return status == BASE_OK && fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    nn_blas_setup();
    const char *arguments[MAX_ARGUMENTS];
    bench_call call = {.arguments = arguments, .batch = 32, .seconds = 1};
    int64_t n_threads = 1;
    for (int i = 2; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            if (!take_flag(&call, &n_threads, argv[i], argv[i + 1])) return usage();
            i++;
        } else {
            if (call.n_arguments == MAX_ARGUMENTS) return usage();
            arguments[call.n_arguments++] = argv[i];
        }
    }
    for (int i = 0; argc > 1 && i < N_PARTS; i++) {
        if (strcmp(argv[1], parts[i].name) != 0) continue;
        if (call.n_arguments < parts[i].min_arguments) return usage();
        return run_part(parts[i].part, &call, (int)n_threads);
    }
    return usage();
}
