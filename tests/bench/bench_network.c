/* tests/bench/bench_network.c - the limit, and networks on random data.
 *
 * A network file holds `input` ([C,F,T]), `classes` and `network`, which may include others. A
 * training step is forward, cross entropy, backward and an AdamW step, with dropout, on a batch
 * that stays the same. */
#include "tests/bench/bench.h"

#include <string.h>

#include "nn/kernels/gemm.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include "train/include.h"

/* ------------------------------------------------------------------ sgemm */

enum { GEMM_EXTENT = 1024, GEMM_TASKS_PER_THREAD = 4 };

typedef struct {
    base_pool *pool;
    int64_t n_tasks;
    float *a, *b, *c; /* c: one product per worker */
} gemm_work;

static void multiply(void *context, int64_t task, int worker) {
    (void)task;
    const gemm_work *work = context;
    int64_t n = GEMM_EXTENT;
    nn_gemm(&(nn_gemm_args){.m = n,
                            .n = n,
                            .k = n,
                            .alpha = 1,
                            .a = work->a,
                            .lda = n,
                            .b = work->b,
                            .ldb = n,
                            .c = work->c + worker * n * n,
                            .ldc = n});
}

static void multiply_all(void *context) {
    gemm_work *work = context;
    base_parallel(work->pool, work->n_tasks, multiply, work);
}

static void fill(float *x, int64_t n, uint64_t stream) {
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, stream, 0);
    for (int64_t i = 0; i < n; i++) x[i] = base_rng_normal(&rng);
}

base_status bench_sgemm(const bench_call *call, base_text *json, base_error *err) {
    int64_t n_threads = base_pool_threads(call->pool), n = (int64_t)GEMM_EXTENT * GEMM_EXTENT;
    gemm_work work = {.pool = call->pool, .n_tasks = GEMM_TASKS_PER_THREAD * n_threads};
    float *memory = base_alloc((size_t)(n * (2 + n_threads)), sizeof *memory);
    if (!memory) return base_fail(err, BASE_EMEMORY, "sgemm: out of memory");
    work.a = memory;
    work.b = memory + n;
    work.c = memory + 2 * n;
    fill(memory, 2 * n, 0);
    double seconds = bench_time(multiply_all, &work, call->seconds);
    bench_number(json, "gflops", 2e-9 * (double)(n * GEMM_EXTENT * work.n_tasks) / seconds);
    base_free(memory);
    return BASE_OK;
}

/* ------------------------------------------------------------------ networks */

typedef struct {
    base_arena arena;
    base_ints input;
    int64_t classes;
    const base_node *network_node;
    base_node *network; /* the same, with what it includes */
} network_file;

static const base_option network_file_table[] = {
    {"input", BASE_OPT_INTS, offsetof(network_file, input), NULL, 1, 1 << 20, NULL, NULL,
     "extents of one sample"},
    {"classes", BASE_OPT_INT, offsetof(network_file, classes), NULL, 1, 1024, NULL, NULL,
     "number of classes"},
    {"network", BASE_OPT_NODE, offsetof(network_file, network_node), NULL, 0, 0, NULL, NULL,
     "list of layers"},
    {0}};

static base_status read_file(const char *path, network_file *file, base_error *err) {
    base_node *root;
    BASE_TRY(base_yaml_read(path, &file->arena, &root, err));
    BASE_TRY(base_options_bind(network_file_table, root, file, &file->arena, err));
    file->network = base_node_get(root, "network");
    const char *folder = base_path_folder(&file->arena, path);
    if (!folder) return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    if (file->network && file->input.n <= NN_MAX_RANK) {
        return train_include(file->network, folder, &file->arena, err);
    }
    return base_node_fail(root, err, BASE_ECONFIG,
                          "a network and the extents of its input are needed");
}

/* A network with a batch to work on. Without training, only network, x and n are used. */
typedef struct {
    nn_network *network;
    nn_optimizer *optimizer;
    nn_loss loss;
    float *x, *target, *dlogits;
    int64_t n;
    uint64_t step;
} subject;

static void subject_release(subject *s) {
    nn_optimizer_free(s->optimizer);
    nn_network_free(s->network);
    base_free(s->x);
    base_free(s->target);
    base_free(s->dlogits);
}

static base_status make_batch(subject *s, const nn_network_config *config, base_error *err) {
    int64_t count = nn_shape_count(config->input), n_classes = config->n_classes;
    s->x = base_alloc((size_t)(s->n * count), sizeof *s->x);
    s->target = base_alloc((size_t)(s->n * n_classes), sizeof *s->target);
    s->dlogits = base_alloc((size_t)(s->n * n_classes), sizeof *s->dlogits);
    if (!s->x || !s->target || !s->dlogits) {
        return base_fail(err, BASE_EMEMORY, "batch: out of memory");
    }
    fill(s->x, s->n * count, 1);
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 2, 0);
    for (int64_t i = 0; i < s->n; i++) {
        s->target[i * n_classes + base_rng_below(&rng, n_classes)] = 1;
    }
    return BASE_OK;
}

static base_status subject_init(const bench_call *call, const network_file *file, bool training,
                                subject *s, base_error *err) {
    *s = (subject){.n = call->batch, .loss = {.n_classes = file->classes}};
    nn_network_config config = {.input = nn_shape_make(file->input.n, file->input.items),
                                .n_classes = file->classes,
                                .max_batch = call->batch,
                                .training = training,
                                .pool = call->pool};
    BASE_TRY(nn_network_new(file->network, &config, &s->network, err));
    nn_network_init(s->network, 1);
    base_status status = make_batch(s, &config, err);
    if (status == BASE_OK && training) {
        nn_optimizer_options adamw = {
            .lr = 1e-3, .weight_decay = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
        status = nn_optimizer_new(s->network, NN_ADAMW, &adamw, 0, &s->optimizer, err);
    }
    if (status != BASE_OK) subject_release(s);
    return status;
}

static void train_step(void *context) {
    subject *s = context;
    nn_input input = {.x = s->x, .n = s->n, .training = true, .seed = 1, .step = s->step++};
    nn_network_zero_grads(s->network);
    const float *logits = nn_network_forward(s->network, &input);
    nn_loss_apply(&s->loss, s->n, logits, s->target, (double)s->n, s->dlogits);
    nn_network_backward(s->network, &input, s->dlogits, NULL);
    nn_optimizer_step(s->optimizer, 1e-3);
}

static void infer(void *context) {
    subject *s = context;
    nn_network_forward(s->network, &(nn_input){.x = s->x, .n = s->n});
}

static base_status measure_training(const bench_call *call, const network_file *file,
                                    base_text *json, base_error *err) {
    subject s;
    BASE_TRY(subject_init(call, file, true, &s, err));
    nn_summary summary = nn_network_summary(s.network);
    bench_number(json, "parameters", (double)summary.n_param);
    bench_number(json, "macs", (double)summary.macs);
    double seconds = bench_time(train_step, &s, call->seconds);
    bench_number(json, "train_samples_per_s", (double)s.n / seconds);
    subject_release(&s);
    return BASE_OK;
}

static base_status measure_inference(const bench_call *call, const network_file *file,
                                     base_text *json, base_error *err) {
    subject s;
    BASE_TRY(subject_init(call, file, false, &s, err));
    double seconds = bench_time(infer, &s, call->seconds / 2);
    bench_number(json, "infer_samples_per_s", (double)s.n / seconds);
    s.n = 1;
    bench_number(json, "single_ms", 1e3 * bench_time(infer, &s, call->seconds / 2));
    subject_release(&s);
    return BASE_OK;
}

base_status bench_network(const bench_call *call, base_text *json, base_error *err) {
    network_file file = {0};
    base_status status = read_file(call->arguments[0], &file, err);
    if (status == BASE_OK) status = measure_training(call, &file, json, err);
    if (status == BASE_OK) status = measure_inference(call, &file, json, err);
    base_arena_release(&file.arena);
    return status;
}

/* ------------------------------------------------------------------ layers */

static void add_layers(const subject *s, double n_steps, base_text *json) {
    bench_open(json, "layers", "[");
    for (int i = 0; i < nn_network_n_rows(s->network); i++) {
        nn_summary_row row = nn_network_row(s->network, i);
        char shape[64];
        bench_open(json, NULL, "{");
        bench_string(json, "path", row.path);
        bench_string(json, "layer", row.layer);
        bench_string(json, "fused", row.fused);
        bench_string(json, "output", nn_shape_text(row.out, true, shape));
        bench_number(json, "macs", (double)row.macs);
        bench_number(json, "parameters", (double)row.n_param);
        bench_number(json, "forward_ms", 1e3 * row.forward_s / n_steps);
        bench_number(json, "backward_ms", 1e3 * row.backward_s / n_steps);
        base_text_add(json, "}");
    }
    base_text_add(json, "]");
}

static base_status measure_layers(const bench_call *call, const network_file *file, base_text *json,
                                  base_error *err) {
    subject s;
    BASE_TRY(subject_init(call, file, true, &s, err));
    train_step(&s);
    nn_network_profile(s.network, true);
    int n_steps = 0;
    double begin = bench_now(), took = 0;
    for (; n_steps < 3 || took < call->seconds; n_steps++) {
        train_step(&s);
        took = bench_now() - begin;
    }
    bench_number(json, "step_ms", 1e3 * took / n_steps);
    add_layers(&s, n_steps, json);
    subject_release(&s);
    return BASE_OK;
}

base_status bench_layers(const bench_call *call, base_text *json, base_error *err) {
    network_file file = {0};
    base_status status = read_file(call->arguments[0], &file, err);
    if (status == BASE_OK) status = measure_layers(call, &file, json, err);
    base_arena_release(&file.arena);
    return status;
}
