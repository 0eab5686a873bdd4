/* rimshot.h - librimshot: trained drum-sample classifiers inside other programs.
 *
 *     rimshot_model *model;
 *     rimshot_error error;
 *     if (rimshot_open("model.h5", 1, &model, &error) != RIMSHOT_OK) return complain(error.text);
 *     float probability[rimshot_n_classes(model)];
 *     if (rimshot_classify_file(model, "kick.wav", probability, &error) == RIMSHOT_OK) ...
 *     rimshot_close(model);
 *
 * Errors: what can fail returns a status and describes the failure in the caller's rimshot_error
 * (which may be NULL): one line that names what is at fault. The library never prints, exits or
 * aborts on bad input, and reads nothing but the files it is told to.
 *
 * Threads: every function may be called from any number of threads at the same time, also on one
 * model, but for rimshot_close, which must come after all other calls on that model have returned.
 * A call runs in the calling thread; the library starts none of its own.
 *
 * Bits: the same clip, model, library and kernels (OpenBLAS's and the instruction-set level, both
 * chosen by the processor) give the same numbers bit for bit: alone or in a batch, whichever clips
 * stand beside it and in whatever order, in whatever thread and however many others are at work.
 * `rimshot classify` gives the same probabilities.
 *
 * Models may come from strangers: a file's bytes are checked before they are used, its numbers must
 * be finite, and what a model needs is counted before memory is taken: at most 1 GiB for a call
 * beside the weights, 10^11 multiply-adds per clip, transforms of 32,768 samples, and 4 GiB of
 * file, N times as much with RIMSHOT_BUDGET=N in the environment. Only regular files are read: a
 * pipe is an error, not a wait. libhdf5 plays no part in it. A sound file goes to libsndfile and
 * its decoders, and resampling to libsoxr, which checks no allocation: where the system has no
 * memory left for it, it crashes. FFTW ends the process there. Nothing else does.
 *
 * The process: opening a model sets OpenBLAS, which the whole process shares, to one thread. The
 * floating-point mode of the calling thread is the same after a call as before.
 *
 * Versions are semantic: within one major version, from 1 on, what is declared here keeps its
 * meaning and its binary form, and models written by an older version can be read. */
#ifndef INFER_RIMSHOT_H
#define INFER_RIMSHOT_H

#include <stdint.h>

#define RIMSHOT_VERSION_MAJOR 0
#define RIMSHOT_VERSION_MINOR 1
#define RIMSHOT_VERSION_PATCH 0

#if defined(__GNUC__)
#define RIMSHOT_API __attribute__((visibility("default")))
#else
#define RIMSHOT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    RIMSHOT_OK = 0,
    RIMSHOT_EMEMORY = 1,   /* out of memory */
    RIMSHOT_EIO = 2,       /* input or output failed */
    RIMSHOT_ENOTFOUND = 3, /* no such file */
    RIMSHOT_EEXISTS = 4,
    RIMSHOT_EFORMAT = 5,   /* not audio, not a model, or a model of a newer version */
    RIMSHOT_EDIGEST = 6,   /* model file altered or truncated */
    RIMSHOT_ECONFIG = 7,   /* options that cannot be; a processor older than x86-64-v2 */
    RIMSHOT_ESHAPE = 8,    /* shapes that do not fit */
    RIMSHOT_EDATA = 9,     /* audio that cannot be used: silent, empty, too long, damaged */
    RIMSHOT_ENUMERIC = 10, /* NaN or infinite samples */
    RIMSHOT_EMISMATCH = 11,
    RIMSHOT_ESTOPPED = 12,
    RIMSHOT_EUSAGE = 13 /* arguments that break what is written here */
} rimshot_status;

typedef struct {
    rimshot_status status;
    char text[1024]; /* one line, no newline */
} rimshot_error;

typedef struct rimshot_model rimshot_model;

/* Sound, interleaved: channel c of frame i is samples[i * n_channels + c], full scale is 1. At most
 * 64 channels, 768 kHz and 600 seconds. */
typedef struct {
    const float *samples;
    int64_t n_frames;
    int32_t n_channels;
    double sample_rate_hz;
} rimshot_audio;

/* Version of the library that is running, "0.1.0". */
RIMSHOT_API const char *rimshot_version(void);
/* The meaning of a status, "out of memory"; never NULL. */
RIMSHOT_API const char *rimshot_status_text(rimshot_status status);

/* ---- models ---- */

/* Opens a model file as `rimshot train` leaves it. n_calls (1 to 256): how many calls may compute
 * on it at the same time; further ones wait. Each takes memory for one copy of the weights and
 * eight clips under way; it is all allocated here. */
RIMSHOT_API rimshot_status rimshot_open(const char *path, int32_t n_calls, rimshot_model **model,
                                        rimshot_error *error);
RIMSHOT_API void rimshot_close(rimshot_model *model); /* NULL is fine */

/* Results of these functions live as long as the model. */
RIMSHOT_API int32_t rimshot_n_classes(const rimshot_model *model);
RIMSHOT_API const char *rimshot_class_name(const rimshot_model *model, int32_t index); /* or NULL */
/* The configuration it was trained with (YAML), and the record of that training (JSON): its name,
 * the version of rimshot, its scores. */
RIMSHOT_API const char *rimshot_model_config(const rimshot_model *model);
RIMSHOT_API const char *rimshot_model_record(const rimshot_model *model);
/* Version of the file format. */
RIMSHOT_API int32_t rimshot_model_format(const rimshot_model *model);
/* What clips are converted to: this rate, these channels, at most these seconds. */
RIMSHOT_API double rimshot_model_sample_rate_hz(const rimshot_model *model);
RIMSHOT_API int32_t rimshot_model_n_channels(const rimshot_model *model);
RIMSHOT_API double rimshot_model_seconds(const rimshot_model *model);

/* ---- sound files ---- */

/* Decodes WAV, AIFF, FLAC, Ogg, MP3 and whatever else libsndfile reads, up to 600 s. A damaged file
 * (that ends before its header says so, or whose decoder reports an error) is RIMSHOT_EDATA, with
 * the frames it had and promised. The caller frees it with rimshot_audio_free. */
RIMSHOT_API rimshot_status rimshot_audio_read(const char *path, rimshot_audio *audio,
                                              rimshot_error *error);
RIMSHOT_API void rimshot_audio_free(rimshot_audio *audio);

/* ---- classifying ---- */

/* Probabilities [n_classes]. A clip needs no preparation: it is mixed, resampled, trimmed of
 * leading silence and padded as in training. Silence is RIMSHOT_EDATA. */
RIMSHOT_API rimshot_status rimshot_classify(rimshot_model *model, const rimshot_audio *audio,
                                            float *probability, rimshot_error *error);
RIMSHOT_API rimshot_status rimshot_classify_file(rimshot_model *model, const char *path,
                                                 float *probability, rimshot_error *error);
/* Many clips at once, which is faster: probability [n, n_classes]. With status NULL, a clip that
 * cannot be used fails the call. Otherwise status[i] is that of clip i, the row of a failed clip is
 * zero, error describes the first of them, and the call succeeds. */
RIMSHOT_API rimshot_status rimshot_classify_batch(rimshot_model *model, const rimshot_audio *audio,
                                                  int64_t n, float *probability,
                                                  rimshot_status *status, rimshot_error *error);

/* What a row of probabilities says: the index of the most probable class, or RIMSHOT_UNKNOWN. A
 * model that was trained with sounds that are no drums has a class for them, which is never the
 * answer; above a probability that the model holds it makes a sound unknown. So does a most
 * probable class that does not reach its own bound, if the model has such. */
#define RIMSHOT_UNKNOWN (-1)
RIMSHOT_API int32_t rimshot_decide(const rimshot_model *model, const float *probability);

/* The same, with the reason: the class whose probability was against an answer, and the bound that
 * it missed. The class for what is no drum has exceeded it ("other 0.93, more than 0.30"), any
 * other has not reached it. Index RIMSHOT_UNKNOWN: there was an answer. */
typedef struct {
    int32_t class_index;
    double bound;
} rimshot_reason;
RIMSHOT_API int32_t rimshot_decide_why(const rimshot_model *model, const float *probability,
                                       rimshot_reason *reason);

/* ---- embeddings and features ---- */

/* The input of the network's last layer, a vector in which similar sounds lie close; for a model of
 * several networks, their vectors one after the other. A network of one layer has none: size 0,
 * RIMSHOT_ESHAPE. */
RIMSHOT_API int64_t rimshot_embedding_size(const rimshot_model *model);
RIMSHOT_API rimshot_status rimshot_embed(rimshot_model *model, const rimshot_audio *audio,
                                         float *embedding, rimshot_error *error);

/* The network's input for a clip: [channels, rows, frames], frames contiguous, normalised as in
 * training (for a model of several networks, as for the first). */
RIMSHOT_API void rimshot_features_shape(const rimshot_model *model, int64_t shape[3]);
RIMSHOT_API rimshot_status rimshot_features(rimshot_model *model, const rimshot_audio *audio,
                                            float *features, rimshot_error *error);

/* The same for network 0 to rimshot_n_networks - 1: each has its own normalisation. */
RIMSHOT_API rimshot_status rimshot_network_features(rimshot_model *model, int32_t network,
                                                    const rimshot_audio *audio, float *features,
                                                    rimshot_error *error);

/* How many frames of rimshot_features the clip fills, at least 1; the others are padding, which the
 * network ignores. All frames if the model does not mask padding. */
RIMSHOT_API rimshot_status rimshot_features_frames(rimshot_model *model, const rimshot_audio *audio,
                                                   int64_t *n_frames, rimshot_error *error);

/* Log-mel spectrogram without a model, as librosa's: 10 log10(max(power, 1e-10)) of Slaney mel
 * filters, Hann window, centred frames, reflected ends. 0 stands for the default given. */
typedef struct {
    int64_t n_fft;  /* 2048 */
    int64_t hop;    /* 441 */
    int64_t n_mels; /* 64 */
    double fmin_hz;
    double fmax_hz; /* half the sample rate */
} rimshot_log_mel_options;

/* Frames T for a clip of n_frames: 1 + n_frames / hop (odd n_fft: 1 + (n_frames - 1) / hop); 0 if
 * n_frames or the options are invalid. options NULL: the defaults. */
RIMSHOT_API int64_t rimshot_log_mel_frames(const rimshot_log_mel_options *options,
                                           int64_t n_frames);
/* decibel [n_channels, n_mels, T], each channel by itself. */
RIMSHOT_API rimshot_status rimshot_log_mel(const rimshot_log_mel_options *options,
                                           const rimshot_audio *audio, float *decibel,
                                           rimshot_error *error);

/* Descriptors of pitch, timbre and loudness, without a model: docs/formats.md lists them and how
 * each is measured. The sound is measured unchanged (`rimshot data descriptors` converts it to a
 * common form first), from its first sample to the last nonzero one; one or two channels, 8000 Hz
 * or more. What a sound lacks, such as the pitch of noise, is NaN. */
RIMSHOT_API int32_t rimshot_n_descriptors(void);
RIMSHOT_API const char *rimshot_descriptor_name(int32_t index); /* "pitch_hz"; or NULL */
RIMSHOT_API rimshot_status rimshot_descriptors(const rimshot_audio *audio, double *values,
                                               rimshot_error *error);

/* ---- weights ---- */

/* A tensor of a network, row-major; name, layout and shape are PyTorch's ("13.weight_ih_l0"). */
typedef struct {
    const char *name;
    const float *data;
    int64_t shape[4];
    int32_t n_axes;
} rimshot_tensor;

/* A model has one network, or several whose probabilities are averaged. Indices count from 0. Name
 * and data live as long as the model. */
RIMSHOT_API int32_t rimshot_n_networks(const rimshot_model *model);
RIMSHOT_API int32_t rimshot_n_tensors(const rimshot_model *model, int32_t network);
RIMSHOT_API rimshot_status rimshot_get_tensor(const rimshot_model *model, int32_t network,
                                              int32_t index, rimshot_tensor *tensor,
                                              rimshot_error *error);
/* Divides the logits before they become probabilities. */
RIMSHOT_API double rimshot_model_temperature(const rimshot_model *model);

#ifdef __cplusplus
}
#endif

#endif
