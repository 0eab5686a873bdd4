#include "infer/library/kit.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

enum { N_TOMS = 3, MAX_PER_DRUM = 64, DRAWN = 32, FIRST_FREE_NOTE = 60, LAST_NOTE = 127 };

/* What a class's name, in lower case and letters alone, says about a drum. */
typedef struct {
    const char *names; /* between commas */
    const char *shown;
    int note, choke;
} known_drum;

static const known_drum known[] = {
    {",kick,bassdrum,bd,kickdrum,", "Kick", 36, 0},
    {",rim,rimshot,sidestick,crossstick,", "Rim", 37, 0},
    {",snare,snaredrum,sd,", "Snare", 38, 0},
    {",clap,handclap,", "Clap", 39, 0},
    {",closedhat,closedhihat,hihatclosed,hhc,ch,chh,hat,hihat,", "Closed hat", 42, 1},
    {",pedalhat,pedalhihat,hihatpedal,", "Pedal hat", 44, 1},
    {",openhat,openhihat,hihatopen,hho,oh,ohh,", "Open hat", 46, 1},
    {",crash,cymbal,crashcymbal,", "Crash", 49, 0},
    {",ride,ridecymbal,", "Ride", 51, 0},
    {",tambourine,", "Tambourine", 54, 0},
    {",cowbell,", "Cowbell", 56, 0},
    {",shaker,maracas,cabasa,", "Shaker", 70, 0},
    {",clave,claves,", "Claves", 75, 0},
    {",conga,congas,", "Conga", 63, 0},
    {",bongo,bongos,", "Bongo", 61, 0},
    {",woodblock,", "Woodblock", 76, 0},
    {",triangle,", "Triangle", 81, 0},
};
enum { N_KNOWN = sizeof known / sizeof *known };
static const known_drum toms[N_TOMS] = {{",tom,toms,", "Low tom", 45, 0},
                                        {",tom,toms,", "Mid tom", 47, 0},
                                        {",tom,toms,", "High tom", 50, 0}};

/* A class at work. */
typedef struct {
    int class_index, n_wanted, n;
    bool is_tom;
    char letters[32];
    const known_drum *drum; /* NULL: an unknown one */
    library_pick *picks;    /* [n_wanted] */
} slot;

typedef struct {
    const library_kit_options *options;
    base_arena *arena;
    slot *slots;
    int n_slots;
    bool *taken; /* [index->n] */
    base_error *err;
} choosing;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "kit: out of memory");
}

/* ---- classes and drums ---- */

static void read_letters(const char *name, char letters[32]) {
    int n = 0;
    for (; *name != '\0' && n < 31; name++) {
        if (isalnum((unsigned char)*name)) letters[n++] = (char)tolower((unsigned char)*name);
    }
    letters[n] = '\0';
}

static bool is_named(const known_drum *drum, const char *letters) {
    const char *at = strstr(drum->names, letters);
    size_t n = strlen(letters);
    for (; at != NULL && n > 0; at = strstr(at + 1, letters)) {
        if (at > drum->names && at[-1] == ',' && at[n] == ',') return true;
    }
    return false;
}

static base_status make_slots(choosing *c) {
    const library_index *index = c->options->index;
    c->slots = base_arena_alloc(c->arena, (size_t)index->n_classes + 1, sizeof *c->slots);
    c->taken = base_arena_alloc(c->arena, (size_t)index->n + 1, sizeof *c->taken);
    if (c->slots == NULL || c->taken == NULL) return no_memory(c->err);
    for (int k = 0; k < index->n_classes; k++) {
        if (k == c->options->refused_class) continue;
        slot *s = &c->slots[c->n_slots++];
        s->class_index = k;
        read_letters(index->classes[k], s->letters);
        s->is_tom = is_named(&toms[0], s->letters);
        for (int i = 0; i < N_KNOWN; i++) {
            if (is_named(&known[i], s->letters)) s->drum = &known[i];
        }
        s->n_wanted = c->options->per_drum * (s->is_tom ? N_TOMS : 1);
        s->picks = base_arena_alloc(c->arena, (size_t)s->n_wanted, sizeof *s->picks);
        if (s->picks == NULL) return no_memory(c->err);
    }
    return BASE_OK;
}

/* ---- choosing ---- */

/* How much a sound is of a class; 0: not at all. */
static double score(const choosing *c, const slot *s, int64_t i) {
    const library_index *index = c->options->index;
    const library_entry *entry = &index->entries[i];
    if (entry->error != NULL || c->taken[i]) return 0;
    const float *p = index->probability + i * index->n_classes;
    double own = (double)p[s->class_index];
    if (!c->options->from_anything) return entry->best == s->class_index ? own : 0;
    double refused = c->options->refused_class >= 0 ? (double)p[c->options->refused_class] : 0;
    return refused < 1 ? own / (1 - refused) : 0;
}

static double distance(const library_index *index, int64_t a, int64_t b) {
    const float *x = index->embedding + a * index->width, *y = index->embedding + b * index->width;
    double xy = 0, xx = 0, yy = 0;
    for (int64_t i = 0; i < index->width; i++) {
        xy += (double)x[i] * (double)y[i];
        xx += (double)x[i] * (double)x[i];
        yy += (double)y[i] * (double)y[i];
    }
    return xx > 0 && yy > 0 ? 1 - xy / sqrt(xx * yy) : 0;
}

/* To the nearest of the sounds that the slot has. */
static double distance_to_picks(const choosing *c, const slot *s, int64_t i) {
    double least = 1;
    for (int k = 0; k < s->n; k++) {
        double d = distance(c->options->index, i, s->picks[k].entry);
        if (d < least) least = d;
    }
    return s->n > 0 && least < 1e-9 ? 1e-9 : least;
}

/* The best of those left, of equal ones the first in the index; -1: none. */
static int64_t find_best(const choosing *c, const slot *s, double *best) {
    int64_t found = -1;
    *best = 0;
    for (int64_t i = 0; i < c->options->index->n; i++) {
        double value = score(c, s, i);
        if (value <= *best) continue; /* no distance makes it more */
        value *= distance_to_picks(c, s, i);
        if (value <= *best) continue;
        *best = value;
        found = i;
    }
    return found;
}

typedef struct {
    int64_t entry;
    double score;
} scored;

static int compare_scored(const void *a, const void *b) {
    const scored *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

/* One of the more probable sounds: those with at least half of the best one's score. */
static base_status draw(choosing *c, const slot *s, int64_t *found) {
    int64_t n = 0, n_index = c->options->index->n;
    double sum = 0;
    scored *all = base_alloc((size_t)n_index + 1, sizeof *all);
    *found = -1;
    if (all == NULL) return no_memory(c->err);
    for (int64_t i = 0; i < n_index; i++) {
        all[n] = (scored){i, score(c, s, i)};
        n += all[n].score > 0;
    }
    qsort(all, (size_t)n, sizeof *all, compare_scored);
    if (n > DRAWN) n = DRAWN;
    while (n > 0 && all[n - 1].score < all[0].score / 2) n--;
    for (int64_t i = 0; i < n; i++) sum += all[i].score;
    base_rng rng =
        base_rng_open(c->options->seed, BASE_RNG_KIT, (uint64_t)s->class_index, (uint64_t)s->n);
    double at = base_rng_range(&rng, 0, sum > 0 ? sum : 1);
    for (int64_t i = 0; i < n && *found < 0; i++) {
        at -= all[i].score;
        if (at < 0 || i == n - 1) *found = all[i].entry;
    }
    base_free(all);
    return BASE_OK;
}

/* Copies of a sound are taken with it. */
static void take(choosing *c, slot *s, int64_t found) {
    const library_index *index = c->options->index;
    s->picks[s->n++] = (library_pick){found, score(c, s, found)};
    for (int64_t i = 0; i < index->n; i++) {
        if (index->entries[i].error != NULL) continue;
        c->taken[i] |= base_digest_equal(index->entries[i].content, index->entries[found].content);
    }
}

/* The first sound of each drum goes to the drum that has the best one, then the next best: with
 * from_anything a sound may be the best one of several. */
static base_status take_firsts(choosing *c) {
    for (int round = 0; round < c->n_slots; round++) {
        slot *next = NULL;
        int64_t entry = -1;
        double most = 0, value;
        for (int k = 0; k < c->n_slots; k++) {
            int64_t found = c->slots[k].n == 0 ? find_best(c, &c->slots[k], &value) : -1;
            if (found < 0 || value <= most) continue;
            most = value;
            entry = found;
            next = &c->slots[k];
        }
        if (next == NULL) break;
        if (c->options->seed != 0) BASE_TRY(draw(c, next, &entry));
        take(c, next, entry);
    }
    return BASE_OK;
}

static void take_others(choosing *c) {
    double value;
    for (int k = 0; k < c->n_slots; k++) {
        slot *s = &c->slots[k];
        while (s->n > 0 && s->n < s->n_wanted) {
            int64_t found = find_best(c, s, &value);
            if (found < 0) break;
            take(c, s, found);
        }
    }
}

/* ---- the kit ---- */

static double pitch_of(const choosing *c, library_pick pick) {
    double hz = c->options->index->entries[pick.entry].pitch_hz;
    return isnan(hz) ? INFINITY : hz;
}

/* By pitch, those without one last. */
static void sort_by_pitch(const choosing *c, library_pick *picks, int n) {
    for (int i = 1; i < n; i++) {
        for (int k = i; k > 0 && pitch_of(c, picks[k]) < pitch_of(c, picks[k - 1]); k--) {
            library_pick other = picks[k];
            picks[k] = picks[k - 1];
            picks[k - 1] = other;
        }
    }
}

static library_drum make_drum(const choosing *c, const slot *s, const known_drum *known_as,
                              int *free_note) {
    const char *name = c->options->index->classes[s->class_index];
    library_drum drum = {.name = known_as != NULL ? known_as->shown : name, .class_name = name};
    drum.note = known_as != NULL ? known_as->note : (*free_note)++;
    if (drum.note > LAST_NOTE) drum.note = LAST_NOTE;
    drum.choke = known_as != NULL ? known_as->choke : 0;
    drum.file = base_arena_string(c->arena, s->letters[0] != '\0' ? s->letters : "drum");
    drum.picks = s->picks;
    drum.n_picks = s->n;
    return drum;
}

/* Three drums, or as many as there are sounds for. */
static int make_toms(const choosing *c, const slot *s, library_drum *drums) {
    static const char *const files[N_TOMS] = {"lowtom", "midtom", "hightom"};
    int n_drums = s->n < N_TOMS ? s->n : N_TOMS, first = 0, none = 0;
    sort_by_pitch(c, s->picks, s->n);
    for (int i = 0; i < n_drums; i++) {
        int which = n_drums == 1 ? 1 : n_drums == 2 ? 2 * i : i;
        drums[i] = make_drum(c, s, &toms[which], &none);
        drums[i].file = files[which];
        drums[i].picks = s->picks + first;
        drums[i].n_picks = (s->n - first) / (n_drums - i);
        first += drums[i].n_picks;
    }
    return n_drums;
}

static int compare_drums(const void *a, const void *b) {
    const library_drum *x = a, *y = b;
    return x->note != y->note ? x->note - y->note : strcmp(x->class_name, y->class_name);
}

static base_status make_kit(choosing *c, library_kit *kit) {
    int free_note = FIRST_FREE_NOTE, n = c->n_slots + N_TOMS;
    library_drum *drums = base_arena_alloc(c->arena, (size_t)n, sizeof *drums);
    const char **missing = base_arena_alloc(c->arena, (size_t)n, sizeof *missing);
    if (drums == NULL || missing == NULL) return no_memory(c->err);
    *kit = (library_kit){.drums = drums, .missing = missing};
    for (int k = 0; k < c->n_slots; k++) {
        const slot *s = &c->slots[k];
        if (s->n == 0) {
            missing[kit->n_missing++] = c->options->index->classes[s->class_index];
        } else if (s->is_tom) {
            kit->n_drums += make_toms(c, s, drums + kit->n_drums);
        } else {
            drums[kit->n_drums] = make_drum(c, s, s->drum, &free_note);
            if (drums[kit->n_drums++].file == NULL) return no_memory(c->err);
        }
    }
    if (kit->n_drums == 0) return base_fail(c->err, BASE_EDATA, "no sound for any drum of a kit");
    qsort(drums, (size_t)kit->n_drums, sizeof *drums, compare_drums);
    return BASE_OK;
}

base_status library_kit_choose(const library_kit_options *options, base_arena *arena,
                               library_kit *kit, base_error *err) {
    choosing c = {.options = options, .arena = arena, .err = err};
    BASE_TRY(make_slots(&c));
    BASE_TRY(take_firsts(&c));
    take_others(&c);
    return make_kit(&c, kit);
}
