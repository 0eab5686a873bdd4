/* Tables of numbers. int8: each row of weights, one per output, is divided by a 127th of its
 * largest magnitude and rounded. */
#include <math.h>

#include "infer/export/c.h"

enum {
    PER_LINE = 6,
    REALS_PER_LINE = 3,
    INTS_PER_LINE = 16,
    INTEGERS_PER_LINE = 20,
    LARGEST = 127
};

void export_c_ints(base_text *text, const char *name, const int *x, int64_t n) {
    base_text_printf(text, "static const int model_%s[%lld] = {\n", name, (long long)n);
    for (int64_t i = 0; i < n; i++) {
        base_text_printf(text, "%s%d,%s", i % INTS_PER_LINE == 0 ? "    " : " ", x[i],
                         i % INTS_PER_LINE == INTS_PER_LINE - 1 || i == n - 1 ? "\n" : "");
    }
    base_text_add(text, "};\n");
}

void export_c_list(base_text *text, const float *x, int64_t n) {
    base_text_add(text, "\n");
    for (int64_t i = 0; i < n; i++) {
        base_text_add(text, i % PER_LINE == 0 ? "    " : " ");
        export_c_number(text, x[i]);
        base_text_add(text, i % PER_LINE == PER_LINE - 1 || i == n - 1 ? ",\n" : ",");
    }
}

void export_c_floats(base_text *text, const char *name, const float *x, int64_t n) {
    base_text_printf(text, "static const float model_%s[%lld] = {", name, (long long)n);
    export_c_list(text, x, n);
    base_text_add(text, "};\n");
}

void export_c_reals(base_text *text, const char *name, const double *x, int64_t n) {
    base_text_printf(text, "static const model_real model_%s[%lld] = {\n", name, (long long)n);
    for (int64_t i = 0; i < n; i++) {
        base_text_add(text, i % REALS_PER_LINE == 0 ? "    (model_real)" : " (model_real)");
        export_c_double(text, x[i]);
        bool ends = i % REALS_PER_LINE == REALS_PER_LINE - 1 || i == n - 1;
        base_text_add(text, ends ? ",\n" : ",");
    }
    base_text_add(text, "};\n");
}

static float scale_of(const float *row, int64_t n) {
    float largest = 0;
    for (int64_t i = 0; i < n; i++) largest = fmaxf(largest, fabsf(row[i]));
    return largest > 0 ? largest / (float)LARGEST : 1;
}

/* Writes the integers and leaves the dequantised values in data. */
static void add_integers(export_c *e, const char *name, export_c_matrix m, const float *scale) {
    base_text *text = &e->constants;
    int64_t count = m.rows * m.n;
    base_text_printf(text, "static const model_weight model_%s[%lld] = {\n", name,
                     (long long)count);
    for (int64_t i = 0; i < count; i++) {
        int64_t place = i % INTEGERS_PER_LINE;
        long value = lroundf(m.data[i] / scale[i / m.n]);
        m.data[i] = (float)value * scale[i / m.n];
        base_text_printf(text, "%s%ld,%s", place == 0 ? "    " : "", value,
                         place == INTEGERS_PER_LINE - 1 || i == count - 1 ? "\n" : "");
    }
    base_text_add(text, "};\n");
}

void export_c_constant(export_c *e, const char *name, const float *x, int64_t n) {
    export_c_floats(&e->constants, name, x, n);
    e->weight_bytes += n * (int64_t)sizeof *x;
}

base_status export_c_weights(export_c *e, const char *name, export_c_matrix m) {
    if (!e->int8) {
        export_c_constant(e, name, m.data, m.rows * m.n);
        return BASE_OK;
    }
    float *scale = base_arena_alloc(&e->arena, (size_t)m.rows, sizeof *scale);
    const char *scale_name = export_c_format(e, "%s_scale", name);
    if (scale == NULL) return export_c_no_memory(e);
    for (int64_t i = 0; i < m.rows; i++) scale[i] = scale_of(m.data + i * m.n, m.n);
    add_integers(e, name, m, scale);
    export_c_constant(e, scale_name, scale, m.rows);
    e->weight_bytes += m.rows * m.n;
    return BASE_OK;
}
