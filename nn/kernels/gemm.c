#include "nn/kernels/gemm.h"

#include <cblas.h>

#include "base/processor.h"
#include "nn/kernels/extent.h"

/* A block is worth a task from about this many multiply-adds on; its edges are multiples of what
 * the kernels of OpenBLAS work on at once. Each block packs its operands anew, which is felt where
 * an edge is short: a few blocks any product may have, more only with longer edges. */
enum { BLOCK_MACS = 1000000, FEW_BLOCKS = 4, MAX_BLOCKS = 16, BLOCK_ALIGN = 16, MIN_EDGE = 128 };

void nn_gemm(const nn_gemm_args *g) {
    if (g->m <= 0 || g->n <= 0) return;
    cblas_sgemm(CblasRowMajor, g->trans_a ? CblasTrans : CblasNoTrans,
                g->trans_b ? CblasTrans : CblasNoTrans, (blasint)g->m, (blasint)g->n, (blasint)g->k,
                g->alpha, g->a, (blasint)g->lda, g->b, (blasint)g->ldb, g->beta, g->c,
                (blasint)g->ldc);
}

typedef struct {
    const nn_gemm_args *args;
    int64_t block_m, block_n; /* extents of a block of C */
    int64_t blocks_n;         /* blocks side by side */
} gemm_cut;

static int64_t halved(int64_t block) {
    return nn_round_up(nn_ceil_div(block, 2), BLOCK_ALIGN);
}

/* Halves the longer edge until there are enough blocks or they become too small. */
static gemm_cut cut_product(const nn_gemm_args *g) {
    gemm_cut cut = {.args = g, .block_m = g->m, .block_n = g->n};
    int64_t n_blocks = 1;
    while (2 * n_blocks <= MAX_BLOCKS) {
        bool cut_m = cut.block_m >= cut.block_n;
        int64_t edge = cut_m ? cut.block_m : cut.block_n, half = halved(edge);
        if (n_blocks >= FEW_BLOCKS && half < MIN_EDGE) break;
        if (half >= edge || half * (cut_m ? cut.block_n : cut.block_m) * g->k < BLOCK_MACS) break;
        *(cut_m ? &cut.block_m : &cut.block_n) = half;
        n_blocks = nn_ceil_div(g->m, cut.block_m) * nn_ceil_div(g->n, cut.block_n);
    }
    cut.blocks_n = nn_ceil_div(g->n, cut.block_n);
    return cut;
}

static void multiply_block(void *context, int64_t task, int worker) {
    (void)worker;
    const gemm_cut *cut = context;
    nn_gemm_args g = *cut->args;
    int64_t i = task / cut->blocks_n * cut->block_m, j = task % cut->blocks_n * cut->block_n;
    g.a += g.trans_a ? i : i * g.lda;
    g.b += g.trans_b ? j * g.ldb : j;
    g.c += i * g.ldc + j;
    g.m = nn_min(g.m - i, cut->block_m);
    g.n = nn_min(g.n - j, cut->block_n);
    nn_gemm(&g);
}

void nn_gemm_parallel(base_pool *pool, const nn_gemm_args *args) {
    if (args->m <= 0 || args->n <= 0) return;
    gemm_cut cut = cut_product(args);
    base_parallel(pool, nn_ceil_div(args->m, cut.block_m) * cut.blocks_n, multiply_block, &cut);
}

void nn_blas_setup(void) {
    openblas_set_num_threads(1);
}

const char *nn_blas_kernel(void) {
    return openblas_get_corename();
}

const char *nn_blas_best_kernel(void) {
    int level = base_processor_highest_level();
    return level == 4 ? "SkylakeX" : level == 3 ? "Haswell" : NULL;
}
