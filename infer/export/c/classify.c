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

int model_classify_sound(const model_sound *sound, model_work *work, float *probability) {
    model_clip clip;
    clip.sound = sound;
    clip.block = work->values + MODEL_FRONT;
    clip.failed = 0;
    memset(probability, 0, MODEL_N_CLASSES * sizeof *probability);
    const int heard = model_prepare(&clip);
    if (heard) model_features(work, &clip, work->values + MODEL_INPUT);
    if (clip.failed) return MODEL_FAILED;
    if (!heard) return 0;
    const float *logits = model_network(work, model_valid_frames(clip.n));
    for (int i = 0; i < MODEL_N_CLASSES; i++) probability[i] = logits[i] / MODEL_TEMPERATURE;
    model_probabilities(probability, MODEL_N_CLASSES);
    return 1;
}

/* A sound in memory, audio[n_channels, n]. */
typedef struct {
    const float *audio;
    int n;
} model_memory;

static int model_read_memory(void *user, int channel, int at, int n, float *x) {
    const model_memory *memory = (const model_memory *)user;
    const size_t start = (size_t)channel * (size_t)memory->n + (size_t)at;
    memcpy(x, memory->audio + start, (size_t)n * sizeof *x);
    return 1;
}

int model_classify(
        const float *audio, int n_channels, int n, model_work *work, float *probability) {
    model_memory memory;
    model_sound sound;
    memory.audio = audio;
    memory.n = n;
    sound.read = model_read_memory;
    sound.user = &memory;
    sound.n_channels = n_channels;
    sound.n = n;
    return model_classify_sound(&sound, work, probability);
}

int model_decide(const float *probability, int *cause) {
    static const float least[MODEL_N_CLASSES] = {MODEL_LEAST};
#if MODEL_REFUSES
    static const float above[MODEL_N_CLASSES] = {MODEL_ABOVE};
#endif
    int best = -1, against = -1;
    for (int c = 0; c < MODEL_N_CLASSES; c++) {
#if MODEL_REFUSES
        if (c == MODEL_REFUSED) continue;
#endif
        if (best < 0 || probability[c] > probability[best]) best = c;
    }
    if (probability[best] < least[best]) against = best;
#if MODEL_REFUSES
    if (probability[MODEL_REFUSED] > above[best]) against = MODEL_REFUSED;
#endif
    if (cause != NULL) *cause = against;
    return against < 0 ? best : MODEL_UNKNOWN;
}

const char *model_label(int index) {
    static const char *const labels[MODEL_N_CLASSES] = {MODEL_LABELS};
    return labels[index];
}
