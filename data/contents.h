/* data/contents.h - sounds found by their content (data_row.content). */
#ifndef DATA_CONTENTS_H
#define DATA_CONTENTS_H

#include "base/file.h"

typedef struct {
    base_digest content;
    int64_t item; /* whose it is */
} data_content;

void data_contents_sort(data_content *contents, int64_t n); /* by content, then item */
/* The content of a sound that is silent: nothing, which is no copy of nothing. */
bool data_content_is_nothing(base_digest content);
/* The first of them with this content, which must be sorted; NULL if there is none, or it is
 * nothing. */
const data_content *data_contents_find(const data_content *contents, int64_t n,
                                       base_digest content);

#endif
