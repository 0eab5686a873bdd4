
#include "base/csv.h"
#include "data/source.h"

enum { PATH, LABEL, GROUP, BEGIN, END, N_COLUMNS };
static const char *const columns[N_COLUMNS] = {"path", "label", "group", "begin_s", "end_s"};

typedef struct {
    data_folder_options folder;
    const char *labels; /* name of the file in the folder */
} csv_options;

static const base_option table[] = {
    DATA_FOLDER_ROWS(csv_options, folder, "the folder that the file and its paths are relative to"),
    {"labels", BASE_OPT_STRING, offsetof(csv_options, labels), "labels.csv", 0, 0, NULL, NULL,
     "name of the file within path, with columns path, label and perhaps group, begin_s, end_s"},
    {0}};

typedef struct {
    const char *folder; /* paths are relative to it */
    data_manifest *manifest;
} reading;

static base_status read_row(void *context, const base_csv *csv, base_error *err) {
    reading *r = context;
    int last = r->manifest->request.label_free ? PATH : LABEL;
    for (int c = PATH; c <= last; c++) {
        if (base_csv_field(csv, c)[0] == '\0') {
            return base_csv_fail(csv, err, BASE_EFORMAT, "the %s is empty", columns[c]);
        }
    }
    data_row row = {.label = base_csv_field(csv, LABEL), .group = base_csv_field(csv, GROUP)};
    const char *path;
    BASE_TRY(base_csv_path(csv, PATH, &r->manifest->arena, &path, err));
    row.path = base_path_join(&r->manifest->arena, r->folder, path);
    if (row.path == NULL) return base_csv_fail(csv, err, BASE_EMEMORY, "no memory");
    BASE_TRY(base_csv_seconds(csv, BEGIN, &row.begin_s, err));
    BASE_TRY(base_csv_seconds(csv, END, &row.end_s, err));
    if (row.end_s > 0 && row.end_s <= row.begin_s) {
        return base_csv_fail(csv, err, BASE_EFORMAT,
                             "the span ends at %g s, before it begins (%g s)", row.end_s,
                             row.begin_s);
    }
    return data_manifest_append(r->manifest, &row, err);
}

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const csv_options *o = origin->options;
    base_csv_form form = {.path = base_path_join(&manifest->arena, o->folder.path, o->labels),
                          .columns = columns,
                          .n_columns = N_COLUMNS,
                          .n_needed = manifest->request.label_free ? 1 : 2};
    reading r = {o->folder.path, manifest};
    int64_t n_before = manifest->n_rows;
    if (form.path == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", o->folder.path);
    BASE_TRY(base_csv_read(&form, &manifest->arena, read_row, &r, err));
    if (manifest->n_rows > n_before) return BASE_OK;
    return base_fail(err, BASE_EDATA, "%s: no rows below the header", form.path);
}

const data_source data_source_csv = {
    .variant = {"csv", "a CSV file that lists the sounds of a folder", NULL, table,
                sizeof(csv_options)},
    .folder = DATA_FOLDER_NEEDED,
    .list = list_rows,
};
