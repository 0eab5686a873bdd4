#include "infer/library/serve.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/audio_file.h"
#include "data/synth.h"
#include "infer/library/similar.h"
#include "infer/library/sounds.h"
#include "infer/web.h"

enum { N_SIMILAR = 8 };
#define LONGEST_S 10.0 /* of a sound of the index */

/* ---- whose request it is ---- */

static bool is_host(const library_server *server, const char *host) {
    static const char *const names[] = {"127.0.0.1", "localhost"};
    char wanted[64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(wanted, sizeof wanted, "%s:%d", names[i], server->port);
        if (strcmp(host, wanted) == 0) return true;
    }
    return false;
}

bool library_request_is_ours(const library_server *server, const library_request *request) {
    static const char scheme[] = "http://";
    const char *origin = request->origin;
    if (request->host == NULL || !is_host(server, request->host)) return false;
    if (origin == NULL) return true;
    return strncmp(origin, scheme, strlen(scheme)) == 0 && is_host(server, origin + strlen(scheme));
}

/* ---- answers ---- */

static void answer_error(library_response *response, int status, const char *text) {
    base_text_release(&response->body);
    response->status = status;
    response->type = "application/json";
    base_text_add(&response->body, "{\"error\": ");
    base_text_add_json(&response->body, text);
    base_text_add(&response->body, "}\n");
}

static void add_little_endian(base_text *out, uint32_t value, int n_bytes) {
    for (int i = 0; i < n_bytes; i++) {
        char byte = (char)(value >> (8 * i) & 0xFF);
        base_text_add_bytes(out, &byte, 1);
    }
}

/* 16-bit WAV, which every browser decodes. */
static void answer_wav(library_response *response, const data_audio *audio) {
    base_text *out = &response->body;
    uint32_t rate = (uint32_t)lround(audio->sample_rate_hz), channels = (uint32_t)audio->n_channels;
    uint32_t n_bytes = (uint32_t)(2 * audio->n * audio->n_channels);
    response->type = "audio/wav";
    base_text_add_bytes(out, "RIFF", 4);
    add_little_endian(out, 36 + n_bytes, 4);
    base_text_add_bytes(out, "WAVEfmt ", 8);
    add_little_endian(out, 16, 4);
    add_little_endian(out, 1, 2);
    add_little_endian(out, channels, 2);
    add_little_endian(out, rate, 4);
    add_little_endian(out, rate * channels * 2, 4);
    add_little_endian(out, channels * 2, 2);
    add_little_endian(out, 16, 2);
    base_text_add_bytes(out, "data", 4);
    add_little_endian(out, n_bytes, 4);
    for (int64_t i = 0; i < audio->n; i++) {
        for (int64_t c = 0; c < audio->n_channels; c++) {
            float x = fminf(fmaxf(audio->x[c * audio->n + i] * 32768.0F, -32768), 32767);
            add_little_endian(out, (uint32_t)lrintf(x), 2);
        }
    }
}

static void answer_settings(const library_server *server, library_response *response) {
    base_text more = {0};
    base_text_add(&more, "\"served\": true, \"name\": ");
    base_text_add_json(&more, server->model_name);
    base_text_printf(&more, ", \"max_bytes\": %d, \"library\": %s,\n  \"hits\": ",
                     LIBRARY_MAX_UPLOAD_BYTES, server->index != NULL ? "true" : "false");
    for (int i = 0; i < DATA_SYNTH_N_CLASSES; i++) {
        base_text_add(&more, i > 0 ? ", " : "[");
        base_text_add_json(&more, data_synth_classes[i]);
    }
    base_text_add(&more, "]");
    response->type = "application/json";
    infer_web_add_settings(server->model, base_text_string(&more), &response->body);
    response->body.failed |= more.failed;
    base_text_release(&more);
}

static void answer_sample(int64_t number, library_response *response) {
    data_audio audio;
    base_error err;
    if (number >= DATA_SYNTH_N_CLASSES) {
        answer_error(response, 404, "no such sample");
    } else if (data_synth_hit((int)number, 0, 1, &audio, &err) != BASE_OK) {
        answer_error(response, 500, err.text);
    } else {
        answer_wav(response, &audio);
        data_audio_release(&audio);
    }
}

static void answer_entry(const library_server *server, int64_t number, library_response *response) {
    const library_index *index = server->index;
    const data_audio_span span = {.max_s = LONGEST_S};
    data_audio audio;
    base_arena arena = {0};
    base_error err;
    if (index == NULL || number >= index->n) {
        answer_error(response, 404, "no such sound");
        return;
    }
    const char *path = library_entry_path(&index->entries[number], server->index_path, &arena);
    if (path == NULL) {
        answer_error(response, 500, "out of memory");
    } else if (data_audio_read(path, &span, &audio, &err) != BASE_OK) {
        answer_error(response, 404, "this sound is no longer there");
    } else {
        answer_wav(response, &audio);
        data_audio_release(&audio);
    }
    base_arena_release(&arena);
}

/* ---- classifying ---- */

static const char upload[] = "upload"; /* a sound's name in errors */

/* RFC 4648 */
static void add_base64(base_text *out, const void *bytes, size_t n_bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n_bytes; i += 3) {
        size_t n = n_bytes - i < 3 ? n_bytes - i : 3;
        uint32_t word = (uint32_t)at[i] << 16;
        if (n > 1) word |= (uint32_t)at[i + 1] << 8;
        if (n > 2) word |= at[i + 2];
        char four[4];
        for (size_t k = 0; k < 4; k++) four[k] = k <= n ? digits[word >> (18 - 6 * k) & 63] : '=';
        base_text_add_bytes(out, four, 4);
    }
}

static void add_numbers(const float *x, int64_t n, base_text *out) {
    for (int64_t i = 0; i < n; i++) {
        base_text_add(out, i > 0 ? ", " : "[");
        base_text_add_number(out, (double)x[i]);
    }
    base_text_add(out, "]");
}

/* The embedding of the clip that was just classified, all members side by side. */
static void gather_embedding(const library_server *server, float *embedding) {
    for (int m = 0; m < infer_model_n_members(server->model); m++) {
        int64_t size;
        const float *own = infer_model_embedding(server->model, m, &size);
        if (own == NULL) continue;
        memcpy(embedding, own, (size_t)size * sizeof *embedding);
        embedding += size;
    }
}

static base_status add_similar(const library_server *server, base_text *out, base_error *err) {
    const library_index *index = server->index;
    library_match matches[N_SIMILAR];
    int64_t n = 0;
    if (index == NULL || index->width == 0) return BASE_OK;
    float *embedding = base_alloc((size_t)index->width, sizeof *embedding);
    if (embedding == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    gather_embedding(server, embedding);
    base_status status = library_find_similar(index, embedding, NULL, N_SIMILAR, matches, &n, err);
    base_free(embedding);
    BASE_TRY(status);
    base_text_add(out, ",\n  \"similar\": [");
    for (int64_t i = 0; i < n; i++) {
        int64_t entry = matches[i].entry;
        base_text_printf(out,
                         "%s{\"entry\": %lld, \"similarity\": %.4f, \"name\": ", i > 0 ? ", " : "",
                         (long long)entry, (double)matches[i].similarity);
        base_text_add_json_path(out, index->entries[entry].name);
        base_text_add(out, ", \"class\": ");
        base_text_add_json(out, library_entry_class(index, entry));
        base_text_add(out, "}");
    }
    base_text_add(out, "]");
    return BASE_OK;
}

/* What a sound turned out to be. */
typedef struct {
    data_audio clip;
    data_row facts;
    data_condition condition;
} heard;

static base_status hear(const library_server *server, const library_request *request, heard *h,
                        base_error *err) {
    data_audio_options form = *infer_model_audio(server->model);
    const data_audio_bytes file = {request->body, request->n_body, upload};
    data_sound *sound;
    form.damaged = DATA_DAMAGED_USE;
    BASE_TRY(data_sound_open_bytes(file, NULL, &sound, err));
    base_status status = data_clip_read(sound, &form, &h->facts, &h->clip, err);
    if (status == BASE_OK) h->condition = *data_sound_condition(sound);
    data_sound_close(sound);
    return status;
}

static base_status classify(const library_server *server, const heard *h, base_text *out,
                            base_error *err) {
    int n_classes = infer_model_n_classes(server->model);
    float *probability = base_alloc((size_t)n_classes, sizeof *probability);
    if (probability == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    base_status status = infer_model_classify(server->model, &h->clip, 1, probability, err);
    if (status == BASE_OK) {
        base_text_add(out, "{\n  \"seconds\": ");
        base_text_add_number(out, h->facts.seconds);
        base_text_add(out, ",\n  \"condition\": ");
        base_text_add_json(out, h->condition.text);
        base_text_add(out, ",\n  \"probability\": ");
        add_numbers(probability, n_classes, out);
        base_text_printf(out, ",\n  \"channels\": %lld,\n  \"clip\": \"",
                         (long long)h->clip.n_channels);
        add_base64(out, h->clip.x, (size_t)(h->clip.n * h->clip.n_channels) * sizeof *h->clip.x);
        base_text_add(out, "\"");
        status = add_similar(server, out, err);
        base_text_add(out, "\n}\n");
    }
    base_free(probability);
    return status;
}

static void answer_classify(const library_server *server, const library_request *request,
                            library_response *response) {
    heard h = {0};
    base_error err;
    if (request->n_body > LIBRARY_MAX_UPLOAD_BYTES) {
        answer_error(response, 413, "larger than 64 MiB");
        return;
    }
    base_status status = request->n_body > 0 ? hear(server, request, &h, &err)
                                             : base_fail(&err, BASE_EDATA, "%s: empty", upload);
    if (status == BASE_OK) status = classify(server, &h, &response->body, &err);
    response->type = "application/json";
    data_audio_release(&h.clip);
    if (status == BASE_OK) return;
    size_t n = strlen(upload) + 2;
    bool is_named = strncmp(err.text, "upload: ", n) == 0;
    answer_error(response, base_status_is_transient(status) ? 500 : 422,
                 is_named ? err.text + n : err.text);
}

/* ---- requests ---- */

/* The number behind `folder`, as in "/sample/3"; -1: the path is another. */
static int64_t number_in(const char *path, const char *folder) {
    size_t n = strlen(folder);
    int64_t number;
    bool is_it = strncmp(path, folder, n) == 0 && path[n] >= '0' && path[n] <= '9';
    return is_it && base_parse_int(path + n, &number) && number >= 0 ? number : -1;
}

static bool answer_get(const library_server *server, const char *path, library_response *response) {
    int64_t sample = number_in(path, "/sample/"), entry = number_in(path, "/library/");
    if (strcmp(path, "/") == 0) {
        response->type = "text/html; charset=utf-8";
        base_text_add(&response->body, infer_web_index);
    } else if (strcmp(path, "/model.json") == 0) {
        answer_settings(server, response);
    } else if (sample >= 0) {
        answer_sample(sample, response);
    } else if (entry >= 0) {
        answer_entry(server, entry, response);
    } else {
        return false;
    }
    return true;
}

static void answer(const library_server *server, const library_request *request,
                   library_response *response) {
    bool is_classify = strcmp(request->path, "/classify") == 0;
    const char *method = is_classify ? "POST" : "GET";
    if (!library_request_is_ours(server, request)) {
        answer_error(response, 403, "not a request of this page");
    } else if (strcmp(request->method, method) != 0) {
        response->allow = method;
        answer_error(response, 405, "not this method");
    } else if (is_classify) {
        answer_classify(server, request, response);
    } else if (!answer_get(server, request->path, response)) {
        answer_error(response, 404, "nothing is here");
    }
}

void library_serve(const library_server *server, const library_request *request,
                   library_response *response) {
    *response = (library_response){.status = 200, .type = "text/plain"};
    answer(server, request, response);
    if (!response->body.failed) return;
    base_text_release(&response->body);
    answer_error(response, 500, "out of memory");
}
