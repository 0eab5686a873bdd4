#include "base/spool.h"
#include "data/audio_file.h"
#include "infer/classify.h"

#include <string.h>
#include <unistd.h>

#include "nn/loss.h"

enum {
    MAX_INPUT_BYTES = 1 << 30, /* of standard input */
    GROUP = 64                 /* files decoded together: bounds memory */
};

/* One group of files: from `first`, n of them. */
typedef struct {
    const infer_classify_job *job;
    int64_t first, n;
    data_audio clips[GROUP];
    base_error errors[GROUP];
    data_condition conditions[GROUP];
    float *probability; /* [GROUP, n_classes] */
} file_group;

/* Opens a sound of standard input; its file ends with the descriptor. */
static base_status open_standard_input(const infer_classify_job *job, int *fd, data_sound **sound,
                                       base_error *err) {
    static const char name[] = "standard input";
    BASE_TRY(base_spool(STDIN_FILENO, name, MAX_INPUT_BYTES, job->stopped, fd, err));
    return data_sound_open_descriptor(*fd, name, sound, err);
}

static base_status open_sound(const infer_classify_job *job, const char *path, int *fd,
                              data_sound **sound, base_error *err) {
    return strcmp(path, "-") == 0 ? open_standard_input(job, fd, sound, err)
                                  : data_sound_open(path, NULL, sound, err);
}

/* Decodes one file into the model's form. */
static void decode_file(void *context, int64_t task, int worker) {
    (void)worker;
    file_group *group = context;
    const infer_classify_job *job = group->job;
    data_audio_options form = *infer_model_audio(job->model);
    base_error *err = &group->errors[task];
    data_sound *sound = NULL;
    int fd = -1;
    *err = (base_error){0};
    group->clips[task] = (data_audio){0};
    group->conditions[task] = (data_condition){0};
    form.damaged = job->damaged;
    base_status status = open_sound(job, job->paths[group->first + task], &fd, &sound, err);
    if (status == BASE_OK) {
        status = data_clip_read(sound, &form, NULL, &group->clips[task], err);
        group->conditions[task] = *data_sound_condition(sound);
    }
    err->status = status;
    data_sound_close(sound);
    if (fd >= 0) close(fd);
}

static base_status report_group(const file_group *group, base_error *err) {
    const infer_classify_job *job = group->job;
    int n_classes = infer_model_n_classes(job->model);
    for (int64_t i = 0; i < group->n; i++) {
        const base_error *failure = &group->errors[i];
        const char *condition = group->conditions[i].text;
        const float *row = group->probability + i * n_classes;
        infer_result result = {.path = job->paths[group->first + i],
                               .status = failure->status,
                               .best = -1,
                               .condition = condition[0] != '\0' ? condition : NULL};
        if (failure->status == BASE_ESTOPPED) return base_fail(err, BASE_ESTOPPED, "stopped");
        if (failure->status != BASE_OK) {
            result.error = failure->text;
        } else {
            result.probability = row;
            result.best = infer_refusal_decide(infer_model_refusal(job->model), row, n_classes);
        }
        if (!job->handler(job->context, &result)) return base_fail(err, BASE_ESTOPPED, "stopped");
    }
    return BASE_OK;
}

static base_status run_group(file_group *group, base_error *err) {
    const infer_classify_job *job = group->job;
    base_parallel(job->pool, group->n, decode_file, group);
    base_status status =
        infer_model_classify(job->model, group->clips, group->n, group->probability, err);
    if (status == BASE_OK) status = report_group(group, err);
    for (int64_t i = 0; i < group->n; i++) data_audio_release(&group->clips[i]);
    return status;
}

base_status infer_classify_files(const infer_classify_job *job, base_error *err) {
    size_t n_classes = (size_t)infer_model_n_classes(job->model);
    file_group *group = base_alloc(1, sizeof *group);
    float *probability = base_alloc(GROUP * n_classes, sizeof *probability);
    base_status status = BASE_OK;
    if (group == NULL || probability == NULL) {
        status = base_fail(err, BASE_EMEMORY, "out of memory");
    }
    for (int64_t first = 0; status == BASE_OK && first < job->n; first += GROUP) {
        group->job = job;
        group->first = first;
        group->n = job->n - first < GROUP ? job->n - first : GROUP;
        group->probability = probability;
        status = run_group(group, err);
    }
    base_free(group);
    base_free(probability);
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
