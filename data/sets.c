#include "data/sets.h"

void data_sets_init(int64_t *parent, int64_t n) {
    for (int64_t i = 0; i < n; i++) parent[i] = i;
}

int64_t data_sets_find(int64_t *parent, int64_t member) {
    while (parent[member] != member) {
        parent[member] = parent[parent[member]];
        member = parent[member];
    }
    return member;
}

void data_sets_join(int64_t *parent, int64_t a, int64_t b) {
    a = data_sets_find(parent, a);
    b = data_sets_find(parent, b);
    if (a < b) parent[b] = a;
    if (b < a) parent[a] = b;
}

int64_t data_sets_number(int64_t *parent, int64_t n, int64_t *number) {
    int64_t n_sets = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t root = data_sets_find(parent, i);
        number[i] = root == i ? n_sets++ : number[root];
    }
    return n_sets;
}
