/* infer/export/c.h - what the files of the C header exporter share.
 *
 * The header is a template: infer/export/c/model.h with the files that it includes, which compile
 * as they stand. What depends on the model is written by c_audio.c (settings.h, its numbers and
 * tables) and c_graph.c (network.c, the weights and a function with one call per layer).
 * c_template.c then
 *
 * - resolves the conditions #if MODEL_X, #if !MODEL_X and #elif MODEL_X, where MODEL_X was set by
 *   export_c_set, and replaces such names by their values elsewhere;
 * - leaves out static functions, types and tables that nothing uses (each ends at an empty line);
 * - replaces `model` in model.h, model_x and MODEL_X by the header's own name. */
#ifndef INFER_EXPORT_C_H
#define INFER_EXPORT_C_H

#include "infer/export/graph.h"

enum { EXPORT_C_MAX_VALUES = 64 };

typedef struct {
    const char *name, *value;
} export_c_named;

/* Where a value of the network lies: several share a buffer where a layer works in place. */
typedef struct {
    int buffer;
    const char *length; /* C expression: its valid frames; NULL: all are */
} export_c_value;

typedef struct {
    int64_t n, at;    /* floats */
    int birth, death; /* layers */
} export_c_buffer;

/* An elementwise function that was written. */
typedef struct {
    const char *text, *name;
} export_c_map;

typedef struct {
    infer_model *model;
    const infer_export_options *options;
    base_error *err;
    base_arena arena;
    int member;
    bool int8;
    nn_network *network; /* a copy; its weights become what the integers stand for */
    const char *file_name, *prefix, *upper; /* "drum-model.h", "drum_model", "DRUM_MODEL" */
    export_c_named value[EXPORT_C_MAX_VALUES];
    int n_values_set;
    int n_layers;             /* layer k gives value k + 1 */
    export_c_value *values;   /* [n_layers + 1] */
    export_c_buffer *buffers; /* [n_buffers] */
    int n_buffers;
    int *last_reader, *n_readers;      /* [n_layers + 1] of each value */
    int64_t n_values;                  /* floats of all buffers */
    int64_t n_scratch;                 /* floats */
    int64_t weight_bytes, audio_bytes; /* audio: of the work buffer, for the front end */
    bool failed;                       /* for want of memory */
    bool reads_length;                 /* of the network's input */
    export_c_map *maps;                /* [n_maps], room for one per layer */
    int n_maps;
    base_text settings, functions, constants, body, network_text;
} export_c;

/* ---- c.c ---- */

/* The header that belongs at `path`; e holds model, options and err. */
base_status export_c_make(export_c *e, const char *path, base_text *text);
void export_c_release(export_c *e);

/* ---- c_template.c ---- */

/* Gives a name of the template its value; "0" or "1" for a condition. */
void export_c_set(export_c *e, const char *name, const char *format, ...) BASE_PRINTF(3, 4);
void export_c_set_made(export_c *e, const char *name, base_text *value); /* also releases it */
/* The header, once all values, settings and network_text are there. */
base_status export_c_render(export_c *e, base_text *out);
/* Adds a text with values and names replaced. */
void export_c_rename(const export_c *e, const char *text, const char *end, base_text *out);
/* The parameters of the template's function model_LAYER, from behind the bracket on; NULL: there is
 * no such function. */
const char *export_c_parameters(const char *layer);
/* A text in the arena; "" if there is no memory, which `failed` then says. */
const char *export_c_format(export_c *e, const char *format, ...) BASE_PRINTF(2, 3);

/* ---- c_text.c ---- */

/* A C constant of type float that reads back as the same number, which must be finite. */
void export_c_number(base_text *text, float value);
void export_c_double(base_text *text, double value);       /* the same of type double */
void export_c_string(base_text *text, const char *string); /* with its quotes */
base_status export_c_no_memory(const export_c *e);

/* ---- c_weights.c ---- */

/* static const int model_name[n] = {...}; and the same of floats; the list alone */
void export_c_ints(base_text *text, const char *name, const int *x, int64_t n);
void export_c_floats(base_text *text, const char *name, const float *x, int64_t n);
void export_c_list(base_text *text, const float *x, int64_t n);
/* The same as one of the network's constants. */
void export_c_constant(export_c *e, const char *name, const float *x, int64_t n);
/* Weights [rows, n]: each row makes one output. */
typedef struct {
    float *data;
    int64_t rows, n;
} export_c_matrix;
/* The same for weights, with int8 as integers and a second array model_name_scale; data is then
 * replaced by what the integers stand for. */
base_status export_c_weights(export_c *e, const char *name, export_c_matrix m);

/* ---- c_audio.c ---- */

/* Values and settings of the way from a sound to the network's input. */
base_status export_c_audio(export_c *e);

/* ---- c_graph.c ---- */

/* Finds buffers and lengths, then writes all layers to e->constants and e->body. */
base_status export_c_network(export_c *e);

/* ---- c_call.c ---- */

/* One layer to be written. */
typedef struct {
    export_c *e;
    int index;
    nn_graph_node node;
    const nn_graph_node *norm; /* conv2d: the batch_norm done with it, or NULL */
    const char *x[NN_MAX_INPUTS], *y;
    const char *n_in, *n_out; /* valid frames, C expressions; NULL: all, or none */
} export_c_call;

/* Valid frames of the first input and of the output, as C expressions. */
const char *export_c_frames_in(const export_c_call *call);
const char *export_c_frames_out(const export_c_call *call);
/* Whether it reads the network's input, the only value that is not zero past its length. */
bool export_c_is_raw(const export_c_call *call);
/* Writes a call that zeroes what follows the valid frames of y, if anything does. */
void export_c_clear(const export_c_call *call);
/* Writes a tensor as a constant; its name in C, or "NULL" if the layer has none of that name. */
const char *export_c_tensor(const export_c_call *call, const char *name);
/* Writes a call of an elementwise layer's function, and that before it. */
base_status export_c_map_call(const export_c_call *call);
/* Writes a call of model_LAYER(...), which takes x, y and, under the names of parameters:
 *
 * - n, n_out: the valid frames of x and of y;
 * - channels, f, t of an image; t, features of a sequence; features of a vector; the same of the
 * output with out_ before; rows, width of any input as a matrix, whose rows are the frames of a
 * sequence, else one; count: all numbers of the input;
 * - tensors of the layer as pointers, NULL where it has none of that name;
 * - options of the layer that are a number, a choice (its index) or a yes or no.
 *
 * Frames of y past its length are zeroed behind it. ESHAPE for any other parameter. */
base_status export_c_function_call(const export_c_call *call);

/* ---- c_layers.c ---- */

bool export_c_knows(const nn_layer *layer);
/* Whether y = x (flatten, dropout), or y may lie where x does. */
bool export_c_is_identity(const nn_graph_node *node);
bool export_c_works_in_place(const nn_graph_node *node);
base_status export_c_layer(const export_c_call *call);
/* Frames of the network's windows: span of the kernel, zeros, stride. False for layers without. */
bool export_c_window(const nn_graph_node *node, int64_t *span, int64_t *zeros, int64_t *stride);

/* ---- c_test.c ---- */

/* Values of the header's own test. */
base_status export_c_test(export_c *e);

/* ---- c_verify.c ---- */

/* Compiles the header with the system's compiler and runs it on synthesised drums. */
base_status export_c_verify(infer_model *model, const infer_export_options *options,
                            const char *path, base_text *report, base_error *err);

#endif
