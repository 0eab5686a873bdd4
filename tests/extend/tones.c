/* A data source: sine tones of three pitches, which are its classes. */
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "data/source.h"

#define TURN    6.283185307179586
#define RATE_HZ 8000

typedef struct {
    int64_t per_class;
} tones_options;

static const base_option table[] = {DATA_PER_CLASS_ROW(tones_options, per_class, ""), {0}};

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    static const char *const labels[] = {"low", "middle", "high"};
    int64_t n = ((const tones_options *)origin->options)->per_class;
    for (int64_t i = 0; i < 3 * n; i++) {
        data_row row = {.path = base_arena_printf(&manifest->arena, "tones:%lld", (long long)i),
                        .label = labels[i / n],
                        .group = "",
                        .item = i};
        if (row.path == NULL) return base_fail(err, BASE_EMEMORY, "tones: no memory");
        BASE_TRY(data_manifest_append(manifest, &row, err));
    }
    return BASE_OK;
}

static base_status read_row(const data_row *row, data_audio *audio, base_error *err) {
    int64_t n = ((const tones_options *)row->origin->options)->per_class;
    double hz = 200.0 * pow(4.0, (double)(row->item / n)) + 5.0 * (double)(row->item % n);
    *audio = (data_audio){.n_channels = 1, .n = RATE_HZ / 4, .sample_rate_hz = RATE_HZ};
    audio->x = base_alloc((size_t)audio->n, sizeof *audio->x);
    if (audio->x == NULL) return base_fail(err, BASE_EMEMORY, "tones: no memory");
    for (int64_t i = 0; i < audio->n; i++) {
        audio->x[i] = (float)sin(TURN * hz * (double)i / RATE_HZ);
    }
    return BASE_OK;
}

static base_digest digest(const data_row *row) {
    return base_digest_bytes(row->path, strlen(row->path));
}

const data_source data_source_tones = {
    .variant = {.name = "tones",
                .help = "sine tones of three pitches",
                .options = table,
                .size_bytes = sizeof(tones_options)},
    .list = list_rows,
    .read = read_row,
    .digest = digest,
};
