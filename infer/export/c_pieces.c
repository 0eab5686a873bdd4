/* The C of each layer, but for the recurrent ones (export_c_recurrent.c). Condition 'q': weights
 * are integers with a scale per row, 'f': they are floats. Images are [channels, f, t], sequences
 * [t, features]; what lies past a sound's valid frames is zero before and after each call. */
#include "infer/export/c.h"

#define ACTIVATION(name, formula)                                                                  \
    " static void @_" name "(const float *x, float *y, int n) {\n"                                 \
    "     for (int i = 0; i < n; i++) y[i] = " formula ";\n"                                       \
    " }\n"

static const char weight[] =
    "f/* ---- the network: images are [channels, f, t], sequences [t, features] ---- */\n"
    "q/* ---- the network: images are [channels, f, t], sequences [t, features]. Weights are\n"
    "q * integers; each row of them (one output's) has a scale. ---- */\n"
    " \n"
    "ftypedef float @_weight;\n"
    "qtypedef signed char @_weight;\n";

static const char dot[] =
    " /* The sum of w[i] x[i], as eight sums side by side that fit into vector registers. */\n"
    " static float @_dot(const @_weight *w, const float *x, int n) {\n"
    "     float part[8] = {0, 0, 0, 0, 0, 0, 0, 0};\n"
    "     int i = 0;\n"
    "     for (; i + 8 <= n; i += 8) {\n"
    "         for (int k = 0; k < 8; k++) part[k] += (float)w[i + k] * x[i + k];\n"
    "     }\n"
    "     for (; i < n; i++) part[0] += (float)w[i] * x[i];\n"
    "     return ((part[0] + part[4]) + (part[1] + part[5])) +\n"
    "            ((part[2] + part[6]) + (part[3] + part[7]));\n"
    " }\n";

static const char matrix[] =
    " /* y = W x + bias */\n"
    " typedef struct {\n"
    "     int in, out;\n"
    "     const @_weight *weight; /* [out, in] */\n"
    "q    const float *scale;\n"
    "     const float *bias; /* [out], or NULL */\n"
    " } @_matrix;\n"
    " \n"
    " static void @_multiply_by(const @_matrix *m, const float *x, float *y) {\n"
    "     for (int i = 0; i < m->out; i++) {\n"
    "         const float bias = m->bias != NULL ? m->bias[i] : 0.0f;\n"
    "f        y[i] = @_dot(m->weight + i * m->in, x, m->in) + bias;\n"
    "q        y[i] = @_dot(m->weight + i * m->in, x, m->in) * m->scale[i] + bias;\n"
    "     }\n"
    " }\n";

static const char clear[] =
    " /* Zeroes what follows the first n frames of each row; a frame has `size` numbers. */\n"
    " static void @_clear(float *y, int rows, int frames, int size, int n) {\n"
    "     const size_t rest = (size_t)(frames - n) * (size_t)size * sizeof *y;\n"
    "     for (int i = 0; i < rows; i++) memset(y + (i * frames + n) * size, 0, rest);\n"
    " }\n";

static const char frames[] =
    " /* Valid frames after a window of `span` frames moved by `stride`, 1 to `most`. */\n"
    " static int @_frames(int n, int span, int stride, int most) {\n"
    "     const int frames = n < span ? 1 : (n - span) / stride + 1;\n"
    "     return frames > most ? most : frames;\n"
    " }\n";

static const char conv2d[] =
    " typedef struct {\n"
    "     int channels, f, t;         /* of x */\n"
    "     int out_channels, out_f, out_t; /* of y */\n"
    "     int kernel_f, kernel_t, stride_f, stride_t, dilation_f, dilation_t;\n"
    "     int pad_f, pad_t; /* zeros before x */\n"
    "     int groups;\n"
    "     const @_weight *weight; /* [out_channels, channels / groups, kernel_f, kernel_t] */\n"
    "q    const float *scale;\n"
    "     const float *bias; /* [out_channels], or NULL */\n"
    " } @_convolution;\n"
    " \n"
    " /* y[i] += w x[i * stride + shift] for those i < n whose place lies within x[n_x]. */\n"
    " static void @_add_row(float w, const float *x, int n_x, int stride, int shift, float *y,\n"
    "         int n) {\n"
    "     const int first = shift < 0 ? (-shift + stride - 1) / stride : 0;\n"
    "     int end = n_x > shift ? (n_x - shift + stride - 1) / stride : 0;\n"
    "     if (end > n) end = n;\n"
    "     if (stride == 1) {\n"
    "         for (int i = first; i < end; i++) y[i] += w * x[i + shift];\n"
    "     } else {\n"
    "         for (int i = first; i < end; i++) y[i] += w * x[i * stride + shift];\n"
    "     }\n"
    " }\n"
    " \n"
    " /* One row y[out_t], of which n frames are valid: each number of the kernel moves over a\n"
    "  * whole row of x at once. */\n"
    " static void @_convolve_row(const @_convolution *c, const float *x, int channel,\n"
    "         int row, float *y, int n) {\n"
    "     const int group_in = c->channels / c->groups;\n"
    "     const int first = channel / (c->out_channels / c->groups) * group_in;\n"
    "     const @_weight *w = c->weight + channel * group_in * c->kernel_f * c->kernel_t;\n"
    "     for (int t = 0; t < c->out_t; t++) y[t] = 0;\n"
    "     for (int i = first; i < first + group_in; i++) {\n"
    "         for (int k = 0; k < c->kernel_f; k++, w += c->kernel_t) {\n"
    "             const int f = row * c->stride_f + k * c->dilation_f - c->pad_f;\n"
    "             if (f < 0 || f >= c->f) continue;\n"
    "             for (int l = 0; l < c->kernel_t; l++) {\n"
    "                 @_add_row((float)w[l], x + (i * c->f + f) * c->t, c->t, c->stride_t,\n"
    "                         l * c->dilation_t - c->pad_t, y, n);\n"
    "             }\n"
    "         }\n"
    "     }\n"
    "     const float bias = c->bias != NULL ? c->bias[channel] : 0.0f;\n"
    "f    for (int t = 0; t < n; t++) y[t] += bias;\n"
    "q    for (int t = 0; t < n; t++) y[t] = y[t] * c->scale[channel] + bias;\n"
    " }\n"
    " \n"
    " static void @_conv2d(const @_convolution *c, const float *x, float *y, int n) {\n"
    "     for (int i = 0; i < c->out_channels; i++) {\n"
    "         for (int f = 0; f < c->out_f; f++, y += c->out_t) @_convolve_row(c, x, i, f, y, n);\n"
    "     }\n"
    " }\n";

static const char linear[] =
    " /* Each of the first n of `rows` vectors; the others become zero. */\n"
    " static void @_linear(const @_matrix *m, const float *x, float *y, int rows,\n"
    "         int n) {\n"
    "     for (int i = 0; i < n; i++) @_multiply_by(m, x + i * m->in, y + i * m->out);\n"
    "     memset(y + n * m->out, 0, (size_t)((rows - n) * m->out) * sizeof *y);\n"
    " }\n";

static const char scale[] =
    " /* Batch normalisation with known statistics: y = scale x + shift, for each channel of\n"
    "  * [rows, channels, n]. */\n"
    " static void @_scale(const float *x, float *y, int rows, int channels, int n,\n"
    "         const float *scale, const float *shift) {\n"
    "     for (int i = 0; i < rows * channels; i++) {\n"
    "         const int c = i % channels;\n"
    "         for (int k = 0; k < n; k++) y[i * n + k] = x[i * n + k] * scale[c] + shift[c];\n"
    "     }\n"
    " }\n";

static const char layer_norm[] =
    " /* Mean 0 and deviation 1 for each of `rows` vectors of n numbers, then times weight plus\n"
    "  * bias (or neither, if NULL). */\n"
    " static void @_layer_norm(const float *x, float *y, int rows, int n, double eps,\n"
    "         const float *weight, const float *bias) {\n"
    "     for (int r = 0; r < rows; r++, x += n, y += n) {\n"
    "         double sum = 0, squares = 0;\n"
    "         for (int i = 0; i < n; i++) {\n"
    "             sum += (double)x[i];\n"
    "             squares += (double)x[i] * (double)x[i];\n"
    "         }\n"
    "         const double mean = sum / n, variance = squares / n - mean * mean;\n"
    "         const double inverse = 1.0 / sqrt((variance > 0 ? variance : 0) + eps);\n"
    "         for (int i = 0; i < n; i++) {\n"
    "             y[i] = (float)(((double)x[i] - mean) * inverse);\n"
    "             if (weight != NULL) y[i] = y[i] * weight[i] + bias[i];\n"
    "         }\n"
    "     }\n"
    " }\n";

static const char leaky_relu[] =
    " static void @_leaky_relu(const float *x, float *y, int n, float slope) {\n"
    "     for (int i = 0; i < n; i++) y[i] = x[i] < 0 ? slope * x[i] : x[i];\n"
    " }\n";

static const char sigmoid_of[] = " static float @_sigmoid_of(float x) {\n"
                                 "     return 1.0f / (1.0f + expf(-x));\n"
                                 " }\n";

static const char forest[] =
    " /* Decision trees, their splits level by level, 0 at the root: one sends x left with the\n"
    "  * probability sigmoid(x[unit]). y: logarithms of the classes' probabilities. */\n"
    " typedef struct {\n"
    "     int trees, depth, classes;\n"
    "     const int *unit;     /* [trees, splits] */\n"
    "     const float *leaves; /* [classes, trees, leaves], over the number of trees */\n"
    " } @_trees;\n"
    " \n"
    " /* reach[leaves] becomes the probability of arriving at each leaf. */\n"
    " static void @_descend(const int *unit, const float *x, int leaves, float *reach) {\n"
    "     reach[0] = 1;\n"
    "     for (int n = 1; n < leaves; unit += n, n *= 2) {\n"
    "         for (int i = n - 1; i >= 0; i--) {\n"
    "             const float here = reach[i];\n"
    "             reach[2 * i + 1] = here * @_sigmoid_of(-x[unit[i]]);\n"
    "             reach[2 * i] = here * @_sigmoid_of(x[unit[i]]);\n"
    "         }\n"
    "     }\n"
    " }\n"
    " \n"
    " static void @_forest(const @_trees *f, const float *x, float *y, float *reach) {\n"
    "     const int leaves = 1 << f->depth;\n"
    "     for (int c = 0; c < f->classes; c++) y[c] = 1e-30f;\n"
    "     for (int t = 0; t < f->trees; t++) {\n"
    "         @_descend(f->unit + t * (leaves - 1), x, leaves, reach);\n"
    "         for (int c = 0; c < f->classes; c++) {\n"
    "             const float *leaf = f->leaves + (c * f->trees + t) * leaves;\n"
    "             for (int i = 0; i < leaves; i++) y[c] += leaf[i] * reach[i];\n"
    "         }\n"
    "     }\n"
    "     for (int c = 0; c < f->classes; c++) y[c] = logf(y[c]);\n"
    " }\n";

static const char gelu[] = " /* x Phi(x), Phi the normal distribution */\n" ACTIVATION(
    "gelu", "0.5f * x[i] * (1.0f + erff(x[i] * 0.707106781f))");

static const char gelu_tanh[] =
    " /* D. Hendrycks and K. Gimpel, 2016: 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) */\n"
    " static void @_gelu_tanh(const float *x, float *y, int n) {\n"
    "     for (int i = 0; i < n; i++) {\n"
    "         const float a = 0.797884561f * x[i] * (1.0f + 0.044715f * x[i] * x[i]);\n"
    "         y[i] = 0.5f * x[i] * (1.0f + tanhf(a));\n"
    "     }\n"
    " }\n";

static const char pool[] =
    " typedef struct {\n"
    "     int channels, f, t; /* of x */\n"
    "     int out_f, out_t;   /* of y */\n"
    "     int kernel_f, kernel_t, stride_f, stride_t, pad_f, pad_t;\n"
    " } @_pool;\n"
    " \n"
    " /* The part of a window that lies within [0, n). */\n"
    " static void @_window(int at, int kernel, int n, int *begin, int *end) {\n"
    "     *begin = at < 0 ? 0 : at;\n"
    "     *end = at + kernel > n ? n : at + kernel;\n"
    " }\n";

/* The loop over windows, around what is done in one. */
#define POOL(name, start, step, result)                                                            \
    " /* y's first n frames, from x's first n_x. */\n"                                             \
    " static void @_" name "(const @_pool *p, const float *x, int n_x, float *y, int n) {\n"       \
    "     for (int c = 0; c < p->channels; c++, x += p->f * p->t) {\n"                             \
    "         for (int i = 0; i < p->out_f; i++, y += p->out_t) {\n"                               \
    "             int f0, f1, t0, t1;\n"                                                           \
    "             @_window(i * p->stride_f - p->pad_f, p->kernel_f, p->f, &f0, &f1);\n"            \
    "             for (int j = 0; j < n; j++) {\n"                                                 \
    "                 @_window(j * p->stride_t - p->pad_t, p->kernel_t, n_x, &t0, &t1);\n"         \
    "                 float " start ";\n"                                                          \
    "                 for (int f = f0; f < f1; f++) {\n"                                           \
    "                     for (int t = t0; t < t1; t++) " step ";\n"                               \
    "                 }\n"                                                                         \
    "                 y[j] = " result ";\n"                                                        \
    "             }\n"                                                                             \
    "             for (int j = n; j < p->out_t; j++) y[j] = 0;\n"                                  \
    "         }\n"                                                                                 \
    "     }\n"                                                                                     \
    " }\n"

static const char larger[] = " static float @_larger(float a, float b) {\n"
                             "     return b > a ? b : a;\n"
                             " }\n";

static const char max_pool[] =
    POOL("max_pool", "best = -FLT_MAX", "best = @_larger(best, x[f * p->t + t])",
         "f0 < f1 && t0 < t1 ? best : 0");
static const char avg_pool[] = POOL("avg_pool", "sum = 0", "sum += x[f * p->t + t]",
                                    "sum / (float)(p->kernel_f * p->kernel_t)");

static const char adaptive_pool[] =
    " /* y[channels, out_f, out_t]: averages over windows that cover f and n frames of t. */\n"
    " static void @_adaptive_pool(const float *x, float *y, int channels, int f, int t,\n"
    "         int out_f, int out_t, int n) {\n"
    "     for (int c = 0; c < channels; c++, x += f * t) {\n"
    "         for (int i = 0; i < out_f * out_t; i++) {\n"
    "             const int row = i / out_t, column = i % out_t;\n"
    "             const int f0 = row * f / out_f, f1 = ((row + 1) * f + out_f - 1) / out_f;\n"
    "             const int t0 = column * n / out_t;\n"
    "             const int t1 = ((column + 1) * n + out_t - 1) / out_t;\n"
    "             float sum = 0;\n"
    "             for (int k = f0; k < f1; k++) {\n"
    "                 for (int l = t0; l < t1; l++) sum += x[k * t + l];\n"
    "             }\n"
    "             *y++ = sum / (float)((f1 - f0) * (t1 - t0));\n"
    "         }\n"
    "     }\n"
    " }\n";

#define GLOBAL(name, start, step, result)                                                          \
    " /* One number per channel of [channels, f, t], from the first n frames. */\n"                \
    " static void @_" name "(const float *x, float *y, int channels, int f, int t, int n) {\n"     \
    "     for (int c = 0; c < channels; c++) {\n"                                                  \
    "         float " start ";\n"                                                                  \
    "         for (int i = 0; i < f; i++, x += t) {\n"                                             \
    "             for (int k = 0; k < n; k++) " step ";\n"                                         \
    "         }\n"                                                                                 \
    "         y[c] = " result ";\n"                                                                \
    "     }\n"                                                                                     \
    " }\n"

static const char global_mean[] =
    GLOBAL("global_mean", "sum = 0", "sum += x[k]", "sum / (float)(f * n)");
static const char global_max[] =
    GLOBAL("global_max", "best = -FLT_MAX", "best = @_larger(best, x[k])", "best");

static const char time_mean[] =
    " /* y[features] from the first n frames of x[t, features]. */\n"
    " static void @_time_mean(const float *x, float *y, int n, int features) {\n"
    "     for (int i = 0; i < features; i++) {\n"
    "         float sum = 0;\n"
    "         for (int t = 0; t < n; t++) sum += x[t * features + i];\n"
    "         y[i] = sum / (float)n;\n"
    "     }\n"
    " }\n";

static const char time_max[] =
    " static void @_time_max(const float *x, float *y, int n, int features) {\n"
    "     for (int i = 0; i < features; i++) {\n"
    "         float best = x[i];\n"
    "         for (int t = 1; t < n; t++) {\n"
    "             if (x[t * features + i] > best) best = x[t * features + i];\n"
    "         }\n"
    "         y[i] = best;\n"
    "     }\n"
    " }\n";

static const char time_last[] =
    " static void @_time_last(const float *x, float *y, int n, int features) {\n"
    "     memcpy(y, x + (n - 1) * features, (size_t)features * sizeof *y);\n"
    " }\n";

static const char time_attention[] =
    " /* A mean in which frame t has the weight softmax over t of w x_t + bias; work[n]. */\n"
    " static void @_time_attention(const float *x, float *y, int n, int features, const float *w,\n"
    "         float bias, float *work) {\n"
    "     float top = -FLT_MAX, sum = 0;\n"
    "     for (int t = 0; t < n; t++) {\n"
    "         work[t] = bias;\n"
    "         for (int i = 0; i < features; i++) work[t] += w[i] * x[t * features + i];\n"
    "         if (work[t] > top) top = work[t];\n"
    "     }\n"
    "     for (int t = 0; t < n; t++) work[t] = expf(work[t] - top);\n"
    "     for (int t = 0; t < n; t++) sum += work[t];\n"
    "     for (int i = 0; i < features; i++) {\n"
    "         y[i] = 0;\n"
    "         for (int t = 0; t < n; t++) y[i] += work[t] / sum * x[t * features + i];\n"
    "     }\n"
    " }\n";

static const char copy[] =
    " /* Copies rows of `width` numbers to places `step` apart. */\n"
    " static void @_copy_rows(const float *x, float *y, int rows, int width, int step) {\n"
    "     for (int i = 0; i < rows; i++) {\n"
    "         memcpy(y + i * step, x + i * width, (size_t)width * sizeof *y);\n"
    "     }\n"
    " }\n";

static const char permute[] =
    " /* y[n0, n1, n2], whose axes are s0, s1 and s2 apart in x. */\n"
    " static void @_permute(const float *x, float *y, int n0, int s0, int n1, int s1, int n2,\n"
    "         int s2) {\n"
    "     for (int i = 0; i < n0; i++) {\n"
    "         for (int j = 0; j < n1; j++) {\n"
    "             for (int k = 0; k < n2; k++) *y++ = x[i * s0 + j * s1 + k * s2];\n"
    "         }\n"
    "     }\n"
    " }\n";

#define COMBINE(name, operator)                                                                    \
    " /* y[outer, inner]; b is [outer], each number of it for a whole row of a. */\n"              \
    " static void @_" name "(const float *a, const float *b, float *y, int outer, int inner) {\n"  \
    "     for (int i = 0; i < outer; i++) {\n"                                                     \
    "         for (int k = 0; k < inner; k++) {\n"                                                 \
    "             y[i * inner + k] = a[i * inner + k] "                                            \
    operator" b[i];\n"                                                                             \
            "         }\n"                                                                         \
            "     }\n"                                                                             \
            " }\n"

static const char softmax[] = " static void @_softmax(float *x, int n) {\n"
                              "     float top = x[0], sum = 0;\n"
                              "     for (int i = 1; i < n; i++) top = x[i] > top ? x[i] : top;\n"
                              "     for (int i = 0; i < n; i++) x[i] = expf(x[i] - top);\n"
                              "     for (int i = 0; i < n; i++) sum += x[i];\n"
                              "     for (int i = 0; i < n; i++) x[i] /= sum;\n"
                              " }\n";

static const char sigmoids[] =
    " static void @_sigmoids(float *x, int n) {\n"
    "     for (int i = 0; i < n; i++) x[i] = 1.0f / (1.0f + expf(-x[i]));\n"
    " }\n";

const export_c_piece_text export_c_pieces[EXPORT_C_N_PIECES] = {
    [EXPORT_C_WEIGHT] = {weight, {0}},
    [EXPORT_C_DOT] = {dot, {0}},
    [EXPORT_C_MATRIX] = {matrix, {EXPORT_C_DOT}},
    [EXPORT_C_CLEAR] = {clear, {0}},
    [EXPORT_C_FRAMES] = {frames, {0}},
    [EXPORT_C_CONV2D] = {conv2d, {0}},
    [EXPORT_C_LINEAR] = {linear, {EXPORT_C_MATRIX}},
    [EXPORT_C_SCALE] = {scale, {0}},
    [EXPORT_C_LAYER_NORM] = {layer_norm, {0}},
    [EXPORT_C_RELU] = {ACTIVATION("relu", "x[i] < 0 ? 0 : x[i]"), {0}},
    [EXPORT_C_LEAKY_RELU] = {leaky_relu, {0}},
    [EXPORT_C_SIGMOID_OF] = {sigmoid_of, {0}},
    [EXPORT_C_FOREST] = {forest, {EXPORT_C_SIGMOID_OF}},
    [EXPORT_C_GELU] = {gelu, {0}},
    [EXPORT_C_GELU_TANH] = {gelu_tanh, {0}},
    [EXPORT_C_SILU] = {ACTIVATION("silu", "x[i] * @_sigmoid_of(x[i])"), {EXPORT_C_SIGMOID_OF}},
    [EXPORT_C_SIGMOID] = {ACTIVATION("sigmoid", "@_sigmoid_of(x[i])"), {EXPORT_C_SIGMOID_OF}},
    [EXPORT_C_TANH] = {ACTIVATION("tanh", "tanhf(x[i])"), {0}},
    [EXPORT_C_POOL] = {pool, {0}},
    [EXPORT_C_LARGER] = {larger, {0}},
    [EXPORT_C_MAX_POOL] = {max_pool, {EXPORT_C_POOL, EXPORT_C_LARGER}},
    [EXPORT_C_AVG_POOL] = {avg_pool, {EXPORT_C_POOL}},
    [EXPORT_C_ADAPTIVE_POOL] = {adaptive_pool, {0}},
    [EXPORT_C_GLOBAL_MEAN] = {global_mean, {0}},
    [EXPORT_C_GLOBAL_MAX] = {global_max, {EXPORT_C_LARGER}},
    [EXPORT_C_RECURRENT] = {export_c_recurrent, {EXPORT_C_MATRIX}},
    [EXPORT_C_GRU] = {export_c_gru, {EXPORT_C_RECURRENT, EXPORT_C_SIGMOID_OF}},
    [EXPORT_C_LSTM] = {export_c_lstm, {EXPORT_C_RECURRENT, EXPORT_C_SIGMOID_OF}},
    [EXPORT_C_RNN_TANH] = {export_c_rnn_tanh, {EXPORT_C_RECURRENT}},
    [EXPORT_C_RNN_RELU] = {export_c_rnn_relu, {EXPORT_C_RECURRENT}},
    [EXPORT_C_TIME_MEAN] = {time_mean, {0}},
    [EXPORT_C_TIME_MAX] = {time_max, {0}},
    [EXPORT_C_TIME_LAST] = {time_last, {0}},
    [EXPORT_C_TIME_ATTENTION] = {time_attention, {0}},
    [EXPORT_C_COPY] = {copy, {0}},
    [EXPORT_C_PERMUTE] = {permute, {0}},
    [EXPORT_C_ADD] = {COMBINE("add", "+"), {0}},
    [EXPORT_C_MULTIPLY] = {COMBINE("multiply", "*"), {0}},
    [EXPORT_C_SOFTMAX] = {softmax, {0}},
    [EXPORT_C_SIGMOIDS] = {sigmoids, {0}},
};
