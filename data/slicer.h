/* data/slicer.h - cuts a recording into its sounds, one after the other.
 *
 * A sound begins where its attack does (dsp_attack_begin), for an onset that was found
 * (dsp/onset.h) or that an annotation names. It ends where the next one begins, where it has
 * decayed, or after `longest_s`: whichever comes first. It has decayed where for 50 ms nothing
 * exceeds a thousandth of its peak or the recording's own noise, which is twice the level that a
 * twentieth of its frames stay below. 1 ms at its begin and up to 5 ms at its end are faded.
 *
 * The recording is read four times, in blocks: memory does not grow with its length, but for 8
 * bytes every 5 ms and what the slices are. */
#ifndef DATA_SLICER_H
#define DATA_SLICER_H

#include "data/annotation.h"
#include "data/sound.h"

typedef struct {
    double threshold;                  /* of onsets: DSP_ONSET_THRESHOLD */
    double longest_s;                  /* of a slice */
    const data_annotation *annotation; /* joined, and borrowed; NULL: onsets are found */
    bool (*stopped)(void);             /* asked between blocks; NULL: never */
} data_slicer_options;

/* Frames [begin, end) of the recording. */
typedef struct {
    int64_t begin, end;
    double at_s;       /* the onset that was found, or the annotation's time */
    const char *label; /* the annotation's, borrowed; NULL: onsets were found */
} data_slice;

typedef struct data_slicer data_slicer;

/* Finds the slices of a sound file. Errors name the path; EDATA for a recording without sound or
 * without onsets, and for an annotation past its end; ESTOPPED. `path` must outlive the slicer. */
base_status data_slicer_open(const char *path, const data_slicer_options *options,
                             data_slicer **slicer, base_error *err);
void data_slicer_close(data_slicer *slicer); /* NULL is fine */

const data_slice *data_slicer_slices(const data_slicer *slicer, int64_t *n);
/* Of the recording, all channels mixed: the largest |sample| from frame t * rate / 200 to the next
 * one's, over the recording's peak. */
const float *data_slicer_levels(const data_slicer *slicer, int64_t *n);
double data_slicer_rate_hz(const data_slicer *slicer);
double data_slicer_seconds(const data_slicer *slicer);
const data_condition *data_slicer_condition(const data_slicer *slicer);

/* The sound of the next slice, from the first on: the caller's (data_audio_release). */
base_status data_slicer_next(data_slicer *slicer, data_audio *audio, base_error *err);

/* One slice alone, as far as it can be told without the others: from the attack near begin_s to the
 * one near end_s, or to end_s itself if that is `longest_s` or more away. */
base_status data_slice_read(const char *path, const data_audio_span *span, double longest_s,
                            data_audio *audio, base_error *err);

#endif
