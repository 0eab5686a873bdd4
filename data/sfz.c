#include "data/sfz.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { MAX_REGIONS = 20000, MAX_VALUE_BYTES = 4095, MAX_KEY = 127, KEYS_PER_OCTAVE = 12 };

/* Headers; each of the first four holds for those behind it. */
enum { GLOBAL, MASTER, GROUP, REGION, CONTROL, OTHER, N_LEVELS = CONTROL };
static const char *const headers[OTHER] = {"global", "master", "group", "region", "control"};

/* What opcodes set. A text that none has set is NULL, a key, and the end, NONE. */
typedef struct {
    const char *sample, *labels[N_LEVELS], *default_path;
    int64_t low, high, centre;          /* keys */
    int64_t offset, end;                /* end WHOLE: none is set */
    int64_t note_offset, octave_offset; /* of all keys */
} settings;

#define WHOLE INT64_MAX
static const settings nothing = {
    .low = DATA_SFZ_NONE, .high = DATA_SFZ_NONE, .centre = DATA_SFZ_NONE, .end = WHOLE};

typedef enum { TEXT, NUMBER, KEY } form;

#define FIELD(name) offsetof(settings, name)
static const struct {
    const char *name;
    form form;
    size_t offset;
} opcodes[] = {{"sample", TEXT, FIELD(sample)},
               {"global_label", TEXT, FIELD(labels[GLOBAL])},
               {"master_label", TEXT, FIELD(labels[MASTER])},
               {"group_label", TEXT, FIELD(labels[GROUP])},
               {"region_label", TEXT, FIELD(labels[REGION])},
               {"key", KEY, FIELD(low)},
               {"key", KEY, FIELD(high)},
               {"key", KEY, FIELD(centre)},
               {"lokey", KEY, FIELD(low)},
               {"hikey", KEY, FIELD(high)},
               {"pitch_keycenter", KEY, FIELD(centre)},
               {"offset", NUMBER, FIELD(offset)},
               {"end", NUMBER, FIELD(end)},
               {"default_path", TEXT, FIELD(default_path)},
               {"note_offset", NUMBER, FIELD(note_offset)},
               {"octave_offset", NUMBER, FIELD(octave_offset)}};
#undef FIELD
enum { N_OPCODES = sizeof opcodes / sizeof *opcodes };

typedef struct {
    base_arena *arena;
    base_list regions;         /* data_sfz_region */
    settings levels[N_LEVELS]; /* what holds now, of REGION for the one at hand */
    settings control;
    const char *key_labels[MAX_KEY + 1];
    int header;        /* the one at hand */
    data_sfz_token at; /* where that stands */
} reading;

static base_status fail_at(const data_sfz_token *at, base_error *err, base_status status,
                           const char *what) {
    return base_fail(err, status, "%s:%d: %s", at->file, at->line, what);
}

static base_status no_memory(const data_sfz_token *at, base_error *err) {
    return fail_at(at, err, BASE_EMEMORY, "no memory for the regions");
}

/* ---- values ---- */

static bool is_within(int64_t value, int64_t low, int64_t high) {
    return low <= value && value <= high;
}

/* 60 of "60" and "c4", 61 of "C#4" and "db4". */
static bool read_key(const char *text, int64_t *key) {
    static const int semitones[] = {9, 11, 0, 2, 4, 5, 7}; /* of a to g */
    int letter = tolower((unsigned char)text[0]);
    if (!is_within(letter, 'a', 'g')) {
        return base_parse_int(text, key) && is_within(*key, DATA_SFZ_NONE, MAX_KEY);
    }
    int64_t octave;
    bool sharp = text[1] == '#', flat = text[1] == 'b';
    if (!base_parse_int(text + (sharp || flat ? 2 : 1), &octave)) return false;
    if (!is_within(octave, -1, MAX_KEY / KEYS_PER_OCTAVE)) return false;
    *key = (octave + 1) * KEYS_PER_OCTAVE + semitones[letter - 'a'] + sharp - flat;
    return is_within(*key, 0, MAX_KEY);
}

/* What is no number, or no key, leaves things as they are. */
static void set(settings *s, int opcode, const char *text) {
    char *field = (char *)s + opcodes[opcode].offset;
    int64_t number;
    if (opcodes[opcode].form == TEXT) {
        memcpy(field, &text, sizeof text);
    } else if (opcodes[opcode].form == KEY ? read_key(text, &number)
                                           : base_parse_int(text, &number)) {
        memcpy(field, &number, sizeof number);
    }
}

/* The value's text, kept. */
static base_status keep_value(const reading *r, const data_sfz_token *token, const char **text,
                              base_error *err) {
    size_t n = strlen(token->value);
    if (n > MAX_VALUE_BYTES) {
        return fail_at(token, err, BASE_EFORMAT, "a value of more than 4,095 bytes");
    }
    *text = base_arena_copy(r->arena, token->value, n);
    return *text != NULL ? BASE_OK : no_memory(token, err);
}

/* label_key36 */
static base_status take_key_label(reading *r, const data_sfz_token *token, base_error *err) {
    static const char name[] = "label_key";
    int64_t key;
    if (strncmp(token->name, name, sizeof name - 1) != 0) return BASE_OK;
    if (!read_key(token->name + sizeof name - 1, &key) || key < 0) return BASE_OK;
    return keep_value(r, token, &r->key_labels[key], err);
}

static base_status take_opcode(reading *r, const data_sfz_token *token, base_error *err) {
    const char *text = NULL;
    for (int i = 0; i < N_OPCODES && r->header != OTHER; i++) {
        if (strcmp(opcodes[i].name, token->name) != 0) continue;
        if (text == NULL) BASE_TRY(keep_value(r, token, &text, err));
        if (r->header == CONTROL) set(&r->control, i, text);
        for (int l = r->header; l < N_LEVELS; l++) set(&r->levels[l], i, text);
    }
    return r->header == CONTROL ? take_key_label(r, token, err) : BASE_OK;
}

/* ---- regions ---- */

/* The key that a sound is known by; NONE: it has none. */
static int find_key(const settings *s, const settings *control) {
    if (s->low < 0 && s->high < 0) return DATA_SFZ_NONE;
    int64_t low = s->low < 0 ? 0 : s->low, high = s->high < 0 ? MAX_KEY : s->high;
    int64_t notes = control->note_offset, octaves = control->octave_offset;
    if (!is_within(notes, -MAX_KEY, MAX_KEY) || !is_within(octaves, -MAX_KEY, MAX_KEY)) {
        return DATA_SFZ_NONE;
    }
    int64_t key = is_within(s->centre, low, high) ? s->centre : low;
    key += notes + octaves * KEYS_PER_OCTAVE;
    return is_within(key, 0, MAX_KEY) ? (int)key : DATA_SFZ_NONE;
}

static bool has_letter(const char *text) {
    while (*text != '\0' && !isalpha((unsigned char)*text) && (unsigned char)*text < 0x80) text++;
    return *text != '\0';
}

/* Libraries number their regions, below a group that says what they are. */
static const char *find_label(const settings *s) {
    for (int l = REGION; l >= GLOBAL; l--) {
        if (s->labels[l] != NULL && has_letter(s->labels[l])) return s->labels[l];
    }
    return "";
}

/* The region at hand is complete; one without a sample is none. */
static base_status add_region(reading *r, base_error *err) {
    const settings *s = &r->levels[REGION];
    if (s->sample == NULL || s->sample[0] == '\0') return BASE_OK;
    if (r->regions.n == MAX_REGIONS) {
        return fail_at(&r->at, err, BASE_EFORMAT, "more than 20,000 regions");
    }
    const char *folder = r->control.default_path != NULL ? r->control.default_path : "";
    data_sfz_region region = {.file = r->at.file,
                              .line = r->at.line,
                              .sample = s->sample,
                              .label = find_label(s),
                              .key = find_key(s, &r->control),
                              .offset = s->offset > 0 ? s->offset : 0,
                              .end = s->end == WHOLE ? DATA_SFZ_NONE
                                     : s->end > 0    ? s->end
                                                     : 0};
    const char *key_label = region.key >= 0 ? r->key_labels[region.key] : NULL;
    region.key_label = key_label != NULL ? key_label : "";
    if (folder[0] != '\0' && s->sample[0] != '*') {
        region.sample = base_arena_printf(r->arena, "%s%s", folder, s->sample);
    }
    if (region.sample == NULL || !base_list_append(&r->regions, &region, 1)) {
        return no_memory(&r->at, err);
    }
    if (strlen(region.sample) > MAX_VALUE_BYTES) {
        return fail_at(&r->at, err, BASE_EFORMAT, "a path of more than 4,095 bytes");
    }
    return BASE_OK;
}

static base_status take_header(reading *r, const data_sfz_token *token, base_error *err) {
    if (r->header == REGION) BASE_TRY(add_region(r, err));
    r->at = *token;
    r->header = 0;
    while (r->header < OTHER && strcmp(headers[r->header], token->name) != 0) r->header++;
    if (r->header == CONTROL) r->control.default_path = NULL; /* as players do */
    for (int l = r->header; l < N_LEVELS; l++) {
        r->levels[l] = r->header > 0 ? r->levels[r->header - 1] : nothing;
    }
    return BASE_OK;
}

static base_status take(void *context, const data_sfz_token *token, base_error *err) {
    return token->value == NULL ? take_header(context, token, err)
                                : take_opcode(context, token, err);
}

/* ---- an instrument ---- */

static base_status finish(reading *r, const data_sfz_place *place, const base_list *included,
                          data_sfz *sfz, base_error *err) {
    if (r->header == REGION) BASE_TRY(add_region(r, err));
    if (r->regions.n == 0) {
        return base_fail(err, BASE_EFORMAT, "%s%s: no <region> with a sample", place->root,
                         place->name);
    }
    *sfz = (data_sfz){.regions = base_list_copy(&r->regions, r->arena),
                      .n_regions = (int64_t)r->regions.n,
                      .included = base_list_copy(included, r->arena),
                      .n_included = (int64_t)included->n};
    return sfz->regions != NULL && sfz->included != NULL ? BASE_OK : no_memory(&r->at, err);
}

base_status data_sfz_read(const data_sfz_place *place, base_arena *arena, data_sfz *sfz,
                          base_error *err) {
    reading *r = base_alloc(1, sizeof *r);
    if (r == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", place->name);
    *r = (reading){.arena = arena, .header = OTHER, .control = nothing};
    r->regions.size_bytes = sizeof(data_sfz_region);
    for (int l = 0; l < N_LEVELS; l++) r->levels[l] = nothing;
    data_sfz_text text = {.take = take, .context = r, .arena = arena};
    base_status status = data_sfz_text_read(&text, place, err);
    if (status == BASE_OK) status = finish(r, place, &text.included, sfz, err);
    base_free(text.included.items);
    base_free(r->regions.items);
    base_free(r);
    return status;
}
