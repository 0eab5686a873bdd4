#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/yaml.h"
#include "cli/model.h"
#include "cli/tables.h"
#include "infer/model.h"
#include "train/calibration.h"
#include "train/predictions.h"

enum { FEWEST = 20 /* drums of a class, for a bound of its own */, STEPS = 1000 };

/* The sounds of one class: drums that are most probably of it, or all that are no drums. */
typedef struct {
    double *outlier; /* [n] the refused class's probability, in rising order */
    int64_t n;
} scores;

typedef struct {
    cli_call *call;
    infer_model *model;
    int n_classes, refused;
    const char **classes;
    double lose;        /* share of each class's drums */
    double temperature; /* which makes the run's probabilities those that the model is to give */
    train_predictions all;
    scores *drums; /* [n_classes] by the most probable class, the refused one aside */
    scores pooled;
    double *above; /* [n_classes] */
    double bound;  /* of classes with few drums */
} choice;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "refuse: out of memory");
}

/* ---- reading ---- */

/* The predictions of all folds of a run, one after the other, tempered. */
static base_status read_run(choice *c, const char *run, base_error *err) {
    base_arena *arena = &c->call->arena;
    train_predictions part = {.classes = c->classes, .n_classes = c->n_classes};
    int32_t *truth = NULL;
    float *probability = NULL;
    for (int fold = 1;; fold++) {
        const char *path = base_arena_printf(arena, "%s/fold%d/predictions.csv", run, fold);
        if (path == NULL) return no_memory(err);
        if (fold > 1 && !base_file_exists(path)) break;
        BASE_TRY(train_predictions_read(path, arena, &part, err));
        size_t before = (size_t)c->all.n, n = before + (size_t)part.n, k = (size_t)c->n_classes;
        int32_t *truths = base_arena_alloc(arena, n, sizeof *truths);
        float *rows = base_arena_alloc(arena, n, k * sizeof *rows);
        if (truths == NULL || rows == NULL) return no_memory(err);
        if (before > 0) memcpy(truths, truth, before * sizeof *truths);
        if (before > 0) memcpy(rows, probability, before * k * sizeof *rows);
        memcpy(truths + before, part.truth, (size_t)part.n * sizeof *truths);
        memcpy(rows + before * k, part.probability, (size_t)part.n * k * sizeof *rows);
        truth = truths;
        probability = rows;
        c->all.n = (int64_t)n;
    }
    c->all.n_classes = c->n_classes;
    c->all.truth = truth;
    c->all.probability = probability;
    bool scaled = infer_model_loss(c->model) == NN_CROSS_ENTROPY;
    c->temperature = scaled ? train_fit_temperature(&c->all) : 1;
    train_temper(c->temperature, c->all.n, c->n_classes, probability);
    return BASE_OK;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int most_probable(const choice *c, const float *p) {
    int best = -1;
    for (int k = 0; k < c->n_classes; k++) {
        if (k != c->refused && (best < 0 || p[k] > p[best])) best = k;
    }
    return best;
}

static base_status sort_out(choice *c, base_error *err) {
    base_arena *arena = &c->call->arena;
    size_t n = (size_t)c->all.n;
    c->drums = base_arena_alloc(arena, (size_t)c->n_classes, sizeof *c->drums);
    c->above = base_arena_alloc(arena, (size_t)c->n_classes, sizeof *c->above);
    c->pooled.outlier = base_arena_alloc(arena, n, sizeof(double));
    if (c->drums == NULL || c->above == NULL || c->pooled.outlier == NULL) return no_memory(err);
    for (int k = 0; k < c->n_classes; k++) {
        c->drums[k].outlier = base_arena_alloc(arena, n, sizeof(double));
        if (c->drums[k].outlier == NULL) return no_memory(err);
    }
    for (int64_t i = 0; i < c->all.n; i++) {
        const float *p = c->all.probability + i * c->n_classes;
        if (c->all.truth[i] == c->refused) continue;
        scores *own = &c->drums[most_probable(c, p)];
        own->outlier[own->n++] = p[c->refused];
        c->pooled.outlier[c->pooled.n++] = p[c->refused];
    }
    if (c->pooled.n == 0) return base_fail(err, BASE_EDATA, "the run has no sounds of drums");
    return BASE_OK;
}

/* ---- choosing ---- */

/* The least bound, in thousandths, that no more than this share of the scores exceed. */
static double choose(scores *s, double lose) {
    qsort(s->outlier, (size_t)s->n, sizeof *s->outlier, compare_doubles);
    int64_t n_lost = (int64_t)floor(lose * (double)s->n);
    double most = n_lost < s->n ? s->outlier[s->n - 1 - n_lost] : 0;
    return ceil(most * STEPS) / STEPS;
}

static int64_t n_above(const scores *s, double bound) {
    int64_t n = 0;
    for (int64_t i = 0; i < s->n; i++) n += s->outlier[i] > bound;
    return n;
}

static void choose_all(choice *c) {
    c->bound = choose(&c->pooled, c->lose);
    for (int k = 0; k < c->n_classes; k++) {
        bool has_own = k != c->refused && c->drums[k].n >= FEWEST;
        c->above[k] = has_own ? choose(&c->drums[k], c->lose) : c->bound;
    }
}

/* {class: other, above: 0.3, above_for: {kick: 0.2}} */
static void add_rule(const choice *c, base_text *out) {
    const char *comma = "";
    base_text_printf(out, "{class: %s, above: ", c->classes[c->refused]);
    base_text_add_number(out, c->bound);
    base_text_add(out, ", above_for: {");
    for (int k = 0; k < c->n_classes; k++) {
        if (k == c->refused || c->above[k] == c->bound) continue;
        base_text_printf(out, "%s%s: ", comma, c->classes[k]);
        base_text_add_number(out, c->above[k]);
        comma = ", ";
    }
    base_text_add(out, "}}");
}

/* ---- what comes of it ---- */

static void add_share(const char *what, int64_t part, int64_t n, base_text *out) {
    base_text_printf(out, "%s %lld of %lld (%.3f)\n", what, (long long)part, (long long)n,
                     n > 0 ? (double)part / (double)n : 0.0);
}

static void add_table(const choice *c, base_text *out) {
    int64_t lost = 0, refused = 0, others = 0;
    cli_pad(out, "class", 12, false);
    base_text_add(out, "  drums  bound   lost\n");
    for (int k = 0; k < c->n_classes; k++) {
        const scores *s = &c->drums[k];
        if (k == c->refused) continue;
        cli_pad(out, c->classes[k], 12, false);
        base_text_printf(out, "%7lld  %.3f  %5lld\n", (long long)s->n, c->above[k],
                         (long long)n_above(s, c->above[k]));
        lost += n_above(s, c->above[k]);
    }
    for (int64_t i = 0; i < c->all.n; i++) {
        const float *p = c->all.probability + i * c->n_classes;
        if (c->all.truth[i] != c->refused) continue;
        others++;
        refused += (double)p[c->refused] > c->above[most_probable(c, p)];
    }
    base_text_add(out, "\n");
    add_share("drums lost      ", lost, c->pooled.n, out);
    add_share("others refused  ", refused, others, out);
    base_text_printf(out, "temperature      %.3f\n", c->temperature);
    base_text_add(out, "\nrefuse: ");
    add_rule(c, out);
    base_text_add(out, "\n");
}

/* The model as it was, with another temperature, and another rule in its configuration. */
static base_status write_model(const choice *c, const char *path, base_error *err) {
    base_arena *arena = &c->call->arena;
    base_text rule = {0}, yaml = {0};
    base_node *root;
    const infer_model *model = c->model;
    base_text_add(&rule, "refuse=");
    add_rule(c, &rule);
    base_status status = base_yaml_parse(infer_model_config(model), "model", arena, &root, err);
    if (status == BASE_OK) {
        status = base_yaml_override(root, base_text_string(&rule), arena, err);
    }
    if (status == BASE_OK) base_yaml_write(root, &yaml);
    if (rule.failed || yaml.failed) status = no_memory(err);
    if (status == BASE_OK) {
        infer_model_content content = {.config = base_text_string(&yaml),
                                       .record = infer_model_record(model),
                                       .classes = c->classes,
                                       .n_classes = c->n_classes,
                                       .temperature = c->temperature,
                                       .members = infer_model_member(model, 0),
                                       .n_members = infer_model_n_members(model)};
        status = infer_model_write(&content, path, err);
    }
    base_text_release(&rule);
    base_text_release(&yaml);
    return status;
}

static base_status refuse(choice *c, base_text *out, base_error *err) {
    const char *path = cli_text(c->call, "out");
    c->n_classes = infer_model_n_classes(c->model);
    c->refused = infer_model_refusal(c->model)->class_index;
    if (c->refused < 0) {
        return base_fail(err, BASE_EDATA,
                         "the model has no class for what is none of the others (refuse)");
    }
    c->classes = base_arena_alloc(&c->call->arena, (size_t)c->n_classes, sizeof *c->classes);
    if (c->classes == NULL) return no_memory(err);
    for (int k = 0; k < c->n_classes; k++) c->classes[k] = infer_model_class(c->model, k);
    BASE_TRY(read_run(c, c->call->arguments[0], err));
    BASE_TRY(sort_out(c, err));
    choose_all(c);
    add_table(c, out);
    return path != NULL ? write_model(c, path, err) : BASE_OK;
}

static int run_refuse(cli_call *call) {
    base_error err;
    base_text out = {0};
    choice c = {.call = call, .lose = 0.05};
    const char *path;
    if (!cli_number(call, "lose", 0, 1, &c.lose)) return CLI_USAGE;
    int code = cli_model_path(call, &path);
    if (code != CLI_OK) return code;
    if (infer_model_open(path, 1, call->pool, &c.model, &err) != BASE_OK) return cli_fail(&err);
    code = refuse(&c, &out, &err) == BASE_OK ? cli_print(&out) : cli_fail(&err);
    base_text_release(&out);
    infer_model_free(c.model);
    return code;
}

static const cli_flag flags[] = {
    CLI_FLAG_MODEL,
    {"lose", "SHARE",
     "of the drums of each class, at most this share is called unknown (default 0.05)"},
    {"out", "FILE", "the model with these bounds and this temperature, otherwise the same"},
    {0},
};

const cli_command cli_refuse = {
    .name = "refuse",
    .arguments = "[MODEL] RUN",
    .summary = "choose when a model says unknown, by a run's tests",
    .description =
        "RUN is the folder of a run whose folds tested drums and sounds that are none, with the "
        "model's classes; preferably sounds of sources that the folds did not train on. For each "
        "class the "
        "bound "
        "of `refuse` is the least that loses no more than --lose of the drums that are most "
        "probably "
        "of it. Classes with fewer than 20 drums have the bound of all together. The same tests "
        "give the "
        "temperature by which probabilities are calibrated. Prints the bounds, what they lose and "
        "refuse in the run, the temperature, and the line for a configuration.\n\n" CLI_MODEL_HELP,
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = 2,
    .run = run_refuse,
};
