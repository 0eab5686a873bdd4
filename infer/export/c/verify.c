/* Stands behind the header, whose own main has another name. */
#undef main
int main(int argc, char **argv) {
    static model_work work;
    static float sound[MODEL_LONGEST], probability[MODEL_N_CLASSES];
    FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
    int n;
    if (argc != 3 || in == NULL || out == NULL) return 2;
    if (own_main() != 0) return 3;
    while (fread(&n, sizeof n, 1, in) == 1) {
        if (n < 0 || n > MODEL_LONGEST) return 2;
        if (fread(sound, sizeof *sound, (size_t)n, in) != (size_t)n) return 2;
        model_classify(sound, 1, n, &work, probability);
        fwrite(probability, sizeof *probability, MODEL_N_CLASSES, out);
    }
    return fclose(out) == 0 ? 0 : 2;
}
