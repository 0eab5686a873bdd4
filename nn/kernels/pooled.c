#include "nn/kernels/pooled.h"

static nn_pool_windows rows_of(const nn_pooled *p, int64_t n) {
    return (nn_pool_windows){.kernel_f = p->kernel_f,
                             .kernel_t = p->kernel_t,
                             .width = p->kernel_t * p->t,
                             .n_f = n,
                             .n_t = p->t};
}

void nn_pooled_forward(const nn_pooled *p, const nn_pooled_rows *rows, float *y, uint8_t *index) {
    nn_pool_windows windows = rows_of(p, rows->n);
    for (int64_t c = 0; c < p->channels; c++) {
        int64_t at = (c * p->f + rows->first) * p->t;
        nn_kernels()->max_pool(&windows, rows->x + c * rows->pitch, y + at,
                               index != NULL ? index + at : NULL);
    }
}

void nn_pooled_backward(const nn_pooled *p, const float *dy, const uint8_t *index, float *dx) {
    nn_pool_windows windows = rows_of(p, p->channels * p->f);
    nn_kernels()->max_unpool(&windows, dy, index, dx);
}
