#include "infer/export/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "dsp/resample.h"
#include "infer/export/graph.h"

extern char **environ;

#define SEED     7
#define LOG_NAME "log.txt"
enum { MAX_LOG_BYTES = 1 << 20, NO_PROGRAM = 127 };

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "verify: out of memory");
}

/* ---- the drums ---- */

/* A drum at the model's rate. */
static base_status make_sound(int i, double rate_hz, data_audio *sound, base_error *err) {
    data_audio hit;
    BASE_TRY(data_synth_hit(i % DATA_SYNTH_N_CLASSES, i / DATA_SYNTH_N_CLASSES, SEED, &hit, err));
    if (hit.sample_rate_hz == rate_hz) {
        *sound = hit;
        return BASE_OK;
    }
    int64_t n = dsp_resample_length(hit.n, hit.sample_rate_hz, rate_hz);
    *sound = (data_audio){.n_channels = 1, .n = n, .sample_rate_hz = rate_hz};
    sound->x = base_alloc((size_t)n, sizeof *sound->x);
    dsp_clip from = {hit.x, 1, hit.n, hit.sample_rate_hz};
    base_status status =
        sound->x != NULL ? dsp_resample(from, rate_hz, sound->x, err) : no_memory(err);
    data_audio_release(&hit);
    return status;
}

static base_status classify(infer_verify *v, int member, base_error *err) {
    int64_t n_classes = infer_model_n_classes(v->model);
    v->probability =
        base_arena_alloc(&v->arena, (size_t)(INFER_VERIFY_N * n_classes), sizeof *v->probability);
    if (v->probability == NULL) return no_memory(err);
    if (member < 0) {
        return infer_model_classify(v->model, v->clip, INFER_VERIFY_N, v->probability, err);
    }
    infer_graph_path path = {v->model, member, infer_model_network(v->model, member)};
    for (int i = 0; i < INFER_VERIFY_N; i++) {
        BASE_TRY(infer_graph_classify(&path, &v->clip[i], v->probability + i * n_classes, err));
    }
    return BASE_OK;
}

static base_status make_folder(infer_verify *v, base_error *err) {
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] == '\0') parent = "/tmp";
    char *name = base_path_join(&v->arena, parent, "rimshot-XXXXXX");
    if (name == NULL) return no_memory(err);
    if (mkdtemp(name) == NULL) return base_fail(err, BASE_EIO, "%s: cannot make a folder", name);
    v->folder = name;
    return BASE_OK;
}

base_status infer_verify_open(infer_verify *v, infer_model *model, int member, const char *path,
                              base_error *err) {
    const data_audio_options *options = infer_model_audio(model);
    *v = (infer_verify){.model = model, .path = path};
    for (int i = 0; i < INFER_VERIFY_N; i++) {
        BASE_TRY(make_sound(i, options->sample_rate_hz, &v->sound[i], err));
        BASE_TRY(data_clip_prepare(&v->sound[i], options, &v->clip[i], err));
    }
    BASE_TRY(classify(v, member, err));
    return make_folder(v, err);
}

void infer_verify_release(infer_verify *v) {
    if (v->folder != NULL) base_folder_remove(v->folder, NULL);
    for (int i = 0; i < INFER_VERIFY_N; i++) {
        data_audio_release(&v->sound[i]);
        data_audio_release(&v->clip[i]);
    }
    base_arena_release(&v->arena);
}

/* ---- the other program ---- */

const char *infer_verify_file(infer_verify *v, const char *name) {
    return base_path_join(&v->arena, v->folder, name);
}

base_status infer_verify_write(infer_verify *v, const char *name, const base_text *text,
                               base_error *err) {
    const char *path = infer_verify_file(v, name);
    return path != NULL ? base_file_write_text(path, text, err) : no_memory(err);
}

/* Without input, its words in the folder's log. */
static int start(const char *const *arguments, const char *log, pid_t *process) {
    posix_spawn_file_actions_t files;
    if (posix_spawn_file_actions_init(&files) != 0) return -1;
    int failure =
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) != 0 ||
        posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC,
                                         0600) != 0 ||
        posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO) != 0 ||
        posix_spawnp(process, arguments[0], &files, NULL, (char *const *)arguments, environ) != 0;
    posix_spawn_file_actions_destroy(&files);
    return failure;
}

/* A signal that this process handles is a wish to stop, as is one that both got: the other program
 * goes first. */
static base_status wait_for(pid_t process, const char *program, int *state, base_error *err) {
    bool interrupted = waitpid(process, state, 0) < 0 && errno == EINTR;
    if (interrupted) {
        kill(process, SIGTERM);
        while (waitpid(process, state, 0) < 0 && errno == EINTR) continue;
    }
    int end = !interrupted && WIFSIGNALED(*state) ? WTERMSIG(*state) : 0;
    if (interrupted || end == SIGINT || end == SIGTERM) {
        return base_fail(err, BASE_ESTOPPED, "stopped");
    }
    if (WIFEXITED(*state)) return BASE_OK;
    return base_fail(err, BASE_EIO, "verify: %s did not end by itself", base_path_name(program));
}

base_status infer_verify_run(infer_verify *v, const char *const *arguments, int *code,
                             base_error *err) {
    pid_t process;
    int state = -1; /* no exit status */
    const char *log = infer_verify_file(v, LOG_NAME);
    if (log == NULL) return no_memory(err);
    if (start(arguments, log, &process) != 0) {
        return base_fail(err, BASE_ENOTFOUND, "verify: there is no %s", arguments[0]);
    }
    BASE_TRY(wait_for(process, arguments[0], &state, err));
    *code = WEXITSTATUS(state);
    if (*code != NO_PROGRAM) return BASE_OK;
    return base_fail(err, BASE_ENOTFOUND, "verify: there is no %s", arguments[0]);
}

/* The first line with "error:" in it, or else the last one. */
static char *telling_line(char *text) {
    char *found = text, *rest;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        found = line;
        if (strstr(line, "error:") != NULL) break;
    }
    return found;
}

base_status infer_verify_refuse(infer_verify *v, const char *what, base_error *err) {
    void *said = NULL;
    size_t n_bytes;
    const char *log = infer_verify_file(v, LOG_NAME);
    if (log == NULL) return no_memory(err);
    if (base_file_read(log, MAX_LOG_BYTES, &said, &n_bytes, NULL) != BASE_OK || n_bytes == 0) {
        base_fail(err, BASE_EMISMATCH, "%s: %s", v->path, what);
    } else {
        base_fail(err, BASE_EMISMATCH, "%s: %s: %s", v->path, what, telling_line(said));
    }
    base_free(said);
    return BASE_EMISMATCH;
}

/* ---- its answers ---- */

double infer_verify_difference(const float *a, const float *b, int64_t n) {
    double largest = 0;
    for (int64_t i = 0; i < n; i++) {
        double difference = fabs((double)a[i] - (double)b[i]);
        if (difference > largest || isnan(difference)) largest = difference;
    }
    return largest;
}

base_status infer_verify_compare(infer_verify *v, const char *program, const float *wanted,
                                 double *largest, base_error *err) {
    void *y;
    int64_t n = INFER_VERIFY_N * (int64_t)infer_model_n_classes(v->model);
    size_t n_bytes, expected = (size_t)n * sizeof *wanted;
    const char *path = infer_verify_file(v, "y.bin");
    if (path == NULL) return no_memory(err);
    BASE_TRY(base_file_read(path, 0, &y, &n_bytes, err));
    base_status status = BASE_OK;
    if (n_bytes != expected) {
        status = base_fail(err, BASE_EMISMATCH, "%s: it gives other classes", v->path);
    } else {
        *largest = infer_verify_difference(y, wanted, n);
        if (!(*largest <= INFER_VERIFY_TOLERANCE)) {
            status = base_fail(err, BASE_EMISMATCH,
                               "%s: %s's probabilities differ by up to %.2g, more than %.0e",
                               v->path, program, *largest, INFER_VERIFY_TOLERANCE);
        }
    }
    base_free(y);
    return status;
}
