/* dsp/compressor.h - a feed-forward compressor.
 *
 * D. Giannoulis, M. Massberg, J. D. Reiss, "Digital dynamic range compressor design: a tutorial and
 * analysis", J. Audio Eng. Soc. 60(6), 2012: the gain computed in decibels with a soft knee
 * (equation 4), smoothed by the decoupled peak detector (equation 17), one gain for all channels.
 */
#ifndef DSP_COMPRESSOR_H
#define DSP_COMPRESSOR_H

#include "dsp/clip.h"

typedef struct {
    double threshold_db;        /* re the clip's peak: negative below it */
    double ratio;               /* >= 1: decibels in for one decibel out, above the threshold */
    double knee_db;             /* >= 0: width of the bend around the threshold */
    double attack_s, release_s; /* > 0: time constants */
} dsp_compressor;

/* Compresses, then restores the clip's peak; silence stays as it is. */
void dsp_compress(dsp_clip clip, dsp_compressor compressor);

#endif
