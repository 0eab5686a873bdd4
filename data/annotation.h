/* data/annotation.h - what is struck when in a recording, as other programs write it.
 *
 * By the file's extension:
 *   csv       with a header: time (or onset, begin, start; also with _s), and perhaps end or
 *             duration, label (class, instrument) and path, which keeps the rows of one recording;
 *             without: as Sonic Visualiser exports it, time[,value[,duration[,level]]][,label]
 *   txt, lab  lines "BEGIN END LABEL" (Audacity's labels) or "TIME LABEL" (MDB Drums)
 *   mid, midi note-ons, of channel 10 alone if it has any; the key's General MIDI name is the label
 *   svl       a layer of Sonic Visualiser
 *   xml       IDMT-SMT-Drums: event with onsetSec and instrument
 *
 * Lines must be in time order; what is read from MIDI and XML is sorted. */
#ifndef DATA_ANNOTATION_H
#define DATA_ANNOTATION_H

#include "base/arena.h"

typedef struct {
    double begin_s, end_s; /* end 0: not told */
    const char *label;     /* "": none */
    int line;              /* of the file, from 1; 0: it has no lines */
} data_event;

typedef struct {
    const char *path;   /* of the file; borrowed */
    base_arena *arena;  /* of the labels; borrowed */
    data_event *events; /* [n] in time order */
    int64_t n;
    size_t capacity; /* of events */
} data_annotation;

/* Reads the annotation of `recording`, the path of a sound file. Labels live in the arena. Errors
 * name file and line: ENOTFOUND, EFORMAT for what is none of the above or not in time order, EDATA
 * if it has no event. */
base_status data_annotation_read(const char *path, const char *recording, base_arena *arena,
                                 data_annotation *annotation, base_error *err);
void data_annotation_release(data_annotation *annotation); /* NULL or released is fine */

/* EDATA, with the line, for an event that begins at or past the end of a recording. */
base_status data_annotation_check(const data_annotation *annotation, double seconds,
                                  base_error *err);
/* Joins events that begin within `together_s` of the first of them: "KD+HH", each label once, in
 * the order of time. The end is the latest. EMEMORY. */
base_status data_annotation_join(data_annotation *annotation, double together_s, base_error *err);

/* The file `base`, or else `base` with the first of the extensions above with which there is one,
 * in the arena; *path NULL: there is none. EMEMORY. */
base_status data_annotation_find(const char *base, base_arena *arena, const char **path,
                                 base_error *err);

/* ---- for the readers of formats ---- */

base_status data_annotation_add(data_annotation *annotation, data_event event, base_error *err);
base_status data_annotation_fail(const data_annotation *annotation, int line, base_error *err,
                                 const char *format, ...) BASE_PRINTF(4, 5);
base_status data_annotation_read_xml(data_annotation *annotation, base_error *err);
base_status data_annotation_read_svl(data_annotation *annotation, base_error *err);
base_status data_annotation_read_midi(data_annotation *annotation, base_error *err);

#endif
