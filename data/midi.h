/* data/midi.h - the names of General MIDI's percussion keys. */
#ifndef DATA_MIDI_H
#define DATA_MIDI_H

/* "Acoustic Snare" of 38; "" of a key without a name (General MIDI 1 and 2, GS: 27 to 87). */
const char *data_midi_key_name(int key);

#endif
