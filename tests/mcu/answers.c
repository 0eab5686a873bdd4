/* What the exported header makes of the sounds compiled in: a line for each, the number of its
 * class (-1: unknown) and the bits of its probabilities. For a host and a microcontroller. */
#include <stdint.h>

#define DRUM_IMPLEMENTATION
#include "drum.h"

#include "sounds.h"

/* The machine's. */
void say(const char *text);

static void say_hexadecimal(uint32_t value) {
    char text[10];
    for (int i = 0; i < 8; i++) text[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
    text[8] = ' ';
    text[9] = '\0';
    say(text);
}

static int read_sound(void *user, int channel, int at, int n, float *x) {
    const int16_t *pcm = (const int16_t *)user;
    (void)channel;
    for (int i = 0; i < n; i++) x[i] = (float)pcm[at + i] / 32768.0f;
    return 1;
}

void answer_all(void);
void answer_all(void) {
    static drum_work work;
    static float probability[DRUM_N_CLASSES];
    for (int i = 0; i < N_SOUNDS; i++) {
        const drum_sound sound = {read_sound, (void *)sound_pcm[i], 1, sound_n[i]};
        const int heard = drum_classify_sound(&sound, &work, probability);
        say_hexadecimal((uint32_t)(heard ? drum_decide(probability, NULL) : DRUM_UNKNOWN));
        for (int c = 0; c < DRUM_N_CLASSES; c++) {
            uint32_t bits;
            memcpy(&bits, &probability[c], sizeof bits);
            say_hexadecimal(bits);
        }
        say("\n");
    }
}
