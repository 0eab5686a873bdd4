#include "data/manifest.h"

#include <stdio.h>
#include <string.h>

base_status data_manifest_append(data_manifest *manifest, const data_row *row, base_error *err) {
    void *rows = manifest->rows;
    if (!base_grow(&rows, &manifest->capacity, (size_t)manifest->n_rows + 1, sizeof *row)) {
        return base_fail(err, BASE_EMEMORY, "no memory for %lld rows",
                         (long long)manifest->n_rows + 1);
    }
    manifest->rows = rows;
    data_row *added = &manifest->rows[manifest->n_rows++];
    *added = *row;
    added->class_index = -1;
    added->duplicate = -1;
    return BASE_OK;
}

void data_manifest_note(data_manifest *manifest, const char *format, ...) {
    char text[2 * BASE_ERROR_SIZE]; /* so that one too long for a line is seen to be */
    base_error line;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)base_fail(&line, BASE_OK, "%s", text); /* folders are named by strangers, too */
    int n = manifest->n_notes;
    const char *note = base_arena_string(&manifest->arena, line.text);
    const char **notes = base_arena_alloc(&manifest->arena, (size_t)n + 1, sizeof *notes);
    if (note == NULL || notes == NULL) return;
    if (n > 0) memcpy(notes, manifest->notes, (size_t)n * sizeof *notes);
    notes[n] = note;
    manifest->notes = notes;
    manifest->n_notes = n + 1;
}

base_status data_manifest_add_unread(data_manifest *manifest, const char *why, base_error *err) {
    int n = manifest->n_unread;
    const char *text = base_arena_string(&manifest->arena, why);
    const char **list = base_arena_alloc(&manifest->arena, (size_t)n + 1, sizeof *list);
    if (text == NULL || list == NULL) {
        return base_fail(err, BASE_EMEMORY, "no memory for the list of sounds");
    }
    if (n > 0) memcpy(list, manifest->unread, (size_t)n * sizeof *list);
    list[n] = text;
    manifest->unread = list;
    manifest->n_unread = n + 1;
    return BASE_OK;
}

static base_status fail_untrained(const data_manifest *m, int class_index, base_error *err) {
    int64_t n_left_out = 0;
    const data_row *first = NULL;
    for (int64_t i = 0; i < m->n_rows; i++) {
        const data_row *row = &m->rows[i];
        if (row->class_index != class_index || row->left_out == NULL) continue;
        if (n_left_out++ == 0) first = row;
    }
    const char *name = m->classes[class_index];
    if (first == NULL) {
        return base_fail(err, BASE_EDATA,
                         "class '%s' occurs only in what is for testing (use: test): there is "
                         "nothing to learn it from",
                         name);
    }
    return base_fail(err, BASE_EDATA,
                     "class '%s' has nothing left to train on (%lld left out; the first: %s: %s)",
                     name, (long long)n_left_out, first->path, first->left_out);
}

base_status data_manifest_check_trained(const data_manifest *m, base_error *err) {
    bool is_trained[DATA_MAX_CLASSES] = {false};
    BASE_CHECK(m->n_classes <= DATA_MAX_CLASSES);
    for (int64_t i = 0; i < m->n_rows; i++) {
        const data_row *row = &m->rows[i];
        bool trains = row->left_out == NULL && row->use != DATA_USE_TEST;
        if (trains && row->class_index >= 0) is_trained[row->class_index] = true;
    }
    for (int c = 0; c < m->n_classes; c++) {
        if (!is_trained[c]) return fail_untrained(m, c, err);
    }
    return BASE_OK;
}

static void write_row(const data_manifest *m, const data_row *row, base_text *out) {
    const char *class_name = row->left_out == NULL ? m->classes[row->class_index] : "";
    bool decoded = row->n_channels > 0;
    char hex[33];
    base_text_add_csv_path(out, row->path);
    base_text_add(out, ",");
    base_text_add_number(out, row->begin_s);
    base_text_add(out, ",");
    base_text_add_number(out, row->end_s);
    const char *const texts[] = {row->label, class_name, row->group};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        base_text_add(out, ",");
        base_text_add_csv(out, texts[i]);
    }
    base_text_add(out, ",");
    if (row->duplicate >= 0) base_text_printf(out, "%lld", (long long)row->duplicate);
    base_text_add(out, ",");
    base_text_add_csv(out, row->left_out != NULL ? row->left_out : "");
    if (!decoded) {
        base_text_add(out, ",,,,,,,\n");
        return;
    }
    base_text_add(out, ",");
    base_text_add_number(out, row->sample_rate_hz);
    base_text_printf(out, ",%lld,", (long long)row->n_channels);
    base_text_add_number(out, row->seconds);
    base_text_add(out, ",");
    base_text_add_number(out, row->peak);
    base_digest_hex(row->content, hex);
    base_text_printf(out, ",%lld,%s,", (long long)row->n_clipped, hex);
    base_text_add_csv(out, row->condition != NULL ? row->condition : "");
    base_text_add(out, "\n");
}

void data_manifest_text(const data_manifest *manifest, base_text *out) {
    base_text_add(out, "path,begin_s,end_s,label,class,group,duplicate,left_out,sample_rate_hz,"
                       "channels,seconds,peak,clipped,content,condition\n");
    for (int64_t i = 0; i < manifest->n_rows; i++) write_row(manifest, &manifest->rows[i], out);
}

base_status data_manifest_write(const data_manifest *manifest, const char *path, base_error *err) {
    base_text out = {0};
    data_manifest_text(manifest, &out);
    base_status status = base_file_write_text(path, &out, err);
    base_text_release(&out);
    return status;
}
