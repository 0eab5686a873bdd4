/* infer/model.h - a trained model, whole in one HDF5 file: configuration, classes, normalisation,
 * weights, record.
 *
 * Kind "model", version 3; 1 and 2 are read as well (docs/formats.md): /config (YAML text),
 * /classes, /temperature, /record (JSON text), /members/<i>/weights/<tensor>,
 * /members/<i>/norm_offset, /norm_scale, /members/<i>/classifier/. More than one member is an
 * ensemble: their probabilities are averaged. */
#ifndef INFER_MODEL_H
#define INFER_MODEL_H

#include "data/clip.h"
#include "data/clip_set.h"
#include "dsp/features.h"
#include "infer/budget.h"
#include "infer/refusal.h"
#include "nn/classifiers/classifier.h"
#include "nn/loss.h"
#include "nn/network.h"

typedef struct {
    nn_network *network;
    dsp_features *features;    /* with its fitted normalisation */
    nn_classifier *classifier; /* reads the network's output; NULL: that is the logits */
} infer_member;

/* Input of infer_model_write. All borrowed. */
typedef struct {
    const char *config; /* resolved YAML */
    const char *record; /* JSON: how it was trained and what it scored */
    const char *const *classes;
    int n_classes;
    double temperature; /* divides the logits, or the logarithms of a classifier's probabilities */
    const infer_member *members;
    int n_members;
} infer_model_content;
base_status infer_model_write(const infer_model_content *content, const char *path,
                              base_error *err);

typedef struct infer_model infer_model;

/* A good max_batch for classifying many clips: small enough for the activations of a small network
 * to stay in the caches. */
enum { INFER_MODEL_BATCH = 16 };

/* Opens for batches of up to max_batch clips, or fewer where these would need much memory. The pool
 * is borrowed. The file is untrusted: before memory in proportion to its contents is allocated, its
 * needs are checked against infer_budget, and its numbers must be finite and of the right shapes.
 */
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
bool infer_model_masks(const infer_model *model); /* whether frames past a clip's end are ignored */
const infer_refusal *infer_model_refusal(const infer_model *model);
nn_loss_kind infer_model_loss(const infer_model *model); /* what makes logits probabilities */
uint32_t infer_model_format(const infer_model *model);   /* version of the file's format */

/* Probabilities [n, n_classes] for n prepared clips (data_clip_prepare with the model's audio
 * options), any n; a clip whose x is NULL is skipped, and its row is zero. The same bits for any
 * number of threads. */
base_status infer_model_classify(infer_model *model, const data_audio *clips, int64_t n,
                                 float *probability, base_error *err);

/* The same with what the same pass gives as embeddings [n, infer_model_embedding_size]; NULL: they
 * are not wanted. A clip that is skipped has a row of zeros. */
base_status infer_model_listen(infer_model *model, const data_audio *clips, int64_t n,
                               float *probability, float *embedding, base_error *err);

/* Clips index[0..n) of a set. */
typedef struct {
    const data_clips *set;
    const int64_t *index;
    int64_t n;
} infer_selection;

/* The same for clips of a set, which must have been made for the model's audio options (ESHAPE). */
base_status infer_model_classify_clips(infer_model *model, const infer_selection *clips,
                                       float *probability, base_error *err);

/* Embeddings [n, size]: the input of the last layer, or of the classifier; those of all members
 * side by side. Size 0 (and ESHAPE): a network of one layer has none. */
int64_t infer_model_embedding_size(const infer_model *model);
base_status infer_model_embed_clips(infer_model *model, const infer_selection *clips,
                                    float *embedding, base_error *err);
/* One member's embeddings of the last batch, [n of that batch, *size]; NULL and 0: it has none. */
const float *infer_model_embedding(const infer_model *model, int member, int64_t *size);

/* The input x of a member's network for one prepared clip. */
void infer_model_prepare(infer_model *model, int member, const data_audio *clip, float *x);

#endif
