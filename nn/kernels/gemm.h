/* nn/kernels/gemm.h - matrix products; the only user of OpenBLAS.
 *
 * OpenBLAS runs single-threaded inside our own tasks; blocks of C are cut by shape alone. The bits
 * of a row depend on how many there are and where it stands: what is a sample or a frame in forward
 * goes to nn/kernels/rows.h. */
#ifndef NN_KERNELS_GEMM_H
#define NN_KERNELS_GEMM_H

#include "base/parallel.h"

/* C[m,n] = alpha * op(A)[m,k] * op(B)[k,n] + beta * C, row-major; ld* are row strides in floats.
 * Runs in the calling thread. */
typedef struct {
    bool trans_a, trans_b;
    int64_t m, n, k;
    float alpha, beta;
    const float *a;
    int64_t lda;
    const float *b;
    int64_t ldb;
    float *c;
    int64_t ldc;
} nn_gemm_args;
void nn_gemm(const nn_gemm_args *args);

/* The same, cut into blocks of C whose extents depend on m, n and k alone, spread over the pool. */
void nn_gemm_parallel(base_pool *pool, const nn_gemm_args *args);

/* Call once before threads start: makes OpenBLAS single-threaded. */
void nn_blas_setup(void);
/* "SkylakeX": the kernel OpenBLAS chose when it was loaded; recorded with every run. */
const char *nn_blas_kernel(void);
/* The name of the widest kernel this processor runs (a value for OPENBLAS_CORETYPE), or NULL to
 * leave the library's own choice. OpenBLAS reads the variable when it is loaded, so a program that
 * wants it must set it and execute itself once more. */
const char *nn_blas_best_kernel(void);

#endif
