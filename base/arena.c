#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_CHUNK_BYTES = 16384, MAX_CHUNK_BYTES = 1 << 24, ARENA_ALIGNMENT = 16 };

struct base_arena_chunk {
    base_arena_chunk *next;
    size_t size_bytes; /* of bytes[] */
    _Alignas(ARENA_ALIGNMENT) unsigned char bytes[];
};

/* Chunks double so that many small objects need few of them; one made for a large object does not
 * make the next one large. */
static size_t next_chunk_bytes(const base_arena_chunk *last) {
    if (last == NULL) return MIN_CHUNK_BYTES;
    return last->size_bytes < MAX_CHUNK_BYTES / 2 ? 2 * last->size_bytes : MAX_CHUNK_BYTES;
}

/* A chunk for at least n_bytes. */
static bool add_chunk(base_arena *arena, size_t n_bytes) {
    size_t size = next_chunk_bytes(arena->chunk);
    if (size < n_bytes) size = n_bytes;
    if (arena->limit_bytes != 0) {
        size_t left = arena->limit_bytes - arena->total_bytes;
        if (n_bytes > left) return false;
        if (size > left) size = left;
    }
    if (size > SIZE_MAX - sizeof(base_arena_chunk)) return false;
    base_arena_chunk *chunk = calloc(1, sizeof *chunk + size);
    if (chunk == NULL) return false;
    chunk->next = arena->chunk;
    chunk->size_bytes = size;
    arena->chunk = chunk;
    arena->used = 0;
    arena->total_bytes += size;
    return true;
}

void *base_arena_alloc(base_arena *arena, size_t n, size_t size_bytes) {
    size_t n_bytes;
    if (__builtin_mul_overflow(n, size_bytes, &n_bytes)) return NULL;
    if (n_bytes > SIZE_MAX - ARENA_ALIGNMENT) return NULL;
    if (n_bytes == 0) n_bytes = 1; /* a pointer of its own even for nothing */
    size_t rounded = (n_bytes + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    size_t left = arena->chunk != NULL && arena->used < arena->chunk->size_bytes
                      ? arena->chunk->size_bytes - arena->used
                      : 0;
    if (rounded > left && !add_chunk(arena, rounded)) return NULL;
    void *memory = arena->chunk->bytes + arena->used;
    arena->used += rounded;
    return memory;
}

char *base_arena_copy(base_arena *arena, const char *text, size_t n_bytes) {
    if (n_bytes == SIZE_MAX) return NULL;
    char *copy = base_arena_alloc(arena, n_bytes + 1, 1);
    if (copy != NULL && n_bytes > 0) memcpy(copy, text, n_bytes);
    return copy;
}

char *base_arena_string(base_arena *arena, const char *text) {
    return base_arena_copy(arena, text, strlen(text));
}

char *base_arena_printf(base_arena *arena, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int n = vsnprintf(NULL, 0, format, arguments);
    char *text = n < 0 ? NULL : base_arena_alloc(arena, (size_t)n + 1, 1);
    if (text != NULL) vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(arguments);
    return text;
}

void base_arena_release(base_arena *arena) {
    if (arena == NULL) return;
    base_arena_chunk *chunk = arena->chunk;
    while (chunk != NULL) {
        base_arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *arena = (base_arena){.limit_bytes = arena->limit_bytes};
}

/* n * size_bytes rounded up to whole blocks of BASE_ALIGNMENT, at least one; 0 on overflow. */
static size_t rounded_bytes(size_t n, size_t size_bytes) {
    size_t n_bytes;
    if (__builtin_mul_overflow(n, size_bytes, &n_bytes)) return 0;
    if (n_bytes > SIZE_MAX - BASE_ALIGNMENT) return 0;
    size_t rounded = (n_bytes + BASE_ALIGNMENT - 1) & ~(size_t)(BASE_ALIGNMENT - 1);
    return rounded > 0 ? rounded : BASE_ALIGNMENT;
}

void *base_alloc_unset(size_t n, size_t size_bytes) {
    size_t rounded = rounded_bytes(n, size_bytes);
    return rounded > 0 ? aligned_alloc(BASE_ALIGNMENT, rounded) : NULL;
}

void *base_alloc(size_t n, size_t size_bytes) {
    void *memory = base_alloc_unset(n, size_bytes);
    if (memory != NULL) memset(memory, 0, rounded_bytes(n, size_bytes));
    return memory;
}

void base_free(void *memory) {
    free(memory);
}

bool base_grow(void **items, size_t *capacity, size_t needed, size_t size_bytes) {
    if (needed <= *capacity) return true;
    size_t grown = *capacity <= SIZE_MAX / 2 ? *capacity * 2 : SIZE_MAX;
    if (grown < needed) grown = needed;
    if (grown < 16) grown = 16;
    void *memory = base_alloc(grown, size_bytes);
    if (memory == NULL) return false;
    if (*items != NULL) memcpy(memory, *items, *capacity * size_bytes);
    base_free(*items);
    *items = memory;
    *capacity = grown;
    return true;
}

bool base_list_append(base_list *list, const void *items, size_t n) {
    if (!base_grow(&list->items, &list->capacity, list->n + n, list->size_bytes)) return false;
    if (n > 0)
        memcpy((char *)list->items + list->n * list->size_bytes, items, n * list->size_bytes);
    list->n += n;
    return true;
}

void *base_list_copy(const base_list *list, base_arena *arena) {
    void *items = base_arena_alloc(arena, list->n + 1, list->size_bytes);
    if (items != NULL && list->n > 0) memcpy(items, list->items, list->n * list->size_bytes);
    return items;
}

bool base_mul(int64_t a, int64_t b, int64_t *product) {
    return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, product);
}

bool base_add(int64_t a, int64_t b, int64_t *sum) {
    return a >= 0 && b >= 0 && !__builtin_add_overflow(a, b, sum);
}
