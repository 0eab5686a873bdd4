/* Test vectors: sounds that the header makes itself, and what rimshot finds them to be. */
#include <string.h>

#include "infer/export/c.h"

enum { N_SOUNDS = 3 };

/* A struck resonator and noise that dies away, after a silence. Only additions and products, so
 * that every machine makes the same. The header has the same in C: test_text below. */
typedef struct {
    double resonance, damping, noise, decay;
    double length; /* of the model's longest clip */
} sound_form;

static const sound_form sounds[N_SOUNDS] = {{1.9995269, 0.99960004, 0.02, 0.999, 1.25},
                                            {1.9971886, 0.99800100, 0.4, 0.9995, 0.5},
                                            {1.3109000, 0.99800100, 0.6, 0.998, 0.12}};
enum { SILENCE = 300 };

static void make_sound(const sound_form *form, float *x, int64_t n) {
    uint32_t seed = 1;
    double before = 0, now = 0.01, noise = form->noise;
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        double next = form->resonance * now - form->damping * before;
        before = now;
        now = next;
        noise *= form->decay;
        x[i] = i < SILENCE ? 0.0f : (float)(now + noise * ((double)(seed >> 8) / 8388608.0 - 1.0));
    }
}

static const char test_text[] =
    " #ifdef $_TEST\n"
    " #include <stdint.h>\n"
    " #include <stdio.h>\n"
    " \n"
    " /* A struck resonator and noise that dies away, after a silence. */\n"
    " static void @_test_sound(const double form[4], float *x, int n) {\n"
    "     uint32_t seed = 1;\n"
    "     double before = 0, now = 0.01, noise = form[2];\n"
    "     for (int i = 0; i < n; i++) {\n"
    "         seed = seed * 1664525u + 1013904223u;\n"
    "         const double next = form[0] * now - form[1] * before;\n"
    "         before = now;\n"
    "         now = next;\n"
    "         noise *= form[3];\n"
    "         x[i] = (float)(now + noise * ((double)(seed >> 8) / 8388608.0 - 1.0));\n"
    "         if (i < 300) x[i] = 0;\n"
    "     }\n"
    " }\n"
    " \n";

static const char main_text[] =
    " /* 0 if this machine finds what rimshot found. */\n"
    " int main(void) {\n"
    "     static @_work work;\n"
    "     static float sound[$_SAMPLES * 2 + 300], probability[$_N_CLASSES];\n"
    "     double worst = 0;\n"
    "     int passed = 1;\n"
    "     for (int i = 0; i < $_N_SOUNDS; i++) {\n"
    "         @_test_sound(@_test_form[i], sound, @_test_length[i]);\n"
    "         @_classify(sound, 1, @_test_length[i], &work, probability);\n"
    "         for (int c = 0; c < $_N_CLASSES; c++) {\n"
    "             const float wanted = @_test_wanted[i * $_N_CLASSES + c];\n"
    "             const double difference = fabs((double)probability[c] - (double)wanted);\n"
    "             printf(\"%-20s %.6f, wanted %.6f\\n\", @_label(c), (double)probability[c],\n"
    "                     (double)wanted);\n"
    "             if (difference > worst) worst = difference;\n"
    "             if (!(difference <= 1e-4)) passed = 0;\n"
    "         }\n"
    "     }\n"
    "     printf(\"largest difference %.2g: %s\\n\", worst, passed ? \"passed\" : \"FAILED\");\n"
    "     return passed ? 0 : 1;\n"
    " }\n"
    " #endif\n";

static base_status find_wanted(export_c *e, const sound_form *form, int64_t n, float *wanted) {
    const data_audio_options *options = infer_model_audio(e->model);
    data_audio clip, sound = {.n_channels = 1, .n = n, .sample_rate_hz = options->sample_rate_hz};
    sound.x = base_alloc((size_t)n, sizeof *sound.x);
    if (sound.x == NULL) return export_c_no_memory(e);
    make_sound(form, sound.x, n);
    base_status status = data_clip_prepare(&sound, options, &clip, e->err);
    base_free(sound.x);
    if (status != BASE_OK) return status;
    /* The network's weights are what the header's stand for. */
    infer_graph_path path = {e->model, e->member, e->network};
    status = infer_graph_classify(&path, &clip, wanted, e->err);
    data_audio_release(&clip);
    return status;
}

base_status export_c_test(export_c *e, base_text *text) {
    int n_classes = infer_model_n_classes(e->model);
    int64_t samples = data_audio_samples(infer_model_audio(e->model)), length[N_SOUNDS];
    float *wanted = base_arena_alloc(&e->arena, (size_t)(N_SOUNDS * n_classes), sizeof *wanted);
    if (wanted == NULL) return export_c_no_memory(e);
    for (int i = 0; i < N_SOUNDS; i++) {
        length[i] = (int64_t)(sounds[i].length * (double)samples) + SILENCE;
        BASE_TRY(find_wanted(e, &sounds[i], length[i], wanted + i * n_classes));
    }
    export_c_add(e, text, test_text);
    export_c_line(e, text, "#define $_N_SOUNDS %d", N_SOUNDS);
    export_c_line(e, text, "static const double @_test_form[%d][4] = {", N_SOUNDS);
    for (int i = 0; i < N_SOUNDS; i++) {
        const double number[4] = {sounds[i].resonance, sounds[i].damping, sounds[i].noise,
                                  sounds[i].decay};
        for (int k = 0; k < 4; k++) {
            base_text_add(text, k == 0 ? "    {" : ", ");
            export_c_double(text, number[k]);
        }
        base_text_add(text, "},\n");
    }
    export_c_line(e, text, "};\nstatic const int @_test_length[%d] = {%lld, %lld, %lld};", N_SOUNDS,
                  (long long)length[0], (long long)length[1], (long long)length[2]);
    export_c_floats(e, text, "test_wanted", wanted, (int64_t)N_SOUNDS * n_classes);
    base_text_add(text, "\n");
    export_c_add(e, text, main_text);
    return BASE_OK;
}
