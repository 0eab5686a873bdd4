#include "data/folds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "data/folds_search.h"
#include "tests/data/fixture.h"
#include "tests/golden.h"

/* ---- the search on bare numbers ---- */

typedef struct {
    int32_t *label, *fold;
    int64_t *group, n, n_classes, k;
} bare;

static bare bare_new(int64_t n, int64_t n_classes, int64_t k) {
    return (bare){.label = base_alloc((size_t)n, sizeof(int32_t)),
                  .fold = base_alloc((size_t)n, sizeof(int32_t)),
                  .group = base_alloc((size_t)n, sizeof(int64_t)),
                  .n = n,
                  .n_classes = n_classes,
                  .k = k};
}

static void bare_free(bare *b) {
    base_free(b->label);
    base_free(b->fold);
    base_free(b->group);
}

static void bare_assign(bare *b, bool stratify, uint64_t seed) {
    base_error err;
    data_folds_list clips = {.label = b->label,
                             .group = b->group,
                             .n = b->n,
                             .n_classes = b->n_classes,
                             .k = b->k,
                             .stratify = stratify,
                             .seed = seed};
    TEST_OK(data_folds_search(&clips, b->fold, &err), err);
}

static void check_whole_groups(const bare *b) {
    for (int64_t i = 0; i < b->n; i++) {
        ck_assert(b->fold[i] >= 0 && b->fold[i] < b->k);
        for (int64_t j = i + 1; j < b->n; j++) {
            if (b->group[i] == b->group[j]) ck_assert_int_eq(b->fold[i], b->fold[j]);
        }
    }
}

typedef struct {
    double largest, squares; /* |share - 1/k|; its squares, over folds and classes */
    double size;             /* largest |size of a fold - n/k| in clips */
    int64_t n_empty;         /* folds without some class */
} quality;

static quality measure(const bare *b) {
    quality q = {0};
    for (int64_t f = 0; f < b->k; f++) {
        int64_t size = 0;
        for (int64_t c = 0; c < b->n_classes; c++) {
            int64_t n = 0, total = 0;
            for (int64_t i = 0; i < b->n; i++) {
                n += b->label[i] == c && b->fold[i] == f;
                total += b->label[i] == c;
            }
            double off = (double)n / (double)total - 1.0 / (double)b->k;
            q.largest = fmax(q.largest, fabs(off));
            q.squares += off * off;
            q.n_empty += n == 0;
            size += n;
        }
        q.size = fmax(q.size, fabs((double)size - (double)b->n / (double)b->k));
    }
    return q;
}

static int64_t largest_group(const bare *b) {
    int64_t largest = 0;
    for (int64_t i = 0; i < b->n; i++) {
        int64_t size = 0;
        for (int64_t j = 0; j < b->n; j++) size += b->group[j] == b->group[i];
        if (size > largest) largest = size;
    }
    return largest;
}

static double golden_number(golden *g, const char *name, const char *what) {
    char key[64];
    snprintf(key, sizeof key, "%s.%s", name, what);
    return golden_get(g, key, NULL)[0];
}

static bare bare_golden(golden *g, const char *name) {
    char key[64];
    int64_t n;
    snprintf(key, sizeof key, "%s.label", name);
    const float *label = golden_get(g, key, &n);
    snprintf(key, sizeof key, "%s.group", name);
    const float *group = golden_get(g, key, NULL);
    bare b = bare_new(n, 0, (int64_t)golden_number(g, name, "k"));
    for (int64_t i = 0; i < n; i++) {
        b.label[i] = (int32_t)label[i];
        b.group[i] = (int64_t)group[i];
        if (b.label[i] >= b.n_classes) b.n_classes = b.label[i] + 1;
    }
    return b;
}

START_TEST(stratifies_no_worse_than_scikit_learn) {
    static const char *const names[] = {"h3", "rare", "ten", "kits14", "kits40", "kits9"};
    golden *g = golden_open("folds");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bare b = bare_golden(g, names[i]);
        double largest = golden_number(g, names[i], "largest");
        double squares = golden_number(g, names[i], "squares");
        for (uint64_t seed = 0; seed < 3; seed++) {
            bare_assign(&b, true, seed);
            quality q = measure(&b);
            check_whole_groups(&b);
            ck_assert_msg(q.largest <= largest * (1 + 1e-6), "%s: largest deviation %g, not %g",
                          names[i], q.largest, largest);
            ck_assert_msg(q.squares <= squares * (1 + 1e-6), "%s: squares %g, not %g", names[i],
                          q.squares, squares);
            ck_assert_msg(q.size <= (double)largest_group(&b), "%s: a fold is off by %g clips",
                          names[i], q.size);
            ck_assert_int_eq(q.n_empty, 0);
        }
        bare_free(&b);
    }
    golden_close(g);
}
END_TEST

/* Every class and every fold within one clip of its share, as must be without groups. */
START_TEST(single_clips_are_spread_evenly) {
    static const int64_t size[] = {101, 53, 29, 7};
    bare b = bare_new(190, 4, 5);
    for (int64_t c = 0, i = 0; c < 4; c++) {
        for (int64_t j = 0; j < size[c]; j++, i++) {
            b.label[i] = (int32_t)c;
            b.group[i] = i;
        }
    }
    bare_assign(&b, true, 3);
    for (int64_t f = 0; f < b.k; f++) {
        int64_t n[4] = {0};
        for (int64_t i = 0; i < b.n; i++) n[b.label[i]] += b.fold[i] == f;
        for (int c = 0; c < 4; c++) {
            ck_assert_int_ge(n[c], size[c] / 5);
            ck_assert_int_le(n[c], size[c] / 5 + 1);
        }
        ck_assert_int_eq(n[0] + n[1] + n[2] + n[3], 38);
    }
    bare_free(&b);
}
END_TEST

static bare many_singles(int64_t n, int64_t n_groups) {
    bare b = bare_new(n, 5, 5);
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < n; i++) {
        b.label[i] = (int32_t)(base_rng_below(&rng, 15) % 5);
        b.group[i] = i < n_groups ? i : base_rng_below(&rng, n_groups);
    }
    return b;
}

START_TEST(the_seed_decides_and_nothing_else) {
    bare a = many_singles(300, 260), b = many_singles(300, 260);
    bare_assign(&a, true, 11);
    bare_assign(&b, true, 11);
    ck_assert_mem_eq(a.fold, b.fold, 300 * sizeof *a.fold);
    bare_assign(&b, true, 12);
    ck_assert_mem_ne(a.fold, b.fold, 300 * sizeof *a.fold);
    bare_free(&a);
    bare_free(&b);
}
END_TEST

START_TEST(without_stratify_sizes_are_even_and_classes_random) {
    bare b = many_singles(1000, 1000);
    bare_assign(&b, false, 5);
    quality q = measure(&b);
    ck_assert_double_le(q.size, 1e-9);
    double loose = q.squares;
    bare_assign(&b, true, 5);
    ck_assert_double_gt(loose, 10 * measure(&b).squares);
    bare_free(&b);
}
END_TEST

/* Quadratic work would take minutes here. */
START_TEST(a_hundred_thousand_clips_are_no_matter) {
    bare b = many_singles(100000, 90000);
    b.k = 20;
    bare_assign(&b, true, 0);
    quality q = measure(&b);
    ck_assert_double_lt(q.largest, 1e-3);
    bare_free(&b);
}
END_TEST

/* ---- with manifest and options ---- */

static const char *const duplicates_and_kit[] = {"duplicates", "kit"};

static data_folds_options options_for(int64_t k) {
    return (data_folds_options){
        .k = k, .stratify = true, .group = {duplicates_and_kit, 2}, .seed = 1, .holdout = 0.2};
}

START_TEST(binds_its_defaults) {
    base_arena arena = {0};
    base_error err;
    data_folds_options options;
    TEST_OK(base_options_bind(data_folds_table, NULL, &options, &arena, &err), err);
    ck_assert_int_eq(options.k, 5);
    ck_assert(options.stratify);
    ck_assert_int_eq(options.group.n, 1);
    ck_assert_str_eq(options.group.items[0], "duplicates");
    ck_assert_ptr_null(options.file);
    base_arena_release(&arena);
}
END_TEST

/* 0 and 40 are copies, 40 and 41 of one kit, 41 and 7 copies: all four stay together. */
START_TEST(joins_copies_and_kits_in_chains) {
    fixture f = fixture_new(60, 3, 1, 1);
    f.manifest.rows[0].duplicate = f.manifest.rows[40].duplicate = 0;
    f.manifest.rows[41].duplicate = f.manifest.rows[7].duplicate = 1;
    f.manifest.rows[40].group = "GMkit";
    f.manifest.rows[41].group = "GMkit";
    data_folds_options options = options_for(5);
    data_folds folds;
    base_error err;
    TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &folds, &err), err);
    ck_assert_int_eq(folds.n_groups, 57);
    ck_assert_int_eq(folds.group[0], 0);
    ck_assert_int_eq(folds.group[1], 1);
    static const int together[] = {7, 40, 41};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(folds.group[together[i]], 0);
        ck_assert_int_eq(folds.fold[together[i]], folds.fold[0]);
    }
    data_folds_release(&folds);
    options.group.n = 0;
    TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &folds, &err), err);
    ck_assert_int_eq(folds.n_groups, 60);
    data_folds_release(&folds);
    fixture_release(&f);
}
END_TEST

START_TEST(holds_out_a_share) {
    fixture f = fixture_new(100, 4, 1, 1);
    data_folds_options options = options_for(1);
    data_folds folds;
    base_error err;
    TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &folds, &err), err);
    ck_assert_int_eq(folds.n_folds, 1);
    int64_t n[4] = {0};
    for (int64_t i = 0; i < 100; i++) {
        ck_assert(folds.fold[i] == 0 || folds.fold[i] == -1);
        n[f.clips.label[i]] += folds.fold[i] == 0;
    }
    for (int c = 0; c < 4; c++) ck_assert_int_eq(n[c], 5);
    data_folds_release(&folds);
    fixture_release(&f);
}
END_TEST

#define FAILS(options, expected, part)                                                             \
    do {                                                                                           \
        data_folds folds_;                                                                         \
        base_error err_;                                                                           \
        TEST_FAILS(data_folds_make(&f.manifest, &f.clips, &(options), &folds_, &err_), expected,   \
                   err_, part);                                                                    \
        ck_assert_ptr_null(folds_.fold);                                                           \
    } while (0)

START_TEST(names_a_class_with_too_few_groups) {
    fixture f = fixture_new(40, 4, 1, 1); /* ten of each; cowbells in three groups */
    for (int64_t i = 3; i < 40; i += 4) f.manifest.rows[i].duplicate = i % 3;
    data_folds_options options = options_for(5);
    FAILS(options, BASE_EDATA,
          "class 'cowbell' has 3 groups of samples, fewer than folds.k = 5; lower folds.k, leave "
          "the class out, or group less");
    options.k = 11;
    FAILS(options, BASE_EDATA,
          "class 'kick' has 10 samples, fewer than folds.k = 11; lower folds.k, leave the class "
          "out");
    for (int64_t i = 3; i < 40; i += 4) f.manifest.rows[i].duplicate = 0;
    options.k = 1;
    FAILS(options, BASE_EDATA, "class 'cowbell' has 1 group of samples; folds.holdout");
    fixture_release(&f);
}
END_TEST

/* Two kits of either class. */
START_TEST(says_when_groups_leave_a_fold_without_a_class) {
    fixture f = fixture_new(30, 2, 1, 1);
    static const char *const kits[] = {"a", "b", "c", "d"};
    for (int64_t i = 0; i < 30; i++) f.manifest.rows[i].group = kits[i % 2 * 2 + i / 2 % 2];
    static const char *const none[] = {"kits"};
    data_folds_options options = options_for(2);
    data_folds folds;
    base_error err;
    TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &folds, &err), err);
    data_folds_release(&folds);
    /* Not stratified, the two kits of a class may well share a fold. */
    options.stratify = false;
    bool failed = false;
    for (options.seed = 0; options.seed < 20 && !failed; options.seed++) {
        failed = data_folds_make(&f.manifest, &f.clips, &options, &folds, &err) != BASE_OK;
        if (!failed) data_folds_release(&folds);
    }
    ck_assert(failed);
    ck_assert_ptr_nonnull(strstr(err.text, "(15 samples in 2 groups) is absent from fold "));
    ck_assert_ptr_nonnull(strstr(err.text, "set folds.stratify: true"));
    options.group = (base_strings){none, 1};
    FAILS(options, BASE_ECONFIG, "folds.group: 'kits' is neither duplicates nor kit");
    fixture_release(&f);
}
END_TEST

/* Kits of kick and snare, of snare and hat, of hat and kick: every class has groups enough for two
 * folds, yet one fold always lacks a class. */
START_TEST(says_when_no_assignment_exists) {
    fixture f = fixture_new(30, 3, 1, 1);
    for (int64_t i = 0; i < 30; i++) {
        int64_t kit = (f.clips.label[i] + i / 3 % 2) % 3;
        f.manifest.rows[i].group = kit == 0 ? "a" : kit == 1 ? "b" : "c";
    }
    data_folds_options options = options_for(2);
    FAILS(options, BASE_EDATA, "no assignment that keeps groups whole was found");
    fixture_release(&f);
}
END_TEST

/* ---- folds.csv ---- */

static const char *write_text(const char *text) {
    static char path[4096];
    base_error err;
    snprintf(path, sizeof path, "%s/folds.csv", test_folder());
    TEST_OK(base_file_write(path, text, strlen(text), &err), err);
    return path;
}

static void write_folds(const fixture *f, const data_folds *folds, const char *path) {
    base_text text = {0};
    base_error err;
    data_folds_text(folds, &f->manifest, &f->clips, &text);
    TEST_OK(base_file_write_text(path, &text, &err), err);
    base_text_release(&text);
}

START_TEST(replays_what_it_wrote) {
    fixture f = fixture_new(60, 3, 1, 1);
    f.manifest.rows[5].path = "odd, \"name\".wav";
    f.manifest.rows[6].path = f.manifest.rows[7].path = "long.wav";
    f.manifest.rows[6].end_s = f.manifest.rows[7].begin_s = 0.1 + 0.2;
    f.manifest.rows[8].path = f.manifest.rows[9].path; /* listed twice */
    f.manifest.rows[20].duplicate = f.manifest.rows[30].duplicate = 0;
    data_folds_options options = options_for(4);
    data_folds folds, again;
    base_error err;
    TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &folds, &err), err);
    options.file = write_text("");
    write_folds(&f, &folds, options.file);
    options.seed = 99;
    TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &again, &err), err);
    ck_assert_mem_eq(folds.fold, again.fold, 60 * sizeof *folds.fold);
    ck_assert_mem_eq(folds.group, again.group, 60 * sizeof *folds.group);
    data_folds_release(&folds);
    data_folds_release(&again);
    options.k = 3;
    FAILS(options, BASE_EDATA, "fold 3 is not in 0 to 2 (folds.k is 3)");
    options.k = 5;
    FAILS(options, BASE_EDATA, "fold 4 of 5 tests nothing");
    fixture_release(&f);
}
END_TEST

/* 0 to 59 are of use: folds; of 60 to 74 some only train, some only test, some are left out. */
static fixture fixture_of_all_uses(void) {
    fixture f = fixture_new(75, 3, 1, 1);
    for (int i = 60; i < 75; i++) f.manifest.rows[i].use = i < 66 ? DATA_USE_TRAIN : DATA_USE_TEST;
    for (int i = 72; i < 75; i++) {
        f.manifest.rows[i].use = DATA_USE_FOLDS;
        f.manifest.rows[i].left_out = "a copy";
    }
    return f;
}

START_TEST(sounds_have_their_uses) {
    fixture f = fixture_of_all_uses(), alone = fixture_new(60, 3, 1, 1);
    f.manifest.rows[7].group = f.manifest.rows[61].group = "GMkit";   /* trains, but not there */
    f.manifest.rows[8].group = f.manifest.rows[67].group = "909";     /* no matter */
    f.manifest.rows[9].duplicate = f.manifest.rows[73].duplicate = 0; /* nor this */
    alone.manifest.rows[7].group = "GMkit";
    alone.manifest.rows[8].group = "909";
    alone.manifest.rows[9].duplicate = 0;
    for (int64_t k = 1; k <= 4; k += 3) {
        data_folds_options options = options_for(k);
        data_folds folds, same;
        base_error err;
        TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &folds, &err), err);
        TEST_OK(data_folds_make(&alone.manifest, &alone.clips, &options, &same, &err), err);
        ck_assert_mem_eq(folds.fold, same.fold, 60 * sizeof *folds.fold);
        for (int i = 60; i < 75; i++) {
            int32_t expected = i >= 66 ? DATA_FOLD_HELD_OUT : i == 61 ? folds.fold[7] : -1;
            ck_assert_int_eq(folds.fold[i], expected);
            ck_assert(data_folds_trains(&folds, DATA_FOLD_NONE, i) == (i < 66));
            for (int fold = 0; fold < k; fold++) {
                bool apart = i == 61 && fold == folds.fold[7];
                ck_assert(data_folds_trains(&folds, fold, i) == (i < 66 && !apart));
                ck_assert(!data_folds_tests(&folds, fold, i));
            }
        }
        for (int i = 0; i < 60; i++) {
            for (int fold = 0; fold < k; fold++) {
                ck_assert(data_folds_tests(&folds, fold, i) == (folds.fold[i] == fold));
                ck_assert(data_folds_trains(&folds, fold, i) == (folds.fold[i] != fold));
            }
            ck_assert(data_folds_trains(&folds, DATA_FOLD_NONE, i));
        }
        data_folds_release(&folds);
        data_folds_release(&same);
    }
    fixture_release(&f);
    fixture_release(&alone);
}
END_TEST

/* Clips 6 and 60, which only trains, are made from copies of others: the folds that test these, or
 * them, do not train on them. What only tests plays no part. */
START_TEST(mixes_stay_with_copies_of_their_parts) {
    fixture f = fixture_of_all_uses();
    data_row *rows = f.manifest.rows;
    data_row_part three[] = {{rows[1].content, "a"}, {rows[33].content, "b"}, {{99, 99}, "c"}},
                  two[] = {{rows[20].content, "d"}, {rows[70].content, "e"}};
    rows[6].parts = three;
    rows[6].n_parts = 3;
    rows[60].parts = two;
    rows[60].n_parts = 2;
    data_folds_options options = options_for(4);
    for (int seed = 0; seed < 8; seed++) {
        data_folds folds;
        base_error err;
        options.seed = seed;
        TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &folds, &err), err);
        ck_assert_int_eq(folds.fold[6], folds.fold[1]);
        ck_assert_int_eq(folds.fold[6], folds.fold[33]);
        ck_assert_int_eq(folds.fold[60], folds.fold[20]);
        ck_assert_int_eq(folds.n_groups, 75 - 3);
        data_folds_release(&folds);
    }
    static const char *const kit[] = {"kit"};
    options.group = (base_strings){kit, 1}; /* copies may be split, too */
    data_folds folds;
    base_error err;
    TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &folds, &err), err);
    ck_assert_int_eq(folds.n_groups, 75);
    data_folds_release(&folds);
    fixture_release(&f);
}
END_TEST

START_TEST(uses_are_replayed) {
    fixture f = fixture_of_all_uses();
    data_folds_options options = options_for(3);
    data_folds folds, again;
    base_error err;
    TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &folds, &err), err);
    options.file = write_text("");
    write_folds(&f, &folds, options.file);
    options.seed = 99;
    TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &again, &err), err);
    ck_assert_mem_eq(folds.fold, again.fold, 75 * sizeof *folds.fold);
    data_folds_release(&folds);
    data_folds_release(&again);
    f.manifest.rows[66].use = DATA_USE_FOLDS;
    FAILS(options, BASE_EMISMATCH, ":68: 'a/66.wav' has fold -2, but its use is not test");
    f.manifest.rows[66].use = DATA_USE_TEST;
    f.manifest.rows[60].use = DATA_USE_FOLDS;
    FAILS(options, BASE_EDATA, ":62: fold -1 is not in 0 to 2");
    f.manifest.rows[60].use = DATA_USE_TEST;
    FAILS(options, BASE_EMISMATCH, ":62: 'a/60.wav' has fold -1, but its use is test");
    for (int i = 0; i < 60; i += 3) f.manifest.rows[i].use = DATA_USE_TRAIN;
    options.file = NULL;
    FAILS(options, BASE_EDATA, "class 'kick' has no sound for a fold to test");
    fixture_release(&f);
}
END_TEST

/* Two sources with a class that the third lacks, and one that only the first has. */
START_TEST(a_file_may_leave_one_source_out) {
    fixture f = fixture_new(6, 2, 1, 1); /* classes 0 1 0 1 0 1 */
    base_error err;
    data_folds folds;
    data_folds_options options = options_for(3);
    options.file =
        write_text("path,fold\na/0.wav,0\na/1.wav,0\na/2.wav,1\na/3.wav,1\na/4.wav,2\na/5.wav,1\n");
    TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &folds, &err), err);
    static const int32_t expected[] = {0, 0, 1, 1, 2, 1};
    ck_assert_mem_eq(folds.fold, expected, sizeof expected);
    data_folds_release(&folds);
    options.file =
        write_text("path,fold\na/0.wav,0\na/1.wav,1\na/2.wav,1\na/3.wav,1\na/4.wav,2\na/5.wav,1\n");
    FAILS(options, BASE_EDATA, "is in one fold only, which cannot train on it");
    fixture_release(&f);
}
END_TEST

START_TEST(refuses_a_file_that_does_not_fit) {
    fixture f = fixture_new(4, 1, 1, 1);
    data_folds_options options = options_for(2);
    options.file =
        write_text("\xEF\xBB\xBFpath,fold\na/0.wav,0\na/2.wav,1\n\na/3.wav,1\na/1.wav,0\n\n");
    data_folds folds;
    base_error err;
    TEST_OK(data_folds_make(&f.manifest, &f.clips, &options, &folds, &err), err);
    static const int32_t expected[] = {0, 0, 1, 1};
    ck_assert_mem_eq(folds.fold, expected, sizeof expected);
    data_folds_release(&folds);
    f.manifest.rows[1].duplicate = f.manifest.rows[3].duplicate = 0;
    FAILS(options, BASE_EDATA,
          "'a/1.wav' and 'a/3.wav' belong together (folds.group) but are in "
          "folds 0 and 1");
    options.file = write_text("path,fold\na/0.wav,0\na/2.wav,1\n");
    FAILS(options, BASE_EMISMATCH, "2 of 4 clips are missing; the first is 'a/1.wav'");
    options.file = write_text("path,fold\na/0.wav,0\na/2.wav,1\na/3.wav,1\na/1.wav,0\nb,1\nc,1\n");
    FAILS(options, BASE_EMISMATCH, ":6: 'b' from 0 s is not in the data set (2 such rows)");
    options.file = write_text("path,fold\na/0.wav,zero\n");
    FAILS(options, BASE_EFORMAT, ":2: fold: 'zero' is not a whole number");
    options.file = write_text("path,begin_s,fold\na/0.wav,nan,0\n");
    FAILS(options, BASE_EFORMAT, ":2: begin_s: 'nan' is not a time");
    options.file = write_text("file,fold\na/0.wav,0\n");
    FAILS(options, BASE_EFORMAT, "no column 'path' in the header");
    options.file = "/nowhere/folds.csv";
    FAILS(options, BASE_ENOTFOUND, "/nowhere/folds.csv");
    fixture_release(&f);
}
END_TEST

TEST_MAIN("data/folds", stratifies_no_worse_than_scikit_learn, single_clips_are_spread_evenly,
          the_seed_decides_and_nothing_else, without_stratify_sizes_are_even_and_classes_random,
          a_hundred_thousand_clips_are_no_matter, binds_its_defaults,
          joins_copies_and_kits_in_chains, holds_out_a_share, names_a_class_with_too_few_groups,
          says_when_groups_leave_a_fold_without_a_class, says_when_no_assignment_exists,
          replays_what_it_wrote, sounds_have_their_uses, mixes_stay_with_copies_of_their_parts,
          uses_are_replayed, a_file_may_leave_one_source_out, refuses_a_file_that_does_not_fit)
