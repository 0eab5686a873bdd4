/* infer/model.h - a trained model, whole in one HDF5 file: configuration, classes, normalisation,
 * weights, record.
 *
 * Kind "model", version 3; 1 and 2 are read, too (docs/formats.md): /config (YAML text), /classes,
 * /temperature, /record (JSON text), /members/<i>/weights/<tensor>, /members/<i>/norm_offset,
 * /norm_scale, /members/<i>/classifier/. More than one member is an ensemble: their probabilities
 * are averaged. */
#ifndef INFER_MODEL_H
#define INFER_MODEL_H

#include "data/clip.h"
#include "data/clip_set.h"
#include "dsp/features.h"
#include "infer/budget.h"
#include "nn/classifiers/classifier.h"
#include "nn/loss.h"
#include "nn/network.h"

typedef struct {
    nn_network *network;
    dsp_features *features;    /* with its fitted normalisation */
    nn_classifier *classifier; /* of the network's output; NULL: that is the classes' logits */
} infer_member;

/* What is written. All borrowed. */
typedef struct {
    const char *config; /* resolved YAML */
    const char *record; /* JSON: how it was trained and what it scored */
    const char *const *classes;
    int n_classes;
    double temperature; /* logits (a classifier's: the logarithms of its probabilities) are divided
                           by it; 1: as they are */
    const infer_member *members;
    int n_members;
} infer_model_content;
base_status infer_model_write(const infer_model_content *content, const char *path,
                              base_error *err);

typedef struct infer_model infer_model;

/* Opens for batches of up to max_batch clips, fewer if these would need much memory. The pool is
 * borrowed. The file may hold anything: what it needs is counted and must be within infer_budget,
 * shapes must fit and numbers be finite, before memory in proportion to them is taken. */
base_status infer_model_open(const char *path, int64_t max_batch, base_pool *pool,
                             infer_model **model, base_error *err);
void infer_model_free(infer_model *model);

int infer_model_n_classes(const infer_model *model);
const char *infer_model_class(const infer_model *model, int index);
const data_audio_options *infer_model_audio(const infer_model *model);
const char *infer_model_config(const infer_model *model);
const char *infer_model_record(const infer_model *model);
int infer_model_n_members(const infer_model *model);
nn_network *infer_model_network(infer_model *model, int member);
const infer_member *infer_model_member(const infer_model *model, int member);
const infer_needs *infer_model_needs(const infer_model *model); /* for one batch */
double infer_model_temperature(const infer_model *model);
bool infer_model_masks(const infer_model *model); /* whether frames past a clip's end don't count */
nn_loss_kind infer_model_loss(const infer_model *model); /* what makes logits probabilities */
uint32_t infer_model_format(const infer_model *model);   /* version of the file's format */

/* Probabilities [n, n_classes] for n prepared clips (data_clip_prepare with the model's audio
 * options), any n; the clip with a NULL x is skipped (its row is zero). The same bits for any
 * number of threads. */
base_status infer_model_classify(infer_model *model, const data_audio *clips, int64_t n,
                                 float *probability, base_error *err);

/* The same for an open clip set, clip index[0..n). */
base_status infer_model_classify_clips(infer_model *model, const data_clips *clips,
                                       const int64_t *index, int64_t n, float *probability,
                                       base_error *err);

/* Embeddings: what the last layer, or the classifier, reads, all members' side by side, [n, size].
 */
int64_t
infer_model_embedding_size(const infer_model *model); /* 0: a network of one layer has none */
base_status infer_model_embed_clips(infer_model *model, const data_clips *clips,
                                    const int64_t *index, int64_t n, float *embedding,
                                    base_error *err);
/* What the last batch left of one member's, [of that batch, *size]; NULL and 0: it has none. */
const float *infer_model_embedding(const infer_model *model, int member, int64_t *size);

/* What a member's network is given for one prepared clip: x [its input]. */
void infer_model_prepare(infer_model *model, int member, const data_audio *clip, float *x);

#endif
