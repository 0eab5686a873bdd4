/* A struck resonator and noise that dies away, after 300 samples of silence. Only additions and
 * products, so that every machine makes the same. form: twice the cosine of the resonance times
 * its decay, the decay's square, the noise's level and decay. */
static void model_test_sound(const double form[4], float *x, int n) {
    uint32_t seed = 1;
    double before = 0, now = 0.01, noise = form[2];
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        const double next = form[0] * now - form[1] * before;
        before = now;
        now = next;
        noise *= form[3];
        x[i] = (float)(now + noise * ((double)(seed >> 8) / 8388608.0 - 1.0));
        if (i < 300) x[i] = 0;
    }
}
