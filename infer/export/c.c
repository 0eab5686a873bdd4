/* One C header with a whole model in it. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "infer/export/c.h"

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

static void set_labels(export_c *e) {
    base_text labels = {0};
    base_text_add(&labels, "\n");
    for (int i = 0; i < infer_model_n_classes(e->model); i++) {
        base_text_add(&labels, "        ");
        export_c_string(&labels, infer_model_class(e->model, i));
        base_text_add(&labels, ",\n");
    }
    base_text_add(&labels, "    ");
    export_c_set_made(e, "MODEL_LABELS", &labels);
}

/* A float is below a double if it is below the next float, and above it if above the one before. */
static void set_bounds(export_c *e, const char *name, const double *bound, bool upper) {
    base_text text = {0};
    for (int i = 0; i < infer_model_n_classes(e->model); i++) {
        if (i > 0) base_text_add(&text, ", ");
        export_c_number(&text,
                        upper ? -export_c_not_below(-bound[i]) : export_c_not_below(bound[i]));
    }
    export_c_set_made(e, name, &text);
}

static void set_refusal(export_c *e) {
    const infer_refusal *refusal = infer_model_refusal(e->model);
    export_c_set(e, "MODEL_REFUSES", "%d", refusal->class_index >= 0);
    export_c_set(e, "MODEL_REFUSED", "%d", refusal->class_index);
    set_bounds(e, "MODEL_ABOVE", refusal->above, true);
    set_bounds(e, "MODEL_LEAST", refusal->least, false);
}

static void set_work_bytes(export_c *e) {
    int64_t values = e->n_values * (int64_t)sizeof(float), complexes = 2 * e->n_fourier;
    int64_t in_float = values + complexes * 2 * (int64_t)sizeof(float);
    int64_t in_double = values + complexes * 2 * (int64_t)sizeof(double);
    if (complexes == 0) {
        export_c_set(e, "MODEL_WORK_BYTES", "%lld bytes", (long long)values);
    } else {
        export_c_set(e, "MODEL_WORK_BYTES", "%lld bytes, or\n * %lld with %s_SINGLE",
                     (long long)((in_double + 7) / 8 * 8), (long long)in_float, e->upper);
    }
}

static void set_values(export_c *e) {
    bool int8 = e->int8;
    export_c_set(e, "MODEL_INT8", "%d", int8);
    export_c_set(e, "MODEL_SIGMOID", "%d", infer_model_loss(e->model) == NN_BINARY_CROSS_ENTROPY);
    export_c_set(e, "MODEL_CLASSES", "%d", infer_model_n_classes(e->model));
    export_c_set(e, "MODEL_WEIGHTS", "%lld bytes%s", (long long)e->weight_bytes,
                 int8 ? ", 8-bit integers" : "");
    export_c_set(e, "MODEL_MACS", "%lld", (long long)nn_network_summary(e->network).macs);
    export_c_set(e, "MODEL_VALUES_SIZE", "%lld", (long long)e->n_values);
    set_work_bytes(e);
    set_labels(e);
    set_refusal(e);
}

base_status export_c_make(export_c *e, const char *path, base_text *text) {
    BASE_TRY(infer_graph_member(e->model, e->options, &e->member, e->err));
    BASE_TRY(infer_graph_features(infer_model_member(e->model, e->member), "C", false, e->err));
    BASE_TRY(infer_graph_new(infer_model_network(e->model, e->member), &e->network, e->err));
    e->int8 = infer_export_is_on(e->options, "int8");
    e->n_layers = nn_network_n_rows(e->network);
    BASE_TRY(check_weights(e));
    e->file_name = base_path_name(path);
    BASE_TRY(find_prefix(e, path));
    BASE_TRY(export_c_network(e));
    BASE_TRY(export_c_audio(e));
    if (e->n_values > INT32_MAX) {
        return base_fail(e->err, BASE_ESHAPE, "the network's values are too many for C's int");
    }
    export_c_network_text(e);
    BASE_TRY(export_c_test(e));
    set_values(e);
    if (e->failed) return export_c_no_memory(e); /* the template takes whole texts only */
    BASE_TRY(export_c_render(e, text));
    return e->failed || text->failed ? export_c_no_memory(e) : BASE_OK;
}

void export_c_release(export_c *e) {
    nn_network_free(e->network);
    base_text_release(&e->settings);
    base_text_release(&e->functions);
    base_text_release(&e->constants);
    base_text_release(&e->body);
    base_text_release(&e->network_text);
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

static const infer_export_switch switches[] = {
    {"int8", "weights as 8-bit integers with a scale for each output channel"},
    {"with-features", "always on: the header holds the front end"},
    {0},
};

const infer_exporter infer_export_c = {
    .name = "c",
    .extension = "h",
    .help = "one C header that needs nothing but libm: front end, network, weights and a test. "
            "--verify compiles it with cc and classifies 39 synthesised drums.",
    .switches = switches,
    .write = write_c,
    .verify = export_c_verify,
};
