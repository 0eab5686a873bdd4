#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/library.h"
#include "cli/model.h"
#include "cli/tables.h"
#include "data/audio_file.h"
#include "infer/library/kit.h"
#include "infer/library/kit_files.h"
#include "infer/library/one_shot.h"
#include "infer/library/tar.h"

enum { MAX_PER_DRUM = 32, MAX_NAME = 40 };
static const double longest_s = 10;

typedef struct {
    cli_call *call;
    cli_library library;
    const char *folder, *name; /* name: of the kit, and of its files */
    bool hydrogen, sfz, decent;
    library_kit kit;
    int n_picks;
    const char **files;    /* [n_picks] names below samples/ */
    library_level *levels; /* [n_picks] */
    double loudness_lufs;  /* of all */
    base_error err;
} kit_job;

static base_status no_memory(kit_job *k) {
    return base_fail(&k->err, BASE_EMEMORY, "%s: out of memory", k->folder);
}

static const char *in(kit_job *k, const char *name) {
    return base_path_join(&k->call->arena, k->folder, name);
}

/* Letters that every program and file system takes. */
static bool is_plain_name(const char *name) {
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. ";
    size_t n = strlen(name);
    return n > 0 && n <= MAX_NAME && name[0] != '.' && name[0] != ' ' && name[n - 1] != ' ' &&
           strspn(name, plain) == n;
}

static int read_formats(kit_job *k) {
    const char *format = cli_text(k->call, "format");
    bool all = format == NULL || strcmp(format, "all") == 0;
    k->hydrogen = all || strcmp(format, "hydrogen") == 0;
    k->sfz = all || strcmp(format, "sfz") == 0;
    k->decent = all || strcmp(format, "decent") == 0;
    if (k->hydrogen || k->sfz || k->decent || strcmp(format, "folder") == 0) return CLI_OK;
    return cli_usage("--format=%s: must be all, hydrogen, sfz, decent or folder", format);
}

static int read_flags(kit_job *k, library_kit_options *options) {
    int64_t per_drum = 1, seed = 0;
    bool read = cli_int(k->call, "per-drum", 1, MAX_PER_DRUM, &per_drum) &&
                cli_int(k->call, "seed", 0, INT64_MAX, &seed);
    if (!read || read_formats(k) != CLI_OK) return CLI_USAGE;
    options->per_drum = (int)per_drum;
    options->seed = (uint64_t)seed;
    options->from_anything = cli_given(k->call, "from-anything");
    k->folder = cli_text(k->call, "out");
    if (k->folder == NULL) k->folder = "kit";
    k->name = cli_text(k->call, "name");
    if (k->name == NULL) k->name = "kit";
    if (!is_plain_name(k->name)) {
        return cli_usage("--name: up to %d letters, digits, spaces, dots, _ and -", MAX_NAME);
    }
    return cli_may_fill(k->call, k->folder) ? CLI_OK : CLI_FAILED;
}

/* ---- sounds ---- */

static base_status name_files(kit_job *k) {
    base_arena *arena = &k->call->arena;
    for (int i = 0; i < k->kit.n_drums; i++) k->n_picks += k->kit.drums[i].n_picks;
    k->files = base_arena_alloc(arena, (size_t)k->n_picks, sizeof *k->files);
    k->levels = base_arena_alloc(arena, (size_t)k->n_picks, sizeof *k->levels);
    if (k->files == NULL || k->levels == NULL) return no_memory(k);
    for (int i = 0, n = 0; i < k->kit.n_drums; i++) {
        const library_drum *drum = &k->kit.drums[i];
        for (int p = 0; p < drum->n_picks; p++, n++) {
            k->files[n] = base_arena_printf(arena, "%d_%s_%d.wav", drum->note, drum->file, p + 1);
            if (k->files[n] == NULL) return no_memory(k);
        }
    }
    return BASE_OK;
}

static const char *path_of(kit_job *k, const library_pick *pick) {
    return library_entry_path(&k->library.index.entries[pick->entry], k->library.path,
                              &k->call->arena);
}

static base_status read_trimmed(kit_job *k, const library_pick *pick, data_audio *audio,
                                library_level *level) {
    const data_audio_span span = {.max_s = longest_s};
    const char *path = path_of(k, pick);
    if (path == NULL) return no_memory(k);
    BASE_TRY(data_audio_read(path, &span, audio, &k->err));
    base_status status = library_one_shot_trim(audio, level, &k->err);
    if (status == BASE_OK) return BASE_OK;
    data_audio_release(audio);
    return base_fail_within(&k->err, "%s", path);
}

typedef base_status each_pick(kit_job *k, const library_pick *pick, int n);

static base_status for_picks(kit_job *k, const char *what, each_pick *work) {
    for (int i = 0, n = 0; i < k->kit.n_drums; i++) {
        for (int p = 0; p < k->kit.drums[i].n_picks; p++, n++) {
            if (!cli_progress_data(&k->library.progress, what, n, k->n_picks)) {
                return base_fail(&k->err, BASE_ESTOPPED, "stopped");
            }
            BASE_TRY(work(k, &k->kit.drums[i].picks[p], n));
        }
    }
    return BASE_OK;
}

static base_status measure_pick(kit_job *k, const library_pick *pick, int n) {
    data_audio audio;
    BASE_TRY(read_trimmed(k, pick, &audio, &k->levels[n]));
    data_audio_release(&audio);
    return BASE_OK;
}

static base_status write_pick(kit_job *k, const library_pick *pick, int n) {
    data_audio audio;
    library_level level;
    const char *path = in(k, base_arena_printf(&k->call->arena, "samples/%s", k->files[n]));
    if (path == NULL) return no_memory(k);
    BASE_TRY(read_trimmed(k, pick, &audio, &level));
    library_one_shot_gain(&audio, library_gain_to(&level, k->loudness_lufs));
    base_status status = data_audio_write(path, &audio, &k->err);
    data_audio_release(&audio);
    return status;
}

/* ---- the kit's own files ---- */

static base_status write_text(kit_job *k, const char *extension, base_text *text) {
    const char *name = base_arena_printf(&k->call->arena, "%s.%s", k->name, extension);
    const char *path = name != NULL ? in(k, name) : NULL;
    base_status status = path != NULL ? base_file_write_text(path, text, &k->err) : no_memory(k);
    base_text_release(text);
    return status;
}

static base_status add_to_tar(kit_job *k, const char *file, library_tar *tar) {
    void *data;
    size_t n_bytes;
    base_arena *arena = &k->call->arena;
    const char *path = in(k, base_arena_printf(arena, "samples/%s", file));
    const char *name = base_arena_printf(arena, "%s/%s", k->name, file);
    if (path == NULL || name == NULL) return no_memory(k);
    BASE_TRY(base_file_read(path, 0, &data, &n_bytes, &k->err));
    library_tar_add(tar, name, data, n_bytes);
    base_free(data);
    return BASE_OK;
}

static base_status write_hydrogen(kit_job *k, const library_kit_files *files) {
    library_tar tar = {0};
    base_text xml = {0}, packed = {0};
    library_kit_add_hydrogen(files, &xml);
    const char *name = base_arena_printf(&k->call->arena, "%s/drumkit.xml", k->name);
    base_status status = name != NULL && !xml.failed ? BASE_OK : no_memory(k);
    if (status == BASE_OK) library_tar_add(&tar, name, xml.data, xml.size);
    for (int i = 0; status == BASE_OK && i < k->n_picks; i++) {
        status = add_to_tar(k, k->files[i], &tar);
    }
    if (status == BASE_OK) status = library_tar_pack(&tar, &packed, &k->err);
    library_tar_release(&tar);
    base_text_release(&xml);
    if (status == BASE_OK) return write_text(k, "h2drumkit", &packed);
    base_text_release(&packed);
    return status;
}

static base_status write_table(kit_job *k) {
    base_text out = {0};
    base_text_add(&out, "drum,note,file,class,probability,gain_db,path\n");
    for (int i = 0, n = 0; i < k->kit.n_drums; i++) {
        const library_drum *drum = &k->kit.drums[i];
        for (int p = 0; p < drum->n_picks; p++, n++) {
            double gain = library_gain_to(&k->levels[n], k->loudness_lufs);
            base_text_add_csv(&out, drum->name);
            base_text_printf(&out, ",%d,samples/%s,", drum->note, k->files[n]);
            base_text_add_csv(&out, drum->class_name);
            base_text_printf(&out, ",%.6f,%.2f,", drum->picks[p].probability, 20 * log10(gain));
            base_text_add_csv_path(&out, path_of(k, &drum->picks[p]));
            base_text_add(&out, "\n");
        }
    }
    base_status status = base_file_write_text(in(k, "kit.csv"), &out, &k->err);
    base_text_release(&out);
    return status;
}

static base_status write_kit(kit_job *k) {
    BASE_TRY(name_files(k));
    BASE_TRY(for_picks(k, "measuring", measure_pick));
    k->loudness_lufs = library_common_loudness(k->levels, k->n_picks);
    BASE_TRY(base_folder_make(in(k, "samples"), &k->err));
    BASE_TRY(for_picks(k, "writing", write_pick));
    const library_kit_files files = {&k->kit, k->name, k->files};
    base_text sfz = {0}, decent = {0};
    library_kit_add_sfz(&files, &sfz);
    library_kit_add_decent(&files, &decent);
    base_status status = BASE_OK;
    if (k->sfz) status = write_text(k, "sfz", &sfz);
    if (status == BASE_OK && k->decent) status = write_text(k, "dspreset", &decent);
    base_text_release(&sfz);
    base_text_release(&decent);
    if (status == BASE_OK && k->hydrogen) status = write_hydrogen(k, &files);
    return status == BASE_OK ? write_table(k) : status;
}

/* ---- what is shown ---- */

static void add_text(kit_job *k, base_text *out) {
    for (int i = 0; i < k->kit.n_drums; i++) {
        const library_drum *drum = &k->kit.drums[i];
        for (int p = 0; p < drum->n_picks; p++) {
            base_text_printf(out, "%3d  ", drum->note);
            cli_pad(out, p == 0 ? drum->name : "", 12, false);
            base_text_printf(out, " %4.2f  ", drum->picks[p].probability);
            cli_add_name("", path_of(k, &drum->picks[p]), "\n", out);
        }
    }
    for (int i = 0; i < k->kit.n_missing; i++) {
        cli_add_name(i == 0 ? "no sound for: " : ", ", k->kit.missing[i], "", out);
    }
    base_text_add(out, k->kit.n_missing > 0 ? "\n" : "");
    base_text_printf(out, "%d sounds at %.1f LUFS in ", k->n_picks, k->loudness_lufs);
    cli_add_name("", k->folder, "\n", out);
}

static void add_json_pick(kit_job *k, const library_drum *drum, int p, int n, base_text *out) {
    base_text_add(out, "\n {\"drum\": ");
    base_text_add_json(out, drum->name);
    base_text_printf(out, ", \"note\": %d, \"class\": ", drum->note);
    base_text_add_json(out, drum->class_name);
    base_text_printf(out, ", \"probability\": %.6f, \"file\": \"samples/%s\", \"path\": ",
                     drum->picks[p].probability, k->files[n]);
    base_text_add_json_path(out, path_of(k, &drum->picks[p]));
    base_text_add(out, "}");
}

static void add_json(kit_job *k, base_text *out) {
    base_text_add(out, "{\"kit\": ");
    base_text_add_json_path(out, k->folder);
    base_text_printf(out, ", \"loudness_lufs\": %.2f, \"sounds\": [", k->loudness_lufs);
    for (int i = 0, n = 0; i < k->kit.n_drums; i++) {
        for (int p = 0; p < k->kit.drums[i].n_picks; p++, n++) {
            base_text_add(out, n > 0 ? "," : "");
            add_json_pick(k, &k->kit.drums[i], p, n, out);
        }
    }
    base_text_add(out, "], \"missing\": [");
    for (int i = 0; i < k->kit.n_missing; i++) {
        base_text_add(out, i > 0 ? ", " : "");
        base_text_add_json(out, k->kit.missing[i]);
    }
    base_text_add(out, "], ");
    cli_library_add_json(&k->library, out);
    base_text_add(out, "}\n");
}

static int show(kit_job *k) {
    base_text out = {0};
    if (k->call->json) {
        add_json(k, &out);
    } else if (!k->call->quiet) {
        add_text(k, &out);
    }
    return cli_print_release(&out);
}

/* ---- the command ---- */

static int make_kit(kit_job *k, library_kit_options *options) {
    options->index = &k->library.index;
    options->refused_class = infer_model_refusal(k->library.model)->class_index;
    base_status status = library_kit_choose(options, &k->call->arena, &k->kit, &k->err);
    if (status != BASE_OK) {
        bool hint = status == BASE_EDATA && !options->from_anything;
        base_fail_within(&k->err, "%s", k->library.path);
        int code = cli_fail(&k->err);
        if (hint) cli_progress_line(&k->library.progress, "--from-anything takes what is nearest");
        return code;
    }
    status = write_kit(k);
    cli_progress_clear(&k->library.progress);
    return status == BASE_OK ? show(k) : cli_fail(&k->err);
}

static int run_kit(cli_call *call) {
    kit_job k = {.call = call, .library = {.call = call}};
    library_kit_options options = {0};
    int code = read_flags(&k, &options);
    if (code == CLI_OK) code = cli_library_open_model(&k.library);
    if (code == CLI_OK) code = cli_library_update(&k.library, "index");
    if (code == CLI_OK) code = make_kit(&k, &options);
    cli_library_release(&k.library);
    return code == CLI_OK && call->n_unread > 0 ? CLI_FAILED : code;
}

static const cli_flag flags[] = {
    CLI_FLAG_MODEL,
    {"out", "DIR", "the folder to write (default kit)"},
    {"name", "NAME", "of the kit and its files (default kit)"},
    {"format", "WHAT", "all (default), hydrogen, sfz, decent or folder"},
    {"per-drum", "N", "sounds for each drum, played in turn (default 1)"},
    {"from-anything", NULL, "also from sounds that are no drums, by what they are nearest to"},
    {"seed", "N", "another number gives another kit (default 0: the most probable sounds)"},
    {"index", "FILE", "where the index is kept (default: " LIBRARY_INDEX_NAME " in the folder)"},
    CLI_FLAG_OVERWRITE_FILES,
    CLI_FLAG_JSON,
    {0},
};

const cli_command cli_kit = {
    .name = "kit",
    .arguments = "[MODEL] PATH...",
    .summary = "make a drum kit out of a library of sounds",
    .description = CLI_LIBRARY_PATHS
    " Of each class of the model the most probable sound is chosen, for toms three by pitch; "
    "with --per-drum N also others that are unlike those chosen. No sound comes twice. The "
    "kit's folder gets samples/, trimmed and brought to one loudness, kit.csv, which says "
    "where each came from, and the same kit for Hydrogen (NAME.h2drumkit), as SFZ (NAME.sfz) "
    "and for Decent Sampler (NAME.dspreset), on the notes of General MIDI. The originals are "
    "only read.\n\n"
    "--from-anything makes kits of kitchen noise: every sound stands for the drum it is nearest "
    "to, also those that the model calls unknown.\n\n"
    "What was heard is kept in an index (rimshot help index), so that the next kit takes no "
    "time.\n\n" CLI_MODEL_HELP,
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_kit,
};
