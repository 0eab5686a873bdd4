#include "data/folds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/contents.h"
#include "data/folds_file.h"
#include "data/folds_search.h"
#include "data/sets.h"

#define FIELD(name) offsetof(data_folds_options, name)

const base_option data_folds_table[] = {
    {"k", BASE_OPT_INT, FIELD(k), "5", 1, 20, NULL, "folds",
     "parts the clips are cut into, each tested once; 1 holds out one part only"},
    {"stratify", BASE_OPT_BOOL, FIELD(stratify), "true", 0, 0, NULL, NULL,
     "every fold gets its share of every class"},
    {"group", BASE_OPT_STRINGS, FIELD(group), "[duplicates]", 0, 0, NULL, NULL,
     "what is never split between folds: duplicates, kit, both or none ([])"},
    {"seed", BASE_OPT_INT, FIELD(seed), "0", 0, 9e15, NULL, NULL,
     "decides which of the equally good assignments is taken"},
    {"holdout", BASE_OPT_FLOAT, FIELD(holdout), "0.2", 0.01, 0.9, NULL, NULL,
     "with k 1: the share of clips held out"},
    {"compare", BASE_OPT_STRINGS, FIELD(compare), "[]", 0, 0, NULL, NULL,
     "what a second set of folds, reported beside the first, keeps whole: [kit]; []: no second "
     "set"},
    {"near", BASE_OPT_FLOAT, FIELD(near), "0", 0, 1, NULL, NULL,
     "clips whose fingerprints' cosine is at least this are duplicates too; 0: exact copies only"},
    {"file", BASE_OPT_STRING, FIELD(file), "~", 0, 0, NULL, NULL,
     "folds.csv of an earlier run or of a benchmark to follow instead"},
    {0},
};

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "folds: out of memory");
}

/* Folds while they are made. */
typedef struct {
    const data_manifest *manifest;
    const data_clips *clips;
    const data_folds_options *options;
    data_folds *folds;
    int64_t *n_samples, *n_groups; /* [n_classes] of the clips of use: folds */
    base_arena arena;
} making;

static const data_row *row_of(const making *m, int64_t clip) {
    return &m->manifest->rows[m->clips->row[clip]];
}

/* ---- which clips belong together ---- */

typedef struct {
    const char *text;
    int64_t number, clip;
} group_key;

static int compare_keys(const void *a, const void *b) {
    const group_key *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

typedef enum { BY_KIT, BY_DUPLICATE, BY_FAMILY } key_kind;

/* Whether the row has a key of this kind, and which. */
static bool key_of(const data_row *row, key_kind kind, group_key *key) {
    const char *text = kind == BY_KIT ? row->group : kind == BY_FAMILY ? row->family : "";
    key->text = text != NULL ? text : "";
    key->number = kind == BY_DUPLICATE ? row->duplicate : 0;
    return kind == BY_DUPLICATE ? row->duplicate >= 0 : key->text[0] != '\0';
}

/* Clips that take no part, or are for testing alone, stay alone. */
static bool has_group(const data_folds *folds, int64_t clip) {
    return folds->use[clip] == DATA_USE_FOLDS || folds->use[clip] == DATA_USE_TRAIN;
}

static void join_by_key(const making *m, key_kind kind, group_key *keys, int64_t *parent) {
    int64_t n = 0;
    for (int64_t i = 0; i < m->clips->n_clips; i++) {
        if (!has_group(m->folds, i)) continue;
        keys[n].clip = i;
        n += key_of(row_of(m, i), kind, &keys[n]);
    }
    qsort(keys, (size_t)n, sizeof *keys, compare_keys);
    for (int64_t i = 1; i < n; i++) {
        if (compare_keys(&keys[i - 1], &keys[i]) == 0) {
            data_sets_join(parent, keys[i - 1].clip, keys[i].clip);
        }
    }
}

/* Sounds made from one-shots belong to copies of these. */
static base_status join_parts(making *m, int64_t *parent, base_error *err) {
    int64_t n = 0, n_clips = m->clips->n_clips;
    data_content *contents = base_arena_alloc(&m->arena, (size_t)n_clips, sizeof *contents);
    if (contents == NULL) return no_memory(err);
    for (int64_t i = 0; i < n_clips; i++) {
        if (has_group(m->folds, i)) contents[n++] = (data_content){row_of(m, i)->content, i};
    }
    data_contents_sort(contents, n);
    for (int64_t i = 0; i < n_clips; i++) {
        const data_row *row = row_of(m, i);
        if (!has_group(m->folds, i)) continue;
        for (int64_t p = 0; p < row->n_parts; p++) {
            const data_content *copy = data_contents_find(contents, n, row->parts[p].content);
            if (copy != NULL) data_sets_join(parent, i, copy->item);
        }
    }
    return BASE_OK;
}

static base_status check_group_names(const data_folds_options *options, base_error *err) {
    for (int i = 0; i < options->group.n; i++) {
        const char *name = options->group.items[i];
        if (strcmp(name, "duplicates") != 0 && strcmp(name, "kit") != 0) {
            return base_fail(err, BASE_ECONFIG, "folds.group: '%s' is neither duplicates nor kit",
                             name);
        }
    }
    return BASE_OK;
}

static base_status find_clip_groups(making *m, base_error *err) {
    const base_strings *by = &m->options->group;
    int64_t n = m->clips->n_clips;
    BASE_TRY(check_group_names(m->options, err));
    int64_t *parent = base_arena_alloc(&m->arena, (size_t)n, sizeof *parent);
    group_key *keys = base_arena_alloc(&m->arena, (size_t)n + 1, sizeof *keys);
    if (parent == NULL || keys == NULL) return no_memory(err);
    data_sets_init(parent, n);
    for (int i = 0; i < by->n; i++) {
        bool kit = strcmp(by->items[i], "kit") == 0;
        join_by_key(m, kit ? BY_KIT : BY_DUPLICATE, keys, parent);
        if (kit) continue;
        join_by_key(m, BY_FAMILY, keys, parent);
        BASE_TRY(join_parts(m, parent, err));
    }
    m->folds->n_groups = data_sets_number(parent, n, m->folds->group);
    return BASE_OK;
}

/* ---- checks ---- */

static int compare_int64(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static base_status count_classes(making *m, base_error *err) {
    int64_t n = 0, n_classes = m->manifest->n_classes;
    int64_t *pairs = base_arena_alloc(&m->arena, (size_t)m->clips->n_clips, sizeof *pairs);
    m->n_samples = base_arena_alloc(&m->arena, (size_t)n_classes, sizeof *m->n_samples);
    m->n_groups = base_arena_alloc(&m->arena, (size_t)n_classes, sizeof *m->n_groups);
    if (pairs == NULL || m->n_samples == NULL || m->n_groups == NULL) return no_memory(err);
    for (int64_t i = 0; i < m->clips->n_clips; i++) {
        if (m->folds->use[i] != DATA_USE_FOLDS) continue;
        pairs[n++] = m->folds->group[i] * n_classes + m->clips->label[i];
    }
    qsort(pairs, (size_t)n, sizeof *pairs, compare_int64);
    for (int64_t i = 0; i < n; i++) {
        m->n_samples[pairs[i] % n_classes]++;
        m->n_groups[pairs[i] % n_classes] += i == 0 || pairs[i] != pairs[i - 1];
    }
    return BASE_OK;
}

/* The number of parts that each need every class. */
static int64_t n_parts(const data_folds_options *options) {
    return options->k > 1 ? options->k : 2;
}

static base_status check_class_size(const making *m, int c, base_error *err) {
    const char *name = m->manifest->classes[c];
    int64_t n_samples = m->n_samples[c], n_groups = m->n_groups[c], k = m->options->k;
    if (n_groups >= n_parts(m->options)) return BASE_OK;
    if (n_samples == 0) {
        return base_fail(err, BASE_EDATA,
                         "class '%s' has no sound for a fold to test: none of its sounds has use: "
                         "folds",
                         name);
    }
    bool grouped = n_groups < n_samples;
    const char *s = n_groups == 1 ? "" : "s", *of = grouped ? " of samples" : "";
    const char *unit = grouped ? "group" : "sample", *advice = grouped ? ", or group less" : "";
    if (k == 1) {
        return base_fail(err, BASE_EDATA,
                         "class '%s' has %lld %s%s%s; folds.holdout needs one to hold out and one "
                         "to train; leave the class out%s",
                         name, (long long)n_groups, unit, s, of, advice);
    }
    return base_fail(err, BASE_EDATA,
                     "class '%s' has %lld %s%s%s, fewer than folds.k = %lld; lower folds.k, leave "
                     "the class out%s",
                     name, (long long)n_groups, unit, s, of, (long long)k, advice);
}

static const char *advice_on_absence(const data_folds_options *options) {
    if (options->file != NULL) return options->file;
    if (!options->stratify) return "set folds.stratify: true";
    return "no assignment that keeps groups whole was found; lower folds.k, leave the class out, "
           "or "
           "group less";
}

/* Folds that leave one source out each need not hold every class, but none may test a class that it
 * did not train on, or nothing. `count` [class][part]. */
static base_status check_replayed(const making *m, const int64_t *count, base_error *err) {
    int64_t k = m->options->k;
    for (int64_t part = 0; part < k; part++) {
        int64_t n_clips = 0;
        for (int c = 0; c < m->manifest->n_classes; c++) n_clips += count[c * k + part];
        if (n_clips > 0) continue;
        return base_fail(err, BASE_EDATA, "%s: fold %lld of %lld tests nothing", m->options->file,
                         (long long)part, (long long)k);
    }
    for (int c = 0; c < m->manifest->n_classes; c++) {
        int64_t n_with = 0;
        for (int64_t part = 0; part < k; part++) n_with += count[c * k + part] > 0;
        if (n_with > 1) continue;
        return base_fail(err, BASE_EDATA,
                         "%s: class '%s' is in one fold only, which cannot train on it",
                         m->options->file, m->manifest->classes[c]);
    }
    return BASE_OK;
}

/* Every class must be in every fold, or in several if a file says which; with k 1, in what is held
 * out and in what trains. */
static base_status check_presence(making *m, base_error *err) {
    const data_folds *folds = m->folds;
    int64_t parts = n_parts(m->options), n = m->manifest->n_classes * parts;
    int64_t *count = base_arena_alloc(&m->arena, (size_t)n, sizeof *count); /* [class][part] */
    if (count == NULL) return no_memory(err);
    for (int64_t i = 0; i < folds->n_clips; i++) {
        if (folds->use[i] != DATA_USE_FOLDS) continue;
        int64_t part = folds->fold[i] >= 0 ? folds->fold[i] : 1; /* -1 only with k 1 */
        count[m->clips->label[i] * parts + part]++;
    }
    if (m->options->file != NULL && m->options->k > 1) return check_replayed(m, count, err);
    for (int64_t i = 0; i < n; i++) {
        if (count[i] > 0) continue;
        char part[64];
        snprintf(part, sizeof part, "fold %lld of %lld", (long long)(i % parts),
                 (long long)m->options->k);
        const char *where = m->options->k > 1 ? part
                            : i % parts       ? "the training part"
                                              : "the held-out part";
        return base_fail(err, BASE_EDATA,
                         "class '%s' (%lld samples in %lld groups) is absent from %s: %s",
                         m->manifest->classes[i / parts], (long long)m->n_samples[i / parts],
                         (long long)m->n_groups[i / parts], where, advice_on_absence(m->options));
    }
    return BASE_OK;
}

/* A folds.csv must not split groups either. */
static base_status check_whole_groups(making *m, base_error *err) {
    const data_folds *folds = m->folds;
    int64_t *first = base_arena_alloc(&m->arena, (size_t)folds->n_groups, sizeof *first);
    if (first == NULL) return no_memory(err);
    for (int64_t i = 0; i < folds->n_groups; i++) first[i] = -1;
    for (int64_t i = 0; i < folds->n_clips; i++) {
        if (folds->use[i] != DATA_USE_FOLDS) continue;
        int64_t *other = &first[folds->group[i]];
        if (*other < 0) *other = i;
        if (folds->fold[i] == folds->fold[*other]) continue;
        return base_fail(err, BASE_EDATA,
                         "%s: '%s' and '%s' belong together (folds.group) but are in folds %d and "
                         "%d; group less to follow the file all the same",
                         m->options->file, row_of(m, *other)->path, row_of(m, i)->path,
                         folds->fold[*other], folds->fold[i]);
    }
    return BASE_OK;
}

/* ---- all of it ---- */

/* Searches folds for the clips of use: folds, as a list of their own. */
static base_status assign_clips(making *m, base_error *err) {
    const data_clips *clips = m->clips;
    const data_folds_options *o = m->options;
    const double share[2] = {o->holdout, 1.0 - o->holdout}; /* k 1: held out, always training */
    size_t n = (size_t)clips->n_clips;
    int32_t *label = base_arena_alloc(&m->arena, n, sizeof *label);
    int32_t *fold = base_arena_alloc(&m->arena, n, sizeof *fold);
    int64_t *group = base_arena_alloc(&m->arena, n, sizeof *group);
    if (label == NULL || fold == NULL || group == NULL) return no_memory(err);
    for (int c = 0; c < m->manifest->n_classes; c++) BASE_TRY(check_class_size(m, c, err));
    data_folds_list list = {.label = label,
                            .group = group,
                            .n_classes = m->manifest->n_classes,
                            .k = n_parts(o),
                            .share = o->k == 1 ? share : NULL,
                            .stratify = o->stratify,
                            .seed = (uint64_t)o->seed};
    for (int64_t i = 0; i < clips->n_clips; i++) {
        if (m->folds->use[i] != DATA_USE_FOLDS) continue;
        label[list.n] = clips->label[i];
        group[list.n++] = m->folds->group[i];
    }
    BASE_TRY(data_folds_search(&list, fold, err));
    for (int64_t i = 0, j = 0; i < clips->n_clips; i++) {
        if (m->folds->use[i] != DATA_USE_FOLDS) continue;
        m->folds->fold[i] = o->k == 1 && fold[j] == 1 ? DATA_FOLD_NONE : fold[j];
        j++;
    }
    return BASE_OK;
}

/* Clips that only train stay away from the fold that tests their group. */
static base_status place_others(making *m, base_error *err) {
    data_folds *folds = m->folds;
    int32_t *tested_in = base_arena_alloc(&m->arena, (size_t)folds->n_groups, sizeof *tested_in);
    if (tested_in == NULL) return no_memory(err);
    for (int64_t i = 0; i < folds->n_groups; i++) tested_in[i] = DATA_FOLD_NONE;
    for (int64_t i = 0; i < folds->n_clips; i++) {
        if (folds->use[i] == DATA_USE_FOLDS) tested_in[folds->group[i]] = folds->fold[i];
    }
    for (int64_t i = 0; i < folds->n_clips; i++) {
        if (folds->use[i] == DATA_USE_FOLDS) continue;
        bool trains = folds->use[i] == DATA_USE_TRAIN;
        folds->fold[i] = trains ? tested_in[folds->group[i]] : DATA_FOLD_HELD_OUT;
    }
    return BASE_OK;
}

static base_status make(making *m, base_error *err) {
    for (int64_t i = 0; i < m->clips->n_clips; i++) {
        const data_row *row = row_of(m, i);
        m->folds->use[i] = (uint8_t)(row->left_out != NULL ? DATA_USE_NONE : row->use);
    }
    BASE_TRY(find_clip_groups(m, err));
    BASE_TRY(count_classes(m, err));
    if (m->options->file != NULL) {
        BASE_TRY(data_folds_replay(m->manifest, m->clips, m->options, m->folds, err));
        BASE_TRY(check_whole_groups(m, err));
    } else {
        BASE_TRY(assign_clips(m, err));
    }
    BASE_TRY(place_others(m, err));
    return check_presence(m, err);
}

base_status data_folds_make(const data_manifest *manifest, const data_clips *clips,
                            const data_folds_options *options, data_folds *folds, base_error *err) {
    *folds = (data_folds){.n_folds = options->k, .n_clips = clips->n_clips};
    folds->fold = base_alloc((size_t)clips->n_clips, sizeof *folds->fold);
    folds->group = base_alloc((size_t)clips->n_clips, sizeof *folds->group);
    folds->use = base_alloc((size_t)clips->n_clips, sizeof *folds->use);
    making m = {.manifest = manifest, .clips = clips, .options = options, .folds = folds};
    bool allocated = folds->fold != NULL && folds->group != NULL && folds->use != NULL;
    base_status status = allocated ? make(&m, err) : no_memory(err);
    base_arena_release(&m.arena);
    if (status != BASE_OK) data_folds_release(folds);
    return status;
}

void data_folds_release(data_folds *folds) {
    if (folds == NULL) return;
    base_free(folds->fold);
    base_free(folds->group);
    base_free(folds->use);
    *folds = (data_folds){0};
}

bool data_folds_trains(const data_folds *folds, int64_t fold, int64_t clip) {
    if (!has_group(folds, clip)) return false;
    return fold == DATA_FOLD_NONE || folds->fold[clip] != fold;
}

bool data_folds_tests(const data_folds *folds, int64_t fold, int64_t clip) {
    return fold != DATA_FOLD_NONE && folds->use[clip] == DATA_USE_FOLDS &&
           folds->fold[clip] == fold;
}
