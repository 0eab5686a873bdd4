/* Random networks over all layers, each layer first in some, behind random front ends: the program,
 * librimshot, the C header and ONNX give the same for clips of every length. RIMSHOT_NETWORKS asks
 * for more than a few (`make networks`), RIMSHOT_KEEP for a folder that the files stay in. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/file.h"
#include "infer/export/export.h"
#include "infer/rimshot.h"
#include "tests/model_make.h"
#include "tests/network_random.h"
#include "tests/test.h"

#define TOLERANCE  1e-4
#define N_CLASSES  MODEL_MAKE_CLASSES
#define RATE_HZ    8000
#define FULL       2000 /* samples, a quarter of a second */
#define NO_RUNTIME 3

enum { N_RANDOM = 12, N_AT_ONCE = 16, LONGEST = 4500, MOST_STEPS = 12 };

/* Samples of each clip: none, too few for any frame or kernel, up to all and more. */
static const int n_samples[] = {0,   400, 1,   2,    3,    20,   60,   81,   150,  260,
                                400, 650, 900, 1200, 1500, 1800, 1999, 2000, 2001, LONGEST};
enum { N_CLIPS = sizeof n_samples / sizeof *n_samples, SILENT = 1 };

/* ---- front ends ---- */

#define PICK(rng, lines) (lines)[base_rng_below((rng), sizeof(lines) / sizeof *(lines))]

typedef struct {
    const char *text;
    bool has_c, has_wave; /* whether the C header and ONNX have it */
} front_end;

static const front_end front_ends[] = {
    {"kind: log_mel, n_fft: 256, hop: 80, n_mels: 12", true, true},
    {"kind: log_mel, n_fft: 256, hop: 80, n_mels: 12", true, true},
    {"kind: log_mel, n_fft: 128, hop: 64, n_mels: 8, top_db: 40, reference: max, window: "
     "rectangular",
     true, true},
    {"kind: log_mel, n_fft: 256, hop: 100, n_mels: 64, htk: true, empty: true, root: true, pad: "
     "same",
     true, true},
    {"kind: log_mel, n_fft: 256, hop: 80, n_mels: 10, frames: 31, pad: zero", true, true},
    {"kind: mel_power, n_fft: 192, hop: 64, n_mels: 8, htk: true, area: false, frames: 20", true,
     true},
    {"kind: mfcc, n_fft: 300, hop: 100, win_length: 200, window: hamming, n_mels: 14, n_mfcc: 8, "
     "deltas: 2, pad: zero",
     true, true},
    {"kind: stft, n_fft: 105, hop: 50, power: 2, scale: true, drop_last: true, centered: false",
     true, true},
    {"kind: stft, n_fft: 64, hop: 31, centered: false, decibels: true, reference: max", true, true},
    {"kind: waveform", true, true},
    {"kind: raster, hop: 80, n_mels: 12", false, true},
    {"kind: raster_log_mel, n_fft: 256, hop: 80, n_mels: 12", false, true},
    {"kind: descriptors", false, false},
};

static void add_front_end(base_text *config, const front_end *f, base_rng *rng) {
    static const char *const levels[] = {"none", "peak", "rms", "standard"};
    static const char *const norms[] = {"none", "clip", "feature", "feature", "dataset", "minmax"};
    int64_t channels = 1 + base_rng_below(rng, 2);
    base_text_printf(
        config,
        "audio: {sample_rate: %d, channels: %d, seconds: 0.25, normalize: %s, trim_db: %d}\n",
        RATE_HZ, (int)channels, PICK(rng, levels), base_rng_below(rng, 2) ? 0 : -50);
    const char *norm = PICK(rng, norms), *mask = base_rng_below(rng, 4) ? "true" : "false";
    base_text_printf(config, "features: {%s, normalize: %s, mask_padding: %s}\n", f->text, norm,
                     mask);
    if (base_rng_below(rng, 8) == 0) base_text_add(config, "train: {loss: binary_cross_entropy}\n");
}

/* ---- models and what is made of them ---- */

typedef struct {
    int number;
    const front_end *front_end;
    const char *config;
    infer_model *model;
    rimshot_model *library; /* the same */
    float wanted[N_CLIPS][N_CLASSES];
    bool usable[N_CLIPS];
    int64_t decision[N_CLIPS];
} subject;

/* A set that is compiled, run and compared at once. */
typedef struct {
    base_arena arena;
    const char *folder;
    int n;
    subject subjects[N_AT_ONCE];
} set;

static const char *file_of(set *s, const char *name, int number, const char *extension) {
    const char *path =
        base_arena_printf(&s->arena, "%s/%s%03d.%s", s->folder, name, number, extension);
    ck_assert_ptr_nonnull(path);
    return path;
}

static void write_export(set *s, const subject *t, const char *format, const char *form,
                         const char *name) {
    base_error err;
    const infer_export_options options = {.switches = (const char *const[]){form, NULL},
                                          .member = -1};
    const char *path = file_of(s, name, t->number, format[0] == 'c' ? "h" : "onnx");
    ck_assert_msg(infer_exporter_find(format)->write(t->model, &options, path, &err) == BASE_OK,
                  "%s: %s: %s", format, t->config, err.text);
}

static nn_network_config config_of(const base_text *front) {
    base_text whole = {0};
    base_text_printf(&whole, "%snetwork: [flatten, {linear: classes}]\n", base_text_string(front));
    infer_member member = model_make_member(base_text_string(&whole), N_CLASSES, 1);
    nn_network_config config = {.input = nn_network_get_config(member.network)->input,
                                .n_classes = N_CLASSES};
    nn_network_free(member.network);
    dsp_features_free(member.features);
    base_text_release(&whole);
    return config;
}

static void open_model(set *s, subject *t) {
    base_error err;
    const char *path = file_of(s, "net", t->number, "h5");
    model_make_of(path, t->config);
    TEST_OK(infer_model_open(path, 1, NULL, &t->model, &err), err);
    ck_assert_int_eq(rimshot_open(path, 1, &t->library, NULL), RIMSHOT_OK);
}

/* Network `number`, in which layer `number` of the registry is the first, or any. */
static void open_random(set *s, int number) {
    base_text config = {0}, layers = {0};
    base_rng rng = base_rng_open(5, BASE_RNG_TEST, (uint64_t)number, 0);
    static const char *const rules[] = {
        "{class: snare, above: 0.2, above_for: {hat: 0.4}, least: {kick: 0.3}}",
        "{least: {kick: 0.4, hat: 0.6}}"};
    int n_layers;
    const nn_layer *const *all = nn_layers(&n_layers);
    subject *t = &s->subjects[s->n++];
    *t = (subject){.number = number, .front_end = &PICK(&rng, front_ends)};
    if (number < n_layers) t->front_end = &front_ends[0];
    add_front_end(&config, t->front_end, &rng);
    nn_network_config plan = config_of(&config);
    if (number >= n_layers) {
        network_random(&plan, &rng, MOST_STEPS, &layers);
    } else if (!network_random_from(all[number], &plan, &rng, MOST_STEPS, &layers)) {
        ck_abort_msg("no step of network_random.c begins with %s", all[number]->variant.name);
    }
    base_text_printf(&config, "network: %s\n", base_text_string(&layers));
    if (number % 3 > 0) base_text_printf(&config, "refuse: %s\n", rules[number % 3 - 1]);
    t->config = base_arena_string(&s->arena, base_text_string(&config));
    open_model(s, t);
    base_text_release(&config);
    base_text_release(&layers);
}

/* ---- clips ---- */

/* A struck tone in noise, of a pitch, a decay and a level of its own. */
static data_audio make_sound(int i) {
    data_audio sound = {.n_channels = 1, .n = n_samples[i], .sample_rate_hz = RATE_HZ};
    sound.x = base_alloc((size_t)sound.n + 1, sizeof *sound.x);
    base_rng rng = base_rng_open(6, BASE_RNG_TEST, (uint64_t)i, 0);
    float pitch = 0.02f + base_rng_uniform(&rng), decay = 0.004f * base_rng_uniform(&rng);
    float level = i == SILENT ? 0 : 0.1f + 0.8f * base_rng_uniform(&rng);
    for (int k = 0; k < sound.n; k++) {
        float noise = 2 * base_rng_uniform(&rng) - 1;
        sound.x[k] =
            level * expf(-decay * (float)k) * (0.5f * cosf(pitch * (float)k) + 0.5f * noise);
    }
    return sound;
}

/* The program's own, which the library must repeat bit for bit. */
static void classify(subject *t, int i, const data_audio *sound, data_audio *clip) {
    base_error err;
    float outside[N_CLASSES] = {0};
    rimshot_audio audio = {sound->x, sound->n, 1, sound->sample_rate_hz};
    base_status status = data_clip_prepare(sound, infer_model_audio(t->model), clip, &err);
    rimshot_status said = rimshot_classify(t->library, &audio, outside, NULL);
    t->usable[i] = status == BASE_OK;
    t->decision[i] = INFER_UNKNOWN;
    ck_assert_int_eq((int)said, (int)status);
    if (status != BASE_OK) ck_assert_int_eq(status, BASE_EDATA);
    if (status != BASE_OK) return;
    TEST_OK(infer_model_classify(t->model, clip, 1, t->wanted[i], &err), err);
    ck_assert_mem_eq(outside, t->wanted[i], sizeof outside);
    t->decision[i] = rimshot_decide(t->library, outside);
    for (int c = 0; c < N_CLASSES; c++) ck_assert_msg(isfinite(outside[c]), "%s", t->config);
}

typedef struct {
    base_text features, frames,
        usable;                       /* of clips that are not silent: the last one their answers */
    base_text waves, samples, wanted; /* of all sounds */
    base_text decision;
} arrays;

/* What a clip is to the network alone. */
static void add_features(subject *t, int i, const data_audio *clip, arrays *a) {
    const dsp_features *features = infer_model_member(t->model, 0)->features;
    int64_t shape[3], frames = dsp_features_valid_frames(features, clip->n);
    dsp_features_shape(features, shape);
    size_t n_features = (size_t)(shape[0] * shape[1] * shape[2]);
    float *x = base_alloc(n_features, sizeof *x);
    infer_model_prepare(t->model, 0, clip, x);
    base_text_add_bytes(&a->features, x, n_features * sizeof *x);
    base_text_add_bytes(&a->frames, &frames, sizeof frames);
    base_text_add_bytes(&a->usable, t->wanted[i], sizeof t->wanted[i]);
    base_free(x);
}

/* A sound as it is, with zeros behind. */
static void add_wave(subject *t, int i, const data_audio *sound, arrays *a) {
    static float wave[LONGEST];
    memset(wave, 0, sizeof wave);
    memcpy(wave, sound->x, (size_t)sound->n * sizeof *wave);
    base_text_add_bytes(&a->waves, wave, sizeof wave);
    base_text_add_bytes(&a->samples, &sound->n, sizeof sound->n);
    base_text_add_bytes(&a->wanted, t->wanted[i], sizeof t->wanted[i]);
    base_text_add_bytes(&a->decision, &t->decision[i], sizeof t->decision[i]);
}

static void write_array(set *s, const subject *t, const char *name, base_text *bytes) {
    base_error err;
    TEST_OK(base_file_write_text(file_of(s, name, t->number, "bin"), bytes, &err), err);
    base_text_release(bytes);
}

static void classify_all(set *s, subject *t) {
    arrays a = {0};
    for (int i = 0; i < N_CLIPS; i++) {
        data_audio sound = make_sound(i), clip = {0};
        classify(t, i, &sound, &clip);
        if (t->usable[i]) add_features(t, i, &clip, &a);
        add_wave(t, i, &sound, &a);
        data_audio_release(&clip);
        base_free(sound.x);
    }
    write_array(s, t, "features", &a.features);
    write_array(s, t, "frames", &a.frames);
    write_array(s, t, "waves", &a.waves);
    write_array(s, t, "samples", &a.samples);
    write_array(s, t, "wanted", &a.wanted);
    write_array(s, t, "usable", &a.usable);
    write_array(s, t, "decision", &a.decision);
}

/* The headers in one program, which reads a clip's samples and writes, header by header, whether it
 * could be used and the probabilities. */
static void write_program(set *s) {
    base_error err;
    base_text p = {0};
    for (int k = 0; k < s->n; k++) {
        int number = s->subjects[k].number;
        if (!s->subjects[k].front_end->has_c) continue;
        base_text_printf(&p, "#define NET%03d_IMPLEMENTATION\n#include \"net%03d.h\"\n", number,
                         number);
    }
    base_text_printf(
        &p,
        "#include <stdio.h>\n"
        "static float x[%d], y[2 + %d];\n"
        "int main(void) {\n"
        "    int n;\n"
        "    while (fread(&n, sizeof n, 1, stdin) == 1) {\n"
        "        if (n > %d || fread(x, sizeof *x, (size_t)n, stdin) != (size_t)n) return 1;\n",
        LONGEST, N_CLASSES, LONGEST);
    for (int k = 0; k < s->n; k++) {
        int number = s->subjects[k].number;
        if (!s->subjects[k].front_end->has_c) continue;
        base_text_printf(
            &p,
            "        { static net%03d_work w; y[0] = (float)net%03d_classify(x, 1, n, &w, y + 2);"
            " y[1] = (float)net%03d_decide(y + 2, NULL); fwrite(y, sizeof y, 1, stdout); }\n",
            number, number, number);
    }
    base_text_add(&p, "    }\n    return 0;\n}\n");
    const char *path = base_arena_printf(&s->arena, "%s/all.c", s->folder);
    TEST_OK(base_file_write_text(path, &p, &err), err);
    base_text_release(&p);
}

static void run_program(set *s) {
    base_error err;
    base_text input = {0};
    for (int i = 0; i < N_CLIPS; i++) {
        data_audio sound = make_sound(i);
        base_text_add_bytes(&input, &(int){(int)sound.n}, sizeof(int));
        base_text_add_bytes(&input, sound.x, (size_t)sound.n * sizeof *sound.x);
        base_free(sound.x);
    }
    const char *path = base_arena_printf(&s->arena, "%s/x.bin", s->folder);
    TEST_OK(base_file_write_text(path, &input, &err), err);
    base_text_release(&input);
    char *command = base_arena_printf(
        &s->arena, "cd '%s' && cc -std=c99 -Wall -Werror all.c -lm -o all && ./all <x.bin >y.bin",
        s->folder);
    ck_assert_int_eq(system(command), 0);
}

/* How many were compared, and how far apart the farthest were. */
typedef struct {
    int n;
    double largest;
} count;

static void compare_header(const subject *t, int i, const float *y, count *headers) {
    ck_assert_msg((y[0] != 0) == t->usable[i], "net%03d, %d samples: %g\n%s", t->number,
                  n_samples[i], (double)y[0], t->config);
    if (t->usable[i]) ck_assert_int_eq((int)y[1], t->decision[i]);
    for (int c = 0; c < N_CLASSES && t->usable[i]; c++) {
        double difference = fabs((double)t->wanted[i][c] - (double)y[2 + c]);
        ck_assert_msg(difference <= TOLERANCE, "net%03d, %d samples: %g, wanted %g\n%s", t->number,
                      n_samples[i], (double)y[2 + c], (double)t->wanted[i][c], t->config);
        headers->largest = fmax(headers->largest, difference);
    }
}

static void compare_headers(set *s, count *headers) {
    base_error err;
    void *data;
    size_t n_bytes;
    int n = 0;
    const char *path = base_arena_printf(&s->arena, "%s/y.bin", s->folder);
    TEST_OK(base_file_read(path, 0, &data, &n_bytes, &err), err);
    const float *y = data;
    for (int k = 0; k < s->n; k++) n += s->subjects[k].front_end->has_c;
    ck_assert_uint_eq(n_bytes, (size_t)(N_CLIPS * n * (2 + N_CLASSES)) * sizeof *y);
    for (int i = 0; i < N_CLIPS; i++) {
        for (int k = 0; k < s->n; k++) {
            if (!s->subjects[k].front_end->has_c) continue;
            compare_header(&s->subjects[k], i, y, headers);
            y += 2 + N_CLASSES;
        }
    }
    headers->n += n;
    base_free(data);
}

/* False without onnxruntime. */
static bool compare_onnx(set *s, count *files) {
    base_error err;
    void *said = NULL;
    size_t n_bytes;
    const char *report = base_arena_printf(&s->arena, "%s/onnx.txt", s->folder);
    char *command =
        base_arena_printf(&s->arena, "python3 '%s' '%s' >'%s'",
                          test_path("infer/export/networks_onnx.py"), s->folder, report);
    int status = system(command);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_RUNTIME) return false;
    for (int k = 0; k < s->n && status != 0; k++) {
        fprintf(stderr, "net%03d: %s", s->subjects[k].number, s->subjects[k].config);
    }
    ck_assert_msg(status == 0, "onnxruntime differs");
    TEST_OK(base_file_read(report, 0, &said, &n_bytes, &err), err);
    char *at = said;
    while (*at != '\0') {
        files->n += (int)strtol(at, &at, 10);
        files->largest = fmax(files->largest, strtod(at, &at));
        at += strspn(at, "\n");
    }
    base_free(said);
    return true;
}

static void close_set(set *s) {
    for (int k = 0; k < s->n; k++) {
        infer_model_free(s->subjects[k].model);
        rimshot_close(s->subjects[k].library);
    }
    base_arena_release(&s->arena);
}

/* Whether the clips' probabilities differ at all, so that a wrong export shows. */
static bool is_telling(const subject *t) {
    float largest = 0;
    for (int c = 0; c < N_CLASSES; c++) {
        float least = 1, most = 0;
        for (int i = 0; i < N_CLIPS; i++) {
            if (!t->usable[i]) continue;
            least = fminf(least, t->wanted[i][c]);
            most = fmaxf(most, t->wanted[i][c]);
        }
        largest = fmaxf(largest, most - least);
    }
    return largest > 0.01f;
}

/* What random networks have found: an impulse under a window that begins with zero, whose decibels
 * are all the same but for rounding. */
static const struct {
    const char *config;
    front_end front_end;
} found[] = {
    {"audio: {sample_rate: 8000, channels: 1, seconds: 0.25, trim_db: 0}\n"
     "features: {kind: stft, n_fft: 64, hop: 31, centered: false, decibels: true, reference: max, "
     "normalize: clip}\n"
     "network: [{global_pool: max}, sigmoid, {linear: classes}]\n",
     {.has_c = true, .has_wave = true}},
};
enum { N_FOUND = sizeof found / sizeof *found };

typedef struct {
    int n_telling;
    count headers, files;
    bool no_onnx;
} totals;

static void open_subject(set *s, int number) {
    if (number >= N_FOUND) {
        open_random(s, number - N_FOUND);
        return;
    }
    subject *t = &s->subjects[s->n++];
    *t = (subject){.number = 900 + number,
                   .front_end = &found[number].front_end,
                   .config = found[number].config};
    open_model(s, t);
}

static void check_set(int first, int n, totals *sum) {
    const char *keep = getenv("RIMSHOT_KEEP");
    set s = {.folder = keep != NULL ? keep : test_folder()};
    for (int i = 0; i < n; i++) {
        open_subject(&s, first + i);
        subject *t = &s.subjects[i];
        classify_all(&s, t);
        sum->n_telling += is_telling(t);
        write_export(&s, t, "onnx", NULL, "net");
        if (t->front_end->has_wave) write_export(&s, t, "onnx", "with-features", "wave");
        if (t->front_end->has_c) write_export(&s, t, "c", NULL, "net");
    }
    write_program(&s);
    run_program(&s);
    compare_headers(&s, &sum->headers);
    sum->no_onnx |= !compare_onnx(&s, &sum->files);
    close_set(&s);
}

START_TEST(all_forms_give_the_same) {
    totals sum = {0};
    const char *more = getenv("RIMSHOT_NETWORKS");
    int n_layers, n_asked = more != NULL ? atoi(more) : 0;
    nn_layers(&n_layers);
    int n = N_FOUND + (n_asked > n_layers ? n_asked : n_layers + N_RANDOM);
    for (int first = 0; first < n; first += N_AT_ONCE) {
        check_set(first, n - first < N_AT_ONCE ? n - first : N_AT_ONCE, &sum);
    }
    printf(
        "note: %d networks, %d of which tell the clips apart, %d clips each: %d C headers, largest "
        "difference %.2g\n",
        n, sum.n_telling, N_CLIPS, sum.headers.n, sum.headers.largest);
    if (sum.no_onnx) {
        printf("note: ONNX is not compared: python3 has no numpy or no onnxruntime\n");
    } else {
        printf("note: %d ONNX files, largest difference %.2g\n", sum.files.n, sum.files.largest);
    }
}
END_TEST

TEST_MAIN("infer/export/networks", all_forms_give_the_same)
