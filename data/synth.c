#include "data/synth.h"

#include <math.h>

#include "base/file.h"
#include "data/voice.h"

enum {
    KICK,
    SNARE,
    RIM,
    CLAP,
    CLOSED_HAT,
    OPEN_HAT,
    TOM,
    CRASH,
    RIDE,
    COWBELL,
    SHAKER,
    TAMBOURINE,
    PERC
};
const char *const data_synth_classes[DATA_SYNTH_N_CLASSES] = {
    [KICK] = "kick",       [SNARE] = "snare",          [RIM] = "rim",
    [CLAP] = "clap",       [CLOSED_HAT] = "closedhat", [OPEN_HAT] = "openhat",
    [TOM] = "tom",         [CRASH] = "crash",          [RIDE] = "ride",
    [COWBELL] = "cowbell", [SHAKER] = "shaker",        [TAMBOURINE] = "tambourine",
    [PERC] = "perc"};

/* In what follows every draw is a declaration of its own: the order of draws is part of the sound,
 * and C leaves the order within one expression open. */

static void make_analogue_kick(data_voice *v) {
    double hz = data_voice_draw_log(v, 36, 80), start = data_voice_draw_log(v, 1.2, 9);
    double glide_s = data_voice_draw_log(v, 0.004, 0.06),
           decay_s = data_voice_draw_log(v, 0.05, 0.5);
    double click = data_voice_draw(v, 0, 0.6), click_hz = data_voice_draw_log(v, 1000, 9000);
    double click_s = data_voice_draw_log(v, 0.001, 0.012), drive = data_voice_draw_log(v, 0.8, 8);
    data_voice_add_tone(v, (data_voice_tone){1.0, hz * start, hz, glide_s, decay_s});
    data_voice_add_noise(
        v, (data_voice_noise){click, DATA_VOICE_LOW_PASS, click_hz, 0.7, click_s, 0, 0});
    data_voice_saturate(v, drive);
}

static void make_acoustic_kick(data_voice *v) {
    double hz = data_voice_draw_log(v, 42, 95), start = data_voice_draw(v, 1.0, 1.6),
           decay_s = data_voice_draw_log(v, 0.04, 0.2);
    double skin = data_voice_draw(v, 0.1, 0.9), beater = data_voice_draw(v, 0.1, 1.2),
           beater_hz = data_voice_draw_log(v, 1200, 6000);
    double beater_s = data_voice_draw_log(v, 0.002, 0.012), shell = data_voice_draw(v, 0, 0.5);
    double shell_hz = data_voice_draw_log(v, 150, 500),
           shell_s = data_voice_draw_log(v, 0.02, 0.12);
    data_voice_add_tone(v, (data_voice_tone){1.0, hz * start, hz, 0.02, decay_s});
    data_voice_add_membrane(v, skin, hz * 1.2, decay_s * 0.6);
    data_voice_add_noise(
        v, (data_voice_noise){beater, DATA_VOICE_BAND_PASS, beater_hz, 0.8, beater_s, 0, 0});
    data_voice_add_noise(
        v, (data_voice_noise){shell, DATA_VOICE_BAND_PASS, shell_hz, 0.9, shell_s, 0, 0});
}

static void make_fm_kick(data_voice *v) {
    double hz = data_voice_draw_log(v, 38, 80), start = data_voice_draw_log(v, 1.5, 6),
           glide_s = data_voice_draw_log(v, 0.01, 0.06);
    double decay_s = data_voice_draw_log(v, 0.06, 0.4), ratio = data_voice_draw_log(v, 0.5, 3.5);
    double index = data_voice_draw_log(v, 0.3, 6), index_s = data_voice_draw_log(v, 0.005, 0.08);
    data_voice_add_fm(
        v, (data_voice_fm){1.0, hz * start, hz, glide_s, decay_s, ratio, index, index_s});
}

static void make_analogue_snare(data_voice *v) {
    double hz = data_voice_draw_log(v, 130, 290), start_hz = hz * data_voice_draw(v, 1.0, 1.6);
    double body = data_voice_draw(v, 0.15, 1.0), decay_s = data_voice_draw_log(v, 0.03, 0.18);
    double mode = body * data_voice_draw(v, 0.2, 0.8), mode_hz = hz * data_voice_draw(v, 1.5, 1.9);
    double mode_s = decay_s * data_voice_draw(v, 0.4, 0.9);
    double wires = data_voice_draw(v, 0.4, 1.2), wires_hz = data_voice_draw_log(v, 700, 4000);
    double wires_s = data_voice_draw_log(v, 0.04, 0.28), drive = data_voice_draw_log(v, 0.7, 4);
    data_voice_add_tone(v, (data_voice_tone){body, start_hz, hz, 0.015, decay_s});
    data_voice_add_tone(v, (data_voice_tone){mode, mode_hz * 1.1, mode_hz, 0.015, mode_s});
    data_voice_add_noise(
        v, (data_voice_noise){wires, DATA_VOICE_HIGH_PASS, wires_hz, 0.7, wires_s, 0, 0});
    data_voice_saturate(v, drive);
}

static void make_acoustic_snare(data_voice *v) {
    double hz = data_voice_draw_log(v, 150, 330), body = data_voice_draw(v, 0.2, 1.0),
           decay_s = data_voice_draw_log(v, 0.03, 0.15);
    double stick = data_voice_draw(v, 0.2, 1.0), stick_hz = data_voice_draw_log(v, 1500, 6000);
    double wires = data_voice_draw(v, 0.3, 1.1), wires_hz = data_voice_draw_log(v, 1500, 6000),
           wires_q = data_voice_draw(v, 0.4, 0.9);
    double wires_s = data_voice_draw_log(v, 0.05, 0.22), low = data_voice_draw(v, 0.1, 0.6),
           ring = data_voice_draw(v, 0, 0.4);
    double ring_hz = hz * data_voice_draw(v, 2.2, 4.5), ring_s = data_voice_draw_log(v, 0.05, 0.3);
    data_voice_add_tone(v, (data_voice_tone){body, hz * 1.08, hz, 0.02, decay_s});
    data_voice_add_membrane(v, body, hz, decay_s);
    data_voice_add_noise(
        v, (data_voice_noise){stick, DATA_VOICE_BAND_PASS, stick_hz, 0.7, 0.004, 0, 0});
    data_voice_add_noise(
        v, (data_voice_noise){wires, DATA_VOICE_BAND_PASS, wires_hz, wires_q, wires_s, 0, 0.002});
    data_voice_add_noise(
        v, (data_voice_noise){low, DATA_VOICE_BAND_PASS, hz * 3, 0.6, wires_s * 0.6, 0, 0});
    data_voice_add_mode(v, (data_voice_mode){ring * 0.5, ring_hz, ring_s, 0});
}

static void make_fm_snare(data_voice *v) {
    double hz = data_voice_draw_log(v, 140, 300), ratio = data_voice_draw_log(v, 1.1, 9),
           index = data_voice_draw_log(v, 1, 12);
    double decay_s = data_voice_draw_log(v, 0.03, 0.15),
           index_s = decay_s * data_voice_draw(v, 0.3, 1.5);
    double wires = data_voice_draw(v, 0.3, 1.2), wires_hz = data_voice_draw_log(v, 800, 5000);
    double wires_s = data_voice_draw_log(v, 0.04, 0.25);
    data_voice_add_fm(v, (data_voice_fm){0.8, hz * 1.5, hz, 0.02, decay_s, ratio, index, index_s});
    data_voice_add_noise(
        v, (data_voice_noise){wires, DATA_VOICE_HIGH_PASS, wires_hz, 0.7, wires_s, 0, 0});
}

static void make_analogue_tom(data_voice *v) {
    double hz = data_voice_draw_log(v, 60, 300), start_hz = hz * data_voice_draw_log(v, 1.05, 2.4);
    double glide_s = data_voice_draw_log(v, 0.02, 0.15),
           decay_s = data_voice_draw_log(v, 0.08, 0.5);
    double mode = data_voice_draw(v, 0, 0.5), mode_s = decay_s * data_voice_draw(v, 0.3, 0.8);
    double stroke = data_voice_draw(v, 0, 0.6), stroke_hz = data_voice_draw_log(v, 600, 5000);
    double stroke_s = data_voice_draw_log(v, 0.004, 0.15), drive = data_voice_draw_log(v, 0.7, 3);
    data_voice_add_tone(v, (data_voice_tone){1.0, start_hz, hz, glide_s, decay_s});
    data_voice_add_tone(v, (data_voice_tone){mode, start_hz * data_voice_membrane[1],
                                             hz * data_voice_membrane[1], glide_s, mode_s});
    data_voice_add_noise(
        v, (data_voice_noise){stroke * 0.5, DATA_VOICE_BAND_PASS, stroke_hz, 0.8, stroke_s, 0, 0});
    data_voice_saturate(v, drive);
}

static void make_acoustic_tom(data_voice *v) {
    double hz = data_voice_draw_log(v, 65, 240), start = data_voice_draw(v, 1.0, 1.25),
           decay_s = data_voice_draw_log(v, 0.12, 0.5);
    double skin = data_voice_draw(v, 0.2, 1.0), stick = data_voice_draw(v, 0.1, 0.9),
           stick_hz = data_voice_draw_log(v, 800, 5000);
    double stick_s = data_voice_draw_log(v, 0.003, 0.02);
    data_voice_add_tone(v, (data_voice_tone){1.0, hz * start, hz, 0.05, decay_s});
    data_voice_add_membrane(v, skin, hz, decay_s * 0.7);
    data_voice_add_noise(
        v, (data_voice_noise){stick, DATA_VOICE_BAND_PASS, stick_hz, 0.7, stick_s, 0, 0});
}

static void make_fm_tom(data_voice *v) {
    double hz = data_voice_draw_log(v, 65, 300), start = data_voice_draw_log(v, 1.1, 3),
           glide_s = data_voice_draw_log(v, 0.03, 0.2);
    double decay_s = data_voice_draw_log(v, 0.08, 0.4), ratio = data_voice_draw_log(v, 0.6, 4);
    double index = data_voice_draw_log(v, 0.2, 3), index_s = decay_s * data_voice_draw(v, 0.1, 0.8);
    double stroke = data_voice_draw(v, 0, 0.5), stroke_hz = data_voice_draw_log(v, 800, 6000);
    data_voice_add_fm(
        v, (data_voice_fm){1.0, hz * start, hz, glide_s, decay_s, ratio, index, index_s});
    data_voice_add_noise(
        v, (data_voice_noise){stroke, DATA_VOICE_BAND_PASS, stroke_hz, 0.8, 0.02, 0, 0});
}

/* The ratios of the TR-808's six oscillators of metal, give or take a tenth: other machines', and
 * the spread of parts. */
static void draw_metal(data_voice *v, double ratio[6]) {
    static const double of_808[] = {1.0, 1.483, 1.800, 2.546, 2.630, 3.897};
    for (int k = 0; k < 6; k++) ratio[k] = of_808[k] * data_voice_draw(v, 0.9, 1.1);
}

static void make_analogue_hat(data_voice *v, double decay_s) {
    double ratio[6];
    draw_metal(v, ratio);
    double hz = data_voice_draw_log(v, 150, 620), cut_hz = data_voice_draw_log(v, 3000, 9500);
    double squares = data_voice_draw(v, 0, 1.2), sizzle = data_voice_draw(v, 0.1, 1.0);
    double sizzle_hz = cut_hz * data_voice_draw(v, 0.7, 1.4),
           sizzle_s = decay_s * data_voice_draw(v, 0.4, 1.2);
    data_voice_add_metal(
        v, (data_voice_metal){squares, ratio, 6, hz, DATA_VOICE_HIGH_PASS, cut_hz, 0.9, decay_s});
    data_voice_add_noise(
        v, (data_voice_noise){sizzle, DATA_VOICE_HIGH_PASS, sizzle_hz, 0.7, sizzle_s, 0, 0});
}

static void make_acoustic_hat(data_voice *v, double decay_s) {
    double low_hz = data_voice_draw_log(v, 500, 3500), cut_hz = data_voice_draw_log(v, 2000, 7000);
    double body = data_voice_draw(v, 0.3, 1.0), sizzle = data_voice_draw(v, 0.1, 0.8),
           stick = data_voice_draw(v, 0.1, 0.8);
    double stick_hz = data_voice_draw_log(v, 2000, 8000),
           sizzle_s = decay_s * data_voice_draw(v, 0.6, 1.2);
    double low = data_voice_draw(v, 0, 0.3);
    data_voice_add_modes(
        v, (data_voice_modes){body * 3, low_hz, 17000, 60, decay_s * 1.4, 0.3, 1.2, 0});
    data_voice_add_noise(
        v, (data_voice_noise){sizzle, DATA_VOICE_HIGH_PASS, cut_hz, 0.6, sizzle_s, 0, 0});
    data_voice_add_noise(
        v, (data_voice_noise){stick, DATA_VOICE_BAND_PASS, stick_hz, 0.7, 0.003, 0, 0});
    data_voice_add_noise(
        v, (data_voice_noise){low, DATA_VOICE_BAND_PASS, 700, 0.7, decay_s * 0.5, 0, 0});
}

static void make_fm_hat(data_voice *v, double decay_s) {
    double hz = data_voice_draw_log(v, 1200, 6000), ratio = data_voice_draw_log(v, 1.2, 4.6),
           index = data_voice_draw_log(v, 3, 30);
    double cut_hz = data_voice_draw_log(v, 3000, 9000), sizzle = data_voice_draw(v, 0, 0.8);
    data_voice_add_fm(v, (data_voice_fm){1.0, hz, hz, 0.1, decay_s, ratio, index, decay_s * 3});
    data_voice_add_noise(
        v, (data_voice_noise){sizzle, DATA_VOICE_HIGH_PASS, cut_hz, 0.7, decay_s, 0, 0});
    data_voice_filter_all(v, data_voice_design(DATA_VOICE_HIGH_PASS, cut_hz, 0.7));
}

static void make_hat(data_voice *v, double decay_s) {
    int64_t circuit = base_rng_below(&v->rng, 5);
    if (circuit < 2) {
        make_analogue_hat(v, decay_s);
    } else if (circuit < 4) {
        make_acoustic_hat(v, decay_s);
    } else {
        make_fm_hat(v, decay_s);
    }
}

static void make_closed_hat(data_voice *v) {
    make_hat(v, data_voice_draw_log(v, 0.01, 0.07));
}

static void make_open_hat(data_voice *v) {
    make_hat(v, data_voice_draw_log(v, 0.1, 0.5));
}

static void make_crash(data_voice *v) {
    double ratio[6];
    draw_metal(v, ratio);
    bool analogue = data_voice_happens(v, 0.3);
    double hz = data_voice_draw_log(v, 250, 900), decay_s = data_voice_draw_log(v, 0.25, 1.5);
    double body = data_voice_draw(v, 0.2, 0.9), band_hz = data_voice_draw_log(v, 2500, 7000);
    double wash = data_voice_draw(v, 0.4, 1.0), wash_hz = data_voice_draw_log(v, 1500, 6000);
    double wash_s = decay_s * data_voice_draw(v, 0.4, 1.0),
           rise_s = data_voice_draw_log(v, 0.0005, 0.02);
    double stick = data_voice_draw(v, 0, 0.6);
    if (analogue) {
        data_voice_add_metal(
            v, (data_voice_metal){body, ratio, 6, hz, DATA_VOICE_BAND_PASS, band_hz, 0.6, decay_s});
    } else {
        data_voice_add_modes(
            v, (data_voice_modes){body * 5, hz, 16000, 120, decay_s * 1.6, 0.35, 1.3, 0});
    }
    data_voice_add_noise(
        v, (data_voice_noise){wash, DATA_VOICE_HIGH_PASS, wash_hz, 0.6, wash_s, 0, rise_s});
    data_voice_add_noise(v, (data_voice_noise){stick, DATA_VOICE_BAND_PASS, 3000, 0.7, 0.01, 0, 0});
}

/* A clear ping over a quieter wash. */
static void make_struck_ride(data_voice *v) {
    bool bell = data_voice_happens(v, 0.25);
    double hz = data_voice_draw_log(v, 350, 900), decay_s = data_voice_draw_log(v, 0.5, 1.6);
    double ping = data_voice_draw(v, 0.5, 1.2), stick = data_voice_draw(v, 0.2, 0.8),
           wash = data_voice_draw(v, 0.03, 0.25);
    double wash_hz = data_voice_draw_log(v, 3000, 8000);
    data_voice_add_modes(v, (data_voice_modes){ping * (bell ? 4 : 2), hz, 5500, bell ? 8 : 16,
                                               decay_s, 0.25, 0.8, 0});
    data_voice_add_modes(v, (data_voice_modes){1.5, 2500, 15000, 60, decay_s * 0.8, 0.3, 1.2, 0});
    data_voice_add_noise(
        v, (data_voice_noise){wash, DATA_VOICE_HIGH_PASS, wash_hz, 0.6, decay_s * 0.7, 0, 0.004});
    data_voice_add_noise(v,
                         (data_voice_noise){stick, DATA_VOICE_BAND_PASS, 5000, 0.7, 0.004, 0, 0});
}

/* A bell's tone over the six oscillators, as machines with one cymbal circuit have it. */
static void make_analogue_ride(data_voice *v) {
    double ratio[6];
    draw_metal(v, ratio);
    double hz = data_voice_draw_log(v, 250, 900), decay_s = data_voice_draw_log(v, 0.25, 1.2);
    double body = data_voice_draw(v, 0.4, 1.0), band_hz = data_voice_draw_log(v, 3000, 9000);
    double ping = data_voice_draw(v, 0.1, 0.7), ping_hz = data_voice_draw_log(v, 500, 5000);
    double sizzle = data_voice_draw(v, 0, 0.3);
    data_voice_add_metal(
        v, (data_voice_metal){body, ratio, 6, hz, DATA_VOICE_BAND_PASS, band_hz, 0.8, decay_s});
    data_voice_add_metal(
        v, (data_voice_metal){ping, ratio, 3, hz, DATA_VOICE_BAND_PASS, ping_hz, 2, decay_s * 0.5});
    data_voice_add_noise(
        v, (data_voice_noise){sizzle, DATA_VOICE_HIGH_PASS, 6000, 0.7, decay_s * 0.7, 0, 0});
}

/* Several hands a few milliseconds apart, then the room. */
static void make_clap(data_voice *v) {
    bool people = data_voice_happens(v, 0.35);
    int64_t n_hands = people ? 6 + base_rng_below(&v->rng, 12) : 3 + base_rng_below(&v->rng, 3);
    double cut_hz = data_voice_draw_log(v, 700, 2600), q = data_voice_draw_log(v, 0.6, 2.5),
           spread_s = data_voice_draw(v, 0.01, 0.04);
    double room = data_voice_draw(v, 0.1, 1.0), room_s = data_voice_draw_log(v, 0.03, 0.25),
           drive = data_voice_draw_log(v, 0.8, 3);
    int64_t at = 0;
    for (int64_t k = 0; k < n_hands; k++) {
        double hand = data_voice_draw(v, 0.5, 1.2), hand_hz = cut_hz * data_voice_draw(v, 0.8, 1.3);
        double hand_s = data_voice_draw_log(v, 0.002, 0.009),
               next_s = data_voice_draw(v, 0.005, 0.014);
        double anywhere_s = data_voice_draw(v, 0, spread_s);
        int64_t begin = people && k > 0 ? data_voice_frames(anywhere_s) : at;
        data_voice_add_noise(
            v, (data_voice_noise){hand, DATA_VOICE_BAND_PASS, hand_hz, q, hand_s, begin, 0});
        at += data_voice_frames(next_s);
    }
    data_voice_add_noise(
        v, (data_voice_noise){room, DATA_VOICE_BAND_PASS, cut_hz, q, room_s, people ? 0 : at, 0});
    data_voice_saturate(v, drive);
}

/* Two squares: the stroke, then the ringing. */
static void make_analogue_cowbell(data_voice *v) {
    double hz = data_voice_draw_log(v, 380, 800),
           interval = 800.0 / 540.0 * data_voice_draw(v, 0.92, 1.08);
    double band_hz = hz * data_voice_draw(v, 1.3, 2.8), q = data_voice_draw_log(v, 0.7, 3);
    double ringing = data_voice_draw(v, 0.4, 0.9), decay_s = data_voice_draw_log(v, 0.05, 0.35);
    const double ratio[] = {1.0, interval};
    data_voice_add_metal(
        v, (data_voice_metal){0.8, ratio, 2, hz, DATA_VOICE_BAND_PASS, band_hz, q, 0.02});
    data_voice_add_metal(
        v, (data_voice_metal){ringing, ratio, 2, hz, DATA_VOICE_BAND_PASS, band_hz, q, decay_s});
}

static void make_struck_cowbell(data_voice *v) {
    double hz = data_voice_draw_log(v, 400, 1100), decay_s = data_voice_draw_log(v, 0.05, 0.3);
    double second = data_voice_draw(v, 1.38, 1.62), stick = data_voice_draw(v, 0.1, 0.8),
           upper = data_voice_draw(v, 0.2, 0.8);
    data_voice_add_mode(v, (data_voice_mode){0.9, hz, decay_s, 0});
    data_voice_add_mode(v, (data_voice_mode){0.9, hz * second, decay_s * 0.9, 0});
    data_voice_add_modes(
        v, (data_voice_modes){upper * 2, hz * 2, hz * 9, 10, decay_s * 0.5, 0.4, 0.7, 0});
    data_voice_add_noise(v,
                         (data_voice_noise){stick, DATA_VOICE_BAND_PASS, 3500, 0.7, 0.004, 0, 0});
}

static void make_rim(data_voice *v) {
    bool wood = data_voice_happens(v, 0.4);
    double hz = data_voice_draw_log(v, 350, wood ? 1800 : 900),
           decay_s = data_voice_draw_log(v, 0.006, 0.04);
    double mode = data_voice_draw(v, 0.4, 1.0),
           mode_hz = hz * (wood ? data_voice_draw(v, 1.4, 2.6) : data_voice_draw(v, 2.6, 3.9));
    double stroke = data_voice_draw(v, 0.2, 0.9), stroke_hz = data_voice_draw_log(v, 1200, 5000);
    double stroke_s = data_voice_draw_log(v, 0.002, 0.015), drive = data_voice_draw_log(v, 0.7, 4);
    data_voice_add_tone(v, (data_voice_tone){1.0, hz, hz, 0.01, decay_s});
    data_voice_add_tone(v, (data_voice_tone){mode, mode_hz, mode_hz, 0.01, decay_s * 0.6});
    if (wood)
        data_voice_add_modes(v, (data_voice_modes){1.0, hz, hz * 8, 12, decay_s, 0.4, 0.8, 0});
    data_voice_add_noise(v, (data_voice_noise){stroke,
                                               wood ? DATA_VOICE_BAND_PASS : DATA_VOICE_HIGH_PASS,
                                               stroke_hz, 0.8, stroke_s, 0, 0});
    data_voice_saturate(v, drive);
}

/* Grains that rise and fall with the hand's movement, once or there and back. */
static void make_shaker(data_voice *v) {
    int64_t n_moves = 1 + base_rng_below(&v->rng, 2), at = 0;
    double cut_hz = data_voice_draw_log(v, 3500, 9000), q = data_voice_draw_log(v, 0.5, 2.5);
    for (int64_t k = 0; k < n_moves; k++) {
        double level = data_voice_draw(v, 0.5, 1.0), rise_s = data_voice_draw_log(v, 0.001, 0.06);
        double decay_s = data_voice_draw_log(v, 0.015, 0.08),
               next_s = data_voice_draw(v, 0.06, 0.16);
        data_voice_add_noise(
            v, (data_voice_noise){level, DATA_VOICE_BAND_PASS, cut_hz, q, decay_s, at, rise_s});
        at += data_voice_frames(next_s);
    }
    data_voice_filter_all(v, data_voice_design(DATA_VOICE_HIGH_PASS, cut_hz * 0.5, 0.7));
}

/* Jingles that strike more than once, on a frame or alone. */
static void make_tambourine(data_voice *v) {
    int64_t n_strikes = 2 + base_rng_below(&v->rng, 5), at = 0;
    double low_hz = data_voice_draw_log(v, 2200, 5000), decay_s = data_voice_draw_log(v, 0.05, 0.3);
    double skin = data_voice_draw(v, 0, 0.4), skin_hz = data_voice_draw_log(v, 200, 600),
           hiss = data_voice_draw(v, 0.1, 0.6);
    for (int64_t k = 0; k < n_strikes; k++) {
        double level = data_voice_draw(v, 0.4, 1.0), next_s = data_voice_draw_log(v, 0.008, 0.06);
        data_voice_add_modes(
            v, (data_voice_modes){level * 2, low_hz, 15000, 14, decay_s, 0.2, 0.6, at});
        at += data_voice_frames(next_s);
    }
    data_voice_add_noise(
        v, (data_voice_noise){hiss, DATA_VOICE_HIGH_PASS, 6000, 0.7, decay_s, 0, 0.003});
    data_voice_add_noise(v, (data_voice_noise){skin, DATA_VOICE_BAND_PASS, skin_hz, 1, 0.03, 0, 0});
}

/* Bongos, congas, timbales, surdos. */
static void make_skin_perc(data_voice *v) {
    double hz = data_voice_draw_log(v, 150, 650), start = data_voice_draw(v, 1.0, 1.2);
    double decay_s = data_voice_draw_log(v, 0.03, 0.25), skin = data_voice_draw(v, 0.1, 0.9);
    double slap = data_voice_draw(v, 0.05, 0.9), slap_hz = data_voice_draw_log(v, 700, 4000);
    data_voice_add_tone(v, (data_voice_tone){1.0, hz * start, hz, 0.02, decay_s});
    data_voice_add_membrane(v, skin, hz, decay_s * 0.6);
    data_voice_add_noise(v,
                         (data_voice_noise){slap, DATA_VOICE_BAND_PASS, slap_hz, 0.8, 0.005, 0, 0});
}

/* Claves, wood blocks, castanets. */
static void make_wood_perc(data_voice *v) {
    double hz = data_voice_draw_log(v, 600, 3500), decay_s = data_voice_draw_log(v, 0.01, 0.08);
    double upper = data_voice_draw(v, 0, 0.8), ratio = data_voice_draw(v, 1.3, 2.9);
    double stroke = data_voice_draw(v, 0, 0.5), stroke_hz = hz * data_voice_draw(v, 0.8, 2.5);
    data_voice_add_tone(v, (data_voice_tone){1.0, hz, hz, 0.02, decay_s});
    data_voice_add_mode(v, (data_voice_mode){upper, hz * ratio, decay_s * 0.7, 0});
    data_voice_add_noise(
        v, (data_voice_noise){stroke, DATA_VOICE_BAND_PASS, stroke_hz, 0.8, 0.004, 0, 0});
}

/* Triangles and agogos: few clear modes that ring. */
static void make_metal_perc(data_voice *v) {
    double hz = data_voice_draw_log(v, 650, 5000), decay_s = data_voice_draw_log(v, 0.05, 0.8);
    double upper = data_voice_draw(v, 0.3, 1.2), stick = data_voice_draw(v, 0.05, 0.4);
    int n = 3 + (int)base_rng_below(&v->rng, 5);
    data_voice_add_mode(v, (data_voice_mode){0.8, hz, decay_s, 0});
    data_voice_add_modes(v,
                         (data_voice_modes){upper * 2, hz * 1.2, 14000, n, decay_s, 0.2, 0.6, 0});
    data_voice_add_noise(v,
                         (data_voice_noise){stick, DATA_VOICE_HIGH_PASS, 4000, 0.7, 0.003, 0, 0});
}

enum { MAX_CIRCUITS = 4 };

static const struct {
    double longest_s;
    int n_circuits; /* one of them is drawn */
    void (*circuit[MAX_CIRCUITS])(data_voice *);
} kinds[] = {
    [KICK] = {0.8, 4, {make_analogue_kick, make_analogue_kick, make_acoustic_kick, make_fm_kick}},
    [SNARE] = {0.7,
               4,
               {make_analogue_snare, make_acoustic_snare, make_acoustic_snare, make_fm_snare}},
    [RIM] = {0.25, 1, {make_rim}},
    [CLAP] = {0.6, 1, {make_clap}},
    [CLOSED_HAT] = {0.35, 1, {make_closed_hat}},
    [OPEN_HAT] = {1.2, 1, {make_open_hat}},
    [TOM] = {1.0, 3, {make_analogue_tom, make_acoustic_tom, make_fm_tom}},
    [CRASH] = {1.5, 1, {make_crash}},
    [RIDE] = {1.5, 3, {make_struck_ride, make_struck_ride, make_analogue_ride}},
    [COWBELL] = {0.8, 2, {make_analogue_cowbell, make_struck_cowbell}},
    [SHAKER] = {0.5, 1, {make_shaker}},
    [TAMBOURINE] = {0.7, 1, {make_tambourine}},
    [PERC] = {1.0, 3, {make_skin_perc, make_wood_perc, make_metal_perc}},
};

base_status data_synth_hit(int class_index, int64_t number, uint64_t seed, data_audio *audio,
                           base_error *err) {
    BASE_CHECK(class_index >= 0 && class_index < DATA_SYNTH_N_CLASSES);
    *audio = (data_audio){0};
    data_voice v = {
        .rng = base_rng_open(seed, BASE_RNG_SYNTH, (uint64_t)class_index, (uint64_t)number)};
    v.n = data_voice_frames(kinds[class_index].longest_s * data_voice_draw(&v, 0.6, 1.0));
    v.x = base_alloc((size_t)v.n, sizeof *v.x);
    if (v.x == NULL) return base_fail(err, BASE_EMEMORY, "no memory for a synthesised hit");
    kinds[class_index].circuit[base_rng_below(&v.rng, kinds[class_index].n_circuits)](&v);
    data_voice_colour(&v);
    data_voice_finish(&v);
    *audio = (data_audio){v.x, 1, v.n, DATA_VOICE_RATE_HZ};
    return BASE_OK;
}
