#include "data/manifest.h"
#include "data/synth.h"

base_status data_source_synth(const data_source_options *options, data_manifest *manifest,
                              size_t *capacity, base_error *err) {
    for (int c = 0; c < DATA_SYNTH_N_CLASSES; c++) {
        for (int64_t number = 0; number < options->per_class; number++) {
            data_row row = {.path = data_synth_name(c, number, options->seed, &manifest->arena),
                            .label = data_synth_classes[c],
                            .group = ""};
            if (row.path == NULL)
                return base_fail(err, BASE_EMEMORY, "no memory for the synthesiser's rows");
            BASE_TRY(data_manifest_append(manifest, capacity, &row, err));
        }
    }
    return BASE_OK;
}
