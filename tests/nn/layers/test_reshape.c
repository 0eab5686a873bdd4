#include <string.h>

#include "tests/layer_check.h"
#include "tests/test.h"

static layer_case case_of(const nn_layer *layer, const char *options, nn_shape in) {
    return (layer_case){.layer = layer, .options = options, .in = {in}, .batch = 3};
}

static nn_shape shape3(int64_t a, int64_t b, int64_t c) {
    return nn_shape_make(3, (const int64_t[]){a, b, c});
}

static nn_shape shape2(int64_t a, int64_t b) {
    return nn_shape_make(2, (const int64_t[]){a, b});
}

static void check_out(const layer_probe *probe, const char *expected) {
    char text[64];
    ck_assert_str_eq(nn_shape_text(probe->plan.out, false, text), expected);
}

/* y = x read in `order` of the axes of [n0,n1,n2]; dx puts dy back. */
static void check_order(const layer_case *setup, const int64_t n[3], const int order[3],
                        const char *out) {
    layer_probe *probe = layer_probe_new(setup);
    check_out(probe, out);
    layer_probe_run(probe);
    int64_t stride[3] = {n[1] * n[2], n[2], 1}, at = 0, count = n[0] * n[1] * n[2];
    for (int64_t b = 0; b < setup->batch; b++) {
        for (int64_t i = 0; i < n[order[0]]; i++) {
            for (int64_t j = 0; j < n[order[1]]; j++) {
                for (int64_t k = 0; k < n[order[2]]; k++, at++) {
                    int64_t from = b * count + i * stride[order[0]] + j * stride[order[1]] +
                                   k * stride[order[2]];
                    ck_assert(probe->y[at] == probe->x[0][from]);
                    ck_assert(probe->dx[0][from] == probe->dy[at]);
                }
            }
        }
    }
    ck_assert_int_eq(at, probe->n_y);
    layer_probe_free(probe);
    layer_check_threads(setup);
}

START_TEST(flatten) {
    const int straight[] = {0, 1, 2};
    layer_case image = case_of(&nn_layer_flatten, NULL, shape3(3, 5, 7));
    check_order(&image, (const int64_t[]){3, 5, 7}, straight, "[105]");
    layer_case sequence = case_of(&nn_layer_flatten, NULL, shape2(4, 6));
    check_order(&sequence, (const int64_t[]){1, 4, 6}, straight, "[24]");
}
END_TEST

START_TEST(reshape) {
    const int straight[] = {0, 1, 2};
    const int64_t n[] = {3, 4, 6};
    layer_case given = case_of(&nn_layer_reshape, "[8, 9]", shape3(3, 4, 6));
    check_order(&given, n, straight, "[8,9]");
    layer_case open = case_of(&nn_layer_reshape, "[2, -1, 4]", shape3(3, 4, 6));
    check_order(&open, n, straight, "[2,9,4]");
}
END_TEST

START_TEST(reshape_refuses) {
    static const struct {
        const char *options;
        base_status status;
        const char *part;
    } bad[] = {{"[8, 8]", BASE_ESHAPE, "input is [B,3,4,6], 72 numbers"},
               {"[-1, 5]", BASE_ESHAPE, "72 numbers"},
               {"[-1, -1]", BASE_ECONFIG, "at most one -1"},
               {"[0, 72]", BASE_ECONFIG, "positive extents"},
               {"[1, 2, 3, 12]", BASE_ECONFIG, "4 extents"},
               {"[-1, 1000000000, 1000000000, 1000000000]", BASE_ECONFIG, "extents"},
               {"[1000000000, 1000000000, 1000000000]", BASE_ECONFIG, "extents"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        layer_case setup = case_of(&nn_layer_reshape, bad[i].options, shape3(3, 4, 6));
        layer_check_refused(&setup, bad[i].status, bad[i].part);
    }
}
END_TEST

START_TEST(permute_every_way) {
    static const struct {
        const char *options, *out;
        int order[3];
    } ways[] = {{"[0, 1, 2]", "[19,5,33]", {0, 1, 2}}, {"[0, 2, 1]", "[19,33,5]", {0, 2, 1}},
                {"[1, 0, 2]", "[5,19,33]", {1, 0, 2}}, {"[1, 2, 0]", "[5,33,19]", {1, 2, 0}},
                {"[2, 0, 1]", "[33,19,5]", {2, 0, 1}}, {"[2, 1, 0]", "[33,5,19]", {2, 1, 0}}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        layer_case setup = case_of(&nn_layer_permute, ways[i].options, shape3(19, 5, 33));
        check_order(&setup, (const int64_t[]){19, 5, 33}, ways[i].order, ways[i].out);
    }
    layer_case two = case_of(&nn_layer_permute, "[1, 0]", shape2(4, 6));
    check_order(&two, (const int64_t[]){1, 4, 6}, (const int[]){0, 2, 1}, "[6,4]");
    layer_case thin = case_of(&nn_layer_permute, "[2, 1, 0]", shape3(1, 5, 1));
    check_order(&thin, (const int64_t[]){1, 5, 1}, (const int[]){2, 1, 0}, "[1,5,1]");
}
END_TEST

START_TEST(permute_refuses) {
    static const char *const bad[] = {"[0, 1]", "[0, 1, 1]", "[0, 1, 2, 2]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        layer_case setup = case_of(&nn_layer_permute, bad[i], shape3(3, 4, 6));
        layer_check_refused(&setup, BASE_ESHAPE, "input is [B,3,4,6]; order must name");
    }
    layer_case two = case_of(&nn_layer_permute, "[0, 2]", shape2(4, 6));
    layer_check_refused(&two, BASE_ESHAPE, "axes 0 to 1");
}
END_TEST

/* As torch's x.permute(0, 3, 1, 2).reshape(B, T, C * F). */
START_TEST(to_sequence) {
    layer_case setup = case_of(&nn_layer_to_sequence, NULL, shape3(3, 5, 40));
    check_order(&setup, (const int64_t[]){3, 5, 40}, (const int[]){2, 0, 1}, "[40,15]");
    layer_case bad = case_of(&nn_layer_to_sequence, NULL, shape2(4, 6));
    layer_check_refused(&bad, BASE_ESHAPE, "input is [B,4,6]; an image");
}
END_TEST

START_TEST(to_image) {
    layer_case setup = case_of(&nn_layer_to_image, NULL, shape2(40, 7));
    check_order(&setup, (const int64_t[]){1, 40, 7}, (const int[]){0, 2, 1}, "[1,7,40]");
    layer_case bad = case_of(&nn_layer_to_image, NULL, shape3(3, 4, 6));
    layer_check_refused(&bad, BASE_ESHAPE, "input is [B,3,4,6]; a sequence");
}
END_TEST

START_TEST(time_keeps_its_length) {
    static const struct {
        const nn_layer *layer;
        const char *options;
        int64_t expected;
    } cases[] = {{&nn_layer_to_sequence, NULL, 2},
                 {&nn_layer_permute, "[1, 0, 2]", 2},
                 {&nn_layer_permute, "[1, 2, 0]", 3}, /* time is elsewhere: all of it counts */
                 {&nn_layer_reshape, "[6, 4]", 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        layer_case setup = case_of(cases[i].layer, cases[i].options, shape3(3, 2, 4));
        layer_probe *probe = layer_probe_new(&setup);
        ck_assert_int_eq(cases[i].layer->length(&probe->plan, 2), cases[i].expected);
        layer_probe_free(probe);
    }
}
END_TEST

TEST_MAIN("nn/layers/reshape", flatten, reshape, reshape_refuses, permute_every_way,
          permute_refuses, to_sequence, to_image, time_keeps_its_length)
