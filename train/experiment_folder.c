/* What a run folder begins with. */
#include <string.h>

#include "train/experiment_internal.h"

static base_status fail_changed(const char *path, base_error *err) {
    return base_fail(err, BASE_EMISMATCH,
                     "%s: has been changed since the run was begun; --overwrite starts afresh",
                     path);
}

/* What the report is made from must be what was trained. */
static base_status check_facts_text(train__experiment *e, const train_facts *before,
                                    base_error *err) {
    base_text were = {0}, are = {0};
    train_facts_add_json(before, 0, &were);
    train_facts_add_json(&e->facts, 0, &are);
    bool same =
        !were.failed && !are.failed && strcmp(base_text_string(&were), base_text_string(&are)) == 0;
    base_text_release(&were);
    base_text_release(&are);
    const char *path = base_path_join(&e->arena, e->options->folder, "facts.json");
    return same ? BASE_OK : fail_changed(path != NULL ? path : "facts.json", err);
}

/* A run goes on only with the kernels it was begun with, others give other last bits, and with the
 * same sounds. `former`: the fingerprint before it was extended, or empty. */
static base_status check_same_facts(train__experiment *e, const char *former, base_error *err) {
    train_facts before;
    const train_facts *now = &e->facts;
    BASE_TRY(train_facts_read(e->options->folder, &e->arena, &before, err));
    if (strcmp(before.blas_kernel, now->blas_kernel) != 0 ||
        strcmp(before.level, now->level) != 0) {
        return base_fail(
            err, BASE_EMISMATCH,
            "%s: begun with kernels %s, %s; here they are %s, %s, and the bits would differ",
            e->options->folder, before.blas_kernel, before.level, now->blas_kernel, now->level);
    }
    const char *built_from = before.commit != NULL ? before.commit : "unknown";
    const char *commit = now->commit != NULL ? now->commit : "unknown";
    if (strcmp(built_from, commit) != 0) {
        return base_fail(
            err, BASE_EMISMATCH,
            "%s: begun by a program of commit %s; this is one of commit %s, and the bits might "
            "differ",
            e->options->folder, built_from, commit);
    }
    if (strcmp(before.fingerprint, former) == 0) before.fingerprint = now->fingerprint;
    if (strcmp(before.fingerprint, now->fingerprint) == 0) return check_facts_text(e, &before, err);
    return base_fail(
        err, BASE_EMISMATCH,
        "%s: the sounds, their labels%s%s or the program have changed since it was begun",
        e->options->folder, e->init.options != NULL ? ", the starting weights" : "",
        e->teacher != NULL ? ", the teacher" : "");
}

/* The file that map[key] names gets a copy in the run folder under `name`, and the resolved
 * configuration names that. It is read now: the folder that is about to be overwritten may hold
 * it. */
static base_status keep_file(train__experiment *e, base_node *map, const char *key,
                             const char *name, base_error *err) {
    const base_node *original = base_node_get(map, key);
    const char *path = base_path_join(&e->arena, e->config->folder, original->text);
    if (path == NULL || name == NULL) return train__out_of_memory(err);
    base_node *node = base_node_scalar(&e->config->arena, name, original->source, original->line);
    if (node == NULL) return train__out_of_memory(err);
    base_node_put(map, key, node);
    train__kept_file *kept = &e->kept[e->n_kept++];
    kept->name = name;
    return base_file_read(path, 0, &kept->bytes, &kept->n_bytes, err);
}

static base_status keep_rules_of(train__experiment *e, base_node *dataset, base_error *err) {
    base_node *rules = base_node_get(dataset, "rules");
    if (rules == NULL || base_node_is_null(rules)) return BASE_OK;
    int n = e->n_kept + 1;
    const char *name = n == 1 ? "rules.yaml" : base_arena_printf(&e->arena, "rules%d.yaml", n);
    return keep_file(e, dataset, "rules", name, err);
}

/* Sources in a data set: a map or a list of maps; what is mixed has sources of its own below. */
static size_t count_sources(const base_node *dataset) {
    size_t n = dataset->kind == BASE_NODE_MAP;
    for (const base_node *item = dataset->child; item != NULL; item = item->next) {
        bool is_source = dataset->kind == BASE_NODE_LIST || strcmp(item->key, "parts") == 0;
        if (is_source) n += count_sources(item);
    }
    return n;
}

static base_status keep_rules(train__experiment *e, base_node *dataset, base_error *err) {
    if (dataset->kind == BASE_NODE_MAP) {
        base_node *parts = base_node_get(dataset, "parts");
        BASE_TRY(keep_rules_of(e, dataset, err));
        return parts != NULL ? keep_rules(e, parts, err) : BASE_OK;
    }
    for (base_node *item = dataset->child; item != NULL; item = item->next) {
        BASE_TRY(keep_rules(e, item, err));
    }
    return BASE_OK;
}

static base_status keep_weights(train__experiment *e, base_error *err) {
    if (e->config->train.init.weights == NULL) return BASE_OK;
    base_node *init = base_node_get(base_node_get(e->config->root, "train"), "init");
    const char *extension = base_path_extension(e->config->train.init.weights);
    const char *dot = extension[0] ? "." : "";
    return keep_file(e, init, "weights", base_arena_printf(&e->arena, "init%s%s", dot, extension),
                     err);
}

static base_status keep_teacher(train__experiment *e, base_error *err) {
    if (e->teacher == NULL) return BASE_OK;
    base_node *distill = base_node_get(base_node_get(e->config->root, "train"), "distill");
    return keep_file(e, distill, "model", TRAIN__TEACHER, err);
}

base_status train__folder_keep(train__experiment *e, base_error *err) {
    base_node *dataset = base_node_copy(e->data.manifest.dataset, &e->config->arena);
    if (dataset == NULL) return train__out_of_memory(err);
    base_node_put(e->config->root, "dataset", dataset);
    e->config->dataset = dataset;
    e->kept = base_arena_alloc(&e->arena, count_sources(dataset) + 2, sizeof *e->kept);
    if (e->kept == NULL) return train__out_of_memory(err);
    BASE_TRY(keep_rules(e, dataset, err));
    BASE_TRY(keep_weights(e, err));
    return keep_teacher(e, err);
}

/* The file of the run must have these bytes. */
static base_status check_bytes(const char *path, const void *bytes, size_t n_bytes,
                               base_error *err) {
    void *found;
    size_t n_found;
    BASE_TRY(base_file_read(path, 0, &found, &n_found, err));
    bool same = n_found == n_bytes && memcmp(found, bytes, n_bytes) == 0;
    base_free(found);
    return same ? BASE_OK : fail_changed(path, err);
}

/* Each is written, or, in a resumed run, checked: nobody has put in others by hand. */
static base_status keep_copies(train__experiment *e, bool check, base_error *err) {
    for (int i = 0; i < e->n_kept; i++) {
        const train__kept_file *kept = &e->kept[i];
        const char *path = base_path_join(&e->arena, e->options->folder, kept->name);
        if (path == NULL) return train__out_of_memory(err);
        BASE_TRY(check ? check_bytes(path, kept->bytes, kept->n_bytes, err)
                       : base_file_write(path, kept->bytes, kept->n_bytes, err));
    }
    return BASE_OK;
}

/* The same of a text, which is released. */
static base_status keep_text(train__experiment *e, const char *name, base_text *text, bool check,
                             base_error *err) {
    const char *path = base_path_join(&e->arena, e->options->folder, name);
    base_status status = path == NULL || text->failed ? train__out_of_memory(err)
                         : check ? check_bytes(path, text->data, text->size, err)
                                 : base_file_write_text(path, text, err);
    base_text_release(text);
    return status;
}

static base_status keep_folds(train__experiment *e, const data_folds *folds, const char *name,
                              bool check, base_error *err) {
    base_text text = {0};
    data_folds_text(folds, &e->data.manifest, &e->data.clips, &text);
    return keep_text(e, name, &text, check, err);
}

/* manifest.csv, folds.csv and, if there is a second set of folds, compare/folds.csv. */
static base_status keep_tables(train__experiment *e, bool check, base_error *err) {
    base_text manifest = {0};
    data_manifest_text(&e->data.manifest, &manifest);
    BASE_TRY(keep_text(e, "manifest.csv", &manifest, check, err));
    BASE_TRY(keep_folds(e, &e->main, "folds.csv", check, err));
    if (e->compare.n_folds == 0) return BASE_OK;
    const char *folder = base_path_join(&e->arena, e->options->folder, "compare");
    if (folder == NULL) return train__out_of_memory(err);
    BASE_TRY(base_folder_make(folder, err));
    return keep_folds(e, &e->compare, "compare/folds.csv", check, err);
}

/* Nothing has changed since the run was begun, but for more epochs to train. */
static base_status check_beginning(train__experiment *e, const char *config, base_error *err) {
    char former[33];
    BASE_TRY(train__extension_find(e, config, former, err));
    if (former[0] == '\0') {
        BASE_TRY(train_config_check_same(config, &e->yaml,
                                         "the run was started with another configuration; to "
                                         "resume, give the same file and overrides",
                                         err));
    }
    BASE_TRY(check_same_facts(e, former, err));
    BASE_TRY(keep_copies(e, true, err));
    BASE_TRY(keep_tables(e, true, err));
    return former[0] != '\0' ? train__extension_begin(e, former, err) : BASE_OK;
}

/* facts.json is written last: its presence says that the other files are there. */
static base_status write_beginning(train__experiment *e, base_error *err) {
    const char *folder = e->options->folder;
    const char *config = base_path_join(&e->arena, folder, "config.yaml");
    const char *facts = base_path_join(&e->arena, folder, "facts.json");
    if (config == NULL || facts == NULL) return train__out_of_memory(err);
    if (e->options->resume && base_file_exists(facts)) return check_beginning(e, config, err);
    BASE_TRY(base_file_write_text(config, &e->yaml, err));
    BASE_TRY(train_config_write_way(e->config, folder, err));
    BASE_TRY(keep_copies(e, false, err));
    BASE_TRY(keep_tables(e, false, err));
    return train_facts_write(&e->facts, folder, err);
}

base_status train__folder_begin(train__experiment *e, base_error *err) {
    BASE_TRY(train_work_folder_claim(&e->work, err));
    return write_beginning(e, err);
}
