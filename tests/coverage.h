/* tests/coverage.h - before each source of a build that counts lines: a process that ends by _exit
 * leaves its counts, too. */
#include <unistd.h>

void __gcov_dump(void);
#define _exit(status) (__gcov_dump(), _exit(status))
