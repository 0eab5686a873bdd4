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

/* cos(2 pi at / MODEL_WAVE) for 0 <= at < MODEL_WAVE, from its first quarter. */
static model_real model_cosine(int at) {
    const int half = MODEL_WAVE / 2;
    if (at > half) at = MODEL_WAVE - at;
    return at <= half / 2 ? model_wave[at] : -model_wave[half - at];
}

/* exp(-2 pi i k / MODEL_N_FFT) for 0 <= k < MODEL_N_FFT */
static model_complex model_root(int k) {
    const int at = k * (MODEL_WAVE / MODEL_N_FFT), quarter = MODEL_WAVE / 4;
    model_complex root;
    root.re = model_cosine(at);
    root.im =
            model_cosine(at < MODEL_WAVE - quarter ? at + quarter : at + quarter - MODEL_WAVE);
    return root;
}

/* Transforms of `factor` numbers each that are in_step apart, of `stride` such sets side by side;
 * result k is turned by root k turn. */
static void model_short_fourier(const model_complex *in, int in_step, model_complex *out,
        int stride, int factor, int turn) {
    for (int k = 0; k < factor; k++, out += stride) {
        const model_complex root = model_root(k * turn);
        for (int j = 0; j < stride; j++) {
            model_complex sum = in[j];
            for (int i = 1; i < factor; i++) {
                const int at = i * k % factor * (MODEL_N_FFT / factor);
                const model_complex part = model_times(in[i * in_step + j], model_root(at));
                sum.re += part.re;
                sum.im += part.im;
            }
            out[j] = model_times(sum, root);
        }
    }
}

/* The same for factor 4, whose roots are 1, -i, -1 and i. */
static void model_fourier_of_4(
        const model_complex *in, int in_step, model_complex *out, int stride, int turn) {
    const model_complex once = model_root(turn), twice = model_root(2 * turn),
                        thrice = model_root(3 * turn);
    for (int j = 0; j < stride; j++, in++, out++) {
        const model_complex a = in[0], b = in[in_step], c = in[2 * in_step],
                            d = in[3 * in_step];
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
        out[stride] = model_times(first, once);
        out[2 * stride] = model_times(even, twice);
        out[3 * stride] = model_times(third, thrice);
    }
}

/* The discrete Fourier transform of x[MODEL_N_FOURIER], returned in x or in y. T. Stockham's
 * method: each pass takes a factor out of the length and leaves its results in order, so
 * that nothing has to be shuffled. */
static model_complex *model_fourier(model_complex *x, model_complex *y) {
    int stride = 1;
    for (int length = MODEL_N_FOURIER; length > 1;) {
        int factor = length % 4 == 0 ? 4 : 2;
        while (length % factor != 0) factor++;
        length /= factor;
        for (int j = 0; j < length; j++) {
            const int turn = j * stride * (MODEL_N_FFT / MODEL_N_FOURIER);
            const model_complex *in = x + j * stride;
            model_complex *out = y + j * stride * factor;
            if (factor == 4) {
                model_fourier_of_4(in, stride * length, out, stride, turn);
            } else {
                model_short_fourier(in, stride * length, out, stride, factor, turn);
            }
        }
        model_complex *swap = x;
        x = y;
        y = swap;
        stride *= factor;
    }
    return x;
}

/* A channel of a clip as it passes by. */
typedef struct {
    model_clip *clip;
    int channel;
    int end;       /* samples that went by */
    float *recent; /* [MODEL_N_FFT], the last of them */
} model_stream;

/* Goes on to sample `end`. */
static void model_advance(model_stream *s, int end) {
    const int jump = end - s->end - MODEL_N_FFT;
    if (jump > 0) s->end += jump;
    const int n = end - s->end, kept = MODEL_N_FFT - n;
    memmove(s->recent, s->recent + n, (size_t)kept * sizeof *s->recent);
    for (int i = 0; i < n; i += MODEL_BLOCK) {
        model_read_clip(s->clip, s->channel, s->end + i, model_smaller(MODEL_BLOCK, n - i),
                s->recent + kept + i);
    }
    s->end = end;
}

#if MODEL_MIRRORED
/* Sample i of a clip that is mirrored at both ends. */
#elif MODEL_SILENT_AROUND
/* Sample i of a clip with silence around it. */
#else
/* Sample i of a clip. */
#endif
static float model_sample(const model_stream *s, int i) {
    const float *clip = s->recent + MODEL_N_FFT - s->end;
#if MODEL_MIRRORED
    const int period = 2 * (MODEL_SAMPLES - 1);
    if (i >= 0 && i < MODEL_SAMPLES) return clip[i];
    i %= period;
    if (i < 0) i += period;
    return clip[i < MODEL_SAMPLES ? i : period - i];
#elif MODEL_SILENT_AROUND
    return i < 0 || i >= MODEL_SAMPLES ? 0 : clip[i];
#else
    return clip[i];
#endif
}

/* All that the frame from sample `start` on reads, mirrored or not, has gone by. */
static void model_reach(model_stream *s, int start) {
    int end = start + MODEL_N_FFT;
    if (end < 1 - start) end = 1 - start;
    end = model_smaller(end, MODEL_SAMPLES);
    if (end > s->end) model_advance(s, end);
}

/* Sample i of the frame that starts at sample `start`, times the window. */
static model_real model_windowed(const model_stream *s, int start, int i) {
#if MODEL_WINDOWED
    const model_real factor = model_fft_window[i];
#else
    const model_real wave = model_cosine(i * (MODEL_WAVE / MODEL_N_FFT));
    const model_real factor =
            (model_real)MODEL_WINDOW_MEAN - (model_real)MODEL_WINDOW_WAVE * wave;
#endif
    return factor * (model_real)model_sample(s, start + i);
}

#if MODEL_EVEN_FFT
/* power[MODEL_N_FFT / 2 + 1] of the frame that starts at sample `start`. Even and odd samples go through one
 * transform of half the length, as real and imaginary parts, and are told apart after it by
 * their symmetry. */
static void model_spectrum(model_work *work, model_stream *s, int start, float *power) {
    const int half = MODEL_N_FFT / 2;
    model_reach(s, start);
    for (int i = 0; i < half; i++) {
        work->frame[i].re = model_windowed(s, start, 2 * i);
        work->frame[i].im = model_windowed(s, start, 2 * i + 1);
    }
    const model_complex *z = model_fourier(work->frame, work->spare);
    for (int k = 0; k <= half; k++) {
        const model_complex a = z[k % half], b = z[(half - k) % half];
        model_complex even, odd;
        even.re = (a.re + b.re) / 2;
        even.im = (a.im - b.im) / 2;
        odd.re = (a.im + b.im) / 2;
        odd.im = (b.re - a.re) / 2;
        odd = model_times(odd, model_root(k));
        const float re = (float)(even.re + odd.re), im = (float)(even.im + odd.im);
        power[k] = re * re + im * im;
    }
}
#else
/* power[MODEL_N_FFT / 2 + 1] of the frame that starts at sample `start`. */
static void model_spectrum(model_work *work, model_stream *s, int start, float *power) {
    model_reach(s, start);
    for (int i = 0; i < MODEL_N_FFT; i++) {
        work->frame[i].re = model_windowed(s, start, i);
        work->frame[i].im = 0;
    }
    const model_complex *z = model_fourier(work->frame, work->spare);
    for (int k = 0; k <= MODEL_N_FFT / 2; k++) {
        const float re = (float)z[k].re, im = (float)z[k].im;
        power[k] = re * re + im * im;
    }
}
#endif

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
        float sum = 0;
        for (int k = -4; k <= 4; k++) {
            const float weight =
                    order == 1 ? (float)k / 60.0f : (float)(9 * k * k - 60) / 1386.0f;
            sum += weight * x[t + k < 0 ? 0 : t + k >= n ? n - 1 : t + k];
        }
        y[t] = sum;
    }
}
#endif

#if MODEL_NORM_CLIP
/* Mean 0 and standard deviation 1 over the whole clip; sums of thousands of numbers, in double. */
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

#if MODEL_FRAMED
/* Whether all that the frame from sample `start` on reads lies behind the sound. */
static int model_is_silent(const model_clip *clip, int start) {
#if MODEL_MIRRORED
    const int last = start + MODEL_N_FFT - 1;
    if (2 * (MODEL_SAMPLES - 1) - last < clip->n) return 0;
#endif
    return start >= clip->n;
}

/* One column of y[MODEL_CHANNELS, MODEL_N_BANDS, MODEL_N_FRAMES], whose channels are y_step
 * apart, after the other. */
static void model_columns(model_work *work, model_clip *clip, float *y, int y_step) {
    float *front = work->values + MODEL_FRONT;
    model_stream s;
    s.clip = clip;
    s.recent = front + 2 * MODEL_BLOCK;
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        s.channel = c;
        s.end = 0;
        for (int t = 0; t < MODEL_N_FILLED; t++) {
            const int start = t * MODEL_HOP - MODEL_LEAD;
            float *power = s.recent + MODEL_N_FFT;
            if (model_is_silent(clip, start)) {
                memset(power, 0, (MODEL_N_FFT / 2 + 1) * sizeof *power);
            } else {
                model_spectrum(work, &s, start, power);
            }
            model_column(power, y + c * y_step + t);
        }
    }
}
#endif

/* y[MODEL_N_PLANES, MODEL_N_ROWS, MODEL_N_FRAMES] from a clip. */
static void model_features(model_work *work, model_clip *clip, float *y) {
#if MODEL_FRAMED
#if MODEL_CEPSTRUM
    const int plane = MODEL_N_ROWS * MODEL_N_FRAMES,
              decibels_plane = MODEL_N_BANDS * MODEL_N_FRAMES;
    float *decibels = work->values + MODEL_DECIBELS_AT;
    model_columns(work, clip, decibels, decibels_plane);
#if MODEL_SETS_DECIBELS
    model_set_decibels(decibels, MODEL_CHANNELS * MODEL_N_BANDS);
#endif
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        float *z = y + c * (MODEL_N_PLANES / MODEL_CHANNELS) * plane;
        model_cepstrum(decibels + c * decibels_plane, z);
#if MODEL_DELTAS
        for (int k = 1; k < MODEL_N_PLANES / MODEL_CHANNELS; k++) {
            for (int i = 0; i < MODEL_N_ROWS; i++) {
                const int at = i * MODEL_N_FRAMES;
                model_derive(z + at, z + k * plane + at, MODEL_N_FILLED, k);
            }
        }
#endif
    }
#else
    model_columns(work, clip, y, MODEL_N_ROWS * MODEL_N_FRAMES);
#if MODEL_SETS_DECIBELS
    model_set_decibels(y, MODEL_N_PLANES * MODEL_N_ROWS);
#endif
#endif
#else
    (void)work;
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        for (int t = 0; t < MODEL_N_FILLED; t += MODEL_BLOCK) {
            const int n = model_smaller(MODEL_BLOCK, MODEL_N_FILLED - t);
            model_read_clip(clip, c, t, n, y + c * MODEL_N_FRAMES + t);
        }
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
