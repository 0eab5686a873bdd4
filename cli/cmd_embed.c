#include "cli/dataset.h"
#include "cli/model.h"
#include "infer/model.h"
#include "infer/vectors.h"

enum { AT_ONCE = 128 }; /* clips between two looks at progress */

/* All clips into x[n_clips, width]. */
static base_status embed_clips(infer_model *model, const data_clips *clips, cli_progress *progress,
                               float *x, base_error *err) {
    int64_t n = clips->n_clips, width = infer_model_embedding_size(model);
    for (int64_t begin = 0; begin < n; begin += AT_ONCE) {
        int64_t index[AT_ONCE], n_now = n - begin < AT_ONCE ? n - begin : AT_ONCE;
        if (!cli_progress_data(progress, "listening", begin, n)) {
            return base_fail(err, BASE_ESTOPPED, "stopped");
        }
        for (int64_t i = 0; i < n_now; i++) index[i] = begin + i;
        infer_selection now = {clips, index, n_now};
        BASE_TRY(infer_model_embed_clips(model, &now, x + begin * width, err));
    }
    return BASE_OK;
}

static base_status embed(cli_call *call, infer_model *model, const char *path, base_error *err) {
    cli_progress progress = {.call = call};
    cli_dataset set = {.progress = &progress, .label_free = true};
    infer_vectors vectors = {.manifest = &set.manifest,
                             .clips = &set.clips,
                             .name = "embedding",
                             .n_columns = infer_model_embedding_size(model)};
    float *x = NULL;
    base_status status = cli_dataset_open(call, 0, infer_model_audio(model), &set, err);
    if (status == BASE_OK) {
        size_t n = (size_t)set.clips.n_clips * (size_t)vectors.n_columns;
        x = base_arena_alloc(&call->arena, n, sizeof *x);
        if (x == NULL) status = base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    }
    if (status == BASE_OK) status = embed_clips(model, &set.clips, &progress, x, err);
    cli_progress_clear(&progress);
    if (status == BASE_OK) cli_dataset_tell_left_out(&set, &progress, &call->arena);
    vectors.x = x;
    if (status == BASE_OK) status = infer_vectors_write(&vectors, path, err);
    cli_dataset_release(&set);
    return status;
}

static int run_embed(cli_call *call) {
    base_error err;
    infer_model *model = NULL;
    const char *model_path, *path = cli_text(call, "out");
    int code = cli_model_path(call, &model_path);
    if (code != CLI_OK) return code;
    if (path == NULL) path = "embeddings.h5";
    base_status status = infer_vectors_check(path, &err);
    if (status == BASE_OK) {
        status = infer_model_open(model_path, INFER_MODEL_BATCH, call->pool, &model, &err);
    }
    if (status == BASE_OK) status = embed(call, model, path, &err);
    infer_model_free(model);
    return status == BASE_OK ? CLI_OK : cli_fail(&err);
}

static const cli_flag flags[] = {
    CLI_FLAG_MODEL,
    {"out", "FILE", "output file: .csv, .h5 or .npz (default embeddings.h5)"},
    {0},
};

const cli_command cli_embed = {
    .name = "embed",
    .arguments = "[MODEL] " CLI_DATASET_ARGUMENTS,
    .summary = "write the embedding of each sound: the input of the last layer",
    .description =
        "One row of numbers per sound: the input of the network's last layer, for an "
        "ensemble those of all members side by side. " CLI_DATASET_HELP CLI_DATASET_NO_LABELS
        " The sounds are brought into the form the model was trained on.\n\n" CLI_MODEL_HELP,
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_embed,
};
