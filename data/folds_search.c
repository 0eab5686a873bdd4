/* Groups with equal class counts are interchangeable, so the search works on kinds of groups and
 * how many of each kind a fold holds. Thousands of single clips are then a handful of kinds, and
 * only data sets with many different kits have many. */
#include "data/folds_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"

enum {
    MAX_FOLDS = 20,
    MAX_STARTS = 32,        /* greedy assignments improved; the best one is kept */
    START_EFFORT = 1000000, /* places tried for groups and kinds, over all starts */
    MAX_SWEEPS = 200,       /* the search ends by itself long before */
    N_CANDIDATES = 32,      /* kinds on either side of a swap */
};
#define GAIN 1e-12 /* smaller ones are rounding */

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "folds: out of memory");
}

/* ---- groups and kinds ---- */

typedef struct {
    int64_t column, count; /* column: class, or n_classes for clips of any class */
} entry;

typedef struct {
    const entry *entries;
    int64_t n_entries;
    double weight;  /* its squared shares of the columns: large or rare groups go first */
    int64_t rank;   /* place in a random order */
    int64_t member; /* first of its n_members in problem.members */
    int64_t n_members;
} group;

typedef struct {
    const entry *entries;
    int64_t n_entries;
    double weight;
    int64_t group, n_groups; /* its groups are next to each other */
} kind;

typedef struct {
    int64_t group, clip;
    int32_t label;
} member;

typedef struct {
    int64_t n, n_columns, n_groups, n_kinds;
    member *members; /* [n] group by group */
    group *groups;   /* [n_groups] kind by kind */
    kind *kinds;     /* [n_kinds] by falling weight */
    int64_t *total;  /* [n_columns] clips */
} problem;

static int compare_numbers(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int compare_members(const void *a, const void *b) {
    const member *x = a, *y = b;
    if (x->group != y->group) return compare_numbers(x->group, y->group);
    if (x->label != y->label) return compare_numbers(x->label, y->label);
    return compare_numbers(x->clip, y->clip);
}

static int compare_profiles(const group *x, const group *y) {
    if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
    if (x->n_entries != y->n_entries) return compare_numbers(x->n_entries, y->n_entries);
    for (int64_t i = 0; i < x->n_entries; i++) {
        const entry *p = &x->entries[i], *q = &y->entries[i];
        if (p->column != q->column) return compare_numbers(p->column, q->column);
        if (p->count != q->count) return compare_numbers(p->count, q->count);
    }
    return 0;
}

static int compare_groups(const void *a, const void *b) {
    const group *x = a, *y = b;
    int order = compare_profiles(x, y);
    return order != 0 ? order : compare_numbers(x->rank, y->rank);
}

/* Counts the classes of the group whose members start at `first` into *entries (the last one is its
 * size) and moves *entries on. */
static group count_group(const problem *p, int64_t first, entry **entries) {
    group g = {.entries = *entries, .member = first};
    const member *m = p->members + first;
    for (; first + g.n_members < p->n && m[g.n_members].group == m->group; g.n_members++) {
        int32_t label = m[g.n_members].label;
        bool new = g.n_members == 0 || label != m[g.n_members - 1].label;
        if (p->n_columns > 1 && new) *(*entries)++ = (entry){.column = label};
        if (p->n_columns > 1) (*entries)[-1].count++;
    }
    *(*entries)++ = (entry){.column = p->n_columns - 1, .count = g.n_members};
    g.n_entries = *entries - g.entries;
    for (int64_t i = 0; i < g.n_entries; i++) {
        double share = (double)g.entries[i].count / (double)p->total[g.entries[i].column];
        g.weight += share * share;
    }
    return g;
}

static base_status find_groups(problem *p, uint64_t seed, base_arena *arena, base_error *err) {
    qsort(p->members, (size_t)p->n, sizeof *p->members, compare_members);
    for (int64_t i = 0; i < p->n; i++) {
        if (i == 0 || p->members[i].group != p->members[i - 1].group) p->n_groups++;
    }
    int64_t *rank = base_arena_alloc(arena, (size_t)p->n_groups, sizeof *rank);
    entry *entries = base_arena_alloc(arena, (size_t)(p->n + p->n_groups), sizeof *entries);
    p->groups = base_arena_alloc(arena, (size_t)p->n_groups, sizeof *p->groups);
    if (rank == NULL || entries == NULL || p->groups == NULL) return no_memory(err);
    for (int64_t i = 0; i < p->n_groups; i++) rank[i] = i;
    base_rng rng = base_rng_open(seed, BASE_RNG_FOLDS, 0, 0);
    base_rng_shuffle(&rng, rank, p->n_groups);
    for (int64_t i = 0, first = 0; i < p->n_groups; first += p->groups[i++].n_members) {
        p->groups[i] = count_group(p, first, &entries);
        p->groups[i].rank = rank[i];
    }
    qsort(p->groups, (size_t)p->n_groups, sizeof *p->groups, compare_groups);
    return BASE_OK;
}

static base_status find_kinds(problem *p, base_arena *arena, base_error *err) {
    p->kinds = base_arena_alloc(arena, (size_t)p->n_groups, sizeof *p->kinds);
    if (p->kinds == NULL) return no_memory(err);
    for (int64_t i = 0; i < p->n_groups; i++) {
        const group *g = &p->groups[i];
        if (i == 0 || compare_profiles(g - 1, g) != 0) {
            p->kinds[p->n_kinds++] = (kind){
                .entries = g->entries, .n_entries = g->n_entries, .weight = g->weight, .group = i};
        }
        p->kinds[p->n_kinds - 1].n_groups++;
    }
    return BASE_OK;
}

/* ---- search ---- */

typedef struct {
    const problem *p;
    int64_t k;
    const double *share; /* [k] of all clips that a fold should hold */
    double absent;       /* price of a class or clip missing from a fold: above all else */
    double *weight;      /* [n_columns] */
    int64_t *count;      /* [k][n_columns] clips */
    int64_t *placed;     /* [n_kinds][k] groups */
} search;

/* What `count` clips in a column of a fold cost: the squared deviation of its share. */
static double cell_cost(const search *s, int64_t fold, int64_t column, int64_t count) {
    double deviation = (double)count - s->share[fold] * (double)s->p->total[column];
    return s->weight[column] * deviation * deviation + (count == 0 ? s->absent : 0.0);
}

/* Of the assignments that the starts end in, one is preferred whose worst cell is good, too. */
static double final_cost(const search *s) {
    double sum = 0.0, worst = 0.0;
    for (int64_t f = 0; f < s->k; f++) {
        for (int64_t c = 0; c < s->p->n_columns; c++) {
            double cost = cell_cost(s, f, c, s->count[f * s->p->n_columns + c]);
            sum += cost;
            worst = fmax(worst, cost);
        }
    }
    return sum + (double)s->k * worst;
}

/* The change of cost if a group of this kind joins (sign 1) or leaves (-1) a fold. */
static double change(const search *s, int64_t which, int64_t fold, int sign) {
    const kind *moved = &s->p->kinds[which];
    const int64_t *count = s->count + fold * s->p->n_columns;
    double sum = 0.0;
    for (int64_t i = 0; i < moved->n_entries; i++) {
        int64_t column = moved->entries[i].column, n = count[column];
        sum += cell_cost(s, fold, column, n + sign * moved->entries[i].count) -
               cell_cost(s, fold, column, n);
    }
    return sum;
}

static double move_change(const search *s, int64_t which, int64_t from, int64_t to) {
    return change(s, which, from, -1) + change(s, which, to, 1);
}

static void place(search *s, int64_t which, int64_t fold, int sign) {
    const kind *moved = &s->p->kinds[which];
    for (int64_t i = 0; i < moved->n_entries; i++) {
        s->count[fold * s->p->n_columns + moved->entries[i].column] +=
            sign * moved->entries[i].count;
    }
    s->placed[which * s->k + fold] += sign;
}

static void move(search *s, int64_t which, int64_t from, int64_t to) {
    place(s, which, from, -1);
    place(s, which, to, 1);
}

static void assign_greedily(search *s, const int64_t *order) {
    memset(s->count, 0, (size_t)(s->k * s->p->n_columns) * sizeof *s->count);
    memset(s->placed, 0, (size_t)(s->k * s->p->n_kinds) * sizeof *s->placed);
    for (int64_t i = 0; i < s->p->n_kinds; i++) {
        for (int64_t j = 0; j < s->p->kinds[order[i]].n_groups; j++) {
            int64_t best = 0;
            double best_change = INFINITY;
            for (int64_t f = 0; f < s->k; f++) {
                double c = change(s, order[i], f, 1);
                if (c < best_change - GAIN) {
                    best = f;
                    best_change = c;
                }
            }
            place(s, order[i], best, 1);
        }
    }
}

static bool improve_by_moves(search *s) {
    bool improved = false;
    for (int64_t which = 0; which < s->p->n_kinds; which++) {
        for (int64_t from = 0; from < s->k; from++) {
            for (int64_t to = 0; to < s->k; to++) {
                while (from != to && s->placed[which * s->k + from] > 0 &&
                       move_change(s, which, from, to) < -GAIN) {
                    move(s, which, from, to);
                    improved = true;
                }
            }
        }
    }
    return improved;
}

/* The kinds in `from` that cost least to move to `to`; returns how many. */
static int find_candidates(const search *s, int64_t from, int64_t to, int64_t which[]) {
    double cost[N_CANDIDATES + 1];
    int n = 0;
    for (int64_t i = 0; i < s->p->n_kinds; i++) {
        if (s->placed[i * s->k + from] == 0) continue;
        double c = move_change(s, i, from, to);
        int at = n;
        for (; at > 0 && cost[at - 1] > c; at--) {
            cost[at] = cost[at - 1];
            which[at] = which[at - 1];
        }
        cost[at] = c;
        which[at] = i;
        if (n < N_CANDIDATES) n++;
    }
    return n;
}

static bool try_swap(search *s, int64_t a, int64_t b, int64_t fold_a, int64_t fold_b) {
    if (a == b || s->placed[a * s->k + fold_a] == 0 || s->placed[b * s->k + fold_b] == 0) {
        return false;
    }
    double c = move_change(s, a, fold_a, fold_b);
    move(s, a, fold_a, fold_b);
    c += move_change(s, b, fold_b, fold_a);
    if (c < -GAIN) {
        move(s, b, fold_b, fold_a);
        return true;
    }
    move(s, a, fold_b, fold_a);
    return false;
}

static bool improve_by_swaps(search *s) {
    bool improved = false;
    int64_t a[N_CANDIDATES + 1], b[N_CANDIDATES + 1];
    for (int64_t f = 0; f < s->k; f++) {
        for (int64_t g = f + 1; g < s->k; g++) {
            int n_a = find_candidates(s, f, g, a), n_b = find_candidates(s, g, f, b);
            for (int i = 0; i < n_a; i++) {
                for (int j = 0; j < n_b; j++) improved |= try_swap(s, a[i], b[j], f, g);
            }
        }
    }
    return improved;
}

static void improve(search *s) {
    for (int i = 0; i < MAX_SWEEPS; i++) {
        bool moved = improve_by_moves(s), swapped = improve_by_swaps(s);
        if (!moved && !swapped) return;
    }
}

typedef struct {
    double key;
    int64_t which;
} ranked;

static int compare_ranked(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->key != y->key) return x->key > y->key ? -1 : 1;
    return compare_numbers(x->which, y->which);
}

/* The order of start 0 is by weight; later ones blur it, each in its own way. */
static void order_kinds(const problem *p, uint64_t seed, int64_t start, ranked *ranks,
                        int64_t *order) {
    base_rng rng = base_rng_open(seed, BASE_RNG_FOLDS, 1, (uint64_t)start);
    for (int64_t i = 0; i < p->n_kinds; i++) {
        double blur = start == 0 ? 1.0 : base_rng_range(&rng, 0.25, 1.75);
        ranks[i] = (ranked){.key = p->kinds[i].weight * blur, .which = i};
    }
    qsort(ranks, (size_t)p->n_kinds, sizeof *ranks, compare_ranked);
    for (int64_t i = 0; i < p->n_kinds; i++) order[i] = ranks[i].which;
}

/* Once p, k and share are set. */
static base_status search_init(search *s, base_arena *arena, base_error *err) {
    const problem *p = s->p;
    s->absent = 1.0 + (double)p->n_columns;
    s->weight = base_arena_alloc(arena, (size_t)p->n_columns, sizeof *s->weight);
    s->count = base_arena_alloc(arena, (size_t)(p->n_columns * s->k), sizeof *s->count);
    s->placed = base_arena_alloc(arena, (size_t)(p->n_kinds * s->k), sizeof *s->placed);
    if (s->weight == NULL || s->count == NULL || s->placed == NULL) return no_memory(err);
    for (int64_t c = 0; c < p->n_columns; c++) {
        double total = (double)p->total[c];
        s->weight[c] = total > 0.0 ? 1.0 / (total * total) : 0.0;
    }
    return BASE_OK;
}

/* Leaves the best assignment in best [n_kinds][k]. */
static base_status search_run(search *s, uint64_t seed, int64_t *best, base_arena *arena,
                              base_error *err) {
    const problem *p = s->p;
    int64_t *order = base_arena_alloc(arena, (size_t)p->n_kinds, sizeof *order);
    ranked *ranks = base_arena_alloc(arena, (size_t)p->n_kinds, sizeof *ranks);
    if (order == NULL || ranks == NULL) return no_memory(err);
    int64_t n_starts = START_EFFORT / (p->n_groups * s->k + p->n_kinds * s->k * s->k);
    n_starts = n_starts < 1 ? 1 : n_starts > MAX_STARTS ? MAX_STARTS : n_starts;
    double best_cost = INFINITY;
    for (int64_t start = 0; start < n_starts; start++) {
        order_kinds(p, seed, start, ranks, order);
        assign_greedily(s, order);
        improve(s);
        double cost = final_cost(s);
        if (cost < best_cost - GAIN) {
            best_cost = cost;
            memcpy(best, s->placed, (size_t)(p->n_kinds * s->k) * sizeof *best);
        }
    }
    return BASE_OK;
}

/* Gives each kind's groups, which are in random order, to the folds. */
static void deal(const problem *p, const int64_t *placed, int64_t k, int32_t *fold) {
    for (int64_t i = 0; i < p->n_kinds; i++) {
        const group *g = p->groups + p->kinds[i].group;
        for (int64_t f = 0; f < k; f++) {
            for (int64_t j = 0; j < placed[i * k + f]; j++, g++) {
                for (int64_t m = 0; m < g->n_members; m++) {
                    fold[p->members[g->member + m].clip] = (int32_t)f;
                }
            }
        }
    }
}

static base_status find_problem(const data_folds_list *clips, problem *p, base_arena *arena,
                                base_error *err) {
    int64_t n_classes = clips->stratify ? clips->n_classes : 0;
    *p = (problem){.n = clips->n, .n_columns = n_classes + 1};
    p->members = base_arena_alloc(arena, (size_t)p->n, sizeof *p->members);
    p->total = base_arena_alloc(arena, (size_t)p->n_columns, sizeof *p->total);
    if (p->members == NULL || p->total == NULL) return no_memory(err);
    for (int64_t i = 0; i < p->n; i++) {
        BASE_CHECK(clips->label[i] >= 0 && clips->label[i] < clips->n_classes);
        p->members[i] = (member){.group = clips->group[i], .clip = i, .label = clips->label[i]};
        if (clips->stratify) p->total[clips->label[i]]++;
    }
    p->total[n_classes] = p->n;
    BASE_TRY(find_groups(p, clips->seed, arena, err));
    return find_kinds(p, arena, err);
}

static base_status assign_within(const data_folds_list *clips, int32_t *fold, base_arena *arena,
                                 base_error *err) {
    double equal[MAX_FOLDS];
    int64_t k = clips->k;
    BASE_CHECK(k >= 2 && k <= MAX_FOLDS);
    for (int64_t f = 0; f < k; f++) equal[f] = 1.0 / (double)k;
    problem p;
    search s = {.p = &p, .k = k, .share = clips->share != NULL ? clips->share : equal};
    BASE_TRY(find_problem(clips, &p, arena, err));
    if (p.n_groups < k) {
        return base_fail(err, BASE_EDATA, "folds: %lld group%s of samples cannot fill %lld parts",
                         (long long)p.n_groups, p.n_groups == 1 ? "" : "s", (long long)k);
    }
    BASE_TRY(search_init(&s, arena, err));
    int64_t *best = base_arena_alloc(arena, (size_t)(p.n_kinds * k), sizeof *best);
    if (best == NULL) return no_memory(err);
    BASE_TRY(search_run(&s, clips->seed, best, arena, err));
    deal(&p, best, k, fold);
    return BASE_OK;
}

base_status data_folds_search(const data_folds_list *clips, int32_t *fold, base_error *err) {
    base_arena arena = {0};
    base_status status = assign_within(clips, fold, &arena, err);
    base_arena_release(&arena);
    return status;
}
