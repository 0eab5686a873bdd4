#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/model.h"
#include "cli/progress.h"
#include "data/audio_file.h"
#include "data/labels.h"
#include "data/slicer.h"
#include "dsp/onset.h"
#include "infer/library/find.h"
#include "infer/library/sounds.h"
#include "infer/model.h"
#include "train/report/plot.h"

enum { BATCH = 32, NAME_BYTES = 200 };
#define TOGETHER_S 0.03 /* strokes closer than that are one sound */

typedef struct {
    cli_call *call;
    cli_progress progress;
    infer_model *model;
    const data_labels *rules; /* NULL: none */
    const char *folder, *extension, *annotations, *rules_path;
    bool is_dry;
    data_slicer_options options;
    base_text table, said; /* labels.csv; standard output */
    const char **names;    /* [n_names] of recordings in the folder, each once */
    int64_t n_names, n_done, n_total, n_failed;
    float *probability; /* [BATCH, classes] */
    bool broken;        /* standard output failed, which was told: stop */
} slice_job;

/* One recording. */
typedef struct {
    const char *path, *name; /* as the names of its slices begin */
    base_arena arena;        /* labels, and the slices' classes */
    data_annotation annotation;
    data_slicer *slicer;
    train_plot_slice *shown; /* [n_slices] */
    int64_t n_slices;
    int *best; /* [n_slices] */
} recording;

/* ---- names ---- */

static bool is_taken(const slice_job *job, const char *name) {
    for (int64_t i = 0; i < job->n_names; i++) {
        if (strcasecmp(job->names[i], name) == 0) return true;
    }
    return false;
}

/* The file's name without its extension; with a number if an earlier recording has it. */
static base_status name_recording(slice_job *job, recording *r, base_error *err) {
    base_arena *arena = &job->call->arena;
    const char *file = base_path_name(r->path), *extension = base_path_extension(file);
    size_t n = strlen(file) - (extension[0] != '\0' ? strlen(extension) + 1 : 0);
    const char *stem = base_arena_copy(arena, file, n < NAME_BYTES ? n : NAME_BYTES);
    r->name = stem;
    for (int i = 2; r->name != NULL && is_taken(job, r->name); i++) {
        r->name = base_arena_printf(arena, "%s-%d", stem, i);
    }
    if (r->name == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", r->path);
    job->names[job->n_names++] = r->name;
    return BASE_OK;
}

/* Whatever a label is called, its file has a name that every system takes. */
static void add_file_name(const slice_job *job, const recording *r, int64_t number,
                          const char *label, base_text *out) {
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+";
    base_text_printf(out, "%s_%04lld_", r->name, (long long)number);
    for (int i = 0; label[i] != '\0' && i < 60; i++) {
        base_text_add_bytes(out, strchr(fine, label[i]) != NULL ? label + i : "_", 1);
    }
    base_text_printf(out, ".%s", job->extension);
}

/* ---- annotations ---- */

/* PATH is a file, a folder of files named like the recordings, or has a * for the name. */
static base_status find_annotation(const slice_job *job, recording *r, const char **found,
                                   base_error *err) {
    const char *given = job->annotations, *star = strchr(given, '*');
    const char *file = base_path_name(r->path), *extension = base_path_extension(file);
    int n = (int)(strlen(file) - (extension[0] != '\0' ? strlen(extension) + 1 : 0));
    const char *base;
    *found = given;
    if (star == NULL && !base_folder_exists(given)) return BASE_OK;
    if (star != NULL) {
        base = base_arena_printf(&r->arena, "%.*s%.*s%s", (int)(star - given), given, n, file,
                                 star + 1);
    } else {
        base = base_arena_printf(&r->arena, "%s/%.*s", given, n, file);
    }
    if (base == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", r->path);
    BASE_TRY(data_annotation_find(base, &r->arena, found, err));
    if (*found != NULL) return BASE_OK;
    return base_fail(err, BASE_ENOTFOUND, "%s: no annotation %s (.csv, .txt, .mid, .svl, .xml)",
                     r->path, base);
}

/* Labels become the rules' classes. */
static base_status map_labels(const slice_job *job, recording *r, base_error *err) {
    data_annotation *a = &r->annotation;
    for (int64_t i = 0; job->rules != NULL && i < a->n; i++) {
        data_event *e = &a->events[i];
        const char *reason;
        int label = data_labels_match(job->rules, e->label, &r->arena, &reason);
        if (label < 0) {
            return data_annotation_fail(a, e->line, err, "label '%s' at %g s is no class of %s: %s",
                                        e->label, e->begin_s, job->rules_path,
                                        reason != NULL ? reason : "out of memory");
        }
        e->label = data_labels_class(job->rules, label);
    }
    return BASE_OK;
}

static base_status read_annotation(const slice_job *job, recording *r, base_error *err) {
    const char *path;
    if (job->annotations == NULL) return BASE_OK;
    BASE_TRY(find_annotation(job, r, &path, err));
    BASE_TRY(data_annotation_read(path, r->path, &r->arena, &r->annotation, err));
    BASE_TRY(map_labels(job, r, err));
    return data_annotation_join(&r->annotation, TOGETHER_S, err);
}

/* ---- slices ---- */

static void add_row(slice_job *job, const recording *r, int64_t i, const char *file) {
    const train_plot_slice *shown = &r->shown[i];
    int64_t n;
    const data_slice *slice = &data_slicer_slices(r->slicer, &n)[i];
    const char *name = library_class_name(job->model, r->best[i]);
    float p = r->best[i] >= 0
                  ? job->probability[i % BATCH * infer_model_n_classes(job->model) + r->best[i]]
                  : 0;
    base_text *t = &job->table;
    base_text_add_csv_path(t, file);
    base_text_add(t, ",");
    base_text_add_csv(t, shown->label);
    base_text_add(t, ",");
    base_text_add_csv(t, r->name);
    base_text_add(t, ",");
    base_text_add_csv(t, name);
    base_text_printf(t, ",%.6f,", (double)p);
    base_text_add_csv_path(t, r->path);
    const double times_s[] = {slice->at_s, shown->begin_s, shown->end_s};
    for (int k = 0; k < 3; k++) base_text_printf(t, ",%.6f", times_s[k]);
    base_text_add(t, "\n");
    if (!job->call->json) return;
    base_text_add(&job->said, "{\"path\": ");
    base_text_add_json_path(&job->said, file);
    base_text_add(&job->said, ", \"recording\": ");
    base_text_add_json_path(&job->said, r->path);
    base_text_add(&job->said, ", \"label\": ");
    base_text_add_json(&job->said, shown->label);
    base_text_add(&job->said, ", \"class\": ");
    base_text_add_json(&job->said, name);
    base_text_printf(&job->said,
                     ", \"probability\": %.6f, \"onset_s\": %.6f, \"from_s\": %.6f, \"to_s\": "
                     "%.6f}\n",
                     (double)p, times_s[0], times_s[1], times_s[2]);
}

static base_status keep_slice(slice_job *job, recording *r, int64_t i, const data_audio *audio,
                              base_error *err) {
    int64_t n;
    const data_slice *slice = &data_slicer_slices(r->slicer, &n)[i];
    double rate_hz = data_slicer_rate_hz(r->slicer);
    base_text file = {0};
    bool is_labelled = slice->label != NULL && slice->label[0] != '\0';
    r->shown[i] =
        (train_plot_slice){(double)slice->begin / rate_hz, (double)slice->end / rate_hz,
                           is_labelled ? slice->label : library_class_name(job->model, r->best[i])};
    add_file_name(job, r, i + 1, r->shown[i].label, &file);
    const char *path = base_path_join(&r->arena, job->folder, base_text_string(&file));
    base_status status = BASE_OK;
    if (path == NULL || file.failed) {
        status = base_fail(err, BASE_EMEMORY, "%s: out of memory", r->path);
    } else if (!job->is_dry) {
        status = data_audio_write(path, audio, err);
    }
    if (status == BASE_OK) add_row(job, r, i, base_text_string(&file));
    base_text_release(&file);
    return status;
}

/* Slices [first, first + n): cut, classified, written. */
typedef struct {
    data_audio sounds[BATCH], clips[BATCH];
    int64_t first, n;
} slice_batch;

static base_status cut_batch(const slice_job *job, recording *r, slice_batch *b, base_error *err) {
    for (int64_t i = 0; i < b->n; i++) {
        base_error why;
        BASE_TRY(data_slicer_next(r->slicer, &b->sounds[i], err));
        /* A slice that is silent to the model has no clip, and is unknown. */
        base_status status =
            data_clip_prepare(&b->sounds[i], infer_model_audio(job->model), &b->clips[i], &why);
        if (base_status_is_transient(status)) return base_fail(err, status, "%s", why.text);
    }
    return BASE_OK;
}

static base_status write_batch(slice_job *job, recording *r, const slice_batch *b,
                               base_error *err) {
    int n_classes = infer_model_n_classes(job->model);
    BASE_TRY(infer_model_classify(job->model, b->clips, b->n, job->probability, err));
    for (int64_t i = 0; i < b->n; i++) {
        const float *p = job->probability + i * n_classes;
        r->best[b->first + i] =
            b->clips[i].x != NULL
                ? infer_refusal_decide(infer_model_refusal(job->model), p, n_classes)
                : INFER_UNKNOWN;
        BASE_TRY(keep_slice(job, r, b->first + i, &b->sounds[i], err));
    }
    return BASE_OK;
}

static base_status write_slices(slice_job *job, recording *r, base_error *err) {
    base_status status = BASE_OK;
    slice_batch b = {.first = 0};
    for (; b.first < r->n_slices && status == BASE_OK; b.first += BATCH) {
        b.n = r->n_slices - b.first < BATCH ? r->n_slices - b.first : BATCH;
        memset(b.sounds, 0, sizeof b.sounds);
        memset(b.clips, 0, sizeof b.clips);
        status = cut_batch(job, r, &b, err);
        if (status == BASE_OK) status = write_batch(job, r, &b, err);
        for (int64_t i = 0; i < b.n; i++) {
            data_audio_release(&b.sounds[i]);
            data_audio_release(&b.clips[i]);
        }
    }
    return status;
}

/* ---- recordings ---- */

static base_status draw_cut(const slice_job *job, const recording *r, base_error *err) {
    train_plot_slicing cut = {.title = r->name,
                              .levels_hz = DSP_ONSET_FRAMES_HZ,
                              .slices = r->shown,
                              .n_slices = r->n_slices};
    cut.level = data_slicer_levels(r->slicer, &cut.n_levels);
    return train_plot_slices(&cut, job->folder, r->name, err);
}

/* "song.wav    97 slices  kick 24, snare 20, closedhat 53" */
static void tell_recording(slice_job *job, const recording *r) {
    if (job->call->json || job->call->quiet) return;
    base_text_add_shown(&job->said, r->path);
    base_text_printf(&job->said, "  %lld slices", (long long)r->n_slices);
    const char *before = "  ";
    for (int c = INFER_UNKNOWN; c < infer_model_n_classes(job->model); c++) {
        int64_t n = 0;
        for (int64_t i = 0; i < r->n_slices; i++) n += r->best[i] == c;
        if (n == 0) continue;
        base_text_printf(&job->said, "%s%s %lld", before, library_class_name(job->model, c),
                         (long long)n);
        before = ", ";
    }
    base_text_add(&job->said, "\n");
}

static base_status cut_recording(slice_job *job, recording *r, base_error *err) {
    data_slicer_options options = job->options;
    BASE_TRY(read_annotation(job, r, err));
    if (job->annotations != NULL) options.annotation = &r->annotation;
    BASE_TRY(data_slicer_open(r->path, &options, &r->slicer, err));
    data_slicer_slices(r->slicer, &r->n_slices);
    r->shown = base_arena_alloc(&r->arena, (size_t)r->n_slices, sizeof *r->shown);
    r->best = base_arena_alloc(&r->arena, (size_t)r->n_slices, sizeof *r->best);
    if (r->shown == NULL || r->best == NULL) {
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", r->path);
    }
    BASE_TRY(name_recording(job, r, err));
    BASE_TRY(write_slices(job, r, err));
    const data_condition *condition = data_slicer_condition(r->slicer);
    if (condition->text[0] != '\0') {
        base_error said;
        base_fail(&said, BASE_EDATA, "%s: %s", r->path, condition->text);
        cli_progress_error(&job->progress, said.text);
    }
    tell_recording(job, r);
    return job->is_dry ? BASE_OK : draw_cut(job, r, err);
}

/* A recording that cannot be cut is told, and the others go on. */
static base_status slice_recording(slice_job *job, const char *path, base_error *err) {
    recording r = {.path = path};
    base_status status = cut_recording(job, &r, err);
    data_slicer_close(r.slicer);
    data_annotation_release(&r.annotation);
    base_arena_release(&r.arena);
    job->n_done++;
    cli_progress_data(&job->progress, "slicing", job->n_done, job->n_total);
    if (status == BASE_OK || status == BASE_ESTOPPED || status == BASE_EMEMORY) return status;
    cli_progress_error(&job->progress, err->text);
    job->n_failed++;
    return BASE_OK;
}

static base_status write_table(slice_job *job, base_error *err) {
    const char *path = base_path_join(&job->call->arena, job->folder, "labels.csv");
    if (path == NULL) return base_fail(err, BASE_EMEMORY, "labels.csv: out of memory");
    return job->is_dry || job->n_names == 0 ? BASE_OK
                                            : base_file_write_text(path, &job->table, err);
}

/* What was cut before the end is listed, however it ends. */
static base_status slice_all(slice_job *job, const library_files *found, base_error *err) {
    base_error other;
    base_status status = job->is_dry ? BASE_OK : base_folder_make(job->folder, err);
    base_text_add(&job->table,
                  "path,label,group,class,probability,recording,onset_s,from_s,to_s\n");
    job->names = base_arena_alloc(&job->call->arena, (size_t)found->n + 1, sizeof *job->names);
    job->probability =
        base_arena_alloc(&job->call->arena, (size_t)(BATCH * infer_model_n_classes(job->model)),
                         sizeof *job->probability);
    if (job->names == NULL || job->probability == NULL) {
        status = base_fail(err, BASE_EMEMORY, "out of memory");
    }
    job->n_total = found->n;
    for (int64_t i = 0; i < found->n && status == BASE_OK && !job->broken; i++) {
        status = slice_recording(job, found->files[i].path, err);
        cli_progress_clear(&job->progress);
        job->broken = cli_print_release(&job->said) != CLI_OK;
    }
    base_status written = write_table(job, status == BASE_OK ? err : &other);
    return status == BASE_OK ? written : status;
}

/* ---- the command ---- */

static bool read_format(slice_job *job) {
    const char *format = cli_text(job->call, "format");
    job->extension = format != NULL ? format : "wav";
    if (strcmp(job->extension, "wav") == 0 || strcmp(job->extension, "flac") == 0) return true;
    cli_usage("--format=%s: must be wav or flac", format);
    return false;
}

static int check_folder(slice_job *job) {
    job->folder = cli_text(job->call, "out");
    if (job->folder == NULL) job->folder = "slices";
    return job->is_dry || cli_may_fill(job->call, job->folder) ? CLI_OK : CLI_FAILED;
}

static int read_options(slice_job *job) {
    cli_call *call = job->call;
    base_error err;
    data_labels *rules;
    job->is_dry = cli_given(call, "dry-run");
    job->annotations = cli_text(call, "annotations");
    job->rules_path = cli_text(call, "rules");
    job->options = (data_slicer_options){
        .threshold = DSP_ONSET_THRESHOLD, .longest_s = 6, .stopped = cli_stopped};
    if (!cli_number(call, "threshold", 0.01, 1000, &job->options.threshold) ||
        !cli_number(call, "longest", 0.01, 600, &job->options.longest_s) || !read_format(job)) {
        return CLI_USAGE;
    }
    if (job->rules_path != NULL && job->annotations == NULL) {
        return cli_usage("--rules: is for the labels of --annotations");
    }
    if (job->rules_path == NULL) return CLI_OK;
    if (data_labels_read(job->rules_path, &call->arena, &rules, &err) != BASE_OK) {
        return cli_fail(&err);
    }
    job->rules = rules;
    return CLI_OK;
}

/* What was found and is no recording, or could not be read. */
static void tell_found(slice_job *job, const library_files *found) {
    base_error said;
    for (int64_t i = 0; i < found->n_skipped; i++) {
        base_fail(&said, BASE_EDATA, "%s: %s", found->skipped[i].path, found->skipped[i].why);
        cli_progress_error(&job->progress, said.text);
    }
    for (int64_t i = 0; i < found->n_problems; i++) {
        cli_progress_error(&job->progress, found->problems[i].why);
    }
    job->n_failed += found->n_skipped + found->n_problems;
}

static int slice_paths(slice_job *job) {
    cli_call *call = job->call;
    base_error err;
    library_files found;
    const library_find_request request = {call->arguments, call->n_arguments, cli_stopped};
    if (library_find(&request, &call->arena, &found, &err) != BASE_OK) return cli_fail(&err);
    bool is_file = job->annotations != NULL && strchr(job->annotations, '*') == NULL &&
                   !base_folder_exists(job->annotations);
    if (is_file && found.n > 1) {
        return cli_usage("--annotations=%s: is one file for %lld recordings; name a folder, or "
                         "FOLDER/*.csv",
                         job->annotations, (long long)found.n);
    }
    tell_found(job, &found);
    base_status status = slice_all(job, &found, &err);
    base_text_release(&job->table);
    base_text_release(&job->said);
    if (status != BASE_OK) return cli_fail(&err);
    return job->n_failed > 0 || job->broken ? CLI_FAILED : CLI_OK;
}

static int run_slice(cli_call *call) {
    slice_job job = {.call = call, .progress = {.call = call}};
    const char *path;
    base_error err;
    int code = read_options(&job);
    if (code == CLI_OK) code = cli_model_path(call, &path);
    if (code == CLI_OK) code = check_folder(&job);
    if (code != CLI_OK) return code;
    if (infer_model_open(path, BATCH, call->pool, &job.model, &err) != BASE_OK) {
        return cli_fail(&err);
    }
    code = slice_paths(&job);
    infer_model_free(job.model);
    return code;
}

static const cli_flag flags[] = {
    CLI_FLAG_MODEL,
    {"out", "FOLDER", "where slices, labels.csv and pictures go: new, or empty (default slices)"},
    {"annotations", "PATH",
     "cut there, and label so: a file for one recording, a folder of files named like the "
     "recordings, or a path with a * for the name"},
    {"rules", "FILE", "rules from the annotations' labels to classes; a label without is an error"},
    {"threshold", "N",
     "how much the sound must rise for an onset (default 1.25); less finds softer strokes"},
    {"longest", "S", "longest slice in seconds (default 6)"},
    {"format", "wav|flac", "of the slices (default wav, 32-bit float; flac has 24 bits)"},
    {"dry-run", NULL, "tell what would be cut, and write nothing"},
    CLI_FLAG_OVERWRITE_FILES,
    CLI_FLAG_JSON,
    {0},
};

const cli_command cli_slice = {
    .name = "slice",
    .arguments = "[MODEL] RECORDING...",
    .summary = "cut recordings into one-shots, and tell what each is",
    .description =
        "RECORDING is a sound file, a folder of them, or - for a list of files on standard input. "
        "Each sound begins at its attack, found by "
        "SuperFlux or named by an annotation, at a zero crossing; it ends where it has decayed, "
        "where "
        "the next one begins, or after --longest. 1 ms at its begin and 5 ms at its end are "
        "faded.\n\n"
        "The folder gets a file per slice, RECORDING_NUMBER_CLASS.wav; a picture of the cut for "
        "each "
        "recording (SVG and PNG); and labels.csv, which 'source: csv' reads: the label is the "
        "annotation's, or else the class, and the recording is the group.\n\n"
        "Annotations are CSV with columns such as time, end and label, Audacity's labels, lines "
        "TIME "
        "LABEL (MDB Drums), MIDI, Sonic Visualiser's CSV and SVL, and XML of IDMT-SMT-Drums. "
        "Strokes "
        "within 30 ms are one slice, whose label is theirs joined by '+'. To train on annotated "
        "recordings without slicing them first: 'source: slices'.\n\n" CLI_MODEL_HELP,
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_slice,
};
