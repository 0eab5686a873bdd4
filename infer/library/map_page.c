#include <math.h>
#include <string.h>
#include <strings.h>

#include "infer/library/map.h"

extern const char infer_library_web_map[]; /* infer/library/web/map.html */

static const char marker[] = "/*DATA*/null"; /* where the page has the sounds */
enum { PLACES = 65535 };                     /* of a coordinate */
#define MOST_INLINED ((size_t)64 << 20)

static base_status no_memory(const char *path, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "writing %s: out of memory", path);
}

/* ---- where a sound lies ---- */

/* A path as part of an address. */
static void add_address(base_text *out, const char *path) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-._~/";
    for (; *path; path++) {
        if (strchr(plain, *path) != NULL) {
            base_text_add_bytes(out, path, 1);
        } else {
            base_text_printf(out, "%%%02X", (unsigned char)*path);
        }
    }
}

/* "" or "../sounds/": the way from the page to the folder of the index. */
static base_status add_folder(const library_map *map, const char *path, base_arena *arena,
                              base_text *out, base_error *err) {
    const char *from = base_path_folder(arena, path), *to = base_path_folder(arena, map->path);
    const char *way;
    if (from == NULL || to == NULL) return no_memory(path, err);
    BASE_TRY(base_path_between(from, to, arena, &way, err));
    base_text_add(out, "\"");
    if (strcmp(way, ".") != 0) {
        add_address(out, way);
        base_text_add(out, "/");
    }
    base_text_add(out, "\"");
    return BASE_OK;
}

/* Names that are no UTF-8 have an address that cannot be told from them. */
static base_status add_addresses(const library_map *map, const char *path, base_arena *arena,
                                 base_text *out, base_error *err) {
    bool first = true;
    for (int64_t i = 0; i < map->n; i++) {
        const char *name = map->index->entries[map->entry[i]].name;
        const char *text = base_path_text(arena, name);
        if (text == NULL) return no_memory(path, err);
        if (strcmp(text, name) == 0) continue;
        base_text_printf(out, "%s\"%lld\":\"", first ? "" : ",", (long long)i);
        add_address(out, name);
        base_text_add(out, "\"");
        first = false;
    }
    return BASE_OK;
}

/* ---- sounds in the page ---- */

static const char *media_type(const char *name) {
    static const char *const types[][2] = {
        {"wav", "audio/wav"},  {"flac", "audio/flac"}, {"mp3", "audio/mpeg"},
        {"ogg", "audio/ogg"},  {"oga", "audio/ogg"},   {"opus", "audio/ogg"},
        {"aif", "audio/aiff"}, {"aiff", "audio/aiff"}, {"aifc", "audio/aiff"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcasecmp(base_path_extension(name), types[i][0]) == 0) return types[i][1];
    }
    return "application/octet-stream";
}

static void add_base64(base_text *out, const unsigned char *bytes, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (left > 1) group |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2) group |= bytes[i + 2];
        const char four[4] = {digits[group >> 18], digits[group >> 12 & 63],
                              left > 1 ? digits[group >> 6 & 63] : '=',
                              left > 2 ? digits[group & 63] : '='};
        base_text_add_bytes(out, four, sizeof four);
    }
}

static base_status add_sounds(const library_map *map, base_arena *arena, base_text *out,
                              base_error *err) {
    size_t total = 0;
    for (int64_t i = 0; i < map->n; i++) {
        const library_entry *entry = &map->index->entries[map->entry[i]];
        const char *path = library_entry_path(entry, map->path, arena);
        void *bytes;
        size_t n;
        if (path == NULL) return no_memory("the map", err);
        total += (size_t)entry->stamp.size_bytes;
        if (total > MOST_INLINED) {
            return base_fail(err, BASE_EDATA, "--inline: more than 64 MiB of sounds");
        }
        BASE_TRY(base_file_read(path, MOST_INLINED, &bytes, &n, err));
        base_text_printf(out, "%s\"data:%s;base64,", i > 0 ? "," : "", media_type(entry->name));
        add_base64(out, bytes, n);
        base_text_add(out, "\"");
        base_free(bytes);
    }
    return BASE_OK;
}

/* ---- the numbers ---- */

static int place_of(double coordinate) {
    double place = (coordinate + 1.1) / 2.2 * PLACES;
    return (int)fmin(fmax(place, 0), PLACES);
}

static void add_integer(base_text *out, int64_t i, int64_t value) {
    base_text_printf(out, i > 0 ? ",%lld" : "%lld", (long long)value);
}

/* To so many decimals; null if there is none. */
static void add_decimal(base_text *out, int64_t i, double value, int decimals) {
    if (i > 0) base_text_add(out, ",");
    if (isnan(value)) {
        base_text_add(out, "null");
    } else {
        base_text_printf(out, "%.*f", decimals, value);
    }
}

static void add_columns(const library_map *map, base_text *out) {
    const library_index *index = map->index;
    base_text_add(out, ",\"x\":[");
    for (int64_t i = 0; i < map->n; i++) add_integer(out, i, place_of(map->xy[2 * i]));
    base_text_add(out, "],\"y\":[");
    for (int64_t i = 0; i < map->n; i++) add_integer(out, i, place_of(-map->xy[2 * i + 1]));
    base_text_add(out, "],\"kind\":[");
    for (int64_t i = 0; i < map->n; i++) {
        int best = index->entries[map->entry[i]].best;
        add_integer(out, i, best >= 0 ? best : index->n_classes);
    }
    base_text_add(out, "],\"confidence\":[");
    for (int64_t i = 0; i < map->n; i++) {
        add_integer(out, i, llround(100 * library_entry_confidence(index, map->entry[i])));
    }
    base_text_add(out, "],\"pitch\":[");
    for (int64_t i = 0; i < map->n; i++) {
        add_decimal(out, i, index->entries[map->entry[i]].pitch_hz, 1);
    }
    base_text_add(out, "],\"loudness\":[");
    for (int64_t i = 0; i < map->n; i++) {
        add_decimal(out, i, index->entries[map->entry[i]].loudness_lufs, 1);
    }
    base_text_add(out, "],\"seconds\":[");
    for (int64_t i = 0; i < map->n; i++) {
        add_decimal(out, i, index->entries[map->entry[i]].seconds, 3);
    }
    base_text_add(out, "],\"radius\":[");
    for (int64_t i = 0; i < map->n; i++) {
        double loudness = index->entries[map->entry[i]].loudness_lufs;
        add_decimal(out, i, library_bubble_radius(loudness), 1);
    }
    base_text_add(out, "]");
}

static void add_names(const library_map *map, base_text *out) {
    const library_index *index = map->index;
    base_text_add(out, ",\"classes\":[");
    for (int c = 0; c <= index->n_classes; c++) {
        bool known = c < index->n_classes;
        base_text_printf(out, "%s[\"%s\",", c > 0 ? "," : "",
                         library_class_color(known ? c : INFER_UNKNOWN));
        base_text_add_json(out, known ? index->classes[c] : "unknown");
        base_text_add(out, "]");
    }
    base_text_add(out, "],\"names\":[");
    for (int64_t i = 0; i < map->n; i++) {
        if (i > 0) base_text_add(out, ",");
        base_text_add_json_path(out, index->entries[map->entry[i]].name);
    }
    base_text_add(out, "]");
}

static base_status add_data(const library_map *map, const char *path, bool inlined, base_text *out,
                            base_error *err) {
    base_arena arena = {0};
    base_text_add(out, "{\"folder\":");
    base_status status = add_folder(map, path, &arena, out, err);
    add_names(map, out);
    add_columns(map, out);
    base_text_add(out, ",\"addresses\":{");
    if (status == BASE_OK) status = add_addresses(map, path, &arena, out, err);
    base_text_add(out, "},\"sounds\":[");
    if (status == BASE_OK && inlined) status = add_sounds(map, &arena, out, err);
    base_text_add(out, "]}");
    base_arena_release(&arena);
    return status;
}

base_status library_map_add_page(const library_map *map, const char *path, bool inlined,
                                 base_text *out, base_error *err) {
    const char *page = infer_library_web_map, *place = strstr(page, marker);
    base_text data = {0};
    BASE_CHECK(place != NULL);
    base_status status = add_data(map, path, inlined, &data, err);
    if (status == BASE_OK && data.failed) status = no_memory(path, err);
    base_text_add_bytes(out, page, (size_t)(place - page));
    const char *text = base_text_string(&data);
    for (const char *mark; (mark = strchr(text, '<')) != NULL; text = mark + 1) {
        base_text_add_bytes(out, text, (size_t)(mark - text));
        base_text_add(out, "\\u003c"); /* no name may end the script */
    }
    base_text_add(out, text);
    base_text_add(out, place + sizeof marker - 1);
    base_text_release(&data);
    return status;
}
