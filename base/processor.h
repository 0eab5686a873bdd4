/* base/processor.h - which of the compiled instruction-set levels this processor runs. */
#ifndef BASE_PROCESSOR_H
#define BASE_PROCESSOR_H

/* 2, 3 or 4 for x86-64-v2, v3, v4; 0 on other processors. RIMSHOT_LEVEL=v2|v3|v4 lowers it. Asked
 * once: the same for the life of the process. */
int base_processor_level(void);

#endif
