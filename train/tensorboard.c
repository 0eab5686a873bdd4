#include "train/tensorboard.h"

#include <math.h>
#include <string.h>

#include "train/tensorboard.pb-c.h"

typedef Rimshot__Tensorboard__Event event;
typedef Rimshot__Tensorboard__Value value;
typedef Rimshot__Tensorboard__Summary summary;

enum { N_SCALARS = 5 };

/* Castagnoli's polynomial 0x1EDC6F41, reflected; RFC 3720, appendix B.4. */
static void make_crc_table(uint32_t table[256]) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0x82F63B78u : 0);
        table[byte] = crc;
    }
}

uint32_t train_crc32c(const void *data, size_t n_bytes) {
    uint32_t table[256], crc = UINT32_MAX;
    make_crc_table(table);
    const uint8_t *bytes = data;
    for (size_t i = 0; i < n_bytes; i++) crc = (crc >> 8) ^ table[(crc ^ bytes[i]) & 0xFF];
    return ~crc;
}

/* A TFRecord's checksum is masked, so that the CRC of data that holds CRCs stays sound. */
static uint32_t masked_crc(const void *data, size_t n_bytes) {
    uint32_t crc = train_crc32c(data, n_bytes);
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

static void add_little_endian(base_text *file, uint64_t number, int n_bytes) {
    for (int i = 0; i < n_bytes; i++) {
        base_text_add_bytes(file, &(uint8_t){(uint8_t)(number >> (8 * i))}, 1);
    }
}

static void add_record(base_text *file, const void *data, size_t n_bytes) {
    size_t start = file->size;
    add_little_endian(file, n_bytes, 8);
    if (file->failed) return;
    add_little_endian(file, masked_crc(file->data + start, 8), 4);
    base_text_add_bytes(file, data, n_bytes);
    add_little_endian(file, masked_crc(data, n_bytes), 4);
}

/* protobuf-c hands us the message piece by piece. */
typedef struct {
    ProtobufCBuffer base;
    base_text bytes;
} message_buffer;

static void append_piece(ProtobufCBuffer *buffer, size_t n_bytes, const uint8_t *bytes) {
    base_text_add_bytes(&((message_buffer *)buffer)->bytes, bytes, n_bytes);
}

static void add_event(base_text *file, const event *e) {
    message_buffer message = {.base = {append_piece}};
    rimshot__tensorboard__event__pack_to_buffer(e, &message.base);
    file->failed |= message.bytes.failed;
    add_record(file, base_text_string(&message.bytes), message.bytes.size);
    base_text_release(&message.bytes);
}

static void add_epoch(base_text *file, const train_epoch *epoch) {
    const struct {
        char *tag;
        double number;
    } scalars[N_SCALARS] = {{"lr", epoch->lr},
                            {"train/loss", epoch->train_loss},
                            {"validation/loss", epoch->loss},
                            {"validation/accuracy", epoch->accuracy},
                            {"validation/balanced", epoch->balanced}};
    value values[N_SCALARS], *pointers[N_SCALARS];
    size_t n = 0;
    for (int i = 0; i < N_SCALARS; i++) {
        if (isnan(scalars[i].number)) continue; /* nothing was evaluated */
        values[n] = (value)RIMSHOT__TENSORBOARD__VALUE__INIT;
        values[n].tag = scalars[i].tag;
        values[n].value_case = RIMSHOT__TENSORBOARD__VALUE__VALUE_SIMPLE_VALUE;
        values[n].simple_value = (float)scalars[i].number;
        pointers[n] = &values[n];
        n++;
    }
    summary all = RIMSHOT__TENSORBOARD__SUMMARY__INIT;
    all.n_value = n;
    all.value = pointers;
    event e = RIMSHOT__TENSORBOARD__EVENT__INIT;
    e.wall_time = (double)epoch->epoch;
    e.step = epoch->epoch;
    e.what_case = RIMSHOT__TENSORBOARD__EVENT__WHAT_SUMMARY;
    e.summary = &all;
    add_event(file, &e);
}

/* ---- text and hyperparameters ---- */

/* A value of no epoch: step 0, before the first. */
static void add_value(base_text *file, value *v) {
    summary one = RIMSHOT__TENSORBOARD__SUMMARY__INIT;
    one.n_value = 1;
    one.value = &v;
    event e = RIMSHOT__TENSORBOARD__EVENT__INIT;
    e.what_case = RIMSHOT__TENSORBOARD__EVENT__WHAT_SUMMARY;
    e.summary = &one;
    add_event(file, &e);
}

/* A value for a plugin of TensorBoard: what it shows is in the tensor, or in the plugin's own data.
 */
static void add_plugin_value(base_text *file, char *tag, Rimshot__Tensorboard__PluginData *plugin,
                             Rimshot__Tensorboard__Tensor *tensor) {
    Rimshot__Tensorboard__Metadata metadata = RIMSHOT__TENSORBOARD__METADATA__INIT;
    metadata.plugin_data = plugin;
    metadata.data_class = 2;
    value v = RIMSHOT__TENSORBOARD__VALUE__INIT;
    v.tag = tag;
    v.value_case = RIMSHOT__TENSORBOARD__VALUE__VALUE_TENSOR;
    v.tensor = tensor;
    v.metadata = &metadata;
    add_value(file, &v);
}

/* The text plugin shows Markdown. */
static void add_config_text(base_text *file, const base_node *config) {
    base_text text = {0};
    base_text_add(&text, "```yaml\n");
    base_yaml_write(config, &text);
    base_text_add(&text, "```\n");
    ProtobufCBinaryData content = {text.size, (uint8_t *)base_text_string(&text)};
    Rimshot__Tensorboard__Shape shape = RIMSHOT__TENSORBOARD__SHAPE__INIT;
    Rimshot__Tensorboard__Tensor tensor = RIMSHOT__TENSORBOARD__TENSOR__INIT;
    tensor.dtype = 7;
    tensor.tensor_shape = &shape;
    tensor.n_string_val = 1;
    tensor.string_val = &content;
    Rimshot__Tensorboard__PluginData plugin = RIMSHOT__TENSORBOARD__PLUGIN_DATA__INIT;
    plugin.plugin_name = "text";
    add_plugin_value(file, "config", &plugin, &tensor);
    file->failed |= text.failed;
    base_text_release(&text);
}

static void add_hparams(base_text *file, char *tag, const Rimshot__Tensorboard__Hparams *hparams) {
    message_buffer message = {.base = {append_piece}};
    rimshot__tensorboard__hparams__pack_to_buffer(hparams, &message.base);
    Rimshot__Tensorboard__Dimension none = RIMSHOT__TENSORBOARD__DIMENSION__INIT;
    Rimshot__Tensorboard__Dimension *dimensions[] = {&none};
    Rimshot__Tensorboard__Shape shape = RIMSHOT__TENSORBOARD__SHAPE__INIT;
    shape.n_dim = 1;
    shape.dim = dimensions;
    Rimshot__Tensorboard__Tensor empty = RIMSHOT__TENSORBOARD__TENSOR__INIT;
    empty.dtype = 1;
    empty.tensor_shape = &shape;
    Rimshot__Tensorboard__PluginData plugin = RIMSHOT__TENSORBOARD__PLUGIN_DATA__INIT;
    plugin.plugin_name = "hparams";
    plugin.content.data = (uint8_t *)base_text_string(&message.bytes);
    plugin.content.len = message.bytes.size;
    add_plugin_value(file, tag, &plugin, &empty);
    file->failed |= message.bytes.failed;
    base_text_release(&message.bytes);
}

typedef struct {
    base_arena *arena;
    Rimshot__Tensorboard__Hyperparameter **items;
    size_t n, capacity;
    bool failed;
} settings;

static Rimshot__Tensorboard__Setting *setting_of(const char *text, base_arena *arena) {
    Rimshot__Tensorboard__Setting *setting = base_arena_alloc(arena, 1, sizeof *setting);
    double number;
    if (setting == NULL) return NULL;
    rimshot__tensorboard__setting__init(setting);
    if (base_parse_double(text, &number) && isfinite(number)) {
        setting->kind_case = RIMSHOT__TENSORBOARD__SETTING__KIND_NUMBER;
        setting->number = number;
    } else if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        setting->kind_case = RIMSHOT__TENSORBOARD__SETTING__KIND_TRUTH;
        setting->truth = text[0] == 't';
    } else {
        setting->kind_case = RIMSHOT__TENSORBOARD__SETTING__KIND_TEXT;
        setting->text = base_arena_string(arena, text);
        if (setting->text == NULL) return NULL;
    }
    return setting;
}

static void add_setting(settings *s, const char *key, const char *text) {
    Rimshot__Tensorboard__Hyperparameter *item = base_arena_alloc(s->arena, 1, sizeof *item);
    if (s->n == s->capacity && item != NULL) {
        size_t capacity = 2 * s->capacity + 64;
        Rimshot__Tensorboard__Hyperparameter **items =
            base_arena_alloc(s->arena, capacity, sizeof(void *));
        for (size_t i = 0; i < s->n && items != NULL; i++) items[i] = s->items[i];
        s->items = items;
        s->capacity = capacity;
    }
    s->failed |= item == NULL || s->items == NULL;
    if (s->failed) return;
    rimshot__tensorboard__hyperparameter__init(item);
    item->key = base_arena_string(s->arena, key);
    item->value = setting_of(text, s->arena);
    s->failed |= item->key == NULL || item->value == NULL;
    s->items[s->n++] = item;
}

/* A list by the names of its entries: "conv2d, relu". */
static void add_list(settings *s, const char *key, const base_node *list) {
    base_text names = {0};
    for (const base_node *entry = list->child; entry != NULL; entry = entry->next) {
        bool named = entry->kind == BASE_NODE_MAP && entry->child != NULL;
        base_text_add(&names, entry == list->child ? "" : ", ");
        base_text_add(&names, entry->text != NULL ? entry->text : named ? entry->child->key : "");
    }
    s->failed |= names.failed;
    add_setting(s, key, base_text_string(&names));
    base_text_release(&names);
}

/* Everything below a node, under its path. */
static void add_settings(settings *s, const char *key, const base_node *node) {
    if (base_node_is_null(node)) return;
    if (node->kind == BASE_NODE_LIST) {
        add_list(s, key, node);
    } else if (node->kind == BASE_NODE_SCALAR) {
        add_setting(s, key, node->text);
    }
    if (node->kind != BASE_NODE_MAP) return;
    for (const base_node *child = node->child; child != NULL; child = child->next) {
        const char *path = base_arena_printf(s->arena, "%s.%s", key, child->key);
        s->failed |= path == NULL;
        if (path != NULL) add_settings(s, path, child);
    }
}

/* The folds of a run are one group of sessions. */
static void add_hyperparameters(base_text *file, const train_tensorboard *board) {
    static const char *const sections[] = {"audio",      "features", "augment", "network",
                                           "classifier", "train",    "folds"};
    base_arena arena = {0};
    settings s = {.arena = &arena};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        const base_node *node = base_node_get(board->config, sections[i]);
        if (node != NULL) add_settings(&s, sections[i], node);
    }
    Rimshot__Tensorboard__SessionStart start = RIMSHOT__TENSORBOARD__SESSION_START__INIT;
    start.group_name = (char *)board->name;
    start.n_hparams = s.n;
    start.hparams = s.items;
    Rimshot__Tensorboard__SessionEnd end = RIMSHOT__TENSORBOARD__SESSION_END__INIT;
    end.status = 1;
    Rimshot__Tensorboard__Hparams hparams = RIMSHOT__TENSORBOARD__HPARAMS__INIT;
    hparams.data_case = RIMSHOT__TENSORBOARD__HPARAMS__DATA_START;
    hparams.start = &start;
    if (!s.failed) add_hparams(file, "_hparams_/session_start_info", &hparams);
    hparams.data_case = RIMSHOT__TENSORBOARD__HPARAMS__DATA_END;
    hparams.end = &end;
    add_hparams(file, "_hparams_/session_end_info", &hparams);
    file->failed |= s.failed;
    base_arena_release(&arena);
}

base_status train_tensorboard_write(const train_tensorboard *board, const char *fold_folder,
                                    base_error *err) {
    base_arena arena = {0};
    base_text file = {0};
    event first = RIMSHOT__TENSORBOARD__EVENT__INIT;
    first.what_case = RIMSHOT__TENSORBOARD__EVENT__WHAT_FILE_VERSION;
    first.file_version = "brain.Event:2";
    add_event(&file, &first);
    if (board->config != NULL) {
        add_config_text(&file, board->config);
        add_hyperparameters(&file, board);
    }
    for (int64_t i = 0; i < board->n_epochs; i++) add_epoch(&file, &board->epochs[i]);
    const char *path = base_path_join(&arena, fold_folder, "events.out.tfevents.0.rimshot");
    base_status status = path != NULL ? base_file_write_text(path, &file, err)
                                      : base_fail(err, BASE_EMEMORY, "tensorboard: out of memory");
    base_text_release(&file);
    base_arena_release(&arena);
    return status;
}
