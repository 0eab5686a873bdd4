/* Start and voice of a Cortex-M33 under QEMU, board mps2-an505: no library but newlib's libm and
 * libc. After the answers it says how deep the stack was and how many instructions they took (QEMU
 * at one instruction a nanosecond, `-icount shift=0`). */
#include <stdint.h>

extern uint32_t image_data[], data_begin[], data_end[], bss_begin[], bss_end[], stack_top[];
void say(const char *text);
void answer_all(void);
void start(void);

enum { SAY = 0x04, EXIT = 0x18, EXITED = 0x20026, FAILED = 0x20023, UNUSED = 0x5a5a5a5a };

#define COPROCESSORS (*(volatile uint32_t *)0xe000ed88)
#define TICK_CONTROL (*(volatile uint32_t *)0xe000e010)
#define TICK_RELOAD  (*(volatile uint32_t *)0xe000e014)
#define TICK_NOW     (*(volatile uint32_t *)0xe000e018)
enum { TICK_NS = 50, TICK_LAST = 0xffffff };

static void ask(uint32_t what, uint32_t argument) {
    register uint32_t r0 __asm__("r0") = what;
    register uint32_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void say(const char *text) {
    ask(SAY, (uint32_t)text);
}

static void say_number(const char *name, uint32_t value) {
    char text[12] = {0};
    int at = 10;
    text[at] = '\n';
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    say(name);
    say(text + at);
}

static volatile uint32_t n_wraps;

static void tick(void) {
    n_wraps++;
}

static void fail(void) {
    say("fault\n");
    ask(EXIT, FAILED);
}

static uint32_t *lowest_used(void) {
    uint32_t *word = bss_end;
    while (*word == UNUSED) word++;
    return word;
}

/* The reset handler. */
void start(void) {
    COPROCESSORS |= 0xf << 20; /* floating point on */
    __asm__ volatile("dsb\n\tisb");
    for (uint32_t *from = image_data, *to = data_begin; to < data_end;) *to++ = *from++;
    for (uint32_t *to = bss_begin; to < bss_end;) *to++ = 0;
    uint32_t *here = __builtin_frame_address(0);
    for (uint32_t *to = bss_end; to < here - 16; to++) *to = UNUSED;
    TICK_RELOAD = TICK_LAST;
    TICK_NOW = 0;
    TICK_CONTROL = 7;
    answer_all();
    const uint32_t ticks = TICK_LAST - TICK_NOW;
    const uint64_t ns = ((uint64_t)n_wraps * (TICK_LAST + 1u) + ticks) * TICK_NS;
    say_number("stack ", (uint32_t)((char *)stack_top - (char *)lowest_used()));
    say_number("instructions ", (uint32_t)(ns / 1000000));
    ask(EXIT, EXITED);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {stack_top,
                                                                                   (void *)start,
                                                                                   (void *)fail,
                                                                                   (void *)fail,
                                                                                   (void *)fail,
                                                                                   (void *)fail,
                                                                                   (void *)fail,
                                                                                   (void *)fail,
                                                                                   0,
                                                                                   0,
                                                                                   0,
                                                                                   (void *)fail,
                                                                                   (void *)fail,
                                                                                   0,
                                                                                   (void *)fail,
                                                                                   (void *)tick};
