/* The results of the rounds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "train/study/curate_internal.h"

/* ---- intervals ---- */

/* The figures whose intervals are drawn together. */
enum { ACCURACY, BALANCED, BALANCED_GAIN, N_DRAWN };

/* Two rounds' answers to the same clips, while clips are drawn. */
typedef struct {
    const train_curate *curate;
    base_arena *arena;
    train_predictions first, now;
    uint8_t *first_is_right, *now_is_right;   /* [n] */
    int64_t *count, *right_first, *right_now; /* [n_classes] */
} sampling;

static void add_clip(sampling *s, int64_t i) {
    int truth = s->now.truth[i];
    s->count[truth]++;
    s->right_first[truth] += s->first_is_right[i];
    s->right_now[truth] += s->now_is_right[i];
}

/* Mean recall over the classes that were drawn. */
static void measure(sampling *s, double figures[N_DRAWN]) {
    double balanced = 0, balanced_first = 0;
    int64_t n_right = 0, n_classes = 0;
    for (int c = 0; c < s->now.n_classes; c++) {
        if (s->count[c] == 0) continue;
        n_classes++;
        n_right += s->right_now[c];
        balanced += (double)s->right_now[c] / (double)s->count[c];
        balanced_first += (double)s->right_first[c] / (double)s->count[c];
        s->count[c] = s->right_first[c] = s->right_now[c] = 0;
    }
    figures[ACCURACY] = (double)n_right / (double)s->now.n;
    figures[BALANCED] = balanced / (double)n_classes;
    figures[BALANCED_GAIN] = (balanced - balanced_first) / (double)n_classes;
}

/* Draws clips with replacement, the same ones for both rounds. */
static void draw_intervals(sampling *s, double *draws[N_DRAWN],
                           train_curate_figure *figures[N_DRAWN]) {
    double drawn[N_DRAWN];
    base_rng rng = base_rng_open(0, BASE_RNG_BOOTSTRAP, (uint64_t)s->now.n, 2);
    for (int64_t i = 0; i < s->now.n; i++) add_clip(s, i);
    measure(s, drawn);
    for (int f = 0; f < N_DRAWN; f++) figures[f]->value = drawn[f];
    for (int d = 0; d < TRAIN_BOOTSTRAP_DRAWS; d++) {
        for (int64_t i = 0; i < s->now.n; i++) add_clip(s, base_rng_below(&rng, s->now.n));
        measure(s, drawn);
        for (int f = 0; f < N_DRAWN; f++) draws[f][d] = drawn[f];
    }
    for (int f = 0; f < N_DRAWN; f++) {
        train_percentiles(draws[f], &figures[f]->low, &figures[f]->high);
    }
}

static base_status find_intervals(sampling *s, train_curate_result *result, base_error *err) {
    size_t k = (size_t)s->now.n_classes;
    double *draws[N_DRAWN];
    train_curate_figure *figures[N_DRAWN] = {&result->accuracy, &result->balanced,
                                             &result->balanced_gain};
    s->count = base_arena_alloc(s->arena, 3 * k, sizeof *s->count);
    bool whole = s->count != NULL;
    for (int f = 0; f < N_DRAWN; f++) {
        draws[f] = base_arena_alloc(s->arena, TRAIN_BOOTSTRAP_DRAWS, sizeof *draws[f]);
        whole = whole && draws[f] != NULL;
    }
    if (!whole) return train__curate_no_memory(s->curate, err);
    s->right_first = s->count + k;
    s->right_now = s->right_first + k;
    draw_intervals(s, draws, figures);
    return BASE_OK;
}

/* ---- tests ---- */

static base_status check_same_tests(const sampling *s, int round, base_error *err) {
    const train_predictions *a = &s->first, *b = &s->now;
    bool same = a->n == b->n;
    for (int64_t i = 0; same && i < a->n; i++) {
        const train_clip_name *x = &a->clip[i], *y = &b->clip[i];
        same = strcmp(x->path, y->path) == 0 && x->begin_s == y->begin_s && x->end_s == y->end_s &&
               a->truth[i] == b->truth[i];
    }
    if (same) return BASE_OK;
    return base_fail(err, BASE_EMISMATCH,
                     "%s/round%d: was not tested on the same sounds as round 0; have the data "
                     "changed?",
                     s->curate->options->out, round);
}

static uint8_t *find_right(const train_predictions *p, base_arena *arena) {
    uint8_t *right = base_arena_alloc(arena, (size_t)p->n, 1);
    for (int64_t i = 0; right != NULL && i < p->n; i++) {
        right[i] = p->truth[i] == train_predicted(p, i);
    }
    return right;
}

static base_status read_tests(sampling *s, int round, train_curate_result *result,
                              base_error *err) {
    BASE_TRY(train__curate_tests_read(s->curate, round, s->arena, &s->now, err));
    if (round == 0) s->first = s->now;
    BASE_TRY(check_same_tests(s, round, err));
    s->first_is_right = find_right(&s->first, s->arena);
    s->now_is_right = find_right(&s->now, s->arena);
    if (s->first_is_right == NULL || s->now_is_right == NULL) {
        return train__curate_no_memory(s->curate, err);
    }
    result->n_clips = s->now.n;
    result->against = train_paired_compare(s->first_is_right, s->now_is_right, s->now.n);
    return find_intervals(s, result, err);
}

/* ---- proposals ---- */

static void count_row(const train_curate_row *row, int round, const train_curate_labels *truth,
                      train_curate_result *result) {
    result->n_in_use++;
    result->n_person += row->by_person;
    if (row->by_person || row->round != round) return;
    result->n_new++;
    result->new_counts[row->class_index]++;
    const train_curate_label *known = truth->n > 0
                                          ? bsearch(row, truth->items, (size_t)truth->n,
                                                    sizeof *truth->items, train__curate_compare)
                                          : NULL;
    if (known == NULL) return;
    result->n_checked++;
    result->n_right += known->class_index == row->class_index;
}

static base_status read_round(train_curate_results *results, int round, sampling *s,
                              const train_curate_labels *truth, base_error *err) {
    const train_curate *curate = results->curate;
    train_curate_result *result = &results->rounds[round];
    train_curate_record record;
    result->new_counts =
        base_arena_alloc(&results->arena, (size_t)curate->n_classes, sizeof *result->new_counts);
    if (result->new_counts == NULL) return train__curate_no_memory(curate, err);
    BASE_TRY(train__curate_record_read(curate, round, s->arena, &record, err));
    for (int64_t i = 0; i < record.n; i++) count_row(&record.rows[i], round, truth, result);
    return read_tests(s, round, result, err);
}

static base_status read_rounds(train_curate_results *results, base_arena *arena, base_error *err) {
    const train_curate *curate = results->curate;
    train_curate_labels truth = {0};
    sampling s = {.curate = curate, .arena = arena};
    results->has_truth = curate->options->truth != NULL;
    results->rounds =
        base_arena_alloc(&results->arena, (size_t)curate->n_done + 1, sizeof *results->rounds);
    if (results->rounds == NULL) return train__curate_no_memory(curate, err);
    if (results->has_truth) BASE_TRY(train__curate_truth_read(curate, arena, &truth, err));
    for (int r = 0; r < curate->n_done; r++) {
        BASE_TRY(read_round(results, r, &s, &truth, err));
    }
    results->n_rounds = curate->n_done;
    return BASE_OK;
}

base_status train_curate_results_read(const train_curate *curate, train_curate_results *results,
                                      base_error *err) {
    base_arena arena = {0};
    *results = (train_curate_results){.curate = curate};
    base_status status = read_rounds(results, &arena, err);
    base_arena_release(&arena);
    if (status != BASE_OK) train_curate_results_release(results);
    return status;
}

void train_curate_results_release(train_curate_results *results) {
    if (results == NULL) return;
    base_arena_release(&results->arena);
    *results = (train_curate_results){0};
}
