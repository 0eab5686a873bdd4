/* base/arena.h - memory that is released all at once.
 *
 * Small objects that live as long as their owner (config trees, manifests) come from a growing
 * arena; big numeric blocks from base_alloc. Allocation can fail and says so with NULL; nothing
 * here aborts. An arena is not thread-safe. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/status.h"

#define BASE_ALIGNMENT 64 /* bytes: one cache line, one AVX-512 register */

typedef struct base_arena_chunk base_arena_chunk;

typedef struct {
    base_arena_chunk *chunk; /* newest first */
    size_t used;             /* bytes of the newest chunk */
    size_t total_bytes;      /* over all chunks */
    size_t limit_bytes;      /* 0: none; otherwise an allocation past it returns NULL */
} base_arena;                /* all zeros is an empty arena */

/* Zeroed memory, aligned to 16 bytes, valid until base_arena_release. NULL when out of memory. */
void *base_arena_alloc(base_arena *arena, size_t n, size_t size_bytes);
char *base_arena_copy(base_arena *arena, const char *text, size_t n_bytes); /* adds a NUL */
char *base_arena_string(base_arena *arena, const char *text);
char *base_arena_printf(base_arena *arena, const char *format, ...) BASE_PRINTF(2, 3);
void base_arena_release(base_arena *arena); /* NULL or empty is fine; leaves it empty */

/* n * size_bytes zeroed bytes aligned to BASE_ALIGNMENT, or NULL (also when the product
 * overflows). Freed with base_free, which accepts NULL. */
void *base_alloc(size_t n, size_t size_bytes);
/* The same, uninitialised: for large blocks that are overwritten straight away. */
void *base_alloc_unset(size_t n, size_t size_bytes);
void base_free(void *memory);

/* Grows *items (base_alloc'd, may be NULL) to hold at least `needed` items of size_bytes each,
 * doubling; *capacity is in items. False when out of memory, with *items unchanged. */
bool base_grow(void **items, size_t *capacity, size_t needed, size_t size_bytes);

/* A growing list; all zeros but size_bytes is empty. items: base_alloc'd, freed by its owner. */
typedef struct {
    void *items;
    size_t n, capacity, size_bytes; /* n items of size_bytes */
} base_list;

/* Appends n items; false when out of memory, with the list unchanged. */
bool base_list_append(base_list *list, const void *items, size_t n);
/* A copy of the items in the arena; NULL when out of memory. */
void *base_list_copy(const base_list *list, base_arena *arena);

/* a * b and a + b for extents that come from input; false on overflow or a negative operand. */
bool base_mul(int64_t a, int64_t b, int64_t *product);
bool base_add(int64_t a, int64_t b, int64_t *sum);

#endif
