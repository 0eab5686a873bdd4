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

/* The others keep to themselves. */
static bool is_dealt_or_trains(const data_folds *folds, int64_t clip) {
    return folds->use[clip] == DATA_USE_FOLDS || folds->use[clip] == DATA_USE_TRAIN;
}

static void join_by_key(const data_manifest *manifest, const data_clips *clips,
                        const data_folds *folds, key_kind kind, group_key *keys, int64_t *parent) {
    int64_t n = 0;
    for (int64_t i = 0; i < clips->n_clips; i++) {
        if (!is_dealt_or_trains(folds, i)) continue;
        keys[n].clip = i;
        n += key_of(&manifest->rows[clips->row[i]], kind, &keys[n]);
    }
    qsort(keys, (size_t)n, sizeof *keys, compare_keys);
    for (int64_t i = 1; i < n; i++) {
        if (compare_keys(&keys[i - 1], &keys[i]) == 0) {
            data_sets_join(parent, keys[i - 1].clip, keys[i].clip);
        }
    }
}

/* Sounds made from one-shots belong to copies of these. */
static base_status join_parts(const data_manifest *manifest, const data_clips *clips,
                              const data_folds *folds, int64_t *parent, base_error *err) {
    int64_t n = 0;
    data_content *contents = base_alloc((size_t)clips->n_clips, sizeof *contents);
    if (contents == NULL) return no_memory(err);
    for (int64_t i = 0; i < clips->n_clips; i++) {
        if (!is_dealt_or_trains(folds, i)) continue;
        contents[n++] = (data_content){manifest->rows[clips->row[i]].content, i};
    }
    data_contents_sort(contents, n);
    for (int64_t i = 0; i < clips->n_clips; i++) {
        const data_row *row = &manifest->rows[clips->row[i]];
        if (!is_dealt_or_trains(folds, i)) continue;
        for (int64_t p = 0; p < row->n_parts; p++) {
            const data_content *copy = data_contents_find(contents, n, row->parts[p].content);
            if (copy != NULL) data_sets_join(parent, i, copy->item);
        }
    }
    base_free(contents);
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

static base_status find_clip_groups(const data_manifest *manifest, const data_clips *clips,
                                    const data_folds_options *options, data_folds *folds,
                                    base_error *err) {
    BASE_TRY(check_group_names(options, err));
    int64_t n = clips->n_clips;
    int64_t *parent = base_alloc((size_t)n, sizeof *parent);
    group_key *keys = base_alloc((size_t)n + 1, sizeof *keys);
    base_status status = parent != NULL && keys != NULL ? BASE_OK : no_memory(err);
    if (status == BASE_OK) data_sets_init(parent, n);
    for (int i = 0; status == BASE_OK && i < options->group.n; i++) {
        bool kit = strcmp(options->group.items[i], "kit") == 0;
        join_by_key(manifest, clips, folds, kit ? BY_KIT : BY_DUPLICATE, keys, parent);
        if (kit) continue;
        join_by_key(manifest, clips, folds, BY_FAMILY, keys, parent);
        status = join_parts(manifest, clips, folds, parent, err);
    }
    if (status == BASE_OK) folds->n_groups = data_sets_number(parent, n, folds->group);
    base_free(parent);
    base_free(keys);
    return status;
}

/* ---- what cannot be ---- */

static int compare_int64(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* n_samples and n_groups of every class, of what is dealt: [n_classes] each. */
static base_status count_classes(const data_folds *folds, const data_clips *clips,
                                 int64_t n_classes, int64_t *n_samples, int64_t *n_groups,
                                 base_error *err) {
    int64_t n = 0;
    int64_t *pairs = base_alloc((size_t)clips->n_clips, sizeof *pairs);
    if (pairs == NULL) return no_memory(err);
    for (int64_t i = 0; i < clips->n_clips; i++) {
        if (folds->use[i] != DATA_USE_FOLDS) continue;
        pairs[n++] = folds->group[i] * n_classes + clips->label[i];
    }
    qsort(pairs, (size_t)n, sizeof *pairs, compare_int64);
    for (int64_t i = 0; i < n; i++) {
        n_samples[pairs[i] % n_classes]++;
        n_groups[pairs[i] % n_classes] += i == 0 || pairs[i] != pairs[i - 1];
    }
    base_free(pairs);
    return BASE_OK;
}

/* The number of parts that each need every class. */
static int64_t n_parts(const data_folds_options *options) {
    return options->k > 1 ? options->k : 2;
}

static base_status check_class_size(const char *name, int64_t n_samples, int64_t n_groups,
                                    const data_folds_options *options, base_error *err) {
    if (n_groups >= n_parts(options)) return BASE_OK;
    if (n_samples == 0) {
        return base_fail(err, BASE_EDATA,
                         "class '%s' has no sound for a fold to test: none of its sounds has use: "
                         "folds",
                         name);
    }
    bool grouped = n_groups < n_samples;
    const char *s = n_groups == 1 ? "" : "s", *of = grouped ? " of samples" : "";
    const char *unit = grouped ? "group" : "sample", *advice = grouped ? ", or group less" : "";
    if (options->k == 1) {
        return base_fail(err, BASE_EDATA,
                         "class '%s' has %lld %s%s%s; folds.holdout needs one to hold out and one "
                         "to train; leave the class out%s",
                         name, (long long)n_groups, unit, s, of, advice);
    }
    return base_fail(err, BASE_EDATA,
                     "class '%s' has %lld %s%s%s, fewer than folds.k = %lld; lower folds.k, leave "
                     "the class out%s",
                     name, (long long)n_groups, unit, s, of, (long long)options->k, advice);
}

typedef struct {
    int64_t *n_samples, *n_groups; /* [n_classes] */
    int64_t *in_part;              /* [n_classes][n_parts] clips; with k 1: held out, training */
} class_facts;

static base_status check_presence(const data_manifest *manifest, const data_clips *clips,
                                  const data_folds_options *options, const data_folds *folds,
                                  const class_facts *facts, base_error *err) {
    int64_t parts = n_parts(options);
    for (int64_t i = 0; i < clips->n_clips; i++) {
        if (folds->use[i] != DATA_USE_FOLDS) continue;
        int64_t part = folds->fold[i] >= 0 ? folds->fold[i] : 1; /* -1 only with k 1 */
        facts->in_part[clips->label[i] * parts + part]++;
    }
    for (int64_t i = 0; i < manifest->n_classes * parts; i++) {
        if (facts->in_part[i] > 0) continue;
        char part[64];
        snprintf(part, sizeof part, "fold %lld of %lld", (long long)(i % parts),
                 (long long)options->k);
        const char *where = options->k > 1 ? part
                            : i % parts    ? "the training part"
                                           : "the held-out part";
        const char *advice = options->file != NULL ? options->file
                             : !options->stratify
                                 ? "set folds.stratify: true"
                                 : "no assignment that keeps groups whole was found; lower "
                                   "folds.k, leave the class out, or group less";
        return base_fail(err, BASE_EDATA,
                         "class '%s' (%lld samples in %lld groups) is absent from %s: %s",
                         manifest->classes[i / parts], (long long)facts->n_samples[i / parts],
                         (long long)facts->n_groups[i / parts], where, advice);
    }
    return BASE_OK;
}

static base_status check_straddle(const data_manifest *manifest, const data_clips *clips,
                                  const data_folds *folds, const char *path, base_error *err) {
    int64_t *first = base_alloc((size_t)folds->n_groups, sizeof *first);
    if (first == NULL) return no_memory(err);
    for (int64_t i = 0; i < folds->n_groups; i++) first[i] = -1;
    base_status status = BASE_OK;
    for (int64_t i = 0; i < folds->n_clips && status == BASE_OK; i++) {
        if (folds->use[i] != DATA_USE_FOLDS) continue;
        int64_t *other = &first[folds->group[i]];
        if (*other < 0) *other = i;
        if (folds->fold[i] == folds->fold[*other]) continue;
        status = base_fail(err, BASE_EDATA,
                           "%s: '%s' and '%s' belong together (folds.group) but are in folds %d "
                           "and %d; group less to follow the file all the same",
                           path, manifest->rows[clips->row[*other]].path,
                           manifest->rows[clips->row[i]].path, folds->fold[*other], folds->fold[i]);
    }
    base_free(first);
    return status;
}

/* ---- all of it ---- */

enum { MAX_FOLDS = 20 };

base_status data_folds_assign(const int32_t *label, const int64_t *group_of, int64_t n,
                              int64_t n_classes, int64_t k, bool stratify, uint64_t seed,
                              int32_t *fold, base_error *err) {
    BASE_CHECK(k >= 2 && k <= MAX_FOLDS);
    double share[MAX_FOLDS];
    for (int64_t f = 0; f < k; f++) share[f] = 1.0 / (double)k;
    data_folds_list clips = {.label = label,
                             .group = group_of,
                             .n = n,
                             .n_classes = n_classes,
                             .stratify = stratify,
                             .seed = seed};
    return data_folds_search(&clips, share, k, fold, err);
}

/* The clips of use: folds as a list of their own. */
typedef struct {
    int64_t *clip, *group; /* [n] */
    int32_t *label, *fold;
    int64_t n;
} dealt_clips;

static base_status gather_dealt(const data_clips *clips, const data_folds *folds, base_arena *arena,
                                dealt_clips *dealt, base_error *err) {
    size_t n = (size_t)clips->n_clips;
    *dealt = (dealt_clips){.clip = base_arena_alloc(arena, n, sizeof *dealt->clip),
                           .group = base_arena_alloc(arena, n, sizeof *dealt->group),
                           .label = base_arena_alloc(arena, n, sizeof *dealt->label),
                           .fold = base_arena_alloc(arena, n, sizeof *dealt->fold)};
    if (!dealt->clip || !dealt->group || !dealt->label || !dealt->fold) return no_memory(err);
    for (int64_t i = 0; i < clips->n_clips; i++) {
        if (folds->use[i] != DATA_USE_FOLDS) continue;
        dealt->clip[dealt->n] = i;
        dealt->group[dealt->n] = folds->group[i];
        dealt->label[dealt->n++] = clips->label[i];
    }
    return BASE_OK;
}

/* Part 0 is held out, part 1 always trains. */
static base_status assign_holdout(const data_folds_list *clips, double holdout, int32_t *fold,
                                  base_error *err) {
    double share[2] = {holdout, 1.0 - holdout};
    BASE_TRY(data_folds_search(clips, share, 2, fold, err));
    for (int64_t i = 0; i < clips->n; i++) fold[i] = fold[i] == 0 ? 0 : DATA_FOLD_NONE;
    return BASE_OK;
}

static base_status assign_clips(const data_manifest *manifest, const data_clips *clips,
                                const data_folds_options *options, const class_facts *facts,
                                data_folds *folds, base_arena *arena, base_error *err) {
    dealt_clips dealt;
    for (int c = 0; c < manifest->n_classes; c++) {
        BASE_TRY(check_class_size(manifest->classes[c], facts->n_samples[c], facts->n_groups[c],
                                  options, err));
    }
    BASE_TRY(gather_dealt(clips, folds, arena, &dealt, err));
    data_folds_list list = {.label = dealt.label,
                            .group = dealt.group,
                            .n = dealt.n,
                            .n_classes = manifest->n_classes,
                            .stratify = options->stratify,
                            .seed = (uint64_t)options->seed};
    BASE_TRY(options->k == 1
                 ? assign_holdout(&list, options->holdout, dealt.fold, err)
                 : data_folds_assign(list.label, list.group, list.n, list.n_classes, options->k,
                                     list.stratify, list.seed, dealt.fold, err));
    for (int64_t i = 0; i < dealt.n; i++) folds->fold[dealt.clip[i]] = dealt.fold[i];
    return BASE_OK;
}

/* Clips that only train stay away from the fold that tests their group. */
static base_status place_others(data_folds *folds, base_arena *arena, base_error *err) {
    int32_t *tested_in = base_arena_alloc(arena, (size_t)folds->n_groups, sizeof *tested_in);
    if (tested_in == NULL) return no_memory(err);
    for (int64_t i = 0; i < folds->n_groups; i++) tested_in[i] = DATA_FOLD_NONE;
    for (int64_t i = 0; i < folds->n_clips; i++) {
        if (folds->use[i] == DATA_USE_FOLDS) tested_in[folds->group[i]] = folds->fold[i];
    }
    for (int64_t i = 0; i < folds->n_clips; i++) {
        if (folds->use[i] == DATA_USE_FOLDS) continue;
        bool trains = folds->use[i] == DATA_USE_TRAIN;
        folds->fold[i] = trains ? tested_in[folds->group[i]] : DATA_FOLD_UNSEEN;
    }
    return BASE_OK;
}

static base_status make_within(const data_manifest *manifest, const data_clips *clips,
                               const data_folds_options *options, data_folds *folds,
                               base_arena *arena, base_error *err) {
    size_t n_classes = (size_t)manifest->n_classes;
    class_facts facts = {
        .n_samples = base_arena_alloc(arena, n_classes, sizeof(int64_t)),
        .n_groups = base_arena_alloc(arena, n_classes, sizeof(int64_t)),
        .in_part = base_arena_alloc(arena, n_classes * (size_t)n_parts(options), sizeof(int64_t)),
    };
    if (facts.n_samples == NULL || facts.n_groups == NULL || facts.in_part == NULL) {
        return no_memory(err);
    }
    for (int64_t i = 0; i < clips->n_clips; i++) {
        const data_row *row = &manifest->rows[clips->row[i]];
        folds->use[i] = (uint8_t)(row->left_out != NULL ? DATA_USE_NONE : row->use);
    }
    BASE_TRY(find_clip_groups(manifest, clips, options, folds, err));
    BASE_TRY(
        count_classes(folds, clips, manifest->n_classes, facts.n_samples, facts.n_groups, err));
    if (options->file != NULL) {
        BASE_TRY(data_folds_replay(manifest, clips, options, folds, err));
        BASE_TRY(check_straddle(manifest, clips, folds, options->file, err));
    } else {
        BASE_TRY(assign_clips(manifest, clips, options, &facts, folds, arena, err));
    }
    BASE_TRY(place_others(folds, arena, err));
    return check_presence(manifest, clips, options, folds, &facts, err);
}

base_status data_folds_make(const data_manifest *manifest, const data_clips *clips,
                            const data_folds_options *options, data_folds *folds, base_error *err) {
    *folds = (data_folds){.n_folds = options->k, .n_clips = clips->n_clips};
    folds->fold = base_alloc((size_t)clips->n_clips, sizeof *folds->fold);
    folds->group = base_alloc((size_t)clips->n_clips, sizeof *folds->group);
    folds->use = base_alloc((size_t)clips->n_clips, sizeof *folds->use);
    base_arena arena = {0};
    bool allocated = folds->fold != NULL && folds->group != NULL && folds->use != NULL;
    base_status status =
        allocated ? make_within(manifest, clips, options, folds, &arena, err) : no_memory(err);
    base_arena_release(&arena);
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
    if (!is_dealt_or_trains(folds, clip)) return false;
    return fold == DATA_FOLD_NONE || folds->fold[clip] != fold;
}

bool data_folds_tests(const data_folds *folds, int64_t fold, int64_t clip) {
    return fold != DATA_FOLD_NONE && folds->use[clip] == DATA_USE_FOLDS &&
           folds->fold[clip] == fold;
}
