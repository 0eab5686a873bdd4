/* tests/memory.h - memory that is not to be had.
 *
 * Counts what base_alloc asks for, and refuses one request; arenas and libraries get all they want.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdint.h>

/* From here on the n-th request, counted from 1, gets nothing; 0: all get what they want. */
void memory_refuse(int64_t n);

/* Requests since then. */
int64_t memory_requests(void);

#endif
