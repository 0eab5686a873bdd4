/* cli/sounds.h - the sounds of runs, for pages to play. */
#ifndef CLI_SOUNDS_H
#define CLI_SOUNDS_H

#include "cli/progress.h"
#include "train/report/report.h"

typedef struct cli_sounds cli_sounds;

/* For the page at `path`. `copy`: sounds are written as WAV files into the folder <page>-sounds
 * beside it; otherwise the page links to the files of the data set, as seen from its folder. */
base_status cli_sounds_new(cli_call *call, const char *path, bool copy, cli_sounds **sounds,
                           base_error *err);
void cli_sounds_free(cli_sounds *sounds); /* NULL is fine */

/* What the page is made with. A run's data set is listed when its first clip is asked for. */
train_sounds cli_sounds_of_page(cli_sounds *sounds);

#endif
