#include "data/oddities.h"

#include <stdlib.h>
#include <string.h>

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for what is odd about the data set");
}

static bool is_used(const data_row *row) {
    return row->left_out == NULL && row->class_index >= 0;
}

base_status data_oddities_check_classes(const data_manifest *m, base_error *err) {
    if (m->n_classes != 1) return BASE_OK;
    return base_fail(err, BASE_EDATA,
                     "the data set has one class alone, '%s': there is nothing to tell it from",
                     m->classes[0]);
}

/* ---- classes that share sounds ---- */

/* A sound with copies. */
typedef struct {
    int64_t group;
    int class_index;
} copy;

static int compare_copies(const void *a, const void *b) {
    const copy *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return (x->class_index > y->class_index) - (x->class_index < y->class_index);
}

/* shared[a * n_classes + b]: sounds of a that are copies of sounds of b. copies[begin..end) are one
 * group, class by class. */
static void count_group(const copy *copies, int64_t begin, int64_t end, int n_classes,
                        int64_t *shared) {
    for (int64_t i = begin; i < end; i++) {
        int last = -1;
        for (int64_t j = begin; j < end; j++) {
            int other = copies[j].class_index;
            if (other != copies[i].class_index && other != last) {
                shared[(int64_t)copies[i].class_index * n_classes + other]++;
            }
            last = other;
        }
    }
}

static void count_shared(copy *copies, int64_t n, int n_classes, int64_t *shared) {
    qsort(copies, (size_t)n, sizeof *copies, compare_copies);
    for (int64_t begin = 0, end = 0; begin < n; begin = end) {
        while (end < n && copies[end].group == copies[begin].group) end++;
        bool one_class = copies[begin].class_index == copies[end - 1].class_index;
        if (!one_class) count_group(copies, begin, end, n_classes, shared);
    }
}

static void note_shared(data_manifest *m, const int64_t *n_sounds, const int64_t *shared) {
    for (int a = 0; a < m->n_classes; a++) {
        for (int b = a + 1; b < m->n_classes; b++) {
            int small = n_sounds[a] <= n_sounds[b] ? a : b, large = a + b - small;
            int64_t n = shared[(int64_t)small * m->n_classes + large];
            if (n == 0 || 2 * n < n_sounds[small]) continue;
            data_manifest_note(m,
                               "the classes '%s' and '%s' have the same sounds: %lld of the %lld "
                               "sounds of '%s' are copies of sounds of '%s'",
                               m->classes[a], m->classes[b], (long long)n,
                               (long long)n_sounds[small], m->classes[small], m->classes[large]);
        }
    }
}

static base_status find_shared(data_manifest *m, base_error *err) {
    size_t n_classes = (size_t)m->n_classes;
    copy *copies = base_alloc((size_t)m->n_rows + 1, sizeof *copies);
    int64_t *shared = base_alloc(n_classes * n_classes + 1, sizeof *shared);
    int64_t *n_sounds = base_alloc(n_classes + 1, sizeof *n_sounds), n = 0;
    base_status status = BASE_OK;
    if (copies != NULL && shared != NULL && n_sounds != NULL) {
        for (int64_t i = 0; i < m->n_rows; i++) {
            const data_row *row = &m->rows[i];
            if (!is_used(row)) continue;
            n_sounds[row->class_index]++;
            if (row->duplicate >= 0) copies[n++] = (copy){row->duplicate, row->class_index};
        }
        count_shared(copies, n, m->n_classes, shared);
        note_shared(m, n_sounds, shared);
    } else {
        status = no_memory(err);
    }
    base_free(copies);
    base_free(shared);
    base_free(n_sounds);
    return status;
}

/* ---- classes that one group alone has ---- */

/* The groups in which a class occurs: the first, and whether there are more, or sounds without. */
typedef struct {
    const char *group;
    bool several;
} occurrence;

static void add_occurrence(occurrence *o, const char *group) {
    if (o->group == NULL) o->group = group;
    o->several = o->several || group[0] == '\0' || strcmp(o->group, group) != 0;
}

static base_status find_lonely(data_manifest *m, base_error *err) {
    occurrence all = {0}, *of = base_alloc((size_t)m->n_classes + 1, sizeof *of);
    if (of == NULL) return no_memory(err);
    for (int64_t i = 0; i < m->n_rows; i++) {
        const data_row *row = &m->rows[i];
        if (!is_used(row)) continue;
        add_occurrence(&all, row->group);
        add_occurrence(&of[row->class_index], row->group);
    }
    for (int c = 0; c < m->n_classes && all.several; c++) {
        if (of[c].group == NULL || of[c].several) continue;
        data_manifest_note(m,
                           "the class '%s' occurs in one group alone, '%s': no other group can "
                           "tell whether it is known by its sound or by its group's",
                           m->classes[c], of[c].group);
    }
    base_free(of);
    return BASE_OK;
}

base_status data_oddities_note(data_manifest *manifest, base_error *err) {
    BASE_TRY(find_shared(manifest, err));
    return find_lonely(manifest, err);
}
