#include "infer/decode.h"

#include <string.h>
#include <unistd.h>

#include "base/spool.h"

enum { MAX_INPUT_BYTES = 1 << 30 }; /* of standard input */

typedef struct {
    const infer_decode_job *job;
    infer_decoded group;
} decoder;

static bool is_stopped(const infer_decode_job *job) {
    return job->stopped != NULL && job->stopped();
}

/* Opens a sound of standard input; its file ends with the descriptor. */
static base_status open_standard_input(const infer_decode_job *job, int *fd, data_sound **sound,
                                       base_error *err) {
    static const char name[] = "standard input";
    BASE_TRY(base_spool(STDIN_FILENO, name, MAX_INPUT_BYTES, job->stopped, fd, err));
    return data_sound_open_descriptor(*fd, name, sound, err);
}

static base_status open_sound(const infer_decode_job *job, const char *path, int *fd,
                              data_sound **sound, base_error *err) {
    if (strcmp(path, "-") == 0) return open_standard_input(job, fd, sound, err);
    return data_sound_open(path, NULL, sound, err);
}

static base_status read_sound(decoder *d, data_sound *sound, int64_t place, int worker) {
    const infer_decode_job *job = d->job;
    infer_decoded *group = &d->group;
    data_audio *clip = &group->clips[place];
    data_audio_options form = *job->form;
    if (job->measure != NULL) form.normalize = DATA_NORMALIZE_NONE;
    base_status status = data_clip_read(
        sound, &form, job->wants_facts ? &group->facts[place] : NULL, clip, &group->errors[place]);
    group->conditions[place] = *data_sound_condition(sound);
    if (status != BASE_OK || job->measure == NULL) return status;
    job->measure(job->context, clip, place, worker);
    data_clip_normalize(clip, job->form->normalize);
    return BASE_OK;
}

static void decode_file(void *context, int64_t place, int worker) {
    decoder *d = context;
    infer_decoded *group = &d->group;
    base_error *err = &group->errors[place];
    data_sound *sound = NULL;
    int fd = -1;
    *err = (base_error){0};
    group->clips[place] = (data_audio){0};
    group->conditions[place] = (data_condition){0};
    group->facts[place] = (data_row){0};
    group->stamps[place] = (base_file_stamp){0};
    if (is_stopped(d->job)) {
        base_fail(err, BASE_ESTOPPED, "stopped");
        return;
    }
    const char *path = d->job->paths[group->first + place];
    if (strcmp(path, "-") != 0) base_file_stat(path, &group->stamps[place]);
    base_status status = open_sound(d->job, path, &fd, &sound, err);
    if (status == BASE_OK) status = read_sound(d, sound, place, worker);
    err->status = status;
    data_sound_close(sound);
    if (fd >= 0) close(fd);
}

/* A file that was cut off by a request to stop is no result. */
static base_status find_stop(const decoder *d, base_error *err) {
    bool stopped = is_stopped(d->job);
    for (int64_t i = 0; i < d->group.n; i++) {
        stopped |= d->group.errors[i].status == BASE_ESTOPPED;
    }
    return stopped ? base_fail(err, BASE_ESTOPPED, "stopped") : BASE_OK;
}

static base_status run_group(decoder *d, base_error *err) {
    base_parallel(d->job->pool, d->group.n, decode_file, d);
    base_status status = find_stop(d, err);
    if (status == BASE_OK) status = d->job->handler(d->job->context, &d->group, err);
    for (int64_t i = 0; i < d->group.n; i++) data_audio_release(&d->group.clips[i]);
    return status;
}

base_status infer_decode_files(const infer_decode_job *job, base_error *err) {
    decoder *d = base_alloc(1, sizeof *d);
    if (d == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    base_status status = BASE_OK;
    d->job = job;
    for (int64_t first = 0; status == BASE_OK && first < job->n; first += INFER_DECODE_GROUP) {
        int64_t rest = job->n - first;
        d->group.first = first;
        d->group.n = rest < INFER_DECODE_GROUP ? rest : INFER_DECODE_GROUP;
        status = run_group(d, err);
    }
    base_free(d);
    return status;
}
