#if MODEL_INT8
/* ---- the network: images are [channels, f, t], sequences [t, features]. Weights are
 * integers; each row of them (one output's) has a scale. ---- */

typedef signed char model_weight;
#else
/* ---- the network: images are [channels, f, t], sequences [t, features] ---- */

typedef float model_weight;
#endif

/* The sum of w[i] x[i], as eight sums side by side that fit into vector registers. */
static float model_dot(const model_weight *w, const float *x, int n) {
    float part[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        for (int k = 0; k < 8; k++) part[k] += (float)w[i + k] * x[i + k];
    }
    for (; i < n; i++) part[0] += (float)w[i] * x[i];
    return ((part[0] + part[4]) + (part[1] + part[5])) +
           ((part[2] + part[6]) + (part[3] + part[7]));
}

/* y = W x + bias */
typedef struct {
    int in, out;
    const model_weight *weight; /* [out, in] */
#if MODEL_INT8
    const float *scale;
#endif
    const float *bias; /* [out], or NULL */
} model_matrix;

static void model_multiply_by(const model_matrix *m, const float *x, float *y) {
    for (int i = 0; i < m->out; i++) {
        const float bias = m->bias != NULL ? m->bias[i] : 0.0f;
#if MODEL_INT8
        y[i] = model_dot(m->weight + i * m->in, x, m->in) * m->scale[i] + bias;
#else
        y[i] = model_dot(m->weight + i * m->in, x, m->in) + bias;
#endif
    }
}

/* Valid frames after a window of `span` frames moved by `stride`, 1 to `most`. */
static int model_frames(int n, int span, int stride, int most) {
    const int frames = n < span ? 1 : (n - span) / stride + 1;
    return frames > most ? most : frames;
}

typedef struct {
    int channels, f, t;             /* of x */
    int out_channels, out_f, out_t; /* of y */
    int kernel_f, kernel_t, stride_f, stride_t, dilation_f, dilation_t;
    int pad_f, pad_t; /* zeros before x */
    int groups;
    const model_weight *weight; /* [out_channels, channels / groups, kernel_f, kernel_t] */
#if MODEL_INT8
    const float *scale;
#endif
    const float *bias; /* [out_channels], or NULL */
} model_convolution;

/* y[i] += w x[i * stride + shift] for those i from `begin` to end - 1 whose place lies within x[n_x].
 */
static void model_add_row(
        float w, const float *x, int n_x, int stride, int shift, float *y, int begin, int end) {
    const int first = shift < 0 ? (-shift + stride - 1) / stride : 0;
    const int last = n_x > shift ? (n_x - shift + stride - 1) / stride : 0;
    if (begin < first) begin = first;
    if (end > last) end = last;
    if (stride == 1) {
        for (int i = begin; i < end; i++) y[i] += w * x[i + shift];
    } else {
        for (int i = begin; i < end; i++) y[i] += w * x[i * stride + shift];
    }
}

/* The same for y[n] and a row of the kernel. Where three numbers of it lie within x, y is read and
 * written once for them. */
static void model_add_taps(
        const model_convolution *c, const model_weight *w, const float *x, float *y, int n) {
    const int step = c->dilation_t;
    int k = 0, at0 = -c->pad_t;
    for (; k + 3 <= c->kernel_t && c->stride_t == 1; k += 3, at0 += 3 * step) {
        const float w0 = (float)w[k], w1 = (float)w[k + 1], w2 = (float)w[k + 2];
        const int at1 = at0 + step, at2 = at1 + step;
        const int begin = model_smaller(at0 < 0 ? -at0 : 0, n);
        const int room = model_smaller(c->t - at2, n), end = room > begin ? room : begin;
        for (int i = begin; i < end; i++) {
            y[i] = y[i] + w0 * x[i + at0] + w1 * x[i + at1] + w2 * x[i + at2];
        }
        for (int j = 0; j < 3; j++) {
            if (begin > 0)
                model_add_row((float)w[k + j], x, c->t, 1, at0 + j * step, y, 0, begin);
            if (end < n) model_add_row((float)w[k + j], x, c->t, 1, at0 + j * step, y, end, n);
        }
    }
    for (; k < c->kernel_t; k++, at0 += step) {
        model_add_row((float)w[k], x, c->t, c->stride_t, at0, y, 0, n);
    }
}

/* One row y[out_t], of which n frames are valid: each number of the kernel moves over a
 * whole row of x at once. */
static void model_convolve_row(
        const model_convolution *c, const float *x, int channel, int row, float *y, int n) {
    const int group_in = c->channels / c->groups;
    const int first = channel / (c->out_channels / c->groups) * group_in;
    const model_weight *w = c->weight + channel * group_in * c->kernel_f * c->kernel_t;
    for (int t = 0; t < c->out_t; t++) y[t] = 0;
    for (int i = first; i < first + group_in; i++) {
        for (int k = 0; k < c->kernel_f; k++, w += c->kernel_t) {
            const int f = row * c->stride_f + k * c->dilation_f - c->pad_f;
            if (f < 0 || f >= c->f) continue;
            model_add_taps(c, w, x + (i * c->f + f) * c->t, y, n);
        }
    }
    const float bias = c->bias != NULL ? c->bias[channel] : 0.0f;
#if MODEL_INT8
    for (int t = 0; t < n; t++) y[t] = y[t] * c->scale[channel] + bias;
#else
    for (int t = 0; t < n; t++) y[t] += bias;
#endif
}

static void model_conv2d(const model_convolution *c, const float *x, float *y, int n) {
    for (int i = 0; i < c->out_channels; i++) {
        for (int f = 0; f < c->out_f; f++, y += c->out_t) model_convolve_row(c, x, i, f, y, n);
    }
}

/* Each of the first n of `rows` vectors; the others become zero. */
static void model_linear(const model_matrix *m, const float *x, float *y, int rows, int n) {
    for (int i = 0; i < n; i++) model_multiply_by(m, x + i * m->in, y + i * m->out);
    memset(y + n * m->out, 0, (size_t)((rows - n) * m->out) * sizeof *y);
}

/* Batch normalisation with known statistics: y = scale x + shift, for each channel of
 * [rows, channels, n]. */
static void model_scale(const float *x, float *y, int rows, int channels, int n,
        const float *scale, const float *shift) {
    for (int i = 0; i < rows * channels; i++) {
        const int c = i % channels;
        for (int k = 0; k < n; k++) y[i * n + k] = x[i * n + k] * scale[c] + shift[c];
    }
}

/* Mean 0 and standard deviation 1 for each of `rows` vectors of `width` numbers, then times
 * weight plus bias (or neither, if NULL). */
static void model_layer_norm(const float *x, float *y, int rows, int width, double eps,
        const float *weight, const float *bias) {
    for (int r = 0; r < rows; r++, x += width, y += width) {
        double sum = 0, squares = 0;
        for (int i = 0; i < width; i++) {
            sum += (double)x[i];
            squares += (double)x[i] * (double)x[i];
        }
        const double mean = sum / width, variance = squares / width - mean * mean;
        const double inverse = 1.0 / sqrt((variance > 0 ? variance : 0) + eps);
        for (int i = 0; i < width; i++) {
            y[i] = (float)(((double)x[i] - mean) * inverse);
            if (weight != NULL) y[i] = y[i] * weight[i] + bias[i];
        }
    }
}

static float model_logistic(float x) {
    return 1.0f / (1.0f + expf(-x));
}

/* Decision trees, their splits level by level, 0 at the root: one sends x left with the
 * probability sigmoid(x[unit]). y: logarithms of the classes' probabilities. */
typedef struct {
    int trees, depth, classes;
    const int *unit;     /* [trees, splits] */
    const float *leaves; /* [classes, trees, leaves], over the number of trees */
} model_trees;

/* reach[leaves] becomes the probability of arriving at each leaf. */
static void model_descend(const int *unit, const float *x, int leaves, float *reach) {
    reach[0] = 1;
    for (int n = 1; n < leaves; unit += n, n *= 2) {
        for (int i = n - 1; i >= 0; i--) {
            const float here = reach[i];
            reach[2 * i + 1] = here * model_logistic(-x[unit[i]]);
            reach[2 * i] = here * model_logistic(x[unit[i]]);
        }
    }
}

static void model_forest(const model_trees *f, const float *x, float *y, float *reach) {
    const int leaves = 1 << f->depth;
    for (int c = 0; c < f->classes; c++) y[c] = 1e-30f;
    for (int t = 0; t < f->trees; t++) {
        model_descend(f->unit + t * (leaves - 1), x, leaves, reach);
        for (int c = 0; c < f->classes; c++) {
            const float *leaf = f->leaves + (c * f->trees + t) * leaves;
            for (int i = 0; i < leaves; i++) y[c] += leaf[i] * reach[i];
        }
    }
    for (int c = 0; c < f->classes; c++) y[c] = logf(y[c]);
}

typedef struct {
    int channels, f, t; /* of x */
    int out_f, out_t;   /* of y */
    int kernel_f, kernel_t, stride_f, stride_t, pad_f, pad_t;
} model_pool;

/* The part of a window that lies within [0, n). */
static void model_window(int at, int kernel, int n, int *begin, int *end) {
    *begin = at < 0 ? 0 : at;
    *end = at + kernel > n ? n : at + kernel;
}

static float model_larger(float a, float b) {
    return b > a ? b : a;
}

/* One row of y, whose first n frames are valid, from the rows x[rows, t] that its windows cover, of
 * which the first n_x frames are. */
static void model_max_pool_row(
        const model_pool *p, const float *x, int rows, int n_x, float *y, int n) {
    for (int j = 0; j < n; j++) {
        int t0, t1;
        model_window(j * p->stride_t - p->pad_t, p->kernel_t, n_x, &t0, &t1);
        float best = -FLT_MAX;
        for (int f = 0; f < rows; f++) {
            for (int t = t0; t < t1; t++) best = model_larger(best, x[f * p->t + t]);
        }
        y[j] = rows > 0 && t0 < t1 ? best : 0;
    }
    for (int j = n; j < p->out_t; j++) y[j] = 0;
}

/* The same with means. */
static void model_avg_pool_row(
        const model_pool *p, const float *x, int rows, int n_x, float *y, int n) {
    for (int j = 0; j < n; j++) {
        int t0, t1;
        model_window(j * p->stride_t - p->pad_t, p->kernel_t, n_x, &t0, &t1);
        float sum = 0;
        for (int f = 0; f < rows; f++) {
            for (int t = t0; t < t1; t++) sum += x[f * p->t + t];
        }
        y[j] = sum / (float)(p->kernel_f * p->kernel_t);
    }
    for (int j = n; j < p->out_t; j++) y[j] = 0;
}

/* model_max_pool_row or model_avg_pool_row */
typedef void model_pool_row(
        const model_pool *p, const float *x, int rows, int n_x, float *y, int n);

/* y's first n frames, from x's first n_x. */
static void model_pool_image(
        const model_pool *p, model_pool_row *pool, const float *x, int n_x, float *y, int n) {
    for (int c = 0; c < p->channels; c++, x += p->f * p->t) {
        for (int i = 0; i < p->out_f; i++, y += p->out_t) {
            int f0, f1;
            model_window(i * p->stride_f - p->pad_f, p->kernel_f, p->f, &f0, &f1);
            pool(p, x + f0 * p->t, f1 - f0, n_x, y, n);
        }
    }
}

/* Rows y[rows, out_t] of one channel of a convolution, those that row `row` of a pool behind it
 * reads, of which n frames are valid; how many rows. */
static int model_convolve_window(const model_convolution *c, const model_pool *p,
        const float *x, int channel, int row, float *y, int n) {
    int f0, f1;
    model_window(row * p->stride_f - p->pad_f, p->kernel_f, p->f, &f0, &f1);
    for (int f = f0; f < f1; f++, y += c->out_t) model_convolve_row(c, x, channel, f, y, n);
    return f1 > f0 ? f1 - f0 : 0;
}

/* y[channels, out_f, out_t]: averages over windows that cover f and n frames of t. */
static void model_adaptive_pool(
        const float *x, float *y, int channels, int f, int t, int out_f, int out_t, int n) {
    for (int c = 0; c < channels; c++, x += f * t) {
        for (int i = 0; i < out_f * out_t; i++) {
            const int row = i / out_t, column = i % out_t;
            const int f0 = row * f / out_f, f1 = ((row + 1) * f + out_f - 1) / out_f;
            const int t0 = column * n / out_t;
            const int t1 = ((column + 1) * n + out_t - 1) / out_t;
            float sum = 0;
            for (int k = f0; k < f1; k++) {
                for (int l = t0; l < t1; l++) sum += x[k * t + l];
            }
            *y++ = sum / (float)((f1 - f0) * (t1 - t0));
        }
    }
}

/* One number per channel of [channels, f, t], from the first n frames. */
static void model_global_mean(const float *x, float *y, int channels, int f, int t, int n) {
    for (int c = 0; c < channels; c++) {
        float sum = 0;
        for (int i = 0; i < f; i++, x += t) {
            for (int k = 0; k < n; k++) sum += x[k];
        }
        y[c] = sum / (float)(f * n);
    }
}

/* One number per channel of [channels, f, t], from the first n frames. */
static void model_global_max(const float *x, float *y, int channels, int f, int t, int n) {
    for (int c = 0; c < channels; c++) {
        float best = -FLT_MAX;
        for (int i = 0; i < f; i++, x += t) {
            for (int k = 0; k < n; k++) best = model_larger(best, x[k]);
        }
        y[c] = best;
    }
}

/* y[features] from the first n frames of x[t, features]. */
static void model_time_mean(const float *x, float *y, int n, int features) {
    for (int i = 0; i < features; i++) {
        float sum = 0;
        for (int t = 0; t < n; t++) sum += x[t * features + i];
        y[i] = sum / (float)n;
    }
}

static void model_time_max(const float *x, float *y, int n, int features) {
    for (int i = 0; i < features; i++) {
        float best = x[i];
        for (int t = 1; t < n; t++) {
            if (x[t * features + i] > best) best = x[t * features + i];
        }
        y[i] = best;
    }
}

static void model_time_last(const float *x, float *y, int n, int features) {
    memcpy(y, x + (n - 1) * features, (size_t)features * sizeof *y);
}

/* A mean in which frame t has the weight softmax over t of w x_t + bias; work[n]. */
static void model_time_attention(const float *x, float *y, int n, int features, const float *w,
        float bias, float *work) {
    float top = -FLT_MAX, sum = 0;
    for (int t = 0; t < n; t++) {
        work[t] = bias;
        for (int i = 0; i < features; i++) work[t] += w[i] * x[t * features + i];
        if (work[t] > top) top = work[t];
    }
    for (int t = 0; t < n; t++) work[t] = expf(work[t] - top);
    for (int t = 0; t < n; t++) sum += work[t];
    for (int i = 0; i < features; i++) {
        y[i] = 0;
        for (int t = 0; t < n; t++) y[i] += work[t] / sum * x[t * features + i];
    }
}

/* Copies rows of `width` numbers to places `step` apart. */
static void model_copy_rows(const float *x, float *y, int rows, int width, int step) {
    for (int i = 0; i < rows; i++) {
        memcpy(y + i * step, x + i * width, (size_t)width * sizeof *y);
    }
}

/* y[n0, n1, n2], whose axes are s0, s1 and s2 apart in x. */
static void model_permute(
        const float *x, float *y, int n0, int s0, int n1, int s1, int n2, int s2) {
    for (int i = 0; i < n0; i++) {
        for (int j = 0; j < n1; j++) {
            for (int k = 0; k < n2; k++) *y++ = x[i * s0 + j * s1 + k * s2];
        }
    }
}

/* y[outer, inner]; b is [outer], each number of it for a whole row of a. */
static void model_add(const float *a, const float *b, float *y, int outer, int inner) {
    for (int i = 0; i < outer; i++) {
        for (int k = 0; k < inner; k++) y[i * inner + k] = a[i * inner + k] + b[i];
    }
}

/* y[outer, inner]; b is [outer], each number of it for a whole row of a. */
static void model_multiply(const float *a, const float *b, float *y, int outer, int inner) {
    for (int i = 0; i < outer; i++) {
        for (int k = 0; k < inner; k++) y[i * inner + k] = a[i * inner + k] * b[i];
    }
}
