#include "infer/refusal.h"

#include <string.h>

#define FIELD(name) offsetof(infer_refusal_options, name)
const base_option infer_refusal_table[] = {
    {"class", BASE_OPT_STRING, FIELD(class_name), "~", 0, 0, NULL, NULL,
     "the class that stands for what is none of the others; none: there is no such class"},
    {"above", BASE_OPT_FLOAT, FIELD(above), "0.5", 0, 1, NULL, NULL,
     "a sound is unknown if the probability of that class is above this; otherwise it is the most "
     "probable of the others"},
    {"above_for", BASE_OPT_NODE, FIELD(above_for), NULL, 0, 0, NULL, NULL,
     "a map from other classes to bounds: what counts in place of `above` if that class is the "
     "most "
     "probable of the others"},
    {"least", BASE_OPT_NODE, FIELD(least), NULL, 0, 0, NULL, NULL,
     "a map from other classes to probabilities: a sound of that class is unknown if it is less "
     "probable than this"},
    {0}};
#undef FIELD

static int find_class(const infer_classes *classes, const char *name) {
    for (int c = 0; c < classes->n; c++) {
        if (strcmp(classes->names[c], name) == 0) return c;
    }
    return -1;
}

/* One entry of a map of bounds. */
static base_status bind_bound(const base_node *entry, const infer_classes *classes, double *bound,
                              base_error *err) {
    double value = 0;
    int c = find_class(classes, entry->key);
    if (c < 0) {
        return base_node_fail(entry, err, BASE_ECONFIG, "there is no class '%s'", entry->key);
    }
    bool is_number = entry->text != NULL && base_parse_double(entry->text, &value);
    if (!is_number || !(value >= 0 && value <= 1)) {
        return base_node_fail(entry, err, BASE_ECONFIG, "must be a number from 0 to 1");
    }
    bound[c] = value;
    return BASE_OK;
}

static base_status bind_bounds(const base_node *map, const infer_classes *classes, double *bound,
                               base_error *err) {
    if (map == NULL || base_node_is_null(map)) return BASE_OK;
    if (map->kind != BASE_NODE_MAP) {
        return base_node_fail(map, err, BASE_ECONFIG, "must be a map from classes to numbers");
    }
    for (const base_node *entry = map->child; entry != NULL; entry = entry->next) {
        BASE_TRY(bind_bound(entry, classes, bound, err));
    }
    return BASE_OK;
}

base_status infer_refusal_bind(base_node *map, const infer_classes *classes, base_arena *arena,
                               infer_refusal *refusal, base_error *err) {
    infer_refusal_options options = {.above = 1};
    double *above = base_arena_alloc(arena, (size_t)classes->n, sizeof *above);
    double *least = base_arena_alloc(arena, (size_t)classes->n, sizeof *least);
    if (above == NULL || least == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    if (map != NULL && !base_node_is_null(map)) {
        BASE_TRY(base_options_bind(infer_refusal_table, map, &options, arena, err));
    }
    *refusal = (infer_refusal){INFER_NONE_REFUSED, above, least};
    for (int c = 0; c < classes->n; c++) above[c] = options.above;
    if (options.class_name != NULL) {
        refusal->class_index = find_class(classes, options.class_name);
        if (refusal->class_index < 0 || classes->n < 2) {
            return base_node_fail(map, err, BASE_ECONFIG, "'%s' is not one of several classes",
                                  options.class_name);
        }
    }
    BASE_TRY(bind_bounds(options.above_for, classes, above, err));
    return bind_bounds(options.least, classes, least, err);
}

infer_decision infer_refusal_judge(const infer_refusal *refusal, const float *probability,
                                   int n_classes) {
    int refused = refusal->class_index, best = -1;
    for (int c = 0; c < n_classes; c++) {
        if (c != refused && (best < 0 || probability[c] > probability[best])) best = c;
    }
    if (refused >= 0 && (double)probability[refused] > refusal->above[best]) {
        return (infer_decision){INFER_UNKNOWN, refused, refusal->above[best]};
    }
    if ((double)probability[best] < refusal->least[best]) {
        return (infer_decision){INFER_UNKNOWN, best, refusal->least[best]};
    }
    return (infer_decision){best, INFER_NO_CAUSE, 0};
}

int infer_refusal_decide(const infer_refusal *refusal, const float *probability, int n_classes) {
    return infer_refusal_judge(refusal, probability, n_classes).answer;
}

void infer_refusal_add_reason(const infer_refusal *refusal, const infer_classes *classes,
                              const float *probability, base_text *out) {
    infer_decision said = infer_refusal_judge(refusal, probability, classes->n);
    if (said.cause == INFER_NO_CAUSE) return;
    base_text_add_shown(out, classes->names[said.cause]);
    base_text_printf(out, " %.2f, %s than %.2f", (double)probability[said.cause],
                     said.cause == refusal->class_index ? "more" : "less", said.bound);
}
