/* data/drumsynth.h - hits of DrumSynth 2 presets (.ds files), rendered.
 *
 * DrumSynth (P. Kellett, 2000) describes a drum in a text file of sections and keys: a tone that
 * glides, coloured noise, two bands of noise, two overtones that are added, modulate each other's
 * frequency or level, or six pulse trains through a band-pass; a filter, and a sampler's
 * distortion. Times are in samples at 44.1 kHz, levels are squared, envelopes are lists of
 * "time,level" points in per cent with straight lines between. LMMS brings hundreds of presets. */
#ifndef DATA_DRUMSYNTH_H
#define DATA_DRUMSYNTH_H

#include "data/audio_file.h"

/* Renders a preset's text: mono, 44.1 kHz, at most 6 s. The noise is the same for the same bytes.
 * EFORMAT, with `name`, for a text that is no preset. */
base_status data_drumsynth_render(const char *text, size_t n_bytes, const char *name,
                                  data_audio *audio, base_error *err);

#endif
