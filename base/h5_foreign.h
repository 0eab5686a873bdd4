/* base/h5_foreign.h - HDF5 files of other programs.
 *
 * libhdf5 reads them, and it trusts what it reads: to be used within base_isolated. Only what lies
 * in the file itself is found: links to other files, soft links and numbers in other files are
 * not. */
#ifndef BASE_H5_FOREIGN_H
#define BASE_H5_FOREIGN_H

#include "base/h5.h"

typedef struct base_h5_foreign base_h5_foreign;

/* Opens a file from its bytes, which must outlive it, as must the path. */
base_status base_h5_foreign_open(const char *path, void *bytes, size_t n_bytes,
                                 base_h5_foreign **file, base_error *err);
void base_h5_foreign_free(base_h5_foreign *file);

bool base_h5_foreign_has(base_h5_foreign *file, const char *name);
/* Rank and extents of a dataset. */
base_status base_h5_foreign_shape(base_h5_foreign *file, const char *name, int *rank,
                                  int64_t shape[BASE_H5_MAX_RANK], base_error *err);
/* Reads a whole dataset of any numbers into data[n_items]; one of another size is ESHAPE. */
base_status base_h5_foreign_floats(base_h5_foreign *file, const char *name, int64_t n_items,
                                   float *data, base_error *err);
/* An attribute that is a list of strings, of either kind; an empty list of anything is one, too.
 * ENOTFOUND if the object ("" is the root) has none of that name. */
base_status base_h5_foreign_strings(base_h5_foreign *file, const char *object,
                                    const char *attribute, base_arena *arena, const char ***strings,
                                    int64_t *n, base_error *err);

#endif
