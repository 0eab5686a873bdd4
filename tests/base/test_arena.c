#include "base/arena.h"

#include "tests/test.h"

START_TEST(memory_is_zeroed_aligned_and_apart) {
    base_arena arena = {0};
    unsigned char *blocks[300];
    for (int i = 0; i < 300; i++) {
        blocks[i] = base_arena_alloc(&arena, (size_t)i * 7, 3);
        ck_assert_ptr_nonnull(blocks[i]);
        ck_assert_uint_eq((uintptr_t)blocks[i] % 16, 0);
        for (int j = 0; j < i * 21; j++) ck_assert_uint_eq(blocks[i][j], 0);
        memset(blocks[i], i % 255 + 1, (size_t)i * 21);
    }
    for (int i = 0; i < 300; i++) {
        for (int j = 0; j < i * 21; j++) ck_assert_uint_eq(blocks[i][j], i % 255 + 1);
    }
    base_arena_release(&arena);
    ck_assert_uint_eq(arena.total_bytes, 0);
    ck_assert_ptr_null(arena.chunk);
    base_arena_release(&arena);
    base_arena_release(NULL);
}
END_TEST

START_TEST(overflow_and_limit_give_null) {
    base_arena arena = {.limit_bytes = 100000};
    ck_assert_ptr_null(base_arena_alloc(&arena, SIZE_MAX, 2));
    ck_assert_ptr_null(base_arena_alloc(&arena, SIZE_MAX, 1));
    ck_assert_ptr_null(base_arena_copy(&arena, "", SIZE_MAX));
    ck_assert_ptr_null(base_arena_alloc(&arena, 100001, 1));
    ck_assert_ptr_nonnull(base_arena_alloc(&arena, 50000, 1));
    ck_assert_ptr_null(base_arena_alloc(&arena, 60000, 1));
    int n = 0;
    while (base_arena_alloc(&arena, 1000, 1) != NULL) n++;
    ck_assert_int_ge(n, 45);
    ck_assert_int_le(n, 50);
    base_arena_release(&arena);
}
END_TEST

START_TEST(a_large_object_is_not_followed_by_large_chunks) {
    enum { LARGE = 100 << 20 };
    base_arena arena = {0};
    ck_assert_ptr_nonnull(base_arena_alloc(&arena, LARGE, 1));
    ck_assert_ptr_nonnull(base_arena_string(&arena, "small"));
    ck_assert_uint_le(arena.total_bytes, LARGE + (16 << 20));
    base_arena_release(&arena);
}
END_TEST

START_TEST(strings_are_copied) {
    base_arena arena = {0};
    char source[] = "kick";
    char *whole = base_arena_string(&arena, source), *part = base_arena_copy(&arena, source, 2);
    char *printed = base_arena_printf(&arena, "%s-%03d", source, 7);
    source[0] = 'X';
    ck_assert_str_eq(whole, "kick");
    ck_assert_str_eq(part, "ki");
    ck_assert_str_eq(printed, "kick-007");
    base_arena_release(&arena);
}
END_TEST

START_TEST(blocks_are_zeroed_and_aligned) {
    for (size_t n = 0; n < 200; n += 13) {
        unsigned char *block = base_alloc(n, 5);
        ck_assert_ptr_nonnull(block);
        ck_assert_uint_eq((uintptr_t)block % BASE_ALIGNMENT, 0);
        for (size_t i = 0; i < 5 * n; i++) ck_assert_uint_eq(block[i], 0);
        memset(block, 0xAA, 5 * n);
        base_free(block);
    }
    base_free(NULL);
    ck_assert_ptr_null(base_alloc(SIZE_MAX / 4, 5));
    ck_assert_ptr_null(base_alloc(SIZE_MAX, 1));
}
END_TEST

START_TEST(unset_blocks_are_aligned_and_checked) {
    for (size_t n = 0; n < 200; n += 7) {
        char *block = base_alloc_unset(n, 3);
        ck_assert_ptr_nonnull(block);
        ck_assert_uint_eq((uintptr_t)block % BASE_ALIGNMENT, 0);
        memset(block, 0xFF, 3 * n);
        base_free(block);
    }
    ck_assert_ptr_null(base_alloc_unset(SIZE_MAX, 2));
    ck_assert_ptr_null(base_alloc_unset(SIZE_MAX - 8, 1));
}
END_TEST

START_TEST(growth_keeps_what_was_there) {
    void *items = NULL;
    size_t capacity = 0;
    for (size_t n = 1; n <= 1000; n++) {
        ck_assert(base_grow(&items, &capacity, n, sizeof(int)));
        ck_assert_uint_ge(capacity, n);
        ((int *)items)[n - 1] = (int)n;
    }
    for (int i = 0; i < 1000; i++) ck_assert_int_eq(((int *)items)[i], i + 1);
    void *before = items;
    ck_assert(!base_grow(&items, &capacity, SIZE_MAX / 2, sizeof(int)));
    ck_assert_ptr_eq(items, before);
    base_free(items);
}
END_TEST

START_TEST(lists_grow_and_are_copied) {
    base_arena arena = {0};
    base_list list = {.size_bytes = sizeof(int)};
    ck_assert_ptr_nonnull(base_list_copy(&list, &arena)); /* of none */
    for (int i = 0; i < 100; i += 2) {
        const int two[] = {i, i + 1};
        ck_assert(base_list_append(&list, two, 2));
    }
    ck_assert(base_list_append(&list, NULL, 0));
    ck_assert(!base_list_append(&list, &list, SIZE_MAX / 8));
    ck_assert_uint_eq(list.n, 100);
    const int *copy = base_list_copy(&list, &arena);
    base_free(list.items);
    for (int i = 0; i < 100; i++) ck_assert_int_eq(copy[i], i);
    base_arena_release(&arena);
}
END_TEST

START_TEST(extents_are_checked) {
    int64_t x = -1;
    ck_assert(base_mul(6, 7, &x) && x == 42);
    ck_assert(base_mul(INT64_MAX, 1, &x) && x == INT64_MAX);
    ck_assert(!base_mul(INT64_MAX / 2 + 1, 2, &x));
    ck_assert(!base_mul(-1, 2, &x));
    ck_assert(!base_mul(2, -1, &x));
    ck_assert(base_add(INT64_MAX - 1, 1, &x) && x == INT64_MAX);
    ck_assert(!base_add(INT64_MAX, 1, &x));
    ck_assert(!base_add(-1, 1, &x));
}
END_TEST

TEST_MAIN("base/arena", memory_is_zeroed_aligned_and_apart, overflow_and_limit_give_null,
          a_large_object_is_not_followed_by_large_chunks, strings_are_copied,
          blocks_are_zeroed_and_aligned, unset_blocks_are_aligned_and_checked,
          growth_keeps_what_was_there, lists_grow_and_are_copied, extents_are_checked)
