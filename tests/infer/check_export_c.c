/* Compares a C header made by `rimshot export --to c` with the program on real sounds; run by
 * check_export_c.sh, which builds it with the header included.
 *
 *     check MODEL FOLDER [PREDICTIONS]
 *
 * PREDICTIONS, of a fold the model has not seen, names the sounds and their classes instead of the
 * folder. Prints the largest difference of a probability, the share of equal answers, what share is
 * right, and the time per sound. Fails where a probability differs by more than LIMIT. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/csv.h"
#include "base/file.h"
#include "dsp/resample.h"
#include "infer/classify.h"

/* The header's own, compiled apart. */
extern const size_t header_work_bytes;
int header_classify(const float *audio, int n_channels, int n, void *work, float *probability);

typedef struct {
    infer_model *model;
    void *work;
    int64_t n, n_equal, n_right_program, n_right_header;
    double worst, seconds;
    char worst_path[512];
} tally;

static int largest(const float *x, int n) {
    int best = 0;
    for (int i = 1; i < n; i++) best = x[i] > x[best] ? i : best;
    return best;
}

/* Of this processor, not of the wall. */
static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Brings a sound to the model's rate, as the header expects it. */
static base_status resample(data_audio *sound, double rate_hz, base_error *err) {
    if (sound->sample_rate_hz == rate_hz) return BASE_OK;
    int64_t n = dsp_resample_length(sound->n, sound->sample_rate_hz, rate_hz);
    float *x = base_alloc((size_t)(n * sound->n_channels), sizeof *x);
    if (x == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    dsp_clip from = {sound->x, sound->n_channels, sound->n, sound->sample_rate_hz};
    base_status status = dsp_resample(from, rate_hz, x, err);
    base_free(sound->x);
    *sound = (data_audio){x, sound->n_channels, n, rate_hz};
    return status;
}

static void compare(tally *t, const char *path, const char *label, const float *wanted,
                    const float *found) {
    int n_classes = infer_model_n_classes(t->model);
    for (int c = 0; c < n_classes; c++) {
        double difference = fabs((double)wanted[c] - (double)found[c]);
        if (difference <= t->worst) continue;
        t->worst = difference;
        snprintf(t->worst_path, sizeof t->worst_path, "%s", path);
    }
    int by_program = largest(wanted, n_classes), by_header = largest(found, n_classes);
    t->n++;
    t->n_equal += by_program == by_header;
    if (label == NULL) return;
    t->n_right_program += strcmp(infer_model_class(t->model, by_program), label) == 0;
    t->n_right_header += strcmp(infer_model_class(t->model, by_header), label) == 0;
}

/* What program and header make of one sound. */
static base_status check_sound(tally *t, const char *path, const char *label, base_error *err) {
    const data_audio_options *options = infer_model_audio(t->model);
    float wanted[256] = {0}, found[256] = {0};
    data_audio sound, clip = {0};
    if (infer_model_n_classes(t->model) > 256) {
        return base_fail(err, BASE_EDATA, "too many classes");
    }
    BASE_TRY(data_audio_read(path, NULL, &sound, err));
    base_status status = data_clip_prepare(&sound, options, &clip, err);
    if (status == BASE_OK) status = infer_model_classify(t->model, &clip, 1, wanted, err);
    if (status == BASE_OK) status = resample(&sound, options->sample_rate_hz, err);
    if (status == BASE_OK) {
        double start = now_s();
        header_classify(sound.x, (int)sound.n_channels, (int)sound.n, t->work, found);
        t->seconds += now_s() - start;
        compare(t, path, label, wanted, found);
    }
    data_audio_release(&sound);
    data_audio_release(&clip);
    return status == BASE_EDATA ? BASE_OK : status; /* silence is no sound */
}

static base_status check_folder(tally *t, const char *folder, base_arena *arena, base_error *err) {
    infer_paths paths;
    BASE_TRY(infer_expand_paths(&folder, 1, arena, &paths, err));
    for (int64_t i = 0; i < paths.n; i++) BASE_TRY(check_sound(t, paths.items[i], NULL, err));
    return BASE_OK;
}

static base_status check_predictions(tally *t, const char *csv, base_arena *arena,
                                     base_error *err) {
    enum { PATH, BEGIN, END, TRUTH, MAX_FIELDS = 300 };
    const char *fields[MAX_FIELDS];
    void *data;
    size_t n_bytes;
    int n_fields, line = 0;
    BASE_TRY(base_file_read(csv, 0, &data, &n_bytes, err));
    const char *cursor = data, *end = cursor + n_bytes;
    base_status status =
        base_csv_record(&cursor, end, arena, fields, MAX_FIELDS, &n_fields, &line, err);
    while (status == BASE_OK) {
        status = base_csv_record(&cursor, end, arena, fields, MAX_FIELDS, &n_fields, &line, err);
        if (status != BASE_OK || n_fields <= TRUTH) break;
        status = check_sound(t, fields[PATH], fields[TRUTH], err);
    }
    base_free(data);
    return status;
}

static void report(const tally *t, bool labelled) {
    double n = (double)t->n;
    printf("  %lld sounds, largest difference %.2g (%s)\n", (long long)t->n, t->worst,
           base_path_name(t->worst_path));
    printf("  %.2f %% the same answer, %.2f ms each\n", 100 * (double)t->n_equal / n,
           1e3 * t->seconds / n);
    if (!labelled) return;
    printf("  right: program %.2f %%, header %.2f %%\n", 100 * (double)t->n_right_program / n,
           100 * (double)t->n_right_header / n);
}

int main(int argc, char **argv) {
    base_error err;
    base_arena arena = {0};
    tally t = {.work = malloc(header_work_bytes)};
    if (argc < 3 || t.work == NULL) return 2;
    base_status status = infer_model_open(argv[1], 1, NULL, &t.model, &err);
    if (status == BASE_OK) {
        status = argc > 3 ? check_predictions(&t, argv[3], &arena, &err)
                          : check_folder(&t, argv[2], &arena, &err);
    }
    if (status == BASE_OK) report(&t, argc > 3);
    if (status != BASE_OK) fprintf(stderr, "%s\n", err.text);
    infer_model_free(t.model);
    base_arena_release(&arena);
    free(t.work);
    return status != BASE_OK || t.worst > LIMIT;
}
