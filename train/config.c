#include "train/config.h"

#include <string.h>

#include "base/file.h"
#include "data/source.h"
#include "train/config_classifier.h"
#include "train/include.h"

#define FIELD(name) offsetof(train_options, name)

const base_option train_options_table[] = {
    {"epochs", BASE_OPT_INT, FIELD(epochs), "40", 1, 100000, NULL, NULL,
     "passes over the training clips (or over `steps` batches); with a classifier passes of "
     "augmented clips, and 1 by default"},
    {"batch", BASE_OPT_INT, FIELD(batch), "32", 1, 4096, NULL, "clips",
     "clips per optimiser step and micro-batch"},
    {"steps", BASE_OPT_INT, FIELD(steps), "0", 0, 1000000, NULL, NULL,
     "batches per epoch; 0: as many as the training clips fill"},
    {"accumulate", BASE_OPT_INT, FIELD(accumulate), "1", 1, 1024, NULL, NULL,
     "micro-batches whose gradients are summed before one optimiser step"},
    {"shards", BASE_OPT_INT, FIELD(shards), "8", 1, NN_MAX_SHARDS, NULL, NULL,
     "parts of a batch whose sums are made apart: as many ranks can share it; decides the last "
     "bits"},
    {"optimizer", BASE_OPT_NODE, FIELD(optimizer_node), NULL, 0, 0, NULL, NULL,
     "sgd, adam or adamw, with its options; default adamw"},
    {"schedule", BASE_OPT_NODE, FIELD(schedule_node), NULL, 0, 0, NULL, NULL,
     "learning-rate schedule, with its options; default constant"},
    {"loss", BASE_OPT_NODE, FIELD(loss_node), NULL, 0, 0, NULL, NULL,
     "cross_entropy or binary_cross_entropy; default cross_entropy"},
    {"clip_norm", BASE_OPT_FLOAT, FIELD(clip_norm), "0", 0, 1e6, NULL, NULL,
     "gradients are scaled down to this 2-norm; 0: never"},
    {"ema", BASE_OPT_FLOAT, FIELD(ema), "0", 0, 0.99999, NULL, NULL,
     "decay of a moving average of the weights, which then is what is evaluated; 0: none"},
    {"mixup", BASE_OPT_FLOAT, FIELD(mixup), "0", 0, 10, NULL, NULL,
     "pairs of clips are mixed with a share from Beta(mixup, mixup); 0: none"},
    {"balance", BASE_OPT_CHOICE, FIELD(balance), "none", 0, 0, "none|weights|draws", NULL,
     "against unequal classes: weights in the loss, or draws that give each class the same share"},
    {"final", BASE_OPT_CHOICE, FIELD(final), "all", 0, 0, "all|best_fold|ensemble|none", NULL,
     "model.h5: trained anew on all clips, the best fold's, all folds' together, or none"},
    {"result", BASE_OPT_CHOICE, FIELD(result), "last", 0, 0, "last|best", NULL,
     "weights that a fold is judged by; `best` is chosen on the tested fold and flatters"},
    {"monitor", BASE_OPT_CHOICE, FIELD(monitor), "accuracy", 0, 0, "accuracy|balanced|loss", NULL,
     "figure by which best.h5 is the best epoch"},
    {"patience", BASE_OPT_INT, FIELD(patience), "0", 0, 100000, NULL, "epochs",
     "stop a fold after so many epochs without a better monitor; 0: never"},
    {"seed", BASE_OPT_INT, FIELD(seed), "1", 0, 9e15, NULL, NULL,
     "of initial weights, order, augmentation and dropout"},
    {"init", BASE_OPT_NODE, FIELD(init_node), NULL, 0, 0, NULL, NULL,
     "weights to start from; layers that the file does not have start at random as usual"},
    {"distill", BASE_OPT_NODE, FIELD(distill_node), NULL, 0, 0, NULL, NULL,
     "a model whose answers are learnt beside the labels"},
    {"freeze", BASE_OPT_STRINGS, FIELD(freeze), "[]", 0, 0, NULL, NULL,
     "layers that are not trained and run as in inference: names, or leading parts of paths, as "
     "rimshot summary shows them"},
    {0}};
#undef FIELD

#define FIELD(name) offsetof(train_init_options, name)

const base_option train_init_table[] = {
    {"weights", BASE_OPT_STRING, FIELD(weights), NULL, 0, 0, NULL, NULL,
     "safetensors, NPZ or Keras HDF5 file, or a model.h5, relative to the configuration"},
    {"names", BASE_OPT_NODE, FIELD(names), NULL, 0, 0, NULL, NULL,
     "from names in the file, or their leading parts, to names in the network (~: left out): a "
     "map, or a YAML file with one"},
    {"prefix", BASE_OPT_STRING, FIELD(prefix), "~", 0, 0, NULL, NULL,
     "takes only what is named below this part in the file, and drops it from the names"},
    {"only", BASE_OPT_STRINGS, FIELD(only), "~", 0, 0, NULL, NULL,
     "layers of the network that take weights, as for freeze; none: all that the file has"},
    {"partial", BASE_OPT_BOOL, FIELD(partial), "false", 0, 0, NULL, NULL,
     "whether tensors of the file that the network does not have are left out without complaint"},
    {0}};
#undef FIELD

const base_option train_distill_table[] = {
    {"model", BASE_OPT_STRING, offsetof(train_distill_options, model), NULL, 0, 0, NULL, NULL,
     "a model.h5, relative to the configuration, of the same classes; it should not have been "
     "trained on what the folds test"},
    {"share", BASE_OPT_FLOAT, offsetof(train_distill_options, share), "0.7", 0, 1, NULL, NULL,
     "weight of its probabilities in the target; the label has the rest"},
    {0}};

const base_option train_pretrain_table[] = {
    {"temperature", BASE_OPT_FLOAT, offsetof(train_pretrain_config, temperature), "0.1", 0.001, 100,
     NULL, NULL,
     "cosines between outputs are divided by it; lower: the nearest others matter more"},
    {0}};

static const base_option top_table[] = {
    {"name", BASE_OPT_STRING, offsetof(train_config, name), NULL, 0, 0, NULL, NULL,
     "name of the experiment and, by default, of its folder below runs/"},
    {"dataset", BASE_OPT_NODE, offsetof(train_config, dataset), NULL, 0, 0, NULL, NULL,
     "where the sounds and their labels come from: a map, or a list of maps to join"},
    {"audio", BASE_OPT_NODE, offsetof(train_config, parts.audio), NULL, 0, 0, NULL, NULL,
     "form that every sound is brought into"},
    {"features", BASE_OPT_NODE, offsetof(train_config, parts.features), NULL, 0, 0, NULL, NULL,
     "the front end: from waveform to network input"},
    {"augment", BASE_OPT_NODE, offsetof(train_config, augment), NULL, 0, 0, NULL, NULL,
     "list of effects on training clips, in order"},
    {"network", BASE_OPT_NODE, offsetof(train_config, network), NULL, 0, 0, NULL, NULL,
     "list of layers"},
    {"classifier", BASE_OPT_NODE, offsetof(train_config, parts.classifier), NULL, 0, 0, NULL, NULL,
     "statistical classifier of the numbers that the network gives, which then is not trained; "
     "none: the network gives the classes"},
    {"refuse", BASE_OPT_NODE, offsetof(train_config, parts.refuse), NULL, 0, 0, NULL, NULL,
     "when a sound is none of the classes; none: every sound is the most probable of them"},
    {"train", BASE_OPT_NODE, offsetof(train_config, parts.train), NULL, 0, 0, NULL, NULL,
     "how the network is trained"},
    {"pretrain", BASE_OPT_NODE, offsetof(train_config, parts.pretrain), NULL, 0, 0, NULL, NULL,
     "how `rimshot pretrain` trains an encoder without labels"},
    {"folds", BASE_OPT_NODE, offsetof(train_config, parts.folds), NULL, 0, 0, NULL, NULL,
     "how clips are split for testing"},
    {0}};

const train_config_section *train_config_sections(int *n) {
    static const train_config_section sections[] = {
        {"", "what a configuration consists of", top_table, NULL},
        {"dataset", "sources of sounds and labels", data_source_table, data_source_variants},
        {"audio", "form that every sound is brought into", data_audio_table, NULL},
        {"features", "front end: waveform to network input", dsp_features_table, NULL},
        {"augment", "list of effects on training clips, in order", NULL, data_augment_variants},
        {"network", "list of layers", NULL, nn_network_variants},
        {"network.include", "an item include: FILE stands for the layers of another file",
         train_include_table, NULL},
        {"classifier", "fitted on what the network gives", NULL, nn_classifier_variants},
        {"refuse", "when the model says unknown", infer_refusal_table, NULL},
        {"train", "how the network is trained", train_options_table, NULL},
        {"train.optimizer", "update rule", NULL, nn_optimizer_variants},
        {"train.schedule", "learning rate over time", NULL, nn_schedule_variants},
        {"train.loss", "what is minimised", NULL, nn_loss_variants},
        {"train.init", "weights to start from", train_init_table, NULL},
        {"train.distill", "knowledge distillation: a model that teaches", train_distill_table,
         NULL},
        {"pretrain", "contrastive pretraining, without labels", train_pretrain_table, NULL},
        {"folds", "how clips are split for testing", data_folds_table, NULL},
    };
    *n = (int)(sizeof sections / sizeof *sections);
    return sections;
}

/* The child map `key` of root, made empty if it is absent, so that its defaults show up when the
 * configuration is written. */
static base_status section(train_config *config, base_node *root, const char *key, base_node **out,
                           base_error *err) {
    *out = base_node_get(root, key);
    if (*out != NULL) return BASE_OK;
    *out = base_node_new(&config->arena, BASE_NODE_MAP, "default", 0);
    if (*out == NULL) return base_fail(err, BASE_EMEMORY, "configuration: out of memory");
    base_node_put(root, key, *out);
    return BASE_OK;
}

/* A key of `train` that takes one of several named things. */
typedef struct {
    const char *name, *preset;
    const base_variant *const *variants;
    int n_variants;
} choice_key;

/* Binds one of several named things below train, `key: name` or `key: {name: {...}}`, with
 * `preset` where the key is absent. `options` becomes a copy of what the name takes. */
static base_status bind_choice(train_config *config, const choice_key *key, void *options,
                               int *index, base_error *err) {
    const base_family family = {.what = key->name, .variants = key->variants, .n = key->n_variants};
    base_node *train = base_node_get(config->root, "train"),
              *node = base_node_get(train, key->name);
    if (node == NULL) {
        node = base_node_scalar(&config->arena, key->preset, "default", 0);
        if (node == NULL) return base_fail(err, BASE_EMEMORY, "configuration: out of memory");
        base_node_put(train, key->name, node);
    }
    base_choice choice;
    BASE_TRY(base_variant_bind(&family, node, &config->arena, &choice, err));
    *index = choice.index;
    memcpy(options, choice.options, key->variants[*index]->size_bytes);
    return BASE_OK;
}

/* A file's name in place of the map of names gives way to what the file holds. */
static base_status read_names(train_config *config, base_node *init, base_error *err) {
    base_node *names = base_node_get(init, "names");
    if (names == NULL || base_node_is_null(names)) return BASE_OK;
    if (names->kind == BASE_NODE_SCALAR) {
        const char *path = base_path_join(&config->arena, config->folder, names->text);
        if (path == NULL) return base_fail(err, BASE_EMEMORY, "configuration: out of memory");
        BASE_TRY(base_yaml_read(path, &config->arena, &names, err));
        base_node_put(init, "names", names);
    }
    if (names->kind == BASE_NODE_MAP) return BASE_OK;
    return base_node_fail(names, err, BASE_ECONFIG, "a map of names is needed here");
}

static base_status bind_init(train_config *config, base_node *train, base_error *err) {
    base_node *init = base_node_get(train, "init");
    if (init == NULL || base_node_is_null(init)) return BASE_OK;
    if (init->kind == BASE_NODE_MAP) BASE_TRY(read_names(config, init, err));
    return base_options_bind(train_init_table, init, &config->train.init, &config->arena, err);
}

static base_status bind_distill(train_config *config, base_node *train, base_error *err) {
    base_node *distill = base_node_get(train, "distill");
    if (distill == NULL || base_node_is_null(distill)) return BASE_OK;
    return base_options_bind(train_distill_table, distill, &config->train.distill, &config->arena,
                             err);
}

static base_status bind_optimization(train_config *config, base_node *node, base_error *err) {
    train_options *train = &config->train;
    choice_key optimizer = {.name = "optimizer", .preset = "adamw"},
               schedule = {.name = "schedule", .preset = "constant"},
               loss = {.name = "loss", .preset = "cross_entropy"};
    optimizer.variants = nn_optimizer_variants(&optimizer.n_variants);
    schedule.variants = nn_schedule_variants(&schedule.n_variants);
    loss.variants = nn_loss_variants(&loss.n_variants);
    int index;
    BASE_TRY(bind_choice(config, &optimizer, &train->optimizer_options, &index, err));
    train->optimizer = (nn_optimizer_kind)index;
    BASE_TRY(bind_choice(config, &schedule, &train->schedule_options, &index, err));
    train->schedule = (nn_schedule_kind)index;
    BASE_TRY(bind_choice(config, &loss, &train->loss_options, &index, err));
    train->loss = (nn_loss_kind)index;
    if (train->mixup > 0 && train->batch < 2) {
        return base_node_fail(node, err, BASE_ECONFIG, "mixup needs a batch of at least 2");
    }
    return BASE_OK;
}

static base_status bind_train(train_config *config, base_error *err) {
    base_node *node;
    bool fitted = train_classifier_is_wanted(config);
    BASE_TRY(section(config, config->root, "train", &node, err));
    if (fitted) BASE_TRY(train_classifier_preset(config, node, err));
    BASE_TRY(base_options_bind(train_options_table, node, &config->train, &config->arena, err));
    BASE_TRY(bind_init(config, node, err));
    BASE_TRY(bind_distill(config, node, err));
    return fitted ? train_classifier_bind(config, node, err) : bind_optimization(config, node, err);
}

/* "h3-crnn" names a folder below runs/, so it must be one path component. */
static base_status check_name(const train_config *config, base_error *err) {
    const char *name = config->name;
    bool plain =
        name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL && strlen(name) <= 100;
    if (plain) return BASE_OK;
    return base_node_fail(base_node_get(config->root, "name"), err, BASE_ECONFIG,
                          "must be usable as a folder name: no '/', no leading '.'");
}

static base_status bind_all(train_config *config, base_error *err) {
    if (config->root->kind != BASE_NODE_MAP) {
        return base_node_fail(config->root, err, BASE_ECONFIG,
                              "a configuration is a map of sections");
    }
    BASE_TRY(base_options_bind(top_table, config->root, config, &config->arena, err));
    BASE_TRY(check_name(config, err));
    config->dataset = base_node_get(config->root, "dataset");
    config->augment = base_node_get(config->root, "augment");
    config->network = base_node_get(config->root, "network");
    if (config->dataset == NULL) {
        return base_node_fail(config->root, err, BASE_ECONFIG, "'dataset' is missing");
    }
    if (config->network == NULL) {
        return base_node_fail(config->root, err, BASE_ECONFIG, "'network' is missing");
    }
    if (config->network->kind != BASE_NODE_LIST) {
        return base_node_fail(config->network, err, BASE_ECONFIG, "must be a list of layers");
    }
    base_node *node;
    BASE_TRY(section(config, config->root, "audio", &node, err));
    BASE_TRY(base_options_bind(data_audio_table, node, &config->audio, &config->arena, err));
    BASE_TRY(section(config, config->root, "features", &node, err));
    BASE_TRY(base_options_bind(dsp_features_table, node, &config->features, &config->arena, err));
    base_node *refuse = base_node_get(config->root, "refuse");
    if (refuse != NULL && !base_node_is_null(refuse)) {
        BASE_TRY(
            base_options_bind(infer_refusal_table, refuse, &config->refuse, &config->arena, err));
    }
    BASE_TRY(bind_train(config, err));
    base_node *pretrain = base_node_get(config->root, "pretrain");
    BASE_TRY(
        base_options_bind(train_pretrain_table, pretrain, &config->pretrain, &config->arena, err));
    BASE_TRY(section(config, config->root, "folds", &node, err));
    return base_options_bind(data_folds_table, node, &config->folds, &config->arena, err);
}

static base_status include_layers(train_config *config, base_error *err) {
    base_node *network = base_node_get(config->root, "network");
    if (network == NULL) return BASE_OK;
    return train_include(network, config->folder, &config->arena, err);
}

#define WAY "paths_from.txt"

/* Text without the line end behind it; NULL if it cannot be read. */
static const char *read_line(const char *path, base_arena *arena) {
    enum { MOST_BYTES = 1 << 16 };
    base_error ignored;
    void *bytes;
    size_t n_bytes;
    if (base_file_read(path, MOST_BYTES, &bytes, &n_bytes, &ignored) != BASE_OK) return NULL;
    const char *line = base_arena_copy(
        arena, bytes, n_bytes - (n_bytes > 0 && ((char *)bytes)[n_bytes - 1] == '\n'));
    base_free(bytes);
    return line;
}

static bool is_kept_by_a_run(const char *name) {
    return strcmp(name, "config.yaml") == 0 || strcmp(name, "cell.yaml") == 0;
}

const char *train_config_sounds_folder(const char *path, base_arena *arena) {
    const char *folder = base_path_folder(arena, path);
    if (folder == NULL || !is_kept_by_a_run(base_path_name(path))) return folder;
    const char *way = base_path_join(arena, folder, WAY);
    const char *facts = base_path_join(arena, folder, "facts.json");
    if (way == NULL || facts == NULL) return NULL;
    if (base_file_exists(way)) {
        const char *line = read_line(way, arena);
        line = line != NULL ? base_path_bytes(arena, line) : NULL;
        return line != NULL ? base_path_join(arena, folder, line) : NULL;
    }
    return base_file_exists(facts) ? base_arena_string(arena, ".") : folder;
}

base_status train_config_write_way(const train_config *config, const char *folder,
                                   base_error *err) {
    base_arena arena = {0};
    const char *way;
    base_text line = {0};
    const char *path = base_path_join(&arena, folder, WAY);
    base_status status = path != NULL ? BASE_OK : base_fail(err, BASE_EMEMORY, "out of memory");
    if (status == BASE_OK) {
        status = base_path_between(folder, config->sounds_folder, &arena, &way, err);
    }
    if (status == BASE_OK) {
        way = base_path_text(&arena, way);
        base_text_printf(&line, "%s\n", way != NULL ? way : "");
        status = way != NULL ? base_file_write_text(path, &line, err)
                             : base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    }
    base_text_release(&line);
    base_arena_release(&arena);
    return status;
}

data_manifest_request train_config_request(const train_config *config) {
    return (data_manifest_request){.config_folder = config->folder,
                                   .sounds_folder = config->sounds_folder};
}

base_status train_config_read(const char *path, const char *const *overrides, int n_overrides,
                              train_config *config, base_error *err) {
    memset(config, 0, sizeof *config);
    base_status status = base_yaml_read(path, &config->arena, &config->root, err);
    for (int i = 0; status == BASE_OK && i < n_overrides; i++) {
        status = base_yaml_override(config->root, overrides[i], &config->arena, err);
    }
    if (status == BASE_OK) {
        config->folder = base_path_folder(&config->arena, path);
        config->sounds_folder = train_config_sounds_folder(path, &config->arena);
        if (config->folder == NULL || config->sounds_folder == NULL) {
            status = base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
        }
    }
    if (status == BASE_OK) status = include_layers(config, err);
    if (status == BASE_OK) status = bind_all(config, err);
    if (status != BASE_OK) train_config_release(config);
    return status;
}

base_status train_config_parse(const char *text, const char *source, train_config *config,
                               base_error *err) {
    memset(config, 0, sizeof *config);
    base_status status = base_yaml_parse(text, source, &config->arena, &config->root, err);
    config->folder = config->sounds_folder = ".";
    if (status == BASE_OK) status = bind_all(config, err);
    if (status != BASE_OK) train_config_release(config);
    return status;
}

void train_config_release(train_config *config) {
    if (config == NULL) return;
    base_arena_release(&config->arena);
    memset(config, 0, sizeof *config);
}

base_status train_config_check_same(const char *path, const base_text *yaml, const char *otherwise,
                                    base_error *err) {
    void *text;
    size_t n_bytes;
    BASE_TRY(base_file_read(path, 0, &text, &n_bytes, err)); /* ends in a zero byte */
    const char *now = base_text_string(yaml), *before = text;
    size_t i = 0;
    int line = 1;
    for (; now[i] && now[i] == before[i]; i++) line += now[i] == '\n';
    bool same = now[i] == before[i];
    base_free(text);
    return same ? BASE_OK : base_fail(err, BASE_EMISMATCH, "%s:%d: %s", path, line, otherwise);
}
