/* A run that is resumed with more epochs. What it has trained is what a run with as many from the
 * start would have by then, unless its learning rates depend on where the training ends; it differs
 * in the fingerprint alone, which is changed in every checkpoint. What came after the trainings is
 * removed, so that the folder is that of such a run, stopped on the way. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "train/checkpoint.h"
#include "train/experiment_internal.h"

/* The configuration that the run was begun with as it would read with the present one's other
 * values; *epochs as it had them. An empty text if it says no epochs. */
static base_status write_former(train__experiment *e, const char *path, base_text *former,
                                int64_t *epochs, base_error *err) {
    base_arena *arena = &e->arena;
    base_node *before, *root = base_node_copy(e->config->root, arena);
    BASE_TRY(base_yaml_read(path, arena, &before, err));
    base_node *section = before->kind == BASE_NODE_MAP ? base_node_get(before, "train") : NULL;
    bool has_section = section != NULL && section->kind == BASE_NODE_MAP;
    base_node *node = has_section ? base_node_get(section, "epochs") : NULL;
    if (node == NULL || node->text == NULL || !base_parse_int(node->text, epochs)) return BASE_OK;
    base_node *copy = base_node_copy(node, arena);
    if (root == NULL || copy == NULL) return train__out_of_memory(err);
    base_node_put(base_node_get(root, "train"), "epochs", copy);
    base_yaml_write(root, former);
    return former->failed ? train__out_of_memory(err) : BASE_OK;
}

static base_status check_extensible(const train__experiment *e, const char *path, int64_t epochs,
                                    base_error *err) {
    const train_options *train = &e->config->train;
    int n;
    const char *schedule = nn_schedule_variants(&n)[train->schedule]->name;
    if (train->epochs < epochs) {
        return base_fail(
            err, BASE_EMISMATCH,
            "%s: the run has train.epochs %lld; %lld are fewer, and training cannot be "
            "taken back",
            path, (long long)epochs, (long long)train->epochs);
    }
    if (e->config->classifier != NULL) {
        return base_fail(
            err, BASE_EMISMATCH,
            "%s: a classifier is fitted once, on all of train.epochs: other epochs make "
            "another run",
            path);
    }
    if (nn_schedule_extends(train->schedule)) return BASE_OK;
    return base_fail(err, BASE_EMISMATCH,
                     "%s: train.schedule %s spans all epochs, so that with %lld in place of %lld "
                     "every learning rate would have been another; runs with constant, step, "
                     "exponential or plateau can be extended",
                     path, schedule, (long long)train->epochs, (long long)epochs);
}

base_status train__extension_find(train__experiment *e, const char *path, char former[33],
                                  base_error *err) {
    base_text yaml = {0};
    base_error ignored;
    int64_t epochs = 0;
    former[0] = '\0';
    if (train_config_check_same(path, &e->yaml, "", &ignored) == BASE_OK) return BASE_OK;
    base_status status = write_former(e, path, &yaml, &epochs, err);
    bool extends = status == BASE_OK && yaml.size > 0 &&
                   train_config_check_same(path, &yaml, "", &ignored) == BASE_OK;
    if (extends) status = check_extensible(e, path, epochs, err);
    if (extends && status == BASE_OK) status = train__fingerprint(e, &yaml, former, err);
    base_text_release(&yaml);
    return status;
}

/* ---- carrying it out ---- */

static base_status remove_file(train__experiment *e, const char *place, const char *name,
                               base_error *err) {
    const char *path = base_arena_printf(&e->arena, "%s/%s%s", e->options->folder, place, name);
    if (path == NULL) return train__out_of_memory(err);
    if (!base_file_exists(path) || unlink(path) == 0) return BASE_OK;
    return base_fail(err, BASE_EIO, "%s: cannot be removed", path);
}

/* What was removed stays so if power is lost: results of fewer epochs must not come back. */
static base_status sync_folder(train__experiment *e, const char *place, base_error *err) {
    const char *path = base_path_join(&e->arena, e->options->folder, place);
    if (path == NULL) return train__out_of_memory(err);
    return base_folder_exists(path) ? base_folder_sync(path, err) : BASE_OK;
}

static base_status rename_checkpoints(train__experiment *e, const char *place, const char *former,
                                      base_error *err) {
    static const char *const names[] = {"best.h5", "last.h5"};
    const char *from = base_arena_printf(&e->arena, "%s %s", former, place);
    const char *to = base_arena_printf(&e->arena, "%s %s", e->fingerprint, place);
    for (int i = 0; i < 2; i++) {
        const char *path =
            base_arena_printf(&e->arena, "%s/%s/%s", e->options->folder, place, names[i]);
        if (from == NULL || to == NULL || path == NULL) return train__out_of_memory(err);
        if (base_file_exists(path)) BASE_TRY(train_checkpoint_rename(path, from, to, err));
    }
    return BASE_OK;
}

typedef base_status at_place(train__experiment *e, const char *place, const char *former,
                             base_error *err);

static base_status remove_tests(train__experiment *e, const char *place, const char *former,
                                base_error *err) {
    (void)former;
    const char *folder = base_arena_printf(&e->arena, "%s/", place);
    if (folder == NULL) return train__out_of_memory(err);
    BASE_TRY(remove_file(e, folder, "predictions.csv", err));
    BASE_TRY(remove_file(e, folder, "unseen.csv", err));
    return sync_folder(e, place, err);
}

static base_status at_all_places(train__experiment *e, at_place *act, const char *former,
                                 base_error *err) {
    const data_folds *const sets[] = {&e->main, &e->compare};
    char place[64];
    for (int s = 0; s < 2; s++) {
        for (int f = 1; f <= sets[s]->n_folds; f++) {
            snprintf(place, sizeof place, "%sfold%d", s == 0 ? "" : "compare/", f);
            BASE_TRY(act(e, place, former, err));
        }
    }
    return act(e, "final", former, err);
}

/* config.yaml is written last: until then the same command begins again here, and finds some
 * checkpoints renamed. */
base_status train__extension_begin(train__experiment *e, const char *former, base_error *err) {
    static const char *const results[] = {"report.html", "summary.json", "model.h5", "unseen.csv"};
    const char *config = base_path_join(&e->arena, e->options->folder, "config.yaml");
    if (config == NULL) return train__out_of_memory(err);
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        BASE_TRY(remove_file(e, "", results[i], err));
    }
    BASE_TRY(sync_folder(e, ".", err));
    BASE_TRY(at_all_places(e, remove_tests, former, err));
    BASE_TRY(at_all_places(e, rename_checkpoints, former, err));
    BASE_TRY(train_facts_write(&e->facts, e->options->folder, err));
    return base_file_write_text(config, &e->yaml, err);
}
