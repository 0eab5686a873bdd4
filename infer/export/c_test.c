/* Test vectors: sounds that the header synthesises, by the same function as here, and rimshot's
 * probabilities for them. */
#include <string.h>

#include "infer/export/c.h"
#include "infer/export/c_sound.h"

enum { N_SOUNDS = 3, SILENCE = 300 };

static const double forms[N_SOUNDS][4] = {{1.9995269, 0.99960004, 0.02, 0.999},
                                          {1.9971886, 0.99800100, 0.4, 0.9995},
                                          {1.3109000, 0.99800100, 0.6, 0.998}};
static const double lengths[N_SOUNDS] = {1.25, 0.5, 0.12}; /* of the model's longest clip */

static base_status find_wanted(export_c *e, const double form[4], int64_t n, float *wanted) {
    const data_audio_options *options = infer_model_audio(e->model);
    data_audio clip, sound = {.n_channels = 1, .n = n, .sample_rate_hz = options->sample_rate_hz};
    sound.x = base_alloc((size_t)n, sizeof *sound.x);
    if (sound.x == NULL) return export_c_no_memory(e);
    model_test_sound test;
    model_test_strike(&test, form);
    model_test_ring(&test, sound.x, (int)n);
    base_status status = data_clip_prepare(&sound, options, &clip, e->err);
    base_free(sound.x);
    if (status != BASE_OK) return status;
    /* With int8, e->network has the dequantised weights. */
    infer_graph_path path = {e->model, e->member, e->network};
    status = infer_graph_classify(&path, &clip, wanted, e->err);
    data_audio_release(&clip);
    return status;
}

static void set_forms(export_c *e) {
    base_text text = {0};
    base_text_add(&text, "\n");
    for (int i = 0; i < N_SOUNDS; i++) {
        for (int k = 0; k < 4; k++) {
            base_text_add(&text, k > 0 ? ", " : "    {");
            export_c_double(&text, forms[i][k]);
        }
        base_text_add(&text, "},\n");
    }
    export_c_set_made(e, "MODEL_TEST_FORM", &text);
}

base_status export_c_test(export_c *e) {
    base_text text = {0};
    int n_classes = infer_model_n_classes(e->model);
    int64_t samples = data_audio_samples(infer_model_audio(e->model)), length[N_SOUNDS];
    float *wanted =
        base_arena_alloc(&e->arena, (size_t)N_SOUNDS * (size_t)n_classes, sizeof *wanted);
    if (wanted == NULL) return export_c_no_memory(e);
    for (int i = 0; i < N_SOUNDS; i++) {
        length[i] = (int64_t)(lengths[i] * (double)samples) + SILENCE;
        BASE_TRY(find_wanted(e, forms[i], length[i], wanted + i * n_classes));
    }
    set_forms(e);
    export_c_set(e, "MODEL_N_SOUNDS", "%d", N_SOUNDS);
    export_c_set(e, "MODEL_TEST_LENGTH", "%lld, %lld, %lld", (long long)length[0],
                 (long long)length[1], (long long)length[2]);
    export_c_list(&text, wanted, (int64_t)N_SOUNDS * n_classes);
    export_c_set_made(e, "MODEL_TEST_WANTED", &text);
    return BASE_OK;
}
