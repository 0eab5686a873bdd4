#include "tests/fuzz/state.h"

#include "tests/fuzz/fuzz.h"
#include "train/experiment.h"

static const char text[] = "name: a\ndataset: {source: synth}\n"
                           "audio: {sample_rate: 8000, seconds: 0.1}\n"
                           "features: {n_mels: 4, n_fft: 256, hop: 256}\n"
                           "network: [conv2d: {out: 2, kernel: 3}, batch_norm, flatten, "
                           "linear: classes]\n"
                           "train: {epochs: 4, batch: 3, schedule: plateau, ema: 0.9}\n";

void fuzz_state_open(fuzz_state *s) {
    base_error err = {0};
    *s = (fuzz_state){0};
    fuzz_need(train_config_parse(text, "a.yaml", &s->config, &err) == BASE_OK, err.text);
    const train_network_plan plan = {
        .config = &s->config, .n_classes = FUZZ_STATE_CLASSES, .max_batch = 3, .training = true};
    base_status status = train_network_new(&plan, &s->state.network, &s->state.features, &err);
    fuzz_need(status == BASE_OK, err.text);
    nn_network_init(s->state.network, 1);
    status = nn_optimizer_new(s->state.network, s->config.train.optimizer,
                              &s->config.train.optimizer_options, 0.9, &s->state.optimizer, &err);
    fuzz_need(status == BASE_OK, err.text);
    s->state.schedule = &s->schedule;
    s->state.epochs = s->epochs;
    s->state.max_epochs = FUZZ_STATE_EPOCHS;
    s->state.fingerprint = "0123";
}

void fuzz_state_release(fuzz_state *s) {
    nn_optimizer_free(s->state.optimizer);
    nn_network_free(s->state.network);
    dsp_features_free(s->state.features);
    train_config_release(&s->config);
}
