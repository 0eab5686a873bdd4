/* Random networks over all layers, each layer first in some: the C header and
 * librimshot give what the program gives for clips of every length. RIMSHOT_NETWORKS asks for more
 * than a few, RIMSHOT_KEEP for a folder that their models stay in (tests/infer/check_networks.sh
 * holds ONNX against them). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "infer/export/export.h"
#include "infer/rimshot.h"
#include "tests/model_make.h"
#include "tests/network_make.h"
#include "tests/test.h"

#define FRONT_END                                                                                  \
    "audio: {sample_rate: 8000, channels: 1, seconds: 0.25, normalize: none, trim_db: 0}\n"        \
    "features: {kind: log_mel, n_fft: 256, hop: 80, n_mels: 12}\n"
#define TOLERANCE 1e-4

enum { N_RANDOM = 12, N_CLIPS = 20, N_SAMPLES = 2000, MAX_STEPS = 12 };

/* What a step takes and gives. */
typedef enum { IMAGE, SEQUENCE, VECTOR, LOGITS, SAME } kind;

/* A step, under the name of the layer that it is about. */
typedef struct {
    const char *layer, *text;
    kind in, out;
} step;

static const step steps[] = {
    {"conv2d", "{conv2d: {out: 4, kernel: 3, pad: same}}", IMAGE, IMAGE},
    {"conv2d", "{conv2d: {out: 4, kernel: [3, 5], stride: [1, 2], pad: 1}}", IMAGE, IMAGE},
    {"conv2d", "{conv2d: {out: x2, kernel: 3, dilation: [1, 2], groups: 0, pad: same}}", IMAGE,
     IMAGE},
    {"linear", "to_sequence, {linear: 5}", IMAGE, SEQUENCE},
    {"linear", "{linear: 6}", SEQUENCE, SAME},
    {"linear", "{linear: 7}", VECTOR, SAME},
    {"forest", "flatten, {forest: {out: classes, trees: 2, depth: 2}}", IMAGE, LOGITS},
    {"gru", "to_sequence, {gru: {hidden: 3, bidirectional: true}}", IMAGE, SEQUENCE},
    {"gru", "{gru: {hidden: 4, output: last}}", SEQUENCE, VECTOR},
    {"rnn", "to_sequence, {rnn: {hidden: 3, layers: 2}}", IMAGE, SEQUENCE},
    {"lstm", "to_sequence, {lstm: 3}", IMAGE, SEQUENCE},
    {"batch_norm", "batch_norm", IMAGE, SAME},
    {"batch_norm", "batch_norm", SEQUENCE, SAME},
    {"layer_norm", "layer_norm", IMAGE, SAME},
    {"layer_norm", "layer_norm", SEQUENCE, SAME},
    {"dropout", "dropout", IMAGE, SAME},
    {"stochastic_depth", "stochastic_depth", IMAGE, SAME},
    {"relu", "relu", IMAGE, SAME},
    {"leaky_relu", "{leaky_relu: 0.2}", IMAGE, SAME},
    {"gelu", "gelu", IMAGE, SAME},
    {"gelu", "{gelu: tanh}", SEQUENCE, SAME},
    {"silu", "silu", IMAGE, SAME},
    {"sigmoid", "sigmoid", IMAGE, SAME},
    {"tanh", "tanh", IMAGE, SAME},
    {"max_pool", "{max_pool: 2}", IMAGE, SAME},
    {"max_pool", "{max_pool: {kernel: 3, stride: 2, pad: 1}}", IMAGE, SAME},
    {"avg_pool", "{avg_pool: {kernel: [2, 3], stride: 1, pad: [1, 1]}}", IMAGE, SAME},
    {"avg_pool", "{avg_pool: 2}", IMAGE, SAME},
    {"adaptive_pool", "{adaptive_pool: [3, 5]}", IMAGE, SAME},
    {"global_pool", "global_pool", IMAGE, VECTOR},
    {"global_pool", "{global_pool: {kind: max, keep: true}}", IMAGE, IMAGE},
    {"time_pool", "to_sequence, {time_pool: [mean, max, last, attention]}", IMAGE, VECTOR},
    {"time_pool", "{time_pool: mean}", SEQUENCE, VECTOR},
    {"flatten", "flatten", IMAGE, VECTOR},
    {"reshape", "{reshape: [4, -1]}", IMAGE, SEQUENCE},
    {"permute", "{permute: [1, 0, 2]}", IMAGE, SAME},
    {"permute", "{permute: [0, 2, 1]}", IMAGE, SAME},
    {"to_sequence", "to_sequence", IMAGE, SEQUENCE},
    {"to_image", "to_sequence, to_image", IMAGE, SAME},
    {"to_image", "to_image", SEQUENCE, IMAGE},
    {"add", "{residual: {body: [{conv2d: {out: x1, kernel: 3, pad: same}}]}}", IMAGE, SAME},
    {"add", "{residual: {body: [dropout], shortcut: [tanh]}}", IMAGE, SAME},
    {"multiply", "{gate: [global_pool, sigmoid]}", IMAGE, SAME},
    {"concatenate", "{concat: [[], [{conv2d: {out: 2, kernel: 1}}]]}", IMAGE, SAME},
    {"concatenate", "{concat: [[dropout], [silu], [{avg_pool: {kernel: 3, stride: 1, pad: 1}}]]}",
     IMAGE, SAME},
};

enum { N_STEPS = sizeof steps / sizeof *steps };

static const nn_network_config small = {
    .input = {.rank = 3, .dim = {1, 12, 26}}, .n_classes = MODEL_MAKE_CLASSES, .max_batch = 1};

static bool is_network(const char *layers) {
    nn_network *network = NULL;
    base_error err;
    bool fits = network_try(layers, &small, &network, &err) == BASE_OK;
    nn_network_free(network);
    return fits;
}

static const char *const endings[] = {[IMAGE] = "{global_pool: mean}, {linear: classes}]",
                                      [SEQUENCE] = "{time_pool: max}, {linear: classes}]",
                                      [VECTOR] = "{linear: classes}]",
                                      [LOGITS] = "]"};

/* Adds a step if the network then fits together. */
static bool add_step(base_text *layers, const step *next, kind *at) {
    base_text longer = {0};
    kind out = next->out == SAME ? *at : next->out;
    base_text_printf(&longer, "%s%s%s", base_text_string(layers), layers->size > 1 ? ", " : "",
                     next->text);
    size_t size = longer.size;
    base_text_printf(&longer, "%s%s", out == LOGITS ? "" : ", ", endings[out]);
    bool fits = next->in == *at && is_network(base_text_string(&longer));
    if (fits) {
        base_text_release(layers);
        *layers = longer;
        layers->data[layers->size = size] = '\0';
        *at = out;
    } else {
        base_text_release(&longer);
    }
    return fits;
}

/* A first step, then what fits behind it, down to the classes. */
static void add_steps(base_text *layers, const step *first, base_rng *rng) {
    kind at = IMAGE;
    base_text_add(layers, "[");
    ck_assert_msg(add_step(layers, first, &at), "%s cannot be first", first->text);
    for (int64_t i = base_rng_below(rng, MAX_STEPS); i > 0 && at != LOGITS; i--) {
        add_step(layers, &steps[base_rng_below(rng, N_STEPS)], &at);
    }
    base_text_printf(layers, "%s%s", at == LOGITS ? "" : ", ", endings[at]);
}

/* ---- models and headers ---- */

typedef struct {
    base_arena arena;
    const char *folder;
    int n;
    infer_model **models;
    rimshot_model **library; /* the same models */
    base_text program;
} set;

static void add_model(set *s, const char *layers) {
    base_error err;
    base_text config = {0};
    char *path = base_arena_printf(&s->arena, "%s/net%03d.h5", s->folder, s->n);
    char *header = base_arena_printf(&s->arena, "%s/net%03d.h", s->folder, s->n);
    base_text_printf(&config, FRONT_END "network: %s\n", layers);
    model_make_of(path, base_text_string(&config));
    TEST_OK(infer_model_open(path, 1, NULL, &s->models[s->n], &err), err);
    ck_assert_int_eq(rimshot_open(path, 1, &s->library[s->n], NULL), RIMSHOT_OK);
    const infer_export_options options = {.member = -1};
    TEST_OK(infer_exporter_find("c")->write(s->models[s->n], &options, header, &err), err);
    base_text_printf(&s->program,
                     "#define NET%03d_IMPLEMENTATION\n#include \"net%03d.h\" /* %s */\n", s->n,
                     s->n, layers);
    base_text_release(&config);
    s->n++;
}

/* Reads [N_CLIPS] lengths and samples; writes each header's probabilities, clip by clip. */
static void write_program(set *s) {
    base_error err;
    base_text *p = &s->program;
    base_text_printf(p,
                     "#include <stdio.h>\n"
                     "static float x[%d], y[%d];\n"
                     "int main(void) {\n"
                     "    int n;\n"
                     "    while (fread(&n, sizeof n, 1, stdin) == 1) {\n"
                     "        if (n > %d || fread(x, sizeof *x, (size_t)n, stdin) != (size_t)n) "
                     "return 1;\n",
                     N_SAMPLES, MODEL_MAKE_CLASSES, N_SAMPLES);
    for (int i = 0; i < s->n; i++) {
        base_text_printf(p,
                         "        { static net%03d_work w; net%03d_classify(x, 1, n, &w, y); "
                         "fwrite(y, sizeof y, 1, stdout); }\n",
                         i, i);
    }
    base_text_add(p, "    }\n    return 0;\n}\n");
    char *path = base_arena_printf(&s->arena, "%s/all.c", s->folder);
    TEST_OK(base_file_write_text(path, p, &err), err);
    base_text_release(p);
}

/* Clip i of the set: noise over an even share of the full length, at its least a few samples. */
static data_audio clip_of(int i) {
    data_audio clip = {.n_channels = 1,
                       .n = 3 + (N_SAMPLES - 3) * (int64_t)i / (N_CLIPS - 1),
                       .sample_rate_hz = 8000};
    clip.x = base_alloc((size_t)clip.n, sizeof *clip.x);
    network_noise((uint64_t)i, clip.n, 0.5f, clip.x);
    return clip;
}

static void run_program(set *s) {
    base_error err;
    base_text input = {0};
    for (int i = 0; i < N_CLIPS; i++) {
        data_audio clip = clip_of(i);
        base_text_add_bytes(&input, &(int){(int)clip.n}, sizeof(int));
        base_text_add_bytes(&input, clip.x, (size_t)clip.n * sizeof *clip.x);
        base_free(clip.x);
    }
    char *path = base_arena_printf(&s->arena, "%s/x.bin", s->folder);
    TEST_OK(base_file_write_text(path, &input, &err), err);
    base_text_release(&input);
    char *command = base_arena_printf(
        &s->arena, "cd '%s' && cc -std=c99 -Wall -Werror all.c -lm -o all && ./all <x.bin >y.bin",
        s->folder);
    ck_assert_int_eq(system(command), 0);
}

static void compare(set *s) {
    base_error err;
    void *data;
    size_t n_bytes;
    char *path = base_arena_printf(&s->arena, "%s/y.bin", s->folder);
    TEST_OK(base_file_read(path, 0, &data, &n_bytes, &err), err);
    const float *y = data;
    ck_assert_uint_eq(n_bytes, (size_t)(N_CLIPS * s->n * MODEL_MAKE_CLASSES) * sizeof *y);
    for (int i = 0; i < N_CLIPS; i++) {
        data_audio sound = clip_of(i), clip;
        for (int k = 0; k < s->n; k++, y += MODEL_MAKE_CLASSES) {
            float wanted[MODEL_MAKE_CLASSES], outside[MODEL_MAKE_CLASSES];
            rimshot_audio audio = {sound.x, sound.n, 1, sound.sample_rate_hz};
            TEST_OK(data_clip_prepare(&sound, infer_model_audio(s->models[k]), &clip, &err), err);
            TEST_OK(infer_model_classify(s->models[k], &clip, 1, wanted, &err), err);
            ck_assert_int_eq(rimshot_classify(s->library[k], &audio, outside, NULL), RIMSHOT_OK);
            ck_assert_mem_eq(outside, wanted, sizeof wanted);
            for (int c = 0; c < MODEL_MAKE_CLASSES; c++) {
                ck_assert_msg(fabsf(wanted[c] - y[c]) <= TOLERANCE,
                              "net%03d, %lld samples: %g, wanted %g; networks are in all.c", k,
                              (long long)sound.n, (double)y[c], (double)wanted[c]);
            }
            data_audio_release(&clip);
        }
        base_free(sound.x);
    }
    base_free(data);
}

static bool is_first(const nn_layer *layer) {
    int i = 0;
    while (i < N_STEPS &&
           (strcmp(steps[i].layer, layer->variant.name) != 0 || steps[i].in != IMAGE)) {
        i++;
    }
    return i < N_STEPS;
}

/* A network for each elementwise layer that no step names. */
static void add_elementwise(set *s) {
    int n;
    const nn_layer *const *layers = nn_layers(&n);
    for (int i = 0; i < n; i++) {
        char text[256];
        if (layers[i]->map == NULL || is_first(layers[i])) continue;
        snprintf(text, sizeof text,
                 "[%s, {conv2d: {out: 3, kernel: 3}}, {global_pool: mean}, "
                 "{linear: classes}]",
                 layers[i]->variant.name);
        add_model(s, text);
    }
}

START_TEST(headers_and_library_give_what_the_program_gives) {
    const char *more = getenv("RIMSHOT_NETWORKS"), *keep = getenv("RIMSHOT_KEEP");
    int n_random = more != NULL ? atoi(more) : N_RANDOM;
    set s = {.folder = keep != NULL ? keep : test_folder()};
    int n_layers;
    nn_layers(&n_layers);
    size_t n_most = (size_t)(N_STEPS + n_random + n_layers);
    s.models = base_arena_alloc(&s.arena, n_most, sizeof(infer_model *));
    s.library = base_arena_alloc(&s.arena, n_most, sizeof(rimshot_model *));
    ck_assert(s.models != NULL && s.library != NULL);
    for (int i = 0; i < N_STEPS + n_random; i++) {
        base_text layers = {0};
        base_rng rng = base_rng_open(5, BASE_RNG_TEST, (uint64_t)i, 0);
        const step *first = &steps[i < N_STEPS ? i : base_rng_below(&rng, N_STEPS)];
        if (first->in == IMAGE) {
            add_steps(&layers, first, &rng);
            add_model(&s, base_text_string(&layers));
        }
        base_text_release(&layers);
    }
    add_elementwise(&s);
    write_program(&s);
    run_program(&s);
    compare(&s);
    for (int i = 0; i < s.n; i++) {
        infer_model_free(s.models[i]);
        rimshot_close(s.library[i]);
    }
    base_arena_release(&s.arena);
}
END_TEST

/* A new layer belongs among the steps, unless it is elementwise. */
START_TEST(every_layer_is_first_somewhere) {
    int n;
    const nn_layer *const *layers = nn_layers(&n);
    for (int i = 0; i < n; i++) {
        bool found = is_first(layers[i]) || layers[i]->map != NULL;
        ck_assert_msg(found, "no step begins with %s", layers[i]->variant.name);
    }
}
END_TEST

TEST_MAIN("infer/export/networks", headers_and_library_give_what_the_program_gives,
          every_layer_is_first_somewhere)
