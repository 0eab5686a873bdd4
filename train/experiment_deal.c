/* Trainings dealt to the ranks of a job. Rank 0 holds the list; the others ask it for the next
 * training, tell it how they get on, and are told when to stop. It answers between its own batches,
 * and after its own trainings until nobody is left to ask. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "train/experiment_internal.h"

enum { STEP_MS = 100 /* between two reports of a rank's on one training */ };

typedef enum { TAKE, GIVE, STEP, FOLD, DONE, HALT } message_kind;

typedef struct {
    message_kind kind;
    int training; /* number; GIVE: -1: none is left */
    bool has_over, has_held_out;
    train_progress now;              /* STEP */
    train_epoch over;                /* STEP */
    train_metrics metrics, held_out; /* FOLD: their figures, not their arrays */
    base_error err;                  /* DONE: what came of it */
} message;

struct train__deal {
    train__experiment *experiment;
    base_ranks *ranks; /* of the run */
    base_ranks *group; /* those that share a training with this one; NULL: it is alone */
    bool leads_group;
    int n_groups;
    train__training *trainings; /* [n] */
    int n;
    int64_t told_ns; /* when rank 0 was last told of a step */

    /* Rank 0's. */
    train__progress *progress; /* [n] */
    int *order;                /* [n] longest first */
    int next;                  /* in order */
    bool *under_way;           /* [n] */
    int n_asking;              /* groups that will ask again */
    bool *working;             /* [ranks] which are to be told to stop */
    bool told_to_stop;
    base_status status; /* of the first training that failed */
    base_error err;
};

static bool is_dealer(const train__deal *deal) {
    return base_ranks_self(deal->ranks) == 0;
}

/* ---- the list ---- */

static void add_set(train__deal *deal, const data_folds *folds, const char *stage,
                    const char *prefix) {
    train__experiment *e = deal->experiment;
    bool *at_work = base_arena_alloc(&e->arena, (size_t)folds->n_folds + 1, sizeof *at_work);
    for (int fold = 0; fold < folds->n_folds; fold++) {
        train__training *t = &deal->trainings[deal->n];
        *t = (train__training){.folds = folds,
                               .stage = stage,
                               .fold = fold,
                               .pool = e->options->pool,
                               .at_work = at_work,
                               .number = deal->n++};
        snprintf(t->place, sizeof t->place, "%sfold%d", prefix, fold + 1);
    }
}

static int by_length(const void *a, const void *b) {
    const train__progress *const *x = a, *const *y = b;
    if ((*x)->whole != (*y)->whole) return (*x)->whole > (*y)->whole ? -1 : 1;
    return (*x)->number - (*y)->number;
}

static base_status sort_trainings(train__deal *deal, base_error *err) {
    base_arena *arena = &deal->experiment->arena;
    size_t n = (size_t)deal->n;
    const train__progress **sorted = base_arena_alloc(arena, n, sizeof *sorted);
    deal->progress = base_arena_alloc(arena, n, sizeof *deal->progress);
    deal->order = base_arena_alloc(arena, n, sizeof *deal->order);
    deal->under_way = base_arena_alloc(arena, n, sizeof *deal->under_way);
    deal->working =
        base_arena_alloc(arena, (size_t)base_ranks_n(deal->ranks), sizeof *deal->working);
    if (sorted == NULL || deal->progress == NULL || deal->order == NULL ||
        deal->under_way == NULL || deal->working == NULL) {
        return train__out_of_memory(err);
    }
    for (int i = 0; i < deal->n; i++) {
        deal->progress[i] = train__progress_of(deal->experiment, &deal->trainings[i]);
        sorted[i] = &deal->progress[i];
    }
    qsort(sorted, n, sizeof *sorted, by_length);
    for (int i = 0; i < deal->n; i++) deal->order[i] = sorted[i]->number;
    return BASE_OK;
}

static base_status list_trainings(train__deal *deal, base_error *err) {
    train__experiment *e = deal->experiment;
    size_t n_most = (size_t)(e->main.n_folds + e->compare.n_folds + 1);
    deal->trainings = base_arena_alloc(&e->arena, n_most, sizeof *deal->trainings);
    if (deal->trainings == NULL) return train__out_of_memory(err);
    add_set(deal, &e->main, "fold", "");
    add_set(deal, &e->compare, "compare", "compare/");
    if (e->config->train.final == TRAIN_FINAL_ALL) {
        train__training all = {.folds = &e->main,
                               .stage = "final",
                               .fold = DATA_FOLD_NONE,
                               .place = "final",
                               .pool = e->options->pool,
                               .number = deal->n};
        deal->trainings[deal->n++] = all;
    }
    for (int i = 0; i < deal->n; i++) {
        const train__training *t = &deal->trainings[i];
        if (t->fold != DATA_FOLD_NONE && t->at_work == NULL) return train__out_of_memory(err);
    }
    return sort_trainings(deal, err);
}

/* ---- rank 0 ---- */

/* The number of the next training; -1: none is left, or all are to stop. */
static int take(train__deal *deal) {
    if (deal->experiment->halted || deal->next == deal->n) return -1;
    int number = deal->order[deal->next++];
    const train__training *t = &deal->trainings[number];
    if (t->at_work != NULL) t->at_work[t->fold] = true;
    deal->under_way[number] = true;
    return number;
}

static void put(train__deal *deal, int number, const base_error *err) {
    const train__training *t = &deal->trainings[number];
    if (t->at_work != NULL) t->at_work[t->fold] = false;
    deal->under_way[number] = false;
    train__progress_end(&deal->progress[number]);
    if (err->status == BASE_OK || deal->status != BASE_OK) return;
    deal->status = err->status;
    deal->err = *err;
    deal->experiment->halted = true;
}

static void answer(train__deal *deal, int from, const message *m) {
    train__progress *p = &deal->progress[m->kind == TAKE ? 0 : m->training];
    train_progress now = m->now;
    now.over = m->has_over ? &m->over : NULL;
    message given = {.kind = GIVE};
    switch (m->kind) {
    case TAKE:
        given.training = take(deal);
        deal->working[from] = given.training >= 0;
        deal->n_asking -= given.training < 0;
        base_ranks_send(deal->ranks, from, &given, sizeof given);
        break;
    case STEP:
        train__progress_tell(p, &now);
        break;
    case FOLD:
        train__progress_tell_fold(p, &m->metrics, m->has_held_out ? &m->held_out : NULL);
        break;
    case DONE:
        deal->working[from] = false;
        put(deal, m->training, &m->err);
        break;
    default:
        break;
    }
}

static void tell_to_stop(train__deal *deal) {
    message halt = {.kind = HALT};
    if (!deal->experiment->halted || deal->told_to_stop) return;
    deal->told_to_stop = true;
    for (int r = 1; r < base_ranks_n(deal->ranks); r++) {
        if (deal->working[r]) base_ranks_send(deal->ranks, r, &halt, sizeof halt);
    }
}

/* Answers what the other ranks have sent. */
static void serve(train__deal *deal) {
    int from;
    message m;
    while (base_ranks_receive(deal->ranks, &m, sizeof m, &from) >= 0) answer(deal, from, &m);
    tell_to_stop(deal);
}

void train__deal_count(const train__progress *p, train_event *event) {
    const train__deal *deal = p->experiment->deal;
    for (int i = 0; i < deal->n; i++) {
        if (!deal->under_way[i] || deal->trainings[i].stage == p->stage) continue;
        event->n_elsewhere++;
        event->is_behind = event->is_behind || i < p->number;
    }
}

/* ---- the other ranks ---- */

static void send(train__deal *deal, const message *m) {
    base_ranks_send(deal->ranks, 0, m, sizeof *m);
}

/* Whether this rank may go on: its user and rank 0 have nothing against it. */
static bool may_go_on(train__deal *deal) {
    int from;
    message m;
    train_event event = {.kind = TRAIN_EVENT_STEP};
    train__experiment *e = deal->experiment;
    while (deal->leads_group && !is_dealer(deal) &&
           base_ranks_receive(deal->ranks, &m, sizeof m, &from) >= 0) {
        e->halted = e->halted || m.kind == HALT;
    }
    e->halted = e->halted || !train__tell(e, &event);
    return !e->halted;
}

static int ask(train__deal *deal) {
    int from;
    message m = {.kind = TAKE};
    send(deal, &m);
    for (;;) {
        if (base_ranks_receive(deal->ranks, &m, sizeof m, &from) < 0) {
            base_ranks_pause();
        } else if (m.kind == GIVE) {
            return m.training;
        }
    }
}

/* ---- every rank ---- */

bool train__deal_tell(train__progress *p, const train_progress *now) {
    train__deal *deal = p->experiment->deal;
    if (is_dealer(deal)) {
        serve(deal);
        bool go_on = train__progress_tell(&deal->progress[p->number], now);
        tell_to_stop(deal);
        return go_on;
    }
    int64_t time_ns = base_clock_ns();
    bool due = now->over != NULL || time_ns - deal->told_ns > (int64_t)STEP_MS * 1000000;
    if (deal->leads_group && due) {
        message m = {.kind = STEP, .training = p->number, .now = *now};
        m.has_over = now->over != NULL;
        if (m.has_over) m.over = *now->over;
        send(deal, &m);
        deal->told_ns = time_ns;
    }
    return may_go_on(deal);
}

static train_metrics without_arrays(const train_metrics *metrics) {
    train_metrics figures = *metrics;
    figures.confusion = figures.support = NULL;
    figures.precision = figures.recall = figures.f1 = NULL;
    return figures;
}

bool train__deal_tell_fold(train__progress *p, const train_metrics *metrics,
                           const train_metrics *held_out) {
    train__deal *deal = p->experiment->deal;
    if (is_dealer(deal)) {
        return train__progress_tell_fold(&deal->progress[p->number], metrics, held_out);
    }
    message m = {.kind = FOLD, .training = p->number, .has_held_out = held_out != NULL};
    m.metrics = without_arrays(metrics);
    if (held_out != NULL) m.held_out = without_arrays(held_out);
    send(deal, &m);
    return may_go_on(deal);
}

/* The next training for this rank's group, or -1. */
static int next_training(train__deal *deal) {
    int number = -1;
    if (deal->leads_group) number = is_dealer(deal) ? take(deal) : ask(deal);
    base_ranks_meet(deal->group);
    base_ranks_share(deal->group, 0, &number, sizeof number);
    return number;
}

static void train_one(train__deal *deal, int number) {
    message m = {.kind = DONE, .training = number};
    train_outcome outcome = {0};
    deal->trainings[number].group = deal->group;
    base_status status =
        train__training_run(deal->experiment, &deal->trainings[number], &outcome, &m.err);
    if (status == BASE_OK) train_outcome_release(&outcome);
    m.err.status = status;
    if (!deal->leads_group) return;
    if (is_dealer(deal)) {
        put(deal, number, &m.err);
        return;
    }
    if (status != BASE_OK && status != BASE_ESTOPPED) {
        base_fail_within(&m.err, "%s", base_ranks_name(deal->ranks, base_ranks_self(deal->ranks)));
    }
    send(deal, &m);
}

static void train_all(train__deal *deal) {
    for (int number; (number = next_training(deal)) >= 0;) train_one(deal, number);
    if (!is_dealer(deal)) return;
    for (; deal->n_asking > 0; base_ranks_pause()) serve(deal);
}

static base_status tell_data(train__deal *deal, base_error *err) {
    train__experiment *e = deal->experiment;
    train_event event = {.kind = TRAIN_EVENT_DATA,
                         .stage = "data",
                         .facts = &e->facts,
                         .n_parallel = 1,
                         .n_trainings = deal->n,
                         .n_groups = deal->n_groups};
    base_status status = BASE_OK;
    if (is_dealer(deal) && !train__tell(e, &event)) {
        status = base_fail(err, BASE_ESTOPPED, "stopped");
    }
    return base_ranks_agree(deal->ranks, status, err);
}

/* Ranks next to each other share a training; what is one group's alone is never larger. */
static base_status form_groups(train__deal *deal, base_error *err) {
    int n = base_ranks_n(deal->ranks), self = base_ranks_self(deal->ranks);
    int size = deal->experiment->options->data_parallel;
    if (size < 1) size = 1;
    deal->n_groups = n / size;
    deal->n_asking = deal->n_groups - 1;
    deal->leads_group = self % size == 0;
    return size > 1 ? base_ranks_split(deal->ranks, self / size, &deal->group, err) : BASE_OK;
}

base_status train__deal_run(train__experiment *e, base_error *err) {
    train__deal *deal = base_arena_alloc(&e->arena, 1, sizeof *deal);
    base_status status = deal != NULL ? BASE_OK : train__out_of_memory(err);
    if (deal != NULL) {
        *deal = (train__deal){.experiment = e, .ranks = e->options->ranks};
        e->deal = deal;
        status = list_trainings(deal, err);
    }
    BASE_TRY(base_ranks_agree(e->options->ranks, status, err));
    BASE_TRY(base_ranks_agree(deal->ranks, form_groups(deal, err), err));
    BASE_TRY(tell_data(deal, err));
    e->started_s = 1e-9 * (double)base_clock_ns();
    train_all(deal);
    if (deal->status != BASE_OK) *err = deal->err;
    return base_ranks_agree(deal->ranks, deal->status, err);
}

void train__deal_free(train__deal *deal) {
    if (deal != NULL) base_ranks_release(deal->group);
}
