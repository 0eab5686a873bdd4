#include "nn/schedule.h"

#include <math.h>
#include <stddef.h>

#define FIELD(name) offsetof(nn_schedule_options, name)

#define WARMUP_OPTIONS                                                                             \
    {"warmup",                                                                                     \
     BASE_OPT_FLOAT,                                                                               \
     FIELD(warmup),                                                                                \
     "0",                                                                                          \
     0,                                                                                            \
     1e6,                                                                                          \
     NULL,                                                                                         \
     "epochs",                                                                                     \
     "time over which the rate rises linearly to its full value"},                                 \
    {                                                                                              \
        "warmup_from", BASE_OPT_FLOAT, FIELD(warmup_from), "0.01", 0, 1, NULL, NULL,               \
            "factor the warm-up starts from"                                                       \
    }
#define FLOOR_OPTION                                                                               \
    { "floor", BASE_OPT_FLOAT, FIELD(floor), "0", 0, 1, NULL, NULL, "smallest factor" }

static const base_option constant_options[] = {WARMUP_OPTIONS, {0}};
static const base_option step_options[] = {
    {"every", BASE_OPT_FLOAT, FIELD(step_epochs), "10", 1e-3, 1e6, NULL, "epochs",
     "time between two falls"},
    {"gamma", BASE_OPT_FLOAT, FIELD(gamma), "0.1", 0, 1, NULL, NULL, "factor of each fall"},
    WARMUP_OPTIONS,
    {0}};
static const base_option exponential_options[] = {
    {"gamma", BASE_OPT_FLOAT, FIELD(gamma), "0.95", 0, 1, NULL, NULL, "factor of each epoch"},
    WARMUP_OPTIONS,
    {0}};
static const base_option cosine_options[] = {FLOOR_OPTION, WARMUP_OPTIONS, {0}};
static const base_option one_cycle_options[] = {
    {"peak_at", BASE_OPT_FLOAT, FIELD(peak_at), "0.3", 0, 1, NULL, NULL,
     "share of the training at which the rate is highest"},
    {"start_div", BASE_OPT_FLOAT, FIELD(start_div), "25", 1, 1e9, NULL, NULL,
     "the first rate is the full one divided by this"},
    {"final_div", BASE_OPT_FLOAT, FIELD(final_div), "10000", 1, 1e12, NULL, NULL,
     "the last rate is the first one divided by this"},
    WARMUP_OPTIONS,
    {0}};
static const base_option plateau_options[] = {
    {"patience", BASE_OPT_INT, FIELD(patience), "10", 0, 1e6, NULL, "epochs",
     "epochs without improvement that are let pass"},
    {"factor", BASE_OPT_FLOAT, FIELD(factor), "0.1", 0, 1, NULL, NULL, "factor of each fall"},
    {"threshold", BASE_OPT_FLOAT, FIELD(threshold), "1e-4", 0, 1, NULL, NULL,
     "relative fall of the loss that counts as improvement"},
    FLOOR_OPTION,
    WARMUP_OPTIONS,
    {0}};

const base_variant *const *nn_schedule_variants(int *n) {
    enum { SIZE = sizeof(nn_schedule_options) };
    static const base_variant constant = {"constant", "the same rate throughout", NULL,
                                          constant_options, SIZE};
    static const base_variant step = {"step", "falls by a factor every few epochs", "every",
                                      step_options, SIZE};
    static const base_variant exponential = {"exponential", "falls by a factor every epoch",
                                             "gamma", exponential_options, SIZE};
    static const base_variant cosine = {
        "cosine", "falls along half a cosine, from the warm-up's end to the last step", "floor",
        cosine_options, SIZE};
    static const base_variant one_cycle = {"one_cycle",
                                           "rises along half a cosine, then falls along another",
                                           "peak_at", one_cycle_options, SIZE};
    static const base_variant plateau = {
        "plateau", "falls by a factor when the validation loss stops improving", "patience",
        plateau_options, SIZE};
    static const base_variant *const variants[] = {
        [NN_CONSTANT] = &constant, [NN_STEP] = &step,           [NN_EXPONENTIAL] = &exponential,
        [NN_COSINE] = &cosine,     [NN_ONE_CYCLE] = &one_cycle, [NN_PLATEAU] = &plateau};
    *n = sizeof variants / sizeof *variants;
    return variants;
}

void nn_schedule_init(nn_schedule *schedule, nn_schedule_kind kind,
                      const nn_schedule_options *options, int64_t steps_per_epoch,
                      int64_t n_epochs) {
    BASE_CHECK(steps_per_epoch >= 1 && n_epochs >= 1);
    *schedule = (nn_schedule){.kind = kind,
                              .options = *options,
                              .steps_per_epoch = steps_per_epoch,
                              .n_epochs = n_epochs,
                              .best = INFINITY,
                              .plateau_factor = 1};
}

static double ramp(double share) {
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* From a at share 0 to b at share 1 along half a cosine. */
static double half_cosine(double a, double b, double share) {
    return b + (a - b) * (1 + cos(M_PI * share)) / 2;
}

static double one_cycle_factor(const nn_schedule_options *o, double step, double n_steps) {
    double start = 1 / o->start_div, last = n_steps - 1, peak = o->peak_at * n_steps - 1;
    if (step <= peak) return half_cosine(start, 1, peak > 0 ? step / peak : 1);
    double share = last > peak ? (step - peak) / (last - peak) : 1;
    return half_cosine(1, start / o->final_div, ramp(share));
}

double nn_schedule_factor(const nn_schedule *schedule, int64_t step) {
    const nn_schedule_options *o = &schedule->options;
    double n_steps = (double)schedule->steps_per_epoch * (double)schedule->n_epochs;
    double warm = o->warmup * (double)schedule->steps_per_epoch, factor = 1;
    int64_t n_past = step / schedule->steps_per_epoch; /* epochs */
    double epoch = (double)n_past;
    switch (schedule->kind) {
    case NN_CONSTANT:
        break;
    case NN_STEP:
        factor = pow(o->gamma, floor(epoch / o->step_epochs));
        break;
    case NN_EXPONENTIAL:
        factor = pow(o->gamma, epoch);
        break;
    case NN_COSINE:
        if (n_steps > warm) {
            factor = half_cosine(1, o->floor, ramp(((double)step - warm) / (n_steps - warm)));
        }
        break;
    case NN_ONE_CYCLE:
        factor = one_cycle_factor(o, (double)step, n_steps);
        break;
    case NN_PLATEAU:
        factor = schedule->plateau_factor;
        break;
    }
    if ((double)step >= warm) return factor;
    return factor * (o->warmup_from + (1 - o->warmup_from) * (double)step / warm);
}

bool nn_schedule_extends(nn_schedule_kind kind) {
    return kind != NN_COSINE && kind != NN_ONE_CYCLE;
}

void nn_schedule_epoch_end(nn_schedule *schedule, double loss) {
    const nn_schedule_options *o = &schedule->options;
    if (schedule->kind != NN_PLATEAU) return;
    if (loss < schedule->best * (1 - o->threshold)) {
        schedule->best = loss;
        schedule->bad_epochs = 0;
    } else if (++schedule->bad_epochs > o->patience) {
        schedule->plateau_factor = fmax(schedule->plateau_factor * o->factor, o->floor);
        schedule->bad_epochs = 0;
    }
}
