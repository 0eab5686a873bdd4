/* tests/sound.h - small sound files and data sets for the tests of data/. */
#ifndef SOUND_H
#define SOUND_H

#include "base/file.h"
#include "data/clips.h"
#include "data/dataset.h"
#include "data/source.h"

/* Writes a text or a decaying sine to `folder`/`name`, making folders on the way; gives the path in
 * the arena. Failures end the test. */
const char *sound_write_text(base_arena *arena, const char *folder, const char *name,
                             const char *text);
typedef struct {
    double seconds, hz, rate_hz, peak;
    int n_channels;
} sound_tone;
const char *sound_write_tone(base_arena *arena, const char *folder, const char *name,
                             sound_tone tone);

/* Strokes of noise over a tone of 200 Hz, in stereo at 22,050 Hz, the right channel half as loud; a
 * stroke has fallen to a thousandth after 0.23 s. */
typedef struct {
    double seconds;
    const double *at_s; /* [n] */
    int n;
} sound_strokes;
const char *sound_write_strokes(base_arena *arena, const char *folder, const char *name,
                                sound_strokes strokes);

/* Opens a manifest described by YAML text; rules files are found below `config_folder`. */
base_status sound_open_manifest(base_arena *arena, const char *yaml, const char *config_folder,
                                data_manifest *manifest, base_error *err);

/* All of a row's sound. */
base_status sound_read_row(const data_row *row, data_audio *audio, base_error *err);
base_digest sound_digest_row(const data_row *row); /* a failure ends the test */

/* The row whose path ends so; there must be one. */
const data_row *sound_find_row(const data_manifest *manifest, const char *path_end);

/* Whether a note contains `part`. */
bool sound_has_note(const data_manifest *manifest, const char *part);

#endif
