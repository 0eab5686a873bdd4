/* train/config.h - an experiment's configuration: one YAML file, validated whole. */
#ifndef TRAIN_CONFIG_H
#define TRAIN_CONFIG_H

#include "data/augment.h"
#include "data/folds.h"
#include "data/manifest.h"
#include "dsp/features.h"
#include "infer/refusal.h"
#include "nn/classifiers/classifier.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"

enum { TRAIN_BALANCE_NONE, TRAIN_BALANCE_WEIGHTS, TRAIN_BALANCE_DRAWS };
enum { TRAIN_FINAL_ALL, TRAIN_FINAL_BEST_FOLD, TRAIN_FINAL_ENSEMBLE, TRAIN_FINAL_NONE };
enum { TRAIN_RESULT_LAST, TRAIN_RESULT_BEST };
enum { TRAIN_MONITOR_ACCURACY, TRAIN_MONITOR_BALANCED, TRAIN_MONITOR_LOSS };

/* `train.init:` starting weights, see infer/import/weights.h. */
typedef struct {
    const char *weights;    /* safetensors, NPZ, Keras HDF5 or a model.h5, relative to the
                               configuration's folder; NULL: there is no train.init */
    const base_node *names; /* a map; a file's name was replaced by what it holds */
    const char *prefix;
    base_strings only;
    bool partial;
} train_init_options;
extern const base_option train_init_table[];

/* `train.distill:` a teacher, see train/teacher.h. */
typedef struct {
    const char *model; /* relative to the configuration's folder; NULL: there is no train.distill */
    double share;      /* 0..1, of the teacher's probabilities in the target */
} train_distill_options;
extern const base_option train_distill_table[];

/* `train:` in a config. */
typedef struct {
    int64_t epochs, batch; /* epochs with a classifier: passes of augmented clips */
    const base_node *optimizer_node, *schedule_node, *loss_node; /* bound into the fields below */
    int64_t steps;  /* per epoch; 0: every clip once (or, with draws, as many as there are clips) */
    int64_t shards; /* of a batch: nn_network_config.n_shards */
    int64_t accumulate; /* micro-batches per optimiser step */
    double clip_norm;   /* 0: none */
    double ema;         /* 0: none */
    double mixup;       /* Beta(a, a); 0: none */
    int balance;
    int final;
    int result;  /* which weights a fold is judged by; `best` picks the epoch on the tested fold,
                    which is optimistic */
    int monitor; /* what best.h5 is best by */
    int64_t patience; /* stop after so many epochs without a better monitor; 0: never */
    int64_t seed;
    const base_node *init_node;    /* bound into `init` */
    const base_node *distill_node; /* bound into `distill` */
    base_strings freeze;           /* layers that are not trained: nn_network_config.freeze */
    train_init_options init;
    train_distill_options distill;
    nn_optimizer_kind optimizer;
    nn_optimizer_options optimizer_options;
    nn_schedule_kind schedule;
    nn_schedule_options schedule_options;
    nn_loss_kind loss;
    nn_loss_options loss_options;
} train_options;
extern const base_option train_options_table[];

/* `pretrain:` (train/pretrain.h). */
typedef struct {
    double temperature;
} train_pretrain_config;
extern const base_option train_pretrain_table[];

/* The top level: name, dataset, audio, features, augment, network, classifier, refuse, train,
 * pretrain, folds. */
typedef struct {
    base_arena arena;
    base_node *root;           /* the resolved configuration: write it with base_yaml_write */
    const char *folder;        /* of the file: anchors the files it names, such as label rules */
    const char *sounds_folder; /* and this the paths of data sources: the same, but for the
                                  configuration of a run (train_config_sounds_folder) */
    const char *name;
    base_node *dataset, *augment, *network; /* augment may be NULL */
    struct {
        const base_node *audio, *features, *classifier, *refuse, *train, *pretrain,
            *folds; /* bound into the structs below */
    } parts;
    const base_choice *classifier; /* fitted on what the network makes of the clips; NULL: the
                                    * network itself classifies, and is trained */
    data_audio_options audio;
    dsp_features_options features;
    infer_refusal_options refuse; /* class_name NULL: nothing is refused */
    train_options train;
    train_pretrain_config pretrain;
    data_folds_options folds;
} train_config;

/* Reads, applies overrides ("train.epochs=5", in order), splices in the layers of included files
 * (train/include.h), validates every key but those inside `network` layers, which nn_network_new
 * checks. */
base_status train_config_read(const char *path, const char *const *overrides, int n_overrides,
                              train_config *config, base_error *err);
/* The same from YAML text (a model's or a run's own), which includes nothing. */
base_status train_config_parse(const char *text, const char *source, train_config *config,
                               base_error *err);
/* The folder that the sources' paths are relative to, in the file at `path`: its own folder. A run,
 * and the like, keeps its configuration away from where it was written, and beside it, in
 * paths_from.txt, the way back; one of an earlier version has none, and began in the working
 * folder. NULL without memory. */
const char *train_config_sounds_folder(const char *path, base_arena *arena);
/* Writes that file into a run's folder. */
base_status train_config_write_way(const train_config *config, const char *folder, base_error *err);
/* How a data set of this configuration is opened. */
data_manifest_request train_config_request(const train_config *config);
void train_config_release(train_config *config);

/* EMISMATCH, with the first line that differs and `otherwise`, if the file at `path`, which says
 * what something was begun with, is not the same as `yaml`. */
base_status train_config_check_same(const char *path, const base_text *yaml, const char *otherwise,
                                    base_error *err);

/* One row per section, for help: name, one sentence, table (NULL: a list of variants or free). */
typedef struct {
    const char *name, *help;
    const base_option *table;                       /* keys, NULL: none, */
    const base_variant *const *(*variants)(int *n); /* and named things with keys of their own */
} train_config_section;
const train_config_section *train_config_sections(int *n);

#endif
