/* All that a file of ours may hold, read in every way. The input is what follows the block. */
#include "base/h5.h"
#include "tests/fuzz/fuzz.h"

static void read_below(base_h5_reader *reader, const char *group, base_arena *arena) {
    const char **names, **strings;
    int64_t n, n_items, shape[BASE_H5_MAX_RANK];
    void *data;
    int rank;
    if (base_h5_list(reader, group, arena, &names, &n, NULL) != BASE_OK) return;
    for (int64_t i = 0; i < n; i++) {
        const char *name = base_arena_printf(arena, "%s/%s", group, names[i]);
        if (name == NULL) return;
        read_below(reader, name, arena);
        if (base_h5_shape(reader, name, &rank, shape, NULL) != BASE_OK) continue;
        base_h5_get_strings(reader, name, arena, &strings, &n_items, NULL);
        for (base_h5_type type = BASE_H5_F32; type <= BASE_H5_I16; type++) {
            base_h5_get_alloc(reader, name, type, arena, &data, &n_items, NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    base_h5_reader *reader;
    base_error err = {0};
    base_arena arena = {.limit_bytes = (size_t)1 << 24};
    const char *path = fuzz_h5_file("fuzz", 1, data, size);
    if (!fuzz_took(base_h5_reader_open(path, "fuzz", 1, NULL, &reader, &err), &err)) return 0;
    read_below(reader, "", &arena);
    base_h5_reader_free(reader);
    base_arena_release(&arena);
    return 0;
}
