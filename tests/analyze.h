/* tests/analyze.h - what clang's analyser is told before each source (tests/analyze.sh): the
 * functions that report a failure return the status that they were given, never BASE_OK. */
#include "base/csv.h"
#include "base/status.h"
#include "base/yaml.h"

#define base_fail(err, status, ...) (base_fail(err, status, __VA_ARGS__), (status))
#define base_fail_errno(err, ...)   (base_fail_errno(err, __VA_ARGS__), BASE_EIO)
#define base_fail_within(err, ...)  (base_fail_within(err, __VA_ARGS__), BASE_EIO)
#ifndef ANALYZE_DEFINES /* the source defines one of these */
#define base_node_fail(node, err, status, ...)                                                     \
    (base_node_fail(node, err, status, __VA_ARGS__), (status))
#define base_csv_fail(row, err, status, ...)                                                       \
    (base_csv_fail(row, err, status, __VA_ARGS__), (status))
#endif
