#include <inttypes.h>
#include <string.h>

#include "data/performance.h"

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the rows of a performance");
}

/* "B+CH+R" */
static const char *name_set(const data_mix_set *bit, data_mix_set set, base_arena *arena) {
    const char *name = "";
    for (int i = 0; i < DATA_PERFORMANCE_N_PARTS && name != NULL; i++) {
        if ((set & bit[i]) != 0)
            name = base_arena_printf(arena, "%s%s%s", name, name[0] != '\0' ? "+" : "",
                                     data_performance_parts[i]);
    }
    return name != NULL && name[0] == '\0' ? "rest" : name;
}

/* The crops of a song, in time. */
static base_status list_song(const data_mix *mix, int64_t number, const data_mix_set *bit,
                             data_manifest *manifest, size_t *capacity, base_error *err) {
    base_arena *arena = &manifest->arena;
    const data_song *song = &mix->song[number];
    data_row row = {
        .mix = mix,
        .path =
            base_arena_printf(arena, "performance:%" PRId64 ":%" PRId64, number, mix->options.seed),
        .group = base_arena_printf(arena, "pool%" PRId64, number % mix->options.pools + 1)};
    if (row.path == NULL || row.group == NULL) return no_memory(err);
    for (int64_t i = 0; i < song->n_steps; i++) {
        row.item = number * song->n_steps + i;
        row.begin_s = (double)i * song->step_s;
        row.end_s = (double)(i + 1) * song->step_s;
        row.left_out = NULL;
        row.label = data_mix_class(mix, song->set[i]);
        if (row.label == NULL) {
            row.label = name_set(bit, song->set[i], arena);
            if (row.label != NULL)
                row.left_out = base_arena_printf(arena, "no class for %s", row.label);
            if (row.left_out == NULL) return no_memory(err);
        }
        BASE_TRY(data_manifest_append(manifest, capacity, &row, err));
    }
    return BASE_OK;
}

static base_status find_parts(const data_mix *mix, data_mix_set *bit, base_error *err) {
    for (int i = 0; i < DATA_PERFORMANCE_N_PARTS; i++) {
        const char *name = data_performance_parts[i];
        bit[i] = data_mix_part(mix, name, strlen(name));
        if (bit[i] == 0)
            return base_node_fail(mix->options.node, err, BASE_EDATA,
                                  "a performance needs parts of class '%s'", name);
    }
    return BASE_OK;
}

static base_status write_songs(data_mix *mix, const data_mix_set *bit, base_arena *arena,
                               base_error *err) {
    const data_source_options *o = &mix->options;
    int64_t n_steps = o->bars * DATA_PERFORMANCE_STEPS;
    data_song *songs = base_arena_alloc(arena, (size_t)o->songs, sizeof *songs);
    if (songs == NULL) return no_memory(err);
    for (int64_t i = 0; i < o->songs; i++) {
        data_mix_set *set = base_arena_alloc(arena, (size_t)n_steps, sizeof *set);
        if (set == NULL) return no_memory(err);
        data_performance_write((uint64_t)o->seed, i, bit, o->bars, set);
        songs[i] =
            (data_song){data_performance_step((uint64_t)o->seed, i, o->tempo_bpm), n_steps, set};
    }
    mix->song = songs;
    mix->open_hat = bit[DATA_PERFORMANCE_OPEN_HAT];
    mix->hats = mix->open_hat | bit[DATA_PERFORMANCE_CLOSED_HAT];
    return BASE_OK;
}

base_status data_source_performance(const data_source_options *options, data_manifest *manifest,
                                    size_t *capacity, base_error *err) {
    data_mix *mix;
    data_mix_set bit[DATA_PERFORMANCE_N_PARTS];
    BASE_TRY(data_mix_new(options, manifest, &mix, err));
    BASE_TRY(find_parts(mix, bit, err));
    BASE_TRY(write_songs(mix, bit, &manifest->arena, err));
    for (int64_t i = 0; i < options->songs; i++)
        BASE_TRY(list_song(mix, i, bit, manifest, capacity, err));
    return BASE_OK;
}
