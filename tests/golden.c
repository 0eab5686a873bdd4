#include "tests/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

enum { MAX_ARRAYS = 1024 };

typedef struct {
    char name[96];
    int64_t shape[8], n;
    int rank;
    float *data;
} array;

struct golden {
    array arrays[MAX_ARRAYS];
    int n;
};

static void read_numbers(FILE *file, array *a, bool is_double) {
    a->data = malloc((size_t)(a->n > 0 ? a->n : 1) * sizeof *a->data);
    ck_assert_ptr_nonnull(a->data);
    for (int64_t i = 0; i < a->n; i++) {
        double wide = 0;
        float narrow = 0;
        size_t got =
            is_double ? fread(&wide, sizeof wide, 1, file) : fread(&narrow, sizeof narrow, 1, file);
        ck_assert_msg(got == 1, "%s: cut short", a->name);
        a->data[i] = is_double ? (float)wide : narrow;
    }
}

static void parse_header(char *line, array *a, bool *is_double) {
    char *save = NULL;
    const char *name = strtok_r(line, " \n", &save);
    const char *type = strtok_r(NULL, " \n", &save);
    ck_assert_msg(name && type && strlen(name) < sizeof a->name, "malformed golden header");
    strcpy(a->name, name);
    *is_double = strcmp(type, "f8") == 0;
    a->n = 1;
    for (char *dim; (dim = strtok_r(NULL, " \n", &save)) != NULL;) {
        ck_assert_int_lt(a->rank, 8);
        a->shape[a->rank] = strtoll(dim, NULL, 10);
        a->n *= a->shape[a->rank++];
    }
}

golden *golden_open(const char *name) {
    char relative[128], line[256];
    snprintf(relative, sizeof relative, "golden/%s.bin", name);
    FILE *file = fopen(test_path(relative), "rb");
    ck_assert_msg(file != NULL, "tests/%s: cannot open", relative);
    golden *g = calloc(1, sizeof *g);
    ck_assert_ptr_nonnull(g);
    while (fgets(line, sizeof line, file)) {
        ck_assert_int_lt(g->n, MAX_ARRAYS);
        bool is_double;
        parse_header(line, &g->arrays[g->n], &is_double);
        read_numbers(file, &g->arrays[g->n++], is_double);
    }
    fclose(file);
    return g;
}

void golden_close(golden *g) {
    for (int i = 0; i < g->n; i++) free(g->arrays[i].data);
    free(g);
}

static const array *find(const golden *g, const char *name) {
    for (int i = 0; i < g->n; i++) {
        if (strcmp(g->arrays[i].name, name) == 0) return &g->arrays[i];
    }
    return NULL;
}

const float *golden_get(golden *g, const char *name, int64_t *n) {
    const array *a = find(g, name);
    ck_assert_msg(a != NULL, "golden array '%s' is missing", name);
    if (n) *n = a->n;
    return a->data;
}

int golden_has(const golden *g, const char *name) {
    return find(g, name) != NULL;
}

int golden_shape(const golden *g, const char *name, int64_t shape[8]) {
    const array *a = find(g, name);
    ck_assert_msg(a != NULL, "golden array '%s' is missing", name);
    memcpy(shape, a->shape, sizeof a->shape);
    return a->rank;
}

const char *golden_name(const golden *g, int i) {
    return i < g->n ? g->arrays[i].name : NULL;
}
