#include "train/study/sweep_deal.h"

#include <stdio.h>
#include <string.h>

typedef enum { TAKE, GIVE, LINE } message_kind;

typedef struct {
    message_kind kind;
    int cell; /* GIVE */
    char line[TRAIN_SWEEP_LINE_BYTES];
} message;

static bool is_dealer(const train_sweep_deal *deal) {
    return base_ranks_self(deal->ranks) == 0;
}

static bool leads_team(const train_sweep_deal *deal) {
    return base_ranks_self(deal->team) == 0;
}

static base_status list_cells(train_sweep_deal *deal, const train_sweep *sweep, base_error *err) {
    deal->n_cells = sweep->n_cells;
    deal->to_do = base_alloc((size_t)sweep->n_cells + 1, sizeof *deal->to_do);
    if (deal->to_do == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", sweep->path);
    for (int i = 0; i < sweep->n_cells; i++) {
        deal->to_do[i] = sweep->cells[i].state != TRAIN_SWEEP_FINISHED;
    }
    base_ranks_share(deal->ranks, 0, deal->to_do, (size_t)sweep->n_cells * sizeof *deal->to_do);
    return BASE_OK;
}

/* Groups of ranks that share trainings stay whole. */
static base_status form_teams(train_sweep_deal *deal, const train_experiment_options *options,
                              base_error *err) {
    int size = options->data_parallel > 1 ? options->data_parallel : 1;
    int n_groups = base_ranks_n(deal->ranks) / size, n_teams = 0;
    for (int i = 0; i < deal->n_cells; i++) n_teams += deal->to_do[i];
    if (n_teams > n_groups) n_teams = n_groups;
    if (n_teams < 1) n_teams = 1;
    deal->n_asking = n_teams - 1;
    int64_t group = base_ranks_self(deal->ranks) / size;
    return base_ranks_split(deal->ranks, (int)(group * n_teams / n_groups), &deal->team, err);
}

base_status train_sweep_deal_begin(train_sweep_deal *deal, const train_sweep *sweep,
                                   train_experiment_options *options, base_error *err) {
    deal->ranks = options->ranks;
    BASE_TRY(list_cells(deal, sweep, err));
    BASE_TRY(form_teams(deal, options, err));
    options->ranks = deal->team;
    return BASE_OK;
}

static int take(train_sweep_deal *deal) {
    int cell = 0;
    while (cell < deal->n_cells && !deal->to_do[cell]) cell++;
    if (cell == deal->n_cells) return -1;
    deal->to_do[cell] = false;
    return cell;
}

void train_sweep_deal_serve(train_sweep_deal *deal) {
    int from;
    message m;
    while (deal->ranks != NULL && is_dealer(deal) &&
           base_ranks_receive(deal->ranks, &m, sizeof m, &from) >= 0) {
        if (m.kind == LINE) {
            deal->hear(deal->hear_context, m.line);
            continue;
        }
        message given = {.kind = GIVE, .cell = take(deal)};
        deal->n_asking -= given.cell < 0;
        base_ranks_send(deal->ranks, from, &given, sizeof given);
    }
}

static int ask(train_sweep_deal *deal) {
    int from;
    message m = {.kind = TAKE};
    base_ranks_send(deal->ranks, 0, &m, sizeof m);
    while (base_ranks_receive(deal->ranks, &m, sizeof m, &from) < 0) base_ranks_pause();
    return m.cell;
}

int train_sweep_deal_take(train_sweep_deal *deal) {
    int cell = -1;
    if (deal->ranks == NULL || is_dealer(deal)) {
        cell = take(deal);
    } else if (leads_team(deal)) {
        cell = ask(deal);
    }
    base_ranks_meet(deal->team);
    base_ranks_share(deal->team, 0, &cell, sizeof cell);
    return cell;
}

void train_sweep_deal_say(train_sweep_deal *deal, const char *line) {
    message m = {.kind = LINE};
    if (deal->ranks == NULL || is_dealer(deal)) {
        deal->hear(deal->hear_context, line);
    } else if (leads_team(deal)) {
        snprintf(m.line, sizeof m.line, "%s", line);
        base_ranks_send(deal->ranks, 0, &m, sizeof m);
    }
}

void train_sweep_deal_end(train_sweep_deal *deal) {
    if (deal->ranks != NULL && is_dealer(deal)) {
        for (; deal->n_asking > 0; base_ranks_pause()) train_sweep_deal_serve(deal);
    }
    base_ranks_meet(deal->ranks);
    train_sweep_deal_serve(deal); /* lines said last */
    base_ranks_release(deal->team);
    base_free(deal->to_do);
    *deal = (train_sweep_deal){0};
}
