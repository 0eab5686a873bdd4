#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/h5.h"
#include "base/h5_block.h"
#include "base/h5_library.h"

enum { CORE_INCREMENT_BYTES = 1 << 20, TEXT_GRAIN = 8 };

struct base_h5_writer {
    hid_t file;
    char kind[BASE__H5_KIND_BYTES + 1];
    uint32_t version;
    base_error error; /* the first one; status BASE_OK until then */
};

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

/* UTF-8 text of `size` bytes, filled up with zeros. */
static hid_t string_type(size_t size) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (H5Tset_size(type, size) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0 ||
        H5Tset_strpad(type, H5T_STR_NULLPAD) < 0) {
        base__h5_release(type);
        return H5I_INVALID_HID;
    }
    return type;
}

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
        H5Pset_userblock(creation, BASE__H5_BLOCK_BYTES) >= 0 &&
        H5Pset_obj_track_times(creation, false) >= 0) {
        file = H5Fcreate(name, H5F_ACC_TRUNC, creation, access);
    }
    base__h5_release(creation);
    base__h5_release(access);
    return file;
}

base_status base_h5_writer_new(const char *kind, uint32_t version, base_h5_writer **writer,
                               base_error *err) {
    BASE_CHECK(strlen(kind) <= BASE__H5_KIND_BYTES);
    *writer = NULL;
    base_h5_writer *made = base_alloc(1, sizeof *made);
    if (made == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    memcpy(made->kind, kind, strlen(kind) + 1);
    made->version = version;
    base__h5_enter();
    made->file = create_in_memory(made);
    base__h5_leave();
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
        base__h5_release(made);
    }
    base__h5_release(creation);
    return ok;
}

/* What all datasets have in common; data may be NULL where there is none to write. */
static base_status put(base_h5_writer *writer, const char *name, hid_t stored, hid_t given,
                       hid_t space, const void *data) {
    if (!make_groups(writer->file, name)) return fail_put(writer, name, "cannot make its groups");
    hid_t creation = without_times(H5P_DATASET_CREATE);
    hid_t dataset =
        H5Dcreate2(writer->file, name, stored, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    base__h5_release(creation);
    if (dataset < 0) return fail_put(writer, name, "cannot be created (is the name taken?)");
    herr_t written = 0;
    if (H5Sget_simple_extent_npoints(space) > 0) {
        written = H5Dwrite(dataset, given, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    }
    base__h5_release(dataset);
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
    base__h5_release(space);
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
    base__h5_enter();
    if (writer->error.status == BASE_OK) put_numbers(writer, name, type, rank, shape, data);
    base__h5_leave();
    return conclude(writer, err);
}

/* The strings side by side, each filled up with zeros to *size, which is enough for the longest and
 * keeps the numbers that follow in the file aligned. */
static char *lay_out(int64_t n, const char *const *strings, size_t *size) {
    *size = TEXT_GRAIN; /* HDF5 has no text without room */
    for (int64_t i = 0; i < n; i++) {
        size_t length = strlen(strings[i]);
        if (length > *size) *size = (length + TEXT_GRAIN - 1) / TEXT_GRAIN * TEXT_GRAIN;
    }
    char *texts = base_alloc((size_t)n + 1, *size);
    for (int64_t i = 0; texts != NULL && i < n; i++) {
        memcpy(texts + (size_t)i * *size, strings[i], strlen(strings[i]));
    }
    return texts;
}

static base_status put_strings(base_h5_writer *writer, const char *name, int rank, int64_t n,
                               const char *const *strings, base_error *err) {
    size_t size;
    char *texts = lay_out(n, strings, &size);
    hsize_t extent = (hsize_t)n;
    base__h5_enter();
    if (writer->error.status == BASE_OK && texts == NULL) {
        fail_put(writer, name, "does not fit in memory");
    } else if (writer->error.status == BASE_OK) {
        hid_t type = string_type(size);
        hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, &extent, NULL);
        put(writer, name, type, type, space, texts);
        base__h5_release(space);
        base__h5_release(type);
    }
    base__h5_leave();
    base_free(texts);
    return conclude(writer, err);
}

base_status base_h5_put_strings(base_h5_writer *writer, const char *name, int64_t n,
                                const char *const *strings, base_error *err) {
    BASE_CHECK(n >= 0);
    return put_strings(writer, name, 1, n, strings, err);
}

base_status base_h5_put_string(base_h5_writer *writer, const char *name, const char *string,
                               base_error *err) {
    return put_strings(writer, name, 0, 1, &string, err);
}

/* The bytes of the file from the superblock on, behind room for the block. */
static base_status get_image(base_h5_writer *writer, unsigned char **block, size_t *n_bytes) {
    *block = NULL;
    if (H5Fflush(writer->file, H5F_SCOPE_GLOBAL) >= 0) {
        ssize_t n = H5Fget_file_image(writer->file, NULL, 0);
        if (n > 0) *block = base_alloc((size_t)n + BASE__H5_BLOCK_BYTES, 1);
        if (*block != NULL) {
            *n_bytes = (size_t)n;
            n = H5Fget_file_image(writer->file, *block + BASE__H5_BLOCK_BYTES, *n_bytes);
            if (n == (ssize_t)*n_bytes) return BASE_OK;
        }
    }
    base_free(*block);
    return base_fail(&writer->error, BASE_EMEMORY, "no memory for the file's image");
}

base_status base_h5_writer_finish(base_h5_writer *writer, const char *path, base_error *err) {
    unsigned char *block = NULL;
    size_t n_bytes = 0;
    base__h5_enter();
    base_status status = writer->error.status;
    if (status == BASE_OK) status = get_image(writer, &block, &n_bytes);
    H5Fclose(writer->file);
    writer->file = H5I_INVALID_HID;
    base__h5_leave();
    if (status == BASE_OK) {
        base__h5_block_fill(block, writer->kind, writer->version, n_bytes);
        status = base_file_write(path, block, n_bytes + BASE__H5_BLOCK_BYTES, err);
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
    base__h5_enter();
    if (writer->file >= 0) H5Fclose(writer->file);
    base__h5_leave();
    base_free(writer);
}
