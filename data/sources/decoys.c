#include <inttypes.h>
#include <string.h>

#include "data/decoys.h"
#include "data/source.h"

typedef struct {
    int64_t per_kind, seed;
    const char *label;
} decoys_options;

static const base_option table[] = {
    {"per_kind", BASE_OPT_INT, offsetof(decoys_options, per_kind), "60", 1, 100000, NULL, NULL,
     "sounds of each kind: tone, chord, sweep, noise, hum, clicks, speech, pluck, bell, music"},
    DATA_SEED_ROW(decoys_options, seed, ""),
    {"label", BASE_OPT_STRING, offsetof(decoys_options, label), "other", 0, 0, NULL, NULL,
     "label of every sound"},
    {0}};

/* A row's item counts sounds kind by kind. */
static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const decoys_options *o = origin->options;
    for (int64_t i = 0; i < DATA_DECOYS_N_KINDS * o->per_kind; i++) {
        data_row row = {
            .path = base_arena_printf(&manifest->arena, "decoys:%s:%" PRId64 ":%" PRId64,
                                      data_decoys_kinds[i / o->per_kind], i % o->per_kind, o->seed),
            .label = o->label,
            .group = "",
            .item = i};
        if (row.path == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the decoys' rows");
        BASE_TRY(data_manifest_append(manifest, &row, err));
    }
    return BASE_OK;
}

static base_status read_row(const data_row *row, data_audio *audio, base_error *err) {
    const decoys_options *o = row->origin->options;
    return data_decoys_make((int)(row->item / o->per_kind), row->item % o->per_kind,
                            (uint64_t)o->seed, audio, err);
}

/* The number counts up when the sounds of a name come to be others. */
static base_digest digest(const data_row *row) {
    static const char maker[] = "decoys 1";
    return base_digest_join(base_digest_bytes(maker, sizeof maker),
                            base_digest_bytes(row->path, strlen(row->path)));
}

const data_source data_source_decoys = {
    .variant = {"decoys", "synthesised sounds that are no drums: tones, noise, speech-like ...",
                NULL, table, sizeof(decoys_options)},
    .list = list_rows,
    .read = read_row,
    .digest = digest,
};
