/* A text that is written into other files reads back as it was: in CSV, JSON and C; and what is
 * shown of it does not act. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "infer/export/c.h"
#include "tests/fuzz/fuzz.h"

static void check_json(const char *text) {
    base_text json = {0};
    base_text_add_json(&json, text);
    cJSON *root = cJSON_ParseWithOpts(base_text_string(&json), NULL, 1);
    fuzz_need(cJSON_IsString(root), "a JSON string");
    fuzz_need(base_utf8_fault(text) != NULL || strcmp(root->valuestring, text) == 0, "JSON");
    cJSON_Delete(root);
    base_text_release(&json);
}

static base_status take_field(void *context, const base_csv *row, base_error *err) {
    (void)err;
    *(const char **)context = base_csv_field(row, 0);
    return BASE_OK;
}

static void check_csv(const char *text) {
    static const char *const columns[] = {"a"};
    base_text csv = {0};
    base_arena arena = {0};
    const char *found = NULL;
    base_text_add(&csv, "a,b\n");
    base_text_add_csv(&csv, text);
    base_text_add(&csv, ",x\n");
    base_csv_form form = {
        .path = fuzz_file(csv.data, csv.size), .columns = columns, .n_columns = 1, .n_needed = 1};
    base_error err = {0};
    fuzz_need(base_csv_read(&form, &arena, take_field, &found, &err) == BASE_OK, err.text);
    fuzz_need(found != NULL, "a field");
    fuzz_need(base_utf8_fault(text) != NULL || strcmp(found, text) == 0, "CSV");
    base_arena_release(&arena);
    base_text_release(&csv);
}

/* As a path the text may hold any bytes. */
static void check_path(const char *text) {
    base_arena arena = {0};
    const char *written = base_path_text(&arena, text);
    fuzz_need(written != NULL && base_utf8_fault(written) == NULL, "a path as text");
    const char *read = base_path_bytes(&arena, written);
    fuzz_need(read != NULL && strcmp(read, text) == 0, "the path that was written");
    base_arena_release(&arena);
}

/* What is shown acts no more, and is shown again as it is. */
static void check_shown(const char *text) {
    base_text shown = {0}, again = {0};
    base_text_add_shown(&shown, text);
    base_text_add_shown(&again, base_text_string(&shown));
    fuzz_need(strcmp(base_text_string(&shown), base_text_string(&again)) == 0, "shown twice");
    for (const char *at = base_text_string(&shown); *at != '\0';) {
        uint32_t code;
        size_t n = base_utf8_decode(at, &code);
        fuzz_need(n > 0 && !base_utf8_is_hidden(code), "seen");
        at += n;
    }
    base_text_release(&shown);
    base_text_release(&again);
}

/* The character that a C string constant has at *at, which moves behind it; -1: none that the
 * standard allows. */
static int c_character(const char **at) {
    static const char escapes[] = "n\nt\tr\r\"\"\\\\??";
    const char *c = *at;
    if (c[0] == '?' && c[1] == '?') return -1; /* perhaps a trigraph */
    *at += 1;
    if (c[0] != '\\') return (unsigned char)c[0] < 0x20 ? -1 : (unsigned char)c[0];
    int value = 0, n = 0;
    while (n < 3 && c[1 + n] >= '0' && c[1 + n] <= '7') value = value * 8 + (c[1 + n++] - '0');
    *at += n > 0 ? n : 1;
    if (n > 0) return value;
    for (size_t i = 0; i + 1 < sizeof escapes; i += 2) {
        if (escapes[i] == c[1]) return escapes[i + 1];
    }
    return -1;
}

static void check_c(const char *text) {
    base_text constant = {0};
    export_c_string(&constant, text);
    const char *at = base_text_string(&constant);
    fuzz_need(*at++ == '"', "a C string");
    for (; *text != '\0'; text++) {
        int c = *at != '"' ? c_character(&at) : -1;
        fuzz_need(c == (unsigned char)*text, "a character of a C string");
    }
    fuzz_need(strcmp(at, "\"") == 0, "the end of a C string");
    base_text_release(&constant);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = fuzz_text(data, size);
    check_json(text);
    check_csv(text);
    check_path(text);
    check_shown(text);
    check_c(text);
    fuzz_took(BASE_OK, NULL);
    return 0;
}
