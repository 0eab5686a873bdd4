#include "base/h5.h"

#include <hdf5.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

/* The block in front, by byte offset. */
enum {
    BLOCK_KIND = 8,
    BLOCK_VERSION = 24,
    BLOCK_CHECK = 28, /* of the bytes before it: they are too few for the digest to cover them */
    BLOCK_LENGTH = 32,
    BLOCK_DIGEST = 40,
    BLOCK_USED = 56,
    BLOCK_BYTES = 512,
    KIND_BYTES = BLOCK_VERSION - BLOCK_KIND
};
static const char magic[] = "rimshot\n";

enum { CORE_INCREMENT_BYTES = 1 << 20, MAP_FROM_BYTES = 1 << 30, MAX_ATTRIBUTE_BYTES = 1 << 24 };

struct base_h5_writer {
    hid_t file;
    char kind[KIND_BYTES + 1];
    uint32_t version;
    base_error error; /* the first one; status BASE_OK until then */
};

struct base_h5_reader {
    hid_t file;
    base_file_view view; /* the whole file; libhdf5 reads what follows the block in place */
    base_arena arena;
    const char *path;
    bool foreign; /* written by another program: nothing outside the file is followed */
};

static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

static void enter_library(void) {
    pthread_mutex_lock(&library);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* failures are ours to report, not its to print */
}

static void leave_library(void) {
    pthread_mutex_unlock(&library);
}

/* Closes an object of any sort. */
static void release(hid_t id) {
    if (id >= 0) H5Idec_ref(id);
}

static hid_t native_type(base_h5_type type) {
    switch (type) {
    case BASE_H5_F32:
        return H5T_NATIVE_FLOAT;
    case BASE_H5_F64:
        return H5T_NATIVE_DOUBLE;
    case BASE_H5_I32:
        return H5T_NATIVE_INT32;
    case BASE_H5_I64:
        return H5T_NATIVE_INT64;
    case BASE_H5_U8:
        return H5T_NATIVE_UINT8;
    case BASE_H5_I16:
        return H5T_NATIVE_INT16;
    }
    base_bug(__FILE__, __LINE__, "a number type");
}

static hid_t file_type(base_h5_type type) {
    switch (type) {
    case BASE_H5_F32:
        return H5T_IEEE_F32LE;
    case BASE_H5_F64:
        return H5T_IEEE_F64LE;
    case BASE_H5_I32:
        return H5T_STD_I32LE;
    case BASE_H5_I64:
        return H5T_STD_I64LE;
    case BASE_H5_U8:
        return H5T_STD_U8LE;
    case BASE_H5_I16:
        return H5T_STD_I16LE;
    }
    base_bug(__FILE__, __LINE__, "a number type");
}

/* UTF-8 text of `size` bytes, or H5T_VARIABLE. */
static hid_t string_type(size_t size) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (H5Tset_size(type, size) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0) {
        release(type);
        return H5I_INVALID_HID;
    }
    return type;
}

/* ---- the block in front ---- */

static void store(unsigned char *out, uint64_t value, int n_bytes) {
    for (int i = 0; i < n_bytes; i++) out[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t load(const unsigned char *in, int n_bytes) {
    uint64_t value = 0;
    for (int i = 0; i < n_bytes; i++) value |= (uint64_t)in[i] << 8 * i;
    return value;
}

static uint32_t block_check(const unsigned char *block) {
    return (uint32_t)base_digest_bytes(block, BLOCK_CHECK).low;
}

/* Fills the zeroed block before the n_bytes that follow it. */
static void fill_block(unsigned char *block, const char *kind, uint32_t version, size_t n_bytes) {
    base_digest digest = base_digest_bytes(block + BLOCK_BYTES, n_bytes);
    memcpy(block, magic, sizeof magic - 1);
    memcpy(block + BLOCK_KIND, kind, strlen(kind));
    store(block + BLOCK_VERSION, version, 4);
    store(block + BLOCK_CHECK, block_check(block), 4);
    store(block + BLOCK_LENGTH, n_bytes, 8);
    store(block + BLOCK_DIGEST, digest.low, 8);
    store(block + BLOCK_DIGEST + 8, digest.high, 8);
}

static bool rest_is_zero(const unsigned char *block) {
    for (int i = BLOCK_USED; i < BLOCK_BYTES; i++) {
        if (block[i] != 0) return false;
    }
    return true;
}

/* The order matters: what the file claims to be is told apart from damage to it. */
static base_status check_block(const unsigned char *block, size_t n_file_bytes, const char *path,
                               const char *kind, uint32_t max_version, base_error *err) {
    if (n_file_bytes < BLOCK_BYTES || memcmp(block, magic, sizeof magic - 1) != 0) {
        return base_fail(err, BASE_EFORMAT, "%s: not a rimshot file", path);
    }
    if (load(block + BLOCK_CHECK, 4) != block_check(block) || !rest_is_zero(block)) {
        return base_fail(err, BASE_EDIGEST, "%s: the head of the file is damaged", path);
    }
    char found[KIND_BYTES + 1] = {0};
    memcpy(found, block + BLOCK_KIND, KIND_BYTES);
    if (strcmp(found, kind) != 0) {
        return base_fail(err, BASE_EMISMATCH, "%s: a file of kind '%s', not '%s'", path, found,
                         kind);
    }
    uint64_t version = load(block + BLOCK_VERSION, 4);
    if (version > max_version) {
        return base_fail(err, BASE_EFORMAT,
                         "%s: format version %" PRIu64 " is newer than this program, which reads %s"
                         " files up to %" PRIu32,
                         path, version, kind, max_version);
    }
    uint64_t length = load(block + BLOCK_LENGTH, 8), n_bytes = n_file_bytes - BLOCK_BYTES;
    if (length != n_bytes) {
        return base_fail(err, BASE_EDIGEST,
                         "%s: %" PRIu64 " bytes of content where %" PRIu64 " were written", path,
                         n_bytes, length);
    }
    base_digest digest = {.low = load(block + BLOCK_DIGEST, 8),
                          .high = load(block + BLOCK_DIGEST + 8, 8)};
    if (!base_digest_equal(digest, base_digest_bytes(block + BLOCK_BYTES, n_bytes))) {
        return base_fail(err, BASE_EDIGEST, "%s: the content does not match its digest", path);
    }
    return BASE_OK;
}

/* ---- writing ---- */

/* An empty file in memory; H5I_INVALID_HID on failure. The format is pinned, so that a newer
 * libhdf5 writes the same bytes, to the oldest: the images of newer ones, taken from an open file,
 * carry a superblock whose checksum is wrong (libhdf5 1.10.8). */
static hid_t create_in_memory(const void *owner) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
    hid_t file = H5I_INVALID_HID;
    char name[32]; /* libhdf5 takes files of equal name for the same one */
    snprintf(name, sizeof name, "writer-%p", owner);
    if (H5Pset_fapl_core(access, CORE_INCREMENT_BYTES, false) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) >= 0 &&
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
        H5Pset_userblock(creation, BLOCK_BYTES) >= 0 &&
        H5Pset_obj_track_times(creation, false) >= 0) {
        file = H5Fcreate(name, H5F_ACC_TRUNC, creation, access);
    }
    release(creation);
    release(access);
    return file;
}

base_status base_h5_writer_new(const char *kind, uint32_t version, base_h5_writer **writer,
                               base_error *err) {
    BASE_CHECK(strlen(kind) <= KIND_BYTES);
    *writer = NULL;
    base_h5_writer *made = base_alloc(1, sizeof *made);
    if (made == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    memcpy(made->kind, kind, strlen(kind) + 1);
    made->version = version;
    enter_library();
    made->file = create_in_memory(made);
    leave_library();
    if (made->file < 0) {
        base_h5_writer_free(made);
        return base_fail(err, BASE_EMEMORY, "no memory for a file of kind '%s'", kind);
    }
    *writer = made;
    return BASE_OK;
}

static base_status fail_put(base_h5_writer *writer, const char *name, const char *what) {
    return base_fail(&writer->error, BASE_EIO, "dataset '%s': %s", name, what);
}

/* A creation property list without times, for groups or datasets. */
static hid_t without_times(hid_t class_id) {
    hid_t creation = H5Pcreate(class_id);
    H5Pset_obj_track_times(creation, false);
    return creation;
}

/* Creates the groups that lead to `name`. */
static bool make_groups(hid_t file, const char *name) {
    char group[256];
    hid_t creation = without_times(H5P_GROUP_CREATE);
    bool ok = strlen(name) < sizeof group;
    for (const char *slash = strchr(name, '/'); ok && slash != NULL;
         slash = strchr(slash + 1, '/')) {
        snprintf(group, sizeof group, "%.*s", (int)(slash - name), name);
        if (group[0] == '\0' || H5Lexists(file, group, H5P_DEFAULT) > 0) continue;
        hid_t made = H5Gcreate2(file, group, H5P_DEFAULT, creation, H5P_DEFAULT);
        ok = made >= 0;
        release(made);
    }
    release(creation);
    return ok;
}

/* What all datasets have in common; data may be NULL where there is none to write. */
static base_status put(base_h5_writer *writer, const char *name, hid_t stored, hid_t given,
                       hid_t space, const void *data) {
    if (!make_groups(writer->file, name)) return fail_put(writer, name, "cannot make its groups");
    hid_t creation = without_times(H5P_DATASET_CREATE);
    hid_t dataset =
        H5Dcreate2(writer->file, name, stored, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    release(creation);
    if (dataset < 0) return fail_put(writer, name, "cannot be created (is the name taken?)");
    herr_t written = 0;
    if (H5Sget_simple_extent_npoints(space) > 0) {
        written = H5Dwrite(dataset, given, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    }
    release(dataset);
    return written < 0 ? fail_put(writer, name, "cannot be written (out of memory?)") : BASE_OK;
}

static base_status put_numbers(base_h5_writer *writer, const char *name, base_h5_type type,
                               int rank, const int64_t *shape, const void *data) {
    hsize_t extents[BASE_H5_MAX_RANK];
    int64_t n = 1;
    for (int i = 0; i < rank; i++) {
        if (!base_mul(n, shape[i], &n)) return fail_put(writer, name, "its extents overflow");
        extents[i] = (hsize_t)shape[i];
    }
    hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, extents, NULL);
    base_status status = put(writer, name, file_type(type), native_type(type), space, data);
    release(space);
    return status;
}

/* Passes on the first error, if there was one. */
static base_status conclude(const base_h5_writer *writer, base_error *err) {
    if (writer->error.status != BASE_OK && err != NULL) *err = writer->error;
    return writer->error.status;
}

base_status base_h5_put(base_h5_writer *writer, const char *name, base_h5_type type, int rank,
                        const int64_t *shape, const void *data, base_error *err) {
    BASE_CHECK(rank >= 0 && rank <= BASE_H5_MAX_RANK);
    enter_library();
    if (writer->error.status == BASE_OK) put_numbers(writer, name, type, rank, shape, data);
    leave_library();
    return conclude(writer, err);
}

static base_status put_strings(base_h5_writer *writer, const char *name, hid_t space,
                               const char *const *strings, base_error *err) {
    if (writer->error.status == BASE_OK) {
        hid_t type = string_type(H5T_VARIABLE);
        put(writer, name, type, type, space, strings);
        release(type);
    }
    release(space);
    return conclude(writer, err);
}

base_status base_h5_put_strings(base_h5_writer *writer, const char *name, int64_t n,
                                const char *const *strings, base_error *err) {
    BASE_CHECK(n >= 0);
    enter_library();
    hsize_t extent = (hsize_t)n;
    base_status status =
        put_strings(writer, name, H5Screate_simple(1, &extent, NULL), strings, err);
    leave_library();
    return status;
}

base_status base_h5_put_string(base_h5_writer *writer, const char *name, const char *string,
                               base_error *err) {
    enter_library();
    base_status status = put_strings(writer, name, H5Screate(H5S_SCALAR), &string, err);
    leave_library();
    return status;
}

/* The bytes of the file from the superblock on, behind room for the block. */
static base_status get_image(base_h5_writer *writer, unsigned char **block, size_t *n_bytes) {
    *block = NULL;
    if (H5Fflush(writer->file, H5F_SCOPE_GLOBAL) >= 0) {
        ssize_t n = H5Fget_file_image(writer->file, NULL, 0);
        if (n > 0) *block = base_alloc((size_t)n + BLOCK_BYTES, 1);
        if (*block != NULL) {
            *n_bytes = (size_t)n;
            n = H5Fget_file_image(writer->file, *block + BLOCK_BYTES, *n_bytes);
            if (n == (ssize_t)*n_bytes) return BASE_OK;
        }
    }
    base_free(*block);
    return base_fail(&writer->error, BASE_EMEMORY, "no memory for the file's image");
}

base_status base_h5_writer_finish(base_h5_writer *writer, const char *path, base_error *err) {
    unsigned char *block = NULL;
    size_t n_bytes = 0;
    enter_library();
    base_status status = writer->error.status;
    if (status == BASE_OK) status = get_image(writer, &block, &n_bytes);
    H5Fclose(writer->file);
    writer->file = H5I_INVALID_HID;
    leave_library();
    if (status == BASE_OK) {
        fill_block(block, writer->kind, writer->version, n_bytes);
        status = base_file_write(path, block, n_bytes + BLOCK_BYTES, err);
        base_free(block);
    } else {
        conclude(writer, err);
        base_fail_within(err, "writing %s", path);
    }
    base_h5_writer_free(writer);
    return status;
}

void base_h5_writer_free(base_h5_writer *writer) {
    if (writer == NULL) return;
    enter_library();
    if (writer->file >= 0) H5Fclose(writer->file);
    leave_library();
    base_free(writer);
}

/* ---- reading ---- */

/* These keep libhdf5 from copying the image: every "new" buffer is the one it already has. */
static void *image_malloc(size_t size, H5FD_file_image_op_t op, void *image) {
    (void)size, (void)op;
    return image;
}

static void *image_memcpy(void *to, const void *from, size_t size, H5FD_file_image_op_t op,
                          void *image) {
    (void)size, (void)op, (void)image;
    return to == from ? to : NULL;
}

static void *image_realloc(void *at, size_t size, H5FD_file_image_op_t op, void *image) {
    (void)at, (void)size, (void)op, (void)image;
    return NULL;
}

static herr_t image_free(void *at, H5FD_file_image_op_t op, void *image) {
    (void)at, (void)op, (void)image;
    return 0;
}

static void *image_udata_copy(void *image) {
    return image;
}

static herr_t image_udata_free(void *image) {
    (void)image;
    return 0;
}

static hid_t open_in_memory(void *image, size_t n_bytes) {
    H5FD_file_image_callbacks_t in_place = {.image_malloc = image_malloc,
                                            .image_memcpy = image_memcpy,
                                            .image_realloc = image_realloc,
                                            .image_free = image_free,
                                            .udata_copy = image_udata_copy,
                                            .udata_free = image_udata_free,
                                            .udata = image};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), file = H5I_INVALID_HID;
    char name[32];
    snprintf(name, sizeof name, "reader-%p", image);
    if (H5Pset_fapl_core(access, CORE_INCREMENT_BYTES, false) >= 0 &&
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
        H5Pset_file_image_callbacks(access, &in_place) >= 0 &&
        H5Pset_file_image(access, image, n_bytes) >= 0) {
        file = H5Fopen(name, H5F_ACC_RDONLY, access);
    }
    release(access);
    return file;
}

bool base_h5_is_ours(const char *path) {
    char start[sizeof magic - 1];
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    bool ours = fread(start, sizeof start, 1, file) == 1 && memcmp(start, magic, sizeof start) == 0;
    fclose(file);
    return ours;
}

base_status base_h5_reader_open(const char *path, const char *kind, uint32_t max_version,
                                uint32_t *version, base_h5_reader **reader, base_error *err) {
    *reader = NULL;
    base_file_view view;
    BASE_TRY(base_file_view_open(path, MAP_FROM_BYTES, &view, err));
    unsigned char *bytes = view.data;
    base_status status = check_block(bytes, view.n_bytes, path, kind, max_version, err);
    base_h5_reader *made = status == BASE_OK ? base_alloc(1, sizeof *made) : NULL;
    if (made != NULL) made->path = base_arena_string(&made->arena, path);
    if (status == BASE_OK && (made == NULL || made->path == NULL)) {
        status = base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    }
    if (status != BASE_OK) {
        base_free(made);
        base_file_view_release(&view);
        return status;
    }
    if (version != NULL) *version = (uint32_t)load(bytes + BLOCK_VERSION, 4);
    made->view = view;
    enter_library();
    made->file = open_in_memory(bytes + BLOCK_BYTES, view.n_bytes - BLOCK_BYTES);
    leave_library();
    if (made->file < 0) {
        base_h5_reader_free(made);
        return base_fail(err, BASE_EFORMAT, "%s: not an HDF5 file behind its head", path);
    }
    *reader = made;
    return BASE_OK;
}

base_status base_h5_foreign_open(const char *path, void *bytes, size_t n_bytes,
                                 base_h5_reader **reader, base_error *err) {
    *reader = NULL;
    base_h5_reader *made = base_alloc(1, sizeof *made);
    if (made != NULL) made->path = base_arena_string(&made->arena, path);
    if (made == NULL || made->path == NULL) {
        base_free(made);
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    }
    made->foreign = true;
    enter_library();
    made->file = open_in_memory(bytes, n_bytes);
    leave_library();
    if (made->file < 0) {
        base_h5_reader_free(made);
        return base_fail(err, BASE_EFORMAT, "%s: not an HDF5 file, or damaged", path);
    }
    *reader = made;
    return BASE_OK;
}

const char *base_h5_reader_path(const base_h5_reader *reader) {
    return reader->path;
}

void base_h5_reader_free(base_h5_reader *reader) {
    if (reader == NULL) return;
    enter_library();
    if (reader->file >= 0) H5Fclose(reader->file);
    leave_library();
    base_file_view_release(&reader->view);
    base_arena_release(&reader->arena);
    base_free(reader);
}

static bool has_link(const base_h5_reader *reader, const char *name) {
    H5L_info_t link;
    if (H5Lexists(reader->file, name, H5P_DEFAULT) <= 0) return false;
    if (!reader->foreign) return true;
    return H5Lget_info(reader->file, name, &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_HARD;
}

/* libhdf5 asks about one link at a time; those on the way must exist first. */
static bool has(const base_h5_reader *reader, const char *name) {
    char part[256];
    if (name[0] == '\0' || strcmp(name, "/") == 0) return true;
    if (strlen(name) >= sizeof part) return false;
    for (const char *end = name; *end != '\0';) {
        end += *end == '/';
        end += strcspn(end, "/");
        snprintf(part, sizeof part, "%.*s", (int)(end - name), name);
        if (!has_link(reader, part)) return false;
    }
    return true;
}

bool base_h5_has(base_h5_reader *reader, const char *name) {
    enter_library();
    bool found = has(reader, name);
    leave_library();
    return found;
}

/* A dataset open for reading. */
typedef struct {
    hid_t dataset, space, type;
    int64_t n_items;
    int rank;
    hsize_t extents[BASE_H5_MAX_RANK];
} opened;

static void close_dataset(opened *d) {
    release(d->type);
    release(d->space);
    release(d->dataset);
}

static base_status fail_get(const base_h5_reader *reader, base_error *err, base_status status,
                            const char *name, const char *what) {
    return base_fail(err, status, "%s: '%s' %s", reader->path, name, what);
}

/* Whether a dataset's numbers lie in the file itself. */
static bool is_whole(hid_t dataset) {
    hid_t creation = H5Dget_create_plist(dataset);
    bool whole = creation >= 0 && H5Pget_layout(creation) != H5D_VIRTUAL &&
                 H5Pget_external_count(creation) == 0;
    release(creation);
    return whole;
}

static base_status open_dataset(const base_h5_reader *reader, const char *name, opened *d,
                                base_error *err) {
    *d = (opened){.space = -1, .type = -1, .dataset = -1};
    if (!has(reader, name)) {
        return fail_get(reader, err, BASE_ENOTFOUND, name, "is not in the file");
    }
    d->dataset = H5Dopen2(reader->file, name, H5P_DEFAULT);
    if (d->dataset < 0) return fail_get(reader, err, BASE_EFORMAT, name, "is not a dataset");
    d->space = H5Dget_space(d->dataset);
    d->type = H5Dget_type(d->dataset);
    d->rank = H5Sget_simple_extent_ndims(d->space);
    d->n_items = H5Sget_simple_extent_npoints(d->space);
    bool ok = d->rank >= 0 && d->rank <= BASE_H5_MAX_RANK && d->n_items >= 0 && d->type >= 0;
    if (ok) ok = H5Sget_simple_extent_dims(d->space, d->extents, NULL) == d->rank;
    if (ok && reader->foreign) ok = is_whole(d->dataset);
    if (ok) return BASE_OK;
    close_dataset(d);
    return fail_get(reader, err, BASE_ESHAPE, name, "has no shape this program knows");
}

base_status base_h5_shape(base_h5_reader *reader, const char *name, int *rank,
                          int64_t shape[BASE_H5_MAX_RANK], base_error *err) {
    opened d;
    enter_library();
    base_status status = open_dataset(reader, name, &d, err);
    if (status == BASE_OK) {
        *rank = d.rank;
        for (int i = 0; i < d.rank; i++) shape[i] = (int64_t)d.extents[i];
        close_dataset(&d);
    }
    leave_library();
    return status;
}

static base_status read_numbers(const base_h5_reader *reader, const char *name, base_h5_type type,
                                const opened *d, void *data, base_error *err) {
    H5T_class_t class = H5Tget_class(d->type);
    if (class != H5T_INTEGER && class != H5T_FLOAT) {
        return fail_get(reader, err, BASE_EFORMAT, name, "does not hold numbers");
    }
    if (d->n_items == 0) return BASE_OK;
    if (H5Dread(d->dataset, native_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0) {
        return BASE_OK;
    }
    return fail_get(reader, err, BASE_EFORMAT, name, "cannot be read");
}

static base_status check_items(const base_h5_reader *reader, const char *name, const opened *d,
                               int64_t n_items, base_error *err) {
    if (d->n_items == n_items) return BASE_OK;
    return base_fail(err, BASE_ESHAPE, "%s: '%s' has %" PRId64 " items, not %" PRId64, reader->path,
                     name, d->n_items, n_items);
}

base_status base_h5_get(base_h5_reader *reader, const char *name, base_h5_type type,
                        int64_t n_items, void *data, base_error *err) {
    opened d;
    enter_library();
    base_status status = open_dataset(reader, name, &d, err);
    if (status == BASE_OK) {
        status = check_items(reader, name, &d, n_items, err);
        if (status == BASE_OK) status = read_numbers(reader, name, type, &d, data, err);
        close_dataset(&d);
    }
    leave_library();
    return status;
}

/* Where the dataset lies in the file behind the block; NULL unless it is there in one piece. */
static void *find_items(const base_h5_reader *reader, base_h5_type type, const opened *d) {
    hid_t native = native_type(type);
    size_t item_bytes = H5Tget_size(native), room = reader->view.n_bytes - BLOCK_BYTES;
    haddr_t at = H5Dget_offset(d->dataset);
    if (d->n_items <= 0 || H5Tequal(d->type, native) <= 0 || at == HADDR_UNDEF || at > room ||
        (size_t)d->n_items > (room - at) / item_bytes || at % item_bytes != 0) {
        return NULL;
    }
    return (unsigned char *)reader->view.data + BLOCK_BYTES + at;
}

base_status base_h5_borrow(base_h5_reader *reader, const char *name, base_h5_type type,
                           int64_t n_items, void **data, base_error *err) {
    opened d;
    enter_library();
    base_status status = open_dataset(reader, name, &d, err);
    if (status == BASE_OK) {
        status = check_items(reader, name, &d, n_items, err);
        *data = status == BASE_OK ? find_items(reader, type, &d) : NULL;
        if (status == BASE_OK && *data == NULL) {
            status = fail_get(reader, err, BASE_EFORMAT, name, "is not stored in one piece");
        }
        close_dataset(&d);
    }
    leave_library();
    return status;
}

/* Extents cost nothing to claim; data that was left out reads as zeros, and compressed data unfolds
 * by no more than what deflate is capable of. */
static bool is_stored(const opened *d) {
    const double most = 1032;
    double n_bytes = (double)d->n_items * (double)H5Tget_size(d->type);
    return n_bytes <= most * (double)H5Dget_storage_size(d->dataset);
}

base_status base_h5_get_alloc(base_h5_reader *reader, const char *name, base_h5_type type,
                              base_arena *arena, void **data, int64_t *n_items, base_error *err) {
    opened d;
    *data = NULL;
    enter_library();
    base_status status = open_dataset(reader, name, &d, err);
    if (status == BASE_OK) {
        *n_items = d.n_items;
        if (is_stored(&d)) {
            *data = base_arena_alloc(arena, (size_t)d.n_items, H5Tget_size(native_type(type)));
            status = *data != NULL
                         ? read_numbers(reader, name, type, &d, *data, err)
                         : fail_get(reader, err, BASE_EMEMORY, name, "does not fit in memory");
        } else {
            status = fail_get(reader, err, BASE_EFORMAT, name, "is not all in the file");
        }
        close_dataset(&d);
    }
    leave_library();
    return status;
}

/* Moves texts that libhdf5 allocated into the arena. What was read must be freed in any case. */
static bool move_texts(const char **strings, int64_t n, base_arena *arena) {
    bool ok = true;
    for (int64_t i = 0; i < n; i++) {
        char *theirs = (char *)strings[i];
        strings[i] = base_arena_string(arena, theirs != NULL ? theirs : "");
        H5free_memory(theirs);
        if (strings[i] == NULL) ok = false;
    }
    return ok;
}

/* Reads into strings[n_items], whose items libhdf5 allocates, and moves them into the arena. */
static base_status read_strings(const base_h5_reader *reader, const char *name, const opened *d,
                                base_arena *arena, const char **strings, base_error *err) {
    if (H5Tis_variable_str(d->type) <= 0) {
        return fail_get(reader, err, BASE_EFORMAT, name, "does not hold strings");
    }
    if (d->n_items == 0) return BASE_OK;
    hid_t type = string_type(H5T_VARIABLE);
    base_status status = BASE_OK;
    if (H5Dread(d->dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, strings) < 0) {
        status = fail_get(reader, err, BASE_EFORMAT, name, "cannot be read");
    }
    if (!move_texts(strings, d->n_items, arena) && status == BASE_OK) {
        status = fail_get(reader, err, BASE_EMEMORY, name, "does not fit in memory");
    }
    release(type);
    return status;
}

static base_status get_strings(base_h5_reader *reader, const char *name, base_arena *arena,
                               const char ***strings, opened *d, base_error *err) {
    BASE_TRY(open_dataset(reader, name, d, err));
    *strings = base_arena_alloc(arena, (size_t)d->n_items, sizeof **strings);
    base_status status = *strings != NULL
                             ? read_strings(reader, name, d, arena, *strings, err)
                             : fail_get(reader, err, BASE_EMEMORY, name, "does not fit in memory");
    close_dataset(d);
    return status;
}

base_status base_h5_get_strings(base_h5_reader *reader, const char *name, base_arena *arena,
                                const char ***strings, int64_t *n, base_error *err) {
    opened d = {0};
    enter_library();
    base_status status = get_strings(reader, name, arena, strings, &d, err);
    leave_library();
    *n = d.n_items;
    return status;
}

base_status base_h5_get_string(base_h5_reader *reader, const char *name, base_arena *arena,
                               const char **string, base_error *err) {
    const char **strings = NULL;
    opened d = {0};
    enter_library();
    base_status status = get_strings(reader, name, arena, &strings, &d, err);
    leave_library();
    if (status != BASE_OK) return status;
    if (d.n_items != 1) return fail_get(reader, err, BASE_ESHAPE, name, "is not one string");
    *string = strings[0];
    return BASE_OK;
}

static base_status list_names(const base_h5_reader *reader, hid_t group, const char *name,
                              base_arena *arena, const char ***names, int64_t *n, base_error *err) {
    H5G_info_t info;
    if (H5Gget_info(group, &info) < 0) {
        return fail_get(reader, err, BASE_EFORMAT, name, "cannot be listed");
    }
    *n = (int64_t)info.nlinks;
    *names = base_arena_alloc(arena, info.nlinks, sizeof **names);
    bool ok = *names != NULL;
    for (hsize_t i = 0; ok && i < info.nlinks; i++) {
        ssize_t size =
            H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, NULL, 0, H5P_DEFAULT);
        char *entry = size < 0 ? NULL : base_arena_alloc(arena, (size_t)size + 1, 1);
        ok = entry != NULL && H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, entry,
                                                 (size_t)size + 1, H5P_DEFAULT) >= 0;
        (*names)[i] = entry;
    }
    return ok ? BASE_OK : fail_get(reader, err, BASE_EMEMORY, name, "cannot be listed");
}

base_status base_h5_list(base_h5_reader *reader, const char *group, base_arena *arena,
                         const char ***names, int64_t *n, base_error *err) {
    enter_library();
    base_status status;
    const char *path = group[0] != '\0' ? group : "/";
    hid_t id = has(reader, path) ? H5Gopen2(reader->file, path, H5P_DEFAULT) : -1;
    if (id >= 0) {
        status = list_names(reader, id, path, arena, names, n, err);
    } else {
        status = fail_get(reader, err, BASE_ENOTFOUND, path, "is not a group of the file");
    }
    release(id);
    leave_library();
    return status;
}

/* ---- attributes ---- */

/* An attribute open for reading. */
typedef struct {
    hid_t attribute, space, type;
    int64_t n_items;
} opened_attribute;

static void close_attribute(opened_attribute *a) {
    release(a->type);
    release(a->space);
    release(a->attribute);
}

static base_status open_attribute(const base_h5_reader *reader, const char *object,
                                  const char *name, opened_attribute *a, base_error *err) {
    *a = (opened_attribute){.attribute = -1, .space = -1, .type = -1};
    const char *path = object[0] != '\0' ? object : "/";
    if (!has(reader, path) || H5Aexists_by_name(reader->file, path, name, H5P_DEFAULT) <= 0) {
        return fail_get(reader, err, BASE_ENOTFOUND, name, "is no attribute there");
    }
    a->attribute = H5Aopen_by_name(reader->file, path, name, H5P_DEFAULT, H5P_DEFAULT);
    if (a->attribute >= 0) {
        a->space = H5Aget_space(a->attribute);
        a->type = H5Aget_type(a->attribute);
        a->n_items = a->space >= 0 ? H5Sget_simple_extent_npoints(a->space) : -1;
    }
    size_t most = MAX_ATTRIBUTE_BYTES;
    bool ok = a->n_items >= 0 && a->type >= 0 && (size_t)a->n_items <= most / sizeof(char *);
    if (ok && a->n_items > 0) {
        size_t item_bytes = H5Tget_size(a->type);
        ok = H5Tget_class(a->type) == H5T_STRING && item_bytes > 0 &&
             (size_t)a->n_items <= most / item_bytes;
    }
    if (ok) return BASE_OK;
    close_attribute(a);
    return fail_get(reader, err, BASE_EFORMAT, name, "is not a list of strings");
}

static bool read_variable_texts(const opened_attribute *a, base_arena *arena,
                                const char **strings) {
    bool ok = H5Aread(a->attribute, a->type, strings) >= 0;
    return move_texts(strings, a->n_items, arena) && ok;
}

static bool read_fixed_texts(const opened_attribute *a, base_arena *arena, const char **strings) {
    size_t size = H5Tget_size(a->type);
    char *texts = base_alloc((size_t)a->n_items, size);
    bool ok = texts != NULL && H5Aread(a->attribute, a->type, texts) >= 0;
    for (int64_t i = 0; ok && i < a->n_items; i++) {
        const char *text = texts + (size_t)i * size;
        strings[i] = base_arena_copy(arena, text, strnlen(text, size));
        ok = strings[i] != NULL;
    }
    base_free(texts);
    return ok;
}

base_status base_h5_attribute_strings(base_h5_reader *reader, const char *object,
                                      const char *attribute, base_arena *arena,
                                      const char ***strings, int64_t *n, base_error *err) {
    opened_attribute a;
    enter_library();
    base_status status = open_attribute(reader, object, attribute, &a, err);
    if (status == BASE_OK) {
        *n = a.n_items;
        *strings = base_arena_alloc(arena, (size_t)a.n_items, sizeof **strings);
        bool variable = H5Tis_variable_str(a.type) > 0;
        bool ok = *strings != NULL;
        if (ok && a.n_items > 0) {
            ok = (variable ? read_variable_texts : read_fixed_texts)(&a, arena, *strings);
        }
        if (!ok) status = fail_get(reader, err, BASE_EFORMAT, attribute, "cannot be read");
        close_attribute(&a);
    }
    leave_library();
    return status;
}
