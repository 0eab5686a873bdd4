/* Notes of SoundFonts, rendered by FluidSynth: the keys of percussion kits, named by the General
 * MIDI percussion map, or notes of any other preset, named after that. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/input.h"
#include "data/midi.h"
#include "data/source.h"

typedef struct {
    data_folder_options folder;
    base_strings files;
    int64_t bank;
    double keys[2];
    int64_t key_step;
    base_ints velocities;
    double seconds;
    const char *label;
    int names;
} soundfont_options;

enum { NAMES_AUTO, NAMES_KEYS };

enum { PERCUSSION_BANK = 128 };

static const base_option table[] = {
    DATA_FOLDER_ROWS(soundfont_options, folder,
                     "folder of .sf2 and .sf3 files; absent: sounds/sf2 and sounds/sf3 below "
                     "XDG_DATA_DIRS"),
    {"files", BASE_OPT_STRINGS, offsetof(soundfont_options, files), "~", 0, 0, NULL, NULL,
     "names of the SoundFonts to use; none: all that are there"},
    {"bank", BASE_OPT_INT, offsetof(soundfont_options, bank), "128", 0, 128, NULL, NULL,
     "presets of this bank; 128 holds the percussion kits"},
    {"keys", BASE_OPT_RANGE, offsetof(soundfont_options, keys), "[35, 82]", 0, 127, NULL, NULL,
     "first and last MIDI key"},
    {"key_step", BASE_OPT_INT, offsetof(soundfont_options, key_step), "1", 1, 127, NULL, NULL,
     "keys from one to the next"},
    {"velocities", BASE_OPT_INTS, offsetof(soundfont_options, velocities), "[50, 85, 122]", 1, 127,
     NULL, NULL, "MIDI velocities; what differs in velocity alone stays in one fold"},
    {"seconds", BASE_OPT_FLOAT, offsetof(soundfont_options, seconds), "1.5", 0.05, 30, NULL, "s",
     "length of a note"},
    {"label", BASE_OPT_STRING, offsetof(soundfont_options, label), "~", 0, 0, NULL, NULL,
     "label of every note; without it the name of the key (bank 128) or of the preset"},
    {"names", BASE_OPT_CHOICE, offsetof(soundfont_options, names), "auto", 0, 0, "auto|keys", NULL,
     "what names a note without a label: the key in bank 128 and the preset elsewhere, or always "
     "the key, for kits that stand in another bank"},
    {0}};

#ifdef RIMSHOT_FLUIDSYNTH

#include <fluidsynth.h>
#include <pthread.h>

#define RATE_HZ 44100.0

/* FluidSynth computes in blocks of 64 samples; a note starts with one. */
enum { BLOCK = 64, MAX_BLOCKS_TO_SILENCE = 4096 };

/* A font and the synthesisers that have it open, of which each renders one note at a time. */
typedef struct synth synth;
struct synth {
    fluid_settings_t *settings;
    fluid_synth_t *engine;
    int font;
    synth *next;
};

typedef struct {
    const char *path;
    base_digest digest;
    synth *idle;
} font;

/* A note: what a row's item counts. */
typedef struct {
    int64_t font;
    int program, key, velocity;
} note;

/* Of an origin. */
typedef struct {
    pthread_mutex_t mutex; /* guards the lists of idle synthesisers */
    font *fonts;
    int64_t n_fonts, n_notes;
    size_t capacity;
    note *notes;
} state;

static void synth_free(synth *s) {
    if (s == NULL) return;
    delete_fluid_synth(s->engine);
    delete_fluid_settings(s->settings);
    base_free(s);
}

static base_status synth_open(const char *path, synth **opened, base_error *err) {
    for (int level = FLUID_PANIC; level <= FLUID_DBG; level++) {
        fluid_set_log_function(level, NULL, NULL);
    }
    synth *s = base_alloc(1, sizeof *s);
    if (s == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    s->settings = new_fluid_settings();
    if (s->settings != NULL) {
        fluid_settings_setnum(s->settings, "synth.sample-rate", RATE_HZ);
        fluid_settings_setnum(s->settings, "synth.gain", 1.0);
        fluid_settings_setint(s->settings, "synth.reverb.active", 0);
        fluid_settings_setint(s->settings, "synth.chorus.active", 0);
        fluid_settings_setint(s->settings, "synth.dynamic-sample-loading", 1);
        s->engine = new_fluid_synth(s->settings);
    }
    if (s->engine == NULL) {
        synth_free(s);
        return base_fail(err, BASE_EMEMORY, "%s: FluidSynth does not start", path);
    }
    s->font = fluid_synth_sfload(s->engine, path, 0);
    if (s->font == FLUID_FAILED) {
        synth_free(s);
        return base_fail(err, BASE_EFORMAT, "%s: not a SoundFont that FluidSynth reads", path);
    }
    *opened = s;
    return BASE_OK;
}

/* One that is idle, or a new one. */
static base_status synth_take(state *st, int64_t index, synth **taken, base_error *err) {
    pthread_mutex_lock(&st->mutex);
    *taken = st->fonts[index].idle;
    if (*taken != NULL) st->fonts[index].idle = (*taken)->next;
    pthread_mutex_unlock(&st->mutex);
    return *taken != NULL ? BASE_OK : synth_open(st->fonts[index].path, taken, err);
}

static void synth_give_back(state *st, int64_t index, synth *s) {
    pthread_mutex_lock(&st->mutex);
    s->next = st->fonts[index].idle;
    st->fonts[index].idle = s;
    pthread_mutex_unlock(&st->mutex);
}

/* A cymbal may never fall silent, and then which note could be read after it would depend on which
 * thread took it: a new synthesiser has no past. On failure there is none left. */
static base_status start_over(const state *st, int64_t index, synth **s, base_error *err) {
    synth_free(*s);
    *s = NULL;
    return synth_open(st->fonts[index].path, s, err);
}

static bool silence(fluid_synth_t *engine, float *left, float *right) {
    fluid_synth_system_reset(engine);
    for (int i = 0; i < MAX_BLOCKS_TO_SILENCE; i++) {
        fluid_synth_write_float(engine, BLOCK, left, 0, 1, right, 0, 1);
        if (fluid_synth_get_active_voice_count(engine) == 0) return true;
    }
    return false;
}

/* Starts a note and renders n samples, a multiple of BLOCK, of it. */
static bool play(synth *s, const note *at, int bank, int64_t n, float *x) {
    float *left = x, *right = x + n;
    if (!silence(s->engine, left, right) ||
        fluid_synth_program_select(s->engine, 0, s->font, bank, at->program) != FLUID_OK ||
        fluid_synth_noteon(s->engine, 0, at->key, at->velocity) != FLUID_OK ||
        fluid_synth_get_active_voice_count(s->engine) == 0) {
        return false;
    }
    memset(x, 0, (size_t)(2 * n) * sizeof *x);
    fluid_synth_write_float(s->engine, (int)n, left, 0, 1, right, 0, 1);
    return true;
}

/* A voice's first block depends on whether it has sounded before, so every note is begun twice:
 * what is heard then depends on nothing but the note. */
static bool render(synth *s, const note *at, int bank, int64_t n, float *x) {
    return play(s, at, bank, BLOCK, x) && play(s, at, bank, n, x);
}

/* What exceeds full scale is brought back to it. */
static void limit(float *x, int64_t n) {
    float peak = 1;
    for (int64_t i = 0; i < n; i++) peak = fmaxf(peak, fabsf(x[i]));
    for (int64_t i = 0; i < n; i++) x[i] /= peak;
}

static base_status read_row(const data_row *row, data_audio *audio, base_error *err) {
    const soundfont_options *o = row->origin->options;
    state *st = row->origin->state;
    const note *at = &st->notes[row->item];
    int64_t n = (int64_t)ceil(o->seconds * RATE_HZ / BLOCK) * BLOCK;
    synth *s;
    *audio = (data_audio){0};
    float *x = base_alloc((size_t)(2 * n), sizeof *x);
    if (x == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", row->path);
    base_status status = synth_take(st, at->font, &s, err);
    if (status == BASE_OK) {
        bool sounds = render(s, at, (int)o->bank, n, x);
        if (!sounds) status = start_over(st, at->font, &s, err);
        if (status == BASE_OK && !sounds) sounds = render(s, at, (int)o->bank, n, x);
        if (status == BASE_OK) synth_give_back(st, at->font, s);
        if (status == BASE_OK && !sounds) {
            status = base_fail(err, BASE_EDATA, "%s: no such note", row->path);
        }
    }
    if (status != BASE_OK) {
        base_free(x);
        return status;
    }
    limit(x, 2 * n);
    *audio = (data_audio){.x = x, .n_channels = 2, .n = n, .sample_rate_hz = RATE_HZ};
    return BASE_OK;
}

static base_digest digest(const data_row *row) {
    const soundfont_options *o = row->origin->options;
    const state *st = row->origin->state;
    const char *version = fluid_version_str();
    base_digest parts[] = {st->fonts[st->notes[row->item].font].digest,
                           base_digest_bytes(row->path, strlen(row->path)),
                           base_digest_bytes(&o->seconds, sizeof o->seconds),
                           base_digest_bytes(version, strlen(version))};
    return base_digest_bytes(parts, sizeof parts);
}

/* ---- listing ---- */

static const char *label_of(const soundfont_options *o, int key, const char *preset) {
    if (o->label != NULL) return o->label;
    if (o->bank != PERCUSSION_BANK && o->names != NAMES_KEYS) return preset;
    return data_midi_key_name(key);
}

/* What one preset's rows have in common. */
typedef struct {
    const soundfont_options *options;
    state *st;
    data_manifest *manifest;
    const char *preset, *group;
    note note;
    base_error broken; /* why the first font that is cannot be read; OK: none is */
} lister;

static base_status add_note(lister *l, base_error *err) {
    state *st = l->st;
    base_arena *arena = &l->manifest->arena;
    const char *file = base_path_name(st->fonts[l->note.font].path);
    void *notes = st->notes;
    bool grown = base_grow(&notes, &st->capacity, (size_t)st->n_notes + 1, sizeof *st->notes);
    st->notes = notes;
    data_row row = {.label = label_of(l->options, l->note.key, l->preset),
                    .group = l->group,
                    .item = st->n_notes,
                    .family = base_arena_printf(arena, "%s:%d", l->group, l->note.key)};
    row.path = base_arena_printf(arena, "soundfont:%s:%" PRId64 ":%d:%d:%d", file, l->options->bank,
                                 l->note.program, l->note.key, l->note.velocity);
    if (row.label[0] == '\0') row.left_out = "no label";
    if (!grown || row.path == NULL || row.family == NULL) {
        return base_fail(err, BASE_EMEMORY, "%s: no memory for its notes", file);
    }
    st->notes[st->n_notes++] = l->note;
    return data_manifest_append(l->manifest, &row, err);
}

static base_status add_preset(lister *l, base_error *err) {
    const soundfont_options *o = l->options;
    for (int64_t key = llround(o->keys[0]); key <= llround(o->keys[1]); key += o->key_step) {
        for (int v = 0; v < o->velocities.n; v++) {
            l->note.key = (int)key;
            l->note.velocity = (int)o->velocities.items[v];
            BASE_TRY(add_note(l, err));
        }
    }
    return BASE_OK;
}

/* Presets of the bank in the font's order. */
static base_status add_presets(lister *l, synth *s, int64_t *n_presets, base_error *err) {
    const char *path = l->st->fonts[l->note.font].path;
    base_arena *arena = &l->manifest->arena;
    fluid_sfont_t *sfont = fluid_synth_get_sfont_by_id(s->engine, s->font);
    size_t n_stem = strcspn(base_path_name(path), ".");
    fluid_preset_t *preset;
    fluid_sfont_iteration_start(sfont);
    while ((preset = fluid_sfont_iteration_next(sfont)) != NULL) {
        if (fluid_preset_get_banknum(preset) != l->options->bank) continue;
        const char *name = fluid_preset_get_name(preset);
        l->note.program = fluid_preset_get_num(preset);
        l->preset = base_path_text(arena, name);
        l->group = base_arena_printf(arena, "%.*s %d %s", (int)n_stem, base_path_name(path),
                                     l->note.program, name);
        if (l->group != NULL) l->group = base_path_text(arena, l->group);
        if (l->preset == NULL || l->group == NULL) {
            return base_fail(err, BASE_EMEMORY, "%s: no memory for its presets", path);
        }
        BASE_TRY(add_preset(l, err));
        ++*n_presets;
    }
    return BASE_OK;
}

static bool is_font(const char *path) {
    const char *extension = base_path_extension(path);
    return strcasecmp(extension, "sf2") == 0 || strcasecmp(extension, "sf3") == 0;
}

static bool is_wanted(const soundfont_options *o, const char *path) {
    for (int i = 0; i < o->files.n; i++) {
        if (strcmp(o->files.items[i], base_path_name(path)) == 0) return true;
    }
    return o->files.n == 0;
}

static bool is_listed(const state *st, const char *path) {
    for (int64_t i = 0; i < st->n_fonts; i++) {
        if (strcmp(base_path_name(st->fonts[i].path), base_path_name(path)) == 0) return true;
    }
    return false;
}

/* Whether a file is a RIFF file of form sfbk and whole. FluidSynth's loaders say on standard error
 * what they think of others. */
static base_status check_form(data_input *input, const char *path, base_error *err) {
    unsigned char head[12];
    uint64_t size = 0;
    bool is_form = data_input_read(input, 0, head, sizeof head) == sizeof head &&
                   memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "sfbk", 4) == 0;
    BASE_TRY(data_input_check(input, err));
    for (int i = 3; i >= 0 && is_form; i--) size = size << 8 | head[4 + i];
    if (is_form && size + 8 <= (uint64_t)input->size) return BASE_OK;
    return base_fail(err, BASE_EFORMAT, "%s: %s", path,
                     is_form ? "a SoundFont that is cut short" : "not a SoundFont");
}

/* Opens a font with its first synthesiser. */
static base_status open_font(const char *path, font *opened, base_error *err) {
    data_input input;
    BASE_TRY(data_input_open(path, &input, err));
    *opened = (font){.path = path};
    base_status status = check_form(&input, path, err);
    if (status == BASE_OK) status = data_input_digest(&input, &opened->digest, err);
    data_input_close(&input);
    return status == BASE_OK ? synth_open(path, &opened->idle, err) : status;
}

/* One that cannot be read is left out with a note. */
static base_status add_font(lister *l, const char *path, int64_t *n_presets, base_error *err) {
    state *st = l->st;
    base_error problem;
    font *fonts = base_arena_alloc(&l->manifest->arena, (size_t)st->n_fonts + 1, sizeof *fonts);
    if (fonts == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    base_status status = open_font(path, &fonts[st->n_fonts], &problem);
    if (base_status_is_transient(status))
        return data_manifest_add_unread(l->manifest, problem.text, err);
    if (status != BASE_OK) {
        if (l->broken.status == BASE_OK) l->broken = problem;
        data_manifest_note(l->manifest, "left out: %s", problem.text);
        return BASE_OK;
    }
    if (st->n_fonts > 0) memcpy(fonts, st->fonts, (size_t)st->n_fonts * sizeof *fonts);
    st->fonts = fonts;
    l->note.font = st->n_fonts++;
    return add_presets(l, fonts[l->note.font].idle, n_presets, err);
}

static base_status add_folder(lister *l, const char *folder, int64_t *n_presets, base_error *err) {
    base_walk found;
    BASE_TRY(data_folder_walk(folder, is_font, l->manifest, &found, err));
    for (int64_t i = 0; i < found.n_paths; i++) {
        const char *path = found.paths[i];
        if (!is_wanted(l->options, path) || is_listed(l->st, path)) continue;
        BASE_TRY(add_font(l, path, n_presets, err));
    }
    return BASE_OK;
}

static base_status search_folders(lister *l, int64_t *n_presets, base_error *err) {
    static const char *const below[] = {"sounds/sf2", "sounds/sf3"};
    const char *folders = getenv("XDG_DATA_DIRS");
    if (folders == NULL || folders[0] == '\0') folders = "/usr/local/share:/usr/share";
    while (*folders != '\0') {
        size_t n = strcspn(folders, ":");
        for (int i = 0; i < 2 && folders[0] == '/'; i++) {
            const char *folder =
                base_arena_printf(&l->manifest->arena, "%.*s/%s", (int)n, folders, below[i]);
            if (folder == NULL) return base_fail(err, BASE_EMEMORY, "SoundFonts: out of memory");
            if (base_folder_exists(folder)) BASE_TRY(add_folder(l, folder, n_presets, err));
        }
        folders += n + (folders[n] == ':');
    }
    return BASE_OK;
}

#define PACKAGES "packages timgm6mb-soundfont, opl3-soundfont and others bring some"

/* There is no note. */
static base_status fail_empty(const lister *l, base_error *err) {
    const soundfont_options *o = l->options;
    const char *path = o->folder.path;
    const char *where = path != NULL ? path : "sounds/sf2 and sounds/sf3 below XDG_DATA_DIRS";
    if (l->st->n_fonts > 0) {
        bool is_kit = o->bank == PERCUSSION_BANK;
        return base_fail(err, BASE_EDATA, "%s: no preset in bank %" PRId64 "%s", where, o->bank,
                         is_kit ? ", so no percussion kit (" PACKAGES ")" : "");
    }
    if (l->broken.status != BASE_OK) {
        return base_fail(err, BASE_EFORMAT, "no readable SoundFont: %s (" PACKAGES ")",
                         l->broken.text);
    }
    return base_fail(err, BASE_ENOTFOUND, "no SoundFont in %s (" PACKAGES ")", where);
}

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const soundfont_options *o = origin->options;
    int64_t n_presets = 0;
    state *st = base_alloc(1, sizeof *st);
    if (st == NULL) return base_fail(err, BASE_EMEMORY, "SoundFonts: out of memory");
    pthread_mutex_init(&st->mutex, NULL);
    origin->state = st;
    lister l = {.options = o, .st = st, .manifest = manifest};
    BASE_TRY(o->folder.path != NULL ? add_folder(&l, o->folder.path, &n_presets, err)
                                    : search_folders(&l, &n_presets, err));
    return n_presets > 0 ? BASE_OK : fail_empty(&l, err);
}

static void close_state(data_origin *origin) {
    state *st = origin->state;
    if (st == NULL) return;
    for (int64_t i = 0; i < st->n_fonts; i++) {
        for (synth *s = st->fonts[i].idle, *next; s != NULL; s = next) {
            next = s->next;
            synth_free(s);
        }
    }
    pthread_mutex_destroy(&st->mutex);
    base_free(st->notes);
    base_free(st);
    origin->state = NULL;
}

#else

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    (void)origin;
    (void)manifest;
    return base_fail(err, BASE_ENOTFOUND,
                     "this rimshot was built without FluidSynth; to render SoundFonts, install "
                     "libfluidsynth-dev and build it by make clean all FLUIDSYNTH=1");
}

static base_status read_row(const data_row *row, data_audio *audio, base_error *err) {
    *audio = (data_audio){0};
    return base_fail(err, BASE_EDATA, "%s: built without FluidSynth", row->path);
}

static base_digest digest(const data_row *row) {
    return base_digest_bytes(row->path, strlen(row->path));
}

#define close_state NULL

#endif

const data_source data_source_soundfont = {
    .variant = {"soundfont", "notes of SoundFonts: General MIDI drum kits, or any other preset",
                NULL, table, sizeof(soundfont_options)},
    .folder = DATA_FOLDER_SEARCHED,
    .list = list_rows,
    .read = read_row,
    .digest = digest,
    .close = close_state,
};
