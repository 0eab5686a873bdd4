#include "infer/library/index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/contents.h"
#include "data/input.h"
#include "infer/library/sounds.h"

enum {
    AT_ONCE = 1024, /* files read or heard between two looks at progress or the clock */
    LEAST_BETWEEN_SAVES = 8192
};
static const char not_heard[] = "not heard yet";
static const base_file_stamp no_stamp = {-1, -1}; /* of what is to be tried again */

/* A file as it is to stand in the index. */
typedef struct {
    const char *path, *name;
} named_file;

typedef struct {
    const library_update *update;
    library_index *index; /* the new one */
    library_changes *changes;
    base_arena scratch;
    named_file *files;       /* [index->n] by name */
    base_file_stamp *stamps; /* [index->n]; an entry has its own once it was heard */
    float *probability;      /* the index's, to be filled */
    float *embedding;
    int64_t *open; /* [n_open] entries whose file has to be read */
    int64_t n_open;
    base_error *errors;  /* [AT_ONCE] of those at hand */
    data_content *known; /* [n_known] by their bytes: what was heard before */
    int64_t n_known;
    const char **paths; /* [n_heard_of] to listen to, */
    int64_t *rows;      /* [n_heard_of] which entries they are, */
    int64_t n_paths;
    int64_t n_done; /* and how many of them are done */
} updating;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "index: out of memory");
}

/* ---- names ---- */

/* The last folder, and the way to it from the index. */
typedef struct {
    const char *folder, *way;
} way_to;

static const char *join(base_arena *arena, const char *way, const char *rest) {
    while (*rest == '/') rest++;
    return strcmp(way, ".") == 0 ? rest : base_path_join(arena, way, rest);
}

/* The file's path from `home`; its own where there is no such way. */
static const char *name_file(const library_file *file, const char *home, way_to *last,
                             base_arena *arena) {
    base_error ignored;
    const char *folder = file->root != NULL ? file->root : base_path_folder(arena, file->path);
    if (folder == NULL) return NULL;
    if (last->folder == NULL || strcmp(last->folder, folder) != 0) {
        last->folder = folder;
        if (base_path_between(home, folder, arena, &last->way, &ignored) != BASE_OK) {
            last->way = NULL;
        }
    }
    if (last->way == NULL) return file->path;
    const char *rest =
        file->root != NULL ? file->path + strlen(file->root) : base_path_name(file->path);
    return join(arena, last->way, rest);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const named_file *)a)->name, ((const named_file *)b)->name);
}

static base_status name_files(updating *u, base_error *err) {
    const library_files *files = u->update->files;
    const char *home = base_path_folder(&u->scratch, u->update->path);
    way_to last = {0};
    int64_t n = 0;
    u->files = base_arena_alloc(&u->scratch, (size_t)files->n, sizeof *u->files);
    if (home == NULL || u->files == NULL) return no_memory(err);
    for (int64_t i = 0; i < files->n; i++) {
        const char *name = name_file(&files->files[i], home, &last, &u->index->arena);
        if (name == NULL) return no_memory(err);
        u->files[i] = (named_file){files->files[i].path, name};
    }
    qsort(u->files, (size_t)files->n, sizeof *u->files, compare_names);
    for (int64_t i = 0; i < files->n; i++) { /* the same file by two ways is one */
        if (n == 0 || strcmp(u->files[n - 1].name, u->files[i].name) != 0) {
            u->files[n++] = u->files[i];
        }
    }
    u->index->n = n;
    return BASE_OK;
}

/* ---- what is known already ---- */

static int compare_entries(const void *a, const void *b) {
    return strcmp(((const library_entry *)a)->name, ((const library_entry *)b)->name);
}

static const library_entry *find_old(const library_index *old, const char *name) {
    const library_entry key = {.name = name};
    if (old == NULL) return NULL;
    return bsearch(&key, old->entries, (size_t)old->n, sizeof key, compare_entries);
}

static bool is_same_stamp(base_file_stamp a, base_file_stamp b) {
    return a.size_bytes == b.size_bytes && a.modified_ns == b.modified_ns;
}

static const char *keep_reason(updating *u, const char *why) {
    const char *kept = base_arena_string(&u->index->arena, why);
    return kept != NULL ? kept : not_heard;
}

/* An entry's matrices from those of another, of the old index or of this. */
static void copy_numbers(updating *u, int64_t to, const library_index *from_index, int64_t from) {
    size_t n_classes = (size_t)u->index->n_classes, width = (size_t)u->index->width;
    memcpy(u->probability + (size_t)to * n_classes,
           from_index->probability + (size_t)from * n_classes, n_classes * sizeof(float));
    memcpy(u->embedding + (size_t)to * width, from_index->embedding + (size_t)from * width,
           width * sizeof(float));
}

/* All of an entry but what belongs to its file. */
static void copy_entry(updating *u, int64_t to, const library_index *from_index, int64_t from) {
    library_entry *entry = &u->index->entries[to];
    const library_entry mine = *entry;
    *entry = from_index->entries[from];
    entry->name = mine.name;
    if (entry->stamp.size_bytes >= 0) entry->stamp = u->stamps[to];
    if (entry->error != NULL) entry->error = keep_reason(u, entry->error);
    copy_numbers(u, to, from_index, from);
}

/* Takes what has kept its name, size and time; lists the rest. */
static base_status take_unchanged(updating *u, base_error *err) {
    const library_index *old = u->update->old;
    u->open = base_arena_alloc(&u->scratch, (size_t)u->index->n, sizeof *u->open);
    u->stamps = base_arena_alloc(&u->scratch, (size_t)u->index->n, sizeof *u->stamps);
    if (u->open == NULL || u->stamps == NULL) return no_memory(err);
    for (int64_t i = 0; i < u->index->n; i++) {
        library_entry *entry = &u->index->entries[i];
        *entry = (library_entry){.name = u->files[i].name,
                                 .error = not_heard,
                                 .best = INFER_UNKNOWN,
                                 .seconds = NAN,
                                 .pitch_hz = NAN,
                                 .loudness_lufs = NAN,
                                 .stamp = no_stamp};
        u->stamps[i] = no_stamp;
        const library_entry *before = find_old(old, entry->name);
        bool there = base_file_stat(u->files[i].path, &u->stamps[i]);
        if (there && before != NULL && is_same_stamp(before->stamp, u->stamps[i])) {
            copy_entry(u, i, old, before - old->entries);
            u->changes->n_kept++;
        } else {
            u->open[u->n_open++] = i;
        }
    }
    return BASE_OK;
}

static bool tell(const updating *u, const char *what, int64_t done, int64_t total) {
    const library_update *job = u->update;
    if (job->stopped != NULL && job->stopped()) return false;
    return job->progress == NULL || job->progress(job->context, what, done, total);
}

static base_status digest_file(const char *path, base_digest *digest, base_error *err) {
    data_input input;
    BASE_TRY(data_input_open(path, &input, err));
    base_status status = data_input_digest(&input, digest, err);
    data_input_close(&input);
    return status;
}

static void digest_open(void *context, int64_t task, int worker) {
    (void)worker;
    const updating *u = context;
    int64_t row = u->open[u->n_done + task];
    base_error *err = &u->errors[task];
    err->status = digest_file(u->files[row].path, &u->index->entries[row].bytes, err);
}

/* An error without the path it begins with. */
static const char *reason_of(const char *path, const char *error) {
    size_t n = strlen(path);
    bool begins = strncmp(error, path, n) == 0 && strncmp(error + n, ": ", 2) == 0;
    return begins ? error + n + 2 : error;
}

/* What may succeed next time is tried again then. */
static void note_failure(updating *u, int64_t row, base_status status, const char *error) {
    library_entry *entry = &u->index->entries[row];
    entry->error = keep_reason(u, reason_of(u->files[row].path, error));
    entry->stamp = base_status_is_transient(status) ? no_stamp : u->stamps[row];
}

/* Reading is quick beside listening, and tells what was only moved, copied or touched. What cannot
 * be read is no longer open. */
static base_status digest_files(updating *u, base_error *err) {
    int64_t n_read = 0;
    u->errors = base_arena_alloc(&u->scratch, AT_ONCE, sizeof *u->errors);
    if (u->errors == NULL) return no_memory(err);
    for (u->n_done = 0; u->n_done < u->n_open; u->n_done += AT_ONCE) {
        int64_t rest = u->n_open - u->n_done, n = rest < AT_ONCE ? rest : AT_ONCE;
        if (!tell(u, "reading", u->n_done, u->n_open)) {
            return base_fail(err, BASE_ESTOPPED, "stopped");
        }
        base_parallel(u->update->pool, n, digest_open, u);
        for (int64_t i = 0; i < n; i++) {
            int64_t row = u->open[u->n_done + i];
            bool dated = u->stamps[row].size_bytes >= 0 ||
                         base_file_stat(u->files[row].path, &u->stamps[row]);
            if (u->errors[i].status == BASE_OK && !dated) {
                base_fail(&u->errors[i], BASE_EIO, "its size and time cannot be read");
            }
            if (u->errors[i].status == BASE_OK) {
                u->open[n_read++] = row;
            } else {
                note_failure(u, row, u->errors[i].status, u->errors[i].text);
            }
        }
    }
    u->n_open = n_read;
    u->n_done = 0;
    return BASE_OK;
}

static base_status list_known(updating *u, base_error *err) {
    const library_index *old = u->update->old;
    size_t n_old = old != NULL ? (size_t)old->n : 0;
    u->known = base_arena_alloc(&u->scratch, n_old + 1, sizeof *u->known);
    if (u->known == NULL) return no_memory(err);
    for (size_t i = 0; i < n_old; i++) {
        if (old->entries[i].error != NULL) continue;
        u->known[u->n_known++] = (data_content){old->entries[i].bytes, (int64_t)i};
    }
    data_contents_sort(u->known, u->n_known);
    return BASE_OK;
}

/* Of files that are new, takes what was heard before; of several equal ones the first is to be
 * listened to. What is left is u->paths and u->rows. */
static base_status choose(updating *u, base_error *err) {
    BASE_TRY(list_known(u, err));
    data_content *fresh = base_arena_alloc(&u->scratch, (size_t)u->n_open + 1, sizeof *fresh);
    u->paths = base_arena_alloc(&u->scratch, (size_t)u->n_open + 1, sizeof *u->paths);
    u->rows = base_arena_alloc(&u->scratch, (size_t)u->n_open + 1, sizeof *u->rows);
    if (fresh == NULL || u->paths == NULL || u->rows == NULL) return no_memory(err);
    for (int64_t i = 0; i < u->n_open; i++) {
        fresh[i] = (data_content){u->index->entries[u->open[i]].bytes, u->open[i]};
    }
    data_contents_sort(fresh, u->n_open);
    int64_t n_left = 0;
    for (int64_t i = 0; i < u->n_open; i++) {
        int64_t row = u->open[i];
        const library_entry *entry = &u->index->entries[row];
        const data_content *known = data_contents_find(u->known, u->n_known, entry->bytes);
        if (known != NULL) {
            copy_entry(u, row, u->update->old, known->item);
            u->changes->n_known++;
            continue;
        }
        u->open[n_left++] = row;
        const data_content *first = data_contents_find(fresh, u->n_open, entry->bytes);
        if (first->item != row) continue;
        u->paths[u->n_paths] = u->files[row].path;
        u->rows[u->n_paths++] = row;
    }
    u->n_open = n_left;
    return BASE_OK;
}

/* Copies, once the first of them has been heard. */
static base_status fill_copies(updating *u, base_error *err) {
    data_content *heard = base_arena_alloc(&u->scratch, (size_t)u->n_paths + 1, sizeof *heard);
    if (heard == NULL) return no_memory(err);
    for (int64_t i = 0; i < u->n_paths; i++) {
        heard[i] = (data_content){u->index->entries[u->rows[i]].bytes, u->rows[i]};
    }
    data_contents_sort(heard, u->n_paths);
    for (int64_t i = 0; i < u->n_open; i++) {
        int64_t row = u->open[i];
        const library_entry *entry = &u->index->entries[row];
        const data_content *first = data_contents_find(heard, u->n_paths, entry->bytes);
        if (first == NULL || first->item == row) continue;
        copy_entry(u, row, u->index, first->item);
        u->changes->n_known++;
    }
    return BASE_OK;
}

/* ---- listening ---- */

static bool on_sound(void *context, const library_sound *sound) {
    updating *u = context;
    library_index *index = u->index;
    int64_t row = u->rows[u->n_done++];
    library_entry *entry = &index->entries[row];
    if (sound->error != NULL) {
        note_failure(u, row, sound->status, sound->error);
    } else {
        entry->error = NULL;
        entry->stamp = u->stamps[row];
        entry->best = sound->best;
        entry->seconds = sound->seconds;
        entry->pitch_hz = sound->pitch_hz;
        entry->loudness_lufs = sound->loudness_lufs;
        entry->content = sound->content;
        memcpy(u->probability + row * index->n_classes, sound->probability,
               (size_t)index->n_classes * sizeof(float));
        memcpy(u->embedding + row * index->width, sound->embedding,
               (size_t)index->width * sizeof(float));
    }
    u->changes->n_heard++;
    return tell(u, "listening", u->n_done, u->n_paths);
}

/* What was not heard yet stands in it as such, and is tried again. */
static base_status save(const updating *u, base_error *err) {
    if (u->update->keeps_in_memory) return BASE_OK;
    return library_index_write(u->index, u->update->path, err);
}

static base_status listen_all(updating *u, base_error *err) {
    int64_t between = u->n_paths / 8;
    if (between < LEAST_BETWEEN_SAVES) between = LEAST_BETWEEN_SAVES;
    while (u->n_done < u->n_paths) {
        int64_t rest = u->n_paths - u->n_done;
        library_listen_job job = {.model = u->update->model,
                                  .paths = u->paths + u->n_done,
                                  .n = rest < between ? rest : between,
                                  .pool = u->update->pool,
                                  .measures = true,
                                  .stopped = u->update->stopped,
                                  .handler = on_sound,
                                  .context = u};
        base_status status = library_listen(&job, err);
        bool more = u->n_done < u->n_paths;
        base_error saving;
        if (status == BASE_OK && !more) break;
        if (status != BASE_OK && status != BASE_ESTOPPED) return status;
        base_status saved = save(u, &saving);
        if (status != BASE_OK) return status;
        if (saved != BASE_OK) return base_fail(err, saved, "%s", saving.text);
    }
    return BASE_OK;
}

/* ---- all ---- */

static base_status make_index(updating *u, base_error *err) {
    const library_update *job = u->update;
    library_index *index = u->index;
    size_t n_classes = (size_t)infer_model_n_classes(job->model), n;
    index->width = infer_model_embedding_size(job->model);
    index->n_classes = (int)n_classes;
    index->model = job->model_digest;
    index->model_name = base_arena_string(&index->arena, job->model_name);
    const char **classes = base_arena_alloc(&index->arena, n_classes, sizeof *classes);
    if (index->width == 0) {
        return base_fail(err, BASE_ESHAPE, "%s: a network of one layer has no embedding",
                         job->model_name);
    }
    if (classes == NULL || index->model_name == NULL) return no_memory(err);
    for (size_t c = 0; c < n_classes; c++) {
        classes[c] = base_arena_string(&index->arena, infer_model_class(job->model, (int)c));
        if (classes[c] == NULL) return no_memory(err);
    }
    BASE_TRY(name_files(u, err));
    index->classes = classes;
    n = (size_t)index->n;
    index->entries = base_arena_alloc(&index->arena, n, sizeof *index->entries);
    index->own = base_alloc(n * (n_classes + (size_t)index->width), sizeof *index->own);
    if (index->entries == NULL || index->own == NULL) return no_memory(err);
    u->embedding = index->own;
    u->probability = index->own + n * (size_t)index->width;
    index->embedding = u->embedding;
    index->probability = u->probability;
    return BASE_OK;
}

static void tell_failures(const updating *u) {
    for (int64_t i = 0; i < u->index->n; i++) {
        const library_entry *entry = &u->index->entries[i];
        base_error why;
        if (entry->error == NULL) continue;
        u->changes->n_failed++;
        base_fail(&why, BASE_EDATA, "%s: %s", u->files[i].path, entry->error);
        if (u->update->failed != NULL) u->update->failed(u->update->context, why.text);
    }
}

static base_status run(updating *u, base_error *err) {
    const library_index *old = u->update->old;
    BASE_TRY(make_index(u, err));
    BASE_TRY(take_unchanged(u, err));
    u->changes->same = old != NULL && u->changes->n_kept == u->index->n && old->n == u->index->n;
    if (!u->changes->same) {
        BASE_TRY(digest_files(u, err));
        BASE_TRY(choose(u, err));
        BASE_TRY(listen_all(u, err));
        BASE_TRY(fill_copies(u, err));
        for (int64_t i = 0; old != NULL && i < old->n; i++) {
            const library_entry key = {.name = old->entries[i].name};
            u->changes->n_removed += bsearch(&key, u->index->entries, (size_t)u->index->n,
                                             sizeof key, compare_entries) == NULL;
        }
        BASE_TRY(save(u, err));
    }
    tell_failures(u);
    return BASE_OK;
}

base_status library_index_update(const library_update *update, library_index *index,
                                 library_changes *changes, base_error *err) {
    updating u = {.update = update, .index = index, .changes = changes};
    *index = (library_index){0};
    *changes = (library_changes){0};
    base_status status = run(&u, err);
    base_arena_release(&u.scratch);
    if (status != BASE_OK) library_index_release(index);
    return status;
}
