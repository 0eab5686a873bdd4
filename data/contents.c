#include "data/contents.h"

#include <stdlib.h>

static int compare_digests(base_digest a, base_digest b) {
    if (a.high != b.high) return a.high < b.high ? -1 : 1;
    return (a.low > b.low) - (a.low < b.low);
}

static int compare_contents(const void *a, const void *b) {
    const data_content *x = a, *y = b;
    int order = compare_digests(x->content, y->content);
    return order != 0 ? order : (x->item > y->item) - (x->item < y->item);
}

void data_contents_sort(data_content *contents, int64_t n) {
    qsort(contents, (size_t)n, sizeof *contents, compare_contents);
}

bool data_content_is_nothing(base_digest content) {
    return content.low == 0 && content.high == 0;
}

const data_content *data_contents_find(const data_content *contents, int64_t n,
                                       base_digest content) {
    if (data_content_is_nothing(content)) return NULL;
    int64_t begin = 0, end = n;
    while (begin < end) {
        int64_t middle = begin + (end - begin) / 2;
        if (compare_digests(contents[middle].content, content) < 0) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin < n && base_digest_equal(contents[begin].content, content) ? &contents[begin]
                                                                            : NULL;
}
