static const double model_test_form[MODEL_N_SOUNDS][4] = {MODEL_TEST_FORM};

static const int model_test_length[MODEL_N_SOUNDS] = {MODEL_TEST_LENGTH};

static const float model_test_wanted[MODEL_N_SOUNDS * MODEL_N_CLASSES] = {MODEL_TEST_WANTED};

/* Made anew from its start on to read it from an earlier place. */
static int model_test_read(void *user, int channel, int at, int n, float *x) {
    model_test_sound *s = (model_test_sound *)user;
    (void)channel;
    if (at < s->at) model_test_strike(s, s->form);
    while (s->at < at) model_test_ring(s, x, at - s->at < n ? at - s->at : n);
    model_test_ring(s, x, n);
    return 1;
}

/* 0 if this machine finds what rimshot found. */
int main(void) {
    static model_work work;
    static float probability[MODEL_N_CLASSES];
    double worst = 0;
    int passed = 1;
    for (int i = 0; i < MODEL_N_SOUNDS; i++) {
        model_test_sound form;
        model_sound sound;
        model_test_strike(&form, model_test_form[i]);
        sound.read = model_test_read;
        sound.user = &form;
        sound.n_channels = 1;
        sound.n = model_test_length[i];
        model_classify_sound(&sound, &work, probability);
        for (int c = 0; c < MODEL_N_CLASSES; c++) {
            const float wanted = model_test_wanted[i * MODEL_N_CLASSES + c];
            const double difference = fabs((double)probability[c] - (double)wanted);
            printf("%-20s %.6f, wanted %.6f\n", model_label(c), (double)probability[c],
                    (double)wanted);
            if (difference > worst) worst = difference;
            if (!(difference <= 1e-4)) passed = 0;
        }
    }
    printf("largest difference %.2g: %s\n", worst, passed ? "passed" : "FAILED");
    return passed ? 0 : 1;
}
