/* A sweep's file, or the record in the folder of one. The first byte says which. */
#include "tests/fuzz/fuzz.h"
#include "train/study/sweep.h"

static const char config[] = "name: a\ndataset: {source: synth}\nnetwork: [{linear: classes}]\n";
static const char sweep_text[] = "name: s\nconfig: base.yaml\nset: [train.batch=8]\n"
                                 "grid: {train.epochs: [1, 2]}\nbaseline: {train.epochs: 1}\n";

enum { MOST_CELLS = 4 };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_put("base.yaml", config, sizeof config - 1);
    return 0;
}

static void look(const train_sweep *sweep) {
    base_error err = {0};
    train_config cell;
    for (int i = 0; i < sweep->n_cells && i < MOST_CELLS; i++) {
        fuzz_need(train_sweep_baseline_of(sweep, i) < sweep->n_cells, "the baseline of a cell");
        if (fuzz_took(train_sweep_config(sweep, i, &cell, &err), &err)) train_config_release(&cell);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    base_arena arena = {0};
    base_error err = {0};
    train_sweep sweep;
    bool is_record = fuzz_choice(data, size, 2) == 1;
    if (size == 0) return 0;
    fuzz_put("s.yaml", is_record ? sweep_text : (const char *)data + 1,
             is_record ? sizeof sweep_text - 1 : size - 1);
    if (is_record) fuzz_put("out/sweep.yaml", data + 1, size - 1);
    const char *path = base_path_join(&arena, fuzz_folder(), "s.yaml"),
               *out = base_path_join(&arena, fuzz_folder(), "out");
    if (train_sweep_read(path, NULL, 0, &sweep, &err) == BASE_OK) {
        if (is_record) {
            fuzz_took(train_sweep_folder_check(&sweep, out, &err), &err);
        } else {
            look(&sweep);
        }
        train_sweep_release(&sweep);
    } else {
        fuzz_took(err.status, &err);
    }
    base_arena_release(&arena);
    return 0;
}
