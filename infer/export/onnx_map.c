/* Elementwise layers: their nn_function.onnx, nested calls of operators, as nodes. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "infer/export/onnx_layers.h"

enum { MAX_ARGUMENTS = 4, MAX_NAME = 32 };

typedef struct {
    infer_onnx *onnx;
    infer_onnx_value x;
    const float *p;
    const char *at; /* what is still to be read */
} reader;

typedef struct {
    char text[MAX_NAME];
} name;

static name read_name(reader *r) {
    name n = {""};
    size_t length = 0;
    while (isalnum((unsigned char)r->at[length]) || r->at[length] == '_') length++;
    BASE_CHECK(length > 0 && length < sizeof n.text);
    memcpy(n.text, r->at, length);
    r->at += length;
    return n;
}

static bool accept(reader *r, char c) {
    r->at += strspn(r->at, " ");
    bool is_next = *r->at == c;
    r->at += is_next;
    return is_next;
}

/* A number, or p0 or p1. */
static double read_number(reader *r) {
    if (*r->at == 'p') {
        BASE_CHECK(r->at[1] == '0' || r->at[1] == '1');
        r->at += 2;
        return r->p[r->at[-1] - '0'];
    }
    char *end;
    double value = strtod(r->at, &end);
    BASE_CHECK(end > r->at);
    r->at = end;
    return value;
}

/* x, a number, or OPERATOR(value, ..., attribute=number). */
static infer_onnx_value read_value(reader *r) {
    infer_onnx_value in[MAX_ARGUMENTS], y;
    name attribute = {""};
    double number = 0;
    int n = 0;
    if (accept(r, 'x')) return r->x;
    if (!isupper((unsigned char)*r->at)) return infer_onnx_float(r->onnx, read_number(r));
    name op = read_name(r);
    bool opens = accept(r, '(');
    BASE_CHECK(opens);
    do {
        r->at += strspn(r->at, " ");
        size_t word = strcspn(r->at, "=(),");
        if (r->at[word] == '=') {
            attribute = read_name(r);
            r->at++;
            number = read_number(r);
        } else {
            BASE_CHECK(n < MAX_ARGUMENTS);
            in[n++] = read_value(r);
        }
    } while (accept(r, ','));
    bool closes = accept(r, ')');
    BASE_CHECK(closes);
    y = infer_onnx_op(r->onnx, op.text, n, in);
    if (attribute.text[0] != '\0') infer_onnx_set_float(r->onnx, attribute.text, number);
    return y;
}

infer_onnx_value infer_onnx_map(const infer_onnx_layer *call) {
    nn_function f;
    BASE_CHECK(nn_layer_function(call->node.layer, call->node.options, &f));
    reader r = {call->onnx, call->x[0], f.map.p, f.onnx};
    infer_onnx_value y = read_value(&r);
    BASE_CHECK(*r.at == '\0');
    return y;
}
