/* The C of the recurrent layers; conditions as in export_c_pieces.c. */
#include "infer/export/c.h"

const char export_c_recurrent[] =
    " /* One direction of one recurrent layer. */\n"
    " typedef struct {\n"
    "     int frames, hidden, reverse;\n"
    "     @_matrix from_input, from_state; /* [gates * hidden, ...], in PyTorch's order */\n"
    " } @_recurrence;\n"
    " \n"
    " /* How the state h becomes the next one, given the products of input and state. */\n"
    " typedef void @_cell(int hidden, const float *in, const float *state, float *h);\n"
    " \n"
    " /* The state after frame t goes to y + t * step: with step 0 only the last one remains. n\n"
    "  * frames are valid; the reverse direction starts at the last of them. */\n"
    " static void @_recur(const @_recurrence *r, @_cell *cell, const float *x, float *y, int "
    "step,\n"
    "                     int n, float *work) {\n"
    "     const int hidden = r->hidden, products = r->from_input.out;\n"
    "     float *in = work, *state = in + products, *h = state + products;\n"
    "     memset(h, 0, 2 * (size_t)hidden * sizeof *h); /* an LSTM's c follows h */\n"
    "     for (int i = 0; i < n; i++) {\n"
    "         const int t = r->reverse ? n - 1 - i : i;\n"
    "         @_multiply_by(&r->from_input, x + t * r->from_input.in, in);\n"
    "         @_multiply_by(&r->from_state, h, state);\n"
    "         cell(hidden, in, state, h);\n"
    "         memcpy(y + t * step, h, (size_t)hidden * sizeof *h);\n"
    "     }\n"
    "     for (int t = n; t < r->frames && step > 0; t++) {\n"
    "         memset(y + t * step, 0, (size_t)hidden * sizeof *y);\n"
    "     }\n"
    " }\n";

const char export_c_gru[] =
    " /* r, z = sigmoid, n = tanh(W x + b + r (W_h h + b_h)); h' = (1 - z) n + z h */\n"
    " static void @_gru(int hidden, const float *in, const float *state, float *h) {\n"
    "     for (int i = 0; i < hidden; i++) {\n"
    "         const int z_at = hidden + i, n_at = 2 * hidden + i;\n"
    "         const float r = @_sigmoid_of(in[i] + state[i]);\n"
    "         const float z = @_sigmoid_of(in[z_at] + state[z_at]);\n"
    "         const float candidate = tanhf(in[n_at] + r * state[n_at]);\n"
    "         h[i] = candidate + z * (h[i] - candidate);\n"
    "     }\n"
    " }\n";

const char export_c_lstm[] =
    " /* i, f, o = sigmoid, g = tanh; c' = f c + i g, h' = o tanh(c') */\n"
    " static void @_lstm(int hidden, const float *in, const float *state, float *h) {\n"
    "     float *c = h + hidden;\n"
    "     for (int i = 0; i < hidden; i++) {\n"
    "         const int f_at = hidden + i, g_at = 2 * hidden + i, o_at = 3 * hidden + i;\n"
    "         const float let_in = @_sigmoid_of(in[i] + state[i]);\n"
    "         const float keep = @_sigmoid_of(in[f_at] + state[f_at]);\n"
    "         const float g = tanhf(in[g_at] + state[g_at]);\n"
    "         const float out = @_sigmoid_of(in[o_at] + state[o_at]);\n"
    "         c[i] = keep * c[i] + let_in * g;\n"
    "         h[i] = out * tanhf(c[i]);\n"
    "     }\n"
    " }\n";

const char export_c_rnn_tanh[] =
    " static void @_rnn_tanh(int hidden, const float *in, const float *state, float *h) {\n"
    "     for (int i = 0; i < hidden; i++) h[i] = tanhf(in[i] + state[i]);\n"
    " }\n";

const char export_c_rnn_relu[] =
    " static void @_rnn_relu(int hidden, const float *in, const float *state, float *h) {\n"
    "     for (int i = 0; i < hidden; i++) {\n"
    "         const float sum = in[i] + state[i];\n"
    "         h[i] = sum < 0 ? 0 : sum;\n"
    "     }\n"
    " }\n";
