/* infer/library/map.h - the sounds of an index as points of a plane: a table, a picture, a page. */
#ifndef LIBRARY_MAP_H
#define LIBRARY_MAP_H

#include "infer/library/index.h"

/* All borrowed. */
typedef struct {
    const library_index *index;
    const char *path;  /* of the index's file: paths of sounds are relative to its folder */
    double perplexity; /* as of library_tsne */
    uint64_t seed;
    base_pool *pool;
    bool (*progress)(void *context, const char *what, int64_t done, int64_t total); /* NULL: none */
    void *context;
} library_map_job;

typedef struct {
    const library_index *index; /* borrowed */
    const char *path;           /* borrowed */
    int64_t n;
    int64_t *entry; /* [n] those that were heard, in their order */
    double *xy;     /* [n, 2], no farther than about 1 from the origin */
} library_map;

/* Places all that was heard by t-SNE on the embeddings (infer/library/tsne.h). Copies by content
 * lie around the first of them. Same bits for any number of threads. EDATA if nothing was heard. */
base_status library_map_make(const library_map_job *job, library_map *map, base_error *err);
void library_map_release(library_map *map); /* released is fine */

/* By the path's ending:
 *   csv   path,x,y,class,confidence,pitch_hz,loudness_lufs,seconds
 *   svg   a bubble per sound: colour by class, size by loudness
 *   html  one page that holds all it needs, beside the sounds, which it plays from where they lie;
 *         `inlined`: they are in the page, up to 64 MiB of them (EDATA)
 * EUSAGE for any other ending. */
base_status library_map_write(const library_map *map, const char *path, bool inlined,
                              base_error *err);
base_status library_map_check(const char *path, base_error *err); /* of the ending */

/* ---- what picture and page share ---- */

const char *library_class_color(int class_index);   /* "#4c78a8"; of INFER_UNKNOWN, a grey */
double library_bubble_radius(double loudness_lufs); /* px: 2, quiet or unknown, to 7 */
base_status library_map_add_page(const library_map *map, const char *path, bool inlined,
                                 base_text *out, base_error *err);

#endif
