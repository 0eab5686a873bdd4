#include "base/h5_foreign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/h5_library.h"

enum { CORE_INCREMENT_BYTES = 1 << 20, MAX_ATTRIBUTE_BYTES = 1 << 24 };

struct base_h5_foreign {
    hid_t id;
    const char *path; /* the caller's */
};

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
    base__h5_release(access);
    return file;
}

base_status base_h5_foreign_open(const char *path, void *bytes, size_t n_bytes,
                                 base_h5_foreign **file, base_error *err) {
    *file = NULL;
    base_h5_foreign *made = base_alloc(1, sizeof *made);
    if (made == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    made->path = path;
    base__h5_enter();
    made->id = open_in_memory(bytes, n_bytes);
    base__h5_leave();
    if (made->id < 0) {
        base_free(made);
        return base_fail(err, BASE_EFORMAT, "%s: not an HDF5 file, or damaged", path);
    }
    *file = made;
    return BASE_OK;
}

void base_h5_foreign_free(base_h5_foreign *file) {
    if (file == NULL) return;
    base__h5_enter();
    H5Fclose(file->id);
    base__h5_leave();
    base_free(file);
}

static bool has_link(const base_h5_foreign *file, const char *name) {
    H5L_info_t link;
    if (H5Lexists(file->id, name, H5P_DEFAULT) <= 0) return false;
    return H5Lget_info(file->id, name, &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_HARD;
}

/* libhdf5 asks about one link at a time; those on the way must exist first. */
static bool has(const base_h5_foreign *file, const char *name) {
    char part[256];
    if (name[0] == '\0' || strcmp(name, "/") == 0) return true;
    if (strlen(name) >= sizeof part) return false;
    for (const char *end = name; *end != '\0';) {
        end += *end == '/';
        end += strcspn(end, "/");
        snprintf(part, sizeof part, "%.*s", (int)(end - name), name);
        if (!has_link(file, part)) return false;
    }
    return true;
}

bool base_h5_foreign_has(base_h5_foreign *file, const char *name) {
    base__h5_enter();
    bool found = has(file, name);
    base__h5_leave();
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
    base__h5_release(d->type);
    base__h5_release(d->space);
    base__h5_release(d->dataset);
}

static base_status fail_get(const base_h5_foreign *file, base_error *err, base_status status,
                            const char *name, const char *what) {
    return base_fail(err, status, "%s: '%s' %s", file->path, name, what);
}

/* Whether a dataset's numbers lie in the file itself. */
static bool is_whole(hid_t dataset) {
    hid_t creation = H5Dget_create_plist(dataset);
    bool whole = creation >= 0 && H5Pget_layout(creation) != H5D_VIRTUAL &&
                 H5Pget_external_count(creation) == 0;
    base__h5_release(creation);
    return whole;
}

static base_status open_dataset(const base_h5_foreign *file, const char *name, opened *d,
                                base_error *err) {
    *d = (opened){.space = -1, .type = -1, .dataset = -1};
    if (!has(file, name)) {
        return fail_get(file, err, BASE_ENOTFOUND, name, "is not in the file");
    }
    d->dataset = H5Dopen2(file->id, name, H5P_DEFAULT);
    if (d->dataset < 0) return fail_get(file, err, BASE_EFORMAT, name, "is not a dataset");
    d->space = H5Dget_space(d->dataset);
    d->type = H5Dget_type(d->dataset);
    d->rank = H5Sget_simple_extent_ndims(d->space);
    d->n_items = H5Sget_simple_extent_npoints(d->space);
    bool ok = d->rank >= 0 && d->rank <= BASE_H5_MAX_RANK && d->n_items >= 0 && d->type >= 0;
    if (ok) ok = H5Sget_simple_extent_dims(d->space, d->extents, NULL) == d->rank;
    if (ok) ok = is_whole(d->dataset);
    if (ok) return BASE_OK;
    close_dataset(d);
    return fail_get(file, err, BASE_ESHAPE, name, "has no shape this program knows");
}

base_status base_h5_foreign_shape(base_h5_foreign *file, const char *name, int *rank,
                                  int64_t shape[BASE_H5_MAX_RANK], base_error *err) {
    opened d;
    base__h5_enter();
    base_status status = open_dataset(file, name, &d, err);
    if (status == BASE_OK) {
        *rank = d.rank;
        for (int i = 0; i < d.rank; i++) shape[i] = (int64_t)d.extents[i];
        close_dataset(&d);
    }
    base__h5_leave();
    return status;
}

static base_status read_floats(const base_h5_foreign *file, const char *name, const opened *d,
                               float *data, base_error *err) {
    H5T_class_t class = H5Tget_class(d->type);
    if (class != H5T_INTEGER && class != H5T_FLOAT) {
        return fail_get(file, err, BASE_EFORMAT, name, "does not hold numbers");
    }
    if (d->n_items == 0) return BASE_OK;
    if (H5Dread(d->dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0) {
        return BASE_OK;
    }
    return fail_get(file, err, BASE_EFORMAT, name, "cannot be read");
}

static base_status check_items(const base_h5_foreign *file, const char *name, const opened *d,
                               int64_t n_items, base_error *err) {
    if (d->n_items == n_items) return BASE_OK;
    return base_fail(err, BASE_ESHAPE, "%s: '%s' has %" PRId64 " items, not %" PRId64, file->path,
                     name, d->n_items, n_items);
}

base_status base_h5_foreign_floats(base_h5_foreign *file, const char *name, int64_t n_items,
                                   float *data, base_error *err) {
    opened d;
    base__h5_enter();
    base_status status = open_dataset(file, name, &d, err);
    if (status == BASE_OK) {
        status = check_items(file, name, &d, n_items, err);
        if (status == BASE_OK) status = read_floats(file, name, &d, data, err);
        close_dataset(&d);
    }
    base__h5_leave();
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

/* ---- attributes ---- */

/* An attribute open for reading. */
typedef struct {
    hid_t attribute, space, type;
    int64_t n_items;
} opened_attribute;

static void close_attribute(opened_attribute *a) {
    base__h5_release(a->type);
    base__h5_release(a->space);
    base__h5_release(a->attribute);
}

static base_status open_attribute(const base_h5_foreign *file, const char *object, const char *name,
                                  opened_attribute *a, base_error *err) {
    *a = (opened_attribute){.attribute = -1, .space = -1, .type = -1};
    const char *path = object[0] != '\0' ? object : "/";
    if (!has(file, path) || H5Aexists_by_name(file->id, path, name, H5P_DEFAULT) <= 0) {
        return fail_get(file, err, BASE_ENOTFOUND, name, "is no attribute there");
    }
    a->attribute = H5Aopen_by_name(file->id, path, name, H5P_DEFAULT, H5P_DEFAULT);
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
    return fail_get(file, err, BASE_EFORMAT, name, "is not a list of strings");
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

base_status base_h5_foreign_strings(base_h5_foreign *file, const char *object,
                                    const char *attribute, base_arena *arena, const char ***strings,
                                    int64_t *n, base_error *err) {
    opened_attribute a;
    base__h5_enter();
    base_status status = open_attribute(file, object, attribute, &a, err);
    if (status == BASE_OK) {
        *n = a.n_items;
        *strings = base_arena_alloc(arena, (size_t)a.n_items, sizeof **strings);
        bool variable = H5Tis_variable_str(a.type) > 0;
        bool ok = *strings != NULL;
        if (ok && a.n_items > 0) {
            ok = (variable ? read_variable_texts : read_fixed_texts)(&a, arena, *strings);
        }
        if (!ok) status = fail_get(file, err, BASE_EFORMAT, attribute, "cannot be read");
        close_attribute(&a);
    }
    base__h5_leave();
    return status;
}
