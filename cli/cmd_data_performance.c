#include "data/audio_file.h"
#include "base/file.h"
#include "cli/dataset.h"
#include "data/sources/performance.h"

typedef struct {
    cli_call *call;
    const char *folder;
    base_text table; /* labels.csv */
    int64_t n_songs, n_crops;
} job;

static base_status write_song(job *j, const data_performance *performance, int64_t song,
                              const char *name, base_error *err) {
    const char *path = base_path_join(&j->call->arena, j->folder, name);
    data_audio audio;
    if (path == NULL) return base_fail(err, BASE_EMEMORY, "performance: out of memory");
    if (cli_stopped()) return base_fail(err, BASE_ESTOPPED, "stopped");
    BASE_TRY(data_performance_play(performance, song, &audio, err));
    base_status status = data_audio_write(path, &audio, err);
    data_audio_release(&audio);
    j->n_songs++;
    return status;
}

static void add_crop(job *j, const data_row *row, const char *name) {
    base_text *out = &j->table;
    base_text_add_csv(out, name);
    base_text_add(out, ",");
    base_text_add_csv(out, row->label);
    base_text_printf(out, ",%s,", row->group);
    base_text_add_number(out, row->begin_s);
    base_text_add(out, ",");
    base_text_add_number(out, row->end_s);
    base_text_add(out, "\n");
    j->n_crops++;
}

/* The songs of one source, and all their crops: including those whose combination is no class. */
static base_status write_source(job *j, const data_origin *origin, const data_manifest *manifest,
                                base_error *err) {
    const data_performance *performance = origin->state;
    const data_performance_options *options = origin->options;
    int64_t n_steps = performance->song[0].n_steps;
    for (int64_t i = 0; i < manifest->n_rows; i++) {
        const data_row *row = &manifest->rows[i];
        if (row->origin != origin) continue;
        int64_t song = row->item / n_steps;
        const char *name = base_arena_printf(&j->call->arena, "song%lld_%03lld.wav",
                                             (long long)options->parts.seed, (long long)song + 1);
        if (name == NULL) return base_fail(err, BASE_EMEMORY, "performance: out of memory");
        add_crop(j, row, name);
        if (row->item % n_steps == 0) BASE_TRY(write_song(j, performance, song, name, err));
    }
    return BASE_OK;
}

static base_status write_sources(job *j, cli_dataset *set, cli_progress *progress,
                                 base_error *err) {
    data_work work = {.pool = j->call->pool,
                      .cache_folder = base_path_cache(&j->call->arena),
                      .progress = cli_progress_data,
                      .progress_context = progress};
    int n = 0;
    for (data_origin *o = set->manifest.origins; o != NULL; o = o->next) {
        if (o->source != &data_source_performance) continue;
        if (n++ == 0) BASE_TRY(base_folder_make(j->folder, err));
        BASE_TRY(o->source->load(o, &set->manifest, &set->audio, &work, err));
        BASE_TRY(write_source(j, o, &set->manifest, err));
        o->source->unload(o);
    }
    if (n > 0) return BASE_OK;
    return base_fail(err, BASE_EDATA, "%s: has no 'source: performance'", j->call->arguments[0]);
}

static base_status write_performances(job *j, cli_progress *progress, base_error *err) {
    cli_dataset set = {0};
    base_text_add(&j->table, "path,label,group,begin_s,end_s\n");
    base_status status = cli_dataset_list(j->call, 0, NULL, &set, err);
    if (status == BASE_OK) status = write_sources(j, &set, progress, err);
    cli_dataset_release(&set);
    BASE_TRY(status);
    const char *path = base_path_join(&j->call->arena, j->folder, "labels.csv");
    if (path == NULL) return base_fail(err, BASE_EMEMORY, "performance: out of memory");
    return base_file_write_text(path, &j->table, err);
}

static int run_performance(cli_call *call) {
    cli_progress progress = {.call = call};
    job j = {.call = call, .folder = cli_text(call, "out")};
    base_error err;
    if (j.folder == NULL) return cli_usage("data performance: --out DIR is missing");
    if (!cli_may_fill(call, j.folder)) return CLI_FAILED;
    base_status status = write_performances(&j, &progress, &err);
    cli_progress_clear(&progress);
    base_text_release(&j.table);
    if (status != BASE_OK) return cli_fail(&err);
    if (call->quiet) return CLI_OK;
    base_text out = {0};
    base_text_printf(&out, "%lld songs with %lld crops in ", (long long)j.n_songs,
                     (long long)j.n_crops);
    cli_add_name("", j.folder, "/labels.csv\n", &out);
    return cli_print_release(&out);
}

static const cli_flag flags[] = {
    {"out", "DIR", "where the songs and labels.csv go"},
    CLI_FLAG_OVERWRITE_FILES,
    {0},
};

const cli_command cli_data_performance = {
    .name = "data performance",
    .arguments = CLI_DATASET_ARGUMENTS,
    .summary = "write the drum performances of a data set as WAV files, to listen to",
    .description =
        "For configurations with 'source: performance'. Each song becomes a WAV file of 32-bit "
        "floats in the form of the section audio (sample rate and channels), and labels.csv lists "
        "its crops in time, with the parts struck in each: including those that are no class. "
        "'source: csv' reads the folder.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_performance,
};
