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
    base_list paths, problems, repeats;
} expansion;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "list of files: out of memory");
}

/* What is wrong with a folder as a whole. */
static base_status add_problem(expansion *e, const char *folder, const base_error *problem,
                               base_error *err) {
    const base_walk_problem item = {.path = folder,
                                    .status = problem->status,
                                    .why = base_arena_string(e->arena, problem->text)};
    bool kept = item.why != NULL && base_list_append(&e->problems, &item, 1);
    return kept ? BASE_OK : no_memory(err);
}

static base_status add_folder(expansion *e, const char *folder, base_error *err) {
    base_walk found;
    base_error problem;
    base_status status = base_folder_walk(folder, data_audio_is_name, e->arena, &found, &problem);
    if (status == BASE_EMEMORY) return no_memory(err);
    if (status == BASE_OK && found.n_paths + found.n_problems == 0) {
        status = base_fail(&problem, BASE_EDATA, "%s: no audio files below it", folder);
    }
    if (status != BASE_OK) return add_problem(e, folder, &problem, err);
    bool added = base_list_append(&e->paths, found.paths, (size_t)found.n_paths) &&
                 base_list_append(&e->problems, found.problems, (size_t)found.n_problems) &&
                 base_list_append(&e->repeats, found.repeats, (size_t)found.n_repeats);
    return added ? BASE_OK : no_memory(err);
}

static base_status expand(expansion *e, const char *const *arguments, int n_arguments,
                          base_error *err) {
    int n_standard_input = 0;
    for (int i = 0; i < n_arguments; i++) {
        bool is_standard_input = strcmp(arguments[i], "-") == 0;
        n_standard_input += is_standard_input;
        if (!is_standard_input && base_folder_exists(arguments[i])) {
            BASE_TRY(add_folder(e, arguments[i], err));
        } else if (!base_list_append(&e->paths, &arguments[i], 1)) {
            return no_memory(err);
        }
    }
    if (n_standard_input < 2) return BASE_OK;
    return base_fail(err, BASE_EUSAGE, "standard input (-) can be read only once");
}

base_status infer_expand_paths(const char *const *arguments, int n_arguments, base_arena *arena,
                               infer_paths *paths, base_error *err) {
    expansion e = {.arena = arena,
                   .paths = {.size_bytes = sizeof *paths->items},
                   .problems = {.size_bytes = sizeof *paths->problems},
                   .repeats = {.size_bytes = sizeof *paths->repeats}};
    base_status status = expand(&e, arguments, n_arguments, err);
    *paths = (infer_paths){.n = (int64_t)e.paths.n,
                           .n_problems = (int64_t)e.problems.n,
                           .n_repeats = (int64_t)e.repeats.n};
    if (status == BASE_OK) {
        paths->items = base_list_copy(&e.paths, arena);
        paths->problems = base_list_copy(&e.problems, arena);
        paths->repeats = base_list_copy(&e.repeats, arena);
        bool kept = paths->items != NULL && paths->problems != NULL && paths->repeats != NULL;
        if (!kept) status = no_memory(err);
    }
    base_free(e.paths.items);
    base_free(e.problems.items);
    base_free(e.repeats.items);
    return status;
}
