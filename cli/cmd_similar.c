#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/library.h"
#include "cli/model.h"
#include "cli/tables.h"
#include "infer/library/similar.h"
#include "infer/library/sounds.h"

enum { MOST = 10000 };

/* What was heard in the sample. */
typedef struct {
    cli_library *library;
    const char *path;
    float *embedding;
    int best;
    double confidence;
    base_digest content;
    bool heard;
} sample;

static bool on_sample(void *context, const library_sound *sound) {
    sample *s = context;
    if (sound->error != NULL) {
        cli_progress_unread(&s->library->progress, sound->error);
        return true;
    }
    size_t n = (size_t)infer_model_embedding_size(s->library->model);
    s->embedding = base_arena_alloc(&s->library->call->arena, n, sizeof *s->embedding);
    if (s->embedding == NULL || sound->embedding == NULL) return true;
    memcpy(s->embedding, sound->embedding, n * sizeof *s->embedding);
    s->best = sound->best;
    s->confidence = sound->best >= 0 ? (double)sound->probability[sound->best] : NAN;
    s->content = sound->content;
    s->heard = true;
    return true;
}

static int listen(sample *s) {
    base_error err;
    library_listen_job job = {.model = s->library->model,
                              .paths = &s->path,
                              .n = 1,
                              .damaged = DATA_DAMAGED_USE,
                              .stopped = cli_stopped,
                              .handler = on_sample,
                              .context = s};
    if (infer_model_embedding_size(s->library->model) == 0) {
        base_fail(&err, BASE_ESHAPE, "%s: a network of one layer has no embedding",
                  s->library->model_path);
        return cli_fail(&err);
    }
    if (library_listen(&job, &err) != BASE_OK) return cli_fail(&err);
    return s->heard ? CLI_OK : CLI_FAILED;
}

static bool is_same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Without the sample itself, which may be one of the library. */
static int64_t leave_out(const sample *s, library_match *matches, int64_t n, int64_t n_wanted) {
    int64_t kept = 0;
    const library_index *index = &s->library->index;
    for (int64_t i = 0; i < n && kept < n_wanted; i++) {
        const library_entry *entry = &index->entries[matches[i].entry];
        bool same = base_digest_equal(entry->content, s->content) &&
                    is_same_file(s->path, library_entry_path(entry, s->library->path,
                                                             &s->library->call->arena));
        if (!same) matches[kept++] = matches[i];
    }
    return kept;
}

static void add_text(const sample *s, const library_match *matches, int64_t n, base_text *out) {
    const library_index *index = &s->library->index;
    for (int64_t i = 0; i < n; i++) {
        const library_entry *entry = &index->entries[matches[i].entry];
        const char *name = library_entry_class(index, matches[i].entry);
        base_text_printf(out, "%6.3f  ", (double)matches[i].similarity);
        cli_pad(out, name, 10, false);
        base_text_add(out, "  ");
        base_text_add_shown(out,
                            library_entry_path(entry, s->library->path, &s->library->call->arena));
        bool copy = base_digest_equal(entry->content, s->content);
        base_text_add(out, copy ? "  (a copy)\n" : "\n");
    }
}

static void add_number(const char *key, double value, base_text *out) {
    if (isnan(value)) {
        base_text_printf(out, ", \"%s\": null", key);
    } else {
        base_text_printf(out, ", \"%s\": %.6g", key, value);
    }
}

static void add_match(const sample *s, library_match match, base_text *out) {
    const library_index *index = &s->library->index;
    const library_entry *entry = &index->entries[match.entry];
    base_text_add(out, "{\"path\": ");
    base_text_add_json_path(out,
                            library_entry_path(entry, s->library->path, &s->library->call->arena));
    base_text_printf(out, ", \"similarity\": %.6f, \"class\": ", (double)match.similarity);
    base_text_add_json(out, library_entry_class(index, match.entry));
    add_number("confidence", library_entry_confidence(index, match.entry), out);
    add_number("pitch_hz", entry->pitch_hz, out);
    add_number("loudness_lufs", entry->loudness_lufs, out);
    add_number("seconds", entry->seconds, out);
    base_text_printf(out, ", \"copy\": %s}",
                     base_digest_equal(entry->content, s->content) ? "true" : "false");
}

static void add_json(const sample *s, const library_match *matches, int64_t n, base_text *out) {
    base_text_add(out, "{\"sample\": ");
    base_text_add_json_path(out, s->path);
    base_text_add(out, ", \"class\": ");
    base_text_add_json(out, library_class_name(s->library->model, s->best));
    base_text_add(out, ", \"similar\": [");
    for (int64_t i = 0; i < n; i++) {
        base_text_add(out, i > 0 ? ", " : "");
        add_match(s, matches[i], out);
    }
    base_text_add(out, "], ");
    cli_library_add_json(s->library, out);
    base_text_add(out, "}\n");
}

static int find(const sample *s, int64_t n_wanted) {
    base_error err;
    int64_t n;
    base_text out = {0};
    cli_call *call = s->library->call;
    library_match *matches = base_arena_alloc(&call->arena, (size_t)n_wanted + 1, sizeof *matches);
    if (matches == NULL) return cli_usage("out of memory");
    base_status status = library_find_similar(&s->library->index, s->embedding, call->pool,
                                              n_wanted + 1, matches, &n, &err);
    if (status != BASE_OK) return cli_fail(&err);
    n = leave_out(s, matches, n, n_wanted);
    if (n == 0 && !call->json) {
        cli_progress_line(&s->library->progress, "%s: no other sound in %s", s->path,
                          s->library->path);
    }
    if (call->json) {
        add_json(s, matches, n, &out);
    } else {
        add_text(s, matches, n, &out);
    }
    return cli_print_release(&out);
}

/* The sample, which the arguments begin with, and the library. */
static int open_library(cli_library *library, sample *s) {
    cli_call *call = library->call;
    const char *path = cli_text(call, "index");
    int code = cli_library_open_model(library);
    if (code != CLI_OK) return code;
    s->path = *call->arguments++;
    call->n_arguments--;
    if (path == NULL && call->n_arguments == 0) {
        return cli_usage("similar: name the sounds to compare with: a FOLDER, or --index FILE");
    }
    code = listen(s);
    if (code != CLI_OK) return code;
    return call->n_arguments > 0 ? cli_library_update(library, "index")
                                 : cli_library_read(library, path);
}

static int run_similar(cli_call *call) {
    cli_library library = {.call = call};
    sample s = {.library = &library, .best = INFER_UNKNOWN};
    int64_t n_wanted = 10;
    if (!cli_int(call, "count", 1, MOST, &n_wanted)) return CLI_USAGE;
    int code = open_library(&library, &s);
    if (code == CLI_OK) code = find(&s, n_wanted);
    cli_library_release(&library);
    return code == CLI_OK && call->n_unread > 0 ? CLI_FAILED : code;
}

static const cli_flag flags[] = {
    CLI_FLAG_MODEL,
    {"index", "FILE",
     "the index: brought up to date if sounds are named, else taken as it is (default: " //
     LIBRARY_INDEX_NAME " in the folder)"},
    {"count", "N", "how many sounds to name (default 10)"},
    CLI_FLAG_JSON,
    {0},
};

const cli_command cli_similar = {
    .name = "similar",
    .arguments = "[MODEL] SAMPLE [PATH...]",
    .summary = "name the sounds of a library that are most like another",
    .description =
        "SAMPLE is a sound file, or - for a sound on standard input. It is compared with the "
        "sounds "
        "of PATH, a folder, files or a list, whose index is brought up to date first (rimshot help "
        "index), or with those of --index FILE. The most similar come first, each with the cosine "
        "of the angle between the two embeddings: 1 for the same sound, around 0 for sounds that "
        "have nothing in common. The sample itself is left out; copies of it are marked.\n\n"
        "Every sound is compared, so nothing is missed, and length plays no part: clips of some "
        "milliseconds are found as well as long ones.\n\n" CLI_MODEL_HELP,
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_similar,
};
