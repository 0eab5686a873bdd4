/* tests/bench/bench_files.c - from files to results: an epoch of training, a folder classified. */
#include "tests/bench/bench.h"

#include <stdlib.h>

#include "data/dataset.h"
#include "data/synth.h"
#include "infer/classify.h"
#include "train/experiment.h"
#include "train/loop.h"

/* ------------------------------------------------------------------ temporary folder */

static base_status make_folder(base_arena *arena, char **folder, base_error *err) {
    const char *above = getenv("TMPDIR");
    *folder = base_arena_printf(arena, "%s/rimshot-bench-XXXXXX", above ? above : "/tmp");
    if (*folder && mkdtemp(*folder)) return BASE_OK;
    *folder = NULL;
    return base_fail(err, BASE_EIO, "%s: no temporary folder can be made", above ? above : "/tmp");
}

static void remove_folder(const char *folder) {
    base_error ignored;
    if (folder) (void)base_folder_remove(folder, &ignored);
}

/* ------------------------------------------------------------------ an epoch */

/* What the arguments name: a configuration, with overrides. */
typedef struct {
    train_config config;
    data_manifest manifest;
    data_clips clips;
} data_set;

static base_status data_set_open(const bench_call *call, const char *cache_folder, data_set *set,
                                 base_error *err) {
    train_config *config = &set->config;
    BASE_TRY(train_config_read(call->arguments[0], call->arguments + 1, call->n_arguments - 1,
                               config, err));
    config->train.epochs = 1;
    const data_manifest_request request = train_config_request(config);
    BASE_TRY(data_manifest_open(config->dataset, &request, &set->manifest, err));
    data_work work = {.pool = call->pool, .cache_folder = cache_folder};
    return data_clips_open(&set->manifest, &config->audio, &work, &set->clips, err);
}

static void data_set_release(data_set *set) {
    data_clips_release(&set->clips);
    data_manifest_release(&set->manifest);
    train_config_release(&set->config);
}

static base_status train_on(const data_set *set, const data_augment *augment, const int64_t *index,
                            const char *folder, base_pool *pool, base_error *err) {
    train_job job = {.config = &set->config,
                     .clips = &set->clips,
                     .augment = augment,
                     .n_classes = set->manifest.n_classes,
                     .train_index = index,
                     .n_train = set->clips.n_clips,
                     .seed = 1,
                     .folder = folder,
                     .fingerprint = "bench",
                     .pool = pool};
    train_outcome outcome = {0};
    base_status status = train_loop_run(&job, &outcome, err);
    train_outcome_release(&outcome);
    return status;
}

static base_status train_all(const data_set *set, const char *folder, base_pool *pool,
                             base_error *err) {
    const data_clips *clips = &set->clips;
    data_augment *augment;
    const dsp_clip_form form = {clips->sample_rate_hz, clips->n_channels, clips->n_samples};
    BASE_TRY(data_augment_new(set->config.augment, &form, &augment, err));
    int64_t *index = base_alloc((size_t)clips->n_clips, sizeof *index);
    base_status status = index ? BASE_OK : base_fail(err, BASE_EMEMORY, "epoch: out of memory");
    for (int64_t i = 0; index && i < clips->n_clips; i++) index[i] = i;
    if (status == BASE_OK) status = train_on(set, augment, index, folder, pool, err);
    base_free(index);
    data_augment_free(augment);
    return status;
}

/* Decodes everything into the cache. */
static base_status fill_cache(const bench_call *call, const char *folder, base_error *err) {
    data_set set = {0};
    base_status status = data_set_open(call, folder, &set, err);
    data_set_release(&set);
    return status;
}

static base_status measure_epoch(const bench_call *call, const char *folder, base_text *json,
                                 base_error *err) {
    data_set set = {0};
    double begin = bench_now();
    BASE_TRY(fill_cache(call, folder, err));
    double filled = bench_now();
    base_status status = data_set_open(call, folder, &set, err);
    double opened = bench_now();
    if (status == BASE_OK) status = train_all(&set, folder, call->pool, err);
    double trained = bench_now();
    bench_number(json, "clips", (double)set.clips.n_clips);
    bench_number(json, "decode_s", filled - begin);
    bench_number(json, "open_s", opened - filled);
    bench_number(json, "train_s", trained - opened);
    bench_number(json, "clips_per_s", (double)set.clips.n_clips / (trained - filled));
    data_set_release(&set);
    return status;
}

base_status bench_epoch(const bench_call *call, base_text *json, base_error *err) {
    base_arena arena = {0};
    char *folder = NULL;
    base_status status = make_folder(&arena, &folder, err);
    if (status == BASE_OK) status = measure_epoch(call, folder, json, err);
    remove_folder(folder);
    base_arena_release(&arena);
    return status;
}

/* ------------------------------------------------------------------ a folder */

enum { SYNTH_PER_CLASS = 40, MODEL_BATCH = 32 };

/* How well the model tells drums apart has no bearing on how long it takes: it is left untrained.
 */
base_status bench_write_model(const train_config *config, const char *path, base_error *err) {
    static const char *const classes[] = {"clap", "closedhat", "kick", "openhat", "snare"};
    enum { N_CLASSES = sizeof classes / sizeof *classes };
    infer_member member = {0};
    BASE_TRY(train_network_new(
        &(train_network_plan){.config = config, .n_classes = N_CLASSES, .max_batch = MODEL_BATCH},
        &member.network, &member.features, err));
    nn_network_init(member.network, 1);
    int64_t n = dsp_features_norm_size(member.features);
    float *norm = base_alloc((size_t)(n > 0 ? 2 * n : 1), sizeof *norm);
    base_text yaml = {0};
    base_yaml_write(config->root, &yaml);
    base_status status = BASE_OK;
    if (!norm || yaml.failed) status = base_fail(err, BASE_EMEMORY, "model: out of memory");
    if (status == BASE_OK) {
        for (int64_t i = 0; i < n; i++) norm[n + i] = 1;
        if (n > 0) dsp_features_set_norm(member.features, norm, norm + n);
        infer_model_content content = {.config = base_text_string(&yaml),
                                       .record = "{}",
                                       .classes = classes,
                                       .n_classes = N_CLASSES,
                                       .temperature = 1,
                                       .members = &member,
                                       .n_members = 1};
        status = infer_model_write(&content, path, err);
    }
    base_text_release(&yaml);
    base_free(norm);
    nn_network_free(member.network);
    dsp_features_free(member.features);
    return status;
}

static base_status write_sounds(const char *folder, base_error *err) {
    for (int c = 0; c < DATA_SYNTH_N_CLASSES; c++) {
        for (int64_t number = 0; number < SYNTH_PER_CLASS; number++) {
            base_arena arena = {0};
            data_audio hit = {0};
            const char *path = base_arena_printf(&arena, "%s/%s-%02lld.wav", folder,
                                                 data_synth_classes[c], (long long)number);
            base_status status = path ? data_synth_hit(c, number, 1, &hit, err)
                                      : base_fail(err, BASE_EMEMORY, "sounds: out of memory");
            if (status == BASE_OK) status = data_audio_write(path, &hit, err);
            data_audio_release(&hit);
            base_arena_release(&arena);
            if (status != BASE_OK) return status;
        }
    }
    return BASE_OK;
}

typedef struct {
    infer_classify_job job;
    int64_t n_failed; /* of the last pass */
    base_status status;
    base_error err;
} folder_work;

static bool count_result(void *context, const infer_result *result) {
    folder_work *work = context;
    if (result->error) work->n_failed++;
    return true;
}

static void classify(void *context) {
    folder_work *work = context;
    if (work->status != BASE_OK) return;
    work->n_failed = 0;
    work->status = infer_classify_files(&work->job, &work->err);
}

static base_status measure_folder(const bench_call *call, const char *model_path,
                                  const char *sounds, base_text *json, base_error *err) {
    base_arena arena = {0};
    infer_model *model = NULL;
    infer_paths paths = {0};
    folder_work work = {0};
    base_status status = infer_expand_paths(&sounds, 1, &arena, &paths, err);
    if (status == BASE_OK && paths.n == 0) {
        status = base_fail(err, BASE_EDATA, "%s: no sounds in it", sounds);
    }
    if (status == BASE_OK) {
        status = infer_model_open(model_path, MODEL_BATCH, call->pool, &model, err);
    }
    if (status == BASE_OK) {
        work.job = (infer_classify_job){.model = model,
                                        .paths = paths.items,
                                        .n = paths.n,
                                        .pool = call->pool,
                                        .handler = count_result,
                                        .context = &work};
        double seconds = bench_time(classify, &work, call->seconds);
        bench_number(json, "files", (double)paths.n);
        bench_number(json, "unreadable", (double)work.n_failed);
        bench_number(json, "files_per_s", (double)paths.n / seconds);
        status = work.status;
        *err = work.err;
        if (status == BASE_OK && work.n_failed == paths.n) {
            status = base_fail(err, BASE_EDATA, "%s: no file in it can be read", sounds);
        }
    }
    infer_model_free(model);
    base_arena_release(&arena);
    return status;
}

static base_status run_folder(const bench_call *call, const train_config *config, base_arena *arena,
                              const char *folder, base_text *json, base_error *err) {
    const char *model = base_path_join(arena, folder, "model.h5");
    const char *sounds = call->n_arguments > 1 ? call->arguments[1] : folder;
    if (!model) return base_fail(err, BASE_EMEMORY, "folder: out of memory");
    BASE_TRY(bench_write_model(config, model, err));
    if (sounds == folder) BASE_TRY(write_sounds(folder, err));
    return measure_folder(call, model, sounds, json, err);
}

base_status bench_folder(const bench_call *call, base_text *json, base_error *err) {
    train_config config;
    base_arena arena = {0};
    char *folder = NULL;
    BASE_TRY(train_config_read(call->arguments[0], NULL, 0, &config, err));
    base_status status = make_folder(&arena, &folder, err);
    if (status == BASE_OK) status = run_folder(call, &config, &arena, folder, json, err);
    remove_folder(folder);
    base_arena_release(&arena);
    train_config_release(&config);
    return status;
}
