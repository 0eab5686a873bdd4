/* Rules from labels to classes: read, and asked about some labels. */
#include "data/labels.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"", "Kick 01", "snare_Roll.wav", "b\xC3\xA9", "aaaaaaaab"};
    base_arena arena = {0};
    base_error err = {0};
    data_labels *labels;
    if (fuzz_took(data_labels_read(fuzz_file(data, size), &arena, &labels, &err), &err)) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            const char *why = NULL;
            int found = data_labels_match(labels, names[i], &arena, &why);
            bool fits = found < data_labels_n_classes(labels) && (found >= 0 || why != NULL);
            fuzz_need(fits, "the class of a label");
        }
    }
    base_arena_release(&arena);
    return 0;
}
