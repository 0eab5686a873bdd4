/* base/clock.h - a monotonic clock. No file that is written depends on it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds since an arbitrary moment; never decreases. */
int64_t base_clock_ns(void);

#endif
