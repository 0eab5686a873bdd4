/* ---- from samples to a clip: silence off, cut, level set ---- */

typedef struct {
    const float *x; /* [n_channels, n] */
    int n_channels, n;
} model_audio;

#if MODEL_MONO
/* Sample i of the mean of all channels. */
#else
/* Sample i of channel c; a mono sound has it on both. */
#endif
static float model_sample(const model_audio *a, int c, int i) {
#if MODEL_MONO
    double sum = 0;
    (void)c;
    for (int k = 0; k < a->n_channels; k++) {
        sum += (double)a->x[(size_t)k * (size_t)a->n + (size_t)i];
    }
    return (float)(sum / a->n_channels);
#else
    return a->x[(size_t)(c < a->n_channels ? c : 0) * (size_t)a->n + (size_t)i];
#endif
}

/* The largest of `peak` and the channels at sample i. */
static float model_louder(const model_audio *a, int i, float peak) {
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        const float x = fabsf(model_sample(a, c, i));
        if (x > peak) peak = x;
    }
    return peak;
}

static void model_multiply_clip(float *clip, int n, float factor) {
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        for (int i = 0; i < n; i++) clip[c * MODEL_SAMPLES + i] *= factor;
    }
}

static void model_sums(const float *clip, int n, double *sum, double *squares) {
    *sum = *squares = 0;
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        for (int i = 0; i < n; i++) {
            const double x = (double)clip[c * MODEL_SAMPLES + i];
            *sum += x;
            *squares += x * x;
        }
    }
}

#if MODEL_LEVEL_PEAK
/* The peak becomes 1. */
static void model_set_level(float *clip, int n) {
    float peak = 0;
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        for (int i = 0; i < n; i++) {
            const float x = fabsf(clip[c * MODEL_SAMPLES + i]);
            if (x > peak) peak = x;
        }
    }
    if (peak > 0) model_multiply_clip(clip, n, (float)(1.0 / (double)peak));
}
#elif MODEL_LEVEL_RMS
/* The root of the mean square becomes 0.1, which is -20 dB. */
static void model_set_level(float *clip, int n) {
    double sum, squares;
    model_sums(clip, n, &sum, &squares);
    const double level = sqrt(squares / ((double)n * MODEL_CHANNELS));
    if (level > 0) model_multiply_clip(clip, n, (float)(0.1 / level));
}
#else
/* Mean 0 and standard deviation 1; a constant becomes 0. */
static void model_set_level(float *clip, int n) {
    const double count = (double)n * MODEL_CHANNELS;
    double sum, squares;
    model_sums(clip, n, &sum, &squares);
    const float mean = (float)(sum / count);
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        for (int i = 0; i < n; i++) clip[c * MODEL_SAMPLES + i] -= mean;
    }
    model_sums(clip, n, &sum, &squares);
    const double deviation = sqrt(squares / count);
    const int varies = deviation > (double)(FLT_EPSILON * fabsf(mean));
    model_multiply_clip(clip, n, varies ? (float)(1.0 / deviation) : 0);
}
#endif

/* Fills clip[channels, MODEL_SAMPLES]; the number of samples in it, 0: silence. */
static int model_prepare(const model_audio *a, float *clip) {
    float peak = 0;
    for (int i = 0; i < a->n; i++) peak = model_louder(a, i, peak);
    if (!(peak > 0) || (double)peak < MODEL_MIN_PEAK) return 0;
    int begin = 0, end = a->n;
#if MODEL_TRIMS
    const double threshold = (double)peak * MODEL_TRIM;
    while (end > 0 && !((double)model_louder(a, end - 1, 0) > threshold)) end--;
    while (begin < end && !((double)model_louder(a, begin, 0) > threshold)) begin++;
    if (begin == end) return 0;
    begin -= begin < MODEL_BEFORE_ONSET ? begin : MODEL_BEFORE_ONSET;
#endif
    const int too_long = end - begin > MODEL_SAMPLES;
    const int n = too_long ? MODEL_SAMPLES : end - begin;
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        float *row = clip + c * MODEL_SAMPLES;
        for (int i = 0; i < n; i++) row[i] = model_sample(a, c, begin + i);
        for (int i = n; i < MODEL_SAMPLES; i++) row[i] = 0;
        for (int i = 0; too_long && i < MODEL_FADE; i++) {
            row[n - 1 - i] *= (float)i / (float)MODEL_FADE;
        }
    }
#if MODEL_LEVELS
    model_set_level(clip, n);
#endif
    return n;
}
