/* A header against the model: compiled into a program that runs the header's own test, then
 * classifies sounds. It reads x.bin (for each sound the number of samples, then the samples) and
 * writes y.bin (probabilities). */
#include <string.h>

#include "infer/export/c.h"
#include "infer/export/verify.h"

enum { TEST_FAILED = 3 };

extern const char infer_export_c_verify[];

static base_status write_program(export_c *e, infer_verify *v, base_error *err) {
    base_text program = {0};
    int64_t most = 0;
    for (int i = 0; i < INFER_VERIFY_N; i++) most = most < v->sound[i].n ? v->sound[i].n : most;
    export_c_set(e, "MODEL_LONGEST", "%lld", (long long)most);
    export_c_rename(e, infer_export_c_verify, infer_export_c_verify + strlen(infer_export_c_verify),
                    &program);
    base_status status = infer_verify_write(v, "verify.c", &program, err);
    base_text_release(&program);
    return status;
}

static base_status write_sounds(infer_verify *v, base_error *err) {
    base_text sounds = {0};
    for (int i = 0; i < INFER_VERIFY_N; i++) {
        const data_audio *sound = &v->sound[i];
        int n = (int)sound->n;
        base_text_add_bytes(&sounds, &n, sizeof n);
        base_text_add_bytes(&sounds, sound->x, (size_t)sound->n * sizeof *sound->x);
    }
    base_status status = infer_verify_write(v, "x.bin", &sounds, err);
    base_text_release(&sounds);
    return status;
}

static base_status compile(export_c *e, infer_verify *v, const char *program) {
    int code;
    const char *source = infer_verify_file(v, "verify.c");
    const char *test = export_c_format(e, "-D%s_TEST", e->upper);
    if (source == NULL || e->failed) return export_c_no_memory(e);
    const char *arguments[] = {"cc",       "-std=c99", "-O2",  test, "-Dmain=own_main",
                               "-include", v->path,    source, "-o", program,
                               "-lm",      NULL};
    base_status status = infer_verify_run(v, arguments, &code, e->err);
    if (status == BASE_ENOTFOUND) {
        return base_fail(e->err, status,
                         "verify: a C compiler is needed and there is no cc in PATH");
    }
    if (status != BASE_OK || code == 0) return status;
    return infer_verify_refuse(v, "cc cannot compile it", e->err);
}

static base_status run(export_c *e, infer_verify *v, const char *program) {
    int code;
    const char *in = infer_verify_file(v, "x.bin"), *out = infer_verify_file(v, "y.bin");
    if (in == NULL || out == NULL) return export_c_no_memory(e);
    const char *arguments[] = {program, in, out, NULL};
    BASE_TRY(infer_verify_run(v, arguments, &code, e->err));
    if (code == TEST_FAILED) return infer_verify_refuse(v, "its own test", e->err);
    return code == 0 ? BASE_OK : infer_verify_refuse(v, "compiled, it does not run", e->err);
}

/* What the network makes of the drums with the weights that the header's integers stand for. */
static base_status classify_rounded(export_c *e, infer_verify *v, float *probability) {
    infer_graph_path path = {e->model, e->member, e->network};
    int n_classes = infer_model_n_classes(e->model);
    for (int i = 0; i < INFER_VERIFY_N; i++) {
        BASE_TRY(infer_graph_classify(&path, &v->clip[i], probability + i * n_classes, e->err));
    }
    return BASE_OK;
}

static base_status compare(export_c *e, infer_verify *v, base_text *report) {
    double largest;
    int64_t n = INFER_VERIFY_N * (int64_t)infer_model_n_classes(e->model);
    float *rounded = base_arena_alloc(&e->arena, (size_t)n, sizeof *rounded);
    if (rounded == NULL) return export_c_no_memory(e);
    BASE_TRY(classify_rounded(e, v, rounded));
    bool int8 = e->int8;
    const float *wanted = int8 ? rounded : v->probability;
    BASE_TRY(infer_verify_compare(v, "the header", wanted, &largest, e->err));
    base_text_printf(report,
                     "cc: its own test passed; probabilities of %d synthesised drums differ by at "
                     "most %.2g",
                     INFER_VERIFY_N, largest);
    if (int8) {
        base_text_printf(report, ", by %.2g from those of the weights before rounding",
                         infer_verify_difference(rounded, v->probability, n));
    }
    base_text_add(report, "\n");
    return BASE_OK;
}

static base_status exchange(export_c *e, infer_verify *v, base_text *report) {
    const char *program = infer_verify_file(v, "verify");
    if (program == NULL) return export_c_no_memory(e);
    BASE_TRY(write_program(e, v, e->err));
    BASE_TRY(write_sounds(v, e->err));
    BASE_TRY(compile(e, v, program));
    BASE_TRY(run(e, v, program));
    return compare(e, v, report);
}

base_status export_c_verify(infer_model *model, const infer_export_options *options,
                            const char *path, base_text *report, base_error *err) {
    export_c e = {.model = model, .options = options, .err = err};
    infer_verify v = {0};
    base_text text = {0};
    base_status status = export_c_make(&e, path, &text);
    base_text_release(&text);
    if (status == BASE_OK) status = infer_verify_open(&v, model, e.member, path, err);
    if (status == BASE_OK) status = exchange(&e, &v, report);
    infer_verify_release(&v);
    export_c_release(&e);
    return status;
}
