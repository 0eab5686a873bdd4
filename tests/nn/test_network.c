#include "nn/network.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "nn/loss.h"
#include "nn/optimizer.h"
#include "tests/network_make.h"
#include "tests/test.h"

/* ---- counting allocations: this program's malloc is glibc's with a counter in front ---- */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__) &&       \
    !defined(__clang__)
#define COUNTS_ALLOCATIONS 1
static atomic_long n_allocations;
extern char __executable_start, etext; /* set by the linker */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);

/* Only calls from our own code count: OpenBLAS packs small matrices into memory it asks for. */
static void count(const void *caller) {
    uintptr_t at = (uintptr_t)caller;
    bool is_ours = at >= (uintptr_t)&__executable_start && at < (uintptr_t)&etext;
    if (is_ours) atomic_fetch_add(&n_allocations, 1);
}

void *malloc(size_t n) {
    count(__builtin_return_address(0));
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
    count(__builtin_return_address(0));
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n) {
    count(__builtin_return_address(0));
    return __libc_realloc(p, n);
}

void *aligned_alloc(size_t alignment, size_t n) {
    count(__builtin_return_address(0));
    return __libc_memalign(alignment, n);
}
#endif

/* ---- networks ---- */

static const nn_network_config image_config = {
    .input = {3, {2, 8, 12}}, .n_classes = 5, .max_batch = 6, .training = true};

static nn_network_config vector_config(int64_t features) {
    return (nn_network_config){.input = {1, {features}},
                               .n_classes = 3,
                               .max_batch = 4,
                               .training = true,
                               .input_grad = true};
}

/* Every layer that a drum network is likely to hold, nested. */
static const char rich[] =
    "[{conv2d: {out: 4, kernel: 3, pad: same}}, batch_norm, relu, max_pool,"
    " {residual: {body: [{conv2d: {out: 8, kernel: 3, pad: same, bias: false}}, batch_norm],"
    "             shortcut: [{conv2d: {out: 8, kernel: 1}}]}}, relu,"
    " {gate: [global_pool, {linear: 4}, silu, {linear: 8}, sigmoid]},"
    " {concat: [[], [{conv2d: {out: 3, kernel: 1}}, {leaky_relu: 0.1}]]},"
    " to_sequence, {dropout: 0.25}, layer_norm, {gru: {hidden: 6, bidirectional: true}},"
    " {time_pool: [mean, max]}, {linear: 10}, gelu, {dropout: 0.5}, {linear: classes}]";

/* The layers that rich lacks. */
static const char rest[] =
    "[{avg_pool: [2, 1]}, {residual: {body: [{stochastic_depth: 0.5}]}}, to_sequence, {rnn: "
    "{hidden: 6}}, to_image, {reshape: [3, 2, 12]},"
    " {conv2d: {out: 4, kernel: [1, 3]}}, {permute: [1, 0, 2]}, to_sequence, {lstm: {hidden: 5}},"
    " to_image, {adaptive_pool: [1, 4]}, flatten, {linear: 20}, tanh,"
    " {concat: [[], [{forest: {out: 3, depth: 2, leaves: gradient}}]]}, {linear: classes}]";

typedef struct {
    const char *layers;
    base_status status;
    const char *part;
} refusal;

START_TEST(errors_name_file_line_layer_and_shapes) {
    static const refusal cases[] = {
        {"[relu, {linear: 3}]", BASE_ESHAPE, "test.yaml:1: network[1].linear: input is [B,2,8,12]"},
        {"[relu, {residual: {body: [{gru: {hidden: 3}}]}}]", BASE_ESHAPE,
         "network[1].residual.body[0].gru: input is [B,2,8,12]"},
        {"[{residual: {body: [{conv2d: {out: 4, kernel: 1}}]}}]", BASE_ESHAPE,
         "network[0].residual: [B,4,8,12] and [B,2,8,12] do not fit"},
        {"[{repeat: {times: 2, body: [flatten, {max_pool: 2}]}}]", BASE_ESHAPE,
         "network[0].repeat.body[1].max_pool: "},
        {"[rleu]", BASE_ECONFIG, "relu"},
        {"[residul: {body: [relu]}]", BASE_ECONFIG, "residual"},
        {"[{conv2d: {out: 4, kernel: 3, padd: 1}}]", BASE_ECONFIG, "pad"},
        {"[{dropout: classes}]", BASE_ECONFIG, "network[0].dropout"},
        {"[{residual: {}}]", BASE_ECONFIG, "network[0].residual: 'body', a list of layers, is"},
        {"[{residual: {body: []}}]", BASE_ECONFIG, "residual.body: a list of layers is needed"},
        {"[{residual: {body: relu}}]", BASE_ECONFIG, "residual.body: a list of layers is needed"},
        {"[{gate: [[relu]]}]", BASE_ECONFIG, "gate"},
        {"[{concat: [[relu]]}]", BASE_ECONFIG, "2 to 8 lists"},
        {"[{concat: [relu, relu]}]", BASE_ECONFIG, "a list of layers is needed"},
        {"[{concat: [[], [flatten]]}]", BASE_ESHAPE, "[B,2,8,12] and [B,192] differ"},
        {"[{repeat: {times: 0, body: [relu]}}]", BASE_ECONFIG, "1 to 4000"},
        {"[{repeat: {body: [relu]}}]", BASE_ECONFIG, "either 'times' or 'for'"},
        {"[{repeat: {times: 2, for: {p: [1]}, body: [relu]}}]", BASE_ECONFIG, "either"},
        {"[{repeat: {for: {p: [1], out: [1, 2]}, body: [relu]}}]", BASE_ECONFIG, "as long as"},
        {"[{repeat: {for: {p: 1}, body: [relu]}}]", BASE_ECONFIG, "a list of values"},
        {"[{repeat: {for: {oot: [1]}, body: [{conv2d: {kernel: 1}}]}}]", BASE_ECONFIG,
         "repeat.for.oot: no layer of the body has an option 'oot'"},
        {"[{repeat: {times: 2, body: [relu]}, name: x}]", BASE_ECONFIG, "a repeat has no name"},
        {"[{relu: {}, name: 3rd}]", BASE_ECONFIG, "network[0].name: a name is a letter"},
        {"[{relu: {}, name: a.b}]", BASE_ECONFIG, "a name is a letter"},
        {"[{relu: {}, name: a}, {tanh: {}, name: a}]", BASE_ECONFIG, "two layers are named 'a'"},
        {"[{name: a}]", BASE_ECONFIG, "layer"},
        {"[{repeat: {times: 4000, body: [relu, relu]}}]", BASE_ECONFIG, "more than 4000 layers"},
        {"[]", BASE_ECONFIG, "network: the network has no layers"},
        {"relu", BASE_ECONFIG, "network: a list of layers is needed"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nn_network *network = NULL;
        base_error err = {0};
        TEST_FAILS(network_try(cases[i].layers, &image_config, &network, &err), cases[i].status,
                   err, cases[i].part);
        ck_assert_ptr_null(network);
    }
}
END_TEST

START_TEST(nesting_is_bounded) {
    base_text text = {0};
    nn_network *network;
    base_error err;
    for (int i = 0; i < 17; i++) base_text_add(&text, "[{gate: ");
    base_text_add(&text, "[sigmoid]");
    for (int i = 0; i < 17; i++) base_text_add(&text, "}]");
    TEST_FAILS(network_try(text.data, &image_config, &network, &err), BASE_ECONFIG, err,
               "nest deeper than 16");
    base_text_release(&text);
    for (int i = 0; i < 12; i++) base_text_add(&text, "[{repeat: {times: 9, body: ");
    base_text_add(&text, "[sigmoid]");
    for (int i = 0; i < 12; i++) base_text_add(&text, "}}]");
    TEST_FAILS(network_try(text.data, &image_config, &network, &err), BASE_ECONFIG, err,
               "more than 4000 layers");
    base_text_release(&text);
}
END_TEST

static void check_names(const char *layers, const nn_network_config *config, const char *expected) {
    nn_network *network = network_make(layers, config);
    base_text names = {0};
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        char text[64];
        nn_tensor t = nn_network_tensor(network, i);
        base_text_printf(&names, "%s%s%s", i > 0 ? " " : "", t.name,
                         nn_shape_text(t.shape, false, text));
    }
    ck_assert_str_eq(base_text_string(&names), expected);
    base_text_release(&names);
    nn_network_free(network);
}

START_TEST(tensors_are_named_by_their_place) {
    nn_network_config config = vector_config(4);
    check_names("[tanh, {linear: {out: 4, bias: false}}, {linear: {out: 4, bias: false}, name: x},"
                " {residual: {body: [relu, {linear: 4}], shortcut: [{linear: {out: 4, bias: false},"
                " name: s}]}}, {gate: [{linear: {out: 4, bias: false}}], name: g},"
                " {concat: [[], [relu, {linear: {out: 2, bias: false}}]]},"
                " {repeat: {times: 2, body: [{linear: {out: 6, bias: false}}, relu]}},"
                " {linear: {out: classes, bias: false}}]",
                &config,
                "1.weight[4,4] x.weight[4,4] 3.body.1.weight[4,4] 3.body.1.bias[4]"
                " 3.shortcut.s.weight[4,4] g.body.0.weight[4,4] 5.branches.1.1.weight[2,4]"
                " 6.weight[6,6] 8.weight[6,6] 10.weight[3,6]");
}
END_TEST

/* `for` reaches nested lists, spares what is stated, and yields to an inner repeat's own. */
START_TEST(repeat_gives_options_in_turn) {
    nn_network_config config = vector_config(4);
    config.input = nn_shape_make(3, (const int64_t[]){1, 8, 8});
    check_names(
        "[{repeat: {for: {out: [2, 3], bias: [false, true]}, body: ["
        "  {conv2d: {kernel: 1}}, {conv2d: {kernel: 1, out: 5, bias: false}},"
        "  {concat: [[{conv2d: {kernel: 2, pad: same}}], []]},"
        "  {repeat: {for: {out: [7, classes]}, body: [{conv2d: {kernel: 1, bias: false}}]}}]}}]",
        &config,
        "0.weight[2,1,1,1] 1.weight[5,2,1,1] 2.branches.0.0.weight[2,5,2,2] 3.weight[7,7,1,1]"
        " 4.weight[3,7,1,1] 5.weight[3,3,1,1] 5.bias[3] 6.weight[5,3,1,1]"
        " 7.branches.0.0.weight[3,5,2,2] 7.branches.0.0.bias[3] 8.weight[7,8,1,1]"
        " 9.weight[3,7,1,1]");
    config = vector_config(4);
    check_names("[{repeat: {for: {p: [0.1, 0.2], out: [5, 6]}, body: [dropout, linear: {}]}},"
                " {repeat: {for: {out: [8]}, body: [{linear: 7}]}}]",
                &config, "1.weight[5,4] 1.bias[5] 3.weight[6,5] 3.bias[6] 4.weight[7,6] 4.bias[7]");
}
END_TEST

static void write_layers(const nn_network *network, base_text *text) {
    base_yaml_write(nn_network_layers(network), text);
}

START_TEST(resolved_layers_build_the_same_network) {
    const char layers[] = "[{repeat: {for: {out: [4, 6]}, body: [{conv2d: {kernel: 3}, name: a},"
                          " relu]}}, {gate: [global_pool, sigmoid]}, flatten, {linear: classes}]";
    nn_network_config config = image_config;
    nn_network *network;
    base_error err;
    TEST_FAILS(network_try(layers, &config, &network, &err), BASE_ECONFIG, err, "named 'a'");
    network = network_make("[{repeat: {for: {out: [4, 6]}, body: [{conv2d: {kernel: 3}}, relu]}},"
                           " {gate: [global_pool, sigmoid], name: g}, flatten, {linear: classes}]",
                           &config);
    base_text text = {0}, again = {0};
    write_layers(network, &text);
    ck_assert_msg(strstr(text.data, "stride") != NULL, "no defaults: %s", text.data);
    ck_assert_msg(strstr(text.data, "repeat") == NULL && strstr(text.data, "name: g") != NULL, "%s",
                  text.data);
    base_arena arena = {0};
    base_node *root;
    TEST_OK(base_yaml_parse(base_text_string(&text), "again.yaml", &arena, &root, &err), err);
    config.n_classes = 99;
    nn_network *second;
    TEST_OK(nn_network_new(root, &config, &second, &err), err);
    write_layers(second, &again);
    ck_assert_str_eq(text.data, again.data);
    ck_assert_int_eq(nn_network_n_tensors(network), nn_network_n_tensors(second));
    base_text_release(&text);
    base_text_release(&again);
    base_arena_release(&arena);
    nn_network_free(network);
    nn_network_free(second);
}
END_TEST

/* ---- values ---- */

static nn_tensor find(nn_network *network, const char *name) {
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor t = nn_network_tensor(network, i);
        if (strcmp(t.name, name) == 0) return t;
    }
    ck_abort_msg("no tensor %s", name);
}

static void affine(nn_network *network, const char *name, const double *x, double *y) {
    nn_tensor w = find(network, name);
    for (int64_t o = 0; o < w.shape.dim[0]; o++) {
        y[o] = 0;
        for (int64_t i = 0; i < w.shape.dim[1]; i++) {
            y[o] += (double)w.data[o * w.shape.dim[1] + i] * x[i];
        }
    }
}

/* residual, gate and concat around linear layers, against the same written out. */
START_TEST(nested_lists_compute_what_they_say) {
    nn_network_config config = vector_config(3);
    nn_network *network = network_make("[{residual: {body: [{linear: {out: 3, bias: false}}]}},"
                                       " {residual: {body: [{linear: {out: 2, bias: false}}],"
                                       "             shortcut: [{linear: {out: 2, bias: false}}]}},"
                                       " {gate: [{linear: {out: 2, bias: false}}]},"
                                       " {concat: [[{linear: {out: 1, bias: false}}], [], []]}]",
                                       &config);
    enum { BATCH = 4 };
    float x[BATCH * 3], expected[BATCH * 5];
    network_fill(x, BATCH * 3, 5);
    for (int b = 0; b < BATCH; b++) {
        double v[3], t[3], u[3];
        for (int i = 0; i < 3; i++) v[i] = x[b * 3 + i];
        affine(network, "0.body.0.weight", v, t);
        for (int i = 0; i < 3; i++) v[i] += t[i];
        affine(network, "1.body.0.weight", v, t);
        affine(network, "1.shortcut.0.weight", v, u);
        for (int i = 0; i < 2; i++) v[i] = t[i] + u[i];
        affine(network, "2.body.0.weight", v, t);
        for (int i = 0; i < 2; i++) v[i] *= t[i];
        affine(network, "3.branches.0.0.weight", v, t);
        float *row = expected + b * 5;
        row[0] = (float)t[0];
        for (int i = 0; i < 4; i++) row[1 + i] = (float)v[i % 2];
    }
    nn_input input = {.x = x, .n = BATCH, .training = true};
    test_close("y", nn_network_forward(network, &input), expected, BATCH * 5, 1e-5, 1e-6);
    nn_network_free(network);
}
END_TEST

/* <dy, y> of a forward, in double. */
static double product(nn_network *network, const nn_input *input, const float *dy) {
    const float *y = nn_network_forward(network, input);
    double sum = 0;
    for (int64_t i = 0; i < input->n * nn_shape_count(nn_network_output(network)); i++) {
        sum += (double)dy[i] * y[i];
    }
    return sum;
}

/* Clears the frames of an image input past the lengths. */
static void cut(const nn_network_config *config, const int32_t *length, float *x) {
    int64_t n = nn_shape_count(config->input), frames = config->input.dim[2];
    for (int64_t i = 0; length != NULL && i < config->max_batch * n; i++) {
        if (i % frames >= length[i / n]) x[i] = 0;
    }
}

/* The derivative along a random direction of all parameters or the input, by differences, against
 * backward's. */
static void check_gradient(const char *layers, const nn_network_config *config,
                           const int32_t *length) {
    nn_network *network = network_make(layers, config);
    int64_t n_x = config->max_batch * nn_shape_count(config->input), n_param;
    int64_t n_y = config->max_batch * nn_shape_count(nn_network_output(network));
    float *x = base_alloc((size_t)n_x, sizeof *x), *dx = base_alloc((size_t)n_x, sizeof *dx);
    float *dy = base_alloc((size_t)n_y, sizeof *dy), *copy = base_alloc((size_t)n_y, sizeof *dy);
    float *param = nn_network_params(network, &n_param),
          *grad = nn_network_grads(network, &n_param);
    network_fill(x, n_x, 2);
    cut(config, length, x);
    network_fill(dy, n_y, 3);
    nn_input input = {.x = x, .length = length, .n = config->max_batch, .training = true};
    nn_network_forward(network, &input);
    memcpy(copy, dy, (size_t)n_y * sizeof *dy);
    nn_network_backward(network, &input, copy, dx);
    for (int64_t i = 0; i < n_x; i++) ck_assert(x[i] != 0 || dx[i] == 0);
    for (int side = 0; side < 2; side++) {
        float *at = side == 0 ? param : x, *slope = side == 0 ? grad : dx;
        int64_t n = side == 0 ? n_param : n_x;
        float *start = base_alloc((size_t)n + 1, sizeof *start);
        float *way = base_alloc((size_t)n + 1, sizeof *way);
        memcpy(start, at, (size_t)n * sizeof *start);
        network_fill(way, n, 4);
        if (side == 1) cut(config, length, way);
        double along = 0, difference = 0, step = 1e-2;
        for (int64_t i = 0; i < n; i++) along += (double)way[i] * slope[i];
        for (int sign = -1; sign <= 1; sign += 2) {
            for (int64_t i = 0; i < n; i++) at[i] = start[i] + (float)(sign * step) * way[i];
            difference += sign * product(network, &input, dy) / (2 * step);
        }
        memcpy(at, start, (size_t)n * sizeof *start);
        ck_assert_msg(fabs(along - difference) <= 1e-2 * (1 + fabs(along)),
                      "%s: backward %g, difference %g", side == 0 ? "parameters" : "input", along,
                      difference);
        base_free(start);
        base_free(way);
    }
    base_free(x);
    base_free(dx);
    base_free(dy);
    base_free(copy);
    nn_network_free(network);
}

START_TEST(gradients_flow_through_every_junction) {
    nn_network_config config = vector_config(3);
    check_gradient("[{residual: {body: [{linear: 3}, tanh]}},"
                   " {concat: [[], [], [{linear: 2}], [tanh]]},"
                   " {residual: {body: [{linear: 4}], shortcut: [{linear: 4}, tanh]}},"
                   " {gate: [{linear: 4}, sigmoid]},"
                   " {concat: [[{gate: [sigmoid]}], []]}, {linear: 2}]",
                   &config, NULL);
    config.keep_order = true;
    check_gradient("[{gate: [sigmoid]}, {concat: [[], [], [sigmoid]]}, tanh]", &config, NULL);
}
END_TEST

START_TEST(gradients_heed_lengths) {
    nn_network_config config = {.input = {3, {2, 3, 7}},
                                .n_classes = 3,
                                .max_batch = 3,
                                .training = true,
                                .input_grad = true};
    const int32_t length[] = {7, 3, 5};
    check_gradient("[{conv2d: {out: 3, kernel: 3, pad: same}}, tanh, to_sequence,"
                   " {residual: {body: [{linear: 9}]}}, {gru: {hidden: 4}}, {time_pool: mean},"
                   " {linear: 2}]",
                   &config, length);
}
END_TEST

/* ---- running ---- */

enum { BATCH = 6, IMAGE = 2 * 8 * 12, CLASSES = 5 };

/* Trains a few steps and returns all parameters, then all outputs of an inference. */
static float *train(const char *layers, int n_threads, bool keep_order, const int32_t *length,
                    int n_steps, int64_t *n, double losses[2]) {
    base_pool *pool = NULL;
    base_error err;
    if (n_threads > 0) TEST_OK(base_pool_new(n_threads, &pool, &err), err);
    nn_network_config config = image_config;
    config.pool = pool;
    config.keep_order = keep_order;
    nn_network *network = network_make(layers, &config);
    nn_optimizer_options options = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    nn_optimizer *optimizer;
    TEST_OK(nn_optimizer_new(network, NN_ADAM, &options, 0, &optimizer, &err), err);
    float x[BATCH * IMAGE], target[BATCH * CLASSES] = {0}, dy[BATCH * CLASSES];
    network_fill(x, BATCH * IMAGE, 9);
    for (int b = 0; b < BATCH; b++) {
        target[b * CLASSES + b % CLASSES] = 1;
    }
    cut(&config, length, x);
    nn_loss loss = {.kind = NN_CROSS_ENTROPY, .n_classes = CLASSES};
    for (int step = 0; step < n_steps; step++) {
        nn_input input = {.x = x,
                          .length = length,
                          .n = BATCH,
                          .training = true,
                          .seed = 3,
                          .step = (uint64_t)step};
        const float *y = nn_network_forward(network, &input);
        double value = nn_loss_apply(&loss, BATCH, y, target, BATCH, dy);
        if (step == 0) losses[0] = value;
        losses[1] = value;
        nn_network_zero_grads(network);
        nn_network_backward(network, &input, dy, NULL);
        nn_clip_gradients(network, 5);
        nn_optimizer_step(optimizer, 0.01);
    }
    const float *param = nn_network_params(network, n);
    float *result = base_alloc((size_t)*n + BATCH * CLASSES, sizeof *result);
    memcpy(result, param, (size_t)*n * sizeof *result);
    nn_input input = {.x = x, .length = length, .n = BATCH};
    memcpy(result + *n, nn_network_forward(network, &input), BATCH * CLASSES * sizeof *result);
    *n += BATCH * CLASSES;
    nn_optimizer_free(optimizer);
    nn_network_free(network);
    base_pool_free(pool);
    return result;
}

static void check_learning(const char *layers, const int32_t *length) {
    int64_t n;
    double losses[2];
    float *expected = train(layers, 0, false, length, 40, &n, losses);
    ck_assert_msg(losses[1] < 0.5 * losses[0], "loss went from %g to %g", losses[0], losses[1]);
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        float *got = train(layers, n_threads, false, length, 40, &n, losses);
        ck_assert_mem_eq(got, expected, (size_t)n * sizeof *got);
        base_free(got);
    }
    base_free(expected);
}

static const int32_t some_lengths[BATCH] = {12, 3, 7, 1, 4, 10};

START_TEST(learns_and_threads_change_no_bit) {
    check_learning(rich, NULL);
    check_learning(rich, some_lengths);
    check_learning(rest, NULL);
    check_learning(rest, some_lengths);
}
END_TEST

/* Every layer of the registry stands in one of the two networks. */
START_TEST(all_layers_are_tried) {
    int n_layers;
    const nn_layer *const *layers = nn_layers(&n_layers);
    nn_network_config config = image_config;
    config.keep_order = true;
    nn_network *networks[] = {network_make(rich, &config), network_make(rest, &config)};
    for (int i = 0; i < n_layers; i++) {
        bool found = false;
        for (int k = 0; k < 2; k++) {
            for (int r = 0; r < nn_network_n_rows(networks[k]); r++) {
                const char *name = nn_network_row(networks[k], r).layer;
                found = found || strcmp(name, layers[i]->variant.name) == 0;
            }
        }
        ck_assert_msg(found, "no network here has a layer '%s'", layers[i]->variant.name);
    }
    nn_network_free(networks[0]);
    nn_network_free(networks[1]);
}
END_TEST

START_TEST(fusing_changes_nothing) {
    int64_t n;
    double losses[2];
    for (int with = 0; with < 2; with++) {
        const int32_t *length = with ? some_lengths : NULL;
        float *apart = train(rich, 0, true, length, 2, &n, losses);
        float *joined = train(rich, 0, false, length, 2, &n, losses);
        test_close(with ? "with lengths" : "without", joined, apart, n, 1e-3, 1e-3);
        base_free(apart);
        base_free(joined);
    }
}
END_TEST

START_TEST(rows_tell_what_is_fused) {
    nn_network *network = network_make(rich, &image_config);
    ck_assert_str_eq(nn_network_row(network, 1).layer, "batch_norm");
    ck_assert_str_eq(nn_network_row(network, 1).fused, "relu, max_pool");
    ck_assert_str_eq(nn_network_row(network, 2).path, "4.body.0");
    nn_summary summary = nn_network_summary(network);
    int64_t n_param = 0, macs = 0, n_tensors = 0;
    for (int i = 0; i < nn_network_n_rows(network); i++) {
        n_param += nn_network_row(network, i).n_param;
        macs += nn_network_row(network, i).macs;
    }
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor t = nn_network_tensor(network, i);
        if (!t.is_state) n_tensors += nn_shape_count(t.shape);
    }
    ck_assert_int_eq(n_param, n_tensors);
    ck_assert_int_eq(summary.n_param, n_param);
    ck_assert_int_eq(summary.macs, macs);
    nn_network_free(network);
    nn_network_config config = image_config;
    config.keep_order = true;
    network = network_make(rich, &config);
    for (int i = 0; i < nn_network_n_rows(network); i++) {
        ck_assert_str_eq(nn_network_row(network, i).fused, "");
    }
    nn_network_free(network);
}
END_TEST

START_TEST(fusing_shifts_no_name_and_no_start) {
    nn_network_config config = image_config;
    nn_network *joined = network_make(rich, &config);
    config.keep_order = true;
    nn_network *apart = network_make(rich, &config);
    int64_t n, n_apart;
    float *param = nn_network_params(joined, &n), *other = nn_network_params(apart, &n_apart);
    ck_assert_int_eq(n, n_apart);
    ck_assert_mem_eq(param, other, (size_t)n * sizeof *param);
    for (int i = 0; i < nn_network_n_tensors(joined); i++) {
        ck_assert_str_eq(nn_network_tensor(joined, i).name, nn_network_tensor(apart, i).name);
    }
    nn_network_free(joined);
    nn_network_free(apart);
}
END_TEST

/* Convolved directly, by im2col, in groups and plane by plane. */
static const char normalised[] =
    "[{conv2d: {out: 32, kernel: 3, pad: same}}, batch_norm, silu,"
    " {conv2d: {out: 24, kernel: 3, pad: same, bias: false}}, batch_norm, relu,"
    " {conv2d: {out: x2, kernel: 3, pad: half, groups: 0, bias: false}}, batch_norm, gelu,"
    " {conv2d: {out: 18, kernel: 1, groups: 3}}, {batch_norm: {affine: false}}, {dropout: 0.5},"
    " {residual: {body: [{conv2d: {out: 18, kernel: 1}}, batch_norm]}},"
    " {conv2d: {out: 20, kernel: 3}}, batch_norm, relu, max_pool,"
    " {conv2d: {out: 6, kernel: 1}}, relu, batch_norm, to_sequence, {time_pool: mean},"
    " {linear: classes}]";

/* Of an inference from random parameters and statistics. */
static nn_network *infer_normalised(bool keep_order, const int32_t *length, float *y) {
    nn_network_config config = image_config;
    config.training = false;
    config.keep_order = keep_order;
    nn_network *network = network_make(normalised, &config);
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor t = nn_network_tensor(network, i);
        int64_t n = nn_shape_count(t.shape);
        network_fill(t.data, n, 100 + (uint64_t)i);
        bool is_variance = strstr(t.name, "running_var") != NULL;
        for (int64_t k = 0; k < n && is_variance; k++) t.data[k] = 0.1f + fabsf(t.data[k]);
    }
    float x[BATCH * IMAGE];
    network_fill(x, BATCH * IMAGE, 9);
    cut(&config, length, x);
    nn_input input = {.x = x, .length = length, .n = BATCH};
    memcpy(y, nn_network_forward(network, &input), BATCH * CLASSES * sizeof *y);
    return network;
}

START_TEST(normalisations_join_convolutions_in_inference) {
    for (int with = 0; with < 2; with++) {
        float apart[BATCH * CLASSES], joined[BATCH * CLASSES];
        const int32_t *length = with ? some_lengths : NULL;
        nn_network *whole = infer_normalised(true, length, apart);
        nn_network *network = infer_normalised(false, length, joined);
        for (int i = 0; i < BATCH * CLASSES; i++) ck_assert(isfinite(joined[i]));
        ck_assert_mem_eq(joined, apart, sizeof joined);
        static const char *const fused[] = {"batch_norm, silu", "batch_norm, relu",
                                            "batch_norm, gelu", "batch_norm, dropout",
                                            "batch_norm",       ""};
        for (int i = 0; i < 6; i++) ck_assert_str_eq(nn_network_row(network, i).fused, fused[i]);
        ck_assert_int_eq(nn_network_row(network, 0).n_param, 32 * 2 * 9 + 32 + 2 * 32);
        ck_assert_int_eq(nn_network_summary(network).n_param, nn_network_summary(whole).n_param);
        ck_assert_int_eq(nn_network_n_tensors(network), nn_network_n_tensors(whole));
        for (int i = 0; i < nn_network_n_tensors(network); i++) {
            const char *name = nn_network_tensor(network, i).name;
            ck_assert_str_eq(name, nn_network_tensor(whole, i).name);
        }
        nn_network_free(network);
        nn_network_free(whole);
    }
}
END_TEST

START_TEST(seeds_matter) {
    nn_network *network = network_make(rich, &image_config);
    int64_t n;
    float *param = nn_network_params(network, &n);
    float *first = base_alloc((size_t)n, sizeof *first);
    memcpy(first, param, (size_t)n * sizeof *first);
    nn_network_init(network, 2);
    ck_assert(memcmp(first, param, (size_t)n * sizeof *first) != 0);
    nn_network_init(network, 1);
    ck_assert_mem_eq(first, param, (size_t)n * sizeof *first);
    base_free(first);
    nn_network_free(network);
}
END_TEST

/* Rubbish past the length changes no output; values are zero there. */
START_TEST(frames_past_the_length_do_not_count) {
    nn_network_config config = {.input = {3, {1, 4, 9}}, .n_classes = 2, .max_batch = 2};
    nn_network *network = network_make(
        "[{conv2d: {out: 2, kernel: 3, pad: same}}, to_sequence, {linear: 3}]", &config);
    float x[2 * 36], y[2 * 27];
    const int32_t length[] = {9, 4};
    network_fill(x, 2 * 36, 1);
    for (int i = 36; i < 72; i++) {
        if (i % 9 >= 4) x[i] = 0;
    }
    nn_input input = {.x = x, .length = length, .n = 2};
    memcpy(y, nn_network_forward(network, &input), sizeof y);
    for (int i = 0; i < 54; i++) ck_assert((y[i] == 0) == (i >= 27 + 4 * 3));
    nn_network_free(network);

    config.input.dim[2] = 4; /* the second sample by itself, cut to its length */
    config.max_batch = 1;
    network = network_make("[{conv2d: {out: 2, kernel: 3, pad: same}}, to_sequence, {linear: 3}]",
                           &config);
    float cut[16];
    for (int i = 0; i < 16; i++) cut[i] = x[36 + i / 4 * 9 + i % 4];
    input = (nn_input){.x = cut, .n = 1};
    test_close("cut", nn_network_forward(network, &input), y + 27, 12, 1e-5, 1e-6);
    nn_network_free(network);
}
END_TEST

/* Whatever stands behind a clip: with a layer in front that zeroes it, the rest of the network
 * gives what it gives for the bare clip. */
START_TEST(a_padded_clip_and_the_bare_clip_give_the_same) {
    static const char layers[] =
        "[batch_norm, {conv2d: {out: 3, kernel: 3, pad: same}}, batch_norm, relu, {max_pool: 2}, "
        "to_sequence, {gru: {hidden: 5, bidirectional: true}}, {time_pool: [mean, max]}, "
        "{linear: 2}]";
    enum { F = 4, LONG = 14, SHORT = 9 };
    nn_network_config config = {.input = {3, {1, F, LONG}}, .n_classes = 2, .max_batch = 2};
    float x[2 * F * LONG], bare[F * SHORT], logits[4];
    const int32_t length[] = {LONG, SHORT};
    nn_network *network = network_make(layers, &config);
    network_fill(x, 2 * F * LONG, 1);
    nn_input input = {.x = x, .length = length, .n = 2};
    memcpy(logits, nn_network_forward(network, &input), sizeof logits);
    nn_network_free(network);

    config.input.dim[2] = SHORT;
    config.max_batch = 1;
    network = network_make(layers, &config);
    for (int i = 0; i < F * SHORT; i++) bare[i] = x[(F + i / SHORT) * LONG + i % SHORT];
    input = (nn_input){.x = bare, .n = 1};
    test_close("logits", nn_network_forward(network, &input), logits + 2, 2, 1e-5, 1e-6);
    nn_network_free(network);
}
END_TEST

/* Masks belong to samples, not to the calls they come in. */
START_TEST(micro_batches_draw_the_same_masks) {
    nn_network_config config = vector_config(40);
    config.max_batch = 4;
    nn_network *network = network_make("[{dropout: 0.5}, tanh, {dropout: 0.5}]", &config);
    float x[160], whole[160];
    for (int i = 0; i < 160; i++) x[i] = 1;
    nn_input input = {.x = x, .n = 4, .training = true, .seed = 1, .step = 2, .first_sample = 8};
    memcpy(whole, nn_network_forward(network, &input), sizeof whole);
    int n_zero = 0;
    for (int i = 0; i < 160; i++) n_zero += whole[i] == 0;
    ck_assert(n_zero > 80 && n_zero < 150);
    for (int i = 0; i < 4; i += 3) {
        input.n = i == 0 ? 3 : 1;
        input.x = x + 40 * i;
        input.first_sample = 8 + (uint64_t)i;
        ck_assert_mem_eq(nn_network_forward(network, &input), whole + 40 * i,
                         (size_t)input.n * 40 * sizeof *whole);
    }
    input.step = 3;
    ck_assert(memcmp(nn_network_forward(network, &input), whole + 120, 40 * sizeof *whole) != 0);
    nn_network_free(network);
}
END_TEST

START_TEST(gradients_of_micro_batches_add_up) {
    nn_network_config config = vector_config(5);
    nn_network *network = network_make("[{linear: 6}, tanh, {linear: 3}]", &config);
    float x[20], dy[12], copy[12];
    int64_t n;
    float *grad = nn_network_grads(network, &n);
    float *whole = base_alloc((size_t)n, sizeof *whole);
    network_fill(x, 20, 1);
    network_fill(dy, 12, 2);
    for (int size = 4; size > 0; size -= 2) {
        nn_network_zero_grads(network);
        for (int i = 0; i < 4; i += size) {
            nn_input input = {.x = x + 5 * i, .n = size, .training = true};
            nn_network_forward(network, &input);
            memcpy(copy, dy + 3 * i, (size_t)size * 3 * sizeof *dy);
            nn_network_backward(network, &input, copy, NULL);
        }
        if (size == 4) memcpy(whole, grad, (size_t)n * sizeof *whole);
    }
    test_close("gradient", grad, whole, n, 1e-5, 1e-6);
    base_free(whole);
    nn_network_free(network);
}
END_TEST

/* ---- memory ---- */

START_TEST(inference_reuses_memory) {
    nn_network_config config = vector_config(1024);
    config.max_batch = 1;
    const char layers[] = "[{repeat: {times: 40, body: [tanh]}}]";
    nn_network *trained = network_make(layers, &config);
    config.training = config.input_grad = false;
    nn_network *used = network_make(layers, &config);
    /* two at work and the five that can be asked for */
    ck_assert_uint_le(nn_network_summary(used).activation_bytes, 7 * 4096);
    ck_assert_uint_gt(nn_network_summary(trained).activation_bytes, 40 * 4096);
    int64_t n;
    nn_network_params(used, &n);
    ck_assert_ptr_null(nn_network_grads(used, &n));
    nn_network_free(trained);
    nn_network_free(used);
    nn_network_free(NULL);
}
END_TEST

START_TEST(values_before_the_end_can_be_asked_for) {
    nn_network_config config = image_config;
    config.training = false;
    nn_network *whole = network_make("[{conv2d: {out: 3, kernel: 3}}, relu, global_pool,"
                                     " {linear: 7}, tanh, {linear: classes}, sigmoid]",
                                     &config);
    nn_network *part = network_make(
        "[{conv2d: {out: 3, kernel: 3}}, relu, global_pool, {linear: 7}, tanh, {linear: classes}]",
        &config);
    float x[BATCH * IMAGE];
    nn_shape shape;
    network_fill(x, BATCH * IMAGE, 1);
    nn_input input = {.x = x, .n = BATCH};
    const float *y = nn_network_forward(whole, &input);
    ck_assert_ptr_eq(nn_network_value(whole, 0, NULL), y);
    const float *before = nn_network_value(whole, 1, &shape);
    ck_assert_ptr_nonnull(before);
    ck_assert_int_eq(nn_shape_count(shape), CLASSES);
    ck_assert_mem_eq(before, nn_network_forward(part, &input), BATCH * CLASSES * sizeof *y);
    const float *hidden = nn_network_value(whole, 2, &shape);
    ck_assert_ptr_nonnull(hidden);
    ck_assert_int_eq(nn_shape_count(shape), 7);
    test_close("hidden", hidden, nn_network_value(part, 1, NULL), BATCH * 7, 0, 0);
    nn_network_free(whole);
    nn_network_free(part);
    nn_network *short_one = network_make("[flatten]", &config);
    ck_assert_ptr_null(nn_network_value(short_one, 1, NULL));
    nn_network_free(short_one);
}
END_TEST

START_TEST(the_last_five_values_outlive_the_pass) {
    nn_network_config config = {.input = {1, {20}}, .n_classes = 2, .max_batch = 1};
    nn_network *network = network_make("[{repeat: {times: 9, body: [tanh]}}]", &config);
    float x[20];
    network_fill(x, 20, 1);
    nn_input input = {.x = x, .n = 1};
    nn_network_forward(network, &input);
    for (int from_end = 0; from_end < 5; from_end++) {
        float expected[20];
        for (int i = 0; i < 20; i++) {
            expected[i] = x[i];
            for (int k = 0; k < 9 - from_end; k++) expected[i] = tanhf(expected[i]);
        }
        test_close("value", nn_network_value(network, from_end, NULL), expected, 20, 1e-5, 0);
    }
    nn_network_free(network);
}
END_TEST

/* In inference dropout would only copy; what stands behind it is then fused as well. */
START_TEST(inference_leaves_dropout_out) {
    static const char layers[] =
        "[{conv2d: {out: 3, kernel: 3}}, {dropout: 0.5}, relu, flatten, {dropout: 0.5},"
        " {linear: classes}]";
    nn_network_config config = image_config;
    nn_network *trained = network_make(layers, &config);
    config.training = false;
    nn_network *network = network_make(layers, &config);
    ck_assert_str_eq(nn_network_row(trained, 0).fused, "");
    ck_assert_str_eq(nn_network_row(trained, 1).fused, "relu");
    ck_assert_int_eq(nn_network_n_rows(trained), 5);
    ck_assert_str_eq(nn_network_row(network, 0).fused, "dropout, relu");
    ck_assert_str_eq(nn_network_row(network, 1).fused, "dropout");
    ck_assert_int_eq(nn_network_n_rows(network), 3);
    float x[2 * 2 * 8 * 12];
    for (int i = 0; i < 2 * 2 * 8 * 12; i++) x[i] = sinf((float)i);
    nn_input input = {.x = x, .n = 2};
    ck_assert_mem_eq(nn_network_forward(network, &input), nn_network_forward(trained, &input),
                     2 * (size_t)config.n_classes * sizeof(float));
    nn_network_free(network);
    nn_network_free(trained);
}
END_TEST

START_TEST(what_the_last_layer_reads_is_not_fused) {
    nn_network *network =
        network_make("[{conv2d: {out: 3, kernel: 3}}, batch_norm, relu]", &image_config);
    ck_assert_ptr_nonnull(nn_network_value(network, 1, NULL));
    ck_assert_str_eq(nn_network_row(network, 1).fused, "");
    nn_network_free(network);
    network =
        network_make("[{conv2d: {out: 3, kernel: 3}}, batch_norm, relu, flatten]", &image_config);
    ck_assert_ptr_nonnull(nn_network_value(network, 1, NULL));
    ck_assert_ptr_null(nn_network_value(network, 2, NULL));
    ck_assert_str_eq(nn_network_row(network, 1).fused, "relu");
    nn_network_free(network);
}
END_TEST

START_TEST(blocks_are_aligned) {
    nn_network *network = network_make(rich, &image_config);
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor t = nn_network_tensor(network, i);
        ck_assert_uint_eq((uintptr_t)t.data % 64, 0);
        ck_assert_uint_eq((uintptr_t)t.grad % 64, 0);
        ck_assert((t.grad == NULL) == t.is_state);
        ck_assert(!t.decays || strstr(t.name, "weight") != NULL);
    }
    nn_network_free(network);
}
END_TEST

START_TEST(a_network_too_large_is_refused) {
    nn_network_config config = vector_config((int64_t)1 << 39);
    nn_network *network;
    base_error err;
    config.max_batch = (int64_t)1 << 20;
    TEST_FAILS(network_try("[tanh]", &config, &network, &err), BASE_EMEMORY, err, "memory");
    config.input.dim[0] = 0;
    TEST_FAILS(network_try("[tanh]", &config, &network, &err), BASE_ESHAPE, err, "[B,0]");
}
END_TEST

START_TEST(running_allocates_nothing) {
#ifdef COUNTS_ALLOCATIONS
    base_pool *pool;
    base_error err;
    TEST_OK(base_pool_new(2, &pool, &err), err);
    nn_network_config config = image_config;
    config.pool = pool;
    nn_network *network = network_make(rich, &config);
    nn_optimizer_options options = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    nn_optimizer *optimizer;
    TEST_OK(nn_optimizer_new(network, NN_ADAMW, &options, 0.99, &optimizer, &err), err);
    float x[BATCH * IMAGE], dy[BATCH * CLASSES];
    network_fill(x, BATCH * IMAGE, 1);
    network_fill(dy, BATCH * CLASSES, 2);
    nn_input input = {.x = x, .n = BATCH, .training = true};
    ck_assert(atomic_load(&n_allocations) > 20); /* the counter works */
    long before = atomic_load(&n_allocations);
    for (int step = 0; step < 4; step++) {
        nn_network_profile(network, step % 2 == 0);
        nn_network_forward(network, &input);
        nn_network_backward(network, &input, dy, NULL);
        nn_clip_gradients(network, 1);
        nn_optimizer_step(optimizer, 0.01);
        nn_network_zero_grads(network);
    }
    long after = atomic_load(&n_allocations);
    ck_assert_int_eq(after, before);
    nn_optimizer_free(optimizer);
    nn_network_free(network);
    base_pool_free(pool);
#endif
}
END_TEST

START_TEST(profiling_counts_time) {
    nn_network *network = network_make(rich, &image_config);
    float x[BATCH * IMAGE], dy[BATCH * CLASSES];
    network_fill(x, BATCH * IMAGE, 1);
    network_fill(dy, BATCH * CLASSES, 2);
    nn_input input = {.x = x, .n = BATCH, .training = true};
    for (int on = 0; on < 2; on++) {
        nn_network_profile(network, on);
        nn_network_forward(network, &input);
        nn_network_backward(network, &input, dy, NULL);
        for (int i = 0; i < nn_network_n_rows(network); i++) {
            nn_summary_row row = nn_network_row(network, i);
            ck_assert((row.forward_s > 0) == on && (row.backward_s > 0) == on);
        }
    }
    nn_network_free(network);
}
END_TEST

TEST_MAIN("nn/network", errors_name_file_line_layer_and_shapes, nesting_is_bounded,
          tensors_are_named_by_their_place, repeat_gives_options_in_turn,
          resolved_layers_build_the_same_network, nested_lists_compute_what_they_say,
          gradients_flow_through_every_junction, gradients_heed_lengths,
          learns_and_threads_change_no_bit, all_layers_are_tried, fusing_changes_nothing,
          rows_tell_what_is_fused, fusing_shifts_no_name_and_no_start,
          normalisations_join_convolutions_in_inference, seeds_matter,
          frames_past_the_length_do_not_count, a_padded_clip_and_the_bare_clip_give_the_same,
          micro_batches_draw_the_same_masks, gradients_of_micro_batches_add_up,
          inference_reuses_memory, values_before_the_end_can_be_asked_for,
          the_last_five_values_outlive_the_pass, what_the_last_layer_reads_is_not_fused,
          inference_leaves_dropout_out, blocks_are_aligned, a_network_too_large_is_refused,
          running_allocates_nothing, profiling_counts_time)
