/* tests/fuzz/fuzz.h - what the fuzz targets share. Each is one file with libFuzzer's entry points;
 * a target must not fail whatever its input is. `make fuzz` runs all of them, and `make test` every
 * target on the inputs of tests/fuzz/corpus (tests/fuzz/replay.c). */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/yaml.h"
#include "infer/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Ends the process, which is a finding, unless `holds`. */
void fuzz_need(bool holds, const char *what);

/* Whether something was read. If not, the error must say why on one line. *err is zeroed before the
 * call that fills it in. */
bool fuzz_took(base_status status, const base_error *err);
/* Whether anything was read since the last call. */
bool fuzz_has_taken(void);
const char *fuzz_last_error(void); /* "" if there was none */

/* The path of a file in memory that holds the bytes, until the next call. */
const char *fuzz_file(const void *bytes, size_t n_bytes);
/* The same with the block of base/h5.h in front, whose digest fits. */
const char *fuzz_h5_file(const char *kind, uint32_t version, const void *bytes, size_t n_bytes);
/* The input as a text, until the next call. */
const char *fuzz_text(const uint8_t *data, size_t size);
/* A folder of this process's, removed at its end. */
const char *fuzz_folder(void);
/* Writes a file of that folder, with the folders above it. */
void fuzz_put(const char *name, const void *bytes, size_t n_bytes);
/* The first byte of an input that says which of n things the rest is: '0' the first. */
int fuzz_choice(const uint8_t *data, size_t size, int n);

/* A tree is written so that it reads back, and is written in the same way then. */
void fuzz_yaml_again(const base_node *root);

typedef base_status fuzz_tensors_reader(const char *path, const uint8_t *bytes, size_t n_bytes,
                                        infer_tensors *tensors, base_error *err);
/* Reads tensors, and every number of what was accepted. */
void fuzz_tensors(fuzz_tensors_reader *reader, const uint8_t *data, size_t size);

#endif
