#include "tests/run_fixture.h"

#include <math.h>
#include <stdio.h>

#include "base/rng.h"
#include "nn/loss.h"
#include "tests/test.h"
#include "train/run.h"

enum { N_EPOCHS = 12, MOST_CLASSES = 128 };

static const char *const drums[] = {"closedhat", "crash", "kick", "snare", "tom"};
const run_fixture run_fixture_drums = {.name = "drums",
                                       .classes = drums,
                                       .n_classes = 5,
                                       .n_folds = 3,
                                       .n_compare_folds = 2,
                                       .clips_per_fold = 60,
                                       .skill = 3,
                                       .seed = 1,
                                       .notes = {"2 files <silent> & left out"}};

static base_rng stream(const run_fixture *f, int set, int fold) {
    return base_rng_open(f->seed, BASE_RNG_TEST, (uint64_t)set, (uint64_t)fold);
}

/* Rare classes come last: class c is drawn about as often as 1 / (1 + c / 4). */
static int draw_class(base_rng *rng, int n_classes) {
    for (;;) {
        int c = (int)base_rng_below(rng, n_classes);
        if (base_rng_chance(rng, 1 / (1 + 0.25 * c))) return c;
    }
}

/* The two sets of folds, and the held-out sounds, which are the same for every fold. */
enum { MAIN, COMPARE, HELD_OUT };

static void write_predictions(const run_fixture *f, int set, int fold, const char *folder,
                              const char *name) {
    static const double shares[] = {[MAIN] = 1, [COMPARE] = 0.6, [HELD_OUT] = 0.7};
    base_arena arena = {0};
    base_error err;
    int n = set == HELD_OUT ? f->n_held_out : f->clips_per_fold, k = f->n_classes;
    train_clip_name *clips = base_arena_alloc(&arena, (size_t)n, sizeof *clips);
    int32_t *truths = base_arena_alloc(&arena, (size_t)n, sizeof *truths);
    float *p = base_arena_alloc(&arena, (size_t)(n * k), sizeof *p);
    base_rng noise = stream(f, set, fold);
    for (int i = 0; i < n; i++) {
        int clip = f->first_clip + (set == HELD_OUT ? 100000 : fold * n) + i;
        base_rng truth = base_rng_open(0, BASE_RNG_TEST, 7, (uint64_t)clip);
        float logits[MOST_CLASSES];
        truths[i] = i < k ? i : draw_class(&truth, k);
        for (int c = 0; c < k; c++) logits[c] = 1.3F * base_rng_normal(&noise);
        logits[truths[i]] += (float)(f->skill * shares[set]);
        nn_softmax(logits, p + i * k, 1, k);
        clips[i].path = base_arena_printf(&arena, "packs/Kit %d, \"live\"/%s %03d.wav", clip % 9,
                                          f->classes[truths[i]], clip);
        clips[i].end_s = 0.25 + 0.1 * (clip % 5);
    }
    const char *path = base_path_join(&arena, folder, name);
    train_predictions all = {.n = n,
                             .n_classes = k,
                             .classes = f->classes,
                             .clip = clips,
                             .truth = truths,
                             .probability = p};
    TEST_OK(train_predictions_write(&all, path, &err), err);
    base_arena_release(&arena);
}

static void write_history(const run_fixture *f, int set, int fold, const char *folder) {
    base_error err;
    train_epoch epochs[N_EPOCHS];
    base_rng noise = stream(f, set + 2, fold);
    for (int i = 0; i < N_EPOCHS; i++) {
        double fit = 1 - exp(-(i + 1) / 3.0);
        epochs[i] = (train_epoch){.epoch = i + 1,
                                  .lr = 0.002 * cos(1.5 * i / N_EPOCHS),
                                  .train_loss = 1.7 - 1.55 * fit + 0.02 * base_rng_normal(&noise),
                                  .loss = 1.6 - 1.2 * fit + 0.06 * base_rng_normal(&noise),
                                  .accuracy = 0.3 + 0.58 * fit + 0.02 * base_rng_normal(&noise),
                                  .balanced = 0.25 + 0.58 * fit + 0.02 * base_rng_normal(&noise)};
    }
    TEST_OK(train_history_write(epochs, N_EPOCHS, folder, &err), err);
}

static void write_set(const run_fixture *f, int set, int n_folds, const char *folder) {
    base_error err;
    for (int fold = 0; fold < n_folds; fold++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%sfold%d", folder, set == MAIN ? "" : "compare/", fold + 1);
        TEST_OK(base_folder_make(path, &err), err);
        write_predictions(f, set, fold, path, "predictions.csv");
        if (set == MAIN && f->n_held_out > 0) {
            write_predictions(f, HELD_OUT, fold, path, "unseen.csv");
        }
        write_history(f, set, fold, path);
    }
}

static void write_facts(const run_fixture *f, const char *folder) {
    base_error err;
    int64_t counts[MOST_CLASSES];
    int64_t n_clips = (int64_t)f->n_folds * f->clips_per_fold, n_notes = 0;
    for (int c = 0; c < f->n_classes; c++) counts[c] = n_clips / (2 + c);
    while (n_notes < 3 && f->notes[n_notes] != NULL) n_notes++;
    const train_facts facts = {.name = f->name,
                               .classes = f->classes,
                               .n_classes = f->n_classes,
                               .n_rows = n_clips + 63,
                               .n_clips = n_clips,
                               .n_left_out = 63,
                               .n_silent = 2,
                               .n_held_out = f->n_held_out,
                               .n_duplicate_groups = 17,
                               .n_copies = 38,
                               .n_conflicts = 1,
                               .class_counts = counts,
                               .network = "crnn",
                               .n_param = 152901,
                               .macs = 18300000,
                               .memory_bytes = (size_t)41 << 20,
                               .input = "[B,1,64,101]",
                               .blas_kernel = "SkylakeX",
                               .level = "v4",
                               .fingerprint = "0123456789abcdef0123456789abcdef",
                               .version = "0.1.0",
                               .grouped_by = "duplicates",
                               .compared_by = f->n_compare_folds > 0 ? "kit" : NULL,
                               .n_folds = f->n_folds,
                               .n_compare_folds = f->n_compare_folds,
                               .monitor = "accuracy",
                               .result = "last",
                               .notes = f->notes,
                               .n_notes = (int)n_notes};
    TEST_OK(train_facts_write(&facts, folder, &err), err);
}

void run_fixture_write(const run_fixture *fixture, const char *folder) {
    static const char config[] = "name: drums\ntrain: {epochs: 12, batch: 32}\n"
                                 "network: [gru: {hidden: 64}] # <b>\n";
    base_error err;
    char path[4096];
    TEST_OK(base_folder_make(folder, &err), err);
    snprintf(path, sizeof path, "%s/config.yaml", folder);
    TEST_OK(base_file_write(path, config, strlen(config), &err), err);
    write_facts(fixture, folder);
    write_set(fixture, MAIN, fixture->n_folds, folder);
    write_set(fixture, COMPARE, fixture->n_compare_folds, folder);
    if (fixture->n_held_out > 0) {
        write_predictions(fixture, HELD_OUT, fixture->n_folds, folder, "unseen.csv");
    }
}
