/* A zip archive, entry by entry. */
#include "infer/zip.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    infer_zip zip;
    infer_zip_entry entry;
    base_error err = {0};
    if (!fuzz_took(infer_zip_open("fuzz", data, size, &zip, &err), &err)) return 0;
    size_t n_bytes = 0;
    for (int64_t i = 0; i < zip.n && infer_zip_next(&zip, &entry, &err) == BASE_OK; i++) {
        bool inside = entry.data >= data && entry.n_bytes <= size - (size_t)(entry.data - data);
        fuzz_need(inside, "an entry lies in the archive");
        n_bytes += entry.n_bytes;
    }
    fuzz_need(n_bytes <= size, "no byte is two entries'");
    return 0;
}
