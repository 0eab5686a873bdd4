#include "tests/network_random.h"

#include <stdio.h>
#include <string.h>

#include "tests/network_make.h"
#include "tests/test.h"

/* What a step takes and gives; SAME: what it takes. */
typedef enum { VECTOR = 1, SEQUENCE = 2, IMAGE = 3, LOGITS, SAME } kind;

/* %d stands for a number of outputs, %s for a list that fits anywhere or is tried in vain. */
typedef struct {
    const char *layer; /* that it is about */
    const char *text;
    kind in, out;
} step;

static const step steps[] = {
    {"conv2d", "{conv2d: {out: %d, kernel: 3, pad: same}}", IMAGE, SAME},
    {"conv2d", "{conv2d: {out: %d, kernel: 3, pad: same}}, relu, {max_pool: 2}", IMAGE, SAME},
    {"conv2d",
     "{conv2d: {out: %d, kernel: 3, pad: same, bias: false}}, batch_norm, relu, {max_pool: [2, 4]}",
     IMAGE, SAME},
    {"conv2d", "{conv2d: {out: %d, kernel: [4, 5], stride: [2, 1], pad: [1, 2]}}, gelu", IMAGE,
     SAME},
    {"conv2d", "{conv2d: {out: %d, kernel: [3, 5], stride: [1, 2], pad: 1}}", IMAGE, SAME},
    {"conv2d", "{conv2d: {out: %d, kernel: [1, 6], pad: [0, 0, 1, 3]}}", IMAGE, SAME},
    {"conv2d", "{conv2d: {out: %d, kernel: [1, 3], dilation: [1, 2], pad: [0, 2]}}, tanh", IMAGE,
     SAME},
    {"conv2d", "{conv2d: {out: %d, kernel: 1}}, silu", IMAGE, SAME},
    {"conv2d", "{conv2d: {out: x2, kernel: 3, dilation: [1, 2], groups: 0, pad: same}}", IMAGE,
     SAME},
    {"conv2d", "{conv2d: {out: x1, kernel: 3, stride: 2, groups: 0, pad: half, init: he}}", IMAGE,
     SAME},
    {"linear", "{linear: %d}", SEQUENCE, SAME},
    {"linear", "{linear: {out: %d, bias: false}}, layer_norm", SEQUENCE, SAME},
    {"linear", "{linear: %d}, gelu", VECTOR, SAME},
    {"linear", "{linear: %d}, batch_norm", VECTOR, SAME},
    {"linear", "{linear: {out: %d, bias: false}}, sigmoid, dropout", VECTOR, SAME},
    {"linear", "to_sequence, {linear: %d}", IMAGE, SEQUENCE},
    {"forest", "{forest: {out: classes, trees: 3, depth: 4}}", VECTOR, LOGITS},
    {"forest", "{forest: {out: classes, trees: 2, depth: 1, leaves: gradient}}", VECTOR, LOGITS},
    {"forest", "flatten, {forest: {out: classes, trees: 2, depth: 2}}", IMAGE, LOGITS},
    {"gru", "{gru: {hidden: %d, bidirectional: true}}", SEQUENCE, SAME},
    {"gru", "{gru: {hidden: %d, output: last}}", SEQUENCE, VECTOR},
    {"gru", "to_sequence, {gru: {hidden: %d, bidirectional: true, layers: 2}}", IMAGE, SEQUENCE},
    {"rnn", "{rnn: {hidden: %d, nonlinearity: relu}}", SEQUENCE, SAME},
    {"rnn", "{rnn: {hidden: %d, bidirectional: true, output: last}}", SEQUENCE, VECTOR},
    {"rnn", "to_sequence, {rnn: {hidden: %d, layers: 2}}", IMAGE, SEQUENCE},
    {"lstm", "{lstm: {hidden: %d, layers: 2, dropout: 0.1}}", SEQUENCE, SAME},
    {"lstm", "{lstm: {hidden: %d, output: last, bidirectional: true}}", SEQUENCE, VECTOR},
    {"lstm", "to_sequence, {lstm: %d}", IMAGE, SEQUENCE},
    {"batch_norm", "batch_norm", IMAGE, SAME},
    {"batch_norm", "{batch_norm: {affine: false}}, {max_pool: 3}", IMAGE, SAME},
    {"batch_norm", "batch_norm", SEQUENCE, SAME},
    {"batch_norm", "batch_norm", VECTOR, SAME},
    {"layer_norm", "layer_norm", IMAGE, SAME},
    {"layer_norm", "{layer_norm: {affine: false}}", SEQUENCE, SAME},
    {"layer_norm", "layer_norm", VECTOR, SAME},
    {"dropout", "dropout", IMAGE, SAME},
    {"dropout", "dropout", SEQUENCE, SAME},
    {"stochastic_depth", "stochastic_depth", IMAGE, SAME},
    {"max_pool", "{max_pool: 2}", IMAGE, SAME},
    {"max_pool", "{max_pool: [1, 8]}", IMAGE, SAME},
    {"max_pool", "{max_pool: {kernel: 3, stride: 2, pad: 1}}", IMAGE, SAME},
    {"max_pool", "{max_pool: {kernel: [2, 5], stride: [2, 3], pad: same}}", IMAGE, SAME},
    {"avg_pool", "{avg_pool: {kernel: [2, 3], stride: 1, pad: [1, 1]}}", IMAGE, SAME},
    {"avg_pool", "{avg_pool: {kernel: [1, 5], stride: [1, 2]}}", IMAGE, SAME},
    {"avg_pool", "{avg_pool: 2}", IMAGE, SAME},
    {"adaptive_pool", "{adaptive_pool: [3, 5]}", IMAGE, SAME},
    {"adaptive_pool", "{adaptive_pool: [5, 70]}", IMAGE, SAME},
    {"global_pool", "global_pool", IMAGE, VECTOR},
    {"global_pool", "{global_pool: {kind: max, keep: true}}", IMAGE, IMAGE},
    {"time_pool", "{time_pool: mean}", SEQUENCE, VECTOR},
    {"time_pool", "{time_pool: [attention, last]}", SEQUENCE, VECTOR},
    {"time_pool", "to_sequence, {time_pool: [mean, max, last, attention]}", IMAGE, VECTOR},
    {"flatten", "flatten", IMAGE, VECTOR},
    {"flatten", "flatten", SEQUENCE, VECTOR},
    {"reshape", "{reshape: [4, -1]}", IMAGE, SEQUENCE},
    {"reshape", "{reshape: [2, -1]}", VECTOR, SEQUENCE},
    {"reshape", "{reshape: [3, -1, 1]}", SEQUENCE, IMAGE},
    {"permute", "{permute: [1, 0, 2]}", IMAGE, SAME},
    {"permute", "{permute: [0, 2, 1]}", IMAGE, SAME},
    {"permute", "{permute: [1, 0]}", SEQUENCE, SAME},
    {"to_sequence", "to_sequence", IMAGE, SEQUENCE},
    {"to_image", "to_image", SEQUENCE, IMAGE},
    {"to_image", "to_sequence, to_image", IMAGE, SAME},
    {"leaky_relu", "{leaky_relu: 0.2}", SAME, SAME},
    {"gelu", "{gelu: tanh}", SAME, SAME},
    {"add", "{residual: {body: [%s]}}, relu", SAME, SAME},
    {"add", "{residual: {body: [{conv2d: {out: x1, kernel: 3, pad: same}}, stochastic_depth]}}",
     IMAGE, SAME},
    {"add", "{residual: {body: [dropout], shortcut: [tanh]}}", IMAGE, SAME},
    {"add", "{residual: {body: [%s], shortcut: [%s]}}", SAME, SAME},
    {"add", "{residual: {body: [dropout], shortcut: [global_pool]}}", IMAGE, SAME},
    {"multiply", "{gate: [global_pool, sigmoid]}", IMAGE, SAME},
    {"multiply", "{gate: [%s]}", SAME, SAME},
    {"multiply", "{gate: [{global_pool: {kind: max, keep: true}}, silu]}", IMAGE, SAME},
    {"concatenate", "{concat: [[], [{conv2d: {out: %d, kernel: 1}}]]}", IMAGE, SAME},
    {"concatenate", "{concat: [[%s], [%s]]}", SAME, SAME},
    {"concatenate", "{concat: [[dropout], [silu], [{avg_pool: {kernel: 3, stride: 1, pad: 1}}]]}",
     IMAGE, SAME},
};

enum { N_STEPS = sizeof steps / sizeof *steps, N_TRIES = 6, MOST_DEPTH = 3, MOST_TEXT = 2048 };

static const char *const ends[] = {[VECTOR] = "{linear: classes}",
                                   [SEQUENCE] = "{time_pool: max}, {linear: classes}",
                                   [IMAGE] = "{global_pool: mean}, {linear: classes}"};

typedef struct {
    const nn_network_config *config;
    base_rng *rng;
    base_text *layers; /* "[", then steps */
    kind at;           /* what they give */
} maker;

static int64_t below(const maker *m, int64_t n) {
    return base_rng_below(m->rng, n);
}

static bool is_network(const maker *m, const char *layers) {
    nn_network_config config = *m->config;
    nn_network *network = NULL;
    base_error err;
    config.measure = true;
    config.max_batch = 1;
    config.pool = NULL;
    bool fits = network_try(layers, &config, &network, &err) == BASE_OK;
    nn_network_free(network);
    return fits;
}

/* One that takes what there is, and gives the same if it can be found soon. */
static const step *likely_step(const maker *m) {
    const step *s = NULL;
    for (int i = 0; i < N_TRIES * N_TRIES; i++) {
        s = &steps[below(m, N_STEPS)];
        if ((s->in == m->at || s->in == SAME) && s->out == SAME) break;
    }
    return s;
}

/* A step's text with what its places stand for: lists of up to three steps, which may hold lists.
 */
static void fill_places(const maker *m, const char *text, int depth, base_text *out) {
    static const int outs[] = {1, 3, 5, 7, 8, 12, 16, 24, 33, 48, 70};
    for (const char *at = text; *at != '\0'; at++) {
        if (at[0] != '%') {
            base_text_add_bytes(out, at, 1);
            continue;
        }
        at++;
        if (*at == 'd') {
            base_text_printf(out, "%d", outs[below(m, sizeof outs / sizeof *outs)]);
            continue;
        }
        for (int64_t i = 0, n = depth < MOST_DEPTH ? below(m, 4) : 0; i < n; i++) {
            if (i > 0) base_text_add(out, ", ");
            fill_places(m, likely_step(m)->text, depth + 1, out);
        }
    }
}

/* Adds a step if the network then fits together. */
static bool add_step(maker *m, const char *text, kind out) {
    base_text longer = {0};
    base_text_printf(&longer, "%s%s%s", base_text_string(m->layers),
                     m->layers->size > 1 ? ", " : "", text);
    size_t size = longer.size;
    if (out != LOGITS) base_text_printf(&longer, ", %s", ends[out]);
    base_text_add(&longer, "]");
    bool fits = is_network(m, base_text_string(&longer));
    if (fits) {
        base_text_release(m->layers);
        *m->layers = longer;
        m->layers->data[m->layers->size = size] = '\0';
        m->at = out;
    } else {
        base_text_release(&longer);
    }
    return fits;
}

static bool try_step(maker *m, const step *s) {
    base_text text = {0};
    if (s->in != m->at && s->in != SAME) return false;
    fill_places(m, s->text, 0, &text);
    bool added = text.size < MOST_TEXT && m->layers->size < MOST_TEXT &&
                 add_step(m, base_text_string(&text), s->out == SAME ? m->at : s->out);
    base_text_release(&text);
    return added;
}

/* An elementwise layer that no step is about. */
static bool try_elementwise(maker *m) {
    int n;
    const nn_layer *const *layers = nn_layers(&n);
    const nn_layer *layer = layers[below(m, n)];
    return layer->map != NULL && add_step(m, layer->variant.name, m->at);
}

static void begin(maker *m) {
    m->at = (kind)m->config->input.rank;
    base_text_add(m->layers, "[");
}

static void finish(maker *m, int most_steps) {
    int64_t n = most_steps > 0 ? below(m, most_steps + 1) : 0;
    for (int64_t i = 0; i < n && m->at != LOGITS; i++) {
        bool added = below(m, 6) == 0 && try_elementwise(m);
        for (int k = 0; k < N_TRIES && !added; k++) added = try_step(m, &steps[below(m, N_STEPS)]);
    }
    if (m->at != LOGITS) {
        base_text_printf(m->layers, "%s%s", m->layers->size > 1 ? ", " : "", ends[m->at]);
    }
    base_text_add(m->layers, "]");
}

void network_random(const nn_network_config *config, base_rng *rng, int most_steps,
                    base_text *layers) {
    maker m = {config, rng, layers, 0};
    begin(&m);
    finish(&m, most_steps);
}

/* One of the layer's steps, found from a random one on. */
static bool add_first(maker *m, const nn_layer *first) {
    int64_t from = below(m, N_STEPS);
    for (int64_t i = 0; i < N_TRIES * N_STEPS; i++) {
        const step *s = &steps[(from + i) % N_STEPS];
        if (strcmp(s->layer, first->variant.name) == 0 && try_step(m, s)) return true;
    }
    return first->map != NULL && add_step(m, first->variant.name, m->at);
}

bool network_random_from(const nn_layer *first, const nn_network_config *config, base_rng *rng,
                         int most_steps, base_text *layers) {
    maker m = {config, rng, layers, 0};
    begin(&m);
    bool added = add_first(&m, first);
    if (added) finish(&m, most_steps);
    return added;
}
