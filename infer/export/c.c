/* One C header with all of a model in it. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "infer/export/c.h"

static const char usage_text[] = "  * In one C99 or C++ file of a program write\n"
                                 "  *\n"
                                 "  *     #define $_IMPLEMENTATION\n"
                                 "  *     #include \"~\"\n"
                                 "  *\n"
                                 "  * and include it elsewhere without the first line. Then\n"
                                 "  *\n"
                                 "  *     static @_work work;\n"
                                 "  *     float probability[$_N_CLASSES];\n"
                                 "  *     @_classify(samples, 1, n_samples, &work, probability);\n"
                                 "  *\n"
                                 "  * Nothing is allocated and nothing kept between calls: any "
                                 "number of threads may classify at\n"
                                 "  * once, each with a work buffer of its own. Only libm is "
                                 "needed. To check that it works here:\n"
                                 "  *\n"
                                 "  *     cc -O2 -D$_TEST -x c ~ -lm && ./a.out\n";

static const char license_text[] =
    "  *\n"
    "  * SPDX-License-Identifier: 0BSD\n"
    "  *\n"
    "  * Permission to use, copy, modify, and/or distribute this software for any purpose with or\n"
    "  * without fee is hereby granted.\n"
    "  *\n"
    "  * THE SOFTWARE IS PROVIDED \"AS IS\" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD "
    "TO\n"
    "  * THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO "
    "EVENT\n"
    "  * SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES "
    "OR\n"
    "  * ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION "
    "OF\n"
    "  * CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE "
    "USE\n"
    "  * OR PERFORMANCE OF THIS SOFTWARE. */\n";

static const char declarations_text[] =
    " #ifdef __cplusplus\n"
    " extern \"C\" {\n"
    " #endif\n"
    " \n"
    " /* Probabilities of the classes, probability[$_N_CLASSES], for a sound audio[n_channels, n]\n"
    "  * (one channel after the other, 1 being full scale) at $_SAMPLE_RATE Hz.\n"
    "  * Silence is cut off, the level does not matter unless it is too low, and only the first\n"
    "  * $_SAMPLES samples count. 1; or 0 for a silent sound, with all probabilities 0. */\n"
    " int @_classify(const float *audio, int n_channels, int n, @_work *work,\n"
    "         float *probability);\n"
    " \n"
    " /* The name of class 0 to $_N_CLASSES - 1, in UTF-8. */\n"
    " const char *@_label(int index);\n"
    " \n"
    " #ifdef __cplusplus\n"
    " }\n"
    " #endif\n"
    " \n"
    " #endif\n"
    " \n"
    " #if defined($_IMPLEMENTATION) || defined($_TEST)\n"
    " #include <float.h>\n"
    " #include <math.h>\n"
    " #include <stddef.h>\n"
    " #include <string.h>\n"
    " \n";

static const char classify_text[] =
    " int @_classify(const float *audio, int n_channels, int n, @_work *work,\n"
    "         float *probability) {\n"
    "     @_audio sound;\n"
    "     sound.x = audio;\n"
    "     sound.n_channels = n_channels;\n"
    "     sound.n = n;\n"
    "     const int n_clip = @_prepare(&sound, work->clip);\n"
    "     memset(probability, 0, $_N_CLASSES * sizeof *probability);\n"
    "     if (n_clip == 0) return 0;\n"
    "     @_features(work, work->values);\n"
    "     const float *logits = @_network(work, @_valid_frames(n_clip));\n"
    "     for (int i = 0; i < $_N_CLASSES; i++) {\n"
    "         probability[i] = (float)((double)logits[i] / $_TEMPERATURE);\n"
    "     }\n"
    "o    @_softmax(probability, $_N_CLASSES);\n"
    "a    @_sigmoids(probability, $_N_CLASSES);\n"
    "     return 1;\n"
    " }\n"
    " \n";

static base_status check_weights(const export_c *e) {
    for (int i = 0; i < nn_network_n_tensors(e->network); i++) {
        nn_tensor tensor = nn_network_tensor(e->network, i);
        if (nn_shape_count(tensor.shape) > INT32_MAX) {
            return base_fail(e->err, BASE_ESHAPE, "%s is too large for C's int", tensor.name);
        }
        for (int64_t k = 0; k < nn_shape_count(tensor.shape); k++) {
            if (isfinite(tensor.data[k])) continue;
            return base_fail(e->err, BASE_ENUMERIC, "%s holds a number that is not finite",
                             tensor.name);
        }
    }
    return BASE_OK;
}

/* The file's name without folder and extension, as a C identifier. */
static base_status find_prefix(export_c *e, const char *path) {
    const char *name = base_path_name(path), *dot = strrchr(name, '.');
    size_t n = dot != NULL && dot > name ? (size_t)(dot - name) : strlen(name);
    char *prefix = base_arena_copy(&e->arena, name, n),
         *upper = base_arena_copy(&e->arena, name, n);
    if (prefix == NULL || upper == NULL) return export_c_no_memory(e);
    for (size_t i = 0; i < n; i++) {
        bool fits = isascii(prefix[i]) && (isalpha(prefix[i]) || (i > 0 && isdigit(prefix[i])));
        if (!fits) prefix[i] = '_';
        upper[i] = (char)toupper(prefix[i]);
    }
    e->prefix = n > 0 && prefix[0] != '_' ? prefix : export_c_format(e, "model%s", prefix);
    e->upper = e->prefix == prefix ? upper : export_c_format(e, "MODEL%s", upper);
    return BASE_OK;
}

static void add_numbers(export_c *e, base_text *text, int64_t work_bytes) {
    const data_audio_options *audio = infer_model_audio(e->model);
    nn_summary summary = nn_network_summary(e->network);
    export_c_line(
        e, text, " * Takes sounds of any length, of which it hears the first %g seconds, at %g Hz.",
        audio->seconds, audio->sample_rate_hz);
    export_c_line(e, text, " * Weights: %lld bytes%s. Work buffer: %lld bytes.",
                  (long long)e->weight_bytes, e->options->int8 ? ", 8-bit integers" : "",
                  (long long)work_bytes);
    export_c_line(e, text, " * One sound costs %lld multiply-adds in the network.\n *",
                  (long long)summary.macs);
}

static void add_head(export_c *e, base_text *text) {
    const data_audio_options *audio = infer_model_audio(e->model);
    base_text work = {0};
    int64_t work_bytes, n_classes = infer_model_n_classes(e->model);
    export_c_audio_work(e, &work, &work_bytes);
    work_bytes += (e->n_values + e->n_scratch) * (int64_t)sizeof(float);
    work_bytes = (work_bytes + 7) / 8 * 8; /* it holds doubles */
    export_c_line(e, text,
                  "/* ~ - tells which of %lld kinds a drum sound is of; written by rimshot.",
                  (long long)n_classes);
    base_text_add(text, " *\n");
    add_numbers(e, text, work_bytes);
    export_c_add(e, text, usage_text);
    export_c_add(e, text, license_text);
    export_c_line(e, text, "#ifndef $_H\n#define $_H\n");
    export_c_line(e, text, "#define $_SAMPLE_RATE %.17g", audio->sample_rate_hz);
    export_c_line(e, text, "#define $_CHANNELS %lld", (long long)audio->channels);
    export_c_line(e, text, "#define $_SAMPLES %lld", (long long)data_audio_samples(audio));
    export_c_line(e, text, "#define $_N_CLASSES %lld\n", (long long)n_classes);
    export_c_line(e, text, "typedef struct {\n    double re, im;\n} @_complex;\n");
    export_c_line(e, text, "/* All the memory a call needs; what is in it is of no interest. */");
    base_text_add(text, "typedef struct {\n");
    base_text_add(text, base_text_string(&work));
    export_c_line(e, text, "    float values[%lld];", (long long)e->n_values);
    if (e->n_scratch > 0)
        export_c_line(e, text, "    float scratch[%lld];", (long long)e->n_scratch);
    export_c_line(e, text, "} @_work;\n");
    export_c_add(e, text, declarations_text);
    if (work.failed) e->failed = true;
    base_text_release(&work);
}

static void add_pieces(export_c *e, base_text *text) {
    for (int i = 0; i < EXPORT_C_N_PIECES; i++) {
        if (!e->needed[i] || (i == EXPORT_C_CLEAR && e->has_clear)) continue;
        export_c_add(e, text, export_c_pieces[i].text);
        base_text_add(text, "\n");
    }
}

static void add_labels(export_c *e, base_text *text) {
    int n = infer_model_n_classes(e->model);
    export_c_line(e, text, "const char *@_label(int index) {");
    export_c_line(e, text, "    static const char *const labels[%d] = {", n);
    for (int i = 0; i < n; i++) {
        base_text_add(text, "        ");
        export_c_string(text, infer_model_class(e->model, i));
        base_text_add(text, ",\n");
    }
    base_text_add(text, "    };\n    return labels[index];\n}\n\n");
}

static void add_network(export_c *e, base_text *text) {
    int output = e->values[e->n_layers].buffer;
    export_c_line(
        e, text,
        "/* From features, at work->values and with n0 valid frames, to logits. Layer by layer\n"
        " * one buffer is read and another filled; two share memory unless both are needed at\n"
        " * the same time. */");
    export_c_line(e, text, "static const float *@_network(@_work *work, int n0) {");
    if (!e->reads_length) base_text_add(text, "    (void)n0;\n");
    base_text_add(text, base_text_string(&e->body));
    export_c_line(e, text, "\n    return b%d;\n}\n", output);
    export_c_add(e, text, classify_text);
}

static base_status assemble(export_c *e, base_text *text) {
    base_text audio = {0};
    bool sigmoid = infer_model_loss(e->model) == NN_BINARY_CROSS_ENTROPY;
    e->flags[0] = e->options->int8 ? 'q' : 'f';
    e->flags[1] = sigmoid ? 'a' : 'o'; /* any of the classes, or one of them */
    export_c_need(e, sigmoid ? EXPORT_C_SIGMOIDS : EXPORT_C_SOFTMAX);
    export_c_need(e, EXPORT_C_WEIGHT);
    base_status status = export_c_network(e);
    if (status == BASE_OK) status = export_c_audio(e, &audio);
    if (status == BASE_OK) {
        add_head(e, text);
        base_text_add(text, base_text_string(&audio));
        add_pieces(e, text);
        base_text_add(text, base_text_string(&e->constants));
        base_text_add(text, "\n");
        add_network(e, text);
        add_labels(e, text);
        status = export_c_test(e, text);
        base_text_add(text, "#endif\n");
    }
    if (status == BASE_OK && (e->failed || audio.failed)) status = export_c_no_memory(e);
    base_text_release(&audio);
    return status;
}

base_status export_c_make(export_c *e, const char *path, base_text *text) {
    BASE_TRY(infer_graph_member(e->model, e->options, &e->member, e->err));
    BASE_TRY(infer_graph_features(infer_model_member(e->model, e->member), "C", e->err));
    BASE_TRY(infer_graph_new(infer_model_network(e->model, e->member), &e->network, e->err));
    e->n_layers = nn_network_n_rows(e->network);
    BASE_TRY(check_weights(e));
    e->file_name = base_path_name(path);
    BASE_TRY(find_prefix(e, path));
    BASE_TRY(assemble(e, text));
    return e->constants.failed || e->body.failed ? export_c_no_memory(e) : BASE_OK;
}

void export_c_release(export_c *e) {
    nn_network_free(e->network);
    base_text_release(&e->constants);
    base_text_release(&e->body);
    base_arena_release(&e->arena);
}

static base_status write_c(infer_model *model, const infer_export_options *options,
                           const char *path, base_error *err) {
    export_c e = {.model = model, .options = options, .err = err};
    base_text text = {0};
    base_status status = export_c_make(&e, path, &text);
    if (status == BASE_OK) status = base_file_write_text(path, &text, err);
    base_text_release(&text);
    export_c_release(&e);
    return status;
}

const infer_exporter infer_export_c = {
    .name = "c",
    .extension = "h",
    .help = "One C header that needs nothing but libm: front end, network, weights, test",
    .takes_features = true,
    .takes_int8 = true,
    .write = write_c,
    .verify = export_c_verify,
};
