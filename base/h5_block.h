/* base/h5_block.h - the block in front of our HDF5 files, described in base/h5.h. */
#ifndef BASE_H5_BLOCK_H
#define BASE_H5_BLOCK_H

#include "base/status.h"

enum { BASE__H5_BLOCK_BYTES = 512, BASE__H5_KIND_BYTES = 16, BASE__H5_MAGIC_BYTES = 8 };

/* Fills the zeroed block before the n_bytes that follow it. */
void base__h5_block_fill(unsigned char *block, const char *kind, uint32_t version, size_t n_bytes);
/* Checks the block at the start of a whole file, and the digest of what follows it. */
base_status base__h5_block_check(const unsigned char *file, size_t n_file_bytes, const char *path,
                                 const char *kind, uint32_t max_version, base_error *err);
uint32_t base__h5_block_version(const unsigned char *block);
bool base__h5_block_begins(const unsigned char start[BASE__H5_MAGIC_BYTES]);

#endif
