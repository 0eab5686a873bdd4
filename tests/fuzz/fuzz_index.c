/* An index of a library, read, told and searched. The input is what follows the block. */
#include <math.h>

#include "infer/library/similar.h"
#include "tests/fuzz/fuzz.h"

enum { VERSION = 1, WANTED = 3 };

static void use(const library_index *index) {
    base_error err = {0};
    library_match matches[WANTED];
    int64_t n = 0;
    for (int64_t i = 0; i < index->n; i++) {
        double confidence = library_entry_confidence(index, i);
        fuzz_need(isfinite(confidence), "a confidence is finite");
        fuzz_need(library_entry_class(index, i) != NULL, "an entry has a class");
        fuzz_need(!isinf(index->entries[i].seconds), "a length is finite");
    }
    base_status status =
        library_find_similar(index, index->embedding, NULL, WANTED, matches, &n, &err);
    fuzz_need(status == BASE_OK && n <= WANTED && n <= index->n, "the most similar are found");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    library_index index;
    base_error err = {0};
    const char *path = fuzz_h5_file("index", VERSION, data, size);
    if (fuzz_took(library_index_read(path, &index, &err), &err)) {
        use(&index);
        library_index_release(&index);
    }
    return 0;
}
