/* train/teacher.h - targets from a model that is trained already (train.distill): G. Hinton,
 * O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", 2015.
 *
 * The teacher hears each clip as the student does, after the effects, through its own front end; it
 * may be an ensemble, or an encoder with a classifier. A clip's target becomes
 * (1 - share) * label + share * the teacher's probabilities, calibrated by its temperature. */
#ifndef TRAIN_TEACHER_H
#define TRAIN_TEACHER_H

#include "infer/model.h"

typedef struct train_teacher train_teacher;

/* Whom it teaches; all borrowed. */
typedef struct {
    const char *path; /* of the model; NULL: there is no teacher */
    double share;     /* 0..1, of the teacher's probabilities in the target */
    const data_audio_options *audio;
    const char *const *classes;
    int n_classes;
    int64_t max_batch;
    base_pool *pool; /* NULL: the calling thread alone */
} train_student;

/* *teacher NULL where there is none. Errors are those of infer_model_open, and: no memory; the
 * model has other classes (their order may differ) or another form of clips (EMISMATCH). */
base_status train_teacher_open(const train_student *student, train_teacher **teacher,
                               base_error *err);
void train_teacher_free(train_teacher *teacher);

/* Room for what is heard of a batch, [max_batch]: train_feed_request.heard; NULL without a
 * teacher, who then leaves the targets as they are. */
data_audio *train_teacher_heard(train_teacher *teacher);

/* Blends the targets [n, n_classes] of the n clips that are there. The same bits for any number of
 * threads, whatever else is in the batch. */
base_status train_teacher_blend(train_teacher *teacher, int64_t n, float *target, base_error *err);

#endif
