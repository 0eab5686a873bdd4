#include "infer/library/tsne.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "nn/kernels/gemm.h"

enum {
    ROWS = 64,          /* vectors compared in one task, */
    COLUMNS = 1024,     /* with so many at a time */
    TASKS_AT_ONCE = 64, /* between two looks at progress */
    AXIS_ROWS = 1024,   /* vectors that the main axes are taken from */
    AXIS_STEPS = 60,
    POINTS = 256, /* of one task */
    BUCKET = 8,   /* points of a leaf, at most, */
    DEPTH = 16,   /* down to this level */
    EXAGGERATED_STEPS = 250,
    STEPS_AT_ONCE = 8
};
#define THETA        0.5
#define EXAGGERATION 12.0
#define START        1e-4 /* standard deviation */
#define JITTER       1e-6
#define LEAST_RATE   200.0
#define LEAST_GAIN   0.01

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "map: out of memory");
}

static bool tell(const library_tsne *job, const char *what, int64_t done, int64_t total) {
    return job->progress == NULL || job->progress(job->context, what, done, total);
}

/* Tasks of `size` items each that n items take. */
static int64_t count_tasks(int64_t n, int64_t size) {
    return (n + size - 1) / size;
}

static int64_t end_of(int64_t task, int64_t size, int64_t n) {
    return (task + 1) * size < n ? (task + 1) * size : n;
}

/* ---- the nearest ---- */

/* A candidate; the nearer has the larger cosine. */
typedef struct {
    float cosine;
    int32_t other;
} candidate;

typedef struct {
    const library_tsne *job;
    int64_t k;
    float *products;  /* [workers, ROWS, COLUMNS] */
    candidate *heaps; /* [workers, ROWS, k] */
    int64_t first;    /* task of this turn */
    int32_t *neighbour;
    float *distance;
} search;

static bool is_farther(candidate a, candidate b) {
    if (a.cosine != b.cosine) return a.cosine < b.cosine;
    return a.other > b.other;
}

/* Moves what stands on top of a heap of n, farthest first, down to its place. */
static void sift(candidate *heap, int64_t n) {
    for (int64_t i = 0;;) {
        int64_t child = 2 * i + 1;
        if (child >= n) return;
        if (child + 1 < n && is_farther(heap[child + 1], heap[child])) child++;
        if (!is_farther(heap[child], heap[i])) return;
        candidate other = heap[i];
        heap[i] = heap[child];
        heap[child] = other;
        i = child;
    }
}

static void offer(candidate *heap, int64_t n, const float *cosine, int64_t first, int64_t n_new,
                  int64_t self) {
    for (int64_t j = 0; j < n_new; j++) {
        if (cosine[j] < heap[0].cosine || first + j == self) continue;
        const candidate item = {cosine[j], (int32_t)(first + j)};
        if (!is_farther(heap[0], item)) continue;
        heap[0] = item;
        sift(heap, n);
    }
}

/* The heap's items in order, nearest first. */
static void give(const search *s, candidate *heap, int64_t row) {
    for (int64_t left = s->k; left > 0; left--) {
        s->neighbour[row * s->k + left - 1] = heap[0].other;
        float distance = 2 - 2 * heap[0].cosine;
        s->distance[row * s->k + left - 1] = distance > 0 ? distance : 0;
        heap[0] = heap[left - 1];
        sift(heap, left - 1);
    }
}

static void search_rows(void *context, int64_t task, int worker) {
    const search *s = context;
    const library_tsne *job = s->job;
    int64_t begin = (s->first + task) * ROWS, n = job->n, width = job->width;
    int64_t n_rows = end_of(s->first + task, ROWS, n) - begin;
    float *products = s->products + (int64_t)worker * ROWS * COLUMNS;
    candidate *heaps = s->heaps + worker * ROWS * s->k;
    for (int64_t i = 0; i < n_rows * s->k; i++) heaps[i] = (candidate){-INFINITY, INT32_MAX};
    for (int64_t first = 0; first < n; first += COLUMNS) {
        int64_t n_columns = n - first < COLUMNS ? n - first : COLUMNS;
        const nn_gemm_args product = {.trans_b = true,
                                      .m = n_rows,
                                      .n = n_columns,
                                      .k = width,
                                      .alpha = 1,
                                      .a = job->x + begin * width,
                                      .lda = width,
                                      .b = job->x + first * width,
                                      .ldb = width,
                                      .c = products,
                                      .ldc = COLUMNS};
        nn_gemm(&product);
        for (int64_t i = 0; i < n_rows; i++) {
            offer(heaps + i * s->k, s->k, products + i * COLUMNS, first, n_columns, begin + i);
        }
    }
    for (int64_t i = 0; i < n_rows; i++) give(s, heaps + i * s->k, begin + i);
}

base_status library_tsne_nearest(const library_tsne *job, int64_t k, int32_t *neighbour,
                                 float *distance, base_error *err) {
    size_t n_workers = (size_t)base_pool_threads(job->pool);
    int64_t n_tasks = count_tasks(job->n, ROWS);
    search s = {.job = job, .k = k, .neighbour = neighbour, .distance = distance};
    s.products = base_alloc(n_workers * ROWS * COLUMNS, sizeof *s.products);
    s.heaps = base_alloc(n_workers * ROWS * (size_t)k, sizeof *s.heaps);
    base_status status = s.products != NULL && s.heaps != NULL ? BASE_OK : no_memory(err);
    for (; status == BASE_OK && s.first < n_tasks; s.first += TASKS_AT_ONCE) {
        int64_t rest = n_tasks - s.first;
        if (tell(job, "comparing", s.first * ROWS, job->n)) {
            base_parallel(job->pool, rest < TASKS_AT_ONCE ? rest : TASKS_AT_ONCE, search_rows, &s);
        } else {
            status = base_fail(err, BASE_ESTOPPED, "stopped");
        }
    }
    base_free(s.products);
    base_free(s.heaps);
    return status;
}

/* ---- how much each is drawn to others ---- */

/* Row i: how much i is drawn to its k nearest, or which others are drawn to i. */
typedef struct {
    int64_t *begin; /* [n + 1] */
    int32_t *other;
    float *share;
} graph;

typedef struct {
    const float *distance; /* [n, k] */
    float *share;          /* [n, k], the sum of a row is 1 */
    int64_t n, k;
    double perplexity;
} affinity;

/* The entropy of exp(-beta d), which share[k] gets, not normalised; *sum is theirs. */
static double entropy(const float *distance, int64_t k, double beta, float *share, double *sum) {
    double weighted = 0;
    *sum = 0;
    for (int64_t j = 0; j < k; j++) {
        double d = (double)(distance[j] - distance[0]), p = exp(-beta * d);
        share[j] = (float)p;
        *sum += p;
        weighted += p * d;
    }
    return log(*sum) + beta * weighted / *sum;
}

/* By bisection, for the beta whose entropy is the perplexity's. */
static void share_out(void *context, int64_t task, int worker) {
    const affinity *a = context;
    (void)worker;
    for (int64_t i = task * POINTS; i < end_of(task, POINTS, a->n); i++) {
        const float *distance = a->distance + i * a->k;
        float *share = a->share + i * a->k;
        double beta = 1, low = 0, high = INFINITY, sum = 1;
        for (int step = 0; step < 64; step++) {
            double excess = entropy(distance, a->k, beta, share, &sum) - log(a->perplexity);
            if (fabs(excess) < 1e-5) break;
            if (excess > 0) low = beta;
            if (excess < 0) high = beta;
            beta = isinf(high) ? beta * 2 : (low + high) / 2;
        }
        for (int64_t j = 0; j < a->k; j++) share[j] = (float)((double)share[j] / sum);
    }
}

/* The same pairs by the other end, in order. */
static void transpose(const graph *out, int64_t n, graph *in) {
    memset(in->begin, 0, (size_t)(n + 1) * sizeof *in->begin);
    for (int64_t e = 0; e < out->begin[n]; e++) in->begin[out->other[e] + 1]++;
    for (int64_t i = 0; i < n; i++) in->begin[i + 1] += in->begin[i];
    for (int64_t i = 0; i < n; i++) {
        for (int64_t e = out->begin[i]; e < out->begin[i + 1]; e++) {
            int64_t place = in->begin[out->other[e]]++;
            in->other[place] = (int32_t)i;
            in->share[place] = out->share[e];
        }
    }
    for (int64_t i = n; i > 0; i--) in->begin[i] = in->begin[i - 1];
    in->begin[0] = 0;
}

/* ---- the tree ---- */

typedef struct {
    double x, y, mass;  /* centre and number of its points */
    double reach;       /* the square of the distance from which on it counts as one */
    int64_t begin, end; /* its points in order */
    int64_t next;       /* the node behind all that is in it */
    bool is_leaf;
} node;

typedef struct {
    int64_t n;
    uint32_t *key, *other_key;    /* [n] Morton codes, sorted */
    int32_t *order, *other_order; /* [n] whose they are */
    double *xy;                   /* [n, 2] in that order */
    double side;                  /* of the square that holds all */
    node *nodes;                  /* [n_nodes] */
    int64_t n_nodes;
} tree;

static base_status tree_new(int64_t n, tree *t) {
    *t = (tree){.n = n,
                .key = base_alloc((size_t)n, sizeof *t->key),
                .other_key = base_alloc((size_t)n, sizeof *t->other_key),
                .order = base_alloc((size_t)n, sizeof *t->order),
                .other_order = base_alloc((size_t)n, sizeof *t->other_order),
                .xy = base_alloc(2 * (size_t)n, sizeof *t->xy),
                /* Inner nodes have more than BUCKET points, so there are no more than n / 9 of them
                 * at each level; leaves have at least one. */
                .nodes = base_alloc(3 * (size_t)n + DEPTH, sizeof *t->nodes)};
    bool complete = t->key != NULL && t->other_key != NULL && t->order != NULL &&
                    t->other_order != NULL && t->xy != NULL && t->nodes != NULL;
    return complete ? BASE_OK : BASE_EMEMORY;
}

static void tree_free(tree *t) {
    base_free(t->key);
    base_free(t->other_key);
    base_free(t->order);
    base_free(t->other_order);
    base_free(t->xy);
    base_free(t->nodes);
}

/* The 16 bits of x at even places. */
static uint32_t spread(uint32_t x) {
    x = (x | x << 8) & 0x00ff00ff;
    x = (x | x << 4) & 0x0f0f0f0f;
    x = (x | x << 2) & 0x33333333;
    return (x | x << 1) & 0x55555555;
}

static void find_keys(tree *t, const double *xy) {
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int64_t i = 0; i < 2 * t->n; i++) {
        low[i % 2] = xy[i] < low[i % 2] ? xy[i] : low[i % 2];
        high[i % 2] = xy[i] > high[i % 2] ? xy[i] : high[i % 2];
    }
    t->side = fmax(high[0] - low[0], high[1] - low[1]);
    double scale = t->side > 0 ? 65535.0 / t->side : 0;
    for (int64_t i = 0; i < t->n; i++) {
        uint32_t x = (uint32_t)((xy[2 * i] - low[0]) * scale);
        uint32_t y = (uint32_t)((xy[2 * i + 1] - low[1]) * scale);
        t->key[i] = spread(x) << 1 | spread(y);
        t->order[i] = (int32_t)i;
    }
}

/* By 16 bits at a time, the lower first; what is equal keeps its order. */
static void sort_keys(tree *t, int64_t *count) {
    for (int shift = 0; shift < 32; shift += 16) {
        memset(count, 0, ((1 << 16) + 1) * sizeof *count);
        for (int64_t i = 0; i < t->n; i++) count[(t->key[i] >> shift & 0xffff) + 1]++;
        for (int64_t b = 0; b < 1 << 16; b++) count[b + 1] += count[b];
        for (int64_t i = 0; i < t->n; i++) {
            int64_t place = count[t->key[i] >> shift & 0xffff]++;
            t->other_key[place] = t->key[i];
            t->other_order[place] = t->order[i];
        }
        uint32_t *key = t->key;
        int32_t *order = t->order;
        t->key = t->other_key;
        t->order = t->other_order;
        t->other_key = key;
        t->other_order = order;
    }
}

/* Points begin ... end - 1, which share all bits above the level's. Returns its number. */
static int64_t build(tree *t, int64_t begin, int64_t end, int level) {
    int64_t number = t->n_nodes++;
    node made = {.mass = (double)(end - begin), .begin = begin, .end = end};
    double side = ldexp(t->side, -level);
    made.reach = side * side / (THETA * THETA);
    made.is_leaf = end - begin <= BUCKET || level == DEPTH;
    if (made.is_leaf) {
        for (int64_t i = begin; i < end; i++) {
            made.x += t->xy[2 * i];
            made.y += t->xy[2 * i + 1];
        }
    }
    int shift = 30 - 2 * level;
    for (int64_t from = begin; !made.is_leaf && from < end;) {
        uint32_t part = t->key[from] >> shift;
        int64_t to = from, stop = end;
        while (to < stop) { /* the first of another part */
            int64_t middle = to + (stop - to) / 2;
            if (t->key[middle] >> shift == part) {
                to = middle + 1;
            } else {
                stop = middle;
            }
        }
        const node *child = &t->nodes[build(t, from, to, level + 1)];
        made.x += child->x * child->mass;
        made.y += child->y * child->mass;
        from = to;
    }
    made.x /= made.mass;
    made.y /= made.mass;
    made.next = t->n_nodes;
    t->nodes[number] = made;
    return number;
}

static void tree_build(tree *t, const double *xy, int64_t *count) {
    find_keys(t, xy);
    sort_keys(t, count);
    for (int64_t i = 0; i < t->n; i++) {
        t->xy[2 * i] = xy[2 * t->order[i]];
        t->xy[2 * i + 1] = xy[2 * t->order[i] + 1];
    }
    t->n_nodes = 0;
    build(t, 0, t->n, 0);
}

/* ---- forces ---- */

typedef struct {
    const tree *tree;
    double *force; /* [n, 2] */
    double *sum;   /* [n] of q */
} pushing;

typedef struct {
    double x, y, sum;
} push;

static void add_push(double dx, double dy, double mass, push *p) {
    double q = 1 / (1 + dx * dx + dy * dy), weight = mass * q;
    p->sum += weight;
    p->x += weight * q * dx;
    p->y += weight * q * dy;
}

static push push_on(const tree *t, int64_t point) {
    push p = {0};
    double x = t->xy[2 * point], y = t->xy[2 * point + 1];
    for (int64_t number = 0; number < t->n_nodes;) {
        const node *at = &t->nodes[number];
        double dx = x - at->x, dy = y - at->y;
        if (dx * dx + dy * dy > at->reach) {
            add_push(dx, dy, at->mass, &p);
            number = at->next;
        } else if (at->is_leaf) {
            for (int64_t i = at->begin; i < at->end; i++) {
                if (i != point) add_push(x - t->xy[2 * i], y - t->xy[2 * i + 1], 1, &p);
            }
            number = at->next;
        } else {
            number++;
        }
    }
    return p;
}

static void push_points(void *context, int64_t task, int worker) {
    const pushing *f = context;
    (void)worker;
    for (int64_t i = task * POINTS; i < end_of(task, POINTS, f->tree->n); i++) {
        push p = push_on(f->tree, i);
        int64_t point = f->tree->order[i];
        f->force[2 * point] = p.x;
        f->force[2 * point + 1] = p.y;
        f->sum[point] = p.sum;
    }
}

/* All that a step needs beside the points. */
typedef struct {
    tree tree;
    int64_t *count; /* [2^16 + 1] */
    double *sum;    /* [n] */
} pusher;

static base_status pusher_new(int64_t n, pusher *p) {
    base_status status = tree_new(n, &p->tree);
    p->count = base_alloc((1 << 16) + 1, sizeof *p->count);
    p->sum = base_alloc((size_t)n, sizeof *p->sum);
    return status == BASE_OK && p->count != NULL && p->sum != NULL ? BASE_OK : BASE_EMEMORY;
}

static void pusher_free(pusher *p) {
    tree_free(&p->tree);
    base_free(p->count);
    base_free(p->sum);
}

static double repel(pusher *p, base_pool *pool, const double *xy, double *force) {
    int64_t n = p->tree.n;
    pushing f = {&p->tree, force, p->sum};
    double total = 0;
    tree_build(&p->tree, xy, p->count);
    base_parallel(pool, count_tasks(n, POINTS), push_points, &f);
    for (int64_t i = 0; i < n; i++) total += p->sum[i];
    return total;
}

double library_tsne_repulsion(base_pool *pool, const double *xy, int64_t n, double *force,
                              base_status *status) {
    pusher p;
    *status = pusher_new(n, &p);
    double total = *status == BASE_OK ? repel(&p, pool, xy, force) : 0;
    pusher_free(&p);
    return total;
}

typedef struct {
    const graph *out, *in;
    const double *xy;
    double *pull; /* [n, 2] */
    int64_t n;
} pulling;

static void add_pull(const graph *g, const double *xy, int64_t i, double *pull) {
    double x = xy[2 * i], y = xy[2 * i + 1], sum_x = 0, sum_y = 0;
    for (int64_t e = g->begin[i]; e < g->begin[i + 1]; e++) {
        double dx = x - xy[2 * g->other[e]], dy = y - xy[2 * g->other[e] + 1];
        double weight = (double)g->share[e] / (1 + dx * dx + dy * dy);
        sum_x += weight * dx;
        sum_y += weight * dy;
    }
    pull[0] += sum_x;
    pull[1] += sum_y;
}

static void pull_points(void *context, int64_t task, int worker) {
    const pulling *f = context;
    (void)worker;
    for (int64_t i = task * POINTS; i < end_of(task, POINTS, f->n); i++) {
        double *pull = f->pull + 2 * i;
        pull[0] = pull[1] = 0;
        add_pull(f->out, f->xy, i, pull);
        add_pull(f->in, f->xy, i, pull);
    }
}

/* ---- where to begin ---- */

static double dot(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Makes v of unit length; a vector of zeros stays one. */
static void make_unit(double *v, int64_t n) {
    double length = sqrt(dot(v, v, n));
    for (int64_t i = 0; i < n && length > 0; i++) v[i] /= length;
}

/* The rows that axes are taken from: evenly spaced. */
static int64_t axis_row(int64_t i, int64_t n) {
    return n <= AXIS_ROWS ? i : i * n / AXIS_ROWS;
}

/* axis = sum over the rows of (row . axis) row, rows less their mean. */
static void multiply(const library_tsne *job, const double *mean, double *axis, double *sum) {
    int64_t n = job->n < AXIS_ROWS ? job->n : AXIS_ROWS, width = job->width;
    memset(sum, 0, (size_t)width * sizeof *sum);
    for (int64_t i = 0; i < n; i++) {
        const float *row = job->x + axis_row(i, job->n) * width;
        double share = 0;
        for (int64_t c = 0; c < width; c++) share += ((double)row[c] - mean[c]) * axis[c];
        for (int64_t c = 0; c < width; c++) sum[c] += share * ((double)row[c] - mean[c]);
    }
    memcpy(axis, sum, (size_t)width * sizeof *axis);
}

/* Two main axes [2, width] by orthogonal iteration, from where the stream begins. */
static void find_axes(const library_tsne *job, base_rng *rng, double *axes, double *mean,
                      double *sum) {
    int64_t n = job->n < AXIS_ROWS ? job->n : AXIS_ROWS, width = job->width;
    for (int64_t i = 0; i < n; i++) {
        const float *row = job->x + axis_row(i, job->n) * width;
        for (int64_t c = 0; c < width; c++) mean[c] += (double)row[c] / (double)n;
    }
    for (int64_t c = 0; c < 2 * width; c++) axes[c] = (double)base_rng_normal(rng);
    for (int step = 0; step < AXIS_STEPS; step++) {
        for (int a = 0; a < 2; a++) multiply(job, mean, axes + a * width, sum);
        make_unit(axes, width);
        double along = dot(axes, axes + width, width);
        for (int64_t c = 0; c < width; c++) axes[width + c] -= along * axes[c];
        make_unit(axes + width, width);
    }
    for (int a = 0; a < 2; a++) { /* the largest part of an axis is positive */
        double largest = 0;
        for (int64_t c = 0; c < width; c++) {
            double part = axes[a * width + c];
            if (fabs(part) > fabs(largest)) largest = part;
        }
        for (int64_t c = 0; c < width && largest < 0; c++) axes[a * width + c] *= -1;
    }
}

/* Projects all vectors; the first axis gets a deviation of START. */
static void project(const library_tsne *job, const double *axes, const double *mean, base_rng *rng,
                    double *xy) {
    double square = 0;
    for (int64_t i = 0; i < job->n; i++) {
        for (int a = 0; a < 2; a++) {
            double sum = 0;
            for (int64_t c = 0; c < job->width; c++) {
                sum += ((double)job->x[i * job->width + c] - mean[c]) * axes[a * job->width + c];
            }
            xy[2 * i + a] = sum;
        }
        square += xy[2 * i] * xy[2 * i];
    }
    double deviation = sqrt(square / (double)job->n), scale = deviation > 0 ? START / deviation : 0;
    for (int64_t i = 0; i < 2 * job->n; i++) {
        xy[i] = xy[i] * scale + JITTER * (double)base_rng_normal(rng);
    }
}

static base_status begin(const library_tsne *job, double *xy, base_error *err) {
    base_rng rng = base_rng_open(job->seed, BASE_RNG_MAP, 0, 0);
    double *memory = base_alloc(4 * (size_t)job->width, sizeof *memory);
    if (memory == NULL) return no_memory(err);
    double *mean = memory + 2 * job->width, *sum = memory + 3 * job->width;
    find_axes(job, &rng, memory, mean, sum);
    project(job, memory, mean, &rng, xy);
    base_free(memory);
    return BASE_OK;
}

/* ---- the steps ---- */

typedef struct {
    const library_tsne *job;
    int64_t k;
    graph out, in;
    pusher pusher;
    double *push, *pull, *speed, *gain; /* [n, 2] */
    double *xy;
} mapping;

/* One step along the gradient, 4 (exaggeration * pull - push / total). */
static void move(mapping *m, double total, int step) {
    int64_t n = m->job->n;
    bool early = step < EXAGGERATED_STEPS;
    /* A pair's share is (p_j|i + p_i|j) / 2n. */
    double pull_scale = (early ? EXAGGERATION : 1) / (2.0 * (double)n),
           momentum = early ? 0.5 : 0.8;
    double rate = fmax((double)n / EXAGGERATION, LEAST_RATE) / 4, mean[2] = {0};
    for (int64_t i = 0; i < 2 * n; i++) {
        double slope = 4 * (pull_scale * m->pull[i] - m->push[i] / total);
        bool agrees = slope * m->speed[i] < 0;
        m->gain[i] = fmax(agrees ? m->gain[i] + 0.2 : m->gain[i] * 0.8, LEAST_GAIN);
        m->speed[i] = momentum * m->speed[i] - rate * m->gain[i] * slope;
        m->xy[i] += m->speed[i];
        mean[i % 2] += m->xy[i] / (double)n;
    }
    for (int64_t i = 0; i < 2 * n; i++) m->xy[i] -= mean[i % 2];
}

static base_status run_steps(mapping *m, base_error *err) {
    const library_tsne *job = m->job;
    pulling pulling_all = {&m->out, &m->in, m->xy, m->pull, job->n};
    for (int64_t i = 0; i < 2 * job->n; i++) m->gain[i] = 1;
    for (int step = 0; step < LIBRARY_TSNE_STEPS; step++) {
        if (step % STEPS_AT_ONCE == 0 && !tell(job, "mapping", step, LIBRARY_TSNE_STEPS)) {
            return base_fail(err, BASE_ESTOPPED, "stopped");
        }
        double total = repel(&m->pusher, job->pool, m->xy, m->push);
        base_parallel(job->pool, count_tasks(job->n, POINTS), pull_points, &pulling_all);
        move(m, total, step);
    }
    return BASE_OK;
}

static bool graph_new(graph *g, int64_t n, int64_t k) {
    g->begin = base_alloc((size_t)n + 1, sizeof *g->begin);
    g->other = base_alloc((size_t)(n * k), sizeof *g->other);
    g->share = base_alloc((size_t)(n * k), sizeof *g->share);
    return g->begin != NULL && g->other != NULL && g->share != NULL;
}

static void graph_free(graph *g) {
    base_free(g->begin);
    base_free(g->other);
    base_free(g->share);
}

static base_status make_graph(mapping *m, double perplexity, base_error *err) {
    const library_tsne *job = m->job;
    int64_t n = job->n;
    float *distance = base_alloc((size_t)(n * m->k), sizeof *distance);
    if (distance == NULL || !graph_new(&m->out, n, m->k) || !graph_new(&m->in, n, m->k)) {
        base_free(distance);
        return no_memory(err);
    }
    base_status status = library_tsne_nearest(job, m->k, m->out.other, distance, err);
    if (status == BASE_OK) {
        affinity a = {distance, m->out.share, n, m->k, perplexity};
        base_parallel(job->pool, count_tasks(n, POINTS), share_out, &a);
        for (int64_t i = 0; i <= n; i++) m->out.begin[i] = i * m->k;
        transpose(&m->out, n, &m->in);
    }
    base_free(distance);
    return status;
}

/* Too few to have neighbours stay on their axes. */
enum { FEWEST = 5 };

static base_status map_all(mapping *m, base_error *err) {
    const library_tsne *job = m->job;
    size_t n = (size_t)job->n;
    double perplexity = fmin(job->perplexity, (double)(job->n - 1) / 3);
    BASE_TRY(begin(job, m->xy, err));
    if (job->n < FEWEST) return BASE_OK;
    m->k = (int64_t)(3 * perplexity);
    BASE_TRY(make_graph(m, perplexity, err));
    m->push = base_alloc(2 * n, sizeof *m->push);
    m->pull = base_alloc(2 * n, sizeof *m->pull);
    m->speed = base_alloc(2 * n, sizeof *m->speed);
    m->gain = base_alloc(2 * n, sizeof *m->gain);
    bool complete = pusher_new(job->n, &m->pusher) == BASE_OK && m->push != NULL &&
                    m->pull != NULL && m->speed != NULL && m->gain != NULL;
    return complete ? run_steps(m, err) : no_memory(err);
}

/* Centred, and no farther out than 1. */
static void fit(double *xy, int64_t n) {
    double mean[2] = {0}, most = 0;
    for (int64_t i = 0; i < 2 * n; i++) mean[i % 2] += xy[i] / (double)n;
    for (int64_t i = 0; i < 2 * n; i++) {
        xy[i] -= mean[i % 2];
        most = fmax(most, fabs(xy[i]));
    }
    for (int64_t i = 0; i < 2 * n && most > 0; i++) xy[i] /= most;
}

base_status library_tsne_run(const library_tsne *job, double *xy, base_error *err) {
    mapping m = {.job = job, .xy = xy};
    base_status status = map_all(&m, err);
    if (status == BASE_OK) fit(xy, job->n);
    graph_free(&m.out);
    graph_free(&m.in);
    pusher_free(&m.pusher);
    base_free(m.push);
    base_free(m.pull);
    base_free(m.speed);
    base_free(m.gain);
    return status;
}
