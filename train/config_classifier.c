#include "train/config_classifier.h"

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "configuration: out of memory");
}

bool train_classifier_is_wanted(const train_config *config) {
    const base_node *node = base_node_get(config->root, "classifier");
    return node != NULL && !base_node_is_null(node);
}

base_status train_classifier_preset(train_config *config, base_node *train, base_error *err) {
    if (train->kind != BASE_NODE_MAP || base_node_get(train, "epochs") != NULL) return BASE_OK;
    base_node *node = base_node_scalar(&config->arena, "1", "default", 0);
    if (node == NULL) return no_memory(err);
    base_node_put(train, "epochs", node);
    return BASE_OK;
}

static base_status refuse(const base_node *train, const char *key, const char *why,
                          base_error *err) {
    const base_node *node = base_node_get(train, key);
    return base_node_fail(node != NULL ? node : train, err, BASE_ECONFIG, "%s", why);
}

/* Settings of a training by gradients. The first three have no place in a resolved configuration
 * with a classifier, the others stand there with the values that switch them off. */
static base_status refuse_training(const train_config *config, const base_node *train,
                                   base_error *err) {
    const train_options *t = &config->train;
    const struct {
        const char *key;
        bool given;
    } settings[] = {{"optimizer", t->optimizer_node != NULL},
                    {"schedule", t->schedule_node != NULL},
                    {"loss", t->loss_node != NULL},
                    {"steps", t->steps > 0},
                    {"accumulate", t->accumulate > 1},
                    {"clip_norm", t->clip_norm > 0},
                    {"ema", t->ema > 0},
                    {"mixup", t->mixup > 0},
                    {"distill", t->distill_node != NULL},
                    {"patience", t->patience > 0},
                    {"result", t->result == TRAIN_RESULT_BEST},
                    {"freeze", t->freeze.n > 0},
                    {"balance", t->balance == TRAIN_BALANCE_DRAWS}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (!settings[i].given) continue;
        return refuse(train, settings[i].key,
                      "goes with a network that is trained, not with a classifier that is fitted",
                      err);
    }
    bool augmented = config->augment != NULL && config->augment->child != NULL;
    if (augmented || t->epochs == 1) return BASE_OK;
    return refuse(train, "epochs",
                  "with a classifier, the number of times that augmented clips join the clips as "
                  "they are; there is no augment",
                  err);
}

/* train.balance: weights is the classifier's class_weight: balanced. */
static base_status balance(train_config *config, const base_node *train, base_node *classifier,
                           base_error *err) {
    base_node *options = classifier->child;
    if (options == NULL || base_node_get(options, "class_weight") == NULL) {
        return refuse(train, "balance", "this classifier knows no class weights", err);
    }
    base_node *balanced = base_node_scalar(&config->arena, "balanced", "default", 0);
    if (balanced == NULL) return no_memory(err);
    base_node_put(options, "class_weight", balanced);
    return BASE_OK;
}

base_status train_classifier_bind(train_config *config, const base_node *train, base_error *err) {
    base_node *node = base_node_get(config->root, "classifier");
    base_choice *choice = base_arena_alloc(&config->arena, 1, sizeof *choice);
    if (choice == NULL) return no_memory(err);
    BASE_TRY(refuse_training(config, train, err));
    BASE_TRY(nn_classifier_bind(node, &config->arena, choice, err));
    if (config->train.balance == TRAIN_BALANCE_WEIGHTS) {
        BASE_TRY(balance(config, train, node, err));
        BASE_TRY(nn_classifier_bind(node, &config->arena, choice, err));
    }
    config->classifier = choice;
    return BASE_OK;
}
