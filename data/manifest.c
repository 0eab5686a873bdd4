#include "data/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/mix.h"

enum { MAX_CLASSES = 1000 };
enum { OTHERWISE_FAIL, OTHERWISE_SYNTH };

#define FIELD(name) offsetof(data_source_options, name)
const base_option data_source_table[] = {
    {.key = "source",
     .kind = BASE_OPT_CHOICE,
     .offset = FIELD(source),
     .choices = "folder|csv|hydrogen|synth|mix|performance",
     .help = "where the sounds come from: a folder per class, a CSV file, Hydrogen drum kits, the "
             "built-in synthesiser, one-shots mixed into combinations, or crops of drum "
             "performances played with one-shots"},
    {.key = "use",
     .kind = BASE_OPT_CHOICE,
     .offset = FIELD(use),
     .preset = "folds",
     .choices = "folds|train|test",
     .help = "what the sounds are for: dealt to the folds, each tested once; always trained on and "
             "never tested; or never trained on and tested by the network of every fold"},
    {.key = "path",
     .kind = BASE_OPT_STRING,
     .offset = FIELD(path),
     .preset = "~",
     .help = "the folder; hydrogen: without it the installed kits are used"},
    {.key = "labels",
     .kind = BASE_OPT_STRING,
     .offset = FIELD(labels),
     .preset = "labels.csv",
     .help = "csv: name of the file within path, with columns path, label and perhaps group, "
             "begin_s, end_s"},
    {.key = "rules",
     .kind = BASE_OPT_STRING,
     .offset = FIELD(rules),
     .preset = "~",
     .help = "file of rules from labels to classes, relative to the configuration; without it "
             "labels are classes"},
    {.key = "classes",
     .kind = BASE_OPT_STRINGS,
     .offset = FIELD(classes),
     .preset = "~",
     .help = "keep only these classes, in this order; mix, performance: the classes to make, parts "
             "joined by '+' (B+CH), and rest"},
    {.key = "only_groups",
     .kind = BASE_OPT_STRINGS,
     .offset = FIELD(only_groups),
     .preset = "~",
     .help = "keep only these groups (kits, sub-folders)"},
    {.key = "skip_groups",
     .kind = BASE_OPT_STRINGS,
     .offset = FIELD(skip_groups),
     .preset = "~",
     .help = "leave these groups out"},
    {.key = "label",
     .kind = BASE_OPT_STRING,
     .offset = FIELD(label),
     .preset = "~",
     .help = "folder: label of every sound below the folder, whatever folders it lies in; without "
             "it the first folder's name is the label"},
    {.key = "otherwise",
     .kind = BASE_OPT_CHOICE,
     .offset = FIELD(otherwise),
     .preset = "fail",
     .choices = "fail|synth",
     .help = "what to do if the folder or the kits are not there: fail, or synthesise"},
    {.key = "per_class",
     .kind = BASE_OPT_INT,
     .offset = FIELD(per_class),
     .preset = "60",
     .min = 1,
     .max = 100000,
     .help = "synth, mix: sounds per class"},
    {.key = "seed",
     .kind = BASE_OPT_INT,
     .offset = FIELD(seed),
     .preset = "1",
     .min = 0,
     .max = 4294967295.0,
     .help = "synth, mix, performance: seed of what is made"},
    {.key = "parts",
     .kind = BASE_OPT_NODE,
     .offset = FIELD(parts),
     .help = "mix, performance: the one-shots to make sounds of, described as a data set is"},
    {.key = "pools",
     .kind = BASE_OPT_INT,
     .offset = FIELD(pools),
     .preset = "5",
     .min = 1,
     .max = 20,
     .help = "mix, performance: the one-shots are dealt into so many pools, kits and copies kept "
             "together; a sound is made from one pool, which is its group"},
    {.key = "gain_db",
     .kind = BASE_OPT_RANGE,
     .offset = FIELD(gain_db),
     .preset = "[-9, 0]",
     .min = -60,
     .max = 0,
     .unit = "dB",
     .help = "mix, performance: range of each part's gain"},
    {.key = "jitter_ms",
     .kind = BASE_OPT_RANGE,
     .offset = FIELD(jitter_ms),
     .preset = "[0, 15]",
     .min = 0,
     .max = 100,
     .unit = "ms",
     .help = "mix, performance: range of how late each part is struck"},
    {.key = "ringing",
     .kind = BASE_OPT_FLOAT,
     .offset = FIELD(ringing),
     .preset = "0",
     .min = 0,
     .max = 1,
     .help =
         "mix: probability that the tail of another sound is heard beneath, as in a performance"},
    {.key = "songs",
     .kind = BASE_OPT_INT,
     .offset = FIELD(songs),
     .preset = "10",
     .min = 1,
     .max = 1000,
     .help = "performance: how many are played, from the pools in turn"},
    {.key = "bars",
     .kind = BASE_OPT_INT,
     .offset = FIELD(bars),
     .preset = "16",
     .min = 1,
     .max = 1000,
     .help = "performance: bars of a song; each is cut into eighths"},
    {.key = "tempo",
     .kind = BASE_OPT_RANGE,
     .offset = FIELD(tempo_bpm),
     .preset = "[80, 140]",
     .min = 30,
     .max = 300,
     .unit = "bpm",
     .help = "performance: range of the songs' tempos"},
    {0}};
#undef FIELD

base_status data_manifest_append(data_manifest *manifest, size_t *capacity, const data_row *row,
                                 base_error *err) {
    void *rows = manifest->rows;
    if (!base_grow(&rows, capacity, (size_t)manifest->n_rows + 1, sizeof *row))
        return base_fail(err, BASE_EMEMORY, "no memory for %lld rows",
                         (long long)manifest->n_rows + 1);
    manifest->rows = rows;
    data_row *added = &manifest->rows[manifest->n_rows++];
    *added = *row;
    added->class_index = -1;
    added->duplicate = -1;
    return BASE_OK;
}

void data_manifest_note(data_manifest *manifest, const char *format, ...) {
    char text[2 * BASE_ERROR_SIZE]; /* so that one too long for a line is seen to be */
    base_error line;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)base_fail(&line, BASE_OK, "%s", text); /* folders are named by strangers, too */
    int n = manifest->n_notes;
    const char *note = base_arena_string(&manifest->arena, line.text);
    const char **notes = base_arena_alloc(&manifest->arena, (size_t)n + 1, sizeof *notes);
    if (note == NULL || notes == NULL) return;
    if (n > 0) memcpy(notes, manifest->notes, (size_t)n * sizeof *notes);
    notes[n] = note;
    manifest->notes = notes;
    manifest->n_notes = n + 1;
}

/* One of the sources of a data set, while the manifest is put together. */
typedef struct {
    data_source_options options;
    const base_node *node;
    int64_t first_row, end_row;    /* its rows are [first_row, end_row) */
    const char *const *class_name; /* [n_classes] the classes it may give, in its order */
    int n_classes;
} source;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the list of sounds");
}

static base_status bind_source(base_node *node, const char *config_folder, base_arena *arena,
                               source *s, base_error *err) {
    s->node = node;
    BASE_TRY(base_options_bind(data_source_table, node, &s->options, arena, err));
    data_source_options *options = &s->options;
    options->node = node;
    options->config_folder = config_folder;
    bool needs_path = options->source == DATA_SOURCE_FOLDER || options->source == DATA_SOURCE_CSV;
    if (options->path == NULL) {
        if (!needs_path) return BASE_OK;
        return base_node_fail(node, err, BASE_ECONFIG, "this source needs a 'path'");
    }
    size_t n = strlen(options->path);
    while (n > 1 && options->path[n - 1] == '/') n--;
    options->path = base_arena_copy(arena, options->path, n);
    return options->path != NULL ? BASE_OK : no_memory(err);
}

typedef base_status list_rows(const data_source_options *options, data_manifest *manifest,
                              size_t *capacity, base_error *err);

static base_status list_source(const source *s, data_manifest *manifest, size_t *capacity,
                               base_error *err) {
    static list_rows *const list[] = {[DATA_SOURCE_FOLDER] = data_source_folder,
                                      [DATA_SOURCE_CSV] = data_source_csv,
                                      [DATA_SOURCE_HYDROGEN] = data_source_hydrogen,
                                      [DATA_SOURCE_SYNTH] = data_source_synth,
                                      [DATA_SOURCE_MIX] = data_source_mix,
                                      [DATA_SOURCE_PERFORMANCE] = data_source_performance};
    const data_source_options *options = &s->options;
    base_error problem;
    base_status status;
    bool is_searched = options->source >= DATA_SOURCE_SYNTH || options->path == NULL;
    if (!is_searched && !base_folder_exists(options->path))
        status = base_fail(&problem, BASE_ENOTFOUND, "%s: no such folder", options->path);
    else
        status = list[options->source](options, manifest, capacity, &problem);
    if (status == BASE_ENOTFOUND && options->otherwise == OTHERWISE_SYNTH) {
        data_manifest_note(manifest, "%s; using the built-in synthesiser instead", problem.text);
        return data_source_synth(options, manifest, capacity, err);
    }
    return status == BASE_OK ? BASE_OK : base_fail(err, status, "%s", problem.text);
}

static int find_name(const char *const *names, int n, const char *name) {
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) return i;
    }
    return -1;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The distinct names among names[n], sorted in place; returns how many. */
static int64_t sort_unique(const char **names, int64_t n) {
    qsort(names, (size_t)n, sizeof *names, compare_names);
    int64_t n_unique = 0;
    for (int64_t i = 0; i < n; i++) {
        if (n_unique == 0 || strcmp(names[n_unique - 1], names[i]) != 0)
            names[n_unique++] = names[i];
    }
    return n_unique;
}

/* Fails, naming the nearest, unless each of `wanted` is one of names[n]. */
static base_status check_known(const source *s, base_strings wanted, const char *what,
                               const char *const *names, int n, base_error *err) {
    for (int i = 0; i < wanted.n; i++) {
        if (find_name(names, n, wanted.items[i]) >= 0) continue;
        const char *near = base_nearest(wanted.items[i], names, n);
        return base_node_fail(s->node, err, BASE_EDATA, "no sound of %s '%s'%s%s%s", what,
                              wanted.items[i], near != NULL ? "; did you mean '" : "",
                              near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    return BASE_OK;
}

static base_status select_groups(const source *s, data_manifest *m, base_error *err) {
    base_strings only = s->options.only_groups, skip = s->options.skip_groups;
    if (only.n == 0 && skip.n == 0) return BASE_OK;
    int64_t n = s->end_row - s->first_row;
    const char **groups = base_alloc((size_t)n, sizeof *groups);
    if (groups == NULL) return no_memory(err);
    for (int64_t i = 0; i < n; i++) groups[i] = m->rows[s->first_row + i].group;
    int n_groups = (int)sort_unique(groups, n);
    base_status status = check_known(s, only, "group", groups, n_groups, err);
    if (status == BASE_OK) status = check_known(s, skip, "group", groups, n_groups, err);
    base_free(groups);
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->left_out != NULL) continue;
        if (only.n > 0 && find_name(only.items, only.n, row->group) < 0)
            row->left_out = "group not selected";
        else if (find_name(skip.items, skip.n, row->group) >= 0)
            row->left_out = "group skipped";
    }
    return status;
}

/* The classes are those of the rules file, in its order. Sets class_index of the source's rows. */
static base_status classify_by_rules(source *s, const char *config_folder, data_manifest *m,
                                     base_error *err) {
    data_labels *labels;
    const char *path = base_path_join(&m->arena, config_folder, s->options.rules);
    if (path == NULL) return no_memory(err);
    BASE_TRY(data_labels_read(path, &m->arena, &labels, err));
    int n = data_labels_n_classes(labels);
    if (n > MAX_CLASSES)
        return base_fail(err, BASE_EDATA, "%s: more than %d classes", path, MAX_CLASSES);
    const char **names = base_arena_alloc(&m->arena, (size_t)n, sizeof *names);
    if (names == NULL) return no_memory(err);
    for (int c = 0; c < n; c++) names[c] = data_labels_class(labels, c);
    s->class_name = names;
    s->n_classes = n;
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->left_out == NULL)
            row->class_index = data_labels_match(labels, row->label, &m->arena, &row->left_out);
    }
    return BASE_OK;
}

/* The same without rules: the labels of the rows in use, in byte order, are the classes. */
static base_status classify_by_label(source *s, data_manifest *m, base_error *err) {
    int64_t n = 0;
    const char **names =
        base_arena_alloc(&m->arena, (size_t)(s->end_row - s->first_row), sizeof *names);
    if (names == NULL) return no_memory(err);
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->left_out == NULL && row->label[0] == '\0') row->left_out = "no label";
        if (row->left_out == NULL) names[n++] = row->label;
    }
    n = sort_unique(names, n);
    if (n > MAX_CLASSES)
        return base_node_fail(s->node, err, BASE_EDATA,
                              "%lld different labels, more than %d classes; 'rules' can map them",
                              (long long)n, MAX_CLASSES);
    s->class_name = names;
    s->n_classes = (int)n;
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->left_out != NULL) continue;
        const char **found = bsearch(&row->label, names, (size_t)n, sizeof *names, compare_names);
        row->class_index = (int)(found - names);
    }
    return BASE_OK;
}

/* What is made is made for the classes that the configuration names; not all need to occur. */
static void classify_made(source *s, data_manifest *m) {
    s->class_name = s->options.classes.items;
    s->n_classes = s->options.classes.n;
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->left_out == NULL)
            row->class_index = find_name(s->class_name, s->n_classes, row->label);
    }
}

/* Counts the rows in use in [first, end) of each of n classes. */
static void count_classes(const data_manifest *m, int64_t first, int64_t end, int64_t *count,
                          int n) {
    for (int c = 0; c < n; c++) count[c] = 0;
    for (int64_t i = first; i < end; i++) {
        if (m->rows[i].left_out == NULL) count[m->rows[i].class_index]++;
    }
}

/* Keeps only the classes the configuration names, in its order; each must have a sound. */
static base_status select_classes(source *s, data_manifest *m, base_error *err) {
    base_strings wanted = s->options.classes;
    if (wanted.n == 0) return BASE_OK;
    if (wanted.n > MAX_CLASSES)
        return base_node_fail(s->node, err, BASE_ECONFIG, "more than %d classes", MAX_CLASSES);
    for (int c = 0; c < wanted.n; c++) {
        if (find_name(wanted.items, c, wanted.items[c]) >= 0)
            return base_node_fail(s->node, err, BASE_ECONFIG, "classes: '%s' stands twice",
                                  wanted.items[c]);
    }
    BASE_TRY(check_known(s, wanted, "class", s->class_name, s->n_classes, err));
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->left_out != NULL) continue;
        row->class_index = find_name(wanted.items, wanted.n, s->class_name[row->class_index]);
        if (row->class_index < 0) row->left_out = "class not selected";
    }
    s->class_name = wanted.items;
    s->n_classes = wanted.n;
    int64_t count[MAX_CLASSES];
    count_classes(m, s->first_row, s->end_row, count, wanted.n);
    for (int c = 0; c < wanted.n; c++) {
        if (count[c] == 0)
            return base_node_fail(s->node, err, BASE_EDATA, "no sound of class '%s'",
                                  wanted.items[c]);
    }
    return BASE_OK;
}

/* Joins the classes of a source to those of the manifest, names[*n], which keep their order. */
static base_status join_classes(const source *s, data_manifest *m, const char **names, int *n,
                                base_error *err) {
    int joined[MAX_CLASSES];
    for (int c = 0; c < s->n_classes; c++) {
        joined[c] = find_name(names, *n, s->class_name[c]);
        if (joined[c] >= 0) continue;
        if (*n == MAX_CLASSES)
            return base_node_fail(s->node, err, BASE_EDATA, "more than %d classes", MAX_CLASSES);
        joined[c] = *n;
        names[(*n)++] = s->class_name[c];
    }
    for (int64_t i = s->first_row; i < s->end_row; i++) {
        data_row *row = &m->rows[i];
        if (row->class_index >= 0) row->class_index = joined[row->class_index];
    }
    return BASE_OK;
}

static base_status add_source(base_node *node, const char *config_folder, size_t *capacity,
                              data_manifest *m, const char **names, int *n, base_error *err) {
    source s = {.first_row = m->n_rows};
    BASE_TRY(bind_source(node, config_folder, &m->arena, &s, err));
    BASE_TRY(list_source(&s, m, capacity, err));
    s.end_row = m->n_rows;
    for (int64_t i = s.first_row; i < s.end_row; i++) m->rows[i].use = (data_use)s.options.use;
    BASE_TRY(select_groups(&s, m, err));
    if (s.options.source >= DATA_SOURCE_MIX) {
        classify_made(&s, m);
        return join_classes(&s, m, names, n, err);
    }
    BASE_TRY(s.options.rules != NULL ? classify_by_rules(&s, config_folder, m, err)
                                     : classify_by_label(&s, m, err));
    BASE_TRY(select_classes(&s, m, err));
    return join_classes(&s, m, names, n, err);
}

/* Drops classes that no row in use has, with a note. */
static base_status keep_used_classes(data_manifest *m, const char *const *names, int n,
                                     base_error *err) {
    int64_t count[MAX_CLASSES];
    int kept[MAX_CLASSES];
    count_classes(m, 0, m->n_rows, count, n);
    const char **classes = base_arena_alloc(&m->arena, (size_t)n, sizeof *classes);
    if (classes == NULL) return no_memory(err);
    for (int c = 0; c < n; c++) {
        kept[c] = m->n_classes;
        if (count[c] > 0)
            classes[m->n_classes++] = names[c];
        else
            data_manifest_note(m, "class '%s' is left out: no sound belongs to it", names[c]);
    }
    m->classes = classes;
    for (int64_t i = 0; i < m->n_rows; i++) {
        if (m->rows[i].class_index >= 0) m->rows[i].class_index = kept[m->rows[i].class_index];
    }
    if (m->n_classes > 0) return BASE_OK;
    return base_fail(err, BASE_EDATA, "none of the %lld sounds found is in use%s%s",
                     (long long)m->n_rows, m->n_rows > 0 ? "; the first: " : "",
                     m->n_rows > 0 ? m->rows[0].left_out : "");
}

/* What is tested must have been trained: every class has a sound that is not for testing alone. */
static base_status check_trained_classes(const data_manifest *m, base_error *err) {
    bool trained[MAX_CLASSES] = {false};
    int c = 0;
    for (int64_t i = 0; i < m->n_rows; i++) {
        const data_row *row = &m->rows[i];
        if (row->left_out == NULL && row->use != DATA_USE_TEST) trained[row->class_index] = true;
    }
    while (c < m->n_classes && trained[c]) c++;
    if (c == m->n_classes) return BASE_OK;
    return base_fail(err, BASE_EDATA,
                     "class '%s' occurs only in what is for testing (use: test): there is nothing "
                     "to learn it from",
                     m->classes[c]);
}

static base_status add_sources(base_node *dataset, const char *config_folder, data_manifest *m,
                               base_error *err) {
    const char *names[MAX_CLASSES];
    size_t capacity = 0;
    int n = 0;
    if (dataset->kind != BASE_NODE_LIST) {
        BASE_TRY(add_source(dataset, config_folder, &capacity, m, names, &n, err));
    } else {
        for (base_node *node = dataset->child; node != NULL; node = node->next)
            BASE_TRY(add_source(node, config_folder, &capacity, m, names, &n, err));
    }
    BASE_TRY(keep_used_classes(m, names, n, err));
    return check_trained_classes(m, err);
}

/* A copy that still tells its place in the configuration. */
static base_node *copy_in_place(const base_node *node, base_arena *arena) {
    base_node *copy = base_node_copy(node, arena);
    if (copy != NULL) {
        copy->key = node->key;
        copy->parent = node->parent;
    }
    return copy;
}

base_status data_manifest_open(const base_node *dataset, const char *config_folder,
                               data_manifest *manifest, base_error *err) {
    *manifest = (data_manifest){0};
    manifest->dataset = copy_in_place(dataset, &manifest->arena);
    base_status status = manifest->dataset != NULL
                             ? add_sources(manifest->dataset, config_folder, manifest, err)
                             : base_fail(err, BASE_EMEMORY, "manifest: out of memory");
    if (status != BASE_OK) data_manifest_release(manifest);
    return status;
}

void data_manifest_release(data_manifest *manifest) {
    if (manifest == NULL) return;
    base_free(manifest->rows);
    data_mix_free(manifest->mixes);
    base_arena_release(&manifest->arena);
    *manifest = (data_manifest){0};
}

static void write_row(const data_manifest *m, const data_row *row, base_text *out) {
    const char *class_name = row->left_out == NULL ? m->classes[row->class_index] : "";
    bool decoded = row->n_channels > 0;
    char hex[33];
    base_text_add_csv(out, row->path);
    base_text_add(out, ",");
    base_text_add_number(out, row->begin_s);
    base_text_add(out, ",");
    base_text_add_number(out, row->end_s);
    const char *const texts[] = {row->label, class_name, row->group};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        base_text_add(out, ",");
        base_text_add_csv(out, texts[i]);
    }
    base_text_add(out, ",");
    if (row->duplicate >= 0) base_text_printf(out, "%lld", (long long)row->duplicate);
    base_text_add(out, ",");
    base_text_add_csv(out, row->left_out != NULL ? row->left_out : "");
    if (!decoded) {
        base_text_add(out, ",,,,,,\n");
        return;
    }
    base_text_add(out, ",");
    base_text_add_number(out, row->sample_rate_hz);
    base_text_printf(out, ",%lld,", (long long)row->n_channels);
    base_text_add_number(out, row->seconds);
    base_text_add(out, ",");
    base_text_add_number(out, row->peak);
    base_digest_hex(row->content, hex);
    base_text_printf(out, ",%lld,%s\n", (long long)row->n_clipped, hex);
}

base_status data_manifest_write(const data_manifest *manifest, const char *path, base_error *err) {
    base_text out = {0};
    base_text_add(&out, "path,begin_s,end_s,label,class,group,duplicate,left_out,sample_rate_hz,"
                        "channels,seconds,peak,clipped,content\n");
    for (int64_t i = 0; i < manifest->n_rows; i++) write_row(manifest, &manifest->rows[i], &out);
    base_status status = base_file_write_text(path, &out, err);
    base_text_release(&out);
    return status;
}
