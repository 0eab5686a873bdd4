#include "infer/library/serve.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "data/audio_file.h"
#include "data/synth.h"
#include "infer/library/similar.h"
#include "tests/model_make.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

enum { PORT = 8765 };

/* A model, an index of two sounds, and a server of both. */
typedef struct {
    const char *folder, *tone;
    library_index index;
    library_server server;
} fixture;

static fixture open_fixture(void) {
    fixture f = {.folder = test_folder()};
    const char *path = base_path_join(&arena, f.folder, "model.h5");
    infer_model *model;
    model_make(path, 2);
    TEST_OK(infer_model_open(path, 2, NULL, &model, &err), err);
    f.tone =
        sound_write_tone(&arena, f.folder, "library/a.wav", (sound_tone){0.2, 200, 22050, 0.5, 1});
    sound_write_tone(&arena, f.folder, "library/b.wav", (sound_tone){0.2, 3000, 22050, 0.5, 2});
    library_files files;
    const char *folder = base_path_join(&arena, f.folder, "library");
    const library_find_request request = {.arguments = &folder, .n_arguments = 1};
    TEST_OK(library_find(&request, &arena, &files, &err), err);
    const char *index = base_path_join(&arena, folder, LIBRARY_INDEX_NAME);
    const library_update update = {
        .model = model, .model_name = "model.h5", .files = &files, .path = index};
    library_changes changes;
    TEST_OK(library_index_update(&update, &f.index, &changes, &err), err);
    f.server = (library_server){.model = model, .model_name = "model.h5", .port = PORT};
    f.server.index_path = index;
    return f;
}

static void close_fixture(fixture *f) {
    infer_model_free(f->server.model);
    library_index_release(&f->index);
}

static library_request ask(const char *method, const char *path) {
    return (library_request){.method = method, .path = path, .host = "127.0.0.1:8765"};
}

/* The status; what it said is `said`, until the next call. */
static base_text said;
static int status_of(const fixture *f, library_request request) {
    library_response response;
    base_text_release(&said);
    library_serve(&f->server, &request, &response);
    said = response.body;
    return response.status;
}

static int get(const fixture *f, const char *path) {
    return status_of(f, ask("GET", path));
}

static int classify(const fixture *f, const void *bytes, size_t n) {
    library_request request = ask("POST", "/classify");
    request.body = bytes;
    request.n_body = n;
    return status_of(f, request);
}

static int classify_file(const fixture *f, const char *path) {
    void *bytes;
    size_t n;
    TEST_OK(base_file_read(path, 0, &bytes, &n, &err), err);
    int status = classify(f, bytes, n);
    base_free(bytes);
    return status;
}

START_TEST(only_its_own_page_may_ask) {
    static const struct {
        const char *host, *origin;
        bool ours;
    } cases[] = {{"127.0.0.1:8765", NULL, true},
                 {"localhost:8765", "http://localhost:8765", true},
                 {"localhost:8765", "http://127.0.0.1:8765", true},
                 {NULL, NULL, false},
                 {"127.0.0.1", NULL, false},
                 {"127.0.0.1:87650", NULL, false},
                 {"evil.example:8765", NULL, false},
                 {"127.0.0.1.evil.example:8765", NULL, false},
                 {"127.0.0.1:8765", "http://evil.example", false},
                 {"127.0.0.1:8765", "https://127.0.0.1:8765", false},
                 {"127.0.0.1:8765", "null", false},
                 {"127.0.0.1:8765", "", false}};
    fixture f = open_fixture();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        library_request request = ask("GET", "/");
        request.host = cases[i].host;
        request.origin = cases[i].origin;
        ck_assert_int_eq(status_of(&f, request), cases[i].ours ? 200 : 403);
        ck_assert_int_eq(library_request_is_ours(&f.server, &request), cases[i].ours);
    }
    close_fixture(&f);
}
END_TEST

START_TEST(nothing_else_is_there) {
    static const char *const paths[] = {"/x",
                                        "/model.h5",
                                        "/../model.h5",
                                        "/sample/13",
                                        "/sample/-1",
                                        "/sample/",
                                        "/sample/1x",
                                        "/library/0",
                                        "/library/../library/a.wav",
                                        ""};
    fixture f = open_fixture();
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        ck_assert_msg(get(&f, paths[i]) == 404, "%s", paths[i]);
        ck_assert_ptr_nonnull(strstr(said.data, "\"error\""));
    }
    ck_assert_int_eq(status_of(&f, ask("POST", "/")), 405);
    ck_assert_int_eq(status_of(&f, ask("GET", "/classify")), 405);
    close_fixture(&f);
}
END_TEST

START_TEST(the_page_and_what_it_asks_for) {
    fixture f = open_fixture();
    ck_assert_int_eq(get(&f, "/"), 200);
    ck_assert_int_eq(strncmp(said.data, "<!doctype html>", 15), 0);
    ck_assert_int_eq(get(&f, "/model.json"), 200);
    cJSON *settings = cJSON_Parse(said.data);
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(settings, "served")));
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(settings, "classes")), 3);
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(settings, "hits")),
                     DATA_SYNTH_N_CLASSES);
    cJSON_Delete(settings);
    ck_assert_int_eq(get(&f, "/sample/1"), 200);
    data_audio audio, hit;
    const data_audio_bytes wav = {said.data, said.size, "sample"};
    TEST_OK(data_audio_decode(wav, NULL, &audio, &err), err);
    TEST_OK(data_synth_hit(1, 0, 1, &hit, &err), err);
    ck_assert_int_eq(audio.n, hit.n);
    test_close("sample", audio.x, hit.x, hit.n, 0, 2.0 / 32768);
    data_audio_release(&audio);
    data_audio_release(&hit);
    close_fixture(&f);
}
END_TEST

/* Fields of the last answer. */
static double number(const cJSON *answer, const char *key, int i) {
    const cJSON *item = cJSON_GetObjectItem(answer, key);
    return (i < 0 ? item : cJSON_GetArrayItem(item, i))->valuedouble;
}

START_TEST(a_sound_is_classified) {
    fixture f = open_fixture();
    data_audio audio, clip;
    float p[MODEL_MAKE_CLASSES];
    TEST_OK(data_audio_read(f.tone, NULL, &audio, &err), err);
    TEST_OK(data_clip_prepare(&audio, infer_model_audio(f.server.model), &clip, &err), err);
    TEST_OK(infer_model_classify(f.server.model, &clip, 1, p, &err), err);
    ck_assert_int_eq(classify_file(&f, f.tone), 200);
    cJSON *answer = cJSON_Parse(said.data);
    ck_assert_ptr_nonnull(answer);
    for (int i = 0; i < MODEL_MAKE_CLASSES; i++) {
        ck_assert_float_eq((float)number(answer, "probability", i), p[i]);
    }
    ck_assert_double_eq(number(answer, "seconds", -1), 0.2);
    /* The clip's samples, in base64. */
    const char *clip64 = cJSON_GetObjectItem(answer, "clip")->valuestring;
    ck_assert_int_eq(strlen(clip64), (size_t)(4 * ((clip.n * clip.n_channels * 4 + 2) / 3)));
    ck_assert_ptr_null(cJSON_GetObjectItem(answer, "similar"));
    cJSON_Delete(answer);
    data_audio_release(&audio);
    data_audio_release(&clip);
    close_fixture(&f);
}
END_TEST

START_TEST(similar_sounds_are_named_and_played) {
    fixture f = open_fixture();
    f.server.index = &f.index;
    ck_assert_int_eq(classify_file(&f, f.tone), 200);
    cJSON *answer = cJSON_Parse(said.data);
    const cJSON *similar = cJSON_GetObjectItem(answer, "similar");
    ck_assert_int_eq(cJSON_GetArraySize(similar), 2);
    const cJSON *first = cJSON_GetArrayItem(similar, 0);
    ck_assert_str_eq(cJSON_GetObjectItem(first, "name")->valuestring, "a.wav");
    ck_assert_double_eq_tol(number(first, "similarity", -1), 1, 1e-4);
    cJSON_Delete(answer);
    ck_assert_int_eq(get(&f, "/library/1"), 200);
    data_audio audio;
    TEST_OK(data_audio_decode((data_audio_bytes){said.data, said.size, "b"}, NULL, &audio, &err),
            err);
    ck_assert_int_eq(audio.n_channels, 2);
    data_audio_release(&audio);
    ck_assert_int_eq(get(&f, "/library/2"), 404);
    close_fixture(&f);
}
END_TEST

START_TEST(what_is_no_sound_is_refused) {
    fixture f = open_fixture();
    ck_assert_int_eq(classify(&f, "no sound", 8), 422);
    ck_assert_ptr_nonnull(strstr(said.data, "{\"error\": \"not an audio file"));
    ck_assert_int_eq(classify(&f, NULL, 0), 422);
    ck_assert_ptr_nonnull(strstr(said.data, "{\"error\": \"empty\"}"));
    ck_assert_int_eq(classify(&f, "", (size_t)LIBRARY_MAX_UPLOAD_BYTES + 1), 413);
    const char *silent =
        sound_write_tone(&arena, f.folder, "silent.wav", (sound_tone){0.2, 200, 22050, 1e-9, 1});
    ck_assert_int_eq(classify_file(&f, silent), 422);
    ck_assert_ptr_nonnull(strstr(said.data, "silent"));
    close_fixture(&f);
}
END_TEST

TEST_MAIN("infer/library/serve", only_its_own_page_may_ask, nothing_else_is_there,
          the_page_and_what_it_asks_for, a_sound_is_classified, similar_sounds_are_named_and_played,
          what_is_no_sound_is_refused)
