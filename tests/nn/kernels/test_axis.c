#include "base/rng.h"
#include "nn/kernels/axis.h"
#include "tests/test.h"

enum { N_RANDOM = 2000, MOST = 1 << 20 };

static nn_axis random_axis(base_rng *rng) {
    return (nn_axis){.in = 1 + base_rng_below(rng, 40),
                     .kernel = 1 + base_rng_below(rng, 9),
                     .stride = 1 + base_rng_below(rng, 6),
                     .dilation = 1 + base_rng_below(rng, 4)};
}

static int64_t span_of(const nn_axis *a) {
    return a->dilation * (a->kernel - 1) + 1;
}

/* Windows that lie in n inputs and the zeros around them. */
static int64_t count_windows(const nn_axis *a, int64_t n) {
    int64_t count = 0;
    while (count * a->stride + span_of(a) <= a->before + n + a->after) count++;
    return count;
}

static base_strings list_of(const char *const *items, int n) {
    return (base_strings){.items = items, .n = n};
}

static void pad(const char *how, nn_axis *f, nn_axis *t) {
    base_strings one = list_of(&how, 1);
    ck_assert(nn_set_padding(&one, f, t));
}

START_TEST(extents_count_windows) {
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N_RANDOM; i++) {
        nn_axis a = random_axis(&rng);
        a.before = base_rng_below(&rng, 6);
        a.after = base_rng_below(&rng, 6);
        int64_t n = base_rng_below(&rng, 60), extent = nn_axis_extent(&a, n);
        if (extent != count_windows(&a, n)) ck_abort_msg("axis %d: %d", i, (int)extent);
    }
}
END_TEST

/* As many outputs as steps of the stride begin in the input, by as few zeros as that takes. */
START_TEST(same_keeps_the_extent) {
    base_rng rng = base_rng_open(2, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N_RANDOM; i++) {
        nn_axis axis[2] = {random_axis(&rng), random_axis(&rng)};
        pad("same", &axis[0], &axis[1]);
        for (int j = 0; j < 2; j++) {
            nn_axis a = axis[j];
            int64_t wanted = 0;
            while (wanted * a.stride < a.in) wanted++;
            bool right = nn_axis_extent(&a, a.in) == wanted;
            right = right && a.before >= 0 && (a.after == a.before || a.after == a.before + 1);
            if (a.after > 0) {
                a.after--;
                right = right && nn_axis_extent(&a, a.in) < wanted;
            }
            if (!right) ck_abort_msg("axis %d: %d, %d", i, (int)a.before, (int)a.after);
        }
    }
}
END_TEST

START_TEST(half_is_half_a_kernel_on_each_side) {
    base_rng rng = base_rng_open(3, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N_RANDOM; i++) {
        nn_axis f = random_axis(&rng), t = random_axis(&rng);
        f.stride = 1;
        pad("half", &f, &t);
        bool right = f.before == f.after && t.before == t.after;
        right = right && t.before == (span_of(&t) - 1) / 2;
        right = right && nn_axis_extent(&f, f.in) == f.in - (span_of(&f) + 1) % 2;
        if (!right) ck_abort_msg("axes %d: %d, %d", i, (int)f.before, (int)t.before);
    }
}
END_TEST

START_TEST(numbers_go_to_their_sides) {
    static const struct {
        const char *items[4];
        int n;
        int64_t f_before, f_after, t_before, t_after;
    } forms[] = {{{"3"}, 1, 3, 3, 3, 3},
                 {{"1", "2"}, 2, 1, 1, 2, 2},
                 {{"1", "2", "3", "4"}, 4, 1, 2, 3, 4},
                 {{"0", "1048576"}, 2, 0, 0, MOST, MOST}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        nn_axis f = {0}, t = {0};
        base_strings list = list_of(forms[i].items, forms[i].n);
        base_error err;
        TEST_OK(nn_check_padding(&list, &err), err);
        ck_assert(nn_set_padding(&list, &f, &t));
        ck_assert_int_eq(f.before, forms[i].f_before);
        ck_assert_int_eq(f.after, forms[i].f_after);
        ck_assert_int_eq(t.before, forms[i].t_before);
        ck_assert_int_eq(t.after, forms[i].t_after);
    }
}
END_TEST

START_TEST(other_forms_are_refused) {
    static const struct {
        const char *items[5];
        int n;
    } forms[] = {{{NULL}, 0},
                 {{"same", "same"}, 2},
                 {{"1", "half"}, 2},
                 {{"1", "2", "3", "4", "5"}, 5},
                 {{"1.5"}, 1},
                 {{"1048577"}, 1},
                 {{"0", "0", "0", "-1"}, 4}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        base_strings list = list_of(forms[i].items, forms[i].n);
        base_error err;
        TEST_FAILS(nn_check_padding(&list, &err), BASE_ECONFIG, err, "pad takes 'same', 'half'");
    }
}
END_TEST

TEST_MAIN("nn/kernels/axis", extents_count_windows, same_keeps_the_extent,
          half_is_half_a_kernel_on_each_side, numbers_go_to_their_sides, other_forms_are_refused)
