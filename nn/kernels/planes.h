/* nn/kernels/planes.h - a sample's planes x [channels,F,T] laid out so that a kernel reads them at
 * fixed offsets.
 *
 * Rows are copied with zeros around them and, under a stride of s, in s phases per axis. Then an
 * output position is a place p, element i of the kernel reads its input at offset[i] + p, and
 * neighbouring outputs read neighbouring inputs. What a kernel reads for places between the ends of
 * two rows is of no use, but is there. */
#ifndef NN_KERNELS_PLANES_H
#define NN_KERNELS_PLANES_H

#include "nn/kernels/axis.h"

typedef struct {
    nn_axis f, t; /* `out` and `after` do not matter */
    int64_t channels;
    int64_t rows, pitch; /* rows of a plane; places per row */
} nn_planes;

/* Places from where a kernel's first element reads to where its last one does. */
int64_t nn_planes_reach(const nn_axis *axis);

/* Of [channels, phases, rows, pitch]. */
int64_t nn_planes_floats(const nn_planes *p);
/* The same with room for what blocks of places read past the last one. */
int64_t nn_planes_room(const nn_planes *p);

/* The planes that outputs from row `first` on read. */
void nn_planes_lay_out(const nn_planes *p, const float *x, int64_t first, float *planes);

/* offset[channels * kernel elements] */
void nn_planes_offsets(const nn_planes *p, int32_t *offset);

/* Rows of a block such that what takes `floats_per_row` numbers a row takes about `floats` in a
 * block; `extent` rows are a multiple of `share` blocks, all nearly alike, as far as that goes. */
int64_t nn_planes_cut(int64_t extent, int64_t floats_per_row, int64_t floats, int64_t share);
/* What decides how many rows of outputs are a block. */
typedef struct {
    int64_t extent;   /* rows of a sample */
    int64_t x_floats; /* read for a row, */
    int64_t y_floats; /* and written, to be pooled in the cache */
    int64_t macs;     /* multiply-adds of a sample */
    int64_t unit;     /* rows that are pooled together; 0: nothing is pooled */
} nn_output_cut;

/* A multiple of `unit`. What a block reads takes a quarter of an L2 cache of 1 MiB, with what is
 * pooled half of it; two threads share a large sample. */
int64_t nn_planes_cut_outputs(const nn_output_cut *cut);

#endif
