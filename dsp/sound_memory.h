/* dsp/sound_memory.h - sound files in memory for libsndfile; every sound file of the program
 * is opened here. */
#ifndef DSP_SOUND_MEMORY_H
#define DSP_SOUND_MEMORY_H

#include <sndfile.h>

#include "base/text.h"

enum { DSP_SOUND_REASON = 160 };

/* Opens a source of libsndfile's virtual I/O; NULL on failure, with the reason in `reason`.
 * libsndfile keeps that reason in a global variable and initialises its MP3 codec at first use, so
 * files are opened one at a time; using an open one needs no lock. */
SNDFILE *dsp_sound_open(SF_VIRTUAL_IO *io, void *context, int mode, SF_INFO *info,
                        char reason[DSP_SOUND_REASON]);

typedef struct {
    const void *bytes; /* [size], borrowed: read from here; */
    base_text *out;    /* or, unless NULL, written and read there */
    sf_count_t size;
    sf_count_t at; /* the current place */
} dsp_sound_memory;

/* The same for a file in memory. */
SNDFILE *dsp_sound_memory_open(dsp_sound_memory *file, int mode, SF_INFO *info,
                               char reason[DSP_SOUND_REASON]);

#endif
