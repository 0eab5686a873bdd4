/* What a model makes of the sounds. */
#include <string.h>

#include "nn/loss.h"
#include "data/dataset.h"
#include "train/study/curate_internal.h"
#include "train/predictions.h"

enum { BATCH = 32 };
enum { GROUP = 512 }; /* sounds in memory at a time; they share a file of the cache */

/* ---- the model ---- */

static base_status match_classes(const train_curate *curate, const char *path,
                                 const train__curate_model *opened, base_error *err) {
    const infer_model *model = opened->model;
    int n = infer_model_n_classes(model);
    for (int c = 0; c < n; c++) {
        opened->class_of[c] = train__curate_class(curate, infer_model_class(model, c));
        if (opened->class_of[c] >= 0) continue;
        return base_fail(err, BASE_EMISMATCH, "%s: its class '%s' is none of the data set's", path,
                         infer_model_class(model, c));
    }
    if (n == curate->n_classes) return BASE_OK;
    return base_fail(err, BASE_EMISMATCH, "%s: has %d classes, the data set %d", path, n,
                     curate->n_classes);
}

base_status train__curate_model_open(const train_curate *curate, const char *path,
                                     base_arena *arena, train__curate_model *opened,
                                     base_error *err) {
    *opened = (train__curate_model){0};
    BASE_TRY(infer_model_open(path, BATCH, curate->options->pool, &opened->model, err));
    size_t n = (size_t)infer_model_n_classes(opened->model);
    opened->class_of = base_arena_alloc(arena, n, sizeof *opened->class_of);
    base_status status = opened->class_of != NULL ? match_classes(curate, path, opened, err)
                                                  : train__curate_no_memory(curate, err);
    if (status == BASE_OK) return BASE_OK;
    infer_model_free(opened->model);
    *opened = (train__curate_model){0};
    return status;
}

/* ---- the folder ---- */

typedef struct {
    const train_curate *curate;
    train__curate_model opened;
    const char *cache;
    base_arena *arena; /* of the contents' digests */
    train_curate_sound *sounds;
    int64_t first, n; /* of the group at work */
} listening;

static bool tell(void *context, const char *what, int64_t done, int64_t total) {
    const listening *l = context;
    const train_curate_options *options = l->curate->options;
    (void)what;
    (void)total;
    if (options->progress == NULL) return true;
    return options->progress(options->progress_context, "listening", l->first + done,
                             l->curate->n_paths);
}

/* The group as a data set without classes, so that none can be missing. */
static base_status list_group(const listening *l, data_manifest *manifest, base_error *err) {
    for (int64_t i = 0; i < l->n; i++) {
        data_row row = {.path = l->curate->paths[l->first + i], .label = "", .group = ""};
        BASE_TRY(data_manifest_append(manifest, &row, err));
        manifest->rows[i].class_index = 0;
    }
    return BASE_OK;
}

static base_status take_contents(const listening *l, const data_manifest *manifest,
                                 base_error *err) {
    for (int64_t i = 0; i < l->n; i++) {
        char hex[33] = "";
        bool decoded = manifest->rows[i].n_channels > 0;
        if (decoded) base_digest_hex(manifest->rows[i].content, hex);
        const char *content = base_arena_string(l->arena, hex);
        if (content == NULL) return train__curate_no_memory(l->curate, err);
        l->sounds[l->first + i] = (train_curate_sound){
            .path = l->curate->paths[l->first + i], .content = content, .class_index = -1};
    }
    return BASE_OK;
}

static base_status classify(const listening *l, const data_clips *clips, base_error *err) {
    int k = infer_model_n_classes(l->opened.model);
    size_t n = (size_t)clips->n_clips;
    int64_t *index = base_alloc(n, sizeof *index);
    float *p = base_alloc(n * (size_t)k, sizeof *p);
    base_status status =
        index != NULL && p != NULL ? BASE_OK : train__curate_no_memory(l->curate, err);
    if (status == BASE_OK) {
        for (int64_t i = 0; i < clips->n_clips; i++) index[i] = i;
        infer_selection all = {clips, index, clips->n_clips};
        status = infer_model_classify_clips(l->opened.model, &all, p, err);
    }
    for (int64_t i = 0; status == BASE_OK && i < clips->n_clips; i++) {
        train_curate_sound *sound = &l->sounds[l->first + clips->row[i]];
        int64_t best = nn_most_probable(p + i * k, k);
        sound->class_index = l->opened.class_of[best];
        sound->confidence = p[i * k + best];
    }
    base_free(index);
    base_free(p);
    return status;
}

static base_status listen_to_group(listening *l, base_error *err) {
    data_manifest manifest = {0};
    data_clips clips = {0};
    base_status status = list_group(l, &manifest, err);
    if (status == BASE_OK) {
        const train_curate_options *options = l->curate->options;
        data_work work = {.pool = options->pool,
                          .cache_folder = l->cache,
                          .progress = tell,
                          .progress_context = l,
                          .unread = options->unread,
                          .unread_context = options->unread_context};
        status = data_clips_open(&manifest, infer_model_audio(l->opened.model), &work, &clips, err);
    }
    if (status == BASE_OK) status = take_contents(l, &manifest, err);
    if (status == BASE_OK) status = classify(l, &clips, err);
    data_clips_release(&clips);
    data_manifest_release(&manifest);
    return status;
}

base_status train__curate_listen(const train_curate *curate, const char *model_path,
                                 base_arena *arena, train_curate_sound *sounds, base_error *err) {
    listening l = {.curate = curate, .arena = arena, .sounds = sounds};
    l.cache = base_path_cache(arena);
    BASE_TRY(train__curate_model_open(curate, model_path, arena, &l.opened, err));
    base_status status = BASE_OK;
    for (; status == BASE_OK && l.first < curate->n_paths; l.first += GROUP) {
        int64_t n_left = curate->n_paths - l.first;
        l.n = n_left < GROUP ? n_left : GROUP;
        status = listen_to_group(&l, err);
    }
    infer_model_free(l.opened.model);
    return status;
}

/* ---- round 0 of a model that is there ---- */

/* p [n, n_classes] in the order of the data set's classes. */
static base_status classify_held_out(const train_curate *curate, const train_data *data,
                                     const train__curate_model *opened, float *p, base_error *err) {
    int k = curate->n_classes;
    float *of_model = base_alloc((size_t)data->n_held_out * (size_t)k, sizeof *of_model);
    if (of_model == NULL) return train__curate_no_memory(curate, err);
    infer_selection held_out = {&data->clips, data->held_out, data->n_held_out};
    base_status status = infer_model_classify_clips(opened->model, &held_out, of_model, err);
    for (int64_t i = 0; i < data->n_held_out; i++) {
        for (int c = 0; c < k; c++) p[i * k + opened->class_of[c]] = of_model[i * k + c];
    }
    base_free(of_model);
    return status;
}

static base_status test_on(const train_curate *curate, const train_data *data,
                           const train__curate_model *opened, base_arena *arena, base_error *err) {
    const char *path = train__curate_path(curate, 0, "unseen.csv", arena);
    float *p =
        base_arena_alloc(arena, (size_t)data->n_held_out, (size_t)curate->n_classes * sizeof *p);
    if (path == NULL || p == NULL) return train__curate_no_memory(curate, err);
    BASE_TRY(classify_held_out(curate, data, opened, p, err));
    BASE_TRY(base_folder_make(base_path_folder(arena, path), err));
    train_predictions all = {.probability = p};
    train_clips clips = {&data->manifest, &data->clips, data->held_out, data->n_held_out};
    BASE_TRY(train_predictions_label(&all, &clips, arena, err));
    return train_predictions_write(&all, path, err);
}

/* The sounds are brought into the model's form. */
static base_status open_data_for(const train_curate *curate, const infer_model *model,
                                 train_data *data, base_error *err) {
    const train_curate_options *options = curate->options;
    train_config config;
    BASE_TRY(
        train_config_read(options->config, options->overrides, options->n_overrides, &config, err));
    config.audio = *infer_model_audio(model);
    data_work work = {.pool = options->pool,
                      .progress = options->progress,
                      .progress_context = options->progress_context,
                      .unread = options->unread,
                      .unread_context = options->unread_context};
    base_status status = train_data_open(&config, &work, data, err);
    train_config_release(&config);
    return status;
}

base_status train__curate_test_model(const train_curate *curate, base_error *err) {
    base_arena arena = {0};
    train_data data = {0};
    train__curate_model opened;
    base_status status =
        train__curate_model_open(curate, curate->options->model, &arena, &opened, err);
    if (status == BASE_OK) status = open_data_for(curate, opened.model, &data, err);
    if (status == BASE_OK) status = test_on(curate, &data, &opened, &arena, err);
    train_data_release(&data);
    infer_model_free(opened.model);
    base_arena_release(&arena);
    return status;
}
