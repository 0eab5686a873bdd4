#include "train/init.h"

#include <string.h>

#include "infer/import/weights.h"

/* The tensors of the model's network, which keeps them. */
static base_status open_model(train_init *init, base_error *err) {
    BASE_TRY(infer_model_open(init->path, 1, NULL, &init->model, err));
    if (infer_model_n_members(init->model) > 1) {
        return base_fail(err, BASE_EDATA, "%s: an ensemble; train.init takes one network",
                         init->path);
    }
    return infer_tensors_of(infer_model_network(init->model, 0), &init->tensors, err);
}

base_status train_init_open(const train_config *config, train_init *init, base_error *err) {
    *init = (train_init){0};
    if (config->train.init.weights == NULL) return BASE_OK;
    init->options = &config->train.init;
    init->path = base_path_join(&init->arena, config->folder, init->options->weights);
    base_status status = BASE_OK;
    if (init->path == NULL) {
        status = base_fail(err, BASE_EMEMORY, "train.init: out of memory");
    } else if (base_h5_is_ours(init->path)) {
        status = open_model(init, err);
    } else {
        status = infer_tensors_read(init->path, &init->tensors, err);
    }
    if (status != BASE_OK) train_init_release(init);
    return status;
}

void train_init_release(train_init *init) {
    if (init == NULL) return;
    infer_tensors_release(&init->tensors);
    infer_model_free(init->model);
    base_arena_release(&init->arena);
    *init = (train_init){0};
}

base_status train_init_digest(const train_init *init, base_digest *digest, base_error *err) {
    return init->options != NULL ? base_digest_join_file(digest, init->path, err) : BASE_OK;
}

/* The faults, a line each, behind the error on one line. */
static base_status tell_faults(const train_init *init, const base_text *faults, base_error *err) {
    base_text all = {0};
    base_text_printf(&all, "%s: %s", init->path, err->text);
    const char *before = ": ";
    for (const char *line = base_text_string(faults); *line; line += strspn(line, "\n")) {
        size_t n = strcspn(line, "\n");
        base_text_add(&all, before);
        base_text_add_bytes(&all, line, n);
        before = "; ";
        line += n;
    }
    base_status status = base_fail(err, err->status, "%s", base_text_string(&all));
    base_text_release(&all);
    return status;
}

base_status train_init_apply(const train_init *init, nn_network *network, int *n_taken,
                             base_error *err) {
    int n = 0;
    base_status status = BASE_OK;
    if (init != NULL && init->options != NULL) {
        infer_import_report report = {0};
        infer_import_options options = {.names = init->options->names,
                                        .prefix = init->options->prefix,
                                        .only = init->options->only,
                                        .partial = init->options->partial};
        status = infer_import_weights(&init->tensors, &options, network, &report, err);
        if (status != BASE_OK) status = tell_faults(init, &report.faults, err);
        base_text_release(&report.faults);
        n = report.n_taken;
        if (status == BASE_OK && n == 0) {
            status = base_fail(err, BASE_ESHAPE, "%s: none of its tensors is in the network",
                               init->path);
        }
    }
    if (n_taken != NULL) *n_taken = n;
    return status;
}
