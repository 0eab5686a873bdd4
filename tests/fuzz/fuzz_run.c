/* A run folder in which one file is the input: which, says its first byte. */
#include "tests/fuzz/fuzz.h"
#include "train/run.h"

static const char facts[] =
    "{\"name\": \"a\", \"version\": \"0.1.0\", \"network\": \"linear\", \"input\": \"[B,1,8,4]\","
    " \"n_param\": 9, \"macs\": 9, \"memory_bytes\": 9, \"blas_kernel\": \"Haswell\", \"level\": "
    "\"v3\", \"fingerprint\": \"01\", \"n_rows\": 5, \"n_clips\": 4, \"n_left_out\": 1,"
    " \"n_silent\": 0, \"n_unseen\": 2, \"n_duplicate_groups\": 0, \"n_copies\": 0,"
    " \"n_conflicts\": 0, \"grouped_by\": \"duplicates\", \"n_folds\": 1, \"compared_by\": null,"
    " \"n_compare_folds\": 0, \"monitor\": \"accuracy\", \"result\": \"last\","
    " \"classes\": [\"kick\", \"snare\"], \"class_counts\": [2, 2], \"notes\": [\"note\"]}";
static const char history[] = "epoch,lr,train_loss,loss,accuracy,balanced\n"
                              "1,0.1,0.7,0.6,0.5,0.5\n2,0.1,0.5,0.4,0.75,0.75\n";
static const char predictions[] = "path,begin_s,end_s,truth,predicted,kick,snare\n"
                                  "a.wav,0,0,kick,kick,0.75,0.25\n"
                                  "b.wav,0,0.5,kick,snare,0.25,0.75\n"
                                  "c.wav,0.5,1,snare,snare,0.125,0.875\n";

static const struct {
    const char *name, *text;
    size_t size;
} files[] = {{"facts.json", facts, sizeof facts - 1},
             {"fold1/history.csv", history, sizeof history - 1},
             {"fold1/predictions.csv", predictions, sizeof predictions - 1},
             {"fold1/unseen.csv", predictions, sizeof predictions - 1},
             {"unseen.csv", predictions, sizeof predictions - 1},
             {"config.yaml", "name: a\n", 8}};
enum { N_FILES = sizeof files / sizeof *files };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    for (int i = 0; i < N_FILES; i++) fuzz_put(files[i].name, files[i].text, files[i].size);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int chosen = fuzz_choice(data, size, N_FILES);
    base_error err = {0};
    train_run run;
    if (size == 0) return 0;
    fuzz_put(files[chosen].name, data + 1, size - 1);
    if (fuzz_took(train_run_read(fuzz_folder(), &run, &err), &err)) {
        fuzz_took(train_run_write_summary(&run, &err), &err);
        train_run_release(&run);
    }
    fuzz_put(files[chosen].name, files[chosen].text, files[chosen].size);
    return 0;
}
