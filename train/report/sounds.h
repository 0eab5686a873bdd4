/* train/report/sounds.h - where a page finds the sounds of clips. */
#ifndef TRAIN_REPORT_SOUNDS_H
#define TRAIN_REPORT_SOUNDS_H

#include "train/run.h"

/* Finds the sound of a clip for a page: a reference that a browser resolves from the page's folder,
 * or NULL where there is nothing to play. It must live until the page is written. */
typedef struct {
    base_status (*find)(void *context, const train_run *run, const train_clip_name *clip,
                        const char **href, base_error *err);
    void *context;
} train_sounds;

#endif
