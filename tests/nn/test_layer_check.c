/* The harness must let a right layer pass and catch each fault of a wrong one. */
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/layer_check.h"
#include "tests/test.h"

/* y = weight x, with a fault on request. */
typedef enum {
    NO_FAULT,
    WRITES_PAST_Y,
    READS_PAST_X,
    LEAVES_Y,
    READS_SCRATCH,
    WRITES_X,
    WRONG_DX,
    WRONG_DPARAM,
    OVERWRITES_DPARAM,
    DEPENDS_ON_THREADS,
    READS_PADDING,
    LEAVES_INIT
} fault_kind;

typedef struct {
    int fault;
} toy_options;

static const base_option toy_table[] = {
    {"fault", BASE_OPT_CHOICE, offsetof(toy_options, fault), "none", 0, 0,
     "none|writes_past_y|reads_past_x|leaves_y|reads_scratch|writes_x|wrong_dx|wrong_dparam|"
     "overwrites_dparam|depends_on_threads|reads_padding|leaves_init",
     NULL, "what the layer does wrong"},
    {.key = NULL}};

static fault_kind fault_of(const void *options) {
    return (fault_kind)((const toy_options *)options)->fault;
}

static base_status toy_plan(nn_plan *plan, base_error *err) {
    plan->out = plan->in[0];
    plan->n_scratch = 1;
    plan->backward_reads = NN_READS_X;
    return nn_plan_tensor(plan, "weight", (nn_shape){.rank = 1, .dim = {1}}, NN_DECAYED, err);
}

static void toy_init(const nn_plan *plan, base_rng *rng, float *param, float *state) {
    (void)plan, (void)state;
    if (fault_of(plan->options) != LEAVES_INIT) nn_init_uniform(rng, 1, param, 1);
}

static void toy_forward(const nn_run *run) {
    fault_kind fault = fault_of(run->plan->options);
    int64_t per_sample = nn_shape_count(run->plan->in[0]), n = run->batch * per_sample;
    for (int64_t i = 0; i < n; i++) run->y[i] = run->param[0] * run->x[0][i];
    if (fault == WRITES_PAST_Y) run->y[n] = 0;
    if (fault == READS_PAST_X) run->y[0] += run->x[0][n];
    if (fault == LEAVES_Y) run->y[n - 1] = NAN;
    if (fault == READS_SCRATCH) run->y[0] += run->scratch[0];
    if (fault == WRITES_X) ((float *)run->x[0])[0] += 1;
    if (fault == READS_PADDING) run->y[per_sample] += run->x[0][2 * per_sample - 1];
    if (fault == DEPENDS_ON_THREADS) run->y[0] += (float)base_pool_threads(run->pool);
}

static void toy_backward(const nn_run *run) {
    fault_kind fault = fault_of(run->plan->options);
    int64_t n = run->batch * nn_shape_count(run->plan->in[0]);
    float sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += run->dy[i] * run->x[0][i];
        if (run->dx[0] != NULL)
            run->dx[0][i] = run->dy[i] * run->param[0] * (fault == WRONG_DX ? 1.02f : 1);
    }
    if (fault == WRONG_DPARAM) sum *= 1.02f;
    run->dparam[0] = sum + (fault == OVERWRITES_DPARAM ? 0 : run->dparam[0]);
}

static const nn_layer toy = {.variant = {.name = "toy",
                                         .help = "",
                                         .shorthand = "fault",
                                         .options = toy_table,
                                         .size_bytes = sizeof(toy_options)},
                             .plan = toy_plan,
                             .init = toy_init,
                             .length = nn_length_same,
                             .forward = toy_forward,
                             .backward = toy_backward};

static const char *fault_name; /* set before a child is started */

START_TEST(check_toy) {
    static const int32_t lengths[] = {4, 2, 3};
    layer_case setup = {.layer = &toy, .options = fault_name, .batch = 3, .length = lengths};
    setup.in[0] = (nn_shape){.rank = 2, .dim = {4, 5}};
    layer_check_gradient(&setup, 0.01, 1e-3);
    layer_check_threads(&setup);
    layer_check_lengths(&setup, 1e-6, 1e-6);
}
END_TEST

/* Runs check_toy in a process of its own, whose failures are not this test's. */
static bool passes(const char *fault) {
    fault_name = fault;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        Suite *suite = suite_create("toy");
        TCase *tcase = tcase_create("toy");
        tcase_add_test(tcase, check_toy);
        suite_add_tcase(suite, tcase);
        SRunner *runner = srunner_create(suite);
        srunner_set_fork_status(runner, CK_NOFORK);
        srunner_run_all(runner, CK_SILENT);
        _exit(srunner_ntests_failed(runner) > 0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "%s: the check crashed", fault);
    return WEXITSTATUS(status) == 0;
}

START_TEST(lets_a_right_layer_pass) {
    ck_assert(passes("none"));
}
END_TEST

START_TEST(catches_every_fault) {
    static const char *const faults[] = {"writes_past_y", "reads_past_x",      "leaves_y",
                                         "reads_scratch", "writes_x",          "wrong_dx",
                                         "wrong_dparam",  "overwrites_dparam", "depends_on_threads",
                                         "reads_padding", "leaves_init"};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        ck_assert_msg(!passes(faults[i]), "%s went unnoticed", faults[i]);
    }
}
END_TEST

TEST_MAIN("nn/layer_check", lets_a_right_layer_pass, catches_every_fault)
