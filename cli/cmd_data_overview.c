#include <stdlib.h>
#include <string.h>

#include "cli/dataset.h"
#include "cli/tables.h"
#include "data/duplicates.h"
#include "data/oddities.h"
#include "dsp/features.h"
#include "train/report/plot.h"

static base_status out_of_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "overview: out of memory");
}

/* ------------------------------------------------------------------ gathering */

typedef struct {
    int64_t n, n_clipped;
    double seconds, shortest_s, longest_s;
} class_facts;

/* How many rows there are of each kind: "44100 Hz, 1 channel", or a reason for leaving out. */
typedef struct {
    struct {
        const char *text;
        int64_t n;
    } * items;
    int64_t n;
} row_counts;

typedef struct {
    const cli_dataset *set;
    data_duplicates duplicates;
    class_facts *classes;
    const char **names; /* of the classes, as they are shown */
    int n_named;        /* classes but for that of sounds without a label */
    row_counts formats, left_out;
} overview;

static class_facts gather_class(const data_manifest *manifest, int class_index) {
    class_facts facts = {0};
    for (int64_t i = 0; i < manifest->n_rows; i++) {
        const data_row *row = &manifest->rows[i];
        if (row->left_out != NULL || row->class_index != class_index) continue;
        if (facts.n == 0 || row->seconds < facts.shortest_s) facts.shortest_s = row->seconds;
        if (row->seconds > facts.longest_s) facts.longest_s = row->seconds;
        facts.seconds += row->seconds;
        facts.n_clipped += row->n_clipped > 0;
        facts.n++;
    }
    return facts;
}

static int compare_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the texts and counts equal ones. */
static base_status count_texts(const char **texts, int64_t n, base_arena *arena, row_counts *counts,
                               base_error *err) {
    qsort(texts, (size_t)n, sizeof *texts, compare_text);
    counts->items = base_arena_alloc(arena, (size_t)n + 1, sizeof *counts->items);
    if (counts->items == NULL) return out_of_memory(err);
    for (int64_t i = 0; i < n; i++) {
        bool fresh = i == 0 || strcmp(texts[i], texts[i - 1]) != 0;
        if (fresh) counts->items[counts->n++].text = texts[i];
        counts->items[counts->n - 1].n++;
    }
    return BASE_OK;
}

static base_status gather_rows(const data_manifest *manifest, base_arena *arena, overview *o,
                               base_error *err) {
    const char **formats = base_arena_alloc(arena, (size_t)manifest->n_rows + 1, sizeof *formats);
    const char **reasons = base_arena_alloc(arena, (size_t)manifest->n_rows + 1, sizeof *reasons);
    if (formats == NULL || reasons == NULL) return out_of_memory(err);
    int64_t n_formats = 0, n_reasons = 0;
    for (int64_t i = 0; i < manifest->n_rows; i++) {
        const data_row *row = &manifest->rows[i];
        if (row->left_out != NULL) {
            reasons[n_reasons++] = row->left_out;
            continue;
        }
        char *text = base_arena_printf(arena, "%.0f Hz, %lld channel%s", row->sample_rate_hz,
                                       (long long)row->n_channels, row->n_channels == 1 ? "" : "s");
        if (text == NULL) return out_of_memory(err);
        formats[n_formats++] = text;
    }
    BASE_TRY(count_texts(formats, n_formats, arena, &o->formats, err));
    return count_texts(reasons, n_reasons, arena, &o->left_out, err);
}

static base_status gather(cli_call *call, cli_dataset *set, double near, overview *o,
                          base_error *err) {
    data_manifest *manifest = &set->manifest;
    *o = (overview){.set = set};
    const data_duplicates_search search = {&set->clips, near, call->pool};
    BASE_TRY(data_duplicates_find(&search, manifest, &o->duplicates, err));
    BASE_TRY(data_oddities_note(manifest, err));
    o->classes = base_arena_alloc(&call->arena, (size_t)manifest->n_classes, sizeof *o->classes);
    o->names = base_arena_alloc(&call->arena, (size_t)manifest->n_classes, sizeof *o->names);
    if (o->classes == NULL || o->names == NULL) return out_of_memory(err);
    for (int c = 0; c < manifest->n_classes; c++) {
        bool named = manifest->classes[c][0] != '\0';
        o->classes[c] = gather_class(manifest, c);
        o->names[c] = named ? manifest->classes[c] : "(no label)";
        o->n_named += named;
    }
    return gather_rows(manifest, &call->arena, o, err);
}

/* ------------------------------------------------------------------ as text */

static void add_class_table(const overview *o, int columns, base_text *out) {
    size_t begin = out->size;
    const data_manifest *manifest = &o->set->manifest;
    int width = cli_widest(o->names, manifest->n_classes, 5);
    cli_pad(out, "class", width, false);
    base_text_add(out, "   clips   mean s    min s    max s  clipped\n");
    for (int c = 0; c < manifest->n_classes; c++) {
        const class_facts *facts = &o->classes[c];
        cli_pad(out, o->names[c], width, false);
        base_text_printf(out, "  %6lld  %7.3f  %7.3f  %7.3f  %7lld\n", (long long)facts->n,
                         facts->n ? facts->seconds / (double)facts->n : 0, facts->shortest_s,
                         facts->longest_s, (long long)facts->n_clipped);
    }
    cli_fit_table(out, begin, width, columns);
}

static void add_counts(const char *head, const row_counts *counts, base_text *out) {
    for (int64_t i = 0; i < counts->n; i++) {
        base_text_printf(out, "%-9s %6lld  ", i == 0 ? head : "", (long long)counts->items[i].n);
        base_text_add_shown(out, counts->items[i].text);
        base_text_add(out, "\n");
    }
}

static void add_text(const overview *o, int columns, base_text *out) {
    const data_manifest *manifest = &o->set->manifest;
    char number[32];
    base_text_printf(out, "%s clips in %d classes\n\n",
                     base_thousands(o->set->clips.n_clips, number), o->n_named);
    add_class_table(o, columns, out);
    base_text_add(out, "\n");
    add_counts("formats", &o->formats, out);
    add_counts("left out", &o->left_out, out);
    base_text_printf(out,
                     "copies    %6lld  in %lld duplicate groups, %lld of them with two labels\n",
                     (long long)o->duplicates.n_copies, (long long)o->duplicates.n_groups,
                     (long long)o->duplicates.n_conflicts);
    for (int i = 0; i < manifest->n_notes; i++) {
        base_text_printf(out, "note      %s\n", manifest->notes[i]);
    }
}

/* ------------------------------------------------------------------ as JSON */

static void add_json_class(const char *name, const class_facts *facts, base_text *out) {
    base_text_add(out, "{\"class\": ");
    base_text_add_json(out, name);
    base_text_printf(out, ", \"clips\": %lld, \"clipped\": %lld, \"mean_s\": ", (long long)facts->n,
                     (long long)facts->n_clipped);
    base_text_add_number(out, facts->n ? facts->seconds / (double)facts->n : 0);
    base_text_add(out, ", \"min_s\": ");
    base_text_add_number(out, facts->shortest_s);
    base_text_add(out, ", \"max_s\": ");
    base_text_add_number(out, facts->longest_s);
    base_text_add(out, "}");
}

static void add_json_counts(const char *name, const row_counts *counts, base_text *out) {
    base_text_printf(out, ", \"%s\": {", name);
    for (int64_t i = 0; i < counts->n; i++) {
        if (i > 0) base_text_add(out, ", ");
        base_text_add_json(out, counts->items[i].text);
        base_text_printf(out, ": %lld", (long long)counts->items[i].n);
    }
    base_text_add(out, "}");
}

static void add_json(const overview *o, base_text *out) {
    const data_manifest *manifest = &o->set->manifest;
    base_text_printf(out, "{\"clips\": %lld, \"classes\": [", (long long)o->set->clips.n_clips);
    for (int c = 0; c < manifest->n_classes; c++) {
        if (c) base_text_add(out, ", ");
        add_json_class(manifest->classes[c], &o->classes[c], out);
    }
    base_text_add(out, "]");
    add_json_counts("formats", &o->formats, out);
    add_json_counts("left_out", &o->left_out, out);
    base_text_printf(out, ", \"copies\": %lld, \"duplicate_groups\": %lld, \"conflicts\": %lld",
                     (long long)o->duplicates.n_copies, (long long)o->duplicates.n_groups,
                     (long long)o->duplicates.n_conflicts);
    base_text_add(out, ", \"notes\": [");
    for (int i = 0; i < manifest->n_notes; i++) {
        if (i) base_text_add(out, ", ");
        base_text_add_json(out, manifest->notes[i]);
    }
    base_text_add(out, "]}\n");
}

/* ------------------------------------------------------------------ as pictures */

/* The clip of a class whose length is nearest to the mean: a typical one to show; -1: none. */
static int64_t typical_clip(const data_clips *clips, int class_index) {
    int64_t best = -1, n = 0, total = 0;
    for (int64_t i = 0; i < clips->n_clips; i++) {
        if (clips->label[i] != class_index) continue;
        total += data_clips_valid(clips, i);
        n++;
    }
    for (int64_t i = 0; i < clips->n_clips; i++) {
        if (clips->label[i] != class_index) continue;
        int64_t mean = total / n, gap = llabs(data_clips_valid(clips, i) - mean);
        if (best < 0 || gap < llabs(data_clips_valid(clips, best) - mean)) best = i;
    }
    return best;
}

/* A mel spectrogram in decibels, 80 dB deep. */
static base_status picture_features(cli_call *call, const cli_dataset *set, dsp_features **features,
                                    base_error *err) {
    dsp_features_options options;
    BASE_TRY(base_options_bind(dsp_features_table, NULL, &options, &call->arena, err));
    options.normalize = DSP_NORM_NONE;
    options.top_db = 80;
    const dsp_clip_form form = data_audio_form(&set->audio);
    return dsp_features_new(&options, &form, features, err);
}

/* Renders one clip into memory of the arena; false without memory. */
static bool picture(base_arena *arena, const data_clips *clips, const dsp_features *features,
                    int64_t clip, train_plot_sound *plot) {
    int64_t shape[3];
    dsp_features_shape(features, shape);
    float *x = base_arena_alloc(arena, (size_t)(clips->n_channels * clips->n_samples), sizeof *x);
    float *mel = base_arena_alloc(arena, (size_t)(shape[0] * shape[1] * shape[2]), sizeof *mel);
    void *scratch = base_alloc(dsp_features_scratch_bytes(features) + 1, 1);
    bool complete = x != NULL && mel != NULL && scratch != NULL;
    if (complete) {
        data_clips_load(clips, clip, x);
        dsp_features_apply(features, x, scratch, mel);
        *plot = (train_plot_sound){.x = x,
                                   .n = clips->n_samples,
                                   .sample_rate_hz = clips->sample_rate_hz,
                                   .mel = mel,
                                   .n_mels = shape[1],
                                   .n_frames = shape[2],
                                   .fmax_hz = clips->sample_rate_hz / 2};
    }
    base_free(scratch);
    return complete;
}

/* One typical clip per class, its waveform and its mel spectrogram. */
static base_status draw_sounds(cli_call *call, const cli_dataset *set, const char *const *names,
                               const char *folder, base_error *err) {
    dsp_features *features;
    train_plot_sound *plots =
        base_arena_alloc(&call->arena, (size_t)set->manifest.n_classes, sizeof *plots);
    if (plots == NULL) return out_of_memory(err);
    BASE_TRY(picture_features(call, set, &features, err));
    base_status status = BASE_OK;
    int n = 0;
    for (int c = 0; status == BASE_OK && c < set->manifest.n_classes; c++) {
        int64_t clip = typical_clip(&set->clips, c);
        if (clip < 0) continue;
        if (!picture(&call->arena, &set->clips, features, clip, &plots[n])) {
            status = out_of_memory(err);
        }
        plots[n++].label = names[c];
    }
    dsp_features_free(features);
    return status == BASE_OK ? train_plot_sounds(plots, n, folder, "sounds", err) : status;
}

static base_status draw(cli_call *call, const overview *o, const char *folder, base_error *err) {
    const data_manifest *manifest = &o->set->manifest;
    int64_t *counts = base_arena_alloc(&call->arena, (size_t)manifest->n_classes, sizeof *counts);
    char *table = base_path_join(&call->arena, folder, "manifest.csv");
    if (counts == NULL || table == NULL) return out_of_memory(err);
    for (int c = 0; c < manifest->n_classes; c++) counts[c] = o->classes[c].n;
    BASE_TRY(base_folder_make(folder, err));
    BASE_TRY(data_manifest_write(manifest, table, err));
    BASE_TRY(train_plot_classes(&(train_plot_counts){o->names, counts, manifest->n_classes}, folder,
                                "classes", err));
    return draw_sounds(call, o->set, o->names, folder, err);
}

/* ------------------------------------------------------------------ the command */

static base_status show(cli_call *call, cli_dataset *set, double near, base_text *out,
                        base_error *err) {
    overview o;
    const char *folder = cli_text(call, "out");
    BASE_TRY(gather(call, set, near, &o, err));
    if (folder != NULL) BASE_TRY(draw(call, &o, folder, err));
    if (call->json) {
        add_json(&o, out);
        return BASE_OK;
    }
    add_text(&o, call->columns, out);
    if (folder != NULL) {
        cli_add_name("\n", folder,
                     "/manifest.csv, classes.svg, classes.png, sounds.svg, sounds.png\n", out);
    }
    return BASE_OK;
}

static int run_overview(cli_call *call) {
    return cli_dataset_show(call, show);
}

static const cli_flag flags[] = {
    {"out", "DIR", "also write manifest.csv and plots of the classes to this folder"},
    {"near", "COSINE", "count clips at least this similar as copies too (default 0: exact ones)"},
    CLI_FLAG_JSON,
    {0},
};

const cli_command cli_data_overview = {
    .name = "data overview",
    .arguments = CLI_DATASET_ARGUMENTS,
    .summary = "show what is in a data set: classes, lengths, formats, copies, oddities",
    .description = CLI_DATASET_HELP CLI_DATASET_NO_LABELS
    "\n\nCounts and lengths per class, sample rates and channels, "
    "what is left out and why (silent, unreadable, "
    "no label rule), clipped files, copies and copies with two "
    "labels. With --out also plots: clips per class, "
    "and a typical waveform and mel spectrogram of each.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_overview,
};
