/* infer/library/tar.h - writes tar archives packed by gzip: the form of Hydrogen's kits. */
#ifndef LIBRARY_TAR_H
#define LIBRARY_TAR_H

#include "base/text.h"

/* All zeros is an empty archive. Owners and times are left out, so that equal files give equal
 * bytes. */
typedef struct {
    base_text bytes;
    bool refused; /* a name of more than 100 bytes, or a file of more than 8 GiB */
} library_tar;

/* A file, in the folders that its name says; readers make them. */
void library_tar_add(library_tar *tar, const char *name, const void *data, size_t n_bytes);
/* The packed archive into `out`, which is empty. EMEMORY; EDATA for what was refused. */
base_status library_tar_pack(library_tar *tar, base_text *out, base_error *err);
void library_tar_release(library_tar *tar);

#endif
