#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/decision.h"
#include "cli/library.h"
#include "cli/model.h"
#include "cli/tables.h"
#include "infer/classify.h"
#include "infer/library/sounds.h"
#include "infer/library/template.h"

enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };
enum { MAX_TOP = 16 };

typedef struct {
    cli_call *call;
    cli_progress progress;
    cli_decision decision;
    base_text reason;           /* of the result at hand */
    const library_sound *heard; /* the same, with its measures; NULL: not asked for */
    const char *out_path;       /* NULL: standard output */
    base_text out;              /* what goes there */
    bool measures, tags;
    int format, top, damaged;
    int64_t n_done, n_total, n_failed;
    bool broken; /* standard output failed, which was told: stop */
} classify_view;

/* A result in the classes as they are shown. */
typedef struct {
    const char *path, *error;
    const float *probability; /* NULL: error */
    int best;                 /* or INFER_UNKNOWN */
    int cause;                /* of that, after joining; -1: none of these */
    const char *reason;       /* of that; "" */
    const char *condition;    /* NULL: whole */
    const library_sound *heard;
} shown_result;

/* The classes in falling order of probability, the `top` first ones. */
static void rank(const float *probability, int n_classes, int top, int *order) {
    for (int i = 0; i < top; i++) {
        int best = -1;
        for (int c = 0; c < n_classes; c++) {
            bool taken = false;
            for (int j = 0; j < i; j++) taken |= order[j] == c;
            if (!taken && (best < 0 || probability[c] > probability[best])) best = c;
        }
        order[i] = best;
    }
}

static const char *class_or_unknown(const classify_view *view, const shown_result *result) {
    return cli_decision_class(&view->decision, result->best);
}

/* "snare      0.71  hit 4.wav  (clap 0.24)", "unknown          hit 5.wav: other 0.93, more than
 * 0.30 (clap 0.05)"; what is not even one in a hundred is left out. */
static void add_text(const classify_view *view, const shown_result *result, base_text *out) {
    const float *p = result->probability;
    int order[MAX_TOP], n = 0, n_top = view->top + (result->best < 0 ? 0 : -1);
    char certainty[16] = "";
    rank(p, view->decision.merge.n_classes, view->top, order);
    if (result->best >= 0) snprintf(certainty, sizeof certainty, "%.2f", (double)p[result->best]);
    cli_pad(out, class_or_unknown(view, result), 10, false);
    base_text_printf(out, " %4s  ", certainty);
    base_text_add_shown(out, result->path);
    if (result->best < 0) base_text_printf(out, ": %s", result->reason);
    for (int i = 0; i < view->top && n < n_top; i++) {
        if (order[i] == result->best || order[i] == result->cause) continue;
        if (p[order[i]] < 0.01F) continue;
        base_text_add(out, n++ == 0 ? "  (" : ", ");
        base_text_add_shown(out, view->decision.merge.classes[order[i]]);
        base_text_printf(out, " %.2f", (double)p[order[i]]);
    }
    base_text_add(out, n > 0 ? ")\n" : "\n");
}

static void add_json_condition(const shown_result *result, base_text *out) {
    if (result->condition == NULL) return;
    base_text_add(out, ", \"condition\": ");
    base_text_add_json(out, result->condition);
}

static void add_json_number(const char *key, double value, base_text *out) {
    base_text_printf(out, ", \"%s\": ", key);
    if (isnan(value)) base_text_add(out, "null");
    if (!isnan(value)) base_text_printf(out, "%.6g", value);
}

static void add_json_measures(const library_sound *heard, base_text *out) {
    char note[16];
    add_json_number("pitch_hz", heard->pitch_hz, out);
    base_text_printf(out, ", \"note\": ");
    base_text_add_json(out, library_note_name(heard->pitch_hz, note));
    add_json_number("loudness_lufs", heard->loudness_lufs, out);
    add_json_number("seconds", heard->seconds, out);
}

/* One object per line, so that a reader can begin before the last file is done. */
static void add_json(const classify_view *view, const shown_result *result, base_text *out) {
    base_text_add(out, "{\"path\": ");
    base_text_add_json_path(out, result->path);
    if (result->error != NULL) {
        base_text_add(out, ", \"error\": ");
        base_text_add_json(out, result->error);
        add_json_condition(result, out);
    } else {
        add_json_condition(result, out);
        base_text_add(out, ", \"class\": ");
        base_text_add_json(out, class_or_unknown(view, result));
        if (result->best < 0) {
            base_text_add(out, ", \"reason\": ");
            base_text_add_json(out, result->reason);
        }
        base_text_add(out, ", \"probability\": {");
        for (int c = 0; c < view->decision.merge.n_classes; c++) {
            if (c) base_text_add(out, ", ");
            base_text_add_json(out, view->decision.merge.classes[c]);
            base_text_printf(out, ": %.6f", (double)result->probability[c]);
        }
        base_text_add(out, "}");
        if (result->heard != NULL) add_json_measures(result->heard, out);
    }
    base_text_add(out, "}\n");
}

static void add_csv_head(const classify_view *view, base_text *out) {
    const cli_merge *merge = &view->decision.merge;
    base_text_add(out, "path,class");
    for (int c = 0; c < merge->n_classes; c++) {
        base_text_add(out, ",");
        base_text_add_csv(out, merge->classes[c]);
    }
    base_text_add(out, ",error,condition,reason");
    if (view->measures) base_text_add(out, ",pitch_hz,note,loudness_lufs,seconds");
    base_text_add(out, "\n");
}

static void add_csv_number(double value, base_text *out) {
    base_text_add(out, ",");
    if (!isnan(value)) base_text_printf(out, "%.6g", value);
}

/* Of a sound that was not heard the fields are empty. */
static void add_csv_measures(const library_sound *heard, base_text *out) {
    char note[16] = "";
    if (heard != NULL) library_note_name(heard->pitch_hz, note);
    add_csv_number(heard != NULL ? heard->pitch_hz : NAN, out);
    base_text_printf(out, ",%s", note);
    add_csv_number(heard != NULL ? heard->loudness_lufs : NAN, out);
    add_csv_number(heard != NULL ? heard->seconds : NAN, out);
}

static void add_csv(const classify_view *view, const shown_result *result, base_text *out) {
    base_text_add_csv_path(out, result->path);
    base_text_add(out, ",");
    base_text_add_csv(out, result->error != NULL ? "" : class_or_unknown(view, result));
    for (int c = 0; c < view->decision.merge.n_classes; c++) {
        if (result->error != NULL) base_text_add(out, ",");
        if (result->error == NULL) base_text_printf(out, ",%.6f", (double)result->probability[c]);
    }
    base_text_add(out, ",");
    base_text_add_csv(out, result->error != NULL ? result->error : "");
    base_text_add(out, ",");
    base_text_add_csv(out, result->condition != NULL ? result->condition : "");
    base_text_add(out, ",");
    base_text_add_csv(out, result->reason);
    if (view->measures) add_csv_measures(result->heard, out);
    base_text_add(out, "\n");
}

static shown_result decide(classify_view *view, const infer_result *result) {
    shown_result shown = {result->path, result->error,     NULL, INFER_UNKNOWN, -1,
                          "",           result->condition, NULL};
    base_text_release(&view->reason);
    view->reason = (base_text){0};
    if (result->error != NULL) return shown;
    shown.best = cli_decision_make(&view->decision, result->probability);
    shown.probability = view->decision.joined;
    shown.cause = cli_decision_explain(&view->decision, result->probability, &view->reason);
    shown.reason = base_text_string(&view->reason);
    shown.heard = view->measures ? view->heard : NULL;
    return shown;
}

/* Of a sound that is used all the same. */
static void tell_condition(classify_view *view, const shown_result *result) {
    base_error said;
    bool is_input = strcmp(result->path, "-") == 0;
    base_fail(&said, BASE_EDATA, "%s: %s", is_input ? "standard input" : result->path,
              result->condition);
    cli_progress_error(&view->progress, said.text);
}

/* Beside the sound, as what --format json says of it. A file of that name that is none of ours
 * stays. */
static void write_tags(classify_view *view, const shown_result *result) {
    base_error err;
    base_arena arena = {0};
    base_text out = {0};
    void *present = NULL;
    size_t n_bytes;
    const char *path = base_arena_printf(&arena, "%s.rimshot.json", result->path);
    shown_result own = *result;
    own.path = base_path_name(result->path); /* wherever both are carried */
    base_status status = path != NULL ? BASE_OK : base_fail(&err, BASE_EMEMORY, "out of memory");
    if (status == BASE_OK && base_file_read(path, 1 << 20, &present, &n_bytes, NULL) == BASE_OK &&
        strncmp(present, "{\"path\": ", 9) != 0) {
        status = base_fail(&err, BASE_EEXISTS, "%s: not replaced, it is no file of tags", path);
    }
    add_json(view, &own, &out);
    if (status == BASE_OK) status = base_file_write_text(path, &out, &err);
    if (status != BASE_OK) cli_progress_unread(&view->progress, err.text);
    base_free(present);
    base_text_release(&out);
    base_arena_release(&arena);
}

/* To standard output, or to what becomes the file. */
static void put(classify_view *view, base_text *text) {
    if (view->out_path != NULL) {
        base_text_add_bytes(&view->out, base_text_string(text), text->size);
        view->out.failed |= text->failed;
        base_text_release(text);
        return;
    }
    if (text->size > 0 && view->call->mixed) cli_progress_clear(&view->progress);
    view->broken |= cli_print_release(text) != CLI_OK;
}

static bool on_result(void *context, const infer_result *given) {
    classify_view *view = context;
    const shown_result shown = decide(view, given), *result = &shown;
    base_text out = {0};
    view->n_done++;
    view->n_failed += result->error != NULL;
    if (result->error != NULL) cli_progress_error(&view->progress, result->error);
    if (result->error == NULL && result->condition != NULL) tell_condition(view, result);
    if (view->format == FORMAT_JSON) add_json(view, result, &out);
    if (view->format == FORMAT_CSV) add_csv(view, result, &out);
    if (view->format == FORMAT_TEXT && result->error == NULL) add_text(view, result, &out);
    put(view, &out);
    bool tagged = view->tags && result->error == NULL && strcmp(result->path, "-") != 0;
    if (tagged) write_tags(view, result);
    cli_progress_data(&view->progress, "classifying", view->n_done, view->n_total);
    return !view->broken && !cli_stopped();
}

static bool on_sound(void *context, const library_sound *sound) {
    classify_view *view = context;
    const infer_result result = {.path = sound->path,
                                 .status = sound->status,
                                 .error = sound->error,
                                 .probability = sound->probability,
                                 .best = sound->best,
                                 .condition = sound->condition};
    view->heard = sound;
    bool go_on = on_result(view, &result);
    view->heard = NULL;
    return go_on;
}

static int format_of_name(const char *path) {
    const char *extension = path != NULL ? base_path_extension(path) : "";
    if (strcasecmp(extension, "csv") == 0) return FORMAT_CSV;
    bool json = strcasecmp(extension, "json") == 0 || strcasecmp(extension, "jsonl") == 0;
    return json ? FORMAT_JSON : FORMAT_TEXT;
}

static bool parse_options(cli_call *call, classify_view *view) {
    static const char *const formats[] = {"text", "json", "csv"};
    const char *format = cli_text(call, "format");
    int64_t top = 2;
    view->out_path = cli_text(call, "out");
    view->tags = cli_given(call, "write-tags");
    view->measures = cli_given(call, "measure") || view->tags;
    view->format = call->json ? FORMAT_JSON : format_of_name(view->out_path);
    for (int i = 0; format != NULL && i < 3; i++) {
        if (strcmp(format, formats[i]) == 0) view->format = i;
    }
    if (format != NULL && strcmp(format, formats[view->format]) != 0) {
        cli_usage("--format=%s: must be text, json or csv", format);
        return false;
    }
    const char *damaged = cli_text(call, "damaged");
    view->damaged =
        damaged != NULL && strcmp(damaged, "use") == 0 ? DATA_DAMAGED_USE : DATA_DAMAGED_REFUSE;
    if (damaged != NULL && view->damaged != DATA_DAMAGED_USE && strcmp(damaged, "refuse") != 0) {
        cli_usage("--damaged=%s: must be refuse or use", damaged);
        return false;
    }
    if (!cli_int(call, "top", 1, MAX_TOP, &top)) return false;
    view->top = (int)top;
    view->decision.threshold = -1;
    return cli_number(call, "threshold", 0, 1, &view->decision.threshold);
}

static bool is_skipped(const char *path) {
    return library_why_skipped(path) != NULL;
}

/* Sounds in folders that cannot be read, by their names. */
static void tell_skipped(classify_view *view, const char *folder) {
    base_walk found;
    base_arena arena = {0};
    if (base_folder_walk(folder, is_skipped, &arena, &found, NULL) == BASE_OK) {
        for (int64_t i = 0; i < found.n_paths; i++) {
            cli_progress_line(&view->progress, "skipped: %s: %s", found.paths[i],
                              library_why_skipped(found.paths[i]));
        }
    }
    base_arena_release(&arena);
}

/* What the arguments name; with --list, `-` is a list of paths. */
static int find_paths(cli_call *call, classify_view *view, infer_paths *paths) {
    base_error err;
    library_files files;
    if (!cli_given(call, "list")) {
        for (int i = 0; i < call->n_arguments; i++) tell_skipped(view, call->arguments[i]);
        base_status status =
            infer_expand_paths(call->arguments, call->n_arguments, &call->arena, paths, &err);
        return status == BASE_OK ? CLI_OK : cli_fail(&err);
    }
    int code = cli_library_find(call, &view->progress, &files);
    if (code != CLI_OK) return code;
    *paths = (infer_paths){.n = files.n};
    paths->items = base_arena_alloc(&call->arena, (size_t)files.n + 1, sizeof *paths->items);
    if (paths->items == NULL) return cli_usage("out of memory");
    for (int64_t i = 0; i < files.n; i++) paths->items[i] = files.files[i].path;
    return CLI_OK;
}

/* What cannot be read is a result, too. */
static void show_problems(classify_view *view, const infer_paths *paths) {
    for (int64_t i = 0; i < paths->n_repeats; i++) {
        cli_progress_line(&view->progress, "note: %s", paths->repeats[i]);
    }
    for (int64_t i = 0; i < paths->n_problems && !view->broken; i++) {
        const base_walk_problem *problem = &paths->problems[i];
        on_result(view, &(infer_result){.path = problem->path,
                                        .status = problem->status,
                                        .error = problem->why,
                                        .best = -1});
    }
}

static base_status listen(classify_view *view, infer_model *model, const infer_paths *paths,
                          base_error *err) {
    base_pool *pool = view->call->pool;
    const infer_classify_job job = {.model = model,
                                    .paths = paths->items,
                                    .n = paths->n,
                                    .pool = pool,
                                    .damaged = view->damaged,
                                    .stopped = cli_stopped,
                                    .handler = on_result,
                                    .context = view};
    const library_listen_job measured = {.model = model,
                                         .paths = paths->items,
                                         .n = paths->n,
                                         .pool = pool,
                                         .damaged = view->damaged,
                                         .measures = true,
                                         .stopped = cli_stopped,
                                         .handler = on_sound,
                                         .context = view};
    return view->measures ? library_listen(&measured, err) : infer_classify_files(&job, err);
}

/* The file, if there is one, appears whole. */
static int finish(classify_view *view) {
    base_error err;
    base_text said = {0};
    char number[32];
    if (view->out_path != NULL) {
        if (base_file_write_text(view->out_path, &view->out, &err) != BASE_OK)
            return cli_fail(&err);
        base_text_printf(&said, "%s sounds in ", base_thousands(view->n_done, number));
        cli_add_name("", view->out_path, "\n", &said);
        if (view->call->quiet) base_text_release(&said);
        if (!view->call->quiet && cli_print_release(&said) != CLI_OK) return CLI_FAILED;
    }
    return view->n_failed > 0 || view->call->n_unread > 0 ? CLI_FAILED : CLI_OK;
}

static int classify(cli_call *call, infer_model *model, classify_view *view) {
    base_error err;
    infer_paths paths;
    int code = cli_decision_read(call, model, &view->decision);
    if (code == CLI_OK) code = find_paths(call, view, &paths);
    if (code != CLI_OK) return code;
    if (view->top > view->decision.merge.n_classes) view->top = view->decision.merge.n_classes;
    view->n_total = paths.n + paths.n_problems;
    if (view->format == FORMAT_CSV) {
        base_text head = {0};
        add_csv_head(view, &head);
        put(view, &head);
    }
    show_problems(view, &paths);
    if (view->broken) return CLI_FAILED;
    base_status status = listen(view, model, &paths, &err);
    cli_progress_clear(&view->progress);
    if (view->broken) return CLI_FAILED;
    return status == BASE_OK ? finish(view) : cli_fail(&err);
}

/* What reads the results may show them on the same terminal, where a bar would stand between. */
static bool is_piped(void) {
    struct stat info;
    return fstat(STDOUT_FILENO, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode));
}

static int run_classify(cli_call *call) {
    classify_view view = {.call = call, .progress = {.call = call}};
    base_error err;
    infer_model *model;
    const char *path;
    if (!parse_options(call, &view)) return CLI_USAGE;
    int code = cli_model_path(call, &path);
    if (code != CLI_OK) return code;
    if (view.out_path == NULL && is_piped()) call->terminal = false;
    if (infer_model_open(path, INFER_MODEL_BATCH, call->pool, &model, &err) != BASE_OK) {
        return cli_fail(&err);
    }
    code = classify(call, model, &view);
    base_text_release(&view.reason);
    base_text_release(&view.out);
    infer_model_free(model);
    return code;
}

static const cli_flag flags[] = {
    CLI_FLAG_MODEL,
    {"out", "FILE", "write the results there (.csv, .json; text under other names)"},
    {"format", "text|json|csv", "json: one object per line (default text)"},
    {"measure", NULL, "CSV, JSON: with pitch, note, loudness and length"},
    {"write-tags", NULL, "write NAME.rimshot.json beside each sound; the sound stays as it is"},
    {"list", NULL, "- is a list of paths, one a line or as of find -print0, and not a sound"},
    {"top", "K", "text: name the K most probable classes (default 2), down to 0.01"},
    {"threshold", "P",
     "below this probability a sound is called unknown (default: the model's, for each class; 0: "
     "never)"},
    CLI_FLAG_REFUSE,
    CLI_FLAGS_MERGE,
    {"json", NULL, "the same as --format json"},
    {"damaged", "WHAT", "refuse (default) damaged sounds, or use what there is of them"},
    {0},
};

const cli_command cli_classify = {
    .name = "classify",
    .arguments = "[MODEL] PATH...",
    .summary = "tell what kind of drum each sound is",
    .description =
        "PATH is a sound file, a folder (all sound files below it) or - for standard "
        "input. Results come in the order of the files. A file that cannot be read "
        "is named on standard error, the others go on, and the exit code is 1. So are folders "
        "that cannot be, and files that are damaged: that end before their header says so, or "
        "whose decoder reports an error; --damaged use takes what there is of them.\n\n"
        "Probabilities are calibrated on the folds the model was tested on, if it was. A model "
        "that was trained with sounds that are no drums calls such sounds unknown, and says "
        "why.\n\n"
        "With --out the results go to a file, which appears whole when all is done. A file of "
        "--write-tags holds what --format json --measure says of its sound; organize "
        "--with-side-files takes it along.\n\n" CLI_MODEL_HELP,
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_classify,
};
