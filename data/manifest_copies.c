/* Leaves out what must not be trained on because a copy of it, or a one-shot in it, is tested. */
#include <string.h>

#include "data/contents.h"
#include "data/manifest.h"

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the list of sounds");
}

/* ---- copies ---- */

static base_status leave_out_duplicates(data_manifest *m, base_error *err) {
    bool *is_tested = base_alloc((size_t)m->n_rows + 1, sizeof *is_tested); /* [duplicate] */
    if (is_tested == NULL) return no_memory(err);
    int64_t n_left_out = 0;
    for (int64_t i = 0; i < m->n_rows; i++) {
        const data_row *row = &m->rows[i];
        if (row->use == DATA_USE_TEST && row->duplicate >= 0) is_tested[row->duplicate] = true;
    }
    for (int64_t i = 0; i < m->n_rows; i++) {
        data_row *row = &m->rows[i];
        if (row->use == DATA_USE_TEST || row->duplicate < 0 || !is_tested[row->duplicate]) continue;
        row->left_out = "a copy of a sound for testing (use: test)";
        n_left_out++;
    }
    base_free(is_tested);
    if (n_left_out > 0) {
        data_manifest_note(m,
                           "%lld sounds are not trained on: they are copies of sounds for "
                           "testing (use: test)",
                           (long long)n_left_out);
    }
    return BASE_OK;
}

/* ---- one-shots in common ---- */

/* The contents of what is tested, and of what that is made from. */
typedef struct {
    data_content *items;
    int64_t n;
} tested_list;

static bool is_tested(const data_row *row) {
    return row->use == DATA_USE_TEST && row->left_out == NULL;
}

static base_status list_tested(const data_manifest *m, tested_list *tested, base_error *err) {
    size_t n = 1;
    for (int64_t i = 0; i < m->n_rows; i++) n += 1 + (size_t)m->rows[i].n_parts;
    *tested = (tested_list){.items = base_alloc(n, sizeof *tested->items)};
    if (tested->items == NULL) return no_memory(err);
    for (int64_t i = 0; i < m->n_rows; i++) {
        const data_row *row = &m->rows[i];
        if (!is_tested(row)) continue;
        tested->items[tested->n++] = (data_content){row->content, i};
        for (int64_t p = 0; p < row->n_parts; p++) {
            tested->items[tested->n++] = (data_content){row->parts[p].content, i};
        }
    }
    data_contents_sort(tested->items, tested->n);
    return BASE_OK;
}

/* Why a row must not be trained on, naming both sounds; NULL if it may, or out of memory. */
static const char *find_shared(data_manifest *m, const tested_list *tested, const data_row *row,
                               bool *shared) {
    const data_content *found = data_contents_find(tested->items, tested->n, row->content);
    *shared = found != NULL;
    if (found != NULL) {
        return base_arena_printf(&m->arena,
                                 "a copy of what a sound for testing (use: test) is made from: %s",
                                 m->rows[found->item].path);
    }
    for (int64_t p = 0; p < row->n_parts; p++) {
        found = data_contents_find(tested->items, tested->n, row->parts[p].content);
        if (found == NULL) continue;
        const data_row *test = &m->rows[found->item];
        *shared = true;
        return base_arena_printf(&m->arena, "made from %s, %s (use: test): %s", row->parts[p].name,
                                 test->n_parts > 0 ? "as is a sound for testing"
                                                   : "a copy of a sound for testing",
                                 test->path);
    }
    return NULL;
}

static bool is_trained_on(const data_row *row) {
    return row->use != DATA_USE_TEST && row->left_out == NULL;
}

static base_status leave_out_shared(data_manifest *m, const tested_list *tested, base_error *err) {
    int64_t n_left_out = 0;
    const data_row *first = NULL;
    for (int64_t i = 0; i < m->n_rows; i++) {
        data_row *row = &m->rows[i];
        bool shared;
        if (!is_trained_on(row)) continue;
        const char *why = find_shared(m, tested, row, &shared);
        if (!shared) continue;
        if (why == NULL) return no_memory(err);
        row->left_out = why;
        if (n_left_out++ == 0) first = row;
    }
    if (n_left_out > 0) {
        data_manifest_note(m,
                           "%lld sounds are not trained on: they have one-shots in common with "
                           "sounds for testing (use: test); the first: %s: %s",
                           (long long)n_left_out, first->path, first->left_out);
    }
    return BASE_OK;
}

/* ---- both ---- */

static bool has_parts(const data_manifest *m) {
    int64_t i = 0;
    while (i < m->n_rows && m->rows[i].n_parts == 0) i++;
    return i < m->n_rows;
}

static base_status leave_out_all(data_manifest *m, base_error *err) {
    BASE_TRY(leave_out_duplicates(m, err));
    if (!has_parts(m)) return BASE_OK;
    tested_list tested;
    BASE_TRY(list_tested(m, &tested, err));
    base_status status = leave_out_shared(m, &tested, err);
    base_free(tested.items);
    return status;
}

base_status data_manifest_leave_out_copies(data_manifest *m, base_error *err) {
    base_status status = leave_out_all(m, err);
    if (status == BASE_OK) status = data_manifest_check_trained(m, err);
    for (int64_t i = 0; i < m->n_rows; i++) {
        if (m->rows[i].left_out != NULL) m->rows[i].class_index = -1;
    }
    return status;
}
