/* ---- from a clip to the network's input ---- */

/* Zeroes what follows the first n frames of each row; a frame has `size` numbers. */
static void model_clear(float *y, int rows, int frames, int size, int n) {
    const size_t rest = (size_t)(frames - n) * (size_t)size * sizeof *y;
    for (int i = 0; i < rows; i++) memset(y + (i * frames + n) * size, 0, rest);
}

#if MODEL_FRAMED
static model_complex model_times(model_complex a, model_complex b) {
    model_complex c;
    c.re = a.re * b.re - a.im * b.im;
    c.im = a.re * b.im + a.im * b.re;
    return c;
}

/* Transform of `factor` numbers that are in_step apart; result k is turned by root[k turn]. */
static void model_short_fourier(const model_complex *in, int in_step, model_complex *out,
        int out_step, int factor, int turn, const model_complex *root) {
    for (int k = 0; k < factor; k++) {
        model_complex sum = in[0];
        for (int i = 1; i < factor; i++) {
            const int at = i * k % factor * (MODEL_N_FFT / factor);
            const model_complex part = model_times(in[i * in_step], root[at]);
            sum.re += part.re;
            sum.im += part.im;
        }
        out[k * out_step] = model_times(sum, root[k * turn]);
    }
}

/* The same for factor 4, whose roots are 1, -i, -1 and i. */
static void model_fourier_of_4(const model_complex *in, int in_step, model_complex *out,
        int out_step, int turn, const model_complex *root) {
    const model_complex a = in[0], b = in[in_step], c = in[2 * in_step], d = in[3 * in_step];
    model_complex even, odd, first, third;
    even.re = a.re + c.re;
    even.im = a.im + c.im;
    odd.re = b.re + d.re;
    odd.im = b.im + d.im;
    first.re = a.re - c.re + (b.im - d.im);
    first.im = a.im - c.im - (b.re - d.re);
    third.re = a.re - c.re - (b.im - d.im);
    third.im = a.im - c.im + (b.re - d.re);
    out[0].re = even.re + odd.re;
    out[0].im = even.im + odd.im;
    even.re -= odd.re;
    even.im -= odd.im;
    out[out_step] = model_times(first, root[turn]);
    out[2 * out_step] = model_times(even, root[2 * turn]);
    out[3 * out_step] = model_times(third, root[3 * turn]);
}

/* The discrete Fourier transform of x[MODEL_N_FOURIER], returned in x or in y. T. Stockham's
 * method: each pass takes a factor out of the length and leaves its results in order, so
 * that nothing has to be shuffled. root[k] = exp(-2 pi i k / MODEL_N_FFT). */
static model_complex *model_fourier(
        model_complex *x, model_complex *y, const model_complex *root) {
    int stride = 1;
    for (int length = MODEL_N_FOURIER; length > 1;) {
        int factor = length % 4 == 0 ? 4 : 2;
        while (length % factor != 0) factor++;
        length /= factor;
        for (int j = 0; j < length; j++) {
            const int turn = j * stride * (MODEL_N_FFT / MODEL_N_FOURIER);
            const model_complex *in = x + j * stride;
            model_complex *out = y + j * stride * factor;
            for (int k = 0; k < stride; k++, in++, out++) {
                if (factor == 4) {
                    model_fourier_of_4(in, stride * length, out, stride, turn, root);
                } else {
                    model_short_fourier(in, stride * length, out, stride, factor, turn, root);
                }
            }
        }
        model_complex *swap = x;
        x = y;
        y = swap;
        stride *= factor;
    }
    return x;
}

#if MODEL_MIRRORED
/* Sample i of a clip that is mirrored at both ends. */
#elif MODEL_SILENT_AROUND
/* Sample i of a clip with silence around it. */
#else
/* Sample i of a clip. */
#endif
static double model_sample_of_clip(const float *clip, int i) {
#if MODEL_MIRRORED
    const int period = 2 * (MODEL_SAMPLES - 1);
    if (i >= 0 && i < MODEL_SAMPLES) return (double)clip[i];
    i %= period;
    if (i < 0) i += period;
    return (double)clip[i < MODEL_SAMPLES ? i : period - i];
#elif MODEL_SILENT_AROUND
    return i < 0 || i >= MODEL_SAMPLES ? 0 : (double)clip[i];
#else
    return (double)clip[i];
#endif
}

#if MODEL_EVEN_FFT
/* work->power from the frame that starts at sample `start`. Even and odd samples go through
 * one transform of half the length, as real and imaginary parts, and are told apart after
 * it by their symmetry. */
static void model_spectrum(model_work *work, const float *clip, int start) {
    const int half = MODEL_N_FFT / 2;
    for (int i = 0; i < half; i++) {
        const int k = 2 * i;
        work->frame[i].re = work->window[k] * model_sample_of_clip(clip, start + k);
        work->frame[i].im = work->window[k + 1] * model_sample_of_clip(clip, start + k + 1);
    }
    const model_complex *z = model_fourier(work->frame, work->spare, work->root);
    for (int k = 0; k <= half; k++) {
        const model_complex a = z[k % half], b = z[(half - k) % half];
        model_complex even, odd;
        even.re = (a.re + b.re) / 2;
        even.im = (a.im - b.im) / 2;
        odd.re = (a.im + b.im) / 2;
        odd.im = (b.re - a.re) / 2;
        odd = model_times(odd, work->root[k]);
        const float re = (float)(even.re + odd.re), im = (float)(even.im + odd.im);
        work->power[k] = re * re + im * im;
    }
}
#else
/* work->power from the frame that starts at sample `start`. */
static void model_spectrum(model_work *work, const float *clip, int start) {
    for (int i = 0; i < MODEL_N_FFT; i++) {
        work->frame[i].re = work->window[i] * model_sample_of_clip(clip, start + i);
        work->frame[i].im = 0;
    }
    const model_complex *z = model_fourier(work->frame, work->spare, work->root);
    for (int k = 0; k <= MODEL_N_FFT / 2; k++) {
        const float re = (float)z[k].re, im = (float)z[k].im;
        work->power[k] = re * re + im * im;
    }
}
#endif

static void model_fill_tables(model_work *work) {
    const double turn = 2 * 3.14159265358979323846;
    for (int i = 0; i < MODEL_N_FFT; i++) {
        work->root[i].re = cos(turn * i / MODEL_N_FFT);
        work->root[i].im = -sin(turn * i / MODEL_N_FFT);
        work->window[i] = 0;
    }
    double *middle = work->window + (MODEL_N_FFT - MODEL_N_WINDOW) / 2;
    for (int i = 0; i < MODEL_N_WINDOW; i++) {
        const double wave = cos(turn * i / MODEL_N_WINDOW);
        middle[i] = MODEL_WINDOW_MEAN - MODEL_WINDOW_WAVE * wave;
    }
}

/* One frame: column 0 of y[MODEL_N_BANDS, MODEL_N_FRAMES], from the power of each frequency. */
static void model_column(const float *power, float *y) {
#if MODEL_MEL
    const float *weight = model_mel_weight;
#endif
    for (int i = 0; i < MODEL_N_BANDS; i++) {
#if MODEL_MEL
        float value = 0;
        const float *x = power + model_mel_first[i];
        for (int k = 0; k < model_mel_n[i]; k++) value += *weight++ * x[k];
#else
        float value = power[i] * MODEL_POWER_SCALE;
#endif
#if MODEL_ROOT
        value = sqrtf(value);
#endif
#if MODEL_DECIBELS
        if (value < MODEL_LEAST_POWER) value = MODEL_LEAST_POWER;
        y[i * MODEL_N_FRAMES] = 10 * log10f(value);
#else
        y[i * MODEL_N_FRAMES] = value;
#endif
    }
}

#if MODEL_LIMITED
/* What lies MODEL_TOP_DB below the loudest is raised to that. */
#endif
#if MODEL_REFERENCED
/* The loudest becomes 0 dB. */
#endif
static void model_set_decibels(float *y, int rows) {
    float loudest = -FLT_MAX;
    for (int i = 0; i < rows * MODEL_N_FRAMES; i++) {
        if (i % MODEL_N_FRAMES < MODEL_N_FILLED && y[i] > loudest) loudest = y[i];
    }
    for (int i = 0; i < rows * MODEL_N_FRAMES; i++) {
#if MODEL_LIMITED
        if (y[i] < loudest - MODEL_TOP_DB) y[i] = loudest - MODEL_TOP_DB;
#endif
#if MODEL_REFERENCED
        y[i] -= loudest;
#endif
    }
}

/* y[MODEL_N_ROWS, MODEL_N_FRAMES] from x[MODEL_N_BANDS, MODEL_N_FRAMES]: an orthonormal DCT-II.
 */
static void model_cepstrum(const float *x, float *y) {
    for (int i = 0; i < MODEL_N_ROWS; i++) {
        for (int t = 0; t < MODEL_N_FILLED; t++) {
            float sum = 0;
            for (int k = 0; k < MODEL_N_BANDS; k++) {
                sum += model_dct[i * MODEL_N_BANDS + k] * x[k * MODEL_N_FRAMES + t];
            }
            y[i * MODEL_N_FRAMES + t] = sum;
        }
    }
}

/* First or second derivative of x[n] over nine points, by A. Savitzky and M. Golay, 1964;
 * the ends are repeated. */
static void model_derive(const float *x, float *y, int n, int order) {
    for (int t = 0; t < n; t++) {
        double sum = 0;
        for (int k = -4; k <= 4; k++) {
            const double weight = order == 1 ? k / 60.0 : (9 * k * k - 60) / 1386.0;
            sum += weight * (double)x[t + k < 0 ? 0 : t + k >= n ? n - 1 : t + k];
        }
        y[t] = (float)sum;
    }
}
#endif

#if MODEL_NORM_CLIP
/* Mean 0 and standard deviation 1 over the whole clip. */
static void model_normalize(float *y) {
    const int rows = MODEL_N_PLANES * MODEL_N_ROWS;
    double sum = 0, squares = 0;
    for (int i = 0; i < rows * MODEL_N_FRAMES; i++) {
        if (i % MODEL_N_FRAMES >= MODEL_N_FILLED) continue;
        sum += (double)y[i];
        squares += (double)y[i] * (double)y[i];
    }
    const double count = (double)rows * MODEL_N_FILLED, mean = sum / count;
    const double variance = squares / count - mean * mean;
    const double deviation = sqrt(variance > 0 ? variance : 0);
    const int varies = deviation > 1e-6 * fabs(mean) && deviation > 1e-12;
    for (int i = 0; i < rows * MODEL_N_FRAMES; i++) {
        y[i] = (y[i] - (float)mean) / (varies ? (float)deviation : 1.0f);
    }
}
#else
/* As over the training data. */
static void model_normalize(float *y) {
    for (int i = 0; i < MODEL_N_PLANES * MODEL_N_ROWS; i++) {
        const int k = i % MODEL_N_NORM;
        for (int t = 0; t < MODEL_N_FRAMES; t++, y++) {
            *y = (*y - model_norm_offset[k]) / model_norm_scale[k];
        }
    }
}
#endif

/* y[MODEL_N_PLANES, MODEL_N_ROWS, MODEL_N_FRAMES] from work->clip. */
static void model_features(model_work *work, float *y) {
#if MODEL_FRAMED
    model_fill_tables(work);
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        for (int t = 0; t < MODEL_N_FILLED; t++) {
            const float *clip = work->clip + c * MODEL_SAMPLES;
            model_spectrum(work, clip, t * MODEL_HOP - MODEL_LEAD);
#if MODEL_CEPSTRUM
            model_column(work->power, work->decibels + c * MODEL_N_BANDS * MODEL_N_FRAMES + t);
#else
            model_column(work->power, y + c * MODEL_N_ROWS * MODEL_N_FRAMES + t);
#endif
        }
    }
#if MODEL_CEPSTRUM
#if MODEL_SETS_DECIBELS
    model_set_decibels(work->decibels, MODEL_CHANNELS * MODEL_N_BANDS);
#endif
    const int plane = MODEL_N_ROWS * MODEL_N_FRAMES;
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        float *z = y + c * (MODEL_N_PLANES / MODEL_CHANNELS) * plane;
        model_cepstrum(work->decibels + c * MODEL_N_BANDS * MODEL_N_FRAMES, z);
#if MODEL_DELTAS
        for (int k = 1; k < MODEL_N_PLANES / MODEL_CHANNELS; k++) {
            for (int i = 0; i < MODEL_N_ROWS; i++) {
                const int at = i * MODEL_N_FRAMES;
                model_derive(z + at, z + k * plane + at, MODEL_N_FILLED, k);
            }
        }
#endif
    }
#elif MODEL_SETS_DECIBELS
    model_set_decibels(y, MODEL_N_PLANES * MODEL_N_ROWS);
#endif
#else
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        memcpy(y + c * MODEL_N_FRAMES, work->clip + c * MODEL_SAMPLES,
                (size_t)MODEL_N_FILLED * sizeof *y);
    }
#endif
#if MODEL_NORMALIZED
    model_normalize(y);
#endif
#if MODEL_REST
    model_clear(y, MODEL_N_PLANES * MODEL_N_ROWS, MODEL_N_FRAMES, 1, MODEL_N_FILLED);
#endif
}

/* Frames of the network's input that n samples reach. */
static int model_valid_frames(int n) {
#if MODEL_MASKED
#if MODEL_FRAMED
    const int frames = 1 + (n - 1) / MODEL_HOP;
#else
    const int frames = n;
#endif
    return frames < MODEL_N_FILLED ? frames : MODEL_N_FILLED;
#else
    (void)n; /* the silence behind a sound counts as well */
    return MODEL_N_FRAMES;
#endif
}
