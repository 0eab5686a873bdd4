/* data/container.h - what a sound file's container promises, which libsndfile does not tell.
 *
 * libsndfile takes a file's end for the end of its samples. Of WAV (RIFF, RIFX, RF64), W64, AIFF,
 * AU and CAF the size of the samples is looked up here; of Ogg whether all pages are there and
 * whole; of MP3 whether it states its length at all. */
#ifndef DATA_CONTAINER_H
#define DATA_CONTAINER_H

#include "data/input.h"

typedef struct {
    int64_t n_promised; /* bytes of samples; -1: it does not say */
    int64_t n_there;    /* of these, before the file ends */
    bool unfinished;    /* the sizes were never filled in: the samples go on to the file's end */
    int64_t size_at;    /* where that of the samples stands then, in 4 bytes */
    bool broken;        /* Ogg: a page is damaged, or the last is missing */
    bool states_length; /* MP3: it has a header with its number of frames */
} data_container;

/* What is none of these, or makes no sense, promises nothing. Fails only if reading does. */
base_status data_container_read(data_input *input, data_container *container, base_error *err);

#endif
