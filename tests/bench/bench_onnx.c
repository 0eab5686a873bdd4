/* tests/bench/bench_onnx.c - a configuration's network with its first weights as ONNX, so that
 * onnxruntime can be timed on what `bench network` runs. */
#include "infer/export/export.h"
#include "tests/bench/bench.h"

static base_status export_model(const char *model_path, const char *path, base_error *err) {
    infer_model *model;
    const infer_export_options options = {.member = -1};
    BASE_TRY(infer_model_open(model_path, 1, NULL, &model, err));
    base_status status = infer_exporter_find("onnx")->write(model, &options, path, err);
    infer_model_free(model);
    return status;
}

base_status bench_onnx(const bench_call *call, base_text *json, base_error *err) {
    train_config config;
    base_arena arena = {0};
    const char *path = call->arguments[1], *model = base_arena_printf(&arena, "%s.model.h5", path);
    base_status status = model ? train_config_read(call->arguments[0], call->arguments + 2,
                                                   call->n_arguments - 2, &config, err)
                               : base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    if (status == BASE_OK) {
        status = bench_write_model(&config, model, err);
        train_config_release(&config);
    }
    if (status == BASE_OK) status = export_model(model, path, err);
    if (status == BASE_OK) bench_string(json, "onnx", path);
    base_arena_release(&arena);
    return status;
}
