/* data/sfz.h - the regions of an SFZ instrument: which samples it plays, and on which keys.
 *
 * SFZ is a text: headers (<region>, <group>, ...) and opcodes (key=36) behind them; what stands in
 * <global>, <master> and <group> holds for the regions that follow (sfzformat.com). What says which
 * sounds there are is read: sample, default_path; key, lokey, hikey, pitch_keycenter, note_offset,
 * octave_offset; offset, end; the labels of all levels and of keys; #include and #define. When a
 * region plays (lovel, seq_position, lorand, controllers, triggers) and what the player makes of
 * its sample (tune, volume, envelopes, filters, loops, <effect>, <curve>) is ignored: regions that
 * differ in nothing else look alike. */
#ifndef DATA_SFZ_H
#define DATA_SFZ_H

#include "data/sfz_text.h"

/* No key, or no end. */
enum { DATA_SFZ_NONE = -1 };

typedef struct {
    const char *file;   /* path of the file that it stands in, which may be an included one, */
    int line;           /* and the line of its header */
    const char *sample; /* as data_sfz_find takes it, behind default_path */
    const char *label;  /* region_label, or else group_label, master_label, global_label, the first
                           that has a letter; "" */
    int key;            /* MIDI note; of several, pitch_keycenter if it is one of them, or else the
                           lowest; NONE: it names none */
    const char *key_label; /* what the instrument calls it (label_key36), "" if nothing */
    int64_t offset;        /* frames left out at the sample's beginning, */
    int64_t end; /* the last one played; 0: it never plays (end=0 or -1); NONE: to the end */
} data_sfz_region;

typedef struct {
    const data_sfz_region *regions; /* [n_regions] those that have a sample, in the file's order */
    int64_t n_regions;
    const char *const *included; /* [n_included] paths of the files that it includes */
    int64_t n_included;
} data_sfz;

/* Reads an instrument; all of *sfz lies in the arena. Errors are those of data_sfz_text_read, and:
 * no region with a sample; more than 20,000 of them; a path or label of more than 4,095 bytes. */
base_status data_sfz_read(const data_sfz_place *place, base_arena *arena, data_sfz *sfz,
                          base_error *err);

#endif
