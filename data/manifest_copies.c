/* What is not trained on because it is for testing in another shape. */
#include <string.h>

#include "data/contents.h"
#include "data/manifest.h"

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the list of sounds");
}

static void leave_out(data_row *row, const char *why) {
    row->left_out = why;
    row->class_index = -1;
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
        leave_out(row, "a copy of a sound for testing (use: test)");
        n_left_out++;
    }
    base_free(is_tested);
    if (n_left_out > 0)
        data_manifest_note(m,
                           "%lld sounds are not trained on: they are copies of sounds for "
                           "testing (use: test)",
                           (long long)n_left_out);
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
        for (int64_t p = 0; p < row->n_parts; p++)
            tested->items[tested->n++] = (data_content){row->parts[p].content, i};
    }
    data_contents_sort(tested->items, tested->n);
    return BASE_OK;
}

/* Why a row must not be trained on, naming both sounds; NULL if it may, or out of memory. */
static const char *find_shared(data_manifest *m, const tested_list *tested, const data_row *row,
                               bool *shared) {
    const data_content *found = data_contents_find(tested->items, tested->n, row->content);
    *shared = found != NULL;
    if (found != NULL)
        return base_arena_printf(&m->arena,
                                 "a copy of what a sound for testing (use: test) is made from: %s",
                                 m->rows[found->item].path);
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

/* n_trained [n_classes]: rows to train on. */
static base_status leave_out_shared(data_manifest *m, const tested_list *tested, int64_t *n_trained,
                                    base_error *err) {
    int64_t n_left_out = 0;
    const data_row *first = NULL;
    for (int64_t i = 0; i < m->n_rows; i++) {
        if (is_trained_on(&m->rows[i])) n_trained[m->rows[i].class_index]++;
    }
    for (int64_t i = 0; i < m->n_rows; i++) {
        data_row *row = &m->rows[i];
        bool shared;
        if (!is_trained_on(row)) continue;
        const char *why = find_shared(m, tested, row, &shared);
        if (!shared) continue;
        if (why == NULL) return no_memory(err);
        int class_index = row->class_index;
        leave_out(row, why);
        if (n_left_out++ == 0) first = row;
        if (--n_trained[class_index] == 0)
            return base_fail(err, BASE_EDATA,
                             "class '%s' has nothing left to train on that has no one-shot in "
                             "common with a sound for testing; the last one: %s: %s",
                             m->classes[class_index], row->path, why);
    }
    if (n_left_out > 0)
        data_manifest_note(m,
                           "%lld sounds are not trained on: they have one-shots in common with "
                           "sounds for testing (use: test); the first: %s: %s",
                           (long long)n_left_out, first->path, first->left_out);
    return BASE_OK;
}

base_status data_manifest_leave_out_copies(data_manifest *m, base_error *err) {
    tested_list tested;
    BASE_TRY(leave_out_duplicates(m, err));
    if (m->mixes == NULL) return BASE_OK;
    BASE_TRY(list_tested(m, &tested, err));
    int64_t *n_trained = base_alloc((size_t)m->n_classes, sizeof *n_trained);
    base_status status =
        n_trained != NULL ? leave_out_shared(m, &tested, n_trained, err) : no_memory(err);
    base_free(n_trained);
    base_free(tested.items);
    return status;
}
