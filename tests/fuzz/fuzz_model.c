/* A model file, opened and used. The input is what follows the block. */
#include <math.h>
#include <stdlib.h>

#include "infer/model.h"
#include "tests/fuzz/fuzz.h"

enum { N_SAMPLES = 4000, VERSION = 3 };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return setenv("RIMSHOT_BUDGET", "0.02", 1); /* so that one input takes little time */
}

static void classify(infer_model *model) {
    const data_audio_options *audio = infer_model_audio(model);
    int64_t n_classes = infer_model_n_classes(model);
    float *probability = calloc((size_t)n_classes, sizeof *probability);
    float *x = calloc((size_t)audio->channels, N_SAMPLES * sizeof *x);
    if (probability == NULL || x == NULL) abort();
    for (int64_t i = 0; i < audio->channels * N_SAMPLES; i++) x[i] = (float)(i % 97) / 97;
    data_audio clip = {.x = x,
                       .n_channels = audio->channels,
                       .n = N_SAMPLES,
                       .sample_rate_hz = audio->sample_rate_hz};
    if (infer_model_classify(model, &clip, 1, probability, NULL) == BASE_OK) {
        for (int64_t c = 0; c < n_classes; c++) {
            if (!isfinite(probability[c])) abort();
        }
    }
    free(x);
    free(probability);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    infer_model *model;
    base_error err = {0};
    const char *path = fuzz_h5_file("model", VERSION, data, size);
    if (!fuzz_took(infer_model_open(path, 4, NULL, &model, &err), &err)) return 0;
    classify(model);
    infer_model_free(model);
    return 0;
}
