/* infer/zip.h - zip archives of stored entries, written and read. */
#ifndef INFER_ZIP_H
#define INFER_ZIP_H

#include "base/text.h"

/* Adds entries to `file`, then the directory. Names are short ASCII. Equal entries give equal
 * bytes: dates are those of 1980. An archive past 4 GiB sets `too_large`. */
typedef struct {
    base_text file, directory;
    int64_t n;
    bool too_large;
} infer_zip_writer; /* all zeros is an empty archive */

typedef struct {
    const void *data;
    size_t n_bytes;
} infer_zip_part;

/* An entry of two parts, one after the other. */
void infer_zip_add(infer_zip_writer *zip, const char *name, const infer_zip_part part[2]);
void infer_zip_close(infer_zip_writer *zip); /* the archive is in zip->file */
void infer_zip_release(infer_zip_writer *zip);

/* Reads an archive in memory. Untrusted: every offset is checked, checksums too. Entries that share
 * bytes are refused, so that all of them take time in proportion to the archive's size. */
typedef struct {
    const char *path;
    const uint8_t *bytes, *at;   /* at: in the directory */
    size_t n_bytes, n_unclaimed; /* bytes that are no entry's yet */
    int64_t n;                   /* entries */
} infer_zip;

typedef struct {
    const char *name; /* n_name bytes of printable ASCII */
    size_t n_name;
    const uint8_t *data;
    size_t n_bytes;
} infer_zip_entry;

base_status infer_zip_open(const char *path, const uint8_t *bytes, size_t n_bytes, infer_zip *zip,
                           base_error *err);
base_status infer_zip_next(infer_zip *zip, infer_zip_entry *entry, base_error *err);

#endif
