#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "data/alike.h"
#include "data/labels.h"
#include "data/source.h"

/* One of the sources of a data set, while the manifest is put together. */
typedef struct {
    data_origin *origin;
    const data_source_options *options;
    int64_t first_row, end_row;    /* its rows are [first_row, end_row) */
    const char *const *class_name; /* [n_classes] the classes it may give, in its order */
    int n_classes;
} source;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the list of sounds");
}

static int find_name(const char *const *names, int n, const char *name) {
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) return i;
    }
    return -1;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The distinct names among names[n], sorted in place; returns how many. */
static int64_t sort_unique(const char **names, int64_t n) {
    qsort(names, (size_t)n, sizeof *names, compare_names);
    int64_t n_unique = 0;
    for (int64_t i = 0; i < n; i++) {
        if (n_unique == 0 || strcmp(names[n_unique - 1], names[i]) != 0) {
            names[n_unique++] = names[i];
        }
    }
    return n_unique;
}

/* Fails, naming the nearest, unless each of `wanted` is among `known`. */
static base_status check_known(const source *s, base_strings wanted, const char *what,
                               base_strings known, base_error *err) {
    for (int i = 0; i < wanted.n; i++) {
        if (find_name(known.items, known.n, wanted.items[i]) >= 0) continue;
        const char *near = base_nearest(wanted.items[i], known.items, known.n);
        return base_node_fail(s->origin->node, err, BASE_EDATA, "no sound of %s '%s'%s%s%s", what,
                              wanted.items[i], near != NULL ? "; did you mean '" : "",
                              near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    return BASE_OK;
}

static base_status select_groups(const source *s, data_manifest *m, base_error *err) {
    base_strings only = s->options->only_groups, skip = s->options->skip_groups;
    if (only.n == 0 && skip.n == 0) return BASE_OK;
    int64_t n = s->end_row - s->first_row;
    const char **groups = base_alloc((size_t)n, sizeof *groups);
    if (groups == NULL) return no_memory(err);
    for (int64_t i = 0; i < n; i++) groups[i] = m->rows[s->first_row + i].group;
    const base_strings known = {groups, (int)sort_unique(groups, n)};
    base_status status = check_known(s, only, "group", known, err);
    if (status == BASE_OK) status = check_known(s, skip, "group", known, err);
    base_free(groups);
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->left_out != NULL) continue;
        if (only.n > 0 && find_name(only.items, only.n, row->group) < 0) {
            row->left_out = "group not selected";
        } else if (find_name(skip.items, skip.n, row->group) >= 0) {
            row->left_out = "group skipped";
        }
    }
    return status;
}

/* The classes are those of the rules file, in its order. Sets class_index of the source's rows. */
static base_status classify_by_rules(source *s, data_manifest *m, base_error *err) {
    data_labels *labels;
    const char *path = base_path_join(&m->arena, m->request.config_folder, s->options->rules);
    if (path == NULL) return no_memory(err);
    BASE_TRY(data_labels_read(path, &m->arena, &labels, err));
    int n = data_labels_n_classes(labels);
    if (n > DATA_MAX_CLASSES) {
        return base_fail(err, BASE_EDATA, "%s: more than %d classes", path, DATA_MAX_CLASSES);
    }
    const char **names = base_arena_alloc(&m->arena, (size_t)n, sizeof *names);
    if (names == NULL) return no_memory(err);
    for (int c = 0; c < n; c++) names[c] = data_labels_class(labels, c);
    s->class_name = names;
    s->n_classes = n;
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->left_out == NULL) {
            row->class_index = data_labels_match(labels, row->label, &m->arena, &row->left_out);
            if (row->class_index < 0 && row->left_out == NULL) return no_memory(err);
        }
    }
    return BASE_OK;
}

/* Where labels are not needed, a row that has none is used like the others. */
static void leave_out_unlabelled(const data_manifest *m, data_row *row) {
    if (row->label[0] != '\0') return;
    if (m->request.label_free) {
        if (row->left_out == data_no_class_folder) row->left_out = NULL;
    } else if (row->left_out == NULL) {
        row->left_out = "no label";
    }
}

/* The same without rules: the labels of the rows in use, in byte order, are the classes. */
static base_status classify_by_label(source *s, data_manifest *m, base_error *err) {
    int64_t n = 0;
    const char **names =
        base_arena_alloc(&m->arena, (size_t)(s->end_row - s->first_row), sizeof *names);
    if (names == NULL) return no_memory(err);
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        leave_out_unlabelled(m, row);
        if (row->left_out == NULL) names[n++] = row->label;
    }
    n = sort_unique(names, n);
    if (n > DATA_MAX_CLASSES) {
        return base_node_fail(s->origin->node, err, BASE_EDATA,
                              "%lld different labels, more than %d classes; 'rules' can map them",
                              (long long)n, DATA_MAX_CLASSES);
    }
    s->class_name = names;
    s->n_classes = (int)n;
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->left_out != NULL) continue;
        const char **found = bsearch(&row->label, names, (size_t)n, sizeof *names, compare_names);
        row->class_index = (int)(found - names);
    }
    return BASE_OK;
}

/* What is made is made for the classes that the configuration names; not all need to occur. */
static void classify_made(source *s, data_manifest *m) {
    s->class_name = s->options->classes.items;
    s->n_classes = s->options->classes.n;
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->left_out == NULL) {
            row->class_index = find_name(s->class_name, s->n_classes, row->label);
        }
    }
}

/* Counts the rows in use in [first, end) of each of n classes. */
static void count_classes(const data_manifest *m, int64_t first, int64_t end, int64_t *count,
                          int n) {
    for (int c = 0; c < n; c++) count[c] = 0;
    for (int64_t i = first; i < end; i++) {
        if (m->rows[i].left_out == NULL) count[m->rows[i].class_index]++;
    }
}

/* Keeps only the classes the configuration names, in its order; each must have a sound. */
static base_status select_classes(source *s, data_manifest *m, base_error *err) {
    base_strings wanted = s->options->classes;
    if (wanted.n == 0) return BASE_OK;
    if (wanted.n > DATA_MAX_CLASSES) {
        return base_node_fail(s->origin->node, err, BASE_ECONFIG, "more than %d classes",
                              DATA_MAX_CLASSES);
    }
    for (int c = 0; c < wanted.n; c++) {
        if (find_name(wanted.items, c, wanted.items[c]) >= 0) {
            return base_node_fail(s->origin->node, err, BASE_ECONFIG, "classes: '%s' stands twice",
                                  wanted.items[c]);
        }
    }
    const base_strings known = {s->class_name, s->n_classes};
    BASE_TRY(check_known(s, wanted, "class", known, err));
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->left_out != NULL) continue;
        row->class_index = find_name(wanted.items, wanted.n, s->class_name[row->class_index]);
        if (row->class_index < 0) row->left_out = "class not selected";
    }
    s->class_name = wanted.items;
    s->n_classes = wanted.n;
    int64_t count[DATA_MAX_CLASSES];
    count_classes(m, s->first_row, s->end_row, count, wanted.n);
    for (int c = 0; c < wanted.n; c++) {
        if (count[c] == 0) {
            return base_node_fail(s->origin->node, err, BASE_EDATA, "no sound of class '%s'",
                                  wanted.items[c]);
        }
    }
    return BASE_OK;
}

/* The classes of all sources so far; their order stays. */
typedef struct {
    const char *names[DATA_MAX_CLASSES];
    int n;
} class_list;

/* Joins the classes of a source to the others. */
static base_status join_classes(const source *s, data_manifest *m, class_list *classes,
                                base_error *err) {
    int joined[DATA_MAX_CLASSES];
    for (int c = 0; c < s->n_classes; c++) {
        int at = find_name(classes->names, classes->n, s->class_name[c]);
        if (at < 0) {
            if (classes->n == DATA_MAX_CLASSES) {
                return base_node_fail(s->origin->node, err, BASE_EDATA, "more than %d classes",
                                      DATA_MAX_CLASSES);
            }
            at = classes->n;
            classes->names[classes->n++] = s->class_name[c];
        }
        joined[c] = at;
    }
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->class_index >= 0) row->class_index = joined[row->class_index];
    }
    return BASE_OK;
}

static base_status add_source(base_node *node, data_manifest *m, class_list *classes,
                              base_error *err) {
    source s = {.first_row = m->n_rows};
    BASE_TRY(data_origin_open(node, m, &s.origin, err));
    BASE_TRY(data_origin_list(s.origin, m, err));
    s.options = &s.origin->common;
    s.end_row = m->n_rows;
    BASE_TRY(select_groups(&s, m, err));
    if (s.origin->source->makes_classes) {
        classify_made(&s, m);
        return join_classes(&s, m, classes, err);
    }
    BASE_TRY(s.options->rules != NULL ? classify_by_rules(&s, m, err)
                                      : classify_by_label(&s, m, err));
    BASE_TRY(select_classes(&s, m, err));
    return join_classes(&s, m, classes, err);
}

/* Drops classes that no row in use has, with a note. */
static base_status keep_used_classes(data_manifest *m, const class_list *all, base_error *err) {
    int n = all->n;
    int64_t count[DATA_MAX_CLASSES];
    int kept[DATA_MAX_CLASSES];
    count_classes(m, 0, m->n_rows, count, n);
    const char **classes = base_arena_alloc(&m->arena, (size_t)n, sizeof *classes);
    if (classes == NULL) return no_memory(err);
    for (int c = 0; c < n; c++) {
        kept[c] = m->n_classes;
        if (count[c] > 0) {
            classes[m->n_classes++] = all->names[c];
        } else {
            data_manifest_note(m, "class '%s' is left out: no sound belongs to it", all->names[c]);
        }
    }
    m->classes = classes;
    for (int64_t i = 0; i < m->n_rows; i++) {
        if (m->rows[i].class_index >= 0) m->rows[i].class_index = kept[m->rows[i].class_index];
    }
    if (m->n_classes > 0) return BASE_OK;
    return base_fail(err, BASE_EDATA, "none of the %lld sounds found is in use%s%s",
                     (long long)m->n_rows, m->n_rows > 0 ? "; the first: " : "",
                     m->n_rows > 0 ? m->rows[0].left_out : "");
}

static base_status add_sources(base_node *dataset, data_manifest *m, base_error *err) {
    class_list classes = {.n = 0};
    if (dataset->kind != BASE_NODE_LIST) {
        BASE_TRY(add_source(dataset, m, &classes, err));
    } else {
        for (base_node *node = dataset->child; node != NULL; node = node->next) {
            BASE_TRY(add_source(node, m, &classes, err));
        }
    }
    BASE_TRY(keep_used_classes(m, &classes, err));
    BASE_TRY(data_alike_note(m, err));
    return data_manifest_check_trained(m, err);
}

/* A copy that still tells its place in the configuration. */
static base_node *copy_in_place(const base_node *node, base_arena *arena) {
    base_node *copy = base_node_copy(node, arena);
    if (copy != NULL) {
        copy->key = node->key;
        copy->parent = node->parent;
    }
    return copy;
}

void data_manifest_release(data_manifest *manifest) {
    if (manifest == NULL) return;
    for (data_origin *o = manifest->origins; o != NULL; o = o->next) {
        if (o->source->close != NULL) o->source->close(o);
    }
    base_free(manifest->rows);
    base_arena_release(&manifest->arena);
    *manifest = (data_manifest){0};
}

static base_status begin(const base_node *dataset, const data_manifest_request *request,
                         data_manifest *manifest, base_error *err) {
    *manifest = (data_manifest){.request = *request};
    if (request->sounds_folder == NULL) manifest->request.sounds_folder = request->config_folder;
    manifest->dataset = copy_in_place(dataset, &manifest->arena);
    return manifest->dataset != NULL ? BASE_OK : no_memory(err);
}

base_status data_manifest_open(const base_node *dataset, const data_manifest_request *request,
                               data_manifest *manifest, base_error *err) {
    base_status status = begin(dataset, request, manifest, err);
    if (status == BASE_OK) status = add_sources(manifest->dataset, manifest, err);
    if (status != BASE_OK && manifest->n_unread > 0) { /* what else is wrong may follow from it */
        status = base_fail(err, BASE_EIO, "%s", manifest->unread[0]);
    }
    if (status != BASE_OK) data_manifest_release(manifest);
    return status;
}

static base_status check_sources(base_node *dataset, data_manifest *m, base_error *err) {
    data_origin *origin;
    if (dataset->kind != BASE_NODE_LIST) return data_origin_open(dataset, m, &origin, err);
    for (base_node *node = dataset->child; node != NULL; node = node->next) {
        BASE_TRY(data_origin_open(node, m, &origin, err));
    }
    return BASE_OK;
}

base_status data_manifest_check(const base_node *dataset, const data_manifest_request *request,
                                base_error *err) {
    data_manifest manifest;
    base_status status = begin(dataset, request, &manifest, err);
    if (status == BASE_OK) status = check_sources(manifest.dataset, &manifest, err);
    data_manifest_release(&manifest);
    return status;
}
