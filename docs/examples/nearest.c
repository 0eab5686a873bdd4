/* nearest MODEL FILE OTHER... - lists the other sounds, those most like the first file first. */
#include <math.h>
#include <rimshot.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    const char *path;
    double similarity; /* cosine of the angle between the embeddings, at most 1 */
} neighbour;

static double cosine(const float *a, const float *b, int64_t n) {
    double ab = 0, aa = 1e-30, bb = 1e-30;
    for (int64_t i = 0; i < n; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

static int more_similar_first(const void *a, const void *b) {
    double x = ((const neighbour *)a)->similarity, y = ((const neighbour *)b)->similarity;
    return (x < y) - (x > y);
}

/* False, with a line on stderr, if the file cannot be used. */
static int embed_file(rimshot_model *model, const char *path, float *embedding) {
    rimshot_error error;
    rimshot_audio audio;
    if (rimshot_audio_read(path, &audio, &error) != RIMSHOT_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 0;
    }
    rimshot_status status = rimshot_embed(model, &audio, embedding, &error);
    if (status != RIMSHOT_OK) fprintf(stderr, "%s: %s\n", path, error.text);
    rimshot_audio_free(&audio);
    return status == RIMSHOT_OK;
}

static int list_neighbours(rimshot_model *model, char **paths, int n_paths) {
    int64_t size = rimshot_embedding_size(model);
    float *wanted = malloc((size_t)(2 * size) * sizeof *wanted); /* and, behind it, the other's */
    neighbour *found = malloc((size_t)n_paths * sizeof *found);
    int n = 0, ok = wanted && found && embed_file(model, paths[0], wanted);
    for (int i = 1; ok && i < n_paths; i++) {
        if (!embed_file(model, paths[i], wanted + size)) continue;
        found[n++] = (neighbour){paths[i], cosine(wanted, wanted + size, size)};
    }
    if (n > 0) qsort(found, (size_t)n, sizeof *found, more_similar_first);
    for (int i = 0; i < n; i++) printf("%.4f\t%s\n", found[i].similarity, found[i].path);
    free(found);
    free(wanted);
    return ok && n == n_paths - 1;
}

int main(int argc, char **argv) {
    rimshot_error error;
    rimshot_model *model;
    if (argc < 4) {
        fprintf(stderr, "usage: nearest MODEL FILE OTHER...\n");
        return 2;
    }
    if (rimshot_open(argv[1], 1, &model, &error) != RIMSHOT_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    int ok = list_neighbours(model, argv + 2, argc - 2);
    rimshot_close(model);
    return !ok;
}
