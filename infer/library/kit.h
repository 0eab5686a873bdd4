/* infer/library/kit.h - the sounds of a drum kit, chosen from a library. */
#ifndef LIBRARY_KIT_H
#define LIBRARY_KIT_H

#include "infer/library/index.h"

/* All borrowed. */
typedef struct {
    const library_index *index;
    int refused_class;  /* of the model, which stands for no drum; -1: none */
    int per_drum;       /* sounds for each, at least 1 */
    bool from_anything; /* also from sounds that are unknown, or of another class */
    uint64_t seed;      /* 0: begins each drum with its most probable sound; others draw */
} library_kit_options;

typedef struct {
    int64_t entry;      /* of the index */
    double probability; /* of the drum's class; with from_anything, among those that are drums */
} library_pick;

/* One drum of a kit. */
typedef struct {
    const char *name;       /* "Closed hat" */
    const char *class_name; /* of the model */
    const char *file;       /* what its files are called by: "closedhat" */
    int note;               /* General MIDI percussion; classes it does not have: free notes */
    int choke;              /* drums of one number end each other; 0: none */
    const library_pick *picks;
    int n_picks;
} library_drum;

typedef struct {
    const library_drum *drums;
    int n_drums;
    const char *const *missing; /* [n_missing] classes without a sound */
    int n_missing;
} library_kit;

/* Chooses for each class of the model, the refused one aside, per_drum sounds: no sound twice, nor
 * two with the same content. The first is the most probable, or with a seed one of the more
 * probable ones, drawn by its probability; each further one has the largest product of probability
 * and distance (1 - cosine of embeddings) to those chosen. Toms become three drums, by pitch. The
 * same index, options and seed give the same kit. EDATA: no sound for any drum. */
base_status library_kit_choose(const library_kit_options *options, base_arena *arena,
                               library_kit *kit, base_error *err);

#endif
