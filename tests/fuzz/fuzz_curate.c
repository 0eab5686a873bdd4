/* The lists of a curation, which the first byte says: what joined, a person's labels, true classes,
 * the tests of a round. */
#include <stdio.h>

#include "tests/fuzz/fuzz.h"
#include "train/study/curate_internal.h"

static char out[80], labels[96], truth[96];

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    snprintf(out, sizeof out, "%s/out", fuzz_folder());
    snprintf(labels, sizeof labels, "%s/labels.csv", fuzz_folder());
    snprintf(truth, sizeof truth, "%s/truth.csv", fuzz_folder());
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"out/round1/proposals.csv", "labels.csv", "truth.csv",
                                        "out/round0/unseen.csv"};
    static const char *const classes[] = {"kick", "snare"};
    static const char *paths[] = {"sounds/a.wav", "sounds/b.wav", "sounds/c.wav"};
    const train_curate_options options = {
        .out = out, .sounds = "sounds", .labels = labels, .truth = truth};
    const train_curate curate = {.options = &options,
                                 .name = "a",
                                 .sounds = "sounds",
                                 .classes = classes,
                                 .n_classes = 2,
                                 .paths = paths,
                                 .n_paths = 3};
    base_arena arena = {0};
    base_error err = {0};
    train_curate_record record;
    train_curate_labels list;
    train_predictions tests;
    int chosen = fuzz_choice(data, size, 4);
    if (size == 0) return 0;
    fuzz_put(names[chosen], data + 1, size - 1);
    fuzz_took(chosen == 0   ? train__curate_record_read(&curate, 1, &arena, &record, &err)
              : chosen == 1 ? train__curate_labels_read(&curate, &arena, &list, &err)
              : chosen == 2 ? train__curate_truth_read(&curate, &arena, &list, &err)
                            : train__curate_tests_read(&curate, 0, &arena, &tests, &err),
              &err);
    base_arena_release(&arena);
    return 0;
}
