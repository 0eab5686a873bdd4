/* ---- from a sound, read in blocks, to a clip: silence off, cut, level set ---- */

/* What is heard of a sound. */
typedef struct {
    const model_sound *sound;
    float *block;       /* [2, MODEL_BLOCK] */
    int begin, n, cut;  /* the samples taken; whether more follow */
    float mean, factor; /* what levels them: (x - mean) factor */
    int failed;         /* a block could not be read, and is silence */
} model_clip;

static void model_read_channel(model_clip *clip, int c, int at, int n, float *x) {
    const model_sound *sound = clip->sound;
    if (!clip->failed && sound->read(sound->user, c, at, n, x)) return;
    clip->failed = 1;
    memset(x, 0, (size_t)n * sizeof *x);
}

#if MODEL_MONO
/* x[n], at most a block: the sound from sample `at` on, the mean of its channels. */
#else
/* x[n], at most a block: channel c of the sound from sample `at` on; a mono sound has it on both. */
#endif
static void model_read(model_clip *clip, int c, int at, int n, float *x) {
    const int n_channels = clip->sound->n_channels;
#if MODEL_MONO
    float *more = clip->block + MODEL_BLOCK;
    model_read_channel(clip, c, at, n, x);
    for (int k = 1; k < n_channels; k++) {
        model_read_channel(clip, k, at, n, more);
        for (int i = 0; i < n; i++) x[i] += more[i];
    }
    for (int i = 0; i < n && n_channels > 1; i++) x[i] /= (float)n_channels;
#else
    model_read_channel(clip, c < n_channels ? c : 0, at, n, x);
#endif
}

static int model_smaller(int a, int b) {
    return a < b ? a : b;
}

/* x[n], at most a block, from sample `at` of channel c of the clip on; behind it is silence. */
static void model_read_clip(model_clip *clip, int c, int at, int n, float *x) {
    int i = 0;
    const int end = at < clip->n ? model_smaller(n, clip->n - at) : 0;
    if (end > 0) model_read(clip, c, clip->begin + at, end, x);
    for (; i < end; i++) {
        const int left = clip->n - 1 - (at + i);
        if (clip->cut && left < MODEL_FADE) x[i] *= (float)left / (float)MODEL_FADE;
        x[i] = (x[i] - clip->mean) * clip->factor;
    }
    for (; i < n; i++) x[i] = 0;
}

static float model_peak(const float *x, int n, float peak) {
    for (int i = 0; i < n; i++) {
        if (fabsf(x[i]) > peak) peak = fabsf(x[i]);
    }
    return peak;
}

static float model_peak_of_sound(model_clip *clip) {
    float peak = 0;
    const int n_sound = clip->sound->n;
    for (int at = 0; at < n_sound; at += MODEL_BLOCK) {
        const int n = model_smaller(MODEL_BLOCK, n_sound - at);
        for (int c = 0; c < MODEL_CHANNELS; c++) {
            model_read(clip, c, at, n, clip->block);
            peak = model_peak(clip->block, n, peak);
        }
    }
    return peak;
}

/* The first or the last place in a block at which any channel is above a level, or -1. */
static int model_find_in_block(model_clip *clip, int at, int n, float level, int last) {
    int found = -1;
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        model_read(clip, c, at, n, clip->block);
        for (int i = 0; i < n; i++) {
            if (!(fabsf(clip->block[i]) > level)) continue;
            if (found < 0 || (last ? i > found : i < found)) found = i;
        }
    }
    return found;
}

/* The same in the whole sound. */
static int model_find(model_clip *clip, float level, int last) {
    const int n_sound = clip->sound->n, n_blocks = (n_sound + MODEL_BLOCK - 1) / MODEL_BLOCK;
    for (int k = 0; k < n_blocks; k++) {
        const int at = (last ? n_blocks - 1 - k : k) * MODEL_BLOCK;
        const int n = model_smaller(MODEL_BLOCK, n_sound - at);
        const int found = model_find_in_block(clip, at, n, level, last);
        if (found >= 0) return at + found;
    }
    return -1;
}

/* The largest float that is not above x, so that a float is above it if it is above x. */
static float model_not_above(double x) {
    const float y = (float)x;
    return (double)y > x ? nextafterf(y, -1.0f) : y;
}

#if MODEL_LEVEL_PEAK
/* The peak becomes 1. */
static void model_set_level(model_clip *clip) {
    float peak = 0;
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        for (int at = 0; at < clip->n; at += MODEL_BLOCK) {
            const int n = model_smaller(MODEL_BLOCK, clip->n - at);
            model_read_clip(clip, c, at, n, clip->block);
            peak = model_peak(clip->block, n, peak);
        }
    }
    if (peak > 0) clip->factor = 1.0f / peak;
}
#else
/* Means over the clip, in double: a second has tens of thousands of samples. */
static void model_means(model_clip *clip, double *mean, double *square) {
    const double count = (double)clip->n * MODEL_CHANNELS;
    *mean = *square = 0;
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        for (int at = 0; at < clip->n; at += MODEL_BLOCK) {
            const int n = model_smaller(MODEL_BLOCK, clip->n - at);
            model_read_clip(clip, c, at, n, clip->block);
            for (int i = 0; i < n; i++) {
                *mean += (double)clip->block[i];
                *square += (double)clip->block[i] * (double)clip->block[i];
            }
        }
    }
    *mean /= count;
    *square /= count;
}

#if MODEL_LEVEL_RMS
/* The root of the mean square becomes 0.1, which is -20 dB. */
static void model_set_level(model_clip *clip) {
    double mean, square;
    model_means(clip, &mean, &square);
    if (square > 0) clip->factor = (float)(0.1 / sqrt(square));
}
#else
/* Mean 0 and standard deviation 1; a constant becomes 0. */
static void model_set_level(model_clip *clip) {
    double mean, square;
    model_means(clip, &mean, &square);
    clip->mean = (float)mean;
    model_means(clip, &mean, &square);
    const int varies = sqrt(square) > (double)(FLT_EPSILON * fabsf(clip->mean));
    clip->factor = varies ? (float)(1.0 / sqrt(square)) : 0;
}
#endif
#endif

/* Sets what is heard, and how; 0: silence. */
static int model_prepare(model_clip *clip) {
    const float peak = model_peak_of_sound(clip);
    int end = clip->sound->n;
    clip->begin = 0;
    if (!(peak > 0) || peak < MODEL_MIN_PEAK) return 0;
#if MODEL_TRIMS
    const float level = model_not_above((double)peak * MODEL_TRIM);
    const int first = model_find(clip, level, 0);
    if (first < 0) return 0;
    clip->begin = first - model_smaller(first, MODEL_BEFORE_ONSET);
    end = model_find(clip, level, 1) + 1;
#endif
    clip->cut = end - clip->begin > MODEL_SAMPLES;
    clip->n = clip->cut ? MODEL_SAMPLES : end - clip->begin;
    clip->mean = 0;
    clip->factor = 1;
#if MODEL_LEVELS
    model_set_level(clip);
#endif
    return 1;
}
