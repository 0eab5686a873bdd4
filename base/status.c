#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

const char *base_status_text(base_status status) {
    static const char *const meanings[] = {
#define STATUS_MEANING(name, meaning) meaning,
        BASE_STATUS_MAP(STATUS_MEANING)
#undef STATUS_MEANING
    };
    return (unsigned)status < BASE_N_STATUS ? meanings[status] : "unknown status";
}

/* Ends an overlong text with "...", not in the middle of a UTF-8 character. */
static void mark_truncated(char *text, size_t size) {
    size_t end = size - sizeof "...";
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80) end--;
    memcpy(text + end, "...", sizeof "...");
}

bool base_status_is_transient(base_status status) {
    return status == BASE_EMEMORY || status == BASE_EIO;
}

/* Copies `text` into *err as it is shown, on one line. `text` must not lie in *err. */
static void set_text(base_error *err, const char *text) {
    char shown[BASE_SHOWN_BYTES];
    size_t n = 0;
    for (size_t taken; (taken = base_utf8_show(text, shown)) > 0; text += taken) {
        size_t length = strlen(shown), room = BASE_ERROR_SIZE - 1 - n;
        size_t kept = length < room ? length : room;
        memcpy(err->text + n, shown, kept);
        n += kept;
        if (kept < length) break;
    }
    err->text[n] = '\0';
    if (*text != '\0') mark_truncated(err->text, BASE_ERROR_SIZE);
}

/* Twice the room an error has: a text that does not fit is seen to be too long, and a prefix and
 * a full text fit together. */
#define SCRATCH_SIZE ((size_t)2 * BASE_ERROR_SIZE)

base_status base_fail(base_error *err, base_status status, const char *format, ...) {
    if (err == NULL) return status;
    char scratch[SCRATCH_SIZE];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(scratch, sizeof scratch, format, arguments) < 0) scratch[0] = '\0';
    va_end(arguments);
    err->status = status;
    set_text(err, scratch);
    return status;
}

static base_status status_of_errno(int errno_value) {
    switch (errno_value) {
    case ENOENT:
        return BASE_ENOTFOUND;
    case EEXIST:
        return BASE_EEXISTS;
    case ENOMEM:
        return BASE_EMEMORY;
    default:
        return BASE_EIO;
    }
}

base_status base_fail_errno(base_error *err, int errno_value, const char *format, ...) {
    base_status status = status_of_errno(errno_value);
    if (err == NULL) return status;
    char reason[128], what[BASE_ERROR_SIZE - sizeof reason]; /* a long path leaves room for why */
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (n < 0) what[0] = '\0';
    if (n >= (int)sizeof what) mark_truncated(what, sizeof what);
    return base_fail(err, status, "%s: %s", what, strerror_r(errno_value, reason, sizeof reason));
}

base_status base_fail_within(base_error *err, const char *format, ...) {
    if (err == NULL) return BASE_EIO;
    char prefix[BASE_ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(prefix, sizeof prefix, format, arguments) < 0) prefix[0] = '\0';
    va_end(arguments);
    return base_fail(err, err->status, "%s: %s", prefix, err->text);
}

void base_bug(const char *file, int line, const char *promise) {
    fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
    abort();
}
