#include "data/mix.h"

#include <math.h>
#include <string.h>

#include "data/duplicates.h"
#include "data/folds.h"

enum { VERSION = 1 };
#define PART_TRIM_DB   (-60.0) /* keeps tails */
#define ONSET          0.1     /* of the peak; recordings begin with noise */
#define BEFORE_ONSET_S 0.002
#define SPARE_S        0.05 /* behind the longest clip: trimming takes some from the front */

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for mixing");
}

/* ---- classes ---- */

data_mix_set data_mix_part(const data_mix *mix, const char *name, size_t n) {
    for (int c = 0; c < mix->parts.n_classes; c++) {
        const char *part = mix->parts.classes[c];
        if (strlen(part) == n && memcmp(part, name, n) == 0) return (data_mix_set)1 << c;
    }
    return 0;
}

const char *data_mix_class(const data_mix *mix, data_mix_set set) {
    for (int c = 0; c < mix->options.classes.n; c++) {
        if (mix->set[c] == set) return mix->options.classes.items[c];
    }
    return NULL;
}

/* "S+B+CH" */
static base_status read_set(const data_mix *mix, const char *name, data_mix_set *set,
                            base_error *err) {
    const base_node *node = base_node_get(mix->options.node, "classes");
    *set = 0;
    if (strcmp(name, "rest") == 0) return BASE_OK;
    for (const char *at = name;; at++) {
        size_t n = strcspn(at, "+");
        data_mix_set part = data_mix_part(mix, at, n);
        if (part == 0)
            return base_node_fail(node, err, BASE_ECONFIG, "'%s': no part is of class '%.*s'", name,
                                  (int)n, at);
        if ((*set & part) != 0)
            return base_node_fail(node, err, BASE_ECONFIG, "'%s' has a part twice", name);
        *set |= part;
        at += n;
        if (*at == '\0') return BASE_OK;
    }
}

static base_status read_sets(data_mix *mix, base_arena *arena, base_error *err) {
    base_strings classes = mix->options.classes;
    data_mix_set *set = base_arena_alloc(arena, (size_t)classes.n, sizeof *set);
    if (set == NULL) return no_memory(err);
    mix->set = set;
    for (int c = 0; c < classes.n; c++) {
        BASE_TRY(read_set(mix, classes.items[c], &set[c], err));
        for (int b = 0; b < c; b++) {
            if (set[b] == set[c])
                return base_node_fail(base_node_get(mix->options.node, "classes"), err,
                                      BASE_ECONFIG, "'%s' and '%s' are the same", classes.items[b],
                                      classes.items[c]);
        }
    }
    return BASE_OK;
}

static const char *kind_of(const data_mix *mix) {
    return mix->options.source == DATA_SOURCE_MIX ? "mix" : "performance";
}

static base_status check_options(const data_mix *mix, const data_mix *all, base_error *err) {
    const data_source_options *o = &mix->options;
    const char *problem = NULL;
    if (o->parts == NULL) problem = "this source needs 'parts', a data set of one-shots";
    if (o->classes.n == 0) problem = "this source needs 'classes'";
    if (o->rules != NULL) problem = "'rules' belongs to the parts of this source";
    for (const data_mix *other = all; other != mix; other = other->next) {
        if (other->options.source == o->source && other->options.seed == o->seed)
            problem = "another source of this kind has the same 'seed', and would give its sounds "
                      "the same names";
    }
    return problem == NULL ? BASE_OK : base_node_fail(o->node, err, BASE_ECONFIG, "%s", problem);
}

/* Pools take all one-shots; what a sound is for is said of the mix. */
static bool all_for_folds(const data_manifest *parts) {
    int64_t i = 0;
    while (i < parts->n_rows && parts->rows[i].use == DATA_USE_FOLDS) i++;
    return i == parts->n_rows;
}

/* The resolved configuration shows the parts' defaults, too; their notes are the manifest's. */
static base_status open_parts(data_mix *mix, data_manifest *manifest, base_error *err) {
    const data_source_options *o = &mix->options;
    BASE_TRY(data_manifest_open(o->parts, o->config_folder, &mix->parts, err));
    for (int i = 0; i < mix->parts.n_notes; i++)
        data_manifest_note(manifest, "%s: %s", kind_of(mix), mix->parts.notes[i]);
    base_node *resolved = base_node_copy(mix->parts.dataset, &manifest->arena);
    if (resolved == NULL) return no_memory(err);
    base_node_put(o->node, "parts", resolved);
    if (mix->parts.mixes != NULL)
        return base_node_fail(resolved, err, BASE_ECONFIG, "parts can't be mixed themselves");
    if (!all_for_folds(&mix->parts))
        return base_node_fail(resolved, err, BASE_ECONFIG,
                              "'use' belongs to this source, not to its parts");
    if (mix->parts.n_classes > DATA_MIX_MAX_PARTS)
        return base_node_fail(resolved, err, BASE_ECONFIG, "more than %d classes of parts",
                              DATA_MIX_MAX_PARTS);
    return BASE_OK;
}

base_status data_mix_new(const data_source_options *options, data_manifest *manifest,
                         data_mix **mix, base_error *err) {
    data_mix *m = *mix = base_alloc(1, sizeof *m);
    if (m == NULL) return no_memory(err);
    m->options = *options;
    data_mix **end = &manifest->mixes;
    while (*end != NULL) end = &(*end)->next;
    *end = m;
    BASE_TRY(check_options(m, manifest->mixes, err));
    BASE_TRY(open_parts(m, manifest, err));
    return read_sets(m, &manifest->arena, err);
}

void data_mix_rest(data_mix *mix) {
    data_clips_release(&mix->clips);
    base_free(mix->part);
    base_free(mix->first);
    mix->part = NULL;
    mix->first = NULL;
}

void data_mix_free(data_mix *mixes) {
    while (mixes != NULL) {
        data_mix *mix = mixes;
        mixes = mix->next;
        data_mix_rest(mix);
        data_manifest_release(&mix->parts);
        base_free(mix);
    }
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

static base_status make_part(data_mix *mix, int64_t clip, data_part *part, base_error *err) {
    const data_clips *clips = &mix->clips;
    const data_row *row = &mix->parts.rows[clips->row[clip]];
    *part = (data_part){.x = clips->audio + clips->offset[clip],
                        .n = data_clips_valid(clips, clip),
                        .source = {row->content, base_path_name(row->path)}};
    const char **name = &part->source.name;
    if (row->group[0] != '\0')
        *name = base_arena_printf(&mix->parts.arena, "%s/%s", row->group, *name);
    part->onset = find_onset(part, clips->n_channels, clips->sample_rate_hz);
    return *name != NULL ? BASE_OK : no_memory(err);
}

/* Puts the parts in order of pool and class, those of one in the order of the clips. */
static base_status sort_parts(data_mix *mix, const int32_t *pool, base_error *err) {
    const data_clips *clips = &mix->clips;
    int64_t n_classes = mix->parts.n_classes, n_bins = mix->options.pools * n_classes, n = 0;
    mix->part = base_alloc((size_t)clips->n_clips, sizeof *mix->part);
    mix->first = base_alloc((size_t)n_bins + 1, sizeof *mix->first);
    if (mix->part == NULL || mix->first == NULL) return no_memory(err);
    for (int64_t bin = 0; bin < n_bins; bin++) {
        for (int64_t i = 0; i < clips->n_clips; i++) {
            if (pool[i] == bin / n_classes && clips->label[i] == bin % n_classes)
                BASE_TRY(make_part(mix, i, &mix->part[n++], err));
        }
        mix->first[bin + 1] = n;
    }
    return BASE_OK;
}

static base_status fail_to_fill(const data_mix *mix, base_error *err) {
    int64_t n_parts[DATA_MIX_MAX_PARTS] = {0};
    int least = 0;
    for (int64_t i = 0; i < mix->clips.n_clips; i++) n_parts[mix->clips.label[i]]++;
    for (int c = 1; c < mix->parts.n_classes; c++) {
        if (n_parts[c] < n_parts[least]) least = c;
    }
    return base_node_fail(mix->options.node, err, BASE_EDATA,
                          "the parts can't fill %lld pools with every class: of '%s' there %s %lld "
                          "one-shot%s, copies included; lower 'pools' or give more parts",
                          (long long)mix->options.pools, mix->parts.classes[least],
                          n_parts[least] == 1 ? "is" : "are", (long long)n_parts[least],
                          n_parts[least] == 1 ? "" : "s");
}

/* As folds are made, and for the same reason: what belongs together must not be on both sides. The
 * seed plays no part, so that sources with the same parts and number of pools have the same pools.
 */
static base_status assign(const data_mix *mix, int n_keys, data_folds *folds, base_error *err) {
    static const char *const keys[] = {"duplicates", "kit"};
    data_folds_options options = {
        .k = mix->options.pools, .stratify = true, .group = {keys, n_keys}};
    return data_folds_make(&mix->parts, &mix->clips, &options, folds, err);
}

static base_status deal(data_mix *mix, data_manifest *manifest, base_error *err) {
    data_folds folds = {0};
    base_error problem;
    if (mix->options.pools == 1) {
        int32_t *pool = base_alloc((size_t)mix->clips.n_clips, sizeof *pool);
        base_status status = pool != NULL ? sort_parts(mix, pool, err) : no_memory(err);
        base_free(pool);
        return status;
    }
    base_status status = assign(mix, 2, &folds, &problem);
    if (status == BASE_EDATA) {
        status = assign(mix, 1, &folds, &problem);
        if (status == BASE_OK)
            data_manifest_note(manifest,
                               "%s: %lld pools can't have every class of parts with kits kept "
                               "whole; kits are split between pools, copies are not",
                               kind_of(mix), (long long)mix->options.pools);
    }
    if (status == BASE_EDATA) return fail_to_fill(mix, err);
    if (status != BASE_OK) return base_fail(err, status, "%s", problem.text);
    status = sort_parts(mix, folds.fold, err);
    data_folds_release(&folds);
    return status;
}

/* "mix: made from 421 one-shots (B 54, S 84) in 5 pools; 333 of the parts' sounds are not used" */
static void note_parts(const data_mix *mix, data_manifest *manifest) {
    base_text text = {0};
    for (int c = 0; c < mix->parts.n_classes; c++) {
        int64_t n = 0;
        for (int64_t i = 0; i < mix->clips.n_clips; i++) n += mix->clips.label[i] == c;
        base_text_printf(&text, "%s%s %lld", c > 0 ? ", " : "", mix->parts.classes[c],
                         (long long)n);
    }
    data_manifest_note(manifest,
                       "%s: made from %lld one-shots (%s) in %lld pools; %lld of the parts' sounds "
                       "are not used",
                       kind_of(mix), (long long)mix->clips.n_clips, base_text_string(&text),
                       (long long)mix->options.pools,
                       (long long)(mix->parts.n_rows - mix->clips.n_clips));
    base_text_release(&text);
}

static base_digest digest_mix(const data_mix *mix) {
    const data_source_options *o = &mix->options;
    const double settings[] = {VERSION,
                               o->ringing,
                               o->source,
                               (double)o->seed,
                               o->gain_db[0],
                               o->gain_db[1],
                               o->jitter_ms[0],
                               o->jitter_ms[1],
                               o->tempo_bpm[0],
                               o->tempo_bpm[1],
                               (double)o->bars,
                               (double)o->pools,
                               mix->sample_rate_hz,
                               (double)mix->n_longest};
    base_digest digest = base_digest_bytes(settings, sizeof settings);
    for (int c = 0; c < mix->parts.n_classes; c++) {
        const char *name = mix->parts.classes[c];
        digest = base_digest_join(digest, base_digest_bytes(name, strlen(name)));
    }
    size_t n_bins = (size_t)(o->pools * mix->parts.n_classes);
    digest =
        base_digest_join(digest, base_digest_bytes(mix->first, (n_bins + 1) * sizeof *mix->first));
    for (int64_t i = 0; i < mix->clips.n_clips; i++) {
        size_t n = (size_t)(mix->part[i].n * mix->n_channels);
        digest = base_digest_join(digest, base_digest_bytes(mix->part[i].x, n * sizeof(float)));
    }
    return digest;
}

/* ---- all of it ---- */

static base_status decode_parts(data_mix *mix, const data_audio_options *options,
                                const char *cache_folder, const data_work *work, base_error *err) {
    data_audio_options form = *options;
    data_duplicates found;
    form.seconds = DATA_MIX_PART_S;
    form.trim_db = PART_TRIM_DB;
    form.normalize = DATA_NORMALIZE_PEAK;
    if (data_clips_open(&mix->parts, &form, cache_folder, work->pool, work->progress,
                        work->progress_context, &mix->clips, err) != BASE_OK)
        return base_fail_within(err, "parts");
    return data_duplicates_find(&mix->clips, 0, work->pool, &mix->parts, &found, err);
}

base_status data_mix_prepare(data_mix *mix, data_manifest *manifest,
                             const data_audio_options *options, const char *cache_folder,
                             const data_work *work, base_error *err) {
    double spare_s = mix->options.jitter_ms[1] * 1e-3 + SPARE_S;
    mix->sample_rate_hz = options->sample_rate_hz;
    mix->n_channels = options->channels;
    mix->n_longest = data_audio_samples(options) + llround(spare_s * options->sample_rate_hz);
    BASE_TRY(decode_parts(mix, options, cache_folder, work, err));
    BASE_TRY(deal(mix, manifest, err));
    mix->digest = digest_mix(mix);
    note_parts(mix, manifest);
    return BASE_OK;
}
