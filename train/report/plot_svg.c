#include "train/report/plot_svg.h"

#include <string.h>

typedef struct {
    const char *start;
    size_t size;
} id;

typedef struct {
    id *items;
    size_t n, capacity;
} ids;

/* The id's number, from 1; 0 when out of memory. */
static size_t number_of(ids *known, id wanted) {
    for (size_t i = 0; i < known->n; i++) {
        const id *item = &known->items[i];
        if (item->size == wanted.size && memcmp(item->start, wanted.start, wanted.size) == 0) {
            return i + 1;
        }
    }
    void *items = known->items;
    if (!base_grow(&items, &known->capacity, known->n + 1, sizeof *known->items)) return 0;
    known->items = items;
    known->items[known->n++] = wanted;
    return known->n;
}

/* The nearest place after which an id is named, and what ends it; NULL: no more. One pass: a
 * picture has many uses of an id, and few of them are definitions. */
static const char *next_id(const char *svg, char *closing) {
    static const struct {
        const char *opening;
        char closing;
    } places[] = {{" id=\"", '"'}, {"href=\"#", '"'}, {"url(#", ')'}};
    for (svg = strpbrk(svg, " hu"); svg != NULL; svg = strpbrk(svg + 1, " hu")) {
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            size_t n = strlen(places[i].opening);
            if (strncmp(svg, places[i].opening, n) != 0) continue;
            *closing = places[i].closing;
            return svg + n;
        }
    }
    return NULL;
}

void train_svg_rename_ids(const char *svg, const char *prefix, base_text *out) {
    ids known = {0};
    char closing = 0;
    for (const char *start; (start = next_id(svg, &closing)) != NULL;) {
        const char *end = strchr(start, closing);
        if (end == NULL) break;
        base_text_add_bytes(out, svg, (size_t)(start - svg));
        size_t number = number_of(&known, (id){start, (size_t)(end - start)});
        out->failed |= number == 0;
        base_text_printf(out, "%s-%zu", prefix, number);
        svg = end;
    }
    base_text_add(out, svg);
    base_free(known.items);
}
