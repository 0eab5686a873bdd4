#include "data/cache.h"

#include <string.h>

#include "base/file.h"
#include "base/h5.h"
#include "base/leftovers.h"
#include "data/source.h"

#define KIND "clips"
/* The name tells which clips a file has; CLIPS_VERSION is raised if they are to be decoded anew. */
enum { VERSION = 3, CLIPS_VERSION = 3 };

void data_decoded_release(data_decoded *decoded) {
    if (decoded == NULL) return;
    base_free(decoded->facts);
    base_free(decoded->offset);
    if (decoded->cache == NULL) base_free(decoded->audio);
    base_h5_reader_free(decoded->cache);
    *decoded = (data_decoded){0};
}

/* ---- the name ---- */

/* What decides a row's content. No padding: it is digested as bytes. */
typedef struct {
    base_digest source;
    double begin_s, end_s;
} row_key;

typedef struct {
    data_row *const *rows;
    row_key *keys;
    bool *unread; /* [n_rows] */
} key_work;

/* Spans of one sound follow each other; only the first digests it. */
static bool continues(const key_work *w, int64_t i) {
    return i > 0 && w->rows[i]->origin == w->rows[i - 1]->origin &&
           strcmp(w->rows[i]->path, w->rows[i - 1]->path) == 0;
}

static void digest_row(void *context, int64_t i, int worker) {
    (void)worker;
    const key_work *w = context;
    const data_row *row = w->rows[i];
    w->keys[i] = (row_key){.begin_s = row->begin_s, .end_s = row->end_s};
    if (!continues(w, i)) {
        w->unread[i] = data_row_digest(row, &w->keys[i].source, NULL) != BASE_OK;
    }
}

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the cache");
}

/* Digests all rows; *known: each could be. */
static base_status digest_rows(const data_decoding *d, const key_work *w, bool *known,
                               base_error *err) {
    const data_job digesting = {"checking files", d->n_rows, digest_row, (void *)w};
    BASE_TRY(data_work_run(d->work, &digesting, err));
    *known = true;
    for (int64_t i = 0; i < d->n_rows; i++) {
        if (continues(w, i)) w->keys[i].source = w->keys[i - 1].source;
        *known = *known && !w->unread[i];
    }
    return BASE_OK;
}

base_status data_cache_path(const data_decoding *d, const char **path, base_error *err) {
    const data_audio_options *o = d->options;
    const double settings[] = {CLIPS_VERSION, o->sample_rate_hz, (double)o->channels, o->seconds,
                               o->trim_db,    o->normalize,      o->min_peak_db,      o->damaged};
    size_t n = (size_t)d->n_rows;
    key_work w = {d->rows, base_alloc(n, sizeof(row_key)), base_alloc(n, sizeof(bool))};
    bool known = false;
    base_status status =
        w.keys != NULL && w.unread != NULL ? digest_rows(d, &w, &known, err) : no_memory(err);
    *path = NULL;
    if (status == BASE_OK && known) {
        base_digest key = base_digest_join(base_digest_bytes(settings, sizeof settings),
                                           base_digest_bytes(w.keys, n * sizeof *w.keys));
        char hex[33];
        base_digest_hex(key, hex);
        *path = base_arena_printf(d->arena, "%s/clips-%s.h5", d->work->cache_folder, hex);
        if (*path == NULL) status = no_memory(err);
    }
    base_free(w.keys);
    base_free(w.unread);
    return status;
}

/* ---- the file ---- */

/* The numbers among a row's facts. */
typedef struct {
    const char *name;
    base_h5_type type;
    size_t offset, n_items; /* of data_row; eight-byte items */
} fact;

static const fact facts[] = {
    {"facts/sample_rate_hz", BASE_H5_F64, offsetof(data_row, sample_rate_hz), 1},
    {"facts/seconds", BASE_H5_F64, offsetof(data_row, seconds), 1},
    {"facts/peak", BASE_H5_F64, offsetof(data_row, peak), 1},
    {"facts/n_channels", BASE_H5_I64, offsetof(data_row, n_channels), 1},
    {"facts/n_clipped", BASE_H5_I64, offsetof(data_row, n_clipped), 1},
    {"facts/content", BASE_H5_I64, offsetof(data_row, content), 2},
};
enum { N_FACTS = sizeof facts / sizeof *facts, ITEM_BYTES = 8, MAX_ITEMS = 2 };

/* The texts among them; NULL there is an empty text here. */
typedef struct {
    const char *name;
    size_t offset; /* of data_row */
} text_fact;

static const text_fact texts[] = {{"facts/left_out", offsetof(data_row, left_out)},
                                  {"facts/condition", offsetof(data_row, condition)}};
enum { N_TEXTS = sizeof texts / sizeof *texts };

static const char **text_of(const text_fact *f, data_row *row) {
    return (const char **)((unsigned char *)row + f->offset);
}

/* One fact of all rows, gathered from them or scattered to them. */
static void copy_column(const fact *f, data_row *rows, int64_t n_rows, unsigned char *column,
                        bool gather) {
    size_t n_bytes = f->n_items * ITEM_BYTES;
    for (int64_t i = 0; i < n_rows; i++) {
        unsigned char *in_row = (unsigned char *)&rows[i] + f->offset;
        unsigned char *in_column = column + (size_t)i * n_bytes;
        memcpy(gather ? in_column : in_row, gather ? in_row : in_column, n_bytes);
    }
}

static base_status read_texts(base_h5_reader *reader, const text_fact *f, const data_decoded *d,
                              base_arena *arena, base_error *err) {
    const char **column;
    int64_t n;
    BASE_TRY(base_h5_get_strings(reader, f->name, arena, &column, &n, err));
    if (n != d->n_rows) return base_fail(err, BASE_ESHAPE, "%s has another length", f->name);
    for (int64_t i = 0; i < n; i++) {
        *text_of(f, &d->facts[i]) = column[i][0] != '\0' ? column[i] : NULL;
    }
    return BASE_OK;
}

static base_status read_facts(base_h5_reader *reader, data_decoded *d, base_arena *arena,
                              base_error *err) {
    unsigned char *column = base_alloc((size_t)d->n_rows, MAX_ITEMS * ITEM_BYTES);
    if (column == NULL) return no_memory(err);
    base_status status = BASE_OK;
    for (int k = 0; k < N_FACTS && status == BASE_OK; k++) {
        status = base_h5_get(reader, facts[k].name, facts[k].type,
                             d->n_rows * (int64_t)facts[k].n_items, column, err);
        if (status == BASE_OK) copy_column(&facts[k], d->facts, d->n_rows, column, false);
    }
    base_free(column);
    BASE_TRY(status);
    for (int k = 0; k < N_TEXTS; k++) BASE_TRY(read_texts(reader, &texts[k], d, arena, err));
    return BASE_OK;
}

/* Whether the offsets rise from 0 to `total` in whole frames, no clip is too long, and only rows
 * left out have none. */
static bool offsets_fit(const data_decoded *d, const data_audio_options *options, int64_t total) {
    int64_t longest = data_audio_samples(options) * options->channels;
    if (d->offset[0] != 0 || d->offset[d->n_rows] != total) return false;
    for (int64_t i = 0; i < d->n_rows; i++) {
        int64_t n = d->offset[i + 1] - d->offset[i];
        if (n < 0 || n > longest || n % options->channels != 0 ||
            (n == 0) != (d->facts[i].left_out != NULL)) {
            return false;
        }
    }
    return true;
}

static base_status read_all(const data_decoding *decoding, data_decoded *d, base_error *err) {
    base_h5_reader *reader = d->cache;
    void *audio;
    int rank;
    int64_t shape[BASE_H5_MAX_RANK];
    BASE_TRY(base_h5_shape(reader, "audio", &rank, shape, err));
    int64_t total = rank == 1 ? shape[0] : 0;
    d->facts = base_alloc((size_t)d->n_rows, sizeof *d->facts);
    d->offset = base_alloc((size_t)d->n_rows + 1, sizeof *d->offset);
    if (d->facts == NULL || d->offset == NULL) return no_memory(err);
    BASE_TRY(base_h5_get(reader, "offset", BASE_H5_I64, d->n_rows + 1, d->offset, err));
    BASE_TRY(read_facts(reader, d, decoding->arena, err));
    BASE_TRY(base_h5_borrow(reader, "audio", BASE_H5_F32, total, &audio, err));
    d->audio = audio;
    if (offsets_fit(d, decoding->options, total)) return BASE_OK;
    return base_fail(err, BASE_EFORMAT, "the clips do not fill the audio");
}

base_status data_cache_read(const char *path, const data_decoding *decoding, data_decoded *decoded,
                            base_error *err) {
    *decoded = (data_decoded){.n_rows = decoding->n_rows};
    BASE_TRY(base_h5_reader_open(path, KIND, VERSION, NULL, &decoded->cache, err));
    base_status status = read_all(decoding, decoded, err);
    if (status == BASE_OK) return BASE_OK;
    data_decoded_release(decoded);
    return base_fail_within(err, "%s", path);
}

static base_status put_texts(base_h5_writer *writer, const text_fact *f, const data_decoded *d,
                             base_error *err) {
    const char **column = base_alloc((size_t)d->n_rows, sizeof *column);
    if (column == NULL) return no_memory(err);
    for (int64_t i = 0; i < d->n_rows; i++) {
        const char *text = *text_of(f, &d->facts[i]);
        column[i] = text != NULL ? text : "";
    }
    base_status status = base_h5_put_strings(writer, f->name, d->n_rows, column, err);
    base_free(column);
    return status;
}

static base_status put_facts(base_h5_writer *writer, const data_decoded *d, base_error *err) {
    unsigned char *column = base_alloc((size_t)d->n_rows, MAX_ITEMS * ITEM_BYTES);
    base_status status = BASE_OK;
    if (column == NULL) status = no_memory(err);
    for (int k = 0; k < N_FACTS && status == BASE_OK; k++) {
        int64_t shape[] = {d->n_rows, (int64_t)facts[k].n_items};
        copy_column(&facts[k], d->facts, d->n_rows, column, true);
        status = base_h5_put(writer, facts[k].name, facts[k].type, facts[k].n_items > 1 ? 2 : 1,
                             shape, column, err);
    }
    base_free(column);
    for (int k = 0; k < N_TEXTS && status == BASE_OK; k++) {
        status = put_texts(writer, &texts[k], d, err);
    }
    return status;
}

/* Files as large as caches must not pile up where processes are killed. */
static void clean_folder(const char *path) {
    base_arena arena = {0};
    const char *folder = base_path_folder(&arena, path);
    if (folder != NULL) base_leftovers_remove(folder, false);
    base_arena_release(&arena);
}

base_status data_cache_write(const char *path, const data_decoded *decoded, base_error *err) {
    base_h5_writer *writer;
    BASE_TRY(base_h5_writer_new(KIND, VERSION, &writer, err));
    base_status status = put_facts(writer, decoded, err);
    if (status != BASE_OK) {
        base_h5_writer_free(writer);
        return status;
    }
    int64_t n_offsets = decoded->n_rows + 1;
    base_h5_put(writer, "offset", BASE_H5_I64, 1, &n_offsets, decoded->offset, err);
    base_h5_put(writer, "audio", BASE_H5_F32, 1, &decoded->offset[decoded->n_rows], decoded->audio,
                err);
    clean_folder(path);
    return base_h5_writer_finish(writer, path, err);
}
