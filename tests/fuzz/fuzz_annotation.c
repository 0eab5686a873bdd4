/* Annotations of recordings: text, tables, MIDI and XML. */
#include "data/annotation.h"

#include <stdio.h>

#include "base/file.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const extensions[] = {"csv", "txt", "mid", "svl", "xml"};
    enum { N = sizeof extensions / sizeof *extensions };
    base_arena arena = {0};
    base_error err = {0};
    data_annotation a;
    char name[32];
    int kind = fuzz_choice(data, size, N);
    snprintf(name, sizeof name, "song.%s", extensions[kind]);
    fuzz_put(name, data + (size > 0), size - (size > 0));
    const char *path = base_path_join(&arena, fuzz_folder(), name);
    if (fuzz_took(data_annotation_read(path, "song.wav", &arena, &a, &err), &err)) {
        err = (base_error){0};
        fuzz_took(data_annotation_check(&a, 10, &err), &err);
        fuzz_need(data_annotation_join(&a, 0.03, &err) == BASE_OK, "joining");
        for (int64_t i = 1; i < a.n; i++) {
            fuzz_need(a.events[i].begin_s >= a.events[i - 1].begin_s, "events in time order");
        }
        data_annotation_release(&a);
    }
    base_arena_release(&arena);
    return 0;
}
