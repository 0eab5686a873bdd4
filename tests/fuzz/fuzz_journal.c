/* Journals of organised libraries. The input is lines without their digests, which are put behind
 * them. */
#include "infer/library/journal.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { DIGEST_DIGITS = 16 };

static void add_lines(const char *text, base_text *out) {
    for (const char *line = text; *line != '\0';) {
        char hex[33];
        size_t n = strcspn(line, "\n");
        base_digest_hex(base_digest_bytes(line, n), hex);
        base_text_printf(out, "%.*s %.*s\n", (int)n, line, DIGEST_DIGITS, hex);
        line += n + (line[n] == '\n');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    base_arena arena = {0};
    base_error err = {0};
    base_text text = {0};
    library_journal *journals;
    int64_t n;
    add_lines(fuzz_text(data, size), &text);
    fuzz_put(LIBRARY_JOURNAL_FOLDER "/1.journal", text.data, text.size);
    if (fuzz_took(library_journals_read(fuzz_folder(), &arena, &journals, &n, &err), &err)) {
        for (int64_t i = 0; i < n; i++) {
            const library_plan *plan = &journals[i].plan;
            for (int64_t k = 0; k < plan->n_operations; k++) {
                const char *to = plan->operations[k].to;
                fuzz_need(to[0] != '/' && strncmp(to, "../", 3) != 0, "a path in the library");
                fuzz_need(journals[i].states[k] <= LIBRARY_UNDONE, "a state");
            }
        }
    }
    base_text_release(&text);
    base_arena_release(&arena);
    return 0;
}
