#include "train/teacher.h"

#include <string.h>

struct train_teacher {
    infer_model *model;
    double share;
    int n_classes;
    int *place;         /* [n_classes] the student's class c is the model's place[c] */
    data_audio *heard;  /* [max_batch], into `sound` */
    float *sound;       /* [max_batch, n_channels, n_samples] */
    float *probability; /* [max_batch, n_classes], in the model's order */
};

static base_status out_of_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "train.distill: out of memory");
}

static int find_class(const infer_model *model, const char *name) {
    int n = infer_model_n_classes(model), i = 0;
    while (i < n && strcmp(infer_model_class(model, i), name) != 0) i++;
    return i < n ? i : -1;
}

static base_status match_classes(train_teacher *t, const train_student *student, base_error *err) {
    int n = infer_model_n_classes(t->model);
    for (int c = 0; c < student->n_classes; c++) {
        t->place[c] = find_class(t->model, student->classes[c]);
        if (t->place[c] >= 0) continue;
        return base_fail(err, BASE_EMISMATCH, "train.distill: %s does not know the class %s",
                         student->path, student->classes[c]);
    }
    if (n == student->n_classes) return BASE_OK;
    return base_fail(err, BASE_EMISMATCH, "train.distill: %s has %d classes, the data %d",
                     student->path, n, student->n_classes);
}

/* What is heard must be what the model was made for; how it was trimmed and levelled is the
 * student's affair. */
static base_status match_form(const train_teacher *t, const train_student *student,
                              base_error *err) {
    const data_audio_options *own = infer_model_audio(t->model), *audio = student->audio;
    if (own->sample_rate_hz == audio->sample_rate_hz && own->channels == audio->channels &&
        own->seconds == audio->seconds) {
        return BASE_OK;
    }
    return base_fail(err, BASE_EMISMATCH,
                     "train.distill: %s takes %g s, %g Hz, channels %lld; audio here is %g s, %g "
                     "Hz, channels %lld",
                     student->path, own->seconds, own->sample_rate_hz, (long long)own->channels,
                     audio->seconds, audio->sample_rate_hz, (long long)audio->channels);
}

static base_status allocate(train_teacher *t, const train_student *student, base_error *err) {
    const data_audio_options *audio = infer_model_audio(t->model);
    size_t n = (size_t)student->max_batch, n_classes = (size_t)t->n_classes,
           n_floats = (size_t)(audio->channels * data_audio_samples(audio));
    t->place = base_alloc(n_classes, sizeof *t->place);
    t->heard = base_alloc(n, sizeof *t->heard);
    t->sound = base_alloc(n, n_floats * sizeof *t->sound);
    t->probability = base_alloc(n, n_classes * sizeof *t->probability);
    if (t->place == NULL || t->heard == NULL || t->sound == NULL || t->probability == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < n; i++) t->heard[i] = (data_audio){.x = t->sound + i * n_floats};
    return BASE_OK;
}

static base_status set_up(train_teacher *t, const train_student *student, base_error *err) {
    BASE_TRY(infer_model_open(student->path, student->max_batch, student->pool, &t->model, err));
    BASE_TRY(match_form(t, student, err));
    BASE_TRY(allocate(t, student, err));
    return match_classes(t, student, err);
}

base_status train_teacher_open(const train_student *student, train_teacher **teacher,
                               base_error *err) {
    *teacher = NULL;
    if (student->path == NULL) return BASE_OK;
    train_teacher *t = base_alloc(1, sizeof *t);
    if (t == NULL) return out_of_memory(err);
    *t = (train_teacher){.share = student->share, .n_classes = student->n_classes};
    base_status status = set_up(t, student, err);
    if (status == BASE_OK) {
        *teacher = t;
    } else {
        train_teacher_free(t);
    }
    return status;
}

void train_teacher_free(train_teacher *teacher) {
    if (teacher == NULL) return;
    infer_model_free(teacher->model);
    base_free(teacher->place);
    base_free(teacher->heard);
    base_free(teacher->sound);
    base_free(teacher->probability);
    base_free(teacher);
}

data_audio *train_teacher_heard(train_teacher *teacher) {
    return teacher != NULL ? teacher->heard : NULL;
}

base_status train_teacher_blend(train_teacher *teacher, int64_t n, float *target, base_error *err) {
    if (teacher == NULL) return BASE_OK;
    int n_classes = teacher->n_classes;
    float share = (float)teacher->share;
    BASE_TRY(infer_model_classify(teacher->model, teacher->heard, n, teacher->probability, err));
    for (int64_t i = 0; i < n; i++) {
        const float *taught = teacher->probability + i * n_classes;
        float *row = target + i * n_classes;
        for (int c = 0; c < n_classes; c++) {
            row[c] = (1 - share) * row[c] + share * taught[teacher->place[c]];
        }
    }
    return BASE_OK;
}
