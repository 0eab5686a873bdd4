/* data/augment.h - the augmentation chain: effects in the order and with the probabilities of the
 * config.
 *
 *     augment:
 *       - polarity: {p: 0.5}
 *       - pitch_shift: {p: 0.3, semitones: [-3, 3], method: phase_vocoder}
 * Effects are listed in data/effects.def; data/effect.h is their contract. Every effect has `p`;
 * amounts are drawn uniformly from their range.
 *
 * Every effect draws the same few numbers from the sample's stream, applied or not: switching one
 * off (p: 0) or changing its range does not change what the others draw. */
#ifndef DATA_AUGMENT_H
#define DATA_AUGMENT_H

#include "data/batch.h"
#include "data/effect.h"

const base_variant *const *data_augment_variants(int *n);

typedef struct data_augment data_augment; /* immutable, shared by threads */

/* `list`: the config's node (copied, defaults filled in: see data_augment_list); NULL or empty: no
 * effect. Clips will be of this form. Refused when an effect does not fit (stereo_image on mono).
 */
base_status data_augment_new(const base_node *list, const dsp_clip_form *form,
                             data_augment **augment, base_error *err);
void data_augment_free(data_augment *augment);
/* The list with all defaults filled in; lives as long as the chain. */
const base_node *data_augment_list(const data_augment *augment);
/* May be 0. */
size_t data_augment_scratch_bytes(const data_augment *augment);

/* Runs the waveform effects on a clip of n_samples; the same rng then serves the feature effects.
 * An effect that cannot work on this clip (silence, say) leaves it as it is; one that fails, for
 * want of memory, ends the chain. */
base_status data_augment_waveform(const data_augment *augment, dsp_clip clip, base_rng *rng,
                                  void *scratch, base_error *err);
void data_augment_features(const data_augment *augment, float *features, const int64_t shape[3],
                           base_rng *rng);
/* The chain as a batcher takes it; borrows it. */
data_augmenter data_augmenter_of(const data_augment *augment);
bool data_augment_is_empty(const data_augment *augment);
/* For benchmarks: one effect alone, whatever its p. */
typedef struct data_augment_link data_augment_link;
int data_augment_n(const data_augment *augment);
const data_augment_link *data_augment_at(const data_augment *augment, int index);
const char *data_augment_link_name(const data_augment_link *link);
base_status data_augment_link_run(const data_augment_link *link, dsp_clip clip, base_rng *rng,
                                  void *scratch, base_error *err);

#endif
