#include "tests/recurrent_check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/golden.h"
#include "tests/layer_check.h"
#include "tests/test.h"

#define SEQUENCE(frames, features)                                                                 \
    {                                                                                              \
        {                                                                                          \
            .rank = 2, .dim = {(frames), (features) }                                              \
        }                                                                                          \
    }

static const int32_t some_lengths[] = {7, 1, 3, 7, 2, 5, 6, 1, 4, 7, 2};
enum { BATCH = 11, FRAMES = 7 };

/* "{<options><more>}", valid until the next call. */
static const char *with(const recurrent_subject *subject, const char *options) {
    static char text[256];
    snprintf(text, sizeof text, "{%s%s}", options, subject->more);
    return text;
}

void recurrent_check_goldens(const recurrent_subject *subject) {
    static const struct {
        const char *name, *options;
    } cases[] = {
        {"plain", "6"},
        {"one", "{hidden: 5}"},
        {"bidirectional", "{hidden: 7, bidirectional: true}"},
        {"stacked", "{hidden: 4, layers: 2, bidirectional: true}"},
        {"packed", "{hidden: 4, layers: 2, bidirectional: true}"},
        {"last", "{hidden: 4, layers: 2, bidirectional: true, output: last}"},
        {"last_packed", "{hidden: 4, layers: 2, bidirectional: true, output: last}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/%s", subject->layer->variant.name, cases[i].name);
        layer_check_golden(&(layer_golden){.layer = subject->layer,
                                           .options = cases[i].options,
                                           .file = "nn_recurrent",
                                           .name = name,
                                           .rtol = 1e-5,
                                           .atol = 1e-6,
                                           .grad_rtol = 1e-5,
                                           .grad_atol = 5e-6});
    }
}

/* The reference: a network of hidden units in double, as loops over samples and frames. Tensors are
 * those of the plan, in double and without padding. */

typedef struct {
    const recurrent_subject *subject;
    int64_t hidden, n_layers, n_directions, frames, features;
    double *tensor[NN_MAX_TENSORS];
} reference;

static double *zeros(int64_t n) {
    double *numbers = calloc((size_t)n, sizeof *numbers);
    ck_assert_ptr_nonnull(numbers);
    return numbers;
}

/* out[rows] = weight[rows, columns] in + bias */
static void affine(const double *weight, const double *bias, const double *in, int64_t rows,
                   int64_t columns, double *out) {
    for (int64_t r = 0; r < rows; r++) {
        out[r] = bias[r];
        for (int64_t c = 0; c < columns; c++) out[r] += weight[r * columns + c] * in[c];
    }
}

/* One sample in one direction: `length` frames of x into columns of y. */
static void reference_direction(const reference *ref, int64_t layer, int64_t direction,
                                const double *x, int64_t n_in, int64_t length, double *y) {
    double *const *tensor = ref->tensor + (layer * ref->n_directions + direction) * 4;
    int64_t hidden = ref->hidden, gates = ref->subject->n_gates * hidden;
    double *h = zeros(hidden), *c = zeros(hidden), *input = zeros(gates), *product = zeros(gates);
    for (int64_t s = 0; s < length; s++) {
        int64_t t = direction ? length - 1 - s : s;
        affine(tensor[0], tensor[2], x + t * n_in, gates, n_in, input);
        affine(tensor[1], tensor[3], h, gates, hidden, product);
        ref->subject->cell(hidden, input, product, h, c);
        double *out = y + (t * ref->n_directions + direction) * hidden;
        memcpy(out, h, (size_t)hidden * sizeof *out);
    }
    free(h);
    free(c);
    free(input);
    free(product);
}

/* y [frames, directions * hidden] of one sample, zero past its length. */
static void reference_sample(const reference *ref, const double *x, int64_t length, double *y) {
    int64_t n_out = ref->n_directions * ref->hidden, n_in = ref->features;
    double *between = zeros(ref->frames * n_out);
    for (int64_t l = 0; l < ref->n_layers; l++) {
        const double *from = l == 0 ? x : between;
        memset(y, 0, (size_t)(ref->frames * n_out) * sizeof *y);
        for (int64_t d = 0; d < ref->n_directions; d++) {
            reference_direction(ref, l, d, from, n_in, length, y);
        }
        memcpy(between, y, (size_t)(ref->frames * n_out) * sizeof *y);
        n_in = n_out;
    }
    free(between);
}

static double *widen(const float *numbers, int64_t n) {
    double *wide = zeros(n);
    for (int64_t i = 0; i < n; i++) wide[i] = numbers[i];
    return wide;
}

/* <dy, y> over the batch; y is written if not NULL. */
static double reference_run(const reference *ref, const layer_probe *probe, const double *x,
                            float *y) {
    int64_t n_x = ref->frames * ref->features, n_y = ref->frames * ref->n_directions * ref->hidden;
    double *out = zeros(n_y), sum = 0;
    for (int64_t b = 0; b < BATCH; b++) {
        reference_sample(ref, x + b * n_x, some_lengths[b], out);
        for (int64_t i = 0; i < n_y; i++) {
            sum += probe->dy[b * n_y + i] * out[i];
            if (y != NULL) y[b * n_y + i] = (float)out[i];
        }
    }
    free(out);
    return sum;
}

/* The derivative along a random direction of `numbers` against its product with `gradient`. */
static void check_derivative(const reference *ref, const layer_probe *probe, const double *x,
                             const char *what, double *numbers, const float *gradient, int64_t n) {
    const double h = 1e-5;
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, (uint64_t)n, 0);
    double *start = zeros(n), *direction = zeros(n), expected = 0, scale = 0;
    memcpy(start, numbers, (size_t)n * sizeof *start);
    for (int64_t i = 0; i < n; i++) {
        direction[i] = base_rng_normal(&rng);
        expected += direction[i] * gradient[i];
        scale += (double)gradient[i] * gradient[i];
    }
    for (int64_t i = 0; i < n; i++) numbers[i] = start[i] + h * direction[i];
    double above = reference_run(ref, probe, x, NULL);
    for (int64_t i = 0; i < n; i++) numbers[i] = start[i] - h * direction[i];
    double below = reference_run(ref, probe, x, NULL), measured = (above - below) / (2 * h);
    memcpy(numbers, start, (size_t)n * sizeof *start);
    ck_assert_msg(fabs(measured - expected) < 3e-6 * (sqrt(scale) + fabs(expected)),
                  "d/d%s is %.9g, backward says %.9g", what, measured, expected);
    free(start);
    free(direction);
}

static void compare_with_reference(reference *ref, layer_probe *probe) {
    const nn_plan *plan = &probe->plan;
    double *x = widen(probe->x[0], probe->n_x[0]);
    float *y = calloc((size_t)probe->n_y, sizeof *y);
    ck_assert_ptr_nonnull(y);
    for (int i = 0; i < plan->n_tensors; i++) {
        const nn_tensor_plan *tensor = &plan->tensor[i];
        ref->tensor[i] = widen(probe->param + tensor->offset, nn_shape_count(tensor->shape));
    }
    layer_probe_run(probe);
    reference_run(ref, probe, x, y);
    test_close("y", probe->y, y, probe->n_y, 1e-5, 1e-6);
    check_derivative(ref, probe, x, "x", x, probe->dx[0], probe->n_x[0]);
    for (int i = 0; i < plan->n_tensors; i++) {
        const nn_tensor_plan *tensor = &plan->tensor[i];
        check_derivative(ref, probe, x, tensor->name, ref->tensor[i],
                         probe->dparam + tensor->offset, nn_shape_count(tensor->shape));
    }
    for (int i = 0; i < plan->n_tensors; i++) free(ref->tensor[i]);
    free(x);
    free(y);
}

void recurrent_check_reference(const recurrent_subject *subject) {
    reference ref = {.subject = subject, .hidden = 19, .n_layers = 2, .n_directions = 2};
    ref.frames = FRAMES;
    ref.features = 5;
    layer_probe *probe =
        layer_probe_new(&(layer_case){.layer = subject->layer,
                                      .options = with(subject, "hidden: 19, layers: 2, "
                                                               "bidirectional: true"),
                                      .in = SEQUENCE(FRAMES, 5),
                                      .batch = BATCH,
                                      .length = some_lengths});
    compare_with_reference(&ref, probe);
    layer_probe_free(probe);
}

void recurrent_check_gradients(const recurrent_subject *subject) {
    layer_case setup = {.layer = subject->layer, .in = SEQUENCE(5, 3), .batch = 2};
    setup.options = with(subject, "hidden: 4, bidirectional: true");
    layer_check_gradient(&setup, 0.02, 2e-3);
    setup.options = with(subject, "hidden: 3, layers: 2, output: last");
    layer_check_gradient(&setup, 0.02, 2e-3);
    setup.in[0].dim[0] = setup.batch = 1;
    layer_check_gradient(&setup, 0.02, 2e-3);
}

/* Sizes for which every matrix product and loop has several tasks. */
void recurrent_check_threads(const recurrent_subject *subject) {
    layer_case setup = {
        .layer = subject->layer, .in = SEQUENCE(9, 70), .batch = 35, .max_batch = 35};
    setup.options = with(subject, "hidden: 48, layers: 2, bidirectional: true, dropout: 0.3");
    layer_check_threads(&setup);
    setup.options = with(subject, "hidden: 48, output: last");
    layer_check_threads(&setup);
}

void recurrent_check_lengths(const recurrent_subject *subject) {
    layer_case setup = {
        .layer = subject->layer, .in = SEQUENCE(FRAMES, 4), .batch = BATCH, .length = some_lengths};
    setup.options = with(subject, "hidden: 6, layers: 2, bidirectional: true");
    layer_check_lengths(&setup, 1e-5, 1e-6);
    setup.options = with(subject, "hidden: 6, layers: 2, bidirectional: true, output: last");
    layer_check_lengths(&setup, 1e-5, 1e-6);
    static const int32_t with_empty[] = {3, 0, 7};
    setup.batch = 3;
    setup.length = with_empty;
    layer_check_lengths(&setup, 1e-5, 1e-6);
}

/* Dropout acts in training alone, between layers alone, and backward through the same mask. */
void recurrent_check_dropout(const recurrent_subject *subject) {
    layer_case setup = {.layer = subject->layer, .in = SEQUENCE(4, 3), .batch = 3};
    char dropping[256];
    snprintf(dropping, sizeof dropping, "%s", with(subject, "hidden: 5, layers: 3, dropout: 0.5"));
    setup.options = dropping;
    layer_check_gradient(&setup, 0.02, 2e-3);
    layer_probe *train = layer_probe_new(&setup);
    setup.mode = LAYER_EVAL;
    layer_probe *eval = layer_probe_new(&setup);
    setup.mode = LAYER_INFER;
    setup.options = with(subject, "hidden: 5, layers: 3");
    layer_probe *plain = layer_probe_new(&setup);
    layer_probe_forward(train);
    layer_probe_forward(eval);
    layer_probe_forward(plain);
    size_t n_bytes = (size_t)plain->n_y * sizeof *plain->y;
    ck_assert(memcmp(eval->y, plain->y, n_bytes) == 0);
    ck_assert(memcmp(train->y, plain->y, n_bytes) != 0);
    layer_probe_free(train);
    layer_probe_free(eval);
    layer_probe_free(plain);
}

void recurrent_check_refusals(const recurrent_subject *subject) {
    layer_case setup = {.layer = subject->layer, .batch = 2, .options = with(subject, "hidden: 8")};
    setup.in[0] = (nn_shape){.rank = 3, .dim = {4, 8, 6}};
    layer_check_refused(&setup, BASE_ESHAPE, "[B,4,8,6]");
    setup.in[0] = (nn_shape){.rank = 2, .dim = {(int64_t)1 << 36, 4}};
    layer_check_refused(&setup, BASE_ESHAPE, "too large");
}
