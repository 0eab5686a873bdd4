/* classify_file MODEL FILE... - names the drum in each sound file, the surest classes first. */
#include <rimshot.h>
#include <stdio.h>
#include <stdlib.h>

/* The class that comes next after those already set to -1. */
static int take_best(float *probability, int n) {
    int best = 0;
    for (int i = 1; i < n; i++) best = probability[i] > probability[best] ? i : best;
    return best;
}

static void print_classes(const rimshot_model *model, const char *path, float *probability) {
    int n = rimshot_n_classes(model);
    printf("%s", path);
    for (int i = 0; i < n; i++) {
        int best = take_best(probability, n);
        printf("\t%s %.6f", rimshot_class_name(model, best), probability[best]);
        probability[best] = -1;
    }
    printf("\n");
}

int main(int argc, char **argv) {
    rimshot_error error;
    rimshot_model *model;
    int n_failed = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: classify_file MODEL FILE...\n");
        return 2;
    }
    if (rimshot_open(argv[1], 1, &model, &error) != RIMSHOT_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    float *probability = malloc((size_t)rimshot_n_classes(model) * sizeof *probability);
    for (int i = 2; probability && i < argc; i++) {
        if (rimshot_classify_file(model, argv[i], probability, &error) == RIMSHOT_OK) {
            print_classes(model, argv[i], probability);
        } else {
            fprintf(stderr, "%s\n", error.text);
            n_failed++;
        }
    }
    free(probability);
    rimshot_close(model);
    return n_failed > 0;
}
