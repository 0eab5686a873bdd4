/* model.h - tells which of MODEL_CLASSES kinds a drum sound is of; written by rimshot.
 *
 * Takes sounds of any length, of which it hears the first MODEL_SECONDS seconds, at MODEL_RATE Hz.
 * Weights: MODEL_WEIGHTS. Work buffer: MODEL_WORK_BYTES.
 * One sound costs MODEL_MACS multiply-adds in the network.
 *
 * In one C99 or C++ file of a program write
 *
 *     #define MODEL_IMPLEMENTATION
 *     #include "model.h"
 *
 * and include it elsewhere without the first line. Then
 *
 *     static model_work work;
 *     float probability[MODEL_N_CLASSES];
 *     model_classify(samples, 1, n_samples, &work, probability);
 *     int answer = model_decide(probability, NULL);
 *
 * Nothing is allocated and nothing kept between calls: any number of threads may classify at
 * once, each with a work buffer of its own. Only libm is needed. On devices, a sound that does
 * not lie in memory as floats is read in blocks: model_classify_sound.
#if MODEL_FRAMED
 *
 * Spectra are computed in double, or in float if MODEL_SINGLE is defined wherever this file is
 * included, as it is by itself for ARM processors that have no doubles.
#endif
 * To check that it works here:
 *
 *     cc -O2 -D MODEL_TEST -x c model.h -lm && ./a.out
 *
 * SPDX-License-Identifier: 0BSD
 *
 * Permission to use, copy, modify, and/or distribute this software for any purpose with or
 * without fee is hereby granted.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO
 * THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT
 * SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR
 * ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF
 * CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE
 * OR PERFORMANCE OF THIS SOFTWARE. */
#ifndef MODEL_H
#define MODEL_H

#define MODEL_SAMPLE_RATE MODEL_RATE
#define MODEL_CHANNELS    MODEL_CLIP_CHANNELS
#define MODEL_SAMPLES     MODEL_CLIP_SAMPLES
#define MODEL_N_CLASSES   MODEL_CLASSES
#define MODEL_UNKNOWN     (-1)
#define MODEL_FAILED      (-1)

/* Samples that are asked for at once, at most. */
#define MODEL_BLOCK MODEL_BLOCK_SIZE

/* A sound at MODEL_SAMPLE_RATE Hz that is read in blocks, wherever and in whatever form it lies.
 * It is gone through a few times: for its peak, to where it begins, back from its end to where it
 * ends, for the level, and for what is heard. */
typedef struct {
    /* Puts samples at to at + n - 1 of a channel, 1 being full scale, into x; 0 if it cannot. */
    int (*read)(void *user, int channel, int at, int n, float *x);
    void *user;
    int n_channels, n; /* n: samples of each channel */
} model_sound;

#if MODEL_FRAMED
#if !defined(MODEL_SINGLE) && defined(__arm__) && !(__ARM_FP & 8)
#define MODEL_SINGLE
#endif

#ifdef MODEL_SINGLE
typedef float model_real;
#else
typedef double model_real;
#endif

typedef struct {
    model_real re, im;
} model_complex;
#endif

/* All the memory that a call needs; its contents are of no interest. */
typedef struct {
#if MODEL_FRAMED
    model_complex frame[MODEL_FRAME_SIZE], spare[MODEL_FRAME_SIZE];
#endif
    float values[MODEL_VALUES_SIZE];
} model_work;

#ifdef __cplusplus
extern "C" {
#endif

/* Probabilities of the classes, probability[MODEL_N_CLASSES], for a sound audio[n_channels, n]
 * (one channel after the other, 1 being full scale) at MODEL_SAMPLE_RATE Hz.
 * Silence is cut off, the level does not matter unless it is too low, and only the first
 * MODEL_SAMPLES samples count. 1; or 0 for a silent sound, with all probabilities 0. */
int model_classify(
        const float *audio, int n_channels, int n, model_work *work, float *probability);

/* The same for a sound that is read; MODEL_FAILED, with all probabilities 0, if a read fails. */
int model_classify_sound(const model_sound *sound, model_work *work, float *probability);

/* What the probabilities say: the number of a class or MODEL_UNKNOWN, which is of none. Unless it is
 * NULL, *cause becomes the class whose probability was against an answer, or -1. */
int model_decide(const float *probability, int *cause);

/* The name of class 0 to MODEL_N_CLASSES - 1, in UTF-8. */
const char *model_label(int index);

#ifdef __cplusplus
}
#endif

#endif

#if defined(MODEL_IMPLEMENTATION) || defined(MODEL_TEST)
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "infer/export/c/settings.h"
#include "infer/export/c/clip.c"
#include "infer/export/c/features.c"
#include "infer/export/c/layers.c"
#include "infer/export/c/recurrent.c"
#include "infer/export/c/network.c"
#include "infer/export/c/classify.c"

#ifdef MODEL_TEST
#include <stdint.h>
#include <stdio.h>

#include "infer/export/c_sound.h"
#include "infer/export/c/test.c"
#endif
#endif
