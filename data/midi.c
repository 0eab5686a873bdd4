#include "data/midi.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/annotation.h"

/* General MIDI Level 2 specification, percussion sound set; key 82 is Roland's. */
enum { FIRST_NAMED_KEY = 27 };
static const char *const key_names[] = {"High Q",          "Slap",           "Scratch Push",
                                        "Scratch Pull",    "Sticks",         "Square Click",
                                        "Metronome Click", "Metronome Bell", "Acoustic Bass Drum",
                                        "Bass Drum 1",     "Side Stick",     "Acoustic Snare",
                                        "Hand Clap",       "Electric Snare", "Low Floor Tom",
                                        "Closed Hi-Hat",   "High Floor Tom", "Pedal Hi-Hat",
                                        "Low Tom",         "Open Hi-Hat",    "Low-Mid Tom",
                                        "Hi-Mid Tom",      "Crash Cymbal 1", "High Tom",
                                        "Ride Cymbal 1",   "Chinese Cymbal", "Ride Bell",
                                        "Tambourine",      "Splash Cymbal",  "Cowbell",
                                        "Crash Cymbal 2",  "Vibraslap",      "Ride Cymbal 2",
                                        "Hi Bongo",        "Low Bongo",      "Mute Hi Conga",
                                        "Open Hi Conga",   "Low Conga",      "High Timbale",
                                        "Low Timbale",     "High Agogo",     "Low Agogo",
                                        "Cabasa",          "Maracas",        "Short Whistle",
                                        "Long Whistle",    "Short Guiro",    "Long Guiro",
                                        "Claves",          "Hi Wood Block",  "Low Wood Block",
                                        "Mute Cuica",      "Open Cuica",     "Mute Triangle",
                                        "Open Triangle",   "Shaker",         "Jingle Bell",
                                        "Bell Tree",       "Castanets",      "Mute Surdo",
                                        "Open Surdo"};
enum { N_NAMED_KEYS = sizeof key_names / sizeof *key_names };

const char *data_midi_key_name(int key) {
    int named = key - FIRST_NAMED_KEY;
    return named >= 0 && named < N_NAMED_KEYS ? key_names[named] : "";
}

/* ---- files (Standard MIDI Files 1.0) ---- */

#define MAX_BYTES ((size_t)16 << 20)
enum {
    DRUM_CHANNEL = 9,
    META = 0xFF,
    META_TEMPO = 0x51,
    NOTE_ON = 0x90,
    DEFAULT_TEMPO_US = 500000
};

typedef struct {
    int64_t tick;
    int64_t order;    /* of those at one tick */
    int64_t tempo_us; /* of a quarter note from here on; 0: it is a note */
    int channel, key;
} midi_event;

typedef struct {
    data_annotation *annotation;
    const unsigned char *at, *end; /* of the chunk at hand */
    midi_event *events;
    size_t capacity;
    int64_t n;
} midi_reader;

static base_status fail(const midi_reader *r, base_error *err, const char *text) {
    return data_annotation_fail(r->annotation, 0, err, "%s", text);
}

static int64_t read_big_endian(const unsigned char *at, int n) {
    int64_t value = 0;
    for (int i = 0; i < n; i++) value = value << 8 | at[i];
    return value;
}

/* Seven bits a byte, four bytes at most. -1: none. */
static int64_t read_length(midi_reader *r) {
    int64_t value = 0;
    for (int i = 0; i < 4 && r->at < r->end; i++) {
        unsigned char byte = *r->at++;
        value = value << 7 | (byte & 0x7F);
        if ((byte & 0x80) == 0) return value;
    }
    return -1;
}

static base_status keep(midi_reader *r, midi_event event, base_error *err) {
    void *events = r->events;
    bool grown = base_grow(&events, &r->capacity, (size_t)r->n + 1, sizeof *r->events);
    r->events = events;
    if (!grown) return base_fail(err, BASE_EMEMORY, "%s: no memory", r->annotation->path);
    event.order = r->n;
    r->events[r->n++] = event;
    return BASE_OK;
}

/* Meta events and system exclusive ones: a length, then as many bytes. */
static base_status read_system(midi_reader *r, int status, int64_t tick, base_error *err) {
    int type = 0;
    if (status == META && r->at < r->end) type = *r->at++;
    int64_t n = read_length(r);
    if (n < 0 || n > r->end - r->at) return fail(r, err, "an event reaches past its track");
    const unsigned char *bytes = r->at;
    r->at += n;
    if (status != META || type != META_TEMPO || n != 3) return BASE_OK;
    int64_t tempo_us = read_big_endian(bytes, 3);
    if (tempo_us < 1) return fail(r, err, "a tempo of 0");
    return keep(r, (midi_event){.tick = tick, .tempo_us = tempo_us}, err);
}

static base_status read_voice(midi_reader *r, int status, int64_t tick, base_error *err) {
    int kind = status & 0xF0, n = kind == 0xC0 || kind == 0xD0 ? 1 : 2;
    if (n > r->end - r->at) return fail(r, err, "an event reaches past its track");
    const unsigned char *bytes = r->at;
    r->at += n;
    if (kind != NOTE_ON || bytes[1] == 0) return BASE_OK;
    return keep(r, (midi_event){.tick = tick, .channel = status & 0x0F, .key = bytes[0] & 0x7F},
                err);
}

static base_status read_track(midi_reader *r, base_error *err) {
    int64_t tick = 0;
    int running = 0;
    while (r->at < r->end) {
        int64_t delta = read_length(r);
        if (delta < 0 || r->at == r->end) return fail(r, err, "a track ends within an event");
        tick += delta;
        int status = (*r->at & 0x80) != 0 ? *r->at++ : running;
        if (status < 0x80) return fail(r, err, "a track has data where an event should begin");
        if (status < 0xF0) running = status;
        BASE_TRY(status < 0xF0 ? read_voice(r, status, tick, err)
                               : read_system(r, status, tick, err));
    }
    return BASE_OK;
}

static int compare_events(const void *a, const void *b) {
    const midi_event *x = a, *y = b;
    if (x->tick != y->tick) return x->tick < y->tick ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Ticks of a quarter note, or -(ticks of a second) where the file counts frames of film. */
static double seconds_of(int64_t ticks, int64_t division, int64_t tempo_us) {
    if (division < 0) return (double)ticks / (double)-division;
    return (double)ticks * (double)tempo_us * 1e-6 / (double)division;
}

static base_status add_notes(midi_reader *r, int64_t division, base_error *err) {
    double now_s = 0;
    int64_t tick = 0, tempo_us = DEFAULT_TEMPO_US;
    bool has_drums = false;
    if (r->n > 1) qsort(r->events, (size_t)r->n, sizeof *r->events, compare_events);
    for (int64_t i = 0; i < r->n; i++) {
        has_drums |= r->events[i].tempo_us == 0 && r->events[i].channel == DRUM_CHANNEL;
    }
    for (int64_t i = 0; i < r->n; i++) {
        const midi_event *e = &r->events[i];
        now_s += seconds_of(e->tick - tick, division, tempo_us);
        tick = e->tick;
        if (e->tempo_us > 0) tempo_us = e->tempo_us;
        if (e->tempo_us > 0 || (has_drums && e->channel != DRUM_CHANNEL)) continue;
        const char *name = data_midi_key_name(e->key);
        if (name[0] == '\0') name = base_arena_printf(r->annotation->arena, "key %d", e->key);
        const data_event event = {.begin_s = now_s, .label = name};
        BASE_TRY(data_annotation_add(r->annotation, event, err));
    }
    return BASE_OK;
}

/* "MThd", then chunks; those that are no tracks are passed over. */
static base_status read_chunks(midi_reader *r, const unsigned char *bytes, size_t n_bytes,
                               base_error *err) {
    const unsigned char *end = bytes + n_bytes;
    if (n_bytes < 14 || memcmp(bytes, "MThd\0\0\0\6", 8) != 0) {
        return fail(r, err, "not a MIDI file");
    }
    int64_t division = read_big_endian(bytes + 12, 2);
    if (division >= 0x8000) division = -(0x100 - (division >> 8)) * (division & 0xFF);
    if (division == 0) return fail(r, err, "its ticks have no length");
    for (const unsigned char *at = bytes + 14; end - at >= 8;) {
        int64_t n = read_big_endian(at + 4, 4);
        bool is_track = memcmp(at, "MTrk", 4) == 0;
        at += 8;
        if (n > end - at) return fail(r, err, "a track reaches past the end of the file");
        r->at = at;
        r->end = at += n;
        if (is_track) BASE_TRY(read_track(r, err));
    }
    return add_notes(r, division, err);
}

base_status data_annotation_read_midi(data_annotation *annotation, base_error *err) {
    midi_reader r = {.annotation = annotation};
    void *bytes;
    size_t n_bytes;
    BASE_TRY(base_file_read(annotation->path, MAX_BYTES, &bytes, &n_bytes, err));
    base_status status = read_chunks(&r, bytes, n_bytes, err);
    base_free(r.events);
    base_free(bytes);
    return status;
}
