/* data/voice.h - what sounds are synthesised from: oscillators, noise, struck bodies, filters, a
 * room, a sampler's memory. data/synth.h and data/decoys.h make drums, and what is none, of them.
 *
 * A voice is a sound being made, mono at DATA_VOICE_RATE_HZ: parts are added into x, and every
 * random number comes from its one stream in the order of the calls, so the same calls give the
 * same bits. Levels are amplitudes, times are time constants of exp(-t / s) unless it says
 * otherwise. */
#ifndef DATA_VOICE_H
#define DATA_VOICE_H

#include "base/rng.h"
#include "data/audio_file.h"

#define DATA_VOICE_RATE_HZ 44100.0

typedef struct {
    float *x; /* [n] */
    int64_t n;
    base_rng rng;
} data_voice;

/* ---- random numbers ---- */

double data_voice_draw(data_voice *v, double lo, double hi);     /* uniform */
double data_voice_draw_log(data_voice *v, double lo, double hi); /* uniform in the logarithm: for
                                                                    pitches and times; lo > 0 */
bool data_voice_happens(data_voice *v, double p);
int64_t data_voice_frames(double seconds);

/* ---- filters ---- */

/* Two-pole filters of R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter
 * coefficients", direct form 1. */
typedef struct {
    double b0, b1, b2, a1, a2;
    double x1, x2, y1, y2;
} data_voice_filter;

typedef enum { DATA_VOICE_LOW_PASS, DATA_VOICE_HIGH_PASS, DATA_VOICE_BAND_PASS } data_voice_pass;

data_voice_filter data_voice_design(data_voice_pass pass, double cut_hz, double q);
data_voice_filter data_voice_design_peak(double hz, double q, double gain_db); /* a bell */
double data_voice_filter_next(data_voice_filter *f, double x);
void data_voice_filter_all(data_voice *v, data_voice_filter f);

/* ---- parts ---- */

/* exp(-t / decay_s) after a linear rise of half a millisecond; i counts samples. */
double data_voice_envelope(int64_t i, double decay_s);

/* A sine that glides from start_hz to end_hz with time constant glide_s: the bridged-T oscillator
 * of an analogue drum machine, or a struck membrane's lowest mode. */
typedef struct {
    double level, start_hz, end_hz, glide_s, decay_s;
} data_voice_tone;
void data_voice_add_tone(data_voice *v, data_voice_tone t);

/* Two operators of frequency modulation (J. Chowning, "The Synthesis of Complex Audio Spectra by
 * Means of Frequency Modulation", 1973): a sine at a gliding pitch, modulated by one at `ratio`
 * times that pitch, whose index fades with index_s. */
typedef struct {
    double level, start_hz, end_hz, glide_s, decay_s;
    double ratio, index, index_s;
} data_voice_fm;
void data_voice_add_fm(data_voice *v, data_voice_fm p);

/* Filtered white noise from sample `begin` on. */
typedef struct {
    double level;
    data_voice_pass pass;
    double cut_hz, q, decay_s;
    int64_t begin;
    double rise_s; /* 0: half a millisecond */
} data_voice_noise;
void data_voice_add_noise(data_voice *v, data_voice_noise p);

/* Square waves of inharmonic pitches through a filter: the metal of analogue drum machines. */
typedef struct {
    double level;
    const double *ratio; /* [n_squares] to base_hz */
    int n_squares;       /* at most DATA_VOICE_MAX_SQUARES */
    double base_hz;
    data_voice_pass pass;
    double cut_hz, q, decay_s;
} data_voice_metal;
enum { DATA_VOICE_MAX_SQUARES = 6 };
void data_voice_add_metal(data_voice *v, data_voice_metal m);

/* One mode of a struck body: a damped sine from sample `begin` on. */
typedef struct {
    double level, hz, decay_s;
    int64_t begin;
} data_voice_mode;
void data_voice_add_mode(data_voice *v, data_voice_mode m);

/* Many modes at random between two pitches: cymbals, hats, jingles. A mode's decay falls as
 * hz^-damping from decay_s at low_hz, their levels are spread over `spread` powers of ten. */
typedef struct {
    double level, low_hz, high_hz;
    int n;
    double decay_s, damping, spread;
    int64_t begin;
} data_voice_modes;
void data_voice_add_modes(data_voice *v, data_voice_modes m);

/* The modes of a circular membrane above the lowest, at the zeros of the Bessel functions. */
enum { DATA_VOICE_N_MEMBRANE = 8 };
extern const double data_voice_membrane[DATA_VOICE_N_MEMBRANE]; /* ratios to the lowest mode */
void data_voice_add_membrane(data_voice *v, double level, double hz, double decay_s);

/* ---- the whole ---- */

void data_voice_saturate(data_voice *v, double drive); /* tanh(drive * x) */

/* A sampled machine's memory: every `hold`-th sample is kept, at `bits` bits of full scale 1. */
void data_voice_crush(data_voice *v, int64_t hold, double bits);

/* Reflections at random times up to `seconds`. */
void data_voice_add_room(data_voice *v, double level, double seconds);

/* The largest |x| becomes 1; silence stays silence. */
void data_voice_normalize(data_voice *v);

/* A recording desk: sometimes an equaliser's bell, a room, a sampler's few bits. */
void data_voice_colour(data_voice *v);

/* Brings the peak to between -18 and -0.3 dB of full scale and rounds the end off. */
void data_voice_finish(data_voice *v);

#endif
