/* base/clock.h - time that passes. No file that is written depends on it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds since some moment in the past; never goes back. */
int64_t base_clock_ns(void);

#endif
