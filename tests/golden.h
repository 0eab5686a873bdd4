/* tests/golden.h - reference arrays made by the scripts in tests/golden/.
 *
 * A file holds named float32 or float64 arrays: for each a text line "name type d0 d1 ...\n" (type
 * f4 or f8), then the numbers, little-endian, row-major. golden.py writes it. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdint.h>

typedef struct golden golden;

golden *
golden_open(const char *name); /* "nn_conv2d" for tests/golden/nn_conv2d.bin; fails the test */
void golden_close(golden *g);

/* The array's numbers as float (f8 is rounded); fails the test if absent. *n may be NULL. Valid
 * until golden_close. */
const float *golden_get(golden *g, const char *name, int64_t *n);
int golden_has(const golden *g, const char *name);
/* Extents; returns the rank. */
int golden_shape(const golden *g, const char *name, int64_t shape[8]);
/* Name of the i-th array, or NULL past the end. */
const char *golden_name(const golden *g, int i);

#endif
