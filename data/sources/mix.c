#include <inttypes.h>

#include "data/mix.h"

base_status data_source_mix(const data_source_options *options, data_manifest *manifest,
                            size_t *capacity, base_error *err) {
    data_mix *mix;
    base_arena *arena = &manifest->arena;
    BASE_TRY(data_mix_new(options, manifest, &mix, err));
    for (int64_t i = 0; i < options->classes.n * options->per_class; i++) {
        const char *name = options->classes.items[i / options->per_class];
        int64_t number = i % options->per_class;
        data_row row = {.path = base_arena_printf(arena, "mix:%s:%" PRId64 ":%" PRId64, name,
                                                  number, options->seed),
                        .label = name,
                        .group =
                            base_arena_printf(arena, "pool%" PRId64, number % options->pools + 1),
                        .mix = mix,
                        .item = i};
        if (row.path == NULL || row.group == NULL)
            return base_fail(err, BASE_EMEMORY, "no memory for the rows of a mix");
        BASE_TRY(data_manifest_append(manifest, capacity, &row, err));
    }
    return BASE_OK;
}
