/* folds.csv, followed by four clips. */
#include "data/folds_file.h"
#include "tests/fuzz/fuzz.h"

enum { N_CLIPS = 4, N_FOLDS = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static data_row rows[N_CLIPS] = {{.path = "a.wav"},
                                     {.path = "b.wav", .end_s = 0.5},
                                     {.path = "b.wav", .begin_s = 0.5, .end_s = 1},
                                     {.path = "c.wav"}};
    int64_t row[N_CLIPS] = {0, 1, 2, 3};
    uint8_t use[N_CLIPS] = {DATA_USE_FOLDS, DATA_USE_FOLDS, DATA_USE_TRAIN, DATA_USE_TEST};
    int32_t fold[N_CLIPS] = {0};
    base_error err = {0};
    const data_manifest manifest = {.rows = rows, .n_rows = N_CLIPS};
    const data_clips clips = {.n_clips = N_CLIPS, .row = row};
    const data_folds_options options = {.k = N_FOLDS, .file = fuzz_file(data, size)};
    data_folds folds = {.n_folds = N_FOLDS, .n_clips = N_CLIPS, .use = use, .fold = fold};
    if (fuzz_took(data_folds_replay(&manifest, &clips, &options, &folds, &err), &err)) {
        for (int i = 0; i < N_CLIPS; i++) {
            fuzz_need(fold[i] >= DATA_FOLD_HELD_OUT && fold[i] < N_FOLDS, "a clip's fold");
        }
    }
    return 0;
}
