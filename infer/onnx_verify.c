/* An ONNX file against the model, in onnxruntime. The two sides talk through files in a folder of
 * their own: x.bin (the graph's input) and length.bin there, y.bin (probabilities) back. */
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/synth.h"
#include "infer/export_graph.h"
#include "infer/onnx_graph.h"

extern char **environ;

enum { HITS_PER_CLASS = 3, N_CLIPS = HITS_PER_CLASS * DATA_SYNTH_N_CLASSES, NO_RUNTIME = 3 };
#define SEED      7
#define TOLERANCE 1e-4

static const char script[] =
    "import sys\n"
    "try:\n"
    "    import numpy as np, onnxruntime as ort\n"
    "except ImportError:\n"
    "    sys.exit(3)\n"
    "def run(model, folder):\n"
    "    ort.set_default_logger_severity(4)\n"
    "    s = ort.InferenceSession(model, providers=['CPUExecutionProvider'])\n"
    "    x = s.get_inputs()[0]\n"
    "    feed = {x.name: np.fromfile(folder + '/x.bin', np.float32).reshape(-1, *x.shape[1:])}\n"
    "    if 'length' in [i.name for i in s.get_overridable_initializers()]:\n"
    "        feed['length'] = np.fromfile(folder + '/length.bin', np.int64)\n"
    "    s.run(None, feed)[0].tofile(folder + '/y.bin')\n"
    "try:\n"
    "    run(*sys.argv[1:])\n"
    "except Exception as e:\n"
    "    sys.exit('onnxruntime: ' + str(e).splitlines()[0])\n";

/* All clips at once, both sides' numbers. */
typedef struct {
    infer_model *model;
    const infer_member *member;
    bool with_features;
    int64_t n_audio, n_features, n_classes; /* floats of a clip */
    float *audio, *features, *probability;  /* [N_CLIPS, ...] */
    int64_t length[N_CLIPS];                /* samples or frames, as the graph takes them */
    base_arena arena;
} comparison;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "verify: out of memory");
}

static base_status load_hit(comparison *c, int i, int64_t *n_valid, base_error *err) {
    const data_audio_options *options = infer_model_audio(c->model);
    data_audio hit, clip;
    BASE_TRY(data_synth_hit(i % DATA_SYNTH_N_CLASSES, i / DATA_SYNTH_N_CLASSES, SEED, &hit, err));
    base_status status = data_clip_prepare(&hit, options, &clip, err);
    data_audio_release(&hit);
    if (status != BASE_OK) return status;
    int64_t n_samples = data_audio_samples(options);
    *n_valid = clip.n < n_samples ? clip.n : n_samples;
    float *row = c->audio + i * c->n_audio;
    for (int64_t channel = 0; channel < options->channels; channel++) {
        memcpy(row + channel * n_samples, clip.x + channel * clip.n,
               (size_t)*n_valid * sizeof *row);
    }
    data_audio_release(&clip);
    return BASE_OK;
}

/* The model's own probabilities of clip i. */
static void classify(comparison *c, int i, int64_t n_valid, void *scratch) {
    float *x = c->features + i * c->n_features, *y = c->probability + i * c->n_classes;
    dsp_features_apply(c->member->features, c->audio + i * c->n_audio, scratch, x);
    int32_t frames = (int32_t)dsp_features_valid_frames(c->member->features, n_valid);
    const float *logits =
        nn_network_forward(c->member->network, &(nn_input){.x = x, .length = &frames, .n = 1});
    for (int64_t k = 0; k < c->n_classes; k++) {
        y[k] = (float)(logits[k] / infer_model_temperature(c->model));
    }
    nn_loss_probabilities(infer_model_loss(c->model), y, y, 1, c->n_classes);
    c->length[i] = c->with_features ? n_valid : frames;
}

static base_status classify_all(comparison *c, base_error *err) {
    void *scratch = base_alloc(1, dsp_features_scratch_bytes(c->member->features) + 1);
    base_status status = scratch != NULL ? BASE_OK : no_memory(err);
    for (int i = 0; status == BASE_OK && i < N_CLIPS; i++) {
        int64_t n_valid = 0;
        status = load_hit(c, i, &n_valid, err);
        if (status == BASE_OK) classify(c, i, n_valid, scratch);
    }
    base_free(scratch);
    return status;
}

static base_status allocate(comparison *c, base_error *err) {
    const data_audio_options *audio = infer_model_audio(c->model);
    c->n_audio = audio->channels * data_audio_samples(audio);
    c->n_features = nn_shape_count(nn_network_get_config(c->member->network)->input);
    c->n_classes = infer_model_n_classes(c->model);
    c->audio = base_alloc(N_CLIPS, (size_t)c->n_audio * sizeof *c->audio);
    c->features = base_alloc(N_CLIPS, (size_t)c->n_features * sizeof *c->features);
    c->probability = base_alloc(N_CLIPS, (size_t)c->n_classes * sizeof *c->probability);
    bool complete = c->audio != NULL && c->features != NULL && c->probability != NULL;
    return complete ? BASE_OK : no_memory(err);
}

static base_status write_inputs(comparison *c, const char *folder, base_error *err) {
    char *x = base_path_join(&c->arena, folder, "x.bin");
    char *length = base_path_join(&c->arena, folder, "length.bin");
    if (x == NULL || length == NULL) return no_memory(err);
    const float *data = c->with_features ? c->audio : c->features;
    int64_t n = c->with_features ? c->n_audio : c->n_features;
    BASE_TRY(base_file_write(x, data, (size_t)(N_CLIPS * n) * sizeof *data, err));
    return base_file_write(length, c->length, sizeof c->length, err);
}

static base_status run_script(const char *path, const char *folder, base_error *err) {
    char *arguments[] = {"python3", "-c", (char *)script, (char *)path, (char *)folder, NULL};
    pid_t process;
    int state;
    if (posix_spawnp(&process, arguments[0], NULL, NULL, arguments, environ) != 0) {
        return base_fail(err, BASE_ENOTFOUND,
                         "verify: python3 with onnxruntime is needed and "
                         "there is no python3");
    }
    if (waitpid(process, &state, 0) != process || !WIFEXITED(state)) {
        return base_fail(err, BASE_EIO, "verify: python3 did not end by itself");
    }
    if (WEXITSTATUS(state) == NO_RUNTIME) {
        return base_fail(err, BASE_ENOTFOUND, "verify: python3 has no numpy or no onnxruntime");
    }
    if (WEXITSTATUS(state) == 0) return BASE_OK;
    return base_fail(err, BASE_EMISMATCH, "%s: onnxruntime cannot run it", path);
}

static base_status compare(const comparison *c, const float *y, const char *path, base_text *report,
                           base_error *err) {
    double largest = 0;
    for (int64_t i = 0; i < N_CLIPS * c->n_classes; i++) {
        double difference = fabs((double)y[i] - (double)c->probability[i]);
        if (!(difference <= largest)) largest = difference;
    }
    if (!(largest <= TOLERANCE)) {
        return base_fail(err, BASE_EMISMATCH,
                         "%s: onnxruntime's probabilities differ by up to %.2g, more than %.0e",
                         path, largest, TOLERANCE);
    }
    base_text_printf(report,
                     "onnxruntime: probabilities of %d synthesised drums differ by at most %.2g\n",
                     N_CLIPS, largest);
    return BASE_OK;
}

static base_status exchange(comparison *c, const char *path, const char *folder, base_text *report,
                            base_error *err) {
    BASE_TRY(write_inputs(c, folder, err));
    BASE_TRY(run_script(path, folder, err));
    char *result = base_path_join(&c->arena, folder, "y.bin");
    if (result == NULL) return no_memory(err);
    void *y;
    size_t n_bytes, wanted = (size_t)(N_CLIPS * c->n_classes) * sizeof(float);
    BASE_TRY(base_file_read(result, wanted, &y, &n_bytes, err));
    base_status status = n_bytes == wanted
                             ? compare(c, y, path, report, err)
                             : base_fail(err, BASE_EMISMATCH, "%s: it gives other classes", path);
    base_free(y);
    return status;
}

static base_status exchange_in_folder(comparison *c, const char *path, base_text *report,
                                      base_error *err) {
    const char *parent = getenv("TMPDIR");
    char *folder = base_path_join(&c->arena, parent != NULL && parent[0] != '\0' ? parent : "/tmp",
                                  "rimshot-XXXXXX");
    if (folder == NULL) return no_memory(err);
    if (mkdtemp(folder) == NULL) {
        return base_fail(err, BASE_EIO, "%s: cannot make a folder", folder);
    }
    base_status status = exchange(c, path, folder, report, err);
    base_folder_remove(folder, NULL);
    return status;
}

base_status infer_onnx_verify(infer_model *model, const infer_export_options *options,
                              const char *path, base_text *report, base_error *err) {
    int member;
    BASE_TRY(infer_graph_member(model, options, &member, err));
    comparison c = {.model = model,
                    .member = infer_model_member(model, member),
                    .with_features = options->with_features};
    base_status status = allocate(&c, err);
    if (status == BASE_OK) status = classify_all(&c, err);
    if (status == BASE_OK) status = exchange_in_folder(&c, path, report, err);
    base_free(c.audio);
    base_free(c.features);
    base_free(c.probability);
    base_arena_release(&c.arena);
    return status;
}
