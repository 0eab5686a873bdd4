/* The format: PKWARE, APPNOTE.TXT 6.3, section 4. */
#include "infer/zip.h"

#include <string.h>

enum {
    LOCAL_BYTES = 30,
    DIRECTORY_BYTES = 46,
    END_BYTES = 22,
    VERSION = 20,
    DATE = 1 << 5 | 1, /* 1 January 1980 */
    UTF8 = 1 << 11
};
#define LOCAL_MARK     0x04034b50u
#define DIRECTORY_MARK 0x02014b50u
#define END_MARK       0x06054b50u

/* CRC-32 of ISO 3309, continued from `crc`, 0 at the start. */
static uint32_t crc32_of(uint32_t crc, const void *data, size_t n_bytes) {
    uint32_t table[256];
    for (uint32_t byte = 0; byte < 256; byte++) {
        table[byte] = byte;
        for (int bit = 0; bit < 8; bit++) {
            table[byte] = (table[byte] >> 1) ^ (table[byte] & 1 ? 0xEDB88320u : 0);
        }
    }
    const uint8_t *bytes = data;
    crc = ~crc;
    for (size_t i = 0; i < n_bytes; i++) crc = (crc >> 8) ^ table[(crc ^ bytes[i]) & 0xFF];
    return ~crc;
}

/* ---- writing ---- */

static void add_number(base_text *text, uint32_t number, int n_bytes) {
    for (int i = 0; i < n_bytes; i++) {
        base_text_add_bytes(text, &(uint8_t){(uint8_t)(number >> (8 * i))}, 1);
    }
}

/* Fields that an entry's two headers share. */
static void add_facts(base_text *text, uint32_t crc, uint32_t n_bytes, uint32_t n_name) {
    add_number(text, VERSION, 2);
    add_number(text, UTF8, 2);
    add_number(text, 0, 2); /* stored */
    add_number(text, 0, 2); /* midnight */
    add_number(text, DATE, 2);
    add_number(text, crc, 4);
    add_number(text, n_bytes, 4);
    add_number(text, n_bytes, 4);
    add_number(text, n_name, 2);
    add_number(text, 0, 2); /* extra field */
}

void infer_zip_add(infer_zip_writer *zip, const char *name, const infer_zip_part part[2]) {
    size_t n_name = strlen(name), start = zip->file.size;
    size_t n_bytes = part[0].n_bytes + part[1].n_bytes;
    if (n_bytes >= UINT32_MAX - LOCAL_BYTES - n_name - start) zip->too_large = true;
    if (zip->too_large) return;
    uint32_t crc = crc32_of(0, part[0].data, part[0].n_bytes);
    crc = crc32_of(crc, part[1].data, part[1].n_bytes);
    add_number(&zip->file, LOCAL_MARK, 4);
    add_facts(&zip->file, crc, (uint32_t)n_bytes, (uint32_t)n_name);
    base_text_add(&zip->file, name);
    for (int i = 0; i < 2; i++) {
        base_text_add_bytes(&zip->file, part[i].data, part[i].n_bytes);
    }
    add_number(&zip->directory, DIRECTORY_MARK, 4);
    add_number(&zip->directory, VERSION, 2);
    add_facts(&zip->directory, crc, (uint32_t)n_bytes, (uint32_t)n_name);
    add_number(&zip->directory, 0, 4); /* comment, disk */
    add_number(&zip->directory, 0, 2); /* internal attributes */
    add_number(&zip->directory, 0, 4); /* external attributes */
    add_number(&zip->directory, (uint32_t)start, 4);
    base_text_add(&zip->directory, name);
    zip->n++;
}

void infer_zip_close(infer_zip_writer *zip) {
    size_t start = zip->file.size, n_bytes = zip->directory.size;
    if (zip->n >= UINT16_MAX || start + n_bytes >= UINT32_MAX) zip->too_large = true;
    if (zip->too_large) return;
    base_text_add_bytes(&zip->file, base_text_string(&zip->directory), n_bytes);
    add_number(&zip->file, END_MARK, 4);
    add_number(&zip->file, 0, 4); /* disks */
    add_number(&zip->file, (uint32_t)zip->n, 2);
    add_number(&zip->file, (uint32_t)zip->n, 2);
    add_number(&zip->file, (uint32_t)n_bytes, 4);
    add_number(&zip->file, (uint32_t)start, 4);
    add_number(&zip->file, 0, 2); /* comment */
    zip->file.failed |= zip->directory.failed;
}

void infer_zip_release(infer_zip_writer *zip) {
    base_text_release(&zip->file);
    base_text_release(&zip->directory);
}

/* ---- reading ---- */

static uint32_t number_at(const uint8_t *at, int n_bytes) {
    uint32_t number = 0;
    for (int i = 0; i < n_bytes; i++) number |= (uint32_t)at[i] << (8 * i);
    return number;
}

/* The end record is the last in the file, except for a comment. */
static const uint8_t *find_end(const uint8_t *bytes, size_t n_bytes) {
    if (n_bytes < END_BYTES) return NULL;
    size_t oldest = n_bytes > END_BYTES + UINT16_MAX ? n_bytes - END_BYTES - UINT16_MAX : 0;
    for (size_t at = n_bytes - END_BYTES + 1; at-- > oldest;) {
        bool here = number_at(bytes + at, 4) == END_MARK;
        if (here && number_at(bytes + at + 20, 2) == n_bytes - at - END_BYTES) return bytes + at;
    }
    return NULL;
}

base_status infer_zip_open(const char *path, const uint8_t *bytes, size_t n_bytes, infer_zip *zip,
                           base_error *err) {
    const uint8_t *end = find_end(bytes, n_bytes);
    if (end == NULL) {
        return base_fail(err, BASE_EFORMAT, "%s: a zip archive that is cut off", path);
    }
    uint32_t start = number_at(end + 16, 4), n_directory = number_at(end + 12, 4);
    size_t before = (size_t)(end - bytes);
    if (start > before || n_directory > before - start) {
        return base_fail(err, BASE_EFORMAT, "%s: its zip directory does not lie within it", path);
    }
    *zip = (infer_zip){.path = path,
                       .bytes = bytes,
                       .at = bytes + start,
                       .n_bytes = before,
                       .n_unclaimed = before,
                       .n = number_at(end + 10, 2)};
    return BASE_OK;
}

static base_status cut_off(const infer_zip *zip, base_error *err) {
    return base_fail(err, BASE_EFORMAT, "%s: an entry of its zip directory reaches past its end",
                     zip->path);
}

/* An entry's data follow its local header, whose name and extra field have lengths of their own. */
static base_status find_data(const infer_zip *zip, uint32_t start, infer_zip_entry *entry,
                             base_error *err) {
    if (start > zip->n_bytes || zip->n_bytes - start < LOCAL_BYTES) return cut_off(zip, err);
    const uint8_t *local = zip->bytes + start;
    size_t skip = LOCAL_BYTES + number_at(local + 26, 2) + number_at(local + 28, 2);
    if (number_at(local, 4) != LOCAL_MARK || zip->n_bytes - start < skip ||
        zip->n_bytes - start - skip < entry->n_bytes) {
        return cut_off(zip, err);
    }
    entry->data = local + skip;
    return BASE_OK;
}

static base_status check_entry(const infer_zip *zip, const uint8_t *head,
                               const infer_zip_entry *entry, base_error *err) {
    const char *trouble = NULL;
    for (size_t i = 0; i < entry->n_name; i++) {
        if (entry->name[i] >= ' ' && entry->name[i] <= '~') continue;
        return base_fail(err, BASE_EFORMAT, "%s: an entry's name is not plain ASCII", zip->path);
    }
    if (number_at(head + 8, 2) & 1) trouble = "it is encrypted";
    if (number_at(head + 10, 2) != 0) {
        trouble = "it is compressed; write the file with numpy.savez, not savez_compressed";
    }
    if (trouble == NULL) return BASE_OK;
    return base_fail(err, BASE_EFORMAT, "%s: %.*s: %s", zip->path, (int)entry->n_name, entry->name,
                     trouble);
}

base_status infer_zip_next(infer_zip *zip, infer_zip_entry *entry, base_error *err) {
    const uint8_t *head = zip->at, *end = zip->bytes + zip->n_bytes;
    if (end - head < DIRECTORY_BYTES || number_at(head, 4) != DIRECTORY_MARK) {
        return cut_off(zip, err);
    }
    size_t n_name = number_at(head + 28, 2);
    size_t length = DIRECTORY_BYTES + n_name + number_at(head + 30, 2) + number_at(head + 32, 2);
    if ((size_t)(end - head) < length) return cut_off(zip, err);
    *entry = (infer_zip_entry){.name = (const char *)head + DIRECTORY_BYTES,
                               .n_name = n_name,
                               .n_bytes = number_at(head + 24, 4)};
    BASE_TRY(check_entry(zip, head, entry, err));
    BASE_TRY(find_data(zip, number_at(head + 42, 4), entry, err));
    if (entry->n_bytes + length > zip->n_unclaimed) {
        return base_fail(err, BASE_EFORMAT, "%s: %.*s: entries of its zip archive overlap",
                         zip->path, (int)n_name, entry->name);
    }
    zip->n_unclaimed -= entry->n_bytes + length;
    if (crc32_of(0, entry->data, entry->n_bytes) != number_at(head + 16, 4)) {
        return base_fail(err, BASE_EDIGEST, "%s: %.*s: its checksum is wrong", zip->path,
                         (int)n_name, entry->name);
    }
    zip->at += length;
    return BASE_OK;
}
