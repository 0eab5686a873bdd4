#include "nn/shape.h"

#include <stdio.h>

#define MAX_COUNT ((int64_t)1 << 40)

nn_shape nn_shape_make(int rank, const int64_t *dim) {
    BASE_CHECK(rank >= 0 && rank <= NN_MAX_RANK);
    nn_shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++) shape.dim[i] = dim[i];
    return shape;
}

bool nn_shape_equal(nn_shape a, nn_shape b) {
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; i++) {
        if (a.dim[i] != b.dim[i]) return false;
    }
    return true;
}

int64_t nn_shape_count(nn_shape shape) {
    int64_t count = 1;
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dim[i] < 1 || shape.dim[i] > MAX_COUNT / count) return -1;
        count *= shape.dim[i];
    }
    return count;
}

int nn_shape_time_axis(nn_shape shape) {
    return shape.rank == 3 ? 2 : shape.rank == 2 ? 0 : -1;
}

const char *nn_shape_text(nn_shape shape, bool batched, char buf[64]) {
    enum { SIZE = 64 };
    size_t used = (size_t)snprintf(buf, SIZE, batched ? "[B" : "[");
    for (int i = 0; i < shape.rank && used < SIZE; i++) {
        used += (size_t)snprintf(buf + used, SIZE - used, "%s%lld", batched || i > 0 ? "," : "",
                                 (long long)shape.dim[i]);
    }
    if (used < SIZE) snprintf(buf + used, SIZE - used, "]");
    return buf;
}
