/* infer/zip.h - writes and reads zip archives without compression. */
#ifndef INFER_ZIP_H
#define INFER_ZIP_H

#include "base/text.h"

/* The entries, then the directory. Names are short ASCII. All dates are 1 January 1980, so that
 * equal entries give equal bytes. Above 4 GiB `too_large` is set. */
typedef struct {
    base_text file, directory;
    int64_t n;
    bool too_large;
} infer_zip_writer; /* all zeros is an empty archive */

typedef struct {
    const void *data;
    size_t n_bytes;
} infer_zip_part;

/* Adds an entry that consists of two parts. */
void infer_zip_add(infer_zip_writer *zip, const char *name, const infer_zip_part part[2]);
void infer_zip_close(infer_zip_writer *zip); /* the archive is in zip->file */
void infer_zip_release(infer_zip_writer *zip);

/* Reads an archive in memory. Untrusted: offsets and checksums are checked. Entries that share
 * bytes are refused, which bounds the time by the archive's size. */
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
