#include "infer/classify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nn/loss.h"

enum { MAX_INPUT_BYTES = 1 << 30 };
enum { GROUP = 64 }; /* files decoded together; memory is bounded by it */

/* One group of files under way. */
typedef struct {
    infer_model *model;
    const char *const *paths;
    data_audio clips[GROUP];
    base_error errors[GROUP];
} file_group;

/* Standard input is read whole before it is decoded; what cannot be read to its end is no sound. */
static base_status read_standard_input(data_audio *audio, base_error *err) {
    base_text bytes = {0};
    char block[65536];
    size_t n;
    while (bytes.size <= MAX_INPUT_BYTES && (n = fread(block, 1, sizeof block, stdin)) > 0) {
        base_text_add_bytes(&bytes, block, n);
    }
    base_status status;
    if (ferror(stdin)) {
        status = base_fail_errno(err, errno, "standard input");
    } else if (bytes.failed) {
        status = base_fail(err, BASE_EMEMORY, "standard input: out of memory");
    } else if (bytes.size > MAX_INPUT_BYTES) {
        status = base_fail(err, BASE_EDATA, "standard input: more than 1 GiB");
    } else {
        status = data_audio_decode(base_text_string(&bytes), bytes.size, "standard input", NULL,
                                   audio, err);
    }
    base_text_release(&bytes);
    return status;
}

static base_status read_input(const char *path, data_audio *audio, base_error *err) {
    if (strcmp(path, "-") == 0) return read_standard_input(audio, err);
    return data_audio_read(path, NULL, audio, err);
}

/* Decodes one file into the model's form. */
static void decode_file(void *context, int64_t task, int worker) {
    (void)worker;
    file_group *group = context;
    data_audio audio = {0};
    base_error *err = &group->errors[task];
    *err = (base_error){0};
    group->clips[task] = (data_audio){0};
    base_status status = read_input(group->paths[task], &audio, err);
    if (status == BASE_OK) {
        base_error why;
        status =
            data_clip_prepare(&audio, infer_model_audio(group->model), &group->clips[task], &why);
        if (status != BASE_OK) base_fail(err, status, "%s: %s", group->paths[task], why.text);
    }
    err->status = status;
    data_audio_release(&audio);
}

static base_status hand_over(const file_group *group, int64_t n, const float *probability,
                             infer_result_handler *handler, void *context, base_error *err) {
    int n_classes = infer_model_n_classes(group->model);
    for (int64_t i = 0; i < n; i++) {
        const base_error *failure = &group->errors[i];
        bool failed = failure->status != BASE_OK;
        const float *row = probability + i * n_classes;
        infer_result result = {.path = group->paths[i],
                               .status = failure->status,
                               .error = failed ? failure->text : NULL,
                               .probability = failed ? NULL : row,
                               .best = failed ? -1 : (int)nn_most_probable(row, n_classes)};
        if (!handler(context, &result)) return base_fail(err, BASE_ESTOPPED, "stopped");
    }
    return BASE_OK;
}

static base_status run_group(file_group *group, int64_t n, base_pool *pool, float *probability,
                             infer_result_handler *handler, void *context, base_error *err) {
    base_parallel(pool, n, decode_file, group);
    base_status status = infer_model_classify(group->model, group->clips, n, probability, err);
    if (status == BASE_OK) status = hand_over(group, n, probability, handler, context, err);
    for (int64_t i = 0; i < n; i++) data_audio_release(&group->clips[i]);
    return status;
}

base_status infer_classify_files(infer_model *model, const char *const *paths, int64_t n,
                                 base_pool *pool, infer_result_handler *handler, void *context,
                                 base_error *err) {
    file_group *group = base_alloc(1, sizeof *group);
    float *probability =
        base_alloc((size_t)GROUP * (size_t)infer_model_n_classes(model), sizeof *probability);
    base_status status =
        group && probability ? BASE_OK : base_fail(err, BASE_EMEMORY, "out of memory");
    for (int64_t first = 0; status == BASE_OK && first < n; first += GROUP) {
        int64_t size = n - first < GROUP ? n - first : GROUP;
        group->model = model;
        group->paths = paths + first;
        status = run_group(group, size, pool, probability, handler, context, err);
    }
    base_free(group);
    base_free(probability);
    return status;
}

/* ------------------------------------------------------------------ lists of files */

typedef struct {
    base_arena *arena;
    const char **paths; /* base_alloc'd while growing */
    size_t n, capacity;
} path_list;

static base_status add_path(path_list *list, const char *path, base_error *err) {
    void *items = list->paths;
    bool grown = base_grow(&items, &list->capacity, list->n + 1, sizeof *list->paths);
    list->paths = items;
    if (!grown) return base_fail(err, BASE_EMEMORY, "list of files: out of memory");
    list->paths[list->n++] = path;
    return BASE_OK;
}

static base_status add_folder(path_list *list, const char *folder, base_error *err) {
    const char **below;
    int64_t n, n_audio = 0;
    BASE_TRY(base_folder_walk(folder, list->arena, &below, &n, err));
    for (int64_t i = 0; i < n; i++) {
        if (!data_audio_is_name(below[i])) continue;
        BASE_TRY(add_path(list, below[i], err));
        n_audio++;
    }
    if (n_audio == 0) return base_fail(err, BASE_EDATA, "%s: no audio files below it", folder);
    return BASE_OK;
}

base_status infer_expand_paths(const char *const *arguments, int n_arguments, base_arena *arena,
                               const char ***paths, int64_t *n, base_error *err) {
    path_list list = {.arena = arena};
    base_status status = BASE_OK;
    int n_standard_input = 0;
    for (int i = 0; status == BASE_OK && i < n_arguments; i++) {
        bool is_standard_input = strcmp(arguments[i], "-") == 0;
        n_standard_input += is_standard_input;
        status = !is_standard_input && base_folder_exists(arguments[i])
                     ? add_folder(&list, arguments[i], err)
                     : add_path(&list, arguments[i], err);
    }
    if (status == BASE_OK && n_standard_input > 1) {
        status = base_fail(err, BASE_EUSAGE, "standard input (-) can be read only once");
    }
    if (status == BASE_OK) {
        *paths = base_arena_alloc(arena, list.n + 1, sizeof **paths);
        if (*paths && list.n) memcpy(*paths, list.paths, list.n * sizeof **paths);
        if (!*paths) status = base_fail(err, BASE_EMEMORY, "list of files: out of memory");
        *n = (int64_t)list.n;
    }
    base_free(list.paths);
    return status;
}
