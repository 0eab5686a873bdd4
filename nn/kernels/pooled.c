#include "nn/kernels/pooled.h"

static nn_pool_row row_of(const nn_pooled *p) {
    return (nn_pool_row){.kernel_f = p->kernel_f,
                         .kernel_t = p->kernel_t,
                         .width = p->kernel_t * p->t,
                         .n_windows = p->t};
}

void nn_pooled_forward(const nn_pooled *p, const nn_pooled_rows *rows, float *y, uint8_t *index) {
    const nn_kernels_table *kernels = nn_kernels();
    nn_pool_row row = row_of(p);
    for (int64_t i = 0; i < p->channels * rows->n; i++) {
        const float *x =
            rows->x + i / rows->n * rows->pitch + i % rows->n * p->kernel_f * row.width;
        int64_t at = (i / rows->n * p->f + rows->first + i % rows->n) * p->t;
        if (index != NULL) {
            kernels->max_pool_index(&row, x, y + at, index + at);
        } else {
            kernels->max_pool(&row, x, y + at);
        }
    }
}

void nn_pooled_backward(const nn_pooled *p, const float *dy, const uint8_t *index, float *dx) {
    const nn_kernels_table *kernels = nn_kernels();
    nn_pool_row row = row_of(p);
    for (int64_t i = 0; i < p->channels * p->f; i++) {
        kernels->max_unpool(&row, dy + i * p->t, index + i * p->t,
                            dx + i * p->kernel_f * row.width);
    }
}
