#include "base/file.h"
#include "cli/cli.h"
#include "data/synth.h"

static base_status write_class(cli_call *call, int class_index, int64_t n, int64_t seed,
                               base_error *err) {
    const char *name = data_synth_classes[class_index];
    const char *folder = base_path_join(&call->arena, call->arguments[0], name);
    if (folder == NULL) return base_fail(err, BASE_EMEMORY, "synth: out of memory");
    BASE_TRY(base_folder_make(folder, err));
    for (int64_t i = 0; i < n; i++) {
        if (cli_stopped()) return base_fail(err, BASE_ESTOPPED, "stopped");
        char *path =
            base_arena_printf(&call->arena, "%s/%s_%04lld.wav", folder, name, (long long)i);
        if (path == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", folder);
        data_audio audio;
        BASE_TRY(data_synth_hit(class_index, i, (uint64_t)seed, &audio, err));
        base_status status = data_audio_write(path, &audio, err);
        data_audio_release(&audio);
        BASE_TRY(status);
    }
    return BASE_OK;
}

static int run_synth(cli_call *call) {
    int64_t per_class = 40, seed = 1;
    base_error err;
    if (!cli_int(call, "per-class", 1, 9999, &per_class)) return CLI_USAGE;
    if (!cli_int(call, "seed", 0, INT64_MAX, &seed)) return CLI_USAGE;
    if (!cli_may_fill(call, call->arguments[0])) return CLI_FAILED;
    for (int c = 0; c < DATA_SYNTH_N_CLASSES; c++) {
        if (write_class(call, c, per_class, seed, &err) != BASE_OK) return cli_fail(&err);
    }
    if (call->quiet) return CLI_OK;
    base_text out = {0};
    base_text_printf(&out, "%lld sounds in %d folders below ",
                     (long long)per_class * DATA_SYNTH_N_CLASSES, DATA_SYNTH_N_CLASSES);
    cli_add_name("", call->arguments[0], "\n", &out);
    return cli_print_release(&out);
}

static const cli_flag flags[] = {
    {"per-class", "N", "sounds per class (default 40)"},
    {"seed", "N", "another seed gives other sounds (default 1)"},
    CLI_FLAG_OVERWRITE_FILES,
    {0},
};

const cli_command cli_data_synth = {
    .name = "data synth",
    .arguments = "DIR",
    .summary = "write synthesised drum sounds, one folder per class",
    .description =
        "Kick, snare, rim, clap, closed and open hat, tom, crash, ride, cowbell, shaker, "
        "tambourine and other percussion as WAV files: sounds to try the program with, without a "
        "sample library. The same seed gives the same "
        "bytes.",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_synth,
};
