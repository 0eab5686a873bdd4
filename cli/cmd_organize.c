#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/decision.h"
#include "cli/library.h"
#include "cli/model.h"
#include "cli/tables.h"
#include "data/labels.h"
#include "infer/library/organize.h"
#include "infer/library/plan.h"
#include "infer/library/sounds.h"
#include "infer/library/template.h"

typedef enum { DUPLICATES_ASIDE, DUPLICATES_SORT, DUPLICATES_LEAVE, N_DUPLICATES } duplicates;

/* Why a sound is where it is in the plan. */
typedef enum { SORTED, UNSORTED, DUPLICATE } fate;

/* A sound of the plan, as it is shown. */
typedef struct {
    int64_t operation;
    fate fate;
    const char *class_name;
    double confidence; /* NaN: unknown */
    const char *first; /* of a duplicate: the one it is a copy of */
} placed;

/* A file that stays where it is. */
typedef struct {
    const char *path, *why;
} stayed;

typedef struct {
    cli_call *call;
    cli_progress progress;
    const char *folder;    /* the library, absolute */
    const char *shown;     /* as it was given */
    const char *settings;  /* all that decides the plan */
    const char *template_; /* checked */
    const data_labels *rules;
    library_action action;
    duplicates duplicates;
    bool measures;
    double confidence; /* least, beside the model's own bounds */
    cli_decision decision;
    library_journal *journals;
    int64_t n_journals;
    library_planner *planner;
    library_files files;
    const library_file **heard; /* [n_heard] what is listened to */
    int64_t n_heard, next, n_known;
    placed *placed;
    stayed *stayed;
    size_t n_placed, placed_capacity, n_stayed, stayed_capacity;
    base_error err;
    library_tally tally;
} organizing;

static base_status no_memory(organizing *o) {
    return base_fail(&o->err, BASE_EMEMORY, "%s: out of memory", o->shown);
}

/* ---- settings ---- */

static int read_choice(const cli_call *call, const char *flag, const char *const *names, int n) {
    const char *text = cli_text(call, flag);
    for (int i = 0; i < n; i++) {
        if (text == NULL || strcmp(text, names[i]) == 0) return i;
    }
    base_text all = {0};
    for (int i = 0; i < n; i++) base_text_printf(&all, "%s%s", i > 0 ? ", " : "", names[i]);
    cli_usage("--%s=%s: must be one of %s", flag, text, base_text_string(&all));
    base_text_release(&all);
    return -1;
}

/* The same settings again go on with an unfinished run. */
static base_status note_settings(organizing *o) {
    static const char *const flags[] = {"action",     "template", "rules",      "merge",
                                        "only",       "refuse",   "confidence", "duplicates",
                                        "side-files", "model"};
    base_text text = {0};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (!cli_given(o->call, flags[i])) continue;
        const char *value = cli_text(o->call, flags[i]);
        base_text_printf(&text, "--%s %s ", flags[i], value != NULL ? value : "");
    }
    for (int i = 0; i < o->call->n_arguments; i++) {
        base_text_printf(&text, "%s ", o->call->arguments[i]);
    }
    o->settings = text.failed ? NULL : base_arena_string(&o->call->arena, base_text_string(&text));
    base_text_release(&text);
    return o->settings != NULL ? BASE_OK : no_memory(o);
}

static int read_settings(organizing *o) {
    static const char *const duplicate_names[] = {"aside", "sort", "leave"};
    cli_call *call = o->call;
    int action = read_choice(call, "action", library_action_names, LIBRARY_N_ACTIONS);
    int twins = read_choice(call, "duplicates", duplicate_names, N_DUPLICATES);
    if (action < 0 || twins < 0) return CLI_USAGE;
    o->action = (library_action)action;
    o->duplicates = (duplicates)twins;
    o->template_ = cli_text(call, "template");
    if (o->template_ == NULL) o->template_ = "{class}/{name}";
    o->decision.threshold = -1;
    o->confidence = 0.5;
    if (!cli_number(call, "confidence", 0, 1, &o->confidence)) return CLI_USAGE;
    base_status status = library_template_check(o->template_, &o->measures, &o->err);
    if (status == BASE_OK && cli_given(call, "rules")) {
        data_labels *rules = NULL;
        status = data_labels_read(cli_text(call, "rules"), &call->arena, &rules, &o->err);
        o->rules = rules;
    }
    if (status == BASE_OK) status = note_settings(o);
    return status == BASE_OK ? CLI_OK : cli_fail(&o->err);
}

static int read_folder(organizing *o, const char *path) {
    o->shown = path;
    base_status status = library_absolute(path, &o->call->arena, &o->folder, &o->err);
    if (status == BASE_OK) {
        status = library_journals_read(o->folder, &o->call->arena, &o->journals, &o->n_journals,
                                       &o->err);
    }
    return status == BASE_OK ? CLI_OK : cli_fail(&o->err);
}

/* ---- runs ---- */

static bool on_progress(void *context, const char *what, int64_t done, int64_t total) {
    organizing *o = context;
    return cli_progress_data(&o->progress, what, done, total);
}

static void on_left(void *context, const char *why) {
    organizing *o = context;
    cli_progress_unread(&o->progress, why);
}

/* The run that was neither finished nor taken back; NULL: none. */
static library_journal *find_unfinished(organizing *o) {
    for (int64_t i = 0; i < o->n_journals; i++) {
        if (!o->journals[i].finished || o->journals[i].undoing) return &o->journals[i];
    }
    return NULL;
}

static void add_command(const char *flag, const organizing *o, base_text *out) {
    base_text_printf(out, "rimshot organize --%s ", flag);
    cli_add_quoted(o->shown, out);
}

/* What is left to do, on stderr, after a run that ended early. */
static void tell_unfinished(organizing *o) {
    base_text out = {0};
    base_text_add(&out, "nothing is lost; go on with: ");
    add_command("resume", o, &out);
    base_text_add(&out, "   or take it back with: ");
    add_command("undo", o, &out);
    cli_progress_line(&o->progress, "%s", base_text_string(&out));
    base_text_release(&out);
}

static int carry_out(organizing *o, library_journal *journal) {
    const library_watch watch = {on_progress, on_left, o};
    base_status status = library_apply(o->folder, journal, &watch, &o->tally, &o->err);
    cli_progress_clear(&o->progress);
    if (status == BASE_OK) return CLI_OK;
    int code = cli_fail(&o->err);
    tell_unfinished(o);
    return code;
}

/* Holds the library while `work` is done. */
static int locked(organizing *o, int (*work)(organizing *o)) {
    base_lock lock = {0};
    if (library_lock(o->folder, &lock, &o->err) != BASE_OK) return cli_fail(&o->err);
    int code = work(o);
    base_lock_release(&lock);
    return code;
}

/* ---- --undo and --resume ---- */

static int undo_runs(organizing *o) {
    const library_watch watch = {on_progress, on_left, o};
    int64_t stop = cli_given(o->call, "last") ? o->n_journals - 1 : 0;
    for (int64_t i = o->n_journals - 1; i >= stop; i--) {
        base_status status = library_undo(o->folder, &o->journals[i], &watch, &o->tally, &o->err);
        cli_progress_clear(&o->progress);
        if (status == BASE_OK) continue;
        int code = cli_fail(&o->err);
        base_text again = {0};
        add_command("undo", o, &again);
        cli_progress_line(&o->progress, "go on with: %s", base_text_string(&again));
        base_text_release(&again);
        return code;
    }
    return CLI_OK;
}

static int resume_run(organizing *o) {
    return carry_out(o, find_unfinished(o));
}

static int print_tally(organizing *o, const char *what) {
    base_text out = {0};
    char done[32], left[32];
    if (o->call->json) {
        base_text_printf(&out, "{\"%s\": %" PRId64 ", \"left\": %" PRId64 "}\n", what,
                         o->tally.n_done, o->tally.n_left);
    } else if (!o->call->quiet) {
        base_text_printf(&out, "%s %s", base_thousands(o->tally.n_done, done), what);
        if (o->tally.n_left > 0) {
            base_text_printf(&out, ", %s left as they are", base_thousands(o->tally.n_left, left));
        }
        base_text_add(&out, "\n");
    }
    return cli_print_release(&out);
}

static int run_undo(organizing *o) {
    if (o->n_journals == 0) {
        base_fail(&o->err, BASE_ENOTFOUND, "%s: no run of organize to undo", o->shown);
        return cli_fail(&o->err);
    }
    int code = locked(o, undo_runs);
    return code == CLI_OK ? print_tally(o, "undone") : code;
}

static int run_resume(organizing *o) {
    const library_journal *unfinished = find_unfinished(o);
    if (unfinished == NULL) {
        base_fail(&o->err, BASE_ENOTFOUND, "%s: no unfinished run of organize", o->shown);
        return cli_fail(&o->err);
    }
    if (unfinished->undoing) {
        return cli_usage("%s: is being taken back; go on with --undo", o->shown);
    }
    int code = locked(o, resume_run);
    return code == CLI_OK ? print_tally(o, "done") : code;
}

/* ---- listening and planning ---- */

static bool stays(organizing *o, const char *path, const char *why) {
    void *items = o->stayed;
    bool grown = base_grow(&items, &o->stayed_capacity, o->n_stayed + 1, sizeof *o->stayed);
    o->stayed = items;
    stayed kept = {base_arena_string(&o->call->arena, path),
                   base_arena_string(&o->call->arena, why)};
    if (!grown || kept.path == NULL || kept.why == NULL) return no_memory(o), false;
    o->stayed[o->n_stayed++] = kept;
    return true;
}

/* The same with a line for the user, whose call then ends with CLI_FAILED. */
static bool stays_unread(organizing *o, const char *path, const char *why) {
    cli_progress_unread(&o->progress, why);
    return stays(o, path, why);
}

/* The absolute path of a file: its folder without links, and its name. */
static base_status real_path(organizing *o, const char *path, const char **real) {
    base_arena *arena = &o->call->arena;
    const char *folder = base_path_folder(arena, path);
    if (folder == NULL) return no_memory(o);
    BASE_TRY(library_absolute(folder, arena, &folder, &o->err));
    *real = base_path_join(arena, folder, base_path_name(path));
    return *real != NULL ? BASE_OK : no_memory(o);
}

/* Why a file is not for this run; NULL: it is. */
static base_status why_not(organizing *o, const library_file *file, const library_operation *op,
                           const char **why) {
    struct stat info;
    *why = NULL;
    if (library_is_within(op->from, o->folder)) *why = "lies in the library";
    if (o->action != LIBRARY_MOVE || *why != NULL) return BASE_OK;
    if (lstat(file->path, &info) == 0 && S_ISLNK(info.st_mode)) *why = "is a link, and not moved";
    if (file->root == NULL) return BASE_OK;
    const char *root;
    BASE_TRY(library_absolute(file->root, &o->call->arena, &root, &o->err));
    if (!library_is_within(op->from, root)) *why = "is reached by a link, and not moved";
    return BASE_OK;
}

/* Leaves out what former runs have organised, before it is listened to. */
static base_status choose_files(organizing *o) {
    o->heard = base_arena_alloc(&o->call->arena, (size_t)o->files.n + 1, sizeof *o->heard);
    if (o->heard == NULL) return no_memory(o);
    for (int64_t i = 0; i < o->files.n; i++) {
        const library_file *file = &o->files.files[i];
        library_operation op;
        const char *why;
        if (library_operation_look(file->path, &op, &o->err) != BASE_OK) {
            if (!stays_unread(o, file->path, o->err.text)) return o->err.status;
            continue;
        }
        BASE_TRY(real_path(o, file->path, &op.from));
        BASE_TRY(why_not(o, file, &op, &why));
        if (why != NULL) {
            if (!stays(o, file->path, why)) return o->err.status;
        } else if (library_planner_knows(o->planner, &op)) {
            o->n_known++;
        } else {
            o->heard[o->n_heard++] = file;
        }
    }
    return BASE_OK;
}

/* The folders of a file below the place where it was found. */
static const char *below_root(organizing *o, const library_file *file) {
    if (file->root == NULL) return "";
    const char *below = file->path + strlen(file->root);
    while (*below == '/') below++;
    const char *name = base_path_name(below);
    while (name > below && name[-1] == '/') name--;
    return base_arena_copy(&o->call->arena, below, (size_t)(name - below));
}

/* The class's own name, or that of the first rule that fits CLASS/NAME; NULL: left where it is. */
static const char *name_class(organizing *o, const char *class_name, const char *path,
                              const char **reason) {
    if (o->rules == NULL) return class_name;
    const char *label =
        base_arena_printf(&o->call->arena, "%s/%s", class_name, base_path_name(path));
    int rule = label != NULL ? data_labels_match(o->rules, label, &o->call->arena, reason) : -1;
    if (rule >= 0) return data_labels_class(o->rules, rule);
    bool left_out = *reason != NULL && strncmp(*reason, "left out", 8) == 0;
    return left_out ? NULL : class_name;
}

static base_status keep_placed(organizing *o, const placed *p) {
    void *items = o->placed;
    bool grown = base_grow(&items, &o->placed_capacity, o->n_placed + 1, sizeof *o->placed);
    o->placed = items;
    if (!grown) return no_memory(o);
    o->placed[o->n_placed++] = *p;
    return BASE_OK;
}

/* Where a sound goes. */
static base_status place(organizing *o, const library_operation *op, const library_facts *facts,
                         placed *p) {
    const char *wanted;
    if (p->fate == SORTED) {
        wanted = library_template_expand(o->template_, facts, &o->call->arena);
    } else {
        const char *form = p->fate == DUPLICATE ? "duplicates/{name}" : "unsorted/{name}";
        wanted = library_template_expand(form, facts, &o->call->arena);
    }
    if (wanted == NULL) return no_memory(o);
    BASE_TRY(library_planner_add(o->planner, op, wanted, &p->operation, &o->err));
    return keep_placed(o, p);
}

static base_status plan_sound(organizing *o, const library_file *file, const library_sound *sound) {
    int best = cli_decision_make(&o->decision, sound->probability);
    if (best >= 0 && (double)o->decision.joined[best] < o->confidence) best = INFER_UNKNOWN;
    const char *class_name = cli_decision_class(&o->decision, best), *reason = NULL;
    placed p = {.fate = best >= 0 ? SORTED : UNSORTED,
                .confidence = best >= 0 ? (double)o->decision.joined[best] : NAN};
    library_operation op = {0};
    BASE_TRY(library_operation_look(file->path, &op, &o->err));
    BASE_TRY(library_digest_file(file->path, &op.content, &o->err));
    if (op.size_bytes != sound->stamp.size_bytes || op.modified_ns != sound->stamp.modified_ns) {
        return base_fail(&o->err, BASE_EMISMATCH, "%s: changed while it was read", file->path);
    }
    BASE_TRY(real_path(o, file->path, &op.from));
    p.class_name = name_class(o, class_name, file->path, &reason);
    if (p.class_name == NULL) return stays(o, file->path, reason) ? BASE_OK : o->err.status;
    const library_operation *first;
    BASE_TRY(library_planner_find(o->planner, op.content, &first, &o->err));
    if (first != NULL && o->duplicates != DUPLICATES_SORT) {
        p.fate = DUPLICATE;
        p.first = first->from;
        if (o->duplicates == DUPLICATES_LEAVE) {
            const char *why = base_arena_printf(&o->call->arena, "a copy of %s", first->from);
            return why != NULL && stays(o, file->path, why) ? BASE_OK : no_memory(o);
        }
    }
    if (reason == NULL && o->rules != NULL && p.fate == UNSORTED) p.fate = SORTED;
    const library_facts facts = {.path = file->path,
                                 .below = below_root(o, file),
                                 .class_name = p.class_name,
                                 .confidence = p.confidence,
                                 .pitch_hz = sound->pitch_hz,
                                 .loudness_lufs = sound->loudness_lufs,
                                 .seconds = sound->seconds};
    return facts.below != NULL ? place(o, &op, &facts, &p) : no_memory(o);
}

static bool on_sound(void *context, const library_sound *sound) {
    organizing *o = context;
    const library_file *file = o->heard[o->next++];
    bool go_on = true;
    if (sound->error != NULL) {
        go_on = stays_unread(o, file->path, sound->error);
    } else {
        base_status status = plan_sound(o, file, sound);
        if (status != BASE_OK && !library_status_is_local(status)) return false;
        if (status != BASE_OK) go_on = stays_unread(o, file->path, o->err.text);
    }
    if (!go_on) return false; /* o->err says why */
    o->err.status = BASE_OK;
    return cli_progress_data(&o->progress, "listening", o->next, o->n_heard);
}

static base_status listen(organizing *o, infer_model *model) {
    const char **paths = base_arena_alloc(&o->call->arena, (size_t)o->n_heard + 1, sizeof *paths);
    if (paths == NULL) return no_memory(o);
    for (int64_t i = 0; i < o->n_heard; i++) paths[i] = o->heard[i]->path;
    base_error err;
    library_listen_job job = {.model = model,
                              .paths = paths,
                              .n = o->n_heard,
                              .pool = o->call->pool,
                              .damaged = DATA_DAMAGED_REFUSE,
                              .measures = o->measures,
                              .stopped = cli_stopped,
                              .handler = on_sound,
                              .context = o};
    o->err.status = BASE_OK;
    base_status status = library_listen(&job, &err);
    cli_progress_clear(&o->progress);
    if (status == BASE_ESTOPPED && o->err.status != BASE_OK) return o->err.status;
    if (status != BASE_OK) o->err = err;
    return status;
}

/* ---- what is shown ---- */

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "812 kick   604 snare   ...", in falling order of number, into `out`. */
static void add_counts(const organizing *o, base_text *out) {
    const char **names = base_alloc(o->n_placed + 1, sizeof *names);
    size_t n = 0, n_aside[3] = {0};
    for (size_t i = 0; i < o->n_placed; i++) {
        n_aside[o->placed[i].fate]++;
        if (names != NULL && o->placed[i].fate == SORTED) names[n++] = o->placed[i].class_name;
    }
    if (n > 0) qsort(names, n, sizeof *names, compare_names);
    char number[32];
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && strcmp(names[i + run], names[i]) == 0; run++) continue;
        base_text_printf(out, "%6s ", base_thousands((int64_t)run, number));
        base_text_add_shown(out, names[i]);
        base_text_add(out, "\n");
    }
    base_free(names);
    const struct {
        int64_t n;
        const char *what;
    } rest[] = {{(int64_t)n_aside[UNSORTED], "unsorted"},
                {(int64_t)n_aside[DUPLICATE], "copies set aside"},
                {(int64_t)o->n_stayed, "left where they are"},
                {o->n_known, "organised before"}};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        if (rest[i].n == 0) continue;
        base_text_printf(out, "%6s %s\n", base_thousands(rest[i].n, number), rest[i].what);
    }
}

static void add_table(const organizing *o, const library_plan *plan, base_text *out) {
    for (size_t i = 0; i < o->n_placed; i++) {
        const placed *p = &o->placed[i];
        char certainty[16] = "";
        if (!isnan(p->confidence)) snprintf(certainty, sizeof certainty, "%.2f", p->confidence);
        cli_pad(out, p->class_name, 10, false);
        base_text_printf(out, " %4s  ", certainty);
        base_text_add_shown(out, plan->operations[p->operation].to);
        cli_add_name("  <-  ", plan->operations[p->operation].from, "\n", out);
    }
    for (size_t i = 0; i < o->n_stayed; i++) {
        cli_add_name("left             ", o->stayed[i].path, "  (", out);
        cli_add_name("", o->stayed[i].why, ")\n", out);
    }
}

static void add_json_operation(const library_operation *op, const placed *p, base_text *out) {
    static const char *const fates[] = {"sorted", "unsorted", "duplicate"};
    base_text_add(out, "{\"source\": ");
    base_text_add_json_path(out, op->from);
    base_text_add(out, ", \"destination\": ");
    base_text_add_json_path(out, op->to);
    if (p == NULL) {
        base_text_add(out, ", \"fate\": \"side file\"}");
        return;
    }
    base_text_add(out, ", \"class\": ");
    base_text_add_json(out, p->class_name);
    base_text_add(out, ", \"confidence\": ");
    if (isnan(p->confidence)) base_text_add(out, "null");
    if (!isnan(p->confidence)) base_text_printf(out, "%.6f", p->confidence);
    base_text_printf(out, ", \"fate\": \"%s\"", fates[p->fate]);
    if (p->first != NULL) {
        base_text_add(out, ", \"copy_of\": ");
        base_text_add_json_path(out, p->first);
    }
    base_text_add(out, "}");
}

static void add_json_left(const char *path, const char *why, base_text *out) {
    base_text_add(out, "{\"path\": ");
    base_text_add_json_path(out, path);
    base_text_add(out, ", \"why\": ");
    base_text_add_json(out, why);
    base_text_add(out, "}");
}

static void add_json(const organizing *o, const library_plan *plan, bool dry, base_text *out) {
    base_text_printf(out,
                     "{\"action\": \"%s\", \"destination\": ", library_action_names[plan->action]);
    base_text_add_json_path(out, o->folder);
    base_text_printf(out, ", \"written\": %s, \"known\": %" PRId64 ", \"operations\": [",
                     dry ? "false" : "true", o->n_known);
    size_t next = 0;
    for (int64_t i = 0; i < plan->n_operations; i++) {
        const placed *p =
            next < o->n_placed && o->placed[next].operation == i ? &o->placed[next] : NULL;
        next += p != NULL;
        base_text_add(out, i > 0 ? ",\n " : "\n ");
        add_json_operation(&plan->operations[i], p, out);
    }
    base_text_add(out, "], \"left\": [");
    for (size_t i = 0; i < o->n_stayed; i++) {
        base_text_add(out, i > 0 ? ", " : "");
        add_json_left(o->stayed[i].path, o->stayed[i].why, out);
    }
    for (int64_t i = 0; i < o->files.n_skipped; i++) {
        base_text_add(out, i > 0 || o->n_stayed > 0 ? ", " : "");
        add_json_left(o->files.skipped[i].path, o->files.skipped[i].why, out);
    }
    base_text_add(out, "]}\n");
}

static int show_plan(organizing *o, const library_plan *plan) {
    base_text out = {0};
    if (o->call->json) {
        add_json(o, plan, true, &out);
    } else {
        if (!o->call->quiet) add_table(o, plan, &out);
        add_counts(o, &out);
        base_text_add(&out, "nothing written; run without --dry-run, undo later with: ");
        add_command("undo", o, &out);
        base_text_add(&out, "\n");
    }
    int code = o->call->json ? cli_print(&out) : cli_page(o->call, &out);
    base_text_release(&out);
    return code;
}

static int show_done(organizing *o, const library_plan *plan) {
    base_text out = {0};
    if (o->call->json) {
        add_json(o, plan, false, &out);
    } else if (!o->call->quiet) {
        add_counts(o, &out);
        base_text_add(&out, plan->n_operations > 0 ? "undo with: " : "nothing new; undo with: ");
        add_command("undo", o, &out);
        base_text_add(&out, "\n");
    }
    return cli_print_release(&out);
}

/* ---- the command ---- */

/* Standard input's list and the files named are looked at one by one. */
static base_status check_apart(organizing *o) {
    for (int i = 0; i + 1 < o->call->n_arguments; i++) {
        const char *source = o->call->arguments[i];
        if (strcmp(source, "-") == 0) continue;
        BASE_TRY(library_check_apart(o->folder, &source, 1, &o->err));
    }
    return BASE_OK;
}

static base_status make_plan(organizing *o, infer_model *model, library_plan *plan) {
    const library_plan_options options = {.folder = o->folder,
                                          .action = o->action,
                                          .settings = o->settings,
                                          .side_files = cli_given(o->call, "with-side-files"),
                                          .journals = o->journals,
                                          .n_journals = o->n_journals};
    BASE_TRY(library_planner_new(&options, &o->call->arena, &o->planner, &o->err));
    BASE_TRY(choose_files(o));
    BASE_TRY(listen(o, model));
    BASE_TRY(library_planner_finish(o->planner, plan, &o->err));
    return library_plan_check(o->folder, plan, &o->err);
}

/* Between the planning and the lock another run may have come. */
static base_status write_plan(organizing *o, const library_plan *plan, library_journal *journal) {
    library_journal *journals;
    int64_t n;
    base_arena *arena = &o->call->arena;
    BASE_TRY(library_journals_read(o->folder, arena, &journals, &n, &o->err));
    if (n != o->n_journals) {
        return base_fail(&o->err, BASE_EEXISTS, "%s: another run came between; start again",
                         o->shown);
    }
    return library_journal_write(o->folder, plan, arena, journal, &o->err);
}

static int carry_out_plan(organizing *o, const library_plan *plan) {
    base_lock lock = {0};
    library_journal journal;
    if (plan->n_operations == 0) return show_done(o, plan);
    if (library_lock(o->folder, &lock, &o->err) != BASE_OK) return cli_fail(&o->err);
    base_status status = write_plan(o, plan, &journal);
    int code = status == BASE_OK ? carry_out(o, &journal) : cli_fail(&o->err);
    base_lock_release(&lock);
    return code == CLI_OK ? show_done(o, plan) : code;
}

static int organize(organizing *o, infer_model *model) {
    library_plan plan;
    int code = cli_decision_read(o->call, model, &o->decision);
    o->call->n_arguments--; /* the library's folder */
    if (code == CLI_OK) code = cli_library_find(o->call, &o->progress, &o->files);
    o->call->n_arguments++;
    if (code != CLI_OK) return code;
    if (make_plan(o, model, &plan) != BASE_OK) return cli_fail(&o->err);
    return cli_given(o->call, "dry-run") ? show_plan(o, &plan) : carry_out_plan(o, &plan);
}

/* An unfinished run is finished first, if it was asked for the same; then comes what is new. */
static int finish_former(organizing *o) {
    library_journal *former = find_unfinished(o);
    if (former == NULL || cli_given(o->call, "dry-run")) return CLI_OK;
    if (former->undoing) {
        return cli_usage("%s: is being taken back; go on with: rimshot organize --undo", o->shown);
    }
    if (strcmp(former->plan.settings, o->settings) != 0) {
        return cli_usage("%s: a run with other settings was not finished; --resume finishes it, "
                         "--undo takes it back",
                         o->shown);
    }
    cli_progress_line(&o->progress, "finishing an earlier run of %s", o->shown);
    int code = locked(o, resume_run);
    return code == CLI_OK ? read_folder(o, o->shown) : code;
}

/* Whether there are sounds: a run that moved them leaves none. */
static bool has_sounds(organizing *o) {
    library_files files;
    const library_find_request request = {o->call->arguments, o->call->n_arguments - 1,
                                          cli_stopped};
    for (int i = 0; i < request.n_arguments; i++) {
        if (strcmp(request.arguments[i], "-") == 0) return true; /* which is read only once */
    }
    return library_find(&request, &o->call->arena, &files, &o->err) != BASE_EDATA;
}

static int run_forward(organizing *o) {
    const char *path;
    infer_model *model = NULL;
    cli_call *call = o->call;
    int code = cli_model_path(call, &path);
    if (code == CLI_OK && call->n_arguments < 2) {
        code = cli_usage("organize: name the sounds and the library: SOURCE... DEST");
    }
    if (code == CLI_OK) code = read_folder(o, call->arguments[call->n_arguments - 1]);
    if (code == CLI_OK) code = read_settings(o);
    if (code == CLI_OK && check_apart(o) != BASE_OK) code = cli_fail(&o->err);
    if (code == CLI_OK) code = finish_former(o);
    if (code != CLI_OK) return code;
    if (o->n_journals > 0 && !has_sounds(o)) return print_tally(o, "done");
    if (infer_model_open(path, INFER_MODEL_BATCH, call->pool, &model, &o->err) != BASE_OK) {
        return cli_fail(&o->err);
    }
    code = organize(o, model);
    infer_model_free(model);
    return code;
}

static int run_organize(cli_call *call) {
    organizing o = {.call = call, .progress = {.call = call}};
    bool undo = cli_given(call, "undo"), resume = cli_given(call, "resume");
    int code = CLI_OK;
    if ((undo || resume) && (call->n_arguments != 1 || (undo && resume))) {
        return cli_usage("organize: --undo and --resume take one folder: DEST");
    }
    if (undo || resume) {
        code = read_folder(&o, call->arguments[0]);
        if (code == CLI_OK) code = undo ? run_undo(&o) : run_resume(&o);
    } else {
        code = run_forward(&o);
    }
    library_planner_free(o.planner);
    base_free(o.placed);
    base_free(o.stayed);
    return code;
}

static const cli_flag flags[] = {
    CLI_FLAG_MODEL,
    {"action", "WHAT", "copy (default), move, hardlink, symlink or reflink"},
    {"template", "TEXT", "names below DEST (default '{class}/{name}')"},
    {"confidence", "P", "below this probability a sound goes to unsorted/ (default 0.5)"},
    CLI_FLAG_REFUSE,
    CLI_FLAGS_MERGE,
    {"rules", "FILE", "own names of classes, by rules for CLASS/NAME"},
    {"duplicates", "WHAT",
     "of files with the same bytes the first is sorted, and the others go to duplicates/ (aside, "
     "default), are sorted as well (sort) or stay where they are (leave)"},
    {"with-side-files", NULL, "take NAME.asd, NAME.reapeaks and NAME.rimshot.json along"},
    {"dry-run", NULL, "show what would be done, and write nothing"},
    {"undo", NULL, "take back what was done in DEST"},
    {"last", NULL, "with --undo: only the last run"},
    {"resume", NULL, "finish a run in DEST that was ended"},
    CLI_FLAG_JSON,
    {0},
};

const cli_command cli_organize = {
    .name = "organize",
    .arguments = "[MODEL] SOURCE... DEST",
    .summary = "sort sounds into folders by class, with undo",
    .description =
        "SOURCE is a sound file, a folder (all sound files below it) or - for a list on standard "
        "input. Each sound is copied to DEST/CLASS/, or moved or linked. Nothing is overwritten: "
        "where a name is taken, a number is put behind the new one. What the model calls unknown, "
        "or is not sure enough of, goes to DEST/unsorted/; what cannot be read stays where it is "
        "and is named, and the exit code is 1.\n\n"
        "The fields of --template are {class}, {name}, {ext}, {folder} (the name of the sound's "
        "folder), {path} (its folders below SOURCE), {pitch}, {note}, {loudness}, {seconds} and "
        "{confidence}; the extension is added.\n\n"
        "A file of --rules has the form of a data set's labels: 'classes: {Kicks: [\"kick/*\"], "
        "...}'. The first class with a pattern that matches CLASS/NAME, upper or lower case, gives "
        "the name; where none matches, the model's stays; 'leave_out' names what stays where it "
        "is.\n\n"
        "The plan is written to DEST/.rimshot-organize before anything else is touched. A run that "
        "was ended goes on with --resume, or when it is started again. --undo restores names, "
        "bytes, permissions and times as they were; it leaves alone, and names, what was changed "
        "since. Started again on a library that has grown, organize carries only what is "
        "new.\n\n" CLI_MODEL_HELP,
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_organize,
};
