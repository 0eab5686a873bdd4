/* tests/fuzz/fuzz.h - what the fuzz targets share. Each is one file with libFuzzer's entry points;
 * a target must not fail whatever its input is. `make fuzz TIME=60` runs all of them. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "infer/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The path of a file in memory that holds the bytes, until the next call. */
const char *fuzz_file(const void *bytes, size_t n_bytes);
/* The same with the block of base/h5.h in front, whose digest fits. */
const char *fuzz_h5_file(const char *kind, uint32_t version, const void *bytes, size_t n_bytes);
/* The input as a text, until the next call. */
const char *fuzz_text(const uint8_t *data, size_t size);

typedef base_status fuzz_tensors_reader(const char *path, const uint8_t *bytes, size_t n_bytes,
                                        infer_tensors *tensors, base_error *err);
/* Reads tensors, and every number of what was accepted. */
void fuzz_tensors(fuzz_tensors_reader *reader, const uint8_t *data, size_t size);

#endif
