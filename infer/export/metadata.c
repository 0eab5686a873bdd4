#include "infer/export/metadata.h"

#include <inttypes.h>

/* Stores the text under the key and releases it. */
static void put(infer_metadata *m, const char *key, base_text *text, bool *failed) {
    const char *value = text->failed ? NULL : base_arena_string(&m->arena, base_text_string(text));
    base_text_release(text);
    *text = (base_text){0};
    if (value == NULL) *failed = true;
    m->key[m->n] = key;
    m->value[m->n++] = value;
}

static void add_numbers(const float *items, int64_t n, base_text *out) {
    base_text_add(out, "[");
    for (int64_t i = 0; i < n; i++) {
        if (i > 0) base_text_add(out, ", ");
        base_text_add_number(out, items[i]);
    }
    base_text_add(out, "]");
}

static void put_norm(const dsp_features *features, bool all, infer_metadata *m, bool *failed) {
    int64_t n = all ? 0 : dsp_features_norm_size(features);
    base_text text = {0};
    float *norm = base_alloc((size_t)(2 * n + 1), sizeof *norm);
    if (norm == NULL) {
        *failed = true;
        return;
    }
    if (n > 0) dsp_features_get_norm(features, norm, norm + n);
    add_numbers(norm, n, &text);
    put(m, "norm_offset", &text, failed);
    add_numbers(norm + n, n, &text);
    put(m, "norm_scale", &text, failed);
    base_free(norm);
}

static void put_audio(const infer_model *model, infer_metadata *m, bool *failed) {
    const data_audio_options *audio = infer_model_audio(model);
    base_text text = {0};
    base_text_add_number(&text, audio->sample_rate_hz);
    put(m, "sample_rate_hz", &text, failed);
    base_text_printf(&text, "%" PRId64, audio->channels);
    put(m, "channels", &text, failed);
    base_text_printf(&text, "%" PRId64, data_audio_samples(audio));
    put(m, "samples", &text, failed);
}

static void put_classes(const infer_model *model, infer_metadata *m, bool *failed) {
    base_text text = {0};
    for (int i = 0; i < infer_model_n_classes(model); i++) {
        base_text_add(&text, i > 0 ? ", " : "[");
        base_text_add_json(&text, infer_model_class(model, i));
    }
    base_text_add(&text, "]");
    put(m, "classes", &text, failed);
}

static void put_bounds(const infer_model *model, const char *key, const double *bound,
                       infer_metadata *m, bool *failed) {
    base_text text = {0};
    for (int c = 0; c < infer_model_n_classes(model); c++) {
        base_text_add(&text, c > 0 ? ", " : "[");
        base_text_add_number(&text, bound[c]);
    }
    base_text_add(&text, "]");
    put(m, key, &text, failed);
}

static void put_text(infer_metadata *m, const char *key, const char *value, bool *failed) {
    base_text text = {0};
    base_text_add(&text, value);
    put(m, key, &text, failed);
}

base_status infer_metadata_make(const infer_model *model, int member, infer_metadata *metadata,
                                base_error *err) {
    bool failed = false, binary = infer_model_loss(model) == NN_BINARY_CROSS_ENTROPY;
    const dsp_features *features = infer_model_member(model, member < 0 ? 0 : member)->features;
    base_text text = {0};
    int64_t shape[3];
    dsp_features_shape(features, shape);
    *metadata = (infer_metadata){0};
    put_classes(model, metadata, &failed);
    put_audio(model, metadata, &failed);
    base_text_printf(&text, "[%" PRId64 ", %" PRId64 ", %" PRId64 "]", shape[0], shape[1],
                     shape[2]);
    put(metadata, "features", &text, &failed);
    put_norm(features, member < 0, metadata, &failed);
    base_text_add_number(&text, infer_model_temperature(model));
    put(metadata, "temperature", &text, &failed);
    put_text(metadata, "activation", binary ? "sigmoid" : "softmax", &failed);
    const infer_refusal *refusal = infer_model_refusal(model);
    bool refuses = refusal->class_index >= 0;
    put_text(metadata, "refused", refuses ? infer_model_class(model, refusal->class_index) : "",
             &failed);
    put_bounds(model, "above", refusal->above, metadata, &failed);
    put_bounds(model, "least", refusal->least, metadata, &failed);
    put_text(metadata, "config", infer_model_config(model), &failed);
    put_text(metadata, "record", infer_model_record(model), &failed);
    if (!failed) return BASE_OK;
    infer_metadata_release(metadata);
    return base_fail(err, BASE_EMEMORY, "export: out of memory");
}

void infer_metadata_release(infer_metadata *metadata) {
    base_arena_release(&metadata->arena);
}

void infer_metadata_add_json(const infer_metadata *metadata, base_text *out) {
    base_text_add(out, "{");
    for (int i = 0; i < metadata->n; i++) {
        if (i > 0) base_text_add(out, ",");
        base_text_add_json(out, metadata->key[i]);
        base_text_add(out, ":");
        base_text_add_json(out, metadata->value[i]);
    }
    base_text_add(out, "}");
}
