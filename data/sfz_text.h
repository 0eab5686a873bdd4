/* data/sfz_text.h - the text of an SFZ instrument: headers and opcodes, with the files that it
 * includes and its variables put in. */
#ifndef DATA_SFZ_TEXT_H
#define DATA_SFZ_TEXT_H

#include "base/arena.h"

/* Where an instrument is. What it names must lie below `root`, or below its own folder where a link
 * leads to that. */
typedef struct {
    const char *root; /* "" for the working folder, or a folder with a slash at its end */
    const char *name; /* of the file, relative to the root: "drums/kit.sfz" */
} data_sfz_place;

/* The path, in the arena, of a file that an instrument names relative to its folder, with / or \;
 * *path NULL: it lies outside, by its name or by a link. Fails only for want of memory. */
base_status data_sfz_find(const data_sfz_place *place, const char *name, base_arena *arena,
                          const char **path, base_error *err);

/* A header (<region>: "region", with value NULL) or an opcode (key=36). */
typedef struct {
    const char *file; /* path of the file that it stands in, in the arena */
    int line;         /* from 1 */
    const char *name, *value;
} data_sfz_token;

/* Takes a token, of which only the file's path stays valid afterwards. */
typedef base_status data_sfz_taker(void *context, const data_sfz_token *token, base_error *err);

typedef struct {
    data_sfz_taker *take;
    void *context;
    base_arena *arena;
    base_list included; /* const char *: paths of the files that were included, in the arena */
} data_sfz_text;

/* Hands out all tokens of an instrument in their order. Errors name file and line: an included file
 * that is not there, lies outside or includes itself; a header that does not end; more than
 * 4 MiB of text with all that is included and what variables stand for. The caller frees
 * text->included.items. */
base_status data_sfz_text_read(data_sfz_text *text, const data_sfz_place *place, base_error *err);

#endif
