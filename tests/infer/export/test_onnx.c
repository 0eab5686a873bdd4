#include "infer/export/export.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "infer/export/graph.h"
#include "infer/export/onnx_graph.h"
#include "tests/model_make.h"
#include "tests/network_make.h"
#include "tests/test.h"

#define EVERY_LAYER                                                                                \
    "[{conv2d: {out: 6, kernel: 3, pad: same, stride: [1, 2]}}, batch_norm, leaky_relu, "          \
    "{residual: {body: [{conv2d: {out: 6, kernel: 3, pad: 1, groups: 3}}, relu], shortcut: []}}, " \
    "{gate: [global_pool, sigmoid]}, {gate: [{global_pool: {kind: max, keep: true}}, silu]}, "     \
    "{max_pool: {kernel: 3, stride: 2, pad: 1}}, {avg_pool: 2}, stochastic_depth, "                \
    "{concat: [[], [{conv2d: {out: 2, kernel: 1}}, gelu]]}, layer_norm, {permute: [1, 0, 2]}, "    \
    "to_sequence, {linear: 5}, batch_norm, tanh, {gru: {hidden: 3, layers: 2}}, {lstm: 4}, "       \
    "{rnn: {hidden: 3, bidirectional: true}}, to_image, {adaptive_pool: [6, 5]}, to_sequence, "    \
    "{concat: [[{time_pool: [mean, max, last, attention]}], [{gru: {hidden: 2, output: last}}]]}," \
    " {reshape: [2, 13]}, flatten, dropout, {forest: {out: classes, trees: 3, depth: 2}}]"

static const nn_network_config small = {
    .input = {.rank = 3, .dim = {1, 12, 20}}, .n_classes = 4, .max_batch = 2, .keep_order = true};

START_TEST(every_layer_has_a_form) {
    int n;
    const nn_layer *const *layers = nn_layers(&n);
    for (int i = 0; i < n; i++) {
        ck_assert_msg(infer_onnx_knows(layers[i]), "%s has no form in ONNX",
                      layers[i]->variant.name);
    }
    ck_assert(!infer_onnx_knows(&(nn_layer){.variant = {.name = "nope"}}));
}
END_TEST

static bool is_initializer(const infer_onnx *onnx, const char *name) {
    for (size_t i = 0; i < onnx->graph.n_initializer; i++) {
        if (strcmp(onnx->graph.initializer[i]->name, name) == 0) return true;
    }
    return false;
}

static int times_made(const infer_onnx *onnx, const char *name, size_t n_nodes) {
    int n = is_initializer(onnx, name);
    for (size_t i = 0; i < n_nodes; i++) {
        const Rimshot__Onnx__Node *node = onnx->graph.node[i];
        for (size_t k = 0; k < node->n_output; k++) n += strcmp(node->output[k], name) == 0;
    }
    return n;
}

/* Every value is made once, and before it is read; every tensor holds what its extents say. */
static void check_graph(const infer_onnx *onnx) {
    const Rimshot__Onnx__Graph *graph = &onnx->graph;
    for (size_t i = 0; i < graph->n_node; i++) {
        const Rimshot__Onnx__Node *node = graph->node[i];
        for (size_t k = 0; k < node->n_input; k++) {
            const char *name = node->input[k];
            bool given = name[0] == '\0' || strcmp(name, "x") == 0 || strcmp(name, "n") == 0;
            if (!given) ck_assert_msg(times_made(onnx, name, i) == 1, "%s: %s", node->name, name);
        }
        for (size_t k = 0; k < node->n_output; k++) {
            ck_assert_int_eq(times_made(onnx, node->output[k], graph->n_node), 1);
        }
    }
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const Rimshot__Onnx__Tensor *tensor = graph->initializer[i];
        size_t n_bytes = tensor->data_type == INFER_ONNX_INT64 ? 8 : 4;
        for (size_t k = 0; k < tensor->n_dims; k++) n_bytes *= (size_t)tensor->dims[k];
        ck_assert_uint_eq(tensor->raw_data.len, n_bytes);
    }
}

static int count_ops(const infer_onnx *onnx, const char *op) {
    int n = 0;
    for (size_t i = 0; i < onnx->graph.n_node; i++) {
        n += strcmp(onnx->graph.node[i]->op_type, op) == 0;
    }
    return n;
}

static infer_onnx_value emit(infer_onnx *onnx, const char *layers, infer_onnx_value length) {
    base_error err;
    infer_onnx_value logits;
    nn_network *network = network_make(layers, &small);
    infer_onnx_init(onnx);
    TEST_OK(infer_onnx_network(onnx, network, (infer_onnx_signal){.x = "x", .length = length},
                               &logits, &err),
            err);
    ck_assert(!onnx->failed);
    check_graph(onnx);
    nn_network_free(network);
    return logits;
}

START_TEST(graphs_are_well_formed) {
    infer_onnx onnx;
    emit(&onnx, EVERY_LAYER, NULL);
    ck_assert_int_eq(count_ops(&onnx, "Where"), 0);
    ck_assert_int_eq(count_ops(&onnx, "GRU"), 3);
    infer_onnx_release(&onnx);
    emit(&onnx, EVERY_LAYER, "n");
    ck_assert_int_gt(count_ops(&onnx, "Where"), 10);
    infer_onnx_release(&onnx);
}
END_TEST

/* A layer that leaves zeros zero needs no mask after one that had it. The network's input is not
 * zero past its length: the layers that read it have a mask before or behind them. */
START_TEST(masks_stand_only_where_needed) {
    infer_onnx onnx;
    emit(&onnx,
         "[relu, {conv2d: {out: 2, kernel: 3, pad: same}}, relu, dropout, {max_pool: 2}, "
         "tanh, flatten]",
         "n");
    ck_assert_int_eq(count_ops(&onnx, "Where"), 3);
    ck_assert_int_eq(count_ops(&onnx, "Gather"), 1); /* lengths after the pooling */
    infer_onnx_release(&onnx);
    static const char *const readers[] = {
        "[dropout, flatten]", "[to_sequence, flatten]",   "[{gate: [global_pool]}, flatten]",
        "[global_pool]",      "[{avg_pool: 3}, flatten]", "[to_sequence, {time_pool: mean}]"};
    static const int n_masks[] = {1, 1, 2, 1, 2, 1};
    for (int i = 0; i < 6; i++) {
        emit(&onnx, readers[i], "n");
        ck_assert_msg(count_ops(&onnx, "Where") == n_masks[i], "%s: %d masks", readers[i],
                      count_ops(&onnx, "Where"));
        infer_onnx_release(&onnx);
    }
}
END_TEST

static const Rimshot__Onnx__Tensor *find_tensor(const infer_onnx *onnx, const char *name) {
    for (size_t i = 0; i < onnx->graph.n_initializer; i++) {
        if (strcmp(onnx->graph.initializer[i]->name, name) == 0) return onnx->graph.initializer[i];
    }
    ck_abort_msg("no tensor %s", name);
}

/* PyTorch's r, z, n become ONNX's z, r, h; i, f, g, o become i, o, f, c. */
static void check_gates(const char *layers, int n_gates, const int *order) {
    enum { HIDDEN = 3, FEATURES = 12 };
    base_error err;
    infer_onnx onnx;
    infer_onnx_value logits;
    nn_network *network = network_make(layers, &small);
    infer_onnx_init(&onnx);
    TEST_OK(infer_onnx_network(&onnx, network, (infer_onnx_signal){.x = "x"}, &logits, &err), err);
    const Rimshot__Onnx__Tensor *made = find_tensor(&onnx, "1.weight_ih_l0");
    const float *w = nn_network_tensor(network, 0).data,
                *reverse = nn_network_tensor(network, 4).data;
    size_t gate = HIDDEN * FEATURES * sizeof *w;
    ck_assert_uint_eq(made->raw_data.len, 2 * (size_t)n_gates * gate);
    for (int g = 0; g < n_gates; g++) {
        const uint8_t *at = made->raw_data.data + (size_t)g * gate;
        ck_assert_mem_eq(at, w + order[g] * HIDDEN * FEATURES, gate);
        at += (size_t)n_gates * gate;
        ck_assert_mem_eq(at, reverse + order[g] * HIDDEN * FEATURES, gate);
    }
    infer_onnx_release(&onnx);
    nn_network_free(network);
}

START_TEST(gates_are_in_the_order_of_onnx) {
    check_gates("[to_sequence, {gru: {hidden: 3, bidirectional: true}}]", 3, (int[]){1, 0, 2});
    check_gates("[to_sequence, {lstm: {hidden: 3, bidirectional: true}}]", 4, (int[]){0, 3, 1, 2});
}
END_TEST

static const char *const with_features[] = {"with-features", NULL};

static char *in_folder(base_arena *arena, const char *name) {
    return base_path_join(arena, test_folder(), name);
}

static infer_model *open_model(base_arena *arena, int n_members) {
    base_error err;
    infer_model *model;
    char *path = in_folder(arena, "model.h5");
    model_make(path, n_members);
    TEST_OK(infer_model_open(path, 1, NULL, &model, &err), err);
    return model;
}

static Rimshot__Onnx__Model *read_back(const char *path) {
    void *bytes;
    size_t n_bytes;
    base_error err;
    TEST_OK(base_file_read(path, 0, &bytes, &n_bytes, &err), err);
    Rimshot__Onnx__Model *model = rimshot__onnx__model__unpack(NULL, n_bytes, bytes);
    ck_assert_ptr_nonnull(model);
    base_free(bytes);
    return model;
}

static const char *metadata_of(const Rimshot__Onnx__Model *model, const char *key) {
    for (size_t i = 0; i < model->n_metadata_props; i++) {
        if (strcmp(model->metadata_props[i]->key, key) == 0) return model->metadata_props[i]->value;
    }
    ck_abort_msg("no %s", key);
}

static void check_file(const char *path, const char *input, size_t rank) {
    Rimshot__Onnx__Model *model = read_back(path);
    const Rimshot__Onnx__Graph *graph = model->graph;
    ck_assert_int_eq(model->ir_version, 8);
    ck_assert_int_eq(model->opset_import[0]->version, 17);
    ck_assert_str_eq(metadata_of(model, "classes"), "[\"kick\", \"snare\", \"hat\"]");
    ck_assert_str_eq(metadata_of(model, "activation"), "softmax");
    ck_assert_uint_eq(graph->n_input, 2);
    ck_assert_str_eq(graph->input[0]->name, input);
    ck_assert_uint_eq(graph->input[0]->type->tensor_type->shape->n_dim, rank);
    ck_assert_str_eq(graph->input[0]->type->tensor_type->shape->dim[0]->dim_param, "N");
    ck_assert_str_eq(graph->input[1]->name, "length");
    ck_assert_str_eq(graph->output[0]->name, "probabilities");
    ck_assert_str_eq(graph->output[1]->name, "decision");
    ck_assert_str_eq(graph->node[graph->n_node - 1]->output[0], "decision");
    ck_assert_str_eq(metadata_of(model, "refused"), "");
    ck_assert_str_eq(metadata_of(model, "least"), "[0, 0, 0]");
    rimshot__onnx__model__free_unpacked(model, NULL);
}

START_TEST(writes_both_forms) {
    base_arena arena = {0};
    base_error err;
    infer_model *model = open_model(&arena, 1);
    infer_export_options options = {.member = -1};
    char *path = in_folder(&arena, "a.onnx");
    TEST_OK(infer_exporter_find("onnx")->write(model, &options, path, &err), err);
    check_file(path, "features", 4);
    options.switches = with_features;
    TEST_OK(infer_exporter_find("onnx")->write(model, &options, path, &err), err);
    check_file(path, "waveform", 3);
    infer_model_free(model);
    base_arena_release(&arena);
}
END_TEST

static size_t times_used(const Rimshot__Onnx__Graph *graph, const char *op) {
    size_t n = 0;
    for (size_t i = 0; i < graph->n_node; i++) n += strcmp(graph->node[i]->op_type, op) == 0;
    return n;
}

static bool has_weight(const Rimshot__Onnx__Graph *graph, const char *name) {
    bool found = false;
    for (size_t i = 0; i < graph->n_initializer; i++) {
        found = found || strcmp(graph->initializer[i]->name, name) == 0;
    }
    return found;
}

/* One front end, a network for each member, and their mean. */
START_TEST(an_ensemble_is_one_graph) {
    base_arena arena = {0};
    base_error err;
    infer_model *model = open_model(&arena, 3);
    infer_export_options options = {.member = -1};
    char *path = in_folder(&arena, "e.onnx");
    for (int from_waveform = 0; from_waveform < 2; from_waveform++) {
        options.switches = from_waveform ? with_features : NULL;
        TEST_OK(infer_exporter_find("onnx")->write(model, &options, path, &err), err);
        check_file(path, from_waveform ? "waveform" : "features", from_waveform ? 3 : 4);
        Rimshot__Onnx__Model *made = read_back(path);
        const Rimshot__Onnx__Graph *graph = made->graph;
        ck_assert_uint_eq(times_used(graph, "Mean"), 1);
        ck_assert_uint_eq(times_used(graph, "GRU"), 3);
        ck_assert_uint_eq(times_used(graph, "Softmax"), 3);
        ck_assert_uint_eq(times_used(graph, "Log"), (size_t)from_waveform);
        ck_assert(has_weight(graph, "member0/0.weight") && has_weight(graph, "member2/8.bias"));
        ck_assert(!has_weight(graph, "0.weight"));
        ck_assert_str_eq(metadata_of(made, "norm_offset"), "[]");
        rimshot__onnx__model__free_unpacked(made, NULL);
    }
    infer_model_free(model);
    base_arena_release(&arena);
}
END_TEST

/* A python3 that does what a line of shell says; the check's folder is its fourth argument. */
static base_status verify_by(infer_model *model, const char *folder, const char *python,
                             base_error *err) {
    base_arena arena = {0};
    base_text report = {0}, script = {0};
    infer_export_options options = {.member = -1};
    char *program = base_path_join(&arena, folder, "python3"),
         *path = base_path_join(&arena, folder, "v.onnx");
    base_text_printf(&script, "#!/bin/sh\n%s\n", python);
    TEST_OK(base_file_write_text(program, &script, err), *err);
    ck_assert_int_eq(chmod(program, 0700), 0);
    TEST_OK(infer_exporter_find("onnx")->write(model, &options, path, err), *err);
    base_status status = infer_exporter_find("onnx")->verify(model, &options, path, &report, err);
    ck_assert(status == BASE_OK || report.size == 0);
    base_text_release(&script);
    base_text_release(&report);
    base_arena_release(&arena);
    return status;
}

START_TEST(verifying_says_what_is_wrong) {
    base_arena arena = {0};
    base_error err;
    infer_model *model = open_model(&arena, 2);
    const char *folder = test_folder();
    char *others = base_arena_printf(&arena, "%s:%s", folder, getenv("PATH"));
    setenv("PATH", others, 1);
    setenv("TMPDIR", folder, 1);
    TEST_FAILS(verify_by(model, folder, "exit 3", &err), BASE_ENOTFOUND, err, "no onnxruntime");
    TEST_FAILS(verify_by(model, folder, "echo no such operator; exit 1", &err), BASE_EMISMATCH, err,
               "v.onnx: onnxruntime cannot run it: no such operator");
    TEST_FAILS(verify_by(model, folder, "kill -9 $$", &err), BASE_EIO, err,
               "did not end by itself");
    TEST_FAILS(verify_by(model, folder, "head -c 468 /dev/zero >$4/y.bin", &err), BASE_EMISMATCH,
               err, "onnxruntime's probabilities differ by up to");
    TEST_FAILS(verify_by(model, folder, "head -c 468 /dev/zero | tr '\\0' '\\377' >$4/y.bin", &err),
               BASE_EMISMATCH, err, "nan");
    TEST_FAILS(verify_by(model, folder, "echo >$4/y.bin", &err), BASE_EMISMATCH, err,
               "other classes");
    /* The features of 39 drums and their lengths are what it is given. */
    TEST_FAILS(verify_by(model, folder, "set -- $4/*.bin; stat -c %s $1 $2 | xargs; exit 1", &err),
               BASE_EMISMATCH, err, ": 312 54912");
    setenv("PATH", "/nowhere", 1);
    infer_export_options options = {.member = -1};
    base_text report = {0};
    TEST_FAILS(infer_exporter_find("onnx")->verify(model, &options, "v.onnx", &report, &err),
               BASE_ENOTFOUND, err, "there is no python3");
    infer_model_free(model);
    base_arena_release(&arena);
}
END_TEST

START_TEST(refuses_what_it_cannot_write) {
    base_arena arena = {0};
    base_error err;
    infer_model *model = open_model(&arena, 2);
    infer_export_options options = {.member = -1};
    char *path = in_folder(&arena, "b.onnx"), *nowhere = in_folder(&arena, "none/b.onnx");
    options.member = 2;
    TEST_FAILS(infer_exporter_find("onnx")->write(model, &options, path, &err), BASE_EUSAGE, err,
               "no member 2");
    options.member = 1;
    TEST_FAILS(infer_exporter_find("onnx")->write(model, &options, nowhere, &err), BASE_ENOTFOUND,
               err, "none");
    ck_assert(!base_file_exists(path));
    TEST_OK(infer_exporter_find("onnx")->write(model, &options, path, &err), err);
    infer_model_free(model);
    base_arena_release(&arena);
}
END_TEST

TEST_MAIN("infer/export/onnx", every_layer_has_a_form, graphs_are_well_formed,
          masks_stand_only_where_needed, gates_are_in_the_order_of_onnx, writes_both_forms,
          an_ensemble_is_one_graph, verifying_says_what_is_wrong, refuses_what_it_cannot_write)
