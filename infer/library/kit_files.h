/* infer/library/kit_files.h - a kit in the words of the programs that play it. */
#ifndef LIBRARY_KIT_FILES_H
#define LIBRARY_KIT_FILES_H

#include "base/text.h"
#include "infer/library/kit.h"

typedef struct {
    const library_kit *kit;
    const char *name;         /* of the kit */
    const char *const *files; /* one for each pick, drum after drum: its file's name */
} library_kit_files;

/* Hydrogen's drumkit.xml (its drumkit.xsd of version 1.2). Several sounds of a drum are played in
 * turn. */
void library_kit_add_hydrogen(const library_kit_files *files, base_text *out);
/* SFZ 1, and of ARIA's opcodes seq_length, seq_position and, for the drum's name, group_label.
 * Sounds are below samples/. */
void library_kit_add_sfz(const library_kit_files *files, base_text *out);
/* A preset of Decent Sampler. Sounds are below samples/. */
void library_kit_add_decent(const library_kit_files *files, base_text *out);

#endif
