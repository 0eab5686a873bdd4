/* tests/fail_reads.h - makes the n-th attempt to open or read certain files fail.
 *
 * tests/fail_reads.c takes the place of open, read and pread in the test, which else are as ever.
 * As a library of its own (build/tests/fail_reads.so, preloaded) it does the same in a program,
 * where FAIL_READS="PART N ERRNO" arms it; the number of attempts is written to the file
 * FAIL_READS_COUNT. */
#ifndef FAIL_READS_H
#define FAIL_READS_H

/* `error` is an errno, or one of these. */
enum { FAIL_READS_SHORT = -1, FAIL_READS_END = -2 }; /* one byte is read; the file is at its end */

/* Counts attempts on files whose path contains `part`, from 1; number n fails. n 0: none does. */
void fail_reads_arm(const char *part, long n, int error);
/* Back to normal; returns how many attempts there were. */
long fail_reads_disarm(void);

#endif
