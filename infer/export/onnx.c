/* ONNX: the network alone, or everything from the waveform to the probabilities. */
#include "infer/export/graph.h"
#include "infer/export/onnx_graph.h"

#define BATCH "N"

/* One export: of a member, or of all for -1. */
typedef struct {
    infer_model *model;
    int member, first, n; /* members first to first + n - 1 */
    nn_network **plain;   /* [n], in the arena of onnx */
    infer_onnx onnx;
    infer_onnx_value silent; /* [N,1]; NULL: never */
    bool with_features, needs_length;
} job;

static const dsp_features *features_of(const job *j, int member) {
    return infer_model_member(j->model, member)->features;
}

/* Makes the input `length` optional: its default is that of a full clip. */
static void preset_length(infer_onnx *onnx, infer_onnx_shape shape, int64_t full) {
    int64_t *preset = base_arena_alloc(&onnx->arena, 1, sizeof *preset);
    if (preset == NULL) {
        onnx->failed = true;
        return;
    }
    *preset = full;
    infer_onnx_weight(onnx, "length", shape, preset);
}

/* The input `length`, the number of valid samples or frames; one number is broadcast to N. */
static infer_onnx_value add_length(job *j, infer_onnx_value x, int64_t full, const char *unit) {
    infer_onnx *onnx = &j->onnx;
    infer_onnx_shape shape = {INFER_ONNX_INT64, 1, {1}};
    infer_onnx_input(onnx, "length", "N_or_1", shape, unit);
    if (!j->needs_length) preset_length(onnx, shape, full);
    infer_onnx_value batch = INFER_OP(onnx, "Shape", x);
    infer_onnx_set_int(onnx, "start", 0);
    infer_onnx_set_int(onnx, "end", 1);
    return INFER_OP(onnx, "Expand", "length", batch);
}

static infer_onnx_value narrow(infer_onnx *onnx, infer_onnx_value x) {
    infer_onnx_value y = INFER_OP(onnx, "Cast", x);
    infer_onnx_set_int(onnx, "to", INFER_ONNX_INT32);
    return y;
}

static infer_onnx_signal open_waveform(job *j) {
    const data_audio_options *audio = infer_model_audio(j->model);
    infer_onnx_signal sound = {.x = "waveform"};
    infer_onnx_input(&j->onnx, sound.x, BATCH, (infer_onnx_shape){INFER_ONNX_FLOAT, 3, {0, -1, -1}},
                     "sounds [N, channels, samples] of any length at the model's rate");
    sound.length = add_length(j, sound.x, INT64_MAX, "samples of each sound before its end");
    infer_onnx_signal clip = infer_onnx_clip(&j->onnx, audio, sound, &j->silent);
    if (!infer_model_masks(j->model)) clip.length = NULL;
    return infer_onnx_features(&j->onnx, features_of(j, j->first), clip);
}

/* Lengths limited to 1 to `most`. */
static infer_onnx_value clamped(infer_onnx *onnx, infer_onnx_value length, int64_t most) {
    infer_onnx_value least = INFER_OP(onnx, "Max", length, infer_onnx_int32(onnx, 1));
    return INFER_OP(onnx, "Min", least, infer_onnx_int32(onnx, most));
}

/* An ensemble's features come without the fitted normalisation, which differs per member. */
static infer_onnx_signal open_features(job *j) {
    const dsp_features *first = features_of(j, j->first);
    int64_t shape[3], n = data_audio_samples(infer_model_audio(j->model));
    dsp_features_shape(first, shape);
    infer_onnx_signal features = {.x = "features"};
    infer_onnx_input(&j->onnx, features.x, BATCH,
                     (infer_onnx_shape){INFER_ONNX_FLOAT, 4, {0, shape[0], shape[1], shape[2]}},
                     j->n == 1 ? "normalised features [N, C, F, T]"
                               : "features [N, C, F, T] without fitted normalisation");
    if (infer_model_masks(j->model)) {
        int64_t full = dsp_features_valid_frames(first, n);
        infer_onnx_value length =
            add_length(j, features.x, full, "frames of each clip before its end");
        features.length = clamped(&j->onnx, narrow(&j->onnx, length), shape[2]);
    }
    if (j->n > 1) features.x = infer_onnx_filled(&j->onnx, first, features.x);
    return features;
}

static infer_onnx_value probabilities(job *j, infer_onnx_value logits) {
    infer_onnx *onnx = &j->onnx;
    double temperature = infer_model_temperature(j->model);
    if (temperature != 1) {
        logits = INFER_OP(onnx, "Div", logits, infer_onnx_float(onnx, temperature));
    }
    bool binary = infer_model_loss(j->model) == NN_BINARY_CROSS_ENTROPY;
    infer_onnx_value y = INFER_OP(onnx, binary ? "Sigmoid" : "Softmax", logits);
    if (!binary) infer_onnx_set_int(onnx, "axis", -1);
    return y;
}

/* A member's probabilities from the features that all share. */
static base_status add_member(job *j, int i, infer_onnx_signal features, infer_onnx_value *y,
                              base_error *err) {
    infer_onnx *onnx = &j->onnx;
    int member = j->first + i;
    if (j->n > 1) onnx->member = base_arena_printf(&onnx->arena, "member%d/", member);
    if (onnx->member == NULL) return base_fail(err, BASE_EMEMORY, "export: out of memory");
    onnx->scope = onnx->member;
    if (j->with_features || j->n > 1) {
        features.x = infer_onnx_normalized(onnx, features_of(j, member), features.x);
    }
    BASE_TRY(infer_onnx_network(onnx, j->plain[i], features, y, err));
    *y = probabilities(j, *y);
    return BASE_OK;
}

static infer_onnx_value table_of(infer_onnx *onnx, const double *items, int64_t n) {
    return infer_onnx_constant(onnx, (infer_onnx_shape){INFER_ONNX_DOUBLE, 1, {n}}, items);
}

/* infer_refusal_judge: the most probable class that can be an answer, [N,1]. */
static infer_onnx_value most_probable(job *j, infer_onnx_value p) {
    infer_onnx *onnx = &j->onnx;
    int64_t n = infer_model_n_classes(j->model);
    int refused = infer_model_refusal(j->model)->class_index;
    if (refused >= 0) {
        double *below = infer_onnx_take(onnx, n, sizeof *below);
        if (below == NULL) return "";
        below[refused] = 2; /* more than any probability */
        p = INFER_OP(onnx, "Sub", p, table_of(onnx, below, n));
    }
    infer_onnx_value best = INFER_OP(onnx, "ArgMax", p);
    infer_onnx_set_int(onnx, "axis", 1);
    return best;
}

static void add_decision(job *j, infer_onnx_value probabilities) {
    infer_onnx *onnx = &j->onnx;
    const infer_refusal *refusal = infer_model_refusal(j->model);
    int64_t n = infer_model_n_classes(j->model), unknown = INFER_UNKNOWN;
    infer_onnx_value p = INFER_OP(onnx, "Cast", probabilities);
    infer_onnx_set_int(onnx, "to", INFER_ONNX_DOUBLE);
    infer_onnx_value best = most_probable(j, p);
    infer_onnx_value of_best = INFER_OP(onnx, "GatherElements", p, best);
    infer_onnx_set_int(onnx, "axis", 1);
    infer_onnx_value least = INFER_OP(onnx, "Gather", table_of(onnx, refusal->least, n), best);
    infer_onnx_value refused = INFER_OP(onnx, "Less", of_best, least);
    if (refusal->class_index >= 0) {
        int64_t index = refusal->class_index;
        infer_onnx_value outlier = INFER_OP(onnx, "Gather", p, infer_onnx_list(onnx, 1, &index));
        infer_onnx_set_int(onnx, "axis", 1);
        infer_onnx_value above = INFER_OP(onnx, "Gather", table_of(onnx, refusal->above, n), best);
        refused = INFER_OP(onnx, "Or", refused, INFER_OP(onnx, "Greater", outlier, above));
    }
    if (j->silent != NULL) refused = INFER_OP(onnx, "Or", refused, j->silent);
    infer_onnx_value answer =
        INFER_OP(onnx, "Where", refused, infer_onnx_list(onnx, 1, &unknown), best);
    INFER_OP(onnx, "Reshape", answer, infer_onnx_list(onnx, 1, (int64_t[]){-1}));
    infer_onnx_rename(onnx, "decision");
    infer_onnx_output(onnx, "decision", BATCH, (infer_onnx_shape){INFER_ONNX_INT64, 1, {0}},
                      "[N], the number of a class, or -1: unknown");
}

/* Of the last node. */
static void add_outputs(job *j) {
    int64_t n_classes = infer_model_n_classes(j->model);
    infer_onnx_rename(&j->onnx, "probabilities");
    infer_onnx_output(&j->onnx, "probabilities", BATCH,
                      (infer_onnx_shape){INFER_ONNX_FLOAT, 2, {0, n_classes}},
                      "[N, classes], the classes are in the metadata; 0 for silence");
    add_decision(j, "probabilities");
}

static base_status build(job *j, base_error *err) {
    if (j->with_features) {
        BASE_TRY(infer_graph_features(infer_model_member(j->model, j->first), "ONNX", true, err));
    }
    infer_onnx_value *y = base_arena_alloc(&j->onnx.arena, (size_t)j->n, sizeof *y);
    if (y == NULL) return base_fail(err, BASE_EMEMORY, "export: out of memory");
    infer_onnx_signal features = j->with_features ? open_waveform(j) : open_features(j);
    for (int i = 0; i < j->n; i++) BASE_TRY(add_member(j, i, features, &y[i], err));
    j->onnx.member = j->onnx.scope = "";
    infer_onnx_value p = j->n > 1 ? infer_onnx_op(&j->onnx, "Mean", j->n, y) : y[0];
    if (j->silent != NULL) {
        INFER_OP(&j->onnx, "Where", j->silent, infer_onnx_float(&j->onnx, 0), p);
    }
    add_outputs(j);
    return BASE_OK;
}

/* The weights are borrowed from the plain networks until the file is written. */
static base_status write_built(job *j, const char *path, base_error *err) {
    infer_metadata metadata;
    BASE_TRY(infer_metadata_make(j->model, j->member, &metadata, err));
    base_status status = infer_onnx_write(&j->onnx, &metadata, path, err);
    infer_metadata_release(&metadata);
    return status;
}

static base_status copy_networks(job *j, base_error *err) {
    j->plain = base_arena_alloc(&j->onnx.arena, (size_t)j->n, sizeof(nn_network *));
    if (j->plain == NULL) return base_fail(err, BASE_EMEMORY, "export: out of memory");
    for (int i = 0; i < j->n; i++) {
        nn_network *network = infer_model_network(j->model, j->first + i);
        BASE_TRY(infer_graph_new(network, &j->plain[i], err));
    }
    return BASE_OK;
}

static const infer_export_switch switches[] = {
    {INFER_ONNX_WITH_FEATURES, "from the waveform instead of from the features"},
    {0},
};

static base_status write(infer_model *model, const infer_export_options *options, const char *path,
                         base_error *err) {
    job j = {.model = model,
             .with_features = infer_export_is_on(options, INFER_ONNX_WITH_FEATURES),
             .needs_length = infer_export_is_on(options, INFER_ONNX_NEEDS_LENGTH)};
    BASE_TRY(infer_graph_members(model, options, &j.member, err));
    j.first = j.member < 0 ? 0 : j.member;
    j.n = j.member < 0 ? infer_model_n_members(model) : 1;
    infer_onnx_init(&j.onnx);
    base_status status = copy_networks(&j, err);
    if (status == BASE_OK) status = build(&j, err);
    if (status == BASE_OK) status = write_built(&j, path, err);
    for (int i = 0; i < j.n && j.plain != NULL; i++) nn_network_free(j.plain[i]);
    infer_onnx_release(&j.onnx);
    return status;
}

const infer_exporter infer_export_onnx = {
    .name = "onnx",
    .extension = "onnx",
    .help = "the network, or with --with-features all from the waveform to the probabilities, in "
            "ONNX (operator set 17). --verify runs 39 synthesised drums through it in onnxruntime, "
            "which python3 must have.",
    .switches = switches,
    .write = write,
    .verify = infer_onnx_verify,
};
