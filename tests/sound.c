#include "tests/sound.h"

#include <math.h>

#include "tests/test.h"

static const char *place(base_arena *arena, const char *folder, const char *name) {
    base_error err;
    const char *path = base_path_join(arena, folder, name);
    TEST_OK(base_folder_make(base_path_folder(arena, path), &err), err);
    return path;
}

const char *sound_write_text(base_arena *arena, const char *folder, const char *name,
                             const char *text) {
    base_error err;
    const char *path = place(arena, folder, name);
    TEST_OK(base_file_write(path, text, strlen(text), &err), err);
    return path;
}

const char *sound_write_tone(base_arena *arena, const char *folder, const char *name,
                             sound_tone tone) {
    base_error err;
    const char *path = place(arena, folder, name);
    int64_t n = llround(tone.seconds * tone.rate_hz);
    data_audio audio = {base_alloc((size_t)(n * tone.n_channels), sizeof(float)), tone.n_channels,
                        n, tone.rate_hz};
    for (int64_t i = 0; i < n * tone.n_channels; i++) {
        double t = (double)(i % n) / tone.rate_hz;
        audio.x[i] = (float)(tone.peak * exp(-3 * t) * cos(6.283185307179586 * tone.hz * t));
    }
    TEST_OK(data_audio_write(path, &audio, &err), err);
    data_audio_release(&audio);
    return path;
}

const char *sound_write_strokes(base_arena *arena, const char *folder, const char *name,
                                sound_strokes strokes) {
    enum { RATE = 22050 };
    base_error err;
    int64_t n = (int64_t)(strokes.seconds * RATE);
    data_audio audio = {base_alloc((size_t)(2 * n), sizeof(float)), 2, n, RATE};
    uint32_t state = 1;
    for (int k = 0; k < strokes.n; k++) {
        for (int64_t i = llround(strokes.at_s[k] * RATE); i < n; i++) {
            double t = (double)i / RATE - strokes.at_s[k];
            state = state * 1664525 + 1013904223;
            double noise = (double)(state >> 8) / (1 << 23) - 1;
            double x = exp(-30 * t) * (0.3 * cos(2 * M_PI * 200 * t) + 0.2 * noise);
            audio.x[i] += (float)x;
            audio.x[n + i] += (float)(x / 2);
        }
    }
    const char *path = base_path_join(arena, folder, name);
    TEST_OK(data_audio_write(path, &audio, &err), err);
    data_audio_release(&audio);
    return path;
}

base_status sound_open_manifest(base_arena *arena, const char *yaml, const char *config_folder,
                                data_manifest *manifest, base_error *err) {
    base_node *root;
    TEST_OK(base_yaml_parse(yaml, "test.yaml", arena, &root, err), *err);
    return data_manifest_open(
        root, &(data_manifest_request){.config_folder = config_folder, .sounds_folder = "."},
        manifest, err);
}

base_status sound_read_row(const data_row *row, data_audio *audio, base_error *err) {
    data_sound *sound;
    *audio = (data_audio){0};
    base_status status = data_row_open(row, &sound, err);
    if (status == BASE_OK) status = data_sound_read_all(sound, audio, err);
    data_sound_close(sound);
    return status;
}

base_digest sound_digest_row(const data_row *row) {
    base_digest digest;
    base_error err;
    TEST_OK(data_row_digest(row, &digest, &err), err);
    return digest;
}

const data_row *sound_find_row(const data_manifest *manifest, const char *path_end) {
    size_t n = strlen(path_end);
    for (int64_t i = 0; i < manifest->n_rows; i++) {
        const char *path = manifest->rows[i].path;
        if (strlen(path) >= n && strcmp(path + strlen(path) - n, path_end) == 0)
            return &manifest->rows[i];
    }
    ck_abort_msg("no row for '%s'", path_end);
    return NULL;
}

bool sound_has_note(const data_manifest *manifest, const char *part) {
    for (int i = 0; i < manifest->n_notes; i++) {
        if (strstr(manifest->notes[i], part) != NULL) return true;
    }
    return false;
}
