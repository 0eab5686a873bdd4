/* cli/events.h - what a training tells other programs: a line of JSON on standard output for each
 * event. docs/formats.md describes them. */
#ifndef CLI_EVENTS_H
#define CLI_EVENTS_H

#include "train/experiment.h"

typedef struct {
    double last_s; /* when a step was last told */
} cli_events;

/* Writes the event, steps and decoding a few times a second only. False if it cannot be written,
 * after a message; without one if nobody reads any more (a closed pipe). */
bool cli_events_write(cli_events *events, const train_event *event);

#endif
