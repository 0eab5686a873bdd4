/* A reader of the HDF5 that base/h5_write.c has libhdf5 write, and of nothing else: superblock 0,
 * groups as B-trees of symbol tables, version 1 object headers, contiguous little-endian numbers,
 * text of fixed length (and, of older files, of variable length). Links, filters, attributes,
 * external storage and all that is newer are refused. The layout is that of the HDF5 File Format
 * Specification, version 2.0 (The HDF Group).
 *
 * A file is gone through once, when it is opened. Every structure and every dataset claims its
 * bytes, and all claims together may not exceed the file: what overlaps or leads back to itself
 * runs out of bytes, so that time and memory are linear in the file's size whatever it says. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/h5.h"
#include "base/h5_block.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are used as they are stored");

/* Sizes in bytes, but for ranks, counts and levels. */
enum {
    MAP_FROM_BYTES = 1 << 30,
    SUPERBLOCK_BYTES = 96,
    HEADER_BYTES = 16,
    MESSAGE_BYTES = 8,
    HEAP_BYTES = 32,
    MAX_CHILDREN = 32, /* of a B-tree's node */
    NODE_BYTES = 24 + (2 * MAX_CHILDREN + 1) * 8,
    MAX_LEVEL = 8,
    MAX_SYMBOLS = 8, /* of a symbol table's node */
    SYMBOL_BYTES = 40,
    SYMBOLS_BYTES = 8 + MAX_SYMBOLS * SYMBOL_BYTES,
    MAX_NAME = 255,
    REFERENCE_BYTES = 16, /* to a text of variable length */
    COLLECTION_BYTES = 16,
    TEXT_BYTES = 16, /* before each text of a collection */
    MAX_TEXTS = 1 << 16
};

typedef enum { GROUP, NUMBERS, FIXED_TEXT, VARIABLE_TEXT } object_kind;

typedef struct {
    const char *name; /* in the file */
    uint64_t at;      /* of its header */
    object_kind kind;
    size_t first, n_children; /* of a group, in the reader's list, by name */
    base_h5_type type;        /* of numbers */
    int rank;
    int64_t shape[BASE_H5_MAX_RANK], n_items;
    uint64_t item_bytes;
    const unsigned char *data; /* NULL if there are no items */
} object;

struct base_h5_reader {
    base_file_view view;
    const unsigned char *bytes; /* what follows the block */
    size_t n_bytes, n_unclaimed;
    base_arena arena;
    const char *path;
    object *objects; /* [0] is the root */
    size_t n_objects, capacity;
};

static uint64_t load(const unsigned char *in, int n_bytes) {
    uint64_t value = 0;
    for (int i = 0; i < n_bytes; i++) value |= (uint64_t)in[i] << 8 * i;
    return value;
}

static base_status malformed(const base_h5_reader *reader, const char *what, uint64_t at,
                             base_error *err) {
    return base_fail(err, BASE_EFORMAT,
                     "%s: damaged or made by another program (%s at byte %" PRIu64 ")",
                     reader->path, what, at + BASE__H5_BLOCK_BYTES);
}

/* Bytes [at, at + n) for a structure of its own; NULL if the file has none for it. */
static const unsigned char *claim(base_h5_reader *reader, uint64_t at, uint64_t n) {
    if (at > reader->n_bytes || n > reader->n_bytes - at || n > reader->n_unclaimed) return NULL;
    reader->n_unclaimed -= n;
    return reader->bytes + at;
}

/* The same for one that begins with `signature`. */
static const unsigned char *claim_signed(base_h5_reader *reader, const char *signature, uint64_t at,
                                         uint64_t n) {
    const unsigned char *bytes = claim(reader, at, n);
    return bytes != NULL && memcmp(bytes, signature, 4) == 0 ? bytes : NULL;
}

/* ---- groups ---- */

/* Names and members of one group while they are listed. */
typedef struct {
    base_h5_reader *reader;
    base_error *err;
    const char *names; /* NUL-terminated, at the offsets the symbols say */
    uint64_t n_names;  /* bytes */
    const char *last;
} listing;

/* Takes up a name, of which there must be one greater than the last. */
static base_status add_object(listing *l, const unsigned char *symbol, uint64_t at) {
    base_h5_reader *reader = l->reader;
    uint64_t offset = load(symbol, 8);
    if (offset >= l->n_names || load(symbol + 16, 4) > 1) {
        return malformed(reader, "a link", at, l->err);
    }
    const char *name = l->names + offset;
    size_t room = l->n_names - offset, most = room < MAX_NAME + 1 ? room : MAX_NAME + 1;
    size_t length = strnlen(name, most);
    if (length == most || length == 0 || memchr(name, '/', length) != NULL ||
        (l->last != NULL && strcmp(l->last, name) >= 0)) {
        return malformed(reader, "a name", at, l->err);
    }
    l->last = name;
    if (!base_grow((void **)&reader->objects, &reader->capacity, reader->n_objects + 1,
                   sizeof *reader->objects)) {
        return base_fail(l->err, BASE_EMEMORY, "%s: out of memory", reader->path);
    }
    reader->objects[reader->n_objects++] = (object){.name = name, .at = load(symbol + 8, 8)};
    return BASE_OK;
}

static base_status list_symbols(listing *l, uint64_t at) {
    const unsigned char *node = claim_signed(l->reader, "SNOD", at, SYMBOLS_BYTES);
    if (node == NULL || node[4] != 1 || load(node + 6, 2) > MAX_SYMBOLS) {
        return malformed(l->reader, "a group's entries", at, l->err);
    }
    for (uint64_t i = 0; i < load(node + 6, 2); i++) {
        BASE_TRY(add_object(l, node + 8 + i * SYMBOL_BYTES, at));
    }
    return BASE_OK;
}

/* A node of the level given, or of any up to MAX_LEVEL if that is negative. */
static base_status list_node(listing *l, uint64_t at, int level) {
    const unsigned char *node = claim_signed(l->reader, "TREE", at, NODE_BYTES);
    if (node == NULL || node[4] != 0 || node[5] > MAX_LEVEL || (level >= 0 && node[5] != level) ||
        load(node + 6, 2) > MAX_CHILDREN) {
        return malformed(l->reader, "a group's tree", at, l->err);
    }
    for (uint64_t i = 0; i < load(node + 6, 2); i++) {
        uint64_t child = load(node + 32 + 16 * i, 8);
        BASE_TRY(node[5] > 0 ? list_node(l, child, node[5] - 1) : list_symbols(l, child));
    }
    return BASE_OK;
}

/* Appends the members of group `index`, whose symbol-table message is given. */
static base_status list_group(base_h5_reader *reader, size_t index, const unsigned char *message,
                              base_error *err) {
    listing l = {.reader = reader, .err = err};
    uint64_t at = load(message + 8, 8);
    const unsigned char *heap = claim_signed(reader, "HEAP", at, HEAP_BYTES);
    if (heap != NULL && heap[4] == 0) {
        l.n_names = load(heap + 8, 8);
        l.names = (const char *)claim(reader, load(heap + 24, 8), l.n_names);
    }
    if (l.names == NULL) return malformed(reader, "a group's names", at, err);
    size_t first = reader->n_objects;
    BASE_TRY(list_node(&l, load(message, 8), -1));
    object *group = &reader->objects[index];
    group->kind = GROUP;
    group->first = first;
    group->n_children = reader->n_objects - first;
    return BASE_OK;
}

/* ---- datasets ---- */

/* The messages of an object's header that matter; those that are absent are NULL. */
typedef struct {
    const unsigned char *space, *type, *layout, *group;
    uint64_t n_space, n_type, n_layout, n_group; /* bytes */
} header;

/* Where a message of this type goes; NULL: nowhere. */
static const unsigned char **place_of(header *h, uint64_t type, uint64_t **n_bytes) {
    switch (type) {
    case 0x01:
        *n_bytes = &h->n_space;
        return &h->space;
    case 0x03:
        *n_bytes = &h->n_type;
        return &h->type;
    case 0x08:
        *n_bytes = &h->n_layout;
        return &h->layout;
    case 0x11:
        *n_bytes = &h->n_group;
        return &h->group;
    default:
        return NULL;
    }
}

/* One message at `left` bytes from the header's end; false if it may not be there. Padding (0) and
 * what unwritten numbers read as (5) play no part. */
static bool take_message(header *h, const unsigned char *message, uint64_t left, uint64_t *size) {
    uint64_t *n_bytes, type = load(message, 2);
    *size = load(message + 2, 2);
    if (*size > left - MESSAGE_BYTES || *size % 8 != 0 || (message[4] & ~1) != 0) return false;
    if (type == 0 || type == 5) return true;
    const unsigned char **place = place_of(h, type, &n_bytes);
    if (place == NULL || *place != NULL) return false;
    *place = message + MESSAGE_BYTES;
    *n_bytes = *size;
    return true;
}

static base_status read_header(base_h5_reader *reader, uint64_t at, header *h, base_error *err) {
    *h = (header){0};
    const unsigned char *start = claim(reader, at, HEADER_BYTES), *message = NULL;
    uint64_t left = 0, size;
    if (start != NULL && start[0] == 1 && load(start + 4, 4) == 1) {
        left = load(start + 8, 4);
        message = claim(reader, at + HEADER_BYTES, left);
    }
    if (message == NULL) return malformed(reader, "an object", at, err);
    for (uint64_t i = load(start + 2, 2); i > 0; i--) {
        if (left < MESSAGE_BYTES || !take_message(h, message, left, &size)) {
            return malformed(reader, "an object's description", at, err);
        }
        message += MESSAGE_BYTES + size;
        left -= MESSAGE_BYTES + size;
    }
    return BASE_OK;
}

/* Rank, extents, and the greatest extents, which are the same. */
static bool read_space(const header *h, object *o) {
    const unsigned char *space = h->space;
    if (h->n_space < 8 || space[0] != 1 || space[1] > BASE_H5_MAX_RANK || space[2] > 1) {
        return false;
    }
    o->rank = space[1];
    o->n_items = 1;
    size_t n_lists = space[2] == 1 && o->rank > 0 ? 2 : 1, extents = 8 * (size_t)o->rank;
    if (h->n_space < 8 + n_lists * extents) return false;
    if (n_lists == 2 && memcmp(space + 8, space + 8 + extents, extents) != 0) return false;
    for (int i = 0; i < o->rank; i++) {
        o->shape[i] = (int64_t)load(space + 8 + 8 * i, 8);
        if (!base_mul(o->n_items, o->shape[i], &o->n_items)) return false;
    }
    return true;
}

/* How numbers stand in the file: the whole datatype message. */
static const struct {
    base_h5_type type;
    size_t item_bytes, n_bytes;
    unsigned char message[20];
} numbers[] = {
    {BASE_H5_F32, 4, 20, {0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127}},
    {BASE_H5_F64, 8, 20, {0x11, 0x20, 63, 0, 8, 0, 0, 0, 0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3}},
    {BASE_H5_I32, 4, 12, {0x10, 8, 0, 0, 4, 0, 0, 0, 0, 0, 32, 0}},
    {BASE_H5_I64, 8, 12, {0x10, 8, 0, 0, 8, 0, 0, 0, 0, 0, 64, 0}},
    {BASE_H5_U8, 1, 12, {0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0}},
    {BASE_H5_I16, 2, 12, {0x10, 8, 0, 0, 2, 0, 0, 0, 0, 0, 16, 0}},
};

static bool read_type(const header *h, object *o) {
    static const unsigned char fixed[] = {0x13, 0x11, 0, 0};
    static const unsigned char variable[] = {0x19, 1, 1, 0, 16, 0, 0, 0, 0x10, 0,
                                             0,    0, 1, 0, 0,  0, 0, 0, 8,    0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (h->n_type < numbers[i].n_bytes ||
            memcmp(h->type, numbers[i].message, numbers[i].n_bytes) != 0) {
            continue;
        }
        o->kind = NUMBERS;
        o->type = numbers[i].type;
        o->item_bytes = numbers[i].item_bytes;
        return true;
    }
    if (h->n_type >= sizeof variable && memcmp(h->type, variable, sizeof variable) == 0) {
        o->kind = VARIABLE_TEXT;
        o->item_bytes = REFERENCE_BYTES;
        return true;
    }
    if (h->n_type < 8 || memcmp(h->type, fixed, sizeof fixed) != 0) return false;
    o->kind = FIXED_TEXT;
    o->item_bytes = load(h->type + 4, 4);
    return o->item_bytes > 0;
}

/* Where its items lie, all in one piece. */
static bool read_layout(base_h5_reader *reader, const header *h, object *o) {
    if (h->n_layout < 18 || h->layout[0] != 3 || h->layout[1] != 1) return false;
    uint64_t n_bytes = load(h->layout + 10, 8);
    if (n_bytes / o->item_bytes != (uint64_t)o->n_items || n_bytes % o->item_bytes != 0) {
        return false;
    }
    if (n_bytes == 0) return true;
    o->data = claim(reader, load(h->layout + 2, 8), n_bytes);
    return o->data != NULL;
}

static base_status read_object(base_h5_reader *reader, size_t index, base_error *err) {
    header h;
    object *o = &reader->objects[index];
    BASE_TRY(read_header(reader, o->at, &h, err));
    bool is_group = h.group != NULL, is_dataset = h.space != NULL && h.type != NULL && h.layout;
    if (is_group && h.n_group >= 16 && !h.space && !h.type && !h.layout) {
        return list_group(reader, index, h.group, err);
    }
    if (is_dataset && !is_group && read_space(&h, o) && read_type(&h, o) &&
        read_layout(reader, &h, o)) {
        return BASE_OK;
    }
    return malformed(reader, "a dataset's description", o->at, err);
}

/* ---- opening ---- */

static base_status read_superblock(base_h5_reader *reader, base_error *err) {
    static const unsigned char expected[] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n', 0,  0,
                                             0,    0,   0,   8,   8,    0,    4,    0,    16, 0};
    const unsigned char *block = claim(reader, 0, SUPERBLOCK_BYTES);
    if (block == NULL || memcmp(block, expected, 8) != 0) {
        return base_fail(err, BASE_EFORMAT, "%s: not an HDF5 file behind its head", reader->path);
    }
    if (memcmp(block, expected, sizeof expected) != 0 ||
        load(block + 24, 8) != BASE__H5_BLOCK_BYTES ||
        load(block + 40, 8) != reader->view.n_bytes) {
        return malformed(reader, "the superblock", 0, err);
    }
    reader->objects[0].at = load(block + 64, 8);
    return BASE_OK;
}

/* The list grows while it is gone through: a group's members come behind all that is known. */
static base_status read_all(base_h5_reader *reader, base_error *err) {
    if (!base_grow((void **)&reader->objects, &reader->capacity, 1, sizeof *reader->objects)) {
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", reader->path);
    }
    reader->n_objects = 1;
    reader->objects[0] = (object){.name = ""};
    reader->bytes = (const unsigned char *)reader->view.data + BASE__H5_BLOCK_BYTES;
    reader->n_bytes = reader->n_unclaimed = reader->view.n_bytes - BASE__H5_BLOCK_BYTES;
    BASE_TRY(read_superblock(reader, err));
    for (size_t i = 0; i < reader->n_objects; i++) BASE_TRY(read_object(reader, i, err));
    if (reader->objects[0].kind == GROUP) return BASE_OK;
    return malformed(reader, "the root", reader->objects[0].at, err);
}

base_status base_h5_reader_open(const char *path, const char *kind, uint32_t max_version,
                                uint32_t *version, base_h5_reader **reader, base_error *err) {
    *reader = NULL;
    base_h5_reader *made = base_alloc(1, sizeof *made);
    if (made != NULL) made->path = base_arena_string(&made->arena, path);
    base_status status = BASE_OK;
    if (made == NULL || made->path == NULL) {
        status = base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    }
    if (status == BASE_OK) status = base_file_view_open(path, MAP_FROM_BYTES, &made->view, err);
    if (status == BASE_OK) {
        status =
            base__h5_block_check(made->view.data, made->view.n_bytes, path, kind, max_version, err);
    }
    if (status == BASE_OK) status = read_all(made, err);
    if (status != BASE_OK) {
        base_h5_reader_free(made);
        return status;
    }
    if (version != NULL) *version = base__h5_block_version(made->view.data);
    *reader = made;
    return BASE_OK;
}

void base_h5_reader_free(base_h5_reader *reader) {
    if (reader == NULL) return;
    base_free(reader->objects);
    base_file_view_release(&reader->view);
    base_arena_release(&reader->arena);
    base_free(reader);
}

const char *base_h5_reader_path(const base_h5_reader *reader) {
    return reader->path;
}

bool base_h5_is_ours(const char *path) {
    unsigned char start[BASE__H5_MAGIC_BYTES];
    FILE *file = base_file_exists(path) ? fopen(path, "rbe") : NULL;
    if (file == NULL) return false;
    bool ours = fread(start, sizeof start, 1, file) == 1 && base__h5_block_begins(start);
    fclose(file);
    return ours;
}

/* ---- asking ---- */

static int compare_name(const char *part, size_t length, const char *name) {
    int order = strncmp(part, name, length);
    return order != 0 ? order : name[length] == '\0' ? 0 : -1;
}

static const object *find_child(const base_h5_reader *reader, const object *group, const char *part,
                                size_t length) {
    size_t low = group->first, high = group->first + group->n_children;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_name(part, length, reader->objects[middle].name);
        if (order == 0) return &reader->objects[middle];
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

/* By its path, with or without a '/' in front; NULL if it is not there. */
static const object *find(const base_h5_reader *reader, const char *name) {
    const object *o = &reader->objects[0];
    for (const char *part = name + (name[0] == '/'); o != NULL && *part != '\0';) {
        size_t length = strcspn(part, "/");
        o = o->kind == GROUP ? find_child(reader, o, part, length) : NULL;
        part += length + (part[length] == '/');
    }
    return o;
}

bool base_h5_has(base_h5_reader *reader, const char *name) {
    return find(reader, name) != NULL;
}

static base_status fail_get(const base_h5_reader *reader, base_error *err, base_status status,
                            const char *name, const char *what) {
    return base_fail(err, status, "%s: '%s' %s", reader->path, name, what);
}

static base_status find_dataset(const base_h5_reader *reader, const char *name, const object **o,
                                base_error *err) {
    *o = find(reader, name);
    if (*o == NULL) return fail_get(reader, err, BASE_ENOTFOUND, name, "is not in the file");
    if ((*o)->kind != GROUP) return BASE_OK;
    return fail_get(reader, err, BASE_EFORMAT, name, "is not a dataset");
}

base_status base_h5_shape(base_h5_reader *reader, const char *name, int *rank,
                          int64_t shape[BASE_H5_MAX_RANK], base_error *err) {
    const object *o;
    BASE_TRY(find_dataset(reader, name, &o, err));
    *rank = o->rank;
    memcpy(shape, o->shape, (size_t)o->rank * sizeof *shape);
    return BASE_OK;
}

static base_status find_numbers(const base_h5_reader *reader, const char *name, base_h5_type type,
                                const object **o, base_error *err) {
    BASE_TRY(find_dataset(reader, name, o, err));
    if ((*o)->kind != NUMBERS) {
        return fail_get(reader, err, BASE_EFORMAT, name, "does not hold numbers");
    }
    if ((*o)->type == type) return BASE_OK;
    return fail_get(reader, err, BASE_EFORMAT, name, "holds numbers of another type");
}

static base_status find_items(const base_h5_reader *reader, const char *name, base_h5_type type,
                              int64_t n_items, const object **o, base_error *err) {
    BASE_TRY(find_numbers(reader, name, type, o, err));
    if ((*o)->n_items == n_items) return BASE_OK;
    return base_fail(err, BASE_ESHAPE, "%s: '%s' has %" PRId64 " items, not %" PRId64, reader->path,
                     name, (*o)->n_items, n_items);
}

base_status base_h5_expect(base_h5_reader *reader, const char *name, base_h5_type type,
                           int64_t n_items, base_error *err) {
    const object *o;
    return find_items(reader, name, type, n_items, &o, err);
}

static void copy_items(const object *o, void *data) {
    if (o->n_items > 0) memcpy(data, o->data, (size_t)o->n_items * o->item_bytes);
}

base_status base_h5_get(base_h5_reader *reader, const char *name, base_h5_type type,
                        int64_t n_items, void *data, base_error *err) {
    const object *o;
    BASE_TRY(find_items(reader, name, type, n_items, &o, err));
    copy_items(o, data);
    return BASE_OK;
}

base_status base_h5_borrow(base_h5_reader *reader, const char *name, base_h5_type type,
                           int64_t n_items, void **data, base_error *err) {
    const object *o;
    *data = NULL;
    BASE_TRY(find_items(reader, name, type, n_items, &o, err));
    if (o->n_items == 0 || (uintptr_t)o->data % o->item_bytes != 0) {
        return fail_get(reader, err, BASE_EFORMAT, name, "cannot be used where it lies");
    }
    *data = (unsigned char *)reader->view.data + (o->data - (unsigned char *)reader->view.data);
    return BASE_OK;
}

base_status base_h5_get_alloc(base_h5_reader *reader, const char *name, base_h5_type type,
                              base_arena *arena, void **data, int64_t *n_items, base_error *err) {
    const object *o;
    *data = NULL;
    BASE_TRY(find_numbers(reader, name, type, &o, err));
    *data = base_arena_alloc(arena, (size_t)o->n_items, o->item_bytes);
    if (*data == NULL) return fail_get(reader, err, BASE_EMEMORY, name, "does not fit in memory");
    *n_items = o->n_items;
    copy_items(o, *data);
    return BASE_OK;
}

base_status base_h5_list(base_h5_reader *reader, const char *group, base_arena *arena,
                         const char ***names, int64_t *n, base_error *err) {
    const object *o = find(reader, group);
    if (o == NULL || o->kind != GROUP) {
        return fail_get(reader, err, BASE_ENOTFOUND, group, "is not a group of the file");
    }
    *n = (int64_t)o->n_children;
    *names = base_arena_alloc(arena, o->n_children, sizeof **names);
    bool ok = *names != NULL;
    for (size_t i = 0; ok && i < o->n_children; i++) {
        (*names)[i] = base_arena_string(arena, reader->objects[o->first + i].name);
        ok = (*names)[i] != NULL;
    }
    return ok ? BASE_OK : fail_get(reader, err, BASE_EMEMORY, group, "cannot be listed");
}

/* ---- text ---- */

/* Texts of variable length lie in collections: each is (address of the collection, number in it).
 * Those wanted are sorted, so that each collection is gone through once. */
typedef struct {
    uint64_t at;
    uint32_t number, length;
    int64_t index; /* among the strings */
} reference;

typedef struct {
    const base_h5_reader *reader;
    const char *name; /* of the dataset */
    base_arena *arena;
    const char **strings;
    uint64_t start, end; /* of the last collection; they come in ascending order */
    uint64_t *places;    /* [MAX_TEXTS] of its texts, by number; up to `start`: none */
} collector;

static int before(const void *a, const void *b) {
    const reference *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* Finds all texts of the collection at `at`; a place is that of the text's own head. */
static bool find_texts(collector *c, uint64_t at) {
    const base_h5_reader *reader = c->reader;
    if (at < c->end || at > reader->n_bytes || reader->n_bytes - at < COLLECTION_BYTES) {
        return false;
    }
    const unsigned char *head = reader->bytes + at;
    uint64_t length = load(head + 8, 8);
    if (memcmp(head, "GCOL\1\0\0\0", 8) != 0 || length < COLLECTION_BYTES ||
        length > reader->n_bytes - at) {
        return false;
    }
    c->start = at;
    c->end = at + length;
    for (uint64_t place = at + COLLECTION_BYTES; c->end - place >= TEXT_BYTES;) {
        const unsigned char *text = reader->bytes + place;
        uint64_t number = load(text, 2), size = load(text + 8, 8);
        uint64_t left = c->end - place - TEXT_BYTES;
        if (number == 0) break; /* what is left is free */
        if (size > left || c->places[number] > at) return false;
        c->places[number] = place;
        uint64_t whole = (size + 7) / 8 * 8;
        if (whole > left) return false;
        place += TEXT_BYTES + whole;
    }
    return true;
}

static base_status take_text(collector *c, const reference *r, base_error *err) {
    uint64_t place = r->number < MAX_TEXTS ? c->places[r->number] : 0;
    const unsigned char *text = c->reader->bytes + place;
    if (place <= c->start || load(text + 8, 8) != r->length) {
        return fail_get(c->reader, err, BASE_EFORMAT, c->name, "is damaged");
    }
    const char *start = (const char *)text + TEXT_BYTES;
    c->strings[r->index] = base_arena_copy(c->arena, start, strnlen(start, r->length));
    if (c->strings[r->index] != NULL) return BASE_OK;
    return fail_get(c->reader, err, BASE_EMEMORY, c->name, "does not fit in memory");
}

/* Two references to one text share its copy. */
static base_status take_texts(collector *c, const reference *references, size_t n,
                              base_error *err) {
    for (size_t i = 0; i < n; i++) {
        const reference *r = &references[i], *last = i > 0 ? r - 1 : NULL;
        bool same_place = last != NULL && last->at == r->at;
        if (!same_place && !find_texts(c, r->at)) {
            return fail_get(c->reader, err, BASE_EFORMAT, c->name, "is damaged");
        }
        if (same_place && last->number == r->number && last->length == r->length) {
            c->strings[r->index] = c->strings[last->index];
        } else {
            BASE_TRY(take_text(c, r, err));
        }
    }
    return BASE_OK;
}

/* An empty text has no place. */
static size_t list_references(const object *o, const char **strings, reference *references) {
    size_t n = 0;
    for (int64_t i = 0; i < o->n_items; i++) {
        const unsigned char *item = o->data + i * REFERENCE_BYTES;
        uint32_t length = (uint32_t)load(item, 4);
        strings[i] = "";
        if (length == 0) continue;
        references[n++] = (reference){.at = load(item + 4, 8),
                                      .number = (uint32_t)load(item + 12, 4),
                                      .length = length,
                                      .index = i};
    }
    return n;
}

static base_status get_variable(const base_h5_reader *reader, const char *name, const object *o,
                                base_arena *arena, const char **strings, base_error *err) {
    collector c = {.reader = reader, .name = name, .arena = arena, .strings = strings};
    reference *references = base_alloc((size_t)o->n_items + 1, sizeof *references);
    c.places = base_alloc(MAX_TEXTS, sizeof *c.places);
    base_status status = BASE_OK;
    if (references != NULL && c.places != NULL) {
        size_t n = list_references(o, strings, references);
        qsort(references, n, sizeof *references, before);
        status = take_texts(&c, references, n, err);
    } else {
        status = fail_get(reader, err, BASE_EMEMORY, name, "does not fit in memory");
    }
    base_free(references);
    base_free(c.places);
    return status;
}

static base_status get_fixed(const base_h5_reader *reader, const char *name, const object *o,
                             base_arena *arena, const char **strings, base_error *err) {
    for (int64_t i = 0; i < o->n_items; i++) {
        const char *text = (const char *)o->data + (uint64_t)i * o->item_bytes;
        strings[i] = base_arena_copy(arena, text, strnlen(text, o->item_bytes));
        if (strings[i] == NULL) {
            return fail_get(reader, err, BASE_EMEMORY, name, "does not fit in memory");
        }
    }
    return BASE_OK;
}

static base_status get_texts(const base_h5_reader *reader, const char *name, const object *o,
                             base_arena *arena, const char ***strings, base_error *err) {
    if (o->kind == NUMBERS) {
        return fail_get(reader, err, BASE_EFORMAT, name, "does not hold strings");
    }
    *strings = base_arena_alloc(arena, (size_t)o->n_items, sizeof **strings);
    if (*strings == NULL) {
        return fail_get(reader, err, BASE_EMEMORY, name, "does not fit in memory");
    }
    return (o->kind == FIXED_TEXT ? get_fixed : get_variable)(reader, name, o, arena, *strings,
                                                              err);
}

base_status base_h5_get_strings(base_h5_reader *reader, const char *name, base_arena *arena,
                                const char ***strings, int64_t *n, base_error *err) {
    const object *o;
    BASE_TRY(find_dataset(reader, name, &o, err));
    *n = o->n_items;
    return get_texts(reader, name, o, arena, strings, err);
}

base_status base_h5_get_string(base_h5_reader *reader, const char *name, base_arena *arena,
                               const char **string, base_error *err) {
    const object *o;
    const char **strings = NULL;
    BASE_TRY(find_dataset(reader, name, &o, err));
    if (o->n_items != 1) return fail_get(reader, err, BASE_ESHAPE, name, "is not one string");
    BASE_TRY(get_texts(reader, name, o, arena, &strings, err));
    *string = strings[0];
    return BASE_OK;
}

base_status base_h5_replace_string(base_h5_reader *reader, const char *name, const char *text,
                                   base_error *err) {
    const object *o;
    BASE_TRY(find_dataset(reader, name, &o, err));
    size_t n = strlen(text), room = (size_t)o->item_bytes;
    bool fits = o->kind == FIXED_TEXT && o->n_items == 1 && n <= room &&
                strnlen((const char *)o->data, room) == n;
    if (!fits) return fail_get(reader, err, BASE_ESHAPE, name, "is not a string of that length");
    unsigned char *file = base_alloc(reader->n_bytes + BASE__H5_BLOCK_BYTES, 1);
    if (file == NULL) return fail_get(reader, err, BASE_EMEMORY, name, "does not fit in memory");
    const unsigned char *block = reader->view.data;
    char kind[BASE__H5_KIND_BYTES + 1] = {0};
    memcpy(kind, block + BASE__H5_MAGIC_BYTES, BASE__H5_KIND_BYTES);
    memcpy(file + BASE__H5_BLOCK_BYTES, reader->bytes, reader->n_bytes);
    memcpy(file + BASE__H5_BLOCK_BYTES + (o->data - reader->bytes), text, n);
    base__h5_block_fill(file, kind, base__h5_block_version(block), reader->n_bytes);
    base_status status =
        base_file_write(reader->path, file, reader->n_bytes + BASE__H5_BLOCK_BYTES, err);
    base_free(file);
    return status;
}
