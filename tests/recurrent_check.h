/* tests/recurrent_check.h - what the tests of gru, lstm and rnn have in common. */
#ifndef RECURRENT_CHECK_H
#define RECURRENT_CHECK_H

#include "nn/layer.h"

/* One frame in double precision: h and c [hidden] are replaced. `input` is W_ih x + b_ih and
 * `product` W_hh h + b_hh, both [n_gates * hidden]. */
typedef void recurrent_cell(int64_t hidden, const double *input, const double *product, double *h,
                            double *c);

typedef struct {
    const nn_layer *layer;
    const char *more; /* further options: ", nonlinearity: relu", or "" */
    int n_gates;
    recurrent_cell *cell;
} recurrent_subject;

/* Every case that the golden file has for the layer's name. */
void recurrent_check_goldens(const recurrent_subject *subject);
/* Output, and the gradient along a random direction of each tensor, against loops in double. */
void recurrent_check_reference(const recurrent_subject *subject);
void recurrent_check_gradients(const recurrent_subject *subject);
void recurrent_check_threads(const recurrent_subject *subject);
void recurrent_check_lengths(const recurrent_subject *subject);
void recurrent_check_dropout(const recurrent_subject *subject);
void recurrent_check_refusals(const recurrent_subject *subject);

#endif
