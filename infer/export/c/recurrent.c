/* One direction of one recurrent layer. */
typedef struct {
    int frames, hidden, reverse;
    model_matrix from_input, from_state; /* [gates * hidden, ...], in PyTorch's order */
} model_recurrence;

/* How the state h becomes the next one, given the products of input and state. */
typedef void model_cell(int hidden, const float *in, const float *state, float *h);

/* The state after frame t goes to y + t * step: with step 0 only the last one remains. n
 * frames are valid; the reverse direction starts at the last of them. */
static void model_recur(const model_recurrence *r, model_cell *cell, const float *x, float *y,
        int step, int n, float *work) {
    const int hidden = r->hidden, products = r->from_input.out;
    float *in = work, *state = in + products, *h = state + products;
    memset(h, 0, 2 * (size_t)hidden * sizeof *h); /* an LSTM's c follows h */
    for (int i = 0; i < n; i++) {
        const int t = r->reverse ? n - 1 - i : i;
        model_multiply_by(&r->from_input, x + t * r->from_input.in, in);
        model_multiply_by(&r->from_state, h, state);
        cell(hidden, in, state, h);
        memcpy(y + t * step, h, (size_t)hidden * sizeof *h);
    }
    for (int t = n; t < r->frames && step > 0; t++) {
        memset(y + t * step, 0, (size_t)hidden * sizeof *y);
    }
}

/* r, z = sigmoid, n = tanh(W x + b + r (W_h h + b_h)); h' = (1 - z) n + z h */
static void model_gru(int hidden, const float *in, const float *state, float *h) {
    for (int i = 0; i < hidden; i++) {
        const int z_at = hidden + i, n_at = 2 * hidden + i;
        const float r = model_logistic(in[i] + state[i]);
        const float z = model_logistic(in[z_at] + state[z_at]);
        const float candidate = tanhf(in[n_at] + r * state[n_at]);
        h[i] = candidate + z * (h[i] - candidate);
    }
}

/* i, f, o = sigmoid, g = tanh; c' = f c + i g, h' = o tanh(c') */
static void model_lstm(int hidden, const float *in, const float *state, float *h) {
    float *c = h + hidden;
    for (int i = 0; i < hidden; i++) {
        const int f_at = hidden + i, g_at = 2 * hidden + i, o_at = 3 * hidden + i;
        const float let_in = model_logistic(in[i] + state[i]);
        const float keep = model_logistic(in[f_at] + state[f_at]);
        const float g = tanhf(in[g_at] + state[g_at]);
        const float out = model_logistic(in[o_at] + state[o_at]);
        c[i] = keep * c[i] + let_in * g;
        h[i] = out * tanhf(c[i]);
    }
}

static void model_rnn_tanh(int hidden, const float *in, const float *state, float *h) {
    for (int i = 0; i < hidden; i++) h[i] = tanhf(in[i] + state[i]);
}

static void model_rnn_relu(int hidden, const float *in, const float *state, float *h) {
    for (int i = 0; i < hidden; i++) {
        const float sum = in[i] + state[i];
        h[i] = sum < 0 ? 0 : sum;
    }
}
