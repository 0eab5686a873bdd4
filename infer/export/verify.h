/* infer/export/verify.h - shared by the checks of exports: synthesised drums, the model's answers,
 * and running another program on them in a temporary folder. */
#ifndef INFER_EXPORT_VERIFY_H
#define INFER_EXPORT_VERIFY_H

#include "data/synth.h"
#include "infer/export/export.h"

enum { INFER_VERIFY_PER_CLASS = 3, INFER_VERIFY_N = INFER_VERIFY_PER_CLASS * DATA_SYNTH_N_CLASSES };
#define INFER_VERIFY_TOLERANCE 1e-4 /* of a probability */

typedef struct {
    infer_model *model;
    const char *path;                 /* of the export */
    const char *folder;               /* exists until the release */
    data_audio sound[INFER_VERIFY_N]; /* mono, at the model's rate */
    data_audio clip[INFER_VERIFY_N];  /* the same prepared, at most as long as the model's clips */
    float *probability; /* [INFER_VERIFY_N, n_classes], what the model makes of them */
    base_arena arena;
} infer_verify;

/* For the export at `path` of one member, or of all (-1). Release it also after a failure. */
base_status infer_verify_open(infer_verify *v, infer_model *model, int member, const char *path,
                              base_error *err);
void infer_verify_release(infer_verify *v);

/* A file in the folder. */
base_status infer_verify_write(infer_verify *v, const char *name, const base_text *text,
                               base_error *err);
const char *infer_verify_file(infer_verify *v, const char *name); /* NULL: no memory */

/* Runs a program without input; its output goes to a file in the folder. *code: its exit status.
 * ENOTFOUND if there is no such program; EIO if a signal ends it; ESTOPPED, with the program ended,
 * if a signal comes that this process handles. */
base_status infer_verify_run(infer_verify *v, const char *const *arguments, int *code,
                             base_error *err);
/* EMISMATCH with the path, `what`, and the line of the program's output that says why. */
base_status infer_verify_refuse(infer_verify *v, const char *what, base_error *err);

/* The largest difference between the probabilities in the folder's file y.bin and `wanted`
 * [INFER_VERIFY_N, n_classes]; EMISMATCH, naming `program`, above the tolerance. */
base_status infer_verify_compare(infer_verify *v, const char *program, const float *wanted,
                                 double *largest, base_error *err);

/* max |a - b|; NaN if any is. */
double infer_verify_difference(const float *a, const float *b, int64_t n);

#endif
