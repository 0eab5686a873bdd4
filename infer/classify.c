#include "infer/classify.h"

#include <string.h>

#include "base/file.h"
#include "data/audio_file.h"
#include "infer/decode.h"

typedef struct {
    const infer_classify_job *job;
    float *probability; /* [INFER_DECODE_GROUP, n_classes] */
} classifying;

static infer_result result_of(const classifying *c, const infer_decoded *group, int64_t i) {
    const infer_classify_job *job = c->job;
    const base_error *failure = &group->errors[i];
    const char *condition = group->conditions[i].text;
    int n_classes = infer_model_n_classes(job->model);
    infer_result result = {.path = job->paths[group->first + i],
                           .status = failure->status,
                           .best = -1,
                           .condition = condition[0] != '\0' ? condition : NULL};
    if (failure->status != BASE_OK) {
        result.error = failure->text;
    } else {
        result.probability = c->probability + i * n_classes;
        result.best =
            infer_refusal_decide(infer_model_refusal(job->model), result.probability, n_classes);
    }
    return result;
}

static base_status classify_group(void *context, const infer_decoded *group, base_error *err) {
    const classifying *c = context;
    const infer_classify_job *job = c->job;
    BASE_TRY(infer_model_classify(job->model, group->clips, group->n, c->probability, err));
    for (int64_t i = 0; i < group->n; i++) {
        const infer_result result = result_of(c, group, i);
        if (!job->handler(job->context, &result)) return base_fail(err, BASE_ESTOPPED, "stopped");
    }
    return BASE_OK;
}

base_status infer_classify_files(const infer_classify_job *job, base_error *err) {
    size_t n_classes = (size_t)infer_model_n_classes(job->model);
    data_audio_options form = *infer_model_audio(job->model);
    classifying c = {job, base_alloc(INFER_DECODE_GROUP * n_classes, sizeof(float))};
    infer_decode_job decoding = {.form = &form,
                                 .paths = job->paths,
                                 .n = job->n,
                                 .pool = job->pool,
                                 .stopped = job->stopped,
                                 .handler = classify_group,
                                 .context = &c};
    if (c.probability == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    form.damaged = job->damaged;
    base_status status = infer_decode_files(&decoding, err);
    base_free(c.probability);
    return status;
}

/* ---- lists of files ---- */

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
                               infer_paths *paths, base_error *err) {
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
        paths->n = (int64_t)list.n;
        paths->items = base_arena_alloc(arena, list.n + 1, sizeof *paths->items);
        if (paths->items == NULL) {
            status = base_fail(err, BASE_EMEMORY, "list of files: out of memory");
        } else if (list.n > 0) {
            memcpy(paths->items, list.paths, list.n * sizeof *paths->items);
        }
    }
    base_free(list.paths);
    return status;
}
