#include "infer/web.h"

#include <inttypes.h>

static void add_number(base_text *out, const char *key, double value) {
    base_text_printf(out, ",\n  \"%s\": ", key);
    base_text_add_number(out, value);
}

static void add_bounds(const char *key, const double *bound, int n, base_text *out) {
    base_text_printf(out, ", \"%s\": [", key);
    for (int c = 0; c < n; c++) {
        if (c > 0) base_text_add(out, ", ");
        base_text_add_number(out, bound[c]);
    }
    base_text_add(out, "]");
}

static void add_refusal(const infer_model *model, base_text *out) {
    const infer_refusal *refusal = infer_model_refusal(model);
    int n = infer_model_n_classes(model);
    base_text_printf(out, ",\n  \"refuse\": {\"class\": %d", refusal->class_index);
    add_bounds("above", refusal->above, n, out);
    add_bounds("least", refusal->least, n, out);
    base_text_add(out, "}");
}

void infer_web_add_settings(const infer_model *model, const char *more, base_text *out) {
    static const char *const normalize[] = {[DATA_NORMALIZE_NONE] = "none",
                                            [DATA_NORMALIZE_PEAK] = "peak",
                                            [DATA_NORMALIZE_RMS] = "rms",
                                            [DATA_NORMALIZE_STANDARD] = "standard"};
    const data_audio_options *audio = infer_model_audio(model);
    base_text_add(out, "{\n  \"classes\": ");
    for (int i = 0; i < infer_model_n_classes(model); i++) {
        base_text_add(out, i > 0 ? ", " : "[");
        base_text_add_json(out, infer_model_class(model, i));
    }
    base_text_add(out, "]");
    add_number(out, "sample_rate_hz", audio->sample_rate_hz);
    base_text_printf(out, ",\n  \"channels\": %" PRId64, audio->channels);
    base_text_printf(out, ",\n  \"samples\": %" PRId64, data_audio_samples(audio));
    add_number(out, "trim_db", audio->trim_db);
    base_text_printf(out, ",\n  \"normalize\": \"%s\"", normalize[audio->normalize]);
    add_number(out, "min_peak_db", audio->min_peak_db);
    add_refusal(model, out);
    base_text_printf(out, ",\n  \"networks\": %d,\n  \"record\": ", infer_model_n_members(model));
    base_text_add_json(out, infer_model_record(model));
    if (more != NULL) base_text_printf(out, ",\n  %s", more);
    base_text_add(out, "\n}\n");
}
