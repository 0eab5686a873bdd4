/* cli/dataset.h - a data set named on the command line. */
#ifndef CLI_DATASET_H
#define CLI_DATASET_H

#include "cli/progress.h"
#include "data/clips.h"

/* The help of every command that takes one. */
#define CLI_DATASET_ARGUMENTS "DATASET [KEY=VALUE ...]"
#define CLI_DATASET_HELP                                                                           \
    "DATASET is a configuration (of which its sections dataset and audio are used, after the "     \
    "overrides KEY=VALUE), a folder with a labels.csv (columns path, label), or a folder with "    \
    "one folder of sounds per class."
/* And of those that need no labels. */
#define CLI_DATASET_NO_LABELS                                                                      \
    " Labels are not needed: sounds that lie loose in FOLDER, or have none in labels.csv, are "    \
    "used "                                                                                        \
    "all the same."

/* An open data set. Before it is opened `progress` is set, unless it is only listed, perhaps
 * `label_free`, and all else is zero. */
typedef struct {
    cli_progress *progress; /* shows the decoding */
    bool label_free;        /* sounds need no labels; set before it is opened */
    data_audio_options audio;
    data_manifest manifest;
    data_clips clips;
} cli_dataset;

/* Opens what the arguments from number `first` on name. Sounds that cannot be read are told and
 * left out, and the command fails in the end. The others are brought into the form
 * `audio`; NULL: that of the configuration. Strings live in the call's arena. */
base_status cli_dataset_open(cli_call *call, int first, const data_audio_options *audio,
                             cli_dataset *set, base_error *err);
/* The same without decoding: `set` has no clips. */
base_status cli_dataset_list(cli_call *call, int first, const data_audio_options *audio,
                             cli_dataset *set, base_error *err);
/* Says on stderr, a line for each reason, how many sounds are left out. */
void cli_dataset_tell_left_out(const cli_dataset *set, cli_progress *progress, base_arena *arena);
void cli_dataset_release(cli_dataset *set);

/* What a command has to say about a data set, added to `out`; `near` is its --near. */
typedef base_status cli_dataset_view(cli_call *call, cli_dataset *set, double near, base_text *out,
                                     base_error *err);

/* Opens the data set named by the call, lets `show` write about it and prints that; returns the
 * exit code. */
int cli_dataset_show(cli_call *call, cli_dataset_view *show);

#endif
