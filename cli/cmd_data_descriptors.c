#include "cli/dataset.h"
#include "dsp/descriptors.h"
#include "infer/vectors.h"

enum { AT_ONCE = 64 }; /* clips between two looks at progress */

/* What the tasks share. */
typedef struct {
    const data_clips *clips;
    const dsp_descriptors *descriptors;
    int64_t n_padded; /* samples of a padded clip, over all channels */
    float *padded;    /* [workers, n_padded] */
    size_t n_scratch; /* bytes of a worker's scratch */
    char *scratch;    /* [workers, n_scratch] */
    int64_t begin;    /* the first clip of this turn */
    float *x;         /* [n_clips, DSP_N_DESCRIPTORS] */
} job;

static void describe_clip(void *context, int64_t task, int worker) {
    const job *j = context;
    int64_t clip = j->begin + task;
    float *padded = j->padded + worker * j->n_padded, *row = j->x + clip * DSP_N_DESCRIPTORS;
    double values[DSP_N_DESCRIPTORS];
    data_clips_load(j->clips, clip, padded);
    dsp_descriptors_measure(j->descriptors, padded, j->clips->n_samples,
                            j->scratch + (size_t)worker * j->n_scratch, values);
    for (int i = 0; i < DSP_N_DESCRIPTORS; i++) row[i] = (float)values[i];
}

static base_status describe_clips(cli_call *call, job *j, cli_progress *progress, base_error *err) {
    int64_t n = j->clips->n_clips;
    for (j->begin = 0; j->begin < n; j->begin += AT_ONCE) {
        int64_t rest = n - j->begin;
        if (!cli_progress_data(progress, "describing", j->begin, n)) {
            return base_fail(err, BASE_ESTOPPED, "stopped");
        }
        base_parallel(call->pool, rest < AT_ONCE ? rest : AT_ONCE, describe_clip, j);
    }
    return BASE_OK;
}

static base_status write_table(const cli_dataset *set, const float *x, const char *path,
                               base_error *err) {
    const char *columns[DSP_N_DESCRIPTORS];
    for (int i = 0; i < DSP_N_DESCRIPTORS; i++) columns[i] = dsp_descriptor_table[i].name;
    const infer_vectors vectors = {.manifest = &set->manifest,
                                   .clips = &set->clips,
                                   .name = "descriptors",
                                   .columns = columns,
                                   .n_columns = DSP_N_DESCRIPTORS,
                                   .x = x};
    return infer_vectors_write(&vectors, path, err);
}

static base_status describe(cli_call *call, const cli_dataset *set, const char *path,
                            cli_progress *progress, base_error *err) {
    size_t n_workers = (size_t)base_pool_threads(call->pool);
    const data_clips *clips = &set->clips;
    dsp_descriptors *descriptors;
    BASE_TRY(dsp_descriptors_new(clips->sample_rate_hz, clips->n_channels, clips->n_samples,
                                 &descriptors, err));
    job j = {.clips = clips,
             .descriptors = descriptors,
             .n_padded = clips->n_channels * clips->n_samples,
             .n_scratch = dsp_descriptors_scratch_bytes(descriptors)};
    j.padded = base_alloc(n_workers * (size_t)j.n_padded, sizeof *j.padded);
    j.scratch = base_alloc(n_workers, j.n_scratch);
    j.x = base_alloc((size_t)clips->n_clips * DSP_N_DESCRIPTORS, sizeof *j.x);
    base_status status = j.padded != NULL && j.scratch != NULL && j.x != NULL
                             ? describe_clips(call, &j, progress, err)
                             : base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    cli_progress_clear(progress);
    if (status == BASE_OK) status = write_table(set, j.x, path, err);
    base_free(j.padded);
    base_free(j.scratch);
    base_free(j.x);
    dsp_descriptors_free(descriptors);
    return status;
}

/* Arguments under which sounds keep their level, unless an override that follows says otherwise. */
static base_status keep_levels(cli_call *call, base_error *err) {
    const char **arguments =
        base_arena_alloc(&call->arena, (size_t)call->n_arguments + 1, sizeof *arguments);
    if (arguments == NULL) return base_fail(err, BASE_EMEMORY, "descriptors: out of memory");
    arguments[0] = call->arguments[0];
    arguments[1] = "audio.normalize=none";
    for (int i = 1; i < call->n_arguments; i++) arguments[i + 1] = call->arguments[i];
    call->arguments = arguments;
    call->n_arguments++;
    return BASE_OK;
}

static int run_descriptors(cli_call *call) {
    cli_progress progress = {.call = call};
    cli_dataset set = {.progress = &progress, .label_free = true};
    base_error err;
    const char *path = cli_text(call, "out");
    if (path == NULL) path = "descriptors.csv";
    base_status status = infer_vectors_check(path, &err);
    if (status == BASE_OK) status = keep_levels(call, &err);
    if (status == BASE_OK) status = cli_dataset_open(call, 0, NULL, &set, &err);
    cli_progress_clear(&progress);
    if (status == BASE_OK) cli_dataset_tell_left_out(&set, &progress, &call->arena);
    if (status == BASE_OK) status = describe(call, &set, path, &progress, &err);
    cli_dataset_release(&set);
    return status == BASE_OK ? CLI_OK : cli_fail(&err);
}

static const cli_flag flags[] = {
    {"out", "FILE", "output file: .csv, .h5 or .npz (default descriptors.csv)"},
    {0},
};

const cli_command cli_data_descriptors = {
    .name = "data descriptors",
    .arguments = CLI_DATASET_ARGUMENTS,
    .summary = "write the pitch, tone and loudness of each sound in numbers",
    .description = CLI_DATASET_HELP CLI_DATASET_NO_LABELS
    "\n\nOne row of numbers per sound. Pitch: fundamental frequency, its confidence, and how far "
    "it falls. Tone: centroid, spread, rolloff and flatness of the spectrum, zero crossings, 13 "
    "mel-frequency cepstral coefficients. Loudness: LUFS, RMS, peak, crest, attack, decay and "
    "duration. docs/formats.md says how each is measured. What a sound does not have, such as "
    "the pitch of noise, is empty."
    "\n\nSounds are brought into the form of the section audio, but keep their level: "
    "audio.normalize is none unless an override says otherwise. audio.seconds (1 by default) "
    "cuts long sounds.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_descriptors,
};
