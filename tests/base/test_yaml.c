#include "base/yaml.h"

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/test.h"

static base_arena arena;

static base_node *parse(const char *text) {
    base_node *root;
    base_error err;
    TEST_OK(base_yaml_parse(text, "x.yaml", &arena, &root, &err), err);
    return root;
}

static const char *written(const base_node *root) {
    base_text text = {0};
    base_yaml_write(root, &text);
    ck_assert(!text.failed);
    const char *copy = base_arena_string(&arena, base_text_string(&text));
    base_text_release(&text);
    return copy;
}

/* Equal in kind, text, quotes, keys and order; not in source and line. */
static bool equal(const base_node *a, const base_node *b) {
    if (a->kind != b->kind || a->n_children != b->n_children || a->quoted != b->quoted)
        return false;
    if ((a->key == NULL) != (b->key == NULL)) return false;
    if (a->key != NULL && strcmp(a->key, b->key) != 0) return false;
    if (a->kind == BASE_NODE_SCALAR && strcmp(a->text, b->text) != 0) return false;
    const base_node *x = a->child, *y = b->child;
    for (; x != NULL; x = x->next, y = y->next) {
        if (x->parent != a || y->parent != b || !equal(x, y)) return false;
    }
    return true;
}

START_TEST(trees_remember_where_things_stood) {
    base_node *root = parse("name: h3\n"
                            "train:\n"
                            "  epochs: 40\n"
                            "  note: '40'\n"
                            "list: [1, {a: b}]\n");
    ck_assert_int_eq(root->kind, BASE_NODE_MAP);
    ck_assert_int_eq(root->n_children, 3);
    base_node *train = base_node_get(root, "train");
    ck_assert_int_eq(train->line, 2);
    ck_assert_str_eq(train->source, "x.yaml");
    base_node *epochs = base_node_get(train, "epochs");
    ck_assert_str_eq(epochs->text, "40");
    ck_assert(!epochs->quoted);
    ck_assert_int_eq(epochs->line, 3);
    ck_assert(base_node_get(train, "note")->quoted);
    ck_assert_ptr_null(base_node_get(train, "lr"));
    ck_assert_ptr_null(base_node_get(epochs, "lr"));
    base_node *item = base_node_at(base_node_get(root, "list"), 1);
    ck_assert_str_eq(base_node_get(item, "a")->text, "b");
    ck_assert_ptr_null(base_node_at(base_node_get(root, "list"), 2));
    ck_assert_ptr_null(base_node_at(base_node_get(root, "list"), -1));
    char buf[64];
    ck_assert_str_eq(base_node_path(base_node_get(item, "a"), buf, sizeof buf), "list[1].a");
    ck_assert_str_eq(base_node_path(epochs, buf, 8), "train.e");
    ck_assert_str_eq(base_node_path(root, buf, sizeof buf), "");
    base_error err;
    base_node_fail(epochs, &err, BASE_ECONFIG, "%d is odd", 3);
    ck_assert_str_eq(err.text, "x.yaml:3: train.epochs: 3 is odd");
    base_node_fail(root, &err, BASE_ECONFIG, "bad");
    ck_assert_str_eq(err.text, "x.yaml:1: bad");
}
END_TEST

START_TEST(nothing_is_an_empty_scalar) {
    static const char *const texts[] = {"", "# only a comment\n", "---\n", "~", "null"};
    for (int i = 0; i < 5; i++) ck_assert(base_node_is_null(parse(texts[i])));
    ck_assert(!base_node_is_null(parse("'~'")));
    ck_assert(!base_node_is_null(parse("{}")));
    ck_assert(base_node_is_null(base_node_get(parse("a:\nb: 1\n"), "a")));
}
END_TEST

START_TEST(bad_files_are_refused_with_their_line) {
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"a: 1\nb: [1, 2\n", "x.yaml:3:"},
        {"a: 1\n b: 2\n", "x.yaml:2:"},
        {"a: 1\nb: 2\n\na: 3\n", "x.yaml:4: 'a' stands twice, first in line 1"},
        {"a: &x 1\nb: *x\n", "x.yaml:1: 'x': anchors and aliases are not supported"},
        {"a: *x\n", "x.yaml:1: 'x': anchors and aliases are not supported"},
        {"a: !!python/object:os.system 1\n", "tags are not supported"},
        {"a: !x [1]\n", "x.yaml:1: '!x': tags are not supported"},
        {"&k a: 1\n", "x.yaml:1: 'k': anchors and aliases are not supported"},
        {"[1, 2]: 3\n", "x.yaml:1: a key must be a plain word"},
        {"a: 1\n---\nb: 2\n", "x.yaml:2: a second document"},
        {"a: \"\\0\"\n", "x.yaml:1: a NUL character"},
        {"a: \x01\n", "x.yaml:"},
        {"a: \xff\n", "x.yaml:"},
        {"\tb: 1\n", "x.yaml:1:"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        base_node *root;
        base_error err;
        TEST_FAILS(base_yaml_parse(rows[i].text, "x.yaml", &arena, &root, &err), BASE_ECONFIG, err,
                   rows[i].part);
        ck_assert_ptr_null(root);
    }
}
END_TEST

static const char *repeated(const char *part, int n, const char *end) {
    base_text text = {0};
    for (int i = 0; i < n; i++) base_text_add(&text, part);
    base_text_add(&text, end);
    const char *copy = base_arena_string(&arena, base_text_string(&text));
    base_text_release(&text);
    return copy;
}

START_TEST(size_is_bounded) {
    base_node *root;
    base_error err;
    const char *deep = repeated("[", 65, repeated("]", 65, ""));
    TEST_FAILS(base_yaml_parse(deep, "x", &arena, &root, &err), BASE_ECONFIG, err,
               "more than 64 levels");
    parse(repeated("[", 64, repeated("]", 64, "")));
    const char *many = repeated("- 1\n", 100001, "");
    TEST_FAILS(base_yaml_parse(many, "x", &arena, &root, &err), BASE_ECONFIG, err,
               "more than 100000 values");
    const char *large = repeated("# comment\n", 110000, "");
    TEST_FAILS(base_yaml_parse(large, "x", &arena, &root, &err), BASE_ECONFIG, err,
               "more than 1 MiB");
    const char *key = repeated("k", 201, ": 1\n");
    TEST_FAILS(base_yaml_parse(key, "x", &arena, &root, &err), BASE_ECONFIG, err,
               "a key of more than 200 bytes");
}
END_TEST

START_TEST(files_are_read) {
    char *path = base_path_join(&arena, test_folder(), "c.yaml");
    base_node *root;
    base_error err;
    TEST_FAILS(base_yaml_read(path, &arena, &root, &err), BASE_ENOTFOUND, err, path);
    TEST_OK(base_file_write(path, "a: 1\nb: [\n", 10, &err), err);
    TEST_FAILS(base_yaml_read(path, &arena, &root, &err), BASE_ECONFIG, err, "c.yaml:3:");
    TEST_OK(base_file_write(path, "a: 1\n", 5, &err), err);
    TEST_OK(base_yaml_read(path, &arena, &root, &err), err);
    ck_assert_str_eq(base_node_get(root, "a")->source, path);
}
END_TEST

START_TEST(writing_reads_well) {
    const char *text = "name: h3-crnn\n"
                       "train:\n"
                       "  epochs: 40\n"
                       "  optimizer:\n"
                       "    adamw: {lr: 2e-3, betas: [0.9, 0.999]}\n"
                       "augment:\n"
                       "  - polarity: {p: 0.5}\n"
                       "  - repeat:\n"
                       "      for: {out: [16, 32]}\n"
                       "      body:\n"
                       "        - conv2d: {kernel: 3}\n"
                       "        - relu\n"
                       "labels: [kick, \"snare, loud\", \"\", \"42\", ~]\n"
                       "empty: {}\n"
                       "none: []\n";
    base_node *root = parse(text);
    ck_assert_str_eq(written(root), text);
    ck_assert(equal(root, parse(written(root))));
}
END_TEST

START_TEST(long_lines_are_broken_into_blocks) {
    base_node *root = parse("a:\n  b: [11111111111111111111, 22222222222222222222, "
                            "33333333333333333333, 444444444444444444, 55555]\n");
    ck_assert_ptr_nonnull(strchr(written(root), '['));
    root = parse("a:\n  b: [11111111111111111111, 22222222222222222222, "
                 "33333333333333333333, 444444444444444444, 5555555555]\n");
    ck_assert_str_eq(written(root), "a:\n  b:\n    - 11111111111111111111\n"
                                    "    - 22222222222222222222\n    - 33333333333333333333\n"
                                    "    - 444444444444444444\n    - 5555555555\n");
    ck_assert(equal(root, parse(written(root))));
}
END_TEST

/* Every awkward text as a key, a value, an item and a quoted value. */
START_TEST(any_text_survives_writing) {
    static const char *const texts[] = {
        "plain",
        "two words",
        "-",
        "--",
        "---",
        "...",
        "-1",
        "- a",
        "a: b",
        "a:",
        ":a",
        "a:b",
        "a #b",
        "#",
        "a#b",
        "?",
        "? x",
        "[x]",
        "a, b",
        "{",
        "}",
        "&a",
        "*a",
        "!t",
        "|",
        ">",
        "%x",
        "@x",
        "`x",
        "'",
        "\"",
        "\\",
        "it's",
        "a\"b",
        "C:\\drums",
        " lead",
        "trail ",
        "a\nb",
        "\ttab",
        "\r",
        "\x01\x7f",
        "ü€",
        "\xC2\x85",
        "\xE2\x80\xA8",
        "\xEF\xBB\xBF",
        "\xF0\x9F\xA5\x81",
        "~",
        "null",
        "true",
        "1e5",
        "=",
        "<<",
        "0x10",
        "a?b",
        "http://x/y",
        "12:30:00",
        "a\\nb",
        "\xEF\xBF\xBF",
        "...x",
        "-.5",
        "+3",
        "\xC2\xA0x",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        base_node *root = base_node_new(&arena, BASE_NODE_MAP, "test", 0);
        base_node *list = base_node_new(&arena, BASE_NODE_LIST, "test", 0);
        base_node *map = base_node_new(&arena, BASE_NODE_MAP, "test", 0);
        base_node_put(root, texts[i], base_node_scalar(&arena, texts[i], "test", 0));
        base_node_put(list, NULL, base_node_scalar(&arena, texts[i], "test", 0));
        base_node_put(map, texts[i], base_node_scalar(&arena, texts[i], "test", 0));
        base_node_put(list, NULL, map);
        base_node_put(root, "list-of-it", list);
        base_node *quoted = base_node_scalar(&arena, texts[i], "test", 0);
        quoted->quoted = true;
        base_node_put(root, "quoted-it", quoted);
        const char *out = written(root);
        base_node *back = parse(out);
        base_node *value = base_node_get(back, texts[i]);
        ck_assert_msg(value != NULL, "key '%s' in:\n%s", texts[i], out);
        ck_assert_msg(strcmp(value->text, texts[i]) == 0, "'%s' in:\n%s", texts[i], out);
        ck_assert_str_eq(base_node_at(base_node_get(back, "list-of-it"), 0)->text, texts[i]);
        ck_assert_str_eq(base_node_at(base_node_get(back, "list-of-it"), 1)->child->key, texts[i]);
        ck_assert(base_node_get(back, "quoted-it")->quoted);
        ck_assert_str_eq(base_node_get(back, "quoted-it")->text, texts[i]);
        ck_assert_str_eq(written(back), out);
    }
}
END_TEST

START_TEST(an_empty_key_survives_writing) {
    const base_node *root = parse("'': 1\nflow: {'': 2}\n");
    ck_assert_str_eq(written(root), "\"\": 1\nflow:\n  \"\": 2\n");
    ck_assert(equal(root, parse(written(root))));
}
END_TEST

START_TEST(what_is_not_utf8_is_still_written) {
    base_node *root = base_node_new(&arena, BASE_NODE_MAP, "test", 0);
    base_node_put(root, "a", base_node_scalar(&arena, "x\xffy", "test", 0));
    ck_assert_str_eq(base_node_get(parse(written(root)), "a")->text, "x\xEF\xBF\xBDy");
}
END_TEST

START_TEST(entries_are_put_and_replaced) {
    base_node *map = parse("a: 1\nb: 2\nc: 3\n");
    base_node *old = base_node_get(map, "b");
    base_node_put(map, "b", base_node_scalar(&arena, "x", "test", 0));
    base_node_put(map, "d", base_node_scalar(&arena, "4", "test", 0));
    ck_assert_str_eq(written(map), "a: 1\nb: x\nc: 3\nd: 4\n");
    ck_assert_int_eq(map->n_children, 4);
    ck_assert_ptr_null(old->parent);
    base_node_put(map, "b", base_node_get(map, "b"));
    ck_assert_int_eq(map->n_children, 4);
}
END_TEST

START_TEST(copies_stand_alone) {
    base_node *root = parse("a: {b: [1, '2', {c: d}]}\n");
    base_node *part = base_node_get(root, "a");
    base_node *copy = base_node_copy(part, &arena);
    ck_assert_ptr_null(copy->parent);
    ck_assert_ptr_null(copy->key);
    ck_assert_str_eq(written(copy), "b:\n  - 1\n  - \"2\"\n  - c: d\n");
    base_node_put(copy, "new", base_node_scalar(&arena, "1", "test", 0));
    ck_assert_int_eq(part->n_children, 1);
    base_arena small = {.limit_bytes = 512};
    ck_assert_ptr_null(base_node_copy(root, &small));
    base_arena_release(&small);
}
END_TEST

static const char *const base_config = "train: {epochs: 40}\n"
                                       "network: [relu, conv2d: {kernel: 3}, gru]\n"
                                       "empty:\n";

START_TEST(overrides_reach_their_place) {
    base_node *root = parse(base_config);
    static const char *const assignments[] = {
        "train.epochs=5",
        "train.lr=1e-3",
        "features={kind: mfcc, n: [1, 2]}",
        "network[1].conv2d.pad=1",
        "network[2].gru.hidden=32",
        "network[0]=tanh",
        "new.deep.key='5'",
        "empty.x=",
        "name=a=b",
    };
    base_error err;
    for (size_t i = 0; i < sizeof assignments / sizeof *assignments; i++) {
        TEST_OK(base_yaml_override(root, assignments[i], &arena, &err), err);
    }
    ck_assert_str_eq(written(root), "train:\n  epochs: 5\n  lr: 1e-3\n"
                                    "network:\n  - tanh\n  - conv2d: {kernel: 3, pad: 1}\n"
                                    "  - gru: {hidden: 32}\n"
                                    "empty:\n  x: ~\n"
                                    "features:\n  kind: mfcc\n  \"n\": [1, 2]\n"
                                    "new:\n  deep: {key: \"5\"}\n"
                                    "name: a=b\n");
    base_node *epochs = base_node_get(base_node_get(root, "train"), "epochs");
    ck_assert_str_eq(epochs->source, "command line");
    ck_assert_int_eq(epochs->line, 0);
    base_node_fail(epochs, &err, BASE_ECONFIG, "bad");
    ck_assert_str_eq(err.text, "train.epochs: bad");
}
END_TEST

START_TEST(bad_overrides_are_refused) {
    static const struct {
        const char *assignment, *part;
    } rows[] = {
        {"train", "train: not of the form"},
        {"=5", "=5: not of the form"},
        {".a=5", "not of the form"},
        {"a..b=5", "not of the form"},
        {"a.=5", "not of the form"},
        {"network[0=5", "not of the form"},
        {"network[0]x=5", "not of the form"},
        {"network[7]=x", "network has no item [7]: there are 3, counted from 0"},
        {"network[-1]=x", "network has no item [-1]"},
        {"network[x]=x", "network has no item [x]"},
        {"train[0]=x", "train is not a list"},
        {"network.gru=x", "network is a list of 3; name an item, like [0]"},
        {"train.epochs.x=1", "train.epochs is '40', not a map"},
        {"train.epochs=[1", "train.epochs=[1: "},
        {"train={a: 1, a: 2}", "train={a: 1, a: 2}: 'a' stands twice"},
        {"train=*x", "anchors and aliases"},
        {"caf\xE9=1", "the byte \\xe9 is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        base_error err;
        TEST_FAILS(base_yaml_override(parse(base_config), rows[i].assignment, &arena, &err),
                   BASE_ECONFIG, err, rows[i].part);
    }
    base_error err;
    const char *deep = repeated("a.", 70, "a=1");
    TEST_FAILS(base_yaml_override(parse(base_config), deep, &arena, &err), BASE_ECONFIG, err,
               "not of the form");
    deep = repeated("a.", 40, repeated("[", 40, ""));
    TEST_FAILS(base_yaml_override(parse(""),
                                  base_arena_printf(&arena, "%.*sa=%s%s", 78, deep,
                                                    repeated("[", 40, ""), repeated("]", 40, "")),
                                  &arena, &err),
               BASE_ECONFIG, err, "levels deep");
}
END_TEST

TEST_MAIN("base/yaml", trees_remember_where_things_stood, nothing_is_an_empty_scalar,
          bad_files_are_refused_with_their_line, size_is_bounded, files_are_read,
          writing_reads_well, long_lines_are_broken_into_blocks, any_text_survives_writing,
          an_empty_key_survives_writing, what_is_not_utf8_is_still_written,
          entries_are_put_and_replaced, copies_stand_alone, overrides_reach_their_place,
          bad_overrides_are_refused)
