/* data/synth.h - a drum synthesiser: thirteen classes of hits, each from one of several circuits
 * whose every parameter is drawn anew.
 *
 * A hit's circuit and parameters come from base_rng_open(seed, SYNTH, class, number): the same seed
 * gives the same bytes. Mono, 44.1 kHz, up to 1.5 s. Ranges are uniform in the logarithm where they
 * are of pitches or times, and wide: they hold the figures of the machines named, and what else is
 * built like them. Times are time constants of the decay.
 *
 * Circuits by class, and the ranges that matter most:
 *
 * - kick: bridged-T oscillator 36 to 80 Hz, gliding from 1.2 to 9 times that in 4 to 60 ms,
 *   decay 0.05 to 0.5 s, click, drive 0.8 to 8; struck membrane 42 to 95 Hz with beater and
 *   shell; two-operator FM
 * - snare: two oscillators (130 to 290 Hz, 1.5 to 1.9 times that) and noise above 0.7 to 4 kHz for
 *   0.04 to 0.28 s; membrane, wires and ring; FM and noise
 * - rim: two short oscillators, 350 to 900 Hz and 2.6 to 3.9 times that; wood
 * - clap: 3 to 5 bursts 5 to 14 ms apart and a tail, band-pass 0.7 to 2.6 kHz; 6 to 17 hands at
 *   random
 * - closedhat, openhat: six squares and noise above 3 to 9.5 kHz, 60 modes of a plate, or FM; decay
 *   0.01 to 0.07 s, open 0.1 to 0.5 s
 * - tom: oscillator 60 to 300 Hz, gliding from 1.05 to 2.4 times that; membrane; FM
 * - crash: six squares or 120 modes, and a wash of noise, decay 0.25 to 1.5 s
 * - ride: few modes (a ping or a bell) over many quiet ones; six squares in two bands
 * - cowbell: two squares 380 to 800 Hz, interval 1.36 to 1.6; two modes
 * - shaker: one or two swells of noise around 3.5 to 9 kHz
 * - tambourine: 2 to 6 strokes of 14 modes above 2.2 to 5 kHz, hiss, sometimes a skin
 * - perc: skins 150 to 650 Hz; wood 0.6 to 3.5 kHz; ringing metal from 0.65 to 5 kHz
 *
 * Half of all go through an equaliser, a third through a room, a third through a sampler of 7 to 13
 * bits that keeps every first, second or third sample (the sampling machines of the eighties have 8
 * or 12 bits at 14 to 35 kHz).
 *
 * Figures: the TR-808's bass drum near 50 Hz, K. Werner, J. Abel, J. Smith, "A physically-informed,
 * circuit-bendable, digital model of the Roland TR-808 bass drum circuit", DAFx 2014; its metal's
 * oscillators at 205.3, 304.4, 369.6, 522.7, 540 and 800 Hz, of which the cowbell has the last two,
 * the same authors, "The TR-808 cymbal: a physically-informed, circuit-bendable, digital model",
 * ICMC 2014; its snare at 238 and 476 Hz, toms and congas at 80 to 455 Hz, rim shot at 455 and 1667
 * Hz, claves at 2500 Hz, TR-808 service notes, Roland 1981. Membranes: N. Fletcher, T. Rossing,
 * "The physics of musical instruments", 1998, chapter 18. FM: data/voice.h. */
#ifndef DATA_SYNTH_H
#define DATA_SYNTH_H

#include "base/arena.h"
#include "data/audio_file.h"

#define DATA_SYNTH_N_CLASSES 13
extern const char *const data_synth_classes[DATA_SYNTH_N_CLASSES];

base_status data_synth_hit(int class_index, int64_t number, uint64_t seed, data_audio *audio,
                           base_error *err);

#endif
