#include "infer/library/map.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "data/contents.h"
#include "infer/library/tsne.h"

/* Around the first of several copies: the golden angle, and so far out. */
#define COPY_ANGLE  2.399963229728653
#define COPY_RADIUS 0.003

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "map: out of memory");
}

/* ---- places ---- */

typedef struct {
    const library_map_job *job;
    library_map *map;
    base_arena scratch;
    data_content *contents; /* [n] of the map's sounds, sorted */
    int64_t *first;         /* [n] the first copy of each; itself where it is that */
    int64_t *place;         /* [n] its row among the different ones */
    float *x;               /* [n_different, width], of unit length */
    int64_t n_different;
} placing;

static base_status list_heard(placing *p, base_error *err) {
    const library_index *index = p->job->index;
    library_map *map = p->map;
    map->entry = base_alloc((size_t)index->n, sizeof *map->entry);
    if (map->entry == NULL) return no_memory(err);
    for (int64_t i = 0; i < index->n; i++) {
        if (index->entries[i].error == NULL) map->entry[map->n++] = i;
    }
    map->xy = base_alloc(2 * (size_t)map->n + 1, sizeof *map->xy);
    if (map->xy == NULL) return no_memory(err);
    if (map->n > 0) return BASE_OK;
    return base_fail(err, BASE_EDATA, "%s: no sound in it was heard", p->job->path);
}

static base_status find_copies(placing *p, base_error *err) {
    const library_map *map = p->map;
    size_t n = (size_t)map->n;
    p->contents = base_arena_alloc(&p->scratch, n, sizeof *p->contents);
    p->first = base_arena_alloc(&p->scratch, n, sizeof *p->first);
    p->place = base_arena_alloc(&p->scratch, n, sizeof *p->place);
    if (p->contents == NULL || p->first == NULL || p->place == NULL) return no_memory(err);
    for (int64_t i = 0; i < map->n; i++) {
        p->contents[i] = (data_content){map->index->entries[map->entry[i]].content, i};
    }
    data_contents_sort(p->contents, map->n);
    for (int64_t i = 0; i < map->n; i++) {
        base_digest content = map->index->entries[map->entry[i]].content;
        p->first[i] = data_contents_find(p->contents, map->n, content)->item;
        p->place[i] = p->n_different;
        p->n_different += p->first[i] == i;
    }
    return BASE_OK;
}

static base_status gather(placing *p, base_error *err) {
    const library_index *index = p->job->index;
    int64_t width = index->width;
    p->x = base_alloc((size_t)(p->n_different * width), sizeof *p->x);
    if (p->x == NULL) return no_memory(err);
    for (int64_t i = 0; i < p->map->n; i++) {
        const float *from = index->embedding + p->map->entry[i] * width;
        float *to = p->x + p->place[i] * width;
        double square = 0;
        if (p->first[i] != i) continue;
        for (int64_t c = 0; c < width; c++) square += (double)from[c] * (double)from[c];
        float scale = square > 0 ? (float)(1 / sqrt(square)) : 0;
        for (int64_t c = 0; c < width; c++) to[c] = from[c] * scale;
    }
    return BASE_OK;
}

/* Spreads the places of the different ones over all. */
static void place_all(placing *p, const double *xy) {
    const data_content *contents = p->contents;
    int64_t n_before = 0; /* copies in front of this one */
    for (int64_t c = 0; c < p->map->n; c++) {
        int64_t i = contents[c].item, place = p->place[p->first[i]];
        n_before = p->first[i] == i ? 0 : n_before + 1;
        double radius = COPY_RADIUS * sqrt((double)n_before), angle = COPY_ANGLE * (double)n_before;
        p->map->xy[2 * i] = xy[2 * place] + radius * cos(angle);
        p->map->xy[2 * i + 1] = xy[2 * place + 1] + radius * sin(angle);
    }
}

static base_status place_sounds(placing *p, base_error *err) {
    BASE_TRY(list_heard(p, err));
    BASE_TRY(find_copies(p, err));
    BASE_TRY(gather(p, err));
    double *xy = base_alloc(2 * (size_t)p->n_different, sizeof *xy);
    if (xy == NULL) return no_memory(err);
    library_tsne tsne = {.x = p->x,
                         .n = p->n_different,
                         .width = p->job->index->width,
                         .perplexity = p->job->perplexity,
                         .seed = p->job->seed,
                         .pool = p->job->pool,
                         .progress = p->job->progress,
                         .context = p->job->context};
    base_status status = library_tsne_run(&tsne, xy, err);
    if (status == BASE_OK) place_all(p, xy);
    base_free(xy);
    return status;
}

base_status library_map_make(const library_map_job *job, library_map *map, base_error *err) {
    *map = (library_map){.index = job->index, .path = job->path};
    placing p = {.job = job, .map = map};
    base_status status = place_sounds(&p, err);
    base_free(p.x);
    base_arena_release(&p.scratch);
    if (status != BASE_OK) library_map_release(map);
    return status;
}

void library_map_release(library_map *map) {
    base_free(map->entry);
    base_free(map->xy);
    *map = (library_map){0};
}

/* ---- looks ---- */

const char *library_class_color(int class_index) {
    static const char *const colors[] = {"#4c78a8", "#f58518", "#e45756", "#54a24b", "#b279a2",
                                         "#d8a800", "#2fa5a0", "#ff7f93", "#9d755d", "#6f5fc6",
                                         "#2a9fd6", "#8fae3a", "#d0559f", "#7189a0"};
    if (class_index < 0) return "#9a9a9a";
    return colors[class_index % (int)(sizeof colors / sizeof *colors)];
}

double library_bubble_radius(double loudness_lufs) {
    double share = (loudness_lufs + 50) / 45;
    return 2 + 5 * (share > 0 ? fmin(share, 1) : 0);
}

/* ---- table and picture ---- */

static void add_number(base_text *out, double value) {
    base_text_add(out, ",");
    if (!isnan(value)) base_text_printf(out, "%.6g", value);
}

static void add_csv(const library_map *map, base_text *out) {
    const library_index *index = map->index;
    base_text_add(out, "path,x,y,class,confidence,pitch_hz,loudness_lufs,seconds\n");
    for (int64_t i = 0; i < map->n; i++) {
        const library_entry *e = &index->entries[map->entry[i]];
        base_text_add_csv_path(out, e->name);
        base_text_printf(out, ",%.6f,%.6f,", map->xy[2 * i], map->xy[2 * i + 1]);
        base_text_add_csv(out, library_entry_class(index, map->entry[i]));
        base_text_printf(out, ",%.6f", library_entry_confidence(index, map->entry[i]));
        add_number(out, e->pitch_hz);
        add_number(out, e->loudness_lufs);
        add_number(out, e->seconds);
        base_text_add(out, "\n");
    }
}

enum { SIDE = 1000, MARGIN = 20, LEGEND = 190, LINE = 24, MOST_TITLES = 5000 };

static void add_bubble(const library_map *map, int64_t i, base_text *out) {
    const library_entry *e = &map->index->entries[map->entry[i]];
    double scale = SIDE / 2.0 - MARGIN, many = sqrt(2000.0 / (double)map->n);
    double radius = library_bubble_radius(e->loudness_lufs) * fmax(0.35, fmin(1, many));
    base_text_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"",
                     SIDE / 2.0 + scale * map->xy[2 * i], SIDE / 2.0 - scale * map->xy[2 * i + 1],
                     radius);
    if (map->n > MOST_TITLES) {
        base_text_add(out, "/>\n");
        return;
    }
    base_text_add(out, "><title>");
    base_text_add_html(out, e->name);
    base_text_add(out, "</title></circle>\n");
}

/* The bubbles of a class, and its line of the legend; nothing if it has none. */
static void add_class(const library_map *map, int class_index, int *n_lines, base_text *out) {
    const library_index *index = map->index;
    const char *color = library_class_color(class_index);
    int64_t n = 0;
    char number[32];
    for (int64_t i = 0; i < map->n; i++) {
        if (index->entries[map->entry[i]].best != class_index) continue;
        if (n++ == 0) base_text_printf(out, "<g fill=\"%s\" fill-opacity=\".75\">\n", color);
        add_bubble(map, i, out);
    }
    if (n == 0) return;
    int y = MARGIN + 10 + LINE * (*n_lines)++;
    base_text_printf(out,
                     "</g>\n<circle cx=\"%d\" cy=\"%d\" r=\"6\" fill=\"%s\"/>\n<text x=\"%d\" "
                     "y=\"%d\">",
                     SIDE + 14, y, color, SIDE + 30, y + 5);
    base_text_add_html(out, class_index >= 0 ? index->classes[class_index] : "unknown");
    base_text_printf(out, " <tspan fill=\"#777\">%s</tspan></text>\n", base_thousands(n, number));
}

static void add_svg(const library_map *map, base_text *out) {
    int n_lines = 0;
    char number[32];
    base_text_printf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
        "font-family=\"sans-serif\" font-size=\"15\">\n<title>%s sounds: near ones "
        "sound alike</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        SIDE + LEGEND, SIDE, base_thousands(map->n, number));
    for (int c = 0; c < map->index->n_classes; c++) add_class(map, c, &n_lines, out);
    add_class(map, INFER_UNKNOWN, &n_lines, out);
    base_text_add(out, "</svg>\n");
}

/* ---- files ---- */

static bool ends_in(const char *path, const char *extension) {
    return strcasecmp(base_path_extension(path), extension) == 0;
}

base_status library_map_check(const char *path, base_error *err) {
    if (ends_in(path, "csv") || ends_in(path, "svg") || ends_in(path, "html")) return BASE_OK;
    return base_fail(err, BASE_EUSAGE, "%s: the name must end in .html, .svg or .csv", path);
}

base_status library_map_write(const library_map *map, const char *path, bool inlined,
                              base_error *err) {
    base_text out = {0};
    base_status status = library_map_check(path, err);
    if (status == BASE_OK && ends_in(path, "csv")) add_csv(map, &out);
    if (status == BASE_OK && ends_in(path, "svg")) add_svg(map, &out);
    if (status == BASE_OK && ends_in(path, "html")) {
        status = library_map_add_page(map, path, inlined, &out, err);
    }
    if (status == BASE_OK) status = base_file_write_text(path, &out, err);
    base_text_release(&out);
    return status;
}
