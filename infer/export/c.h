/* infer/export/c.h - what the files of the C header exporter share.
 *
 * A header is put together from texts: pieces of C that don't depend on the model
 * (export_c_pieces.c, export_c_recurrent.c, export_c_audio.c), the model's constants, and a
 * function with one call per layer. In a text '@' stands for the prefix of all names and '$' for
 * the same in capitals, '~' for the file's name; the first character of each line is a condition: a
 * space for always, otherwise a letter that must be in `flags`. */
#ifndef INFER_EXPORT_C_H
#define INFER_EXPORT_C_H

#include "infer/export/graph.h"

/* In the order in which they appear: a piece needs only what stands before it. */
typedef enum {
    EXPORT_C_WEIGHT,
    EXPORT_C_DOT,
    EXPORT_C_MATRIX,
    EXPORT_C_CLEAR,
    EXPORT_C_FRAMES,
    EXPORT_C_CONV2D,
    EXPORT_C_LINEAR,
    EXPORT_C_SCALE,
    EXPORT_C_LAYER_NORM,
    EXPORT_C_RELU,
    EXPORT_C_LEAKY_RELU,
    EXPORT_C_SIGMOID_OF,
    EXPORT_C_FOREST,
    EXPORT_C_GELU,
    EXPORT_C_GELU_TANH,
    EXPORT_C_SILU,
    EXPORT_C_SIGMOID,
    EXPORT_C_TANH,
    EXPORT_C_LARGER,
    EXPORT_C_POOL,
    EXPORT_C_MAX_POOL,
    EXPORT_C_AVG_POOL,
    EXPORT_C_ADAPTIVE_POOL,
    EXPORT_C_GLOBAL_MEAN,
    EXPORT_C_GLOBAL_MAX,
    EXPORT_C_RECURRENT,
    EXPORT_C_GRU,
    EXPORT_C_LSTM,
    EXPORT_C_RNN_TANH,
    EXPORT_C_RNN_RELU,
    EXPORT_C_TIME_MEAN,
    EXPORT_C_TIME_MAX,
    EXPORT_C_TIME_LAST,
    EXPORT_C_TIME_ATTENTION,
    EXPORT_C_COPY,
    EXPORT_C_PERMUTE,
    EXPORT_C_ADD,
    EXPORT_C_MULTIPLY,
    EXPORT_C_SOFTMAX,
    EXPORT_C_SIGMOIDS,
    EXPORT_C_N_PIECES
} export_c_piece;

enum { EXPORT_C_MAX_NEEDS = 2 };

typedef struct {
    const char *text;
    export_c_piece needs[EXPORT_C_MAX_NEEDS]; /* 0 is EXPORT_C_WEIGHT, which is always there */
} export_c_piece_text;

extern const export_c_piece_text export_c_pieces[EXPORT_C_N_PIECES];
extern const char export_c_recurrent[], export_c_gru[], export_c_lstm[], export_c_rnn_tanh[],
    export_c_rnn_relu[];

/* Where a value of the network lies: several share a buffer where a layer works in place. */
typedef struct {
    int buffer;
    const char *length; /* C expression: its valid frames; NULL: all are */
} export_c_value;

typedef struct {
    int64_t n, at;    /* floats */
    int birth, death; /* layers */
} export_c_buffer;

typedef struct {
    infer_model *model;
    const infer_export_options *options;
    base_error *err;
    base_arena arena;
    int member;
    nn_network *network; /* a copy; its weights become what the integers stand for */
    const char *file_name, *prefix, *upper; /* "drum-model.h", "drum_model", "DRUM_MODEL" */
    char flags[32];
    bool needed[EXPORT_C_N_PIECES];
    bool has_clear;           /* the front end has brought that piece along */
    int n_layers;             /* layer k gives value k + 1 */
    export_c_value *values;   /* [n_layers + 1] */
    export_c_buffer *buffers; /* [n_buffers] */
    int n_buffers;
    int *last_reader, *n_readers; /* [n_layers + 1] of each value */
    int64_t n_values;             /* floats of all buffers */
    int64_t n_scratch;            /* floats */
    int64_t weight_bytes;
    bool failed;       /* for want of memory */
    bool reads_length; /* of the network's input */
    base_text constants, body;
} export_c;

/* ---- export_c.c ---- */

/* The header that belongs at `path`; e holds model, options and err. */
base_status export_c_make(export_c *e, const char *path, base_text *text);
void export_c_release(export_c *e);

/* ---- export_c_text.c ---- */

/* Adds a text of conditional lines. */
void export_c_add(const export_c *e, base_text *text, const char *lines);
/* Adds one line, with '@' and '$' replaced after formatting. */
void export_c_line(const export_c *e, base_text *text, const char *format, ...) BASE_PRINTF(3, 4);
/* A C constant of type float that reads back as the same number, which must be finite. */
void export_c_number(base_text *text, float value);
void export_c_double(base_text *text, double value);       /* the same of type double */
void export_c_string(base_text *text, const char *string); /* with its quotes */
void export_c_need(export_c *e, export_c_piece piece);
/* A text in the arena; "" if there is no memory, which `failed` then says. */
const char *export_c_format(export_c *e, const char *format, ...) BASE_PRINTF(2, 3);
base_status export_c_no_memory(const export_c *e);

/* ---- export_c_weights.c ---- */

/* static const int @_name[n] = {...}; and the same of floats */
void export_c_ints(const export_c *e, base_text *text, const char *name, const int *x, int64_t n);
void export_c_floats(const export_c *e, base_text *text, const char *name, const float *x,
                     int64_t n);
/* The same as one of the network's constants. */
void export_c_constant(export_c *e, const char *name, const float *x, int64_t n);
/* The same for weights [rows, n], as integers with a second array @_name_scale if that is wanted;
 * data is then replaced by what the integers stand for. */
base_status export_c_weights(export_c *e, const char *name, float *data, int64_t rows, int64_t n);

/* ---- export_c_audio.c ---- */

base_status export_c_audio(export_c *e, base_text *text);
/* Its members of the work buffer, and their bytes. */
void export_c_audio_work(const export_c *e, base_text *text, int64_t *n_bytes);

/* ---- export_c_graph.c ---- */

/* Finds buffers and lengths, then writes all layers to e->constants and e->body. */
base_status export_c_network(export_c *e);

/* ---- export_c_layers.c ---- */

/* Whether y = x (flatten, dropout), or y may lie where x does. */
bool export_c_is_identity(const nn_graph_node *node);
bool export_c_works_in_place(const nn_graph_node *node);

/* One layer to be written. */
typedef struct {
    export_c *e;
    int index;
    nn_graph_node node;
    const nn_graph_node *norm; /* conv2d: the batch_norm done with it, or NULL */
    const char *x[NN_MAX_INPUTS], *y;
    const char *n_in, *n_out; /* valid frames, C expressions; NULL: all, or none */
} export_c_call;
base_status export_c_layer(const export_c_call *call);
/* Frames of the network's windows: span of the kernel, zeros, stride. False for layers without. */
bool export_c_window(const nn_graph_node *node, int64_t *span, int64_t *zeros, int64_t *stride);

/* ---- export_c_test.c ---- */

base_status export_c_test(export_c *e, base_text *text);

/* ---- export_c_verify.c ---- */

/* Compiles the header with the system's compiler and runs it on synthesised drums. */
base_status export_c_verify(infer_model *model, const infer_export_options *options,
                            const char *path, base_text *report, base_error *err);

#endif
