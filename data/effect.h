/* data/effect.h - the contract of every effect of the augmentation.
 *
 * An effect is one data_effect, exported by any file of data/ (data/effects.c has those there are),
 * and has one line in data/effects.def. Its options begin with a data_effect_options. */
#ifndef DATA_EFFECT_H
#define DATA_EFFECT_H

#include "base/options.h"
#include "base/rng.h"
#include "dsp/effects.h"

typedef struct {
    double p;        /* probability that a clip gets the effect */
    double range[2]; /* from which an amount is drawn: decibels, semitones, milliseconds, ... */
} data_effect_options;

/* One effect on one sample, with what was drawn for it. */
typedef struct {
    const void *options; /* the effect's own */
    const void *plan;    /* from prepare(); otherwise NULL */
    double amount;       /* within the options' range */
    base_rng *rng;       /* the effect's own stream */
    void *scratch;       /* scratch_bytes() */
    dsp_clip clip;       /* for apply(), in place */
    float *features;     /* for mask(), in place: [C,F,T] */
    const int64_t *shape;
    float mean; /* of the features */
} data_effect_call;

/* Called from any number of threads at once, but for prepare() and release(). */
typedef struct {
    base_variant variant; /* name, help, options */
    bool needs_stereo;

    /* On the waveform; a clip that the effect cannot work on (silence, say) stays as it is. NULL:
     * the effect is on the features. */
    base_status (*apply)(const data_effect_call *call, base_error *err);
    void (*mask)(const data_effect_call *call); /* on the features; NULL: on the waveform */

    /* Checks that the effect fits the clips and makes what calls share, *plan (may be NULL). NULL:
     * no check and no plan. */
    base_status (*prepare)(const void *options, const dsp_clip_form *form, void **plan,
                           base_error *err);
    size_t (*scratch_bytes)(const void *plan); /* NULL: none */
    void (*release)(void *plan);               /* NULL: there is no plan */
} data_effect;

#define DATA_EFFECT(name) extern const data_effect data_effect_##name;
#include "data/effects.def"
#undef DATA_EFFECT

#endif
