#include <inttypes.h>
#include <string.h>

#include "data/source.h"
#include "data/synth.h"

static const base_option table[] = {DATA_PER_CLASS_ROW(data_synth_options, per_class, ""),
                                    DATA_SEED_ROW(data_synth_options, seed, ""),
                                    {0}};

/* A row's item counts hits class by class. */
static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const data_synth_options *o = origin->options;
    for (int64_t i = 0; i < DATA_SYNTH_N_CLASSES * o->per_class; i++) {
        const char *label = data_synth_classes[i / o->per_class];
        data_row row = {.path = base_arena_printf(&manifest->arena, "synth:%s:%" PRId64 ":%" PRId64,
                                                  label, i % o->per_class, o->seed),
                        .label = label,
                        .group = "",
                        .item = i};
        if (row.path == NULL) {
            return base_fail(err, BASE_EMEMORY, "no memory for the synthesiser's rows");
        }
        BASE_TRY(data_manifest_append(manifest, &row, err));
    }
    return BASE_OK;
}

static base_status read_row(const data_row *row, data_audio *audio, base_error *err) {
    const data_synth_options *o = row->origin->options;
    return data_synth_hit((int)(row->item / o->per_class), row->item % o->per_class,
                          (uint64_t)o->seed, audio, err);
}

/* The number counts up when the hits of a name come to sound different: a cache of decoded sounds
 * goes by the digest. */
static base_digest digest(const data_row *row) {
    static const char maker[] = "synth 2";
    return base_digest_join(base_digest_bytes(maker, sizeof maker),
                            base_digest_bytes(row->path, strlen(row->path)));
}

const data_source data_source_synth = {
    .variant = {"synth", "the built-in drum synthesiser", NULL, table, sizeof(data_synth_options)},
    .list = list_rows,
    .read = read_row,
    .digest = digest,
};
