/* base/status.h - how every library function reports failure.
 *
 * A function that can fail returns a base_status and describes the failure in the caller's
 * base_error: one complete line that names the file, line, key or layer at fault. Libraries
 * never print and never exit. A broken promise of the programmer (not of the input) is a
 * BASE_CHECK, which stays active in release builds. Expected absence is an ordinary value. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

/* One row per status: name, meaning. */
#define BASE_STATUS_MAP(X)                                                                         \
    X(OK, "no error")                                                                              \
    X(EMEMORY, "out of memory")                                                                    \
    X(EIO, "input or output failed")                                                               \
    X(ENOTFOUND, "not found")                                                                      \
    X(EEXISTS, "already exists")                                                                   \
    X(EFORMAT, "malformed file")                                                                   \
    X(EDIGEST, "file altered or truncated")                                                        \
    X(ECONFIG, "invalid configuration")                                                            \
    X(ESHAPE, "shapes do not fit")                                                                 \
    X(EDATA, "unusable data")                                                                      \
    X(ENUMERIC, "not a finite number")                                                             \
    X(EMISMATCH, "belongs to something else")                                                      \
    X(ESTOPPED, "stopped on request")                                                              \
    X(EUSAGE, "wrong arguments")

typedef enum {
#define BASE_STATUS_ENUM(name, meaning) BASE_##name,
    BASE_STATUS_MAP(BASE_STATUS_ENUM)
#undef BASE_STATUS_ENUM
        BASE_N_STATUS
} base_status;

#define BASE_ERROR_SIZE 1024

typedef struct {
    base_status status;
    char text[BASE_ERROR_SIZE]; /* one line, no trailing newline; truncated with "..." */
} base_error;

#if defined(__GNUC__)
#define BASE_PRINTF(format_index, first_argument)                                                  \
    __attribute__((format(printf, format_index, first_argument)))
#define BASE_MUST_USE __attribute__((warn_unused_result))
#else
#define BASE_PRINTF(format_index, first_argument)
#define BASE_MUST_USE
#endif

/* The meaning of `status` from the table, for example "out of memory". Never NULL. */
const char *base_status_text(base_status status);

/* Whether the machine failed, and not what was asked of it: memory, input or output. The same may
 * succeed next time, so nothing follows from it about what was read. */
bool base_status_is_transient(base_status status);

/* Fills *err (unless NULL) and returns `status`, so that a caller writes
 *     return base_fail(err, BASE_EFORMAT, "%s: no data chunk", path);
 * The text is as people are shown it (base/utf8.h), so that a hostile file name cannot add lines.
 */
base_status base_fail(base_error *err, base_status status, const char *format, ...)
    BASE_PRINTF(3, 4);

/* The same for an errno value: appends ": " and strerror(errno_value). ENOENT gives ENOTFOUND,
 * EEXIST EEXISTS, ENOMEM EMEMORY, anything else EIO. */
base_status base_fail_errno(base_error *err, int errno_value, const char *format, ...)
    BASE_PRINTF(3, 4);

/* Puts "prefix: " before a text already in *err; returns err's status (or EIO if err is NULL). */
base_status base_fail_within(base_error *err, const char *format, ...) BASE_PRINTF(2, 3);

/* The BASE_CHECK handler: writes the broken promise to stderr and aborts. */
_Noreturn void base_bug(const char *file, int line, const char *promise);

#define BASE_CHECK(promise) ((promise) ? (void)0 : base_bug(__FILE__, __LINE__, #promise))

/* Evaluates a base_status expression once and returns it from the caller unless it is BASE_OK. */
#define BASE_TRY(expression)                                                                       \
    do {                                                                                           \
        base_status base_try_status_ = (expression);                                               \
        if (base_try_status_ != BASE_OK) return base_try_status_;                                  \
    } while (0)

#endif
