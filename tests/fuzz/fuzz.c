#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/h5_block.h"

void fuzz_need(bool holds, const char *what) {
    if (holds) return;
    perror(what);
    abort();
}

static bool taken;
static base_error last;

static bool is_line(const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F) return false;
    }
    return text[0] != '\0';
}

bool fuzz_took(base_status status, const base_error *err) {
    if (status == BASE_OK) {
        taken = true;
        return true;
    }
    fuzz_need(err->status == status, "the status of an error");
    fuzz_need(is_line(err->text), "the text of an error");
    last = *err;
    return false;
}

bool fuzz_has_taken(void) {
    bool has = taken;
    taken = false;
    return has;
}

const char *fuzz_last_error(void) {
    return last.text;
}

const char *fuzz_file(const void *bytes, size_t n_bytes) {
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("fuzz", MFD_CLOEXEC);
        fuzz_need(file >= 0, "memfd_create");
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    bool whole = ftruncate(file, 0) == 0 && pwrite(file, bytes, n_bytes, 0) == (ssize_t)n_bytes;
    fuzz_need(whole, "pwrite");
    return path;
}

const char *fuzz_h5_file(const char *kind, uint32_t version, const void *bytes, size_t n_bytes) {
    unsigned char *file = calloc(1, BASE__H5_BLOCK_BYTES + n_bytes);
    fuzz_need(file != NULL, "calloc");
    memcpy(file + BASE__H5_BLOCK_BYTES, bytes, n_bytes);
    base__h5_block_fill(file, kind, version, n_bytes);
    const char *path = fuzz_file(file, BASE__H5_BLOCK_BYTES + n_bytes);
    free(file);
    return path;
}

const char *fuzz_text(const uint8_t *data, size_t size) {
    static char *text;
    free(text);
    text = malloc(size + 1);
    fuzz_need(text != NULL, "malloc");
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

static char folder[64];

static void remove_folder(void) {
    base_folder_remove(folder, NULL);
}

const char *fuzz_folder(void) {
    if (folder[0] == '\0') { /* in memory, where there is such a folder: files are synced */
        const char *above = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(folder, sizeof folder, "%s/rimshot-fuzz-XXXXXX", above);
        fuzz_need(mkdtemp(folder) != NULL, folder);
        atexit(remove_folder);
    }
    return folder;
}

void fuzz_put(const char *name, const void *bytes, size_t n_bytes) {
    base_arena arena = {0};
    const char *path = base_path_join(&arena, fuzz_folder(), name);
    FILE *file = fopen(path, "wb");
    if (file == NULL && base_folder_make(base_path_folder(&arena, path), NULL) == BASE_OK) {
        file = fopen(path, "wb");
    }
    bool whole = file != NULL && fwrite(bytes, 1, n_bytes, file) == n_bytes;
    fuzz_need(whole && fclose(file) == 0, path);
    base_arena_release(&arena);
}

int fuzz_choice(const uint8_t *data, size_t size, int n) {
    return size > 0 ? (uint8_t)(data[0] - '0') % n : 0;
}

void fuzz_yaml_again(const base_node *root) {
    base_text text = {0}, twice = {0};
    base_arena arena = {0};
    base_node *again;
    base_yaml_write(root, &text);
    base_status status = base_yaml_parse(base_text_string(&text), "again", &arena, &again, NULL);
    fuzz_need(status == BASE_OK, "what was written reads back");
    base_yaml_write(again, &twice);
    fuzz_need(strcmp(base_text_string(&text), base_text_string(&twice)) == 0,
              "equal trees give equal bytes");
    base_text_release(&text);
    base_text_release(&twice);
    base_arena_release(&arena);
}

void fuzz_tensors(fuzz_tensors_reader *reader, const uint8_t *data, size_t size) {
    infer_tensors tensors = {0};
    base_error err = {0};
    if (fuzz_took(reader("fuzz", data, size, &tensors, &err), &err)) {
        for (size_t i = 0; i < tensors.n; i++) {
            int64_t n = infer_tensor_count(&tensors.items[i]);
            float *floats = calloc((size_t)n + 1, sizeof *floats);
            fuzz_need(floats != NULL, "calloc");
            infer_tensor_floats(&tensors.items[i], floats);
            free(floats);
        }
    }
    infer_tensors_release(&tensors);
}
