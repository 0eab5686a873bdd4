/* Which sounds join the training data. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/study/curate_internal.h"

/* A choice under way; all lists are sorted when something is looked up in them. */
typedef struct {
    const train_curate_choice *asked;
    train_curate_proposals *made;
    train_curate_row *before; /* the record before, by path */
    const char **said;        /* contents of the sounds that a person labelled */
    const char **taken;       /* of these and of those that stay */
    const train_curate_sound **sure;
    int64_t n_said, n_taken, n_sure;
} choosing;

static void *find(const void *items, int64_t n, size_t size_bytes, const char *path) {
    return n > 0 ? bsearch(&path, items, (size_t)n, size_bytes, train__curate_compare) : NULL;
}

static const train_curate_sound *find_sound(const choosing *c, const char *path) {
    return find(c->asked->sounds, c->asked->n_sounds, sizeof *c->asked->sounds, path);
}

static const train_curate_row *find_before(const choosing *c, const char *path) {
    return find(c->before, c->asked->before->n, sizeof *c->before, path);
}

static bool has_label(const choosing *c, const char *path) {
    const train_curate_labels *labels = c->asked->labels;
    return find(labels->items, labels->n, sizeof *labels->items, path) != NULL;
}

static bool is_among(const char *const *contents, int64_t n, const char *content) {
    return content[0] != '\0' && find(contents, n, sizeof *contents, content) != NULL;
}

static void add_row(choosing *c, const train_curate_row *row) {
    c->made->record.rows[c->made->record.n++] = *row;
}

/* ---- what a person said, and what stays ---- */

static void take_labels(choosing *c) {
    for (int64_t i = 0; i < c->asked->labels->n; i++) {
        const train_curate_label *label = &c->asked->labels->items[i];
        const train_curate_sound *sound = find_sound(c, label->path);
        const train_curate_row *before = find_before(c, label->path);
        if (sound == NULL) continue;
        if (sound->content[0] != '\0') c->said[c->n_said++] = sound->content;
        if (label->class_index < 0) {
            c->made->n_never++;
            continue;
        }
        bool is_old = before != NULL && before->by_person && //
                      before->class_index == label->class_index;
        add_row(c, &(train_curate_row){.path = label->path,
                                       .class_index = label->class_index,
                                       .confidence = NAN,
                                       .round = is_old ? before->round : c->asked->round,
                                       .model = "",
                                       .content = sound->content,
                                       .by_person = true});
        c->made->n_person++;
    }
    qsort(c->said, (size_t)c->n_said, sizeof *c->said, train__curate_compare);
}

/* Whether a sound that was proposed before, if it was, still is. */
static bool stays(const choosing *c, const train_curate_row *before) {
    return before != NULL && !before->by_person && !has_label(c, before->path) &&
           find_sound(c, before->path) != NULL && !is_among(c->said, c->n_said, before->content);
}

static void keep_proposals(choosing *c) {
    for (int64_t i = 0; i < c->n_said; i++) c->taken[c->n_taken++] = c->said[i];
    for (int64_t i = 0; i < c->asked->before->n; i++) {
        const train_curate_row *row = &c->before[i];
        if (!stays(c, row)) continue;
        add_row(c, row);
        c->taken[c->n_taken++] = row->content;
    }
    qsort(c->taken, (size_t)c->n_taken, sizeof *c->taken, train__curate_compare);
}

/* ---- what is new ---- */

static int compare_sureness(const train_curate_sound *x, const train_curate_sound *y) {
    int order = (x->confidence < y->confidence) - (x->confidence > y->confidence);
    return order != 0 ? order : strcmp(x->path, y->path);
}

static int compare_sure(const void *a, const void *b) {
    return compare_sureness(*(const train_curate_sound *const *)a,
                            *(const train_curate_sound *const *)b);
}

static int compare_content(const void *a, const void *b) {
    const train_curate_sound *x = *(const train_curate_sound *const *)a;
    const train_curate_sound *y = *(const train_curate_sound *const *)b;
    int order = strcmp(x->content, y->content);
    return order != 0 ? order : compare_sureness(x, y);
}

/* Whether nothing has been decided about the sound; keeps count of the ways in which it cannot
 * join. */
static bool may_join(choosing *c, const train_curate_sound *sound) {
    const train_curate_choice *asked = c->asked;
    train_curate_proposals *made = c->made;
    if (has_label(c, sound->path) || stays(c, find_before(c, sound->path))) return false;
    int64_t *against = sound->class_index < 0                                   ? &made->n_unheard
                       : is_among(asked->known, asked->n_known, sound->content) ? &made->n_known
                       : is_among(c->taken, c->n_taken, sound->content)         ? &made->n_copies
                       : sound->confidence < asked->confidence                  ? &made->n_unsure
                                                                                : NULL;
    if (against != NULL) ++*against;
    return against == NULL;
}

/* Of equal contents the surest alone stays in the list. */
static void drop_copies(choosing *c) {
    int64_t n = 0;
    qsort(c->sure, (size_t)c->n_sure, sizeof(const train_curate_sound *), compare_content);
    for (int64_t i = 0; i < c->n_sure; i++) {
        bool is_copy = n > 0 && strcmp(c->sure[n - 1]->content, c->sure[i]->content) == 0;
        c->made->n_copies += is_copy;
        if (!is_copy) c->sure[n++] = c->sure[i];
    }
    c->n_sure = n;
}

static void propose(choosing *c) {
    const train_curate_choice *asked = c->asked;
    train_curate_proposals *made = c->made;
    for (int64_t i = 0; i < asked->n_sounds; i++) {
        if (may_join(c, &asked->sounds[i])) c->sure[c->n_sure++] = &asked->sounds[i];
    }
    drop_copies(c);
    qsort(c->sure, (size_t)c->n_sure, sizeof(const train_curate_sound *), compare_sure);
    for (int64_t i = 0; i < c->n_sure; i++) {
        const train_curate_sound *sound = c->sure[i];
        int64_t *count = &made->new_counts[sound->class_index];
        if (asked->per_class > 0 && *count == asked->per_class) {
            made->n_beyond++;
            continue;
        }
        ++*count;
        made->n_new++;
        made->lowest[sound->class_index] = sound->confidence;
        add_row(c, &(train_curate_row){.path = sound->path,
                                       .class_index = sound->class_index,
                                       .confidence = sound->confidence,
                                       .round = asked->round,
                                       .model = asked->model,
                                       .content = sound->content});
    }
}

/* ---- all of them ---- */

/* Round by round and class by class, a person's labels first, then the surest: as one reads them.
 */
static int compare_rows(const void *a, const void *b) {
    const train_curate_row *x = a, *y = b;
    int order = (x->round > y->round) - (x->round < y->round);
    if (order == 0) order = (x->class_index > y->class_index) - (x->class_index < y->class_index);
    if (order == 0) order = y->by_person - x->by_person;
    if (order == 0) order = (x->confidence < y->confidence) - (x->confidence > y->confidence);
    return order != 0 ? order : strcmp(x->path, y->path);
}

static bool has_changed(const choosing *c) {
    const train_curate_record *record = &c->made->record;
    if (record->n != c->asked->before->n) return true;
    for (int64_t i = 0; i < record->n; i++) {
        const train_curate_row *before = find_before(c, record->rows[i].path);
        if (before == NULL || before->class_index != record->rows[i].class_index) return true;
    }
    return false;
}

static bool alloc(choosing *c, base_arena *arena, base_arena *scratch) {
    const train_curate_choice *asked = c->asked;
    train_curate_proposals *made = c->made;
    size_t n_classes = (size_t)asked->n_classes, n_sounds = (size_t)asked->n_sounds;
    size_t n_before = (size_t)asked->before->n, n_labels = (size_t)asked->labels->n;
    made->record.rows =
        base_arena_alloc(arena, n_sounds + n_before + n_labels + 1, sizeof *made->record.rows);
    made->new_counts = base_arena_alloc(arena, n_classes, sizeof *made->new_counts);
    made->lowest = base_arena_alloc(arena, n_classes, sizeof *made->lowest);
    c->before = base_arena_alloc(scratch, n_before + 1, sizeof *c->before);
    c->said = base_arena_alloc(scratch, n_labels + 1, sizeof *c->said);
    c->taken = base_arena_alloc(scratch, n_before + n_labels + 1, sizeof *c->taken);
    c->sure = base_arena_alloc(scratch, n_sounds + 1, sizeof(const train_curate_sound *));
    return made->record.rows != NULL && made->new_counts != NULL && made->lowest != NULL &&
           c->before != NULL && c->said != NULL && c->taken != NULL && c->sure != NULL;
}

base_status train_curate_choose(const train_curate_choice *choice, base_arena *arena,
                                train_curate_proposals *proposals, base_error *err) {
    base_arena scratch = {0};
    choosing c = {.asked = choice, .made = proposals};
    *proposals = (train_curate_proposals){0};
    bool whole = alloc(&c, arena, &scratch);
    if (whole) {
        int64_t n_before = choice->before->n;
        if (n_before > 0) {
            memcpy(c.before, choice->before->rows, (size_t)n_before * sizeof *c.before);
            qsort(c.before, (size_t)n_before, sizeof *c.before, train__curate_compare);
        }
        take_labels(&c);
        keep_proposals(&c);
        propose(&c);
        qsort(proposals->record.rows, (size_t)proposals->record.n, sizeof *proposals->record.rows,
              compare_rows);
        proposals->changed = has_changed(&c);
    }
    base_arena_release(&scratch);
    return whole ? BASE_OK : base_fail(err, BASE_EMEMORY, "proposals: out of memory");
}
