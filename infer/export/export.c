#include "infer/export/export.h"

#include <string.h>

#define INFER_EXPORTER(name) extern const infer_exporter infer_export_##name;
#include "infer/export/exporters.def"
#undef INFER_EXPORTER

const infer_exporter *const *infer_exporters(int *n) {
    static const infer_exporter *const exporters[] = {
#define INFER_EXPORTER(name) &infer_export_##name,
#include "infer/export/exporters.def"
#undef INFER_EXPORTER
        NULL};
    *n = (int)(sizeof exporters / sizeof *exporters) - 1;
    return exporters;
}

const infer_exporter *infer_exporter_find(const char *name) {
    int n;
    const infer_exporter *const *exporters = infer_exporters(&n);
    for (int i = 0; i < n; i++) {
        if (strcmp(exporters[i]->name, name) == 0) return exporters[i];
    }
    return NULL;
}

bool infer_export_is_on(const infer_export_options *options, const char *key) {
    const char *const *on = options->switches;
    while (on != NULL && *on != NULL && strcmp(*on, key) != 0) on++;
    return on != NULL && *on != NULL;
}
