#if MODEL_SIGMOID
static void model_probabilities(float *x, int n) {
    for (int i = 0; i < n; i++) x[i] = 1.0f / (1.0f + expf(-x[i]));
}
#else
/* Softmax. */
static void model_probabilities(float *x, int n) {
    float top = x[0], sum = 0;
    for (int i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
    for (int i = 0; i < n; i++) x[i] = expf(x[i] - top);
    for (int i = 0; i < n; i++) sum += x[i];
    for (int i = 0; i < n; i++) x[i] /= sum;
}
#endif

int model_classify(
        const float *audio, int n_channels, int n, model_work *work, float *probability) {
    model_audio sound;
    sound.x = audio;
    sound.n_channels = n_channels;
    sound.n = n;
    const int n_clip = model_prepare(&sound, work->clip);
    memset(probability, 0, MODEL_N_CLASSES * sizeof *probability);
    if (n_clip == 0) return 0;
    model_features(work, work->values);
    const float *logits = model_network(work, model_valid_frames(n_clip));
    for (int i = 0; i < MODEL_N_CLASSES; i++) {
        probability[i] = (float)((double)logits[i] / MODEL_TEMPERATURE);
    }
    model_probabilities(probability, MODEL_N_CLASSES);
    return 1;
}

int model_decide(const float *probability, int *cause) {
    static const double least[MODEL_N_CLASSES] = {MODEL_LEAST};
#if MODEL_REFUSES
    static const double above[MODEL_N_CLASSES] = {MODEL_ABOVE};
#endif
    int best = -1, against = -1;
    for (int c = 0; c < MODEL_N_CLASSES; c++) {
#if MODEL_REFUSES
        if (c == MODEL_REFUSED) continue;
#endif
        if (best < 0 || probability[c] > probability[best]) best = c;
    }
    if ((double)probability[best] < least[best]) against = best;
#if MODEL_REFUSES
    if ((double)probability[MODEL_REFUSED] > above[best]) against = MODEL_REFUSED;
#endif
    if (cause != NULL) *cause = against;
    return against < 0 ? best : MODEL_UNKNOWN;
}

const char *model_label(int index) {
    static const char *const labels[MODEL_N_CLASSES] = {MODEL_LABELS};
    return labels[index];
}
