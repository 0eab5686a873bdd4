/* An ONNX file against the model, in onnxruntime, which reads x.bin (the graph's input) and
 * length.bin and writes y.bin (probabilities). */
#include <string.h>

#include "dsp/features_plan.h"
#include "infer/export/graph.h"
#include "infer/export/verify.h"
#include "infer/export/onnx_graph.h"

enum { NO_RUNTIME = 3 };

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
    "    length = np.fromfile(folder + '/length.bin', np.int64)\n"
    "    shape = [1, -1] if x.name == 'waveform' else x.shape[1:]\n"
    "    data = np.fromfile(folder + '/x.bin', np.float32).reshape(len(length), *shape)\n"
    "    feed = {x.name: data}\n"
    "    if 'length' in [i.name for i in s.get_inputs() + s.get_overridable_initializers()]:\n"
    "        feed['length'] = length\n"
    "    s.run(None, feed)[0].tofile(folder + '/y.bin')\n"
    "try:\n"
    "    run(*sys.argv[1:])\n"
    "except Exception as e:\n"
    "    sys.exit((str(e).splitlines() or [type(e).__name__])[0])\n";

/* What the graph is fed with. */
typedef struct {
    infer_verify v;
    const dsp_features *features; /* NULL: sounds as they are */
    float *audio, *x;             /* a clip with zeros behind it; its features */
    void *scratch;
    base_text data, length;
} feed;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "verify: out of memory");
}

/* All as long as the longest, with zeros behind. */
static void add_sounds(feed *f) {
    int64_t longest = 0;
    for (int i = 0; i < INFER_VERIFY_N; i++) {
        if (f->v.sound[i].n > longest) longest = f->v.sound[i].n;
    }
    for (int i = 0; i < INFER_VERIFY_N; i++) {
        const data_audio *sound = &f->v.sound[i];
        base_text_add_bytes(&f->data, sound->x, (size_t)sound->n * sizeof *sound->x);
        for (int64_t k = sound->n; k < longest; k++) {
            base_text_add_bytes(&f->data, &(float){0}, sizeof(float));
        }
        base_text_add_bytes(&f->length, &sound->n, sizeof sound->n);
    }
}

static void add_features(feed *f, const data_audio *clip) {
    const data_audio_options *options = infer_model_audio(f->v.model);
    int64_t n_samples = data_audio_samples(options), n = clip->n < n_samples ? clip->n : n_samples;
    size_t n_floats = (size_t)(options->channels * n_samples);
    memset(f->audio, 0, n_floats * sizeof *f->audio);
    for (int64_t c = 0; c < options->channels; c++) {
        memcpy(f->audio + c * n_samples, clip->x + c * clip->n, (size_t)n * sizeof *clip->x);
    }
    int64_t shape[3], frames = dsp_features_valid_frames(f->features, n);
    dsp_features_shape(f->features, shape);
    dsp_features_apply(f->features, f->audio, f->scratch, f->x);
    base_text_add_bytes(&f->data, f->x, (size_t)(shape[0] * shape[1] * shape[2]) * sizeof *f->x);
    base_text_add_bytes(&f->length, &frames, sizeof frames);
}

static base_status add_all_features(feed *f, base_error *err) {
    const data_audio_options *options = infer_model_audio(f->v.model);
    int64_t shape[3];
    dsp_features_shape(f->features, shape);
    f->audio = base_arena_alloc(
        &f->v.arena, (size_t)(options->channels * data_audio_samples(options)), sizeof *f->audio);
    f->x = base_arena_alloc(&f->v.arena, (size_t)(shape[0] * shape[1] * shape[2]), sizeof *f->x);
    f->scratch = base_alloc(1, dsp_features_scratch_bytes(f->features) + 1);
    if (f->audio == NULL || f->x == NULL || f->scratch == NULL) return no_memory(err);
    for (int i = 0; i < INFER_VERIFY_N; i++) add_features(f, &f->v.clip[i]);
    return BASE_OK;
}

static base_status write_inputs(feed *f, base_error *err) {
    if (f->features != NULL) BASE_TRY(add_all_features(f, err));
    if (f->features == NULL) add_sounds(f);
    BASE_TRY(infer_verify_write(&f->v, "x.bin", &f->data, err));
    return infer_verify_write(&f->v, "length.bin", &f->length, err);
}

static base_status run_script(feed *f, base_error *err) {
    int code;
    const char *arguments[] = {"python3", "-c", script, f->v.path, f->v.folder, NULL};
    base_status status = infer_verify_run(&f->v, arguments, &code, err);
    if (status == BASE_ENOTFOUND) {
        return base_fail(err, status,
                         "verify: python3 with onnxruntime is needed and there is no python3");
    }
    if (status != BASE_OK) return status;
    if (code == NO_RUNTIME) {
        return base_fail(err, BASE_ENOTFOUND, "verify: python3 has no numpy or no onnxruntime");
    }
    return code == 0 ? BASE_OK : infer_verify_refuse(&f->v, "onnxruntime cannot run it", err);
}

static base_status exchange(feed *f, base_text *report, base_error *err) {
    double largest;
    BASE_TRY(write_inputs(f, err));
    BASE_TRY(run_script(f, err));
    BASE_TRY(infer_verify_compare(&f->v, "onnxruntime", f->v.probability, &largest, err));
    base_text_printf(report,
                     "onnxruntime: probabilities of %d synthesised drums differ by at most %.2g\n",
                     INFER_VERIFY_N, largest);
    return BASE_OK;
}

/* An ensemble's features lack the fitted normalisation: a front end that was fitted to nothing
 * makes them. */
static base_status choose_features(infer_model *model, int member, dsp_features **unfitted,
                                   const dsp_features **features, base_error *err) {
    const data_audio_options *audio = infer_model_audio(model);
    *features = infer_model_member(model, member < 0 ? 0 : member)->features;
    if (member >= 0) return BASE_OK;
    const dsp_clip_form form = data_audio_form(audio);
    BASE_TRY(dsp_features_new(&(*features)->options, &form, unfitted, err));
    *features = *unfitted;
    return BASE_OK;
}

base_status infer_onnx_verify(infer_model *model, const infer_export_options *options,
                              const char *path, base_text *report, base_error *err) {
    int member;
    feed f = {0};
    dsp_features *unfitted = NULL;
    BASE_TRY(infer_graph_members(model, options, &member, err));
    base_status status = BASE_OK;
    if (!infer_export_is_on(options, INFER_ONNX_WITH_FEATURES)) {
        status = choose_features(model, member, &unfitted, &f.features, err);
    }
    if (status == BASE_OK) status = infer_verify_open(&f.v, model, member, path, err);
    if (status == BASE_OK) status = exchange(&f, report, err);
    dsp_features_free(unfitted);
    base_free(f.scratch);
    base_text_release(&f.data);
    base_text_release(&f.length);
    infer_verify_release(&f.v);
    return status;
}
