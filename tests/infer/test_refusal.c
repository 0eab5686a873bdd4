#include "infer/refusal.h"

#include "base/yaml.h"
#include "tests/test.h"

static const char *const names[] = {"kick", "snare", "other"};
static const infer_classes classes = {names, 3};

static base_status bind(const char *yaml, base_arena *arena, infer_refusal *refusal,
                        base_error *err) {
    base_node *root = NULL;
    TEST_OK(base_yaml_parse(yaml, "a.yaml", arena, &root, err), *err);
    return infer_refusal_bind(root, &classes, arena, refusal, err);
}

static infer_refusal bound(const char *yaml, base_arena *arena) {
    base_error err;
    infer_refusal refusal;
    TEST_OK(bind(yaml, arena, &refusal, &err), err);
    return refusal;
}

START_TEST(the_most_probable_class_wins_unless_it_is_refused) {
    base_arena arena = {0};
    base_error err;
    infer_refusal all, last = bound("{class: other, above: 0.5}", &arena);
    TEST_OK(infer_refusal_bind(NULL, &classes, &arena, &all, &err), err);
    static const struct {
        float p[3];
        int all, last;
    } rows[] = {{{0.2F, 0.7F, 0.1F}, 1, 1},
                {{0.2F, 0.3F, 0.5F}, 2, 1}, /* not above the bound */
                {{0.3F, 0.1F, 0.6F}, 2, INFER_UNKNOWN},
                {{0.5F, 0.5F, 0.0F}, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_int_eq(infer_refusal_judge(&all, rows[i].p, 3).answer, rows[i].all);
        infer_decision said = infer_refusal_judge(&last, rows[i].p, 3);
        ck_assert_int_eq(said.answer, rows[i].last);
        ck_assert_int_eq(said.cause, rows[i].last == INFER_UNKNOWN ? 2 : INFER_NO_CAUSE);
    }
    base_arena_release(&arena);
}
END_TEST

static void expect_reason(const infer_refusal *refusal, const float *p, const char *wanted) {
    base_text reason = {0};
    infer_refusal_add_reason(refusal, &classes, p, &reason);
    ck_assert_str_eq(base_text_string(&reason), wanted);
    base_text_release(&reason);
}

/* A bound that counts is that of the most probable class but the refused one. */
START_TEST(classes_have_bounds_of_their_own) {
    base_arena arena = {0};
    infer_refusal refusal =
        bound("{class: other, above: 0.5, above_for: {kick: 0.2}, least: {snare: 0.41}}", &arena);
    expect_reason(&refusal, (float[]){0.75F, 0.1F, 0.15F}, "");
    expect_reason(&refusal, (float[]){0.6F, 0.1F, 0.3F}, "other 0.30, more than 0.20");
    expect_reason(&refusal, (float[]){0.1F, 0.6F, 0.3F}, "");
    expect_reason(&refusal, (float[]){0.2F, 0.4F, 0.4F}, "snare 0.40, less than 0.41");
    expect_reason(&refusal, (float[]){0.1F, 0.3F, 0.6F}, "other 0.60, more than 0.50");
    refusal = bound("{least: {other: 0.4}}", &arena);
    ck_assert_int_eq(refusal.class_index, INFER_NONE_REFUSED);
    expect_reason(&refusal, (float[]){0.35F, 0.3F, 0.35F}, "");
    expect_reason(&refusal, (float[]){0.31F, 0.32F, 0.37F}, "other 0.37, less than 0.40");
    base_arena_release(&arena);
}
END_TEST

START_TEST(mistakes_are_told_with_their_place) {
    static const struct {
        const char *yaml, *part;
    } wrong[] = {{"class: clap", "a.yaml:1: 'clap' is not one of several classes"},
                 {"class: other\nabove: 2", "a.yaml:2: above"},
                 {"class: other\nabove_for: {clap: 0.3}", "a.yaml:2: above_for.clap: there is no"},
                 {"least: {kick: 1.5}", "a.yaml:1: least.kick: must be a number from 0 to 1"},
                 {"least: {kick: nan}", "must be a number from 0 to 1"},
                 {"least: {kick: [1]}", "must be a number from 0 to 1"},
                 {"least: 0.3", "a.yaml:1: least: must be a map from classes to numbers"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        base_arena arena = {0};
        base_error err;
        infer_refusal refusal;
        TEST_FAILS(bind(wrong[i].yaml, &arena, &refusal, &err), BASE_ECONFIG, err, wrong[i].part);
        base_arena_release(&arena);
    }
}
END_TEST

TEST_MAIN("infer/refusal", the_most_probable_class_wins_unless_it_is_refused,
          classes_have_bounds_of_their_own, mistakes_are_told_with_their_place)
