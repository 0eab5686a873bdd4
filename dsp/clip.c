#include "dsp/clip.h"

#include <string.h>

/* ORs the bits of one block after another: a loop that compilers turn into vector code. */
bool dsp_is_silent(const float *x, int64_t n) {
    enum { AT_ONCE = 32 };
    for (int64_t i = 0; i < n; i += AT_ONCE) {
        int64_t end = i + AT_ONCE < n ? i + AT_ONCE : n;
        uint32_t any = 0;
        for (int64_t j = i; j < end; j++) {
            uint32_t bits;
            memcpy(&bits, &x[j], sizeof bits);
            any |= bits << 1; /* without the sign */
        }
        if (any != 0) return false;
    }
    return true;
}

int64_t dsp_sounding(const float *x, int64_t n) {
    enum { AT_ONCE = 256 };
    while (n > AT_ONCE && dsp_is_silent(x + n - AT_ONCE, AT_ONCE)) n -= AT_ONCE;
    while (n > 0 && dsp_is_silent(x + n - 1, 1)) n--;
    return n;
}
