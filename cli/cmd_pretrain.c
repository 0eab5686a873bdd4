#include <stdio.h>

#include "cli/training.h"
#include "train/pretrain.h"

static bool on_progress(void *context, const train_progress *now) {
    cli_progress *progress = context;
    const train_epoch *over = now->over;
    char label[64], text[64];
    if (over != NULL) {
        cli_progress_line(progress, "epoch %lld/%lld  loss %.4f  found %.4f  lr %.3g",
                          (long long)now->epoch, (long long)now->n_epochs, over->train_loss,
                          over->accuracy, over->lr);
    } else {
        double epochs = (double)now->epoch - 1 + (double)now->done / (double)now->total;
        snprintf(label, sizeof label, "epoch %lld/%lld", (long long)now->epoch,
                 (long long)now->n_epochs);
        snprintf(text, sizeof text, "loss %.3f", now->loss);
        cli_progress_draw(progress, label, epochs / (double)now->n_epochs, text);
    }
    return !cli_stopped();
}

static void show_stop(const cli_call *call) {
    base_text line = {0};
    base_text_add(&line, "stopped; go on with: ");
    cli_add_again(call, &line);
    fprintf(stderr, "%s --resume\n", base_text_string(&line));
    base_text_release(&line);
}

static int run_pretrain(cli_call *call) {
    base_error err;
    train_config config;
    if (train_config_read(call->arguments[0], call->arguments + 1, call->n_arguments - 1, &config,
                          &err) != BASE_OK) {
        return cli_fail(&err);
    }
    const char *folder = cli_training_folder(call, config.name);
    if (folder == NULL) return cli_usage("out of memory");
    cli_progress progress = {.call = call};
    train_pretrain_options options = {.folder = folder,
                                      .resume = cli_given(call, "resume"),
                                      .pool = call->pool,
                                      .decoding = cli_progress_data,
                                      .progress = on_progress,
                                      .context = &progress};
    if (cli_given(call, "keep-going")) options.unread = cli_progress_unread;
    base_status status = train_pretrain_run(&config, &options, &err);
    cli_progress_clear(&progress);
    train_config_release(&config);
    if (status == BASE_ESTOPPED) show_stop(call);
    if (status != BASE_OK) return cli_fail(&err);
    cli_progress_line(&progress, "weights  %s/weights.safetensors", folder);
    return CLI_OK;
}

static const cli_flag flags[] = {
    {"out", "DIR", "output folder (default: runs/NAME)"},
    {"resume", NULL, "continue a pretraining that was stopped, to the same bits"},
    CLI_FLAG_KEEP_GOING,
    {0},
};

const cli_command cli_pretrain = {
    .name = "pretrain",
    .arguments = "CONFIG [KEY=VALUE ...]",
    .summary = "pretrain an encoder on sounds without labels",
    .description =
        "Every clip is augmented twice, and the network learns to tell its two views "
        "from those of other clips. CONFIG is a configuration whose network is an "
        "encoder with a projection behind it instead of `linear: classes`; labels and "
        "folds are not used (dataset: {source: folder, path: FOLDER, label: any} takes "
        "every sound below FOLDER). Sounds with `use: test`, and copies of them, are "
        "left out.\n\n"
        "The result is DIR/weights.safetensors, which train.init of another "
        "configuration starts from; configs/systems/s0-pretrain.yaml and "
        "s0-pretrained.yaml are an example of both.\n\n"
        "Killed at any moment and resumed, with any number of threads, it ends with "
        "the same bits. Ctrl-C stops it at the next batch; a resumed pretraining goes "
        "on from the last finished epoch. More epochs are another pretraining, which may "
        "start from the weights of the first (train.init).",
    .flags = flags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_pretrain,
};
