#include "train/tensorboard.h"

#include <math.h>

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

base_status train_tensorboard_write(const train_epoch *epochs, int64_t n, const char *fold_folder,
                                    base_error *err) {
    base_arena arena = {0};
    base_text file = {0};
    event first = RIMSHOT__TENSORBOARD__EVENT__INIT;
    first.what_case = RIMSHOT__TENSORBOARD__EVENT__WHAT_FILE_VERSION;
    first.file_version = "brain.Event:2";
    add_event(&file, &first);
    for (int64_t i = 0; i < n; i++) add_epoch(&file, &epochs[i]);
    const char *path = base_path_join(&arena, fold_folder, "events.out.tfevents.0.rimshot");
    base_status status = path != NULL ? base_file_write_text(path, &file, err)
                                      : base_fail(err, BASE_EMEMORY, "tensorboard: out of memory");
    base_text_release(&file);
    base_arena_release(&arena);
    return status;
}
