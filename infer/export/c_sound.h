/* A struck resonator and noise that dies away, after 300 samples of silence. Only additions and
 * products, so that every machine makes the same. form: twice the cosine of the resonance times
 * its decay, the decay's square, the noise's level and decay. */
typedef struct {
    const double *form; /* [4] */
    uint32_t seed;
    int at; /* samples made */
    double before, now, noise;
} model_test_sound;

static void model_test_strike(model_test_sound *s, const double *form) {
    s->form = form;
    s->seed = 1;
    s->at = 0;
    s->before = 0;
    s->now = 0.01;
    s->noise = form[2];
}

/* The next n samples. */
static void model_test_ring(model_test_sound *s, float *x, int n) {
    for (int i = 0; i < n; i++) {
        const double next = s->form[0] * s->now - s->form[1] * s->before;
        s->seed = s->seed * 1664525u + 1013904223u;
        s->before = s->now;
        s->now = next;
        s->noise *= s->form[3];
        x[i] = (float)(next + s->noise * ((double)(s->seed >> 8) / 8388608.0 - 1.0));
        if (s->at++ < 300) x[i] = 0;
    }
}
