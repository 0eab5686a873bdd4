/* infer/vectors.h - one vector per sound (embedding, descriptors) as a table for other tools. */
#ifndef INFER_VECTORS_H
#define INFER_VECTORS_H

#include "data/clip_set.h"
#include "data/manifest.h"

/* Row i is clip i. All borrowed. */
typedef struct {
    const data_manifest *manifest;
    const data_clips *clips;
    const char *name;           /* of the numbers as one array: "embedding" */
    const char *const *columns; /* [n_columns]; NULL: <name>0, <name>1, ... */
    int64_t n_columns;
    const float *x; /* [n_clips, n_columns]; NaN: undefined, an empty field in CSV */
} infer_vectors;

/* Writes by the path's ending, whole or not at all:
 *   csv       path,begin_s,end_s,class,group,<columns>
 *   h5, hdf5  kind "vectors", version 2 (docs/formats.md): /<name> [n, n_columns], /columns, /path,
 *             /begin_s, /end_s, /class (index), /classes, /group
 *             a sound without a label, of a class named "", has -1 or an empty field
 *   npz       arrays <name>, columns, path, begin_s, end_s, class, classes, group
 * EUSAGE for any other ending. */
base_status infer_vectors_write(const infer_vectors *vectors, const char *path, base_error *err);
/* The same check of the ending, before there is anything to write. */
base_status infer_vectors_check(const char *path, base_error *err);

#endif
