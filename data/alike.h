/* data/alike.h - names that people take for one another. */
#ifndef DATA_ALIKE_H
#define DATA_ALIKE_H

#include "data/manifest.h"

/* Adds the code points that are left of a name without its case, white space, accents and what is
 * not seen, with characters of the same shape made equal: 'Kíck ', 'KICK' and 'kick' with a
 * Cyrillic i give the same. Knows the letters of European languages, kana, Hangul and the forms of
 * full width, composed or not; not all of Unicode's confusable characters. */
void data_alike_add(const char *name, base_text *out);

/* Notes every class whose name looks like that of one before it, naming both. */
base_status data_alike_note(data_manifest *manifest, base_error *err);

#endif
