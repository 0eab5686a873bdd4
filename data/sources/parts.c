#include "data/dataset.h"
#include "data/sources/parts.h"

#include <math.h>
#include <string.h>

#include "data/duplicates.h"
#include "data/folds.h"

enum { VERSION = 2 };
#define PART_TRIM_DB   (-60.0) /* keeps tails */
#define ONSET          0.1     /* of the peak; recordings begin with noise */
#define BEFORE_ONSET_S 0.002
#define SPARE_S        0.05 /* behind the longest clip: trimming takes some from the front */

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for mixing");
}

/* ---- classes ---- */

data_part_set data_parts_find(const data_parts *parts, const char *name, size_t n) {
    for (int c = 0; c < parts->manifest.n_classes; c++) {
        const char *part = parts->manifest.classes[c];
        if (strlen(part) == n && memcmp(part, name, n) == 0) return (data_part_set)1 << c;
    }
    return 0;
}

const char *data_parts_class(const data_parts *parts, data_part_set set) {
    for (int c = 0; c < parts->classes.n; c++) {
        if (parts->class_set[c] == set) return parts->classes.items[c];
    }
    return NULL;
}

/* "S+B+CH"; `node` is for errors. */
static base_status read_set(const data_parts *p, const base_node *node, const char *name,
                            data_part_set *set, base_error *err) {
    *set = 0;
    if (strcmp(name, "rest") == 0) return BASE_OK;
    for (const char *at = name;; at++) {
        size_t n = strcspn(at, "+");
        data_part_set part = data_parts_find(p, at, n);
        if (part == 0) {
            return base_node_fail(node, err, BASE_ECONFIG, "'%s': no part is of class '%.*s'", name,
                                  (int)n, at);
        }
        if ((*set & part) != 0) {
            return base_node_fail(node, err, BASE_ECONFIG, "'%s' has a part twice", name);
        }
        *set |= part;
        at += n;
        if (*at == '\0') return BASE_OK;
    }
}

static base_status read_sets(data_parts *p, const base_node *node, base_arena *arena,
                             base_error *err) {
    data_part_set *set = base_arena_alloc(arena, (size_t)p->classes.n, sizeof *set);
    if (set == NULL) return no_memory(err);
    p->class_set = set;
    for (int c = 0; c < p->classes.n; c++) {
        BASE_TRY(read_set(p, node, p->classes.items[c], &set[c], err));
        for (int b = 0; b < c; b++) {
            if (set[b] != set[c]) continue;
            return base_node_fail(node, err, BASE_ECONFIG, "'%s' and '%s' are the same",
                                  p->classes.items[b], p->classes.items[c]);
        }
    }
    return BASE_OK;
}

/* ---- opening ---- */

static base_status check_options(const data_origin *origin, const data_origin *all,
                                 base_error *err) {
    const data_parts *p = origin->state;
    const char *problem = NULL;
    if (p->options->node == NULL) problem = "this source needs 'parts', a data set of one-shots";
    if (p->classes.n == 0) problem = "this source needs 'classes'";
    if (origin->common.rules != NULL) problem = "'rules' belongs to the parts of this source";
    for (const data_origin *other = all; other != origin; other = other->next) {
        if (other->source != origin->source) continue;
        const data_parts *of_other = other->state;
        if (of_other->options->seed == p->options->seed) {
            problem = "another source of this kind has the same 'seed', and would give its sounds "
                      "the same names";
        }
    }
    return problem == NULL ? BASE_OK
                           : base_node_fail(origin->node, err, BASE_ECONFIG, "%s", problem);
}

static base_status check_parts(const data_manifest *parts, const base_node *node, base_error *err) {
    const char *problem = NULL;
    for (const data_origin *o = parts->origins; o != NULL; o = o->next) {
        if (o->source->makes_classes) problem = "parts cannot be made of parts themselves";
    }
    for (int64_t i = 0; i < parts->n_rows; i++) {
        if (parts->rows[i].use != DATA_USE_FOLDS) {
            problem = "'use' belongs to this source, not to its parts";
        }
    }
    if (problem != NULL) return base_node_fail(node, err, BASE_ECONFIG, "%s", problem);
    if (parts->n_classes <= DATA_PARTS_MAX_CLASSES) return BASE_OK;
    return base_node_fail(node, err, BASE_ECONFIG, "more than %d classes of parts",
                          DATA_PARTS_MAX_CLASSES);
}

base_status data_parts_open(data_origin *origin, const data_parts_options *options,
                            size_t size_bytes, data_manifest *manifest, base_error *err) {
    data_parts *p = origin->state = base_alloc(1, size_bytes);
    if (p == NULL) return no_memory(err);
    p->options = options;
    p->classes = origin->common.classes;
    BASE_TRY(check_options(origin, manifest->origins, err));
    BASE_TRY(data_manifest_open(options->node, &manifest->request, &p->manifest, err));
    for (int i = 0; i < p->manifest.n_notes; i++) {
        data_manifest_note(manifest, "%s: %s", origin->source->variant.name, p->manifest.notes[i]);
    }
    /* The resolved configuration shows the parts' defaults, too. */
    base_node *resolved = base_node_copy(p->manifest.dataset, &manifest->arena);
    if (resolved == NULL) return no_memory(err);
    base_node_put(origin->node, "parts", resolved);
    BASE_TRY(check_parts(&p->manifest, resolved, err));
    return read_sets(p, base_node_get(origin->node, "classes"), &manifest->arena, err);
}

void data_parts_unload(data_origin *origin) {
    data_parts *p = origin->state;
    if (p == NULL) return;
    data_clips_release(&p->clips);
    base_free(p->part);
    base_free(p->first);
    p->part = NULL;
    p->first = NULL;
}

void data_parts_close(data_origin *origin) {
    data_parts *p = origin->state;
    if (p == NULL) return;
    data_parts_unload(origin);
    data_manifest_release(&p->manifest);
    base_free(p);
    origin->state = NULL;
}

/* ---- dealing ---- */

static int64_t find_onset(const data_part *part, int64_t n_channels, double sample_rate_hz) {
    int64_t onset = part->n;
    for (int64_t c = 0; c < n_channels; c++) {
        int64_t i = 0;
        while (i < onset && fabsf(part->x[c * part->n + i]) <= ONSET) i++;
        onset = i;
    }
    int64_t before = llround(BEFORE_ONSET_S * sample_rate_hz);
    return onset > before ? onset - before : 0;
}

static base_status make_part(data_parts *p, int64_t clip, data_part *part, base_error *err) {
    const data_clips *clips = &p->clips;
    const data_row *row = &p->manifest.rows[clips->row[clip]];
    *part = (data_part){.x = clips->audio + clips->offset[clip],
                        .n = data_clips_valid(clips, clip),
                        .source = {row->content, base_path_name(row->path)}};
    const char **name = &part->source.name;
    if (row->group[0] != '\0') {
        *name = base_arena_printf(&p->manifest.arena, "%s/%s", row->group, *name);
    }
    part->onset = find_onset(part, clips->n_channels, clips->sample_rate_hz);
    return *name != NULL ? BASE_OK : no_memory(err);
}

/* Puts the parts in order of pool and class, those of one in the order of the clips. */
static base_status sort_parts(data_parts *p, const int32_t *pool, base_error *err) {
    const data_clips *clips = &p->clips;
    int64_t n_classes = p->manifest.n_classes, n_bins = p->options->pools * n_classes, n = 0;
    p->part = base_alloc((size_t)clips->n_clips, sizeof *p->part);
    p->first = base_alloc((size_t)n_bins + 1, sizeof *p->first);
    if (p->part == NULL || p->first == NULL) return no_memory(err);
    for (int64_t bin = 0; bin < n_bins; bin++) {
        for (int64_t i = 0; i < clips->n_clips; i++) {
            if (pool[i] == bin / n_classes && clips->label[i] == bin % n_classes) {
                BASE_TRY(make_part(p, i, &p->part[n++], err));
            }
        }
        p->first[bin + 1] = n;
    }
    return BASE_OK;
}

static base_status fail_to_fill(const data_parts *p, const base_node *node, base_error *err) {
    int64_t n_parts[DATA_PARTS_MAX_CLASSES] = {0};
    int least = 0;
    for (int64_t i = 0; i < p->clips.n_clips; i++) n_parts[p->clips.label[i]]++;
    for (int c = 1; c < p->manifest.n_classes; c++) {
        if (n_parts[c] < n_parts[least]) least = c;
    }
    return base_node_fail(node, err, BASE_EDATA,
                          "the parts can't fill %lld pools with every class: of '%s' there %s %lld "
                          "one-shot%s, copies included; lower 'pools' or give more parts",
                          (long long)p->options->pools, p->manifest.classes[least],
                          n_parts[least] == 1 ? "is" : "are", (long long)n_parts[least],
                          n_parts[least] == 1 ? "" : "s");
}

/* As folds are made, and for the same reason: what belongs together must not be on both sides. The
 * seed plays no part, so that sources with the same parts and number of pools have the same pools.
 */
static base_status assign(const data_parts *p, int n_keys, data_folds *folds, base_error *err) {
    static const char *const keys[] = {"duplicates", "kit"};
    data_folds_options options = {
        .k = p->options->pools, .stratify = true, .group = {keys, n_keys}};
    return data_folds_make(&p->manifest, &p->clips, &options, folds, err);
}

static base_status deal(const data_origin *origin, data_manifest *manifest, base_error *err) {
    data_parts *p = origin->state;
    data_folds folds = {0};
    base_error problem;
    if (p->options->pools == 1) {
        int32_t *pool = base_alloc((size_t)p->clips.n_clips, sizeof *pool);
        base_status status = pool != NULL ? sort_parts(p, pool, err) : no_memory(err);
        base_free(pool);
        return status;
    }
    base_status status = assign(p, 2, &folds, &problem);
    if (status == BASE_EDATA) {
        status = assign(p, 1, &folds, &problem);
        if (status == BASE_OK) {
            data_manifest_note(manifest,
                               "%s: %lld pools can't have every class of parts with kits kept "
                               "whole; kits are split between pools, copies are not",
                               origin->source->variant.name, (long long)p->options->pools);
        }
    }
    if (status == BASE_EDATA) return fail_to_fill(p, origin->node, err);
    if (status != BASE_OK) return base_fail(err, status, "%s", problem.text);
    status = sort_parts(p, folds.fold, err);
    data_folds_release(&folds);
    return status;
}

/* "mix: made from 421 one-shots (B 54, S 84) in 5 pools; 333 of the parts' sounds are not used" */
static void note_parts(const data_origin *origin, data_manifest *manifest) {
    const data_parts *p = origin->state;
    base_text text = {0};
    for (int c = 0; c < p->manifest.n_classes; c++) {
        int64_t n = 0;
        for (int64_t i = 0; i < p->clips.n_clips; i++) n += p->clips.label[i] == c;
        base_text_printf(&text, "%s%s %lld", c > 0 ? ", " : "", p->manifest.classes[c],
                         (long long)n);
    }
    data_manifest_note(manifest,
                       "%s: made from %lld one-shots (%s) in %lld pools; %lld of the parts' sounds "
                       "are not used",
                       origin->source->variant.name, (long long)p->clips.n_clips,
                       base_text_string(&text), (long long)p->options->pools,
                       (long long)(p->manifest.n_rows - p->clips.n_clips));
    base_text_release(&text);
}

/* ---- loading ---- */

static base_digest digest_parts(const data_parts *p) {
    const data_parts_options *o = p->options;
    const double settings[] = {VERSION,          (double)o->seed,   o->gain_db[0],
                               o->gain_db[1],    o->jitter_ms[0],   o->jitter_ms[1],
                               (double)o->pools, p->sample_rate_hz, (double)p->n_longest};
    size_t n_bins = (size_t)(o->pools * p->manifest.n_classes);
    base_digest digest =
        base_digest_join(p->settings, base_digest_bytes(settings, sizeof settings));
    for (int c = 0; c < p->manifest.n_classes; c++) {
        const char *name = p->manifest.classes[c];
        digest = base_digest_join(digest, base_digest_bytes(name, strlen(name)));
    }
    digest = base_digest_join(digest, base_digest_bytes(p->first, (n_bins + 1) * sizeof *p->first));
    for (int64_t i = 0; i < p->clips.n_clips; i++) {
        size_t n = (size_t)(p->part[i].n * p->n_channels);
        digest = base_digest_join(digest, base_digest_bytes(p->part[i].x, n * sizeof(float)));
    }
    return digest;
}

base_digest data_parts_digest(const data_row *row) {
    const data_parts *p = row->origin->state;
    return base_digest_join(p->digest, base_digest_bytes(row->path, strlen(row->path)));
}

base_status data_parts_load(data_origin *origin, data_manifest *manifest,
                            const data_audio_options *audio, const data_work *work,
                            base_error *err) {
    data_parts *p = origin->state;
    double spare_s = p->options->jitter_ms[1] * 1e-3 + SPARE_S;
    data_audio_options form = *audio;
    data_duplicates found;
    form.seconds = DATA_PARTS_LONGEST_S;
    form.trim_db = PART_TRIM_DB;
    form.normalize = DATA_NORMALIZE_PEAK;
    p->sample_rate_hz = audio->sample_rate_hz;
    p->n_channels = audio->channels;
    p->n_longest = data_audio_samples(audio) + llround(spare_s * audio->sample_rate_hz);
    if (data_clips_open(&p->manifest, &form, work, &p->clips, err) != BASE_OK) {
        return base_fail_within(err, "parts");
    }
    const data_duplicates_search exact = {.clips = &p->clips, .pool = work->pool};
    BASE_TRY(data_duplicates_find(&exact, &p->manifest, &found, err));
    BASE_TRY(deal(origin, manifest, err));
    p->digest = digest_parts(p);
    note_parts(origin, manifest);
    return BASE_OK;
}
