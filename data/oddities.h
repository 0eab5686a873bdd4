/* data/oddities.h - what makes a data set's figures mean less than they seem to, said aloud. */
#ifndef DATA_ODDITIES_H
#define DATA_ODDITIES_H

#include "data/manifest.h"

/* Once duplicates are known, notes
 *   - classes that share sounds: half or more of the smaller one are copies of sounds of the other;
 *   - classes that one group alone has, where there are other groups.
 * Only rows in use count. */
base_status data_oddities_note(data_manifest *manifest, base_error *err);

/* EDATA, naming it, if there is one class alone: nothing could be learnt, and all would be right.
 */
base_status data_oddities_check_classes(const data_manifest *manifest, base_error *err);

#endif
