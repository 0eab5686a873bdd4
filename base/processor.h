/* base/processor.h - which of the compiled instruction-set levels this processor runs. */
#ifndef BASE_PROCESSOR_H
#define BASE_PROCESSOR_H

#include "base/status.h"

/* 2, 3 or 4 for x86-64-v2, v3, v4; 1 for an x86-64 processor that runs none of them; 0 on other
 * processors. RIMSHOT_LEVEL=v1|v2|v3|v4 lowers it. Asked once: the same for the life of the
 * process. */
int base_processor_level(void);

/* The same, whatever RIMSHOT_LEVEL says. */
int base_processor_highest_level(void);

/* ECONFIG if there are no kernels for this processor: any would end in an illegal instruction. */
base_status base_processor_check(base_error *err);

/* What an x86-64 processor says of itself. A virtual machine may hide any bit from its guest. */
typedef struct {
    uint32_t basic_ecx;    /* CPUID 1 */
    uint32_t extended_ebx; /* CPUID 7, 0 */
    uint32_t amd_ecx;      /* CPUID 0x80000001 */
    uint64_t saved;        /* XCR0: the registers the system saves; 0 without OSXSAVE */
} base_processor_bits;

/* 1 to 4: the highest level whose instructions are all there, as the x86-64 psABI lists them. */
int base_processor_level_of(const base_processor_bits *bits);

#endif
