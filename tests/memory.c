#include "tests/memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static _Atomic int64_t requests, refused;

/* In place of the C library's, which base_alloc would call; weak, for tests that count for
 * themselves. */
__attribute__((weak)) void *aligned_alloc(size_t alignment, size_t size) {
    int64_t n = atomic_fetch_add(&requests, 1) + 1;
    return n == refused ? NULL : memalign(alignment, size);
}

void memory_refuse(int64_t n) {
    requests = 0;
    refused = n;
}

int64_t memory_requests(void) {
    return requests;
}
