/* infer/library/template.h - file names made from what is known of a sound:
 * "{class}/{pitch}_{name}". */
#ifndef LIBRARY_TEMPLATE_H
#define LIBRARY_TEMPLATE_H

#include "base/arena.h"
#include "base/text.h"

/* What the fields stand for. All borrowed. */
typedef struct {
    const char *path;       /* name, ext and folder come from it */
    const char *below;      /* its folders below the place it was found in, "" for none */
    const char *class_name; /* any text */
    double confidence;      /* 0..1; NaN: none */
    double pitch_hz;        /* NaN: none */
    double loudness_lufs;   /* NaN: silence */
    double seconds;
} library_facts;

/* ECONFIG, with the names of all fields, for one that is unknown; also for braces that do not
 * match, absolute paths, "..", and templates that name a folder. *measures: it asks for pitch, note
 * or loudness. */
base_status library_template_check(const char *text, bool *measures, base_error *err);

/* The path that a checked template gives, without the sound's extension. A field's value is one
 * component of a path and never hidden: what separates folders, acts on a terminal or is refused by
 * other file systems becomes '_'. The sound's own name and the folders of {path} stay as they are.
 * Components are cut to 200 bytes. NULL: out of memory. */
const char *library_template_expand(const char *text, const library_facts *facts,
                                    base_arena *arena);

/* The nearest note, "A2", and "none" for no pitch, into buf[16]. */
const char *library_note_name(double pitch_hz, char *buf);

void library_template_add_fields(base_text *out); /* "{class}, {name}, ..." */

#endif
