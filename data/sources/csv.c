#include "data/manifest.h"

#include "base/csv.h"

enum { PATH, LABEL, GROUP, BEGIN, END, N_COLUMNS };
static const char *const columns[N_COLUMNS] = {"path", "label", "group", "begin_s", "end_s"};

typedef struct {
    const char *folder; /* paths are relative to it */
    data_manifest *manifest;
    size_t *capacity;
} reading;

static base_status read_row(void *context, const base_csv *csv, base_error *err) {
    reading *r = context;
    for (int c = PATH; c <= LABEL; c++) {
        if (base_csv_field(csv, c)[0] == '\0')
            return base_csv_fail(csv, err, BASE_EFORMAT, "the %s is empty", columns[c]);
    }
    data_row row = {.path =
                        base_path_join(&r->manifest->arena, r->folder, base_csv_field(csv, PATH)),
                    .label = base_csv_field(csv, LABEL),
                    .group = base_csv_field(csv, GROUP)};
    if (row.path == NULL) return base_csv_fail(csv, err, BASE_EMEMORY, "no memory");
    BASE_TRY(base_csv_seconds(csv, BEGIN, &row.begin_s, err));
    BASE_TRY(base_csv_seconds(csv, END, &row.end_s, err));
    if (row.end_s > 0 && row.end_s <= row.begin_s)
        return base_csv_fail(csv, err, BASE_EFORMAT,
                             "the span ends at %g s, before it begins (%g s)", row.end_s,
                             row.begin_s);
    return data_manifest_append(r->manifest, r->capacity, &row, err);
}

base_status data_source_csv(const data_source_options *options, data_manifest *manifest,
                            size_t *capacity, base_error *err) {
    base_csv_form form = {.path = base_path_join(&manifest->arena, options->path, options->labels),
                          .columns = columns,
                          .n_columns = N_COLUMNS,
                          .n_needed = 2};
    reading r = {options->path, manifest, capacity};
    int64_t n_before = manifest->n_rows;
    if (form.path == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", options->path);
    BASE_TRY(base_csv_read(&form, &manifest->arena, read_row, &r, err));
    if (manifest->n_rows > n_before) return BASE_OK;
    return base_fail(err, BASE_EDATA, "%s: no rows below the header", form.path);
}
