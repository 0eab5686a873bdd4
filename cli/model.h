/* cli/model.h - which model a command uses. */
#ifndef CLI_MODEL_H
#define CLI_MODEL_H

#include "cli/cli.h"

/* For the tables of commands that take a model, and their help. */
#define CLI_FLAG_MODEL                                                                             \
    {                                                                                              \
        "model", "FILE",                                                                           \
            "the model to use (default: MODEL, RIMSHOT_MODEL, or the one that rimshot brings)"     \
    }
#define CLI_MODEL_HELP                                                                             \
    "MODEL is a model.h5, or the folder of a run that ended with one; without it, and without "    \
    "--model, the model is the one that the "                                                      \
    "environment's RIMSHOT_MODEL names, or else the one that rimshot brings."

/* The path of the call's model (of a folder: its model.h5): --model FILE; the first argument if its
 * name ends in .h5 or it is a model, which then is taken from the arguments; RIMSHOT_MODEL;
 * share/rimshot/models or models beside the folder of the program. Commands that take nothing else
 * (max_arguments 1) take any first argument. CLI_OK, or an exit code after a message: also where
 * fewer arguments than min_arguments are left. */
int cli_model_path(cli_call *call, const char **path);

#endif
