#include "base/isolated.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

typedef struct {
    int how;
    int changed;
} situation;

enum { ANSWERS, FAILS, CRASHES, LOOPS, TALKS, EATS };

static base_status work(void *context, base_text *out, base_error *err) {
    situation *s = context;
    s->changed = 1;
    for (volatile int i = 0; s->how == LOOPS; i = i + 0) {
    }
    if (s->how == FAILS) return base_fail(err, BASE_EDATA, "x: no good");
    if (s->how == CRASHES) raise(SIGKILL);
    if (s->how == EATS) {
        void *much = base_alloc((size_t)1 << 33, 1);
        if (much == NULL) return base_fail(err, BASE_EMEMORY, "x: out of memory");
        base_free(much);
    }
    for (int i = 0; i < (s->how == TALKS ? 100000 : 3); i++) base_text_add_bytes(out, "a\0b", 3);
    return BASE_OK;
}

static base_status run(int how, base_text *out, base_error *err) {
    situation s = {.how = how};
    base_isolated_job job = {.name = "x",
                             .work = work,
                             .context = &s,
                             .seconds = 1,
                             .memory_bytes = 1 << 30,
                             .result_bytes = 10000};
    base_status status = base_isolated(&job, out, err);
    ck_assert_int_eq(s.changed, 0);
    return status;
}

START_TEST(hands_over_a_result) {
    base_text out = {0};
    base_error err;
    base_text_add(&out, "so: ");
    TEST_OK(run(ANSWERS, &out, &err), err);
    ck_assert_uint_eq(out.size, 13);
    ck_assert_mem_eq(out.data, "so: a\0ba\0ba\0b", 13);
    base_text_release(&out);
}
END_TEST

START_TEST(hands_over_an_error) {
    base_text out = {0};
    base_error err;
    TEST_FAILS(run(FAILS, &out, &err), BASE_EDATA, err, "x: no good");
    ck_assert_int_ne(run(EATS, &out, &err), BASE_OK); /* a sanitizer's malloc ends the process */
    ck_assert_uint_eq(out.size, 0);
}
END_TEST

START_TEST(survives_a_child_that_does_not) {
    base_text out = {0};
    base_error err;
    TEST_FAILS(run(CRASHES, &out, &err), BASE_EFORMAT, err, "x: so damaged");
    TEST_FAILS(run(LOOPS, &out, &err), BASE_EFORMAT, err, "x: so damaged");
    TEST_FAILS(run(TALKS, &out, &err), BASE_EFORMAT, err, "x: so damaged");
    ck_assert_uint_eq(out.size, 0);
}
END_TEST

TEST_MAIN("base/isolated", hands_over_a_result, hands_over_an_error, survives_a_child_that_does_not)
