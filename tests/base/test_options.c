#include "base/options.h"

#include <math.h>

#include "tests/test.h"

static base_arena arena;
static base_error err;

typedef struct {
    bool flag;
    int64_t epochs;
    double rate;
    const char *name, *note;
    int mode;
    double gain_db[2];
    base_ints sizes;
    base_floats weights;
    base_strings words, nothing;
    base_node *body, *extra;
} settings;

static const base_option table[] = {
    {"flag", BASE_OPT_BOOL, offsetof(settings, flag), "false", 0, 0, NULL, NULL, "Switch it on"},
    {"epochs", BASE_OPT_INT, offsetof(settings, epochs), "40", 1, 1000, NULL, NULL, "Passes"},
    {"rate", BASE_OPT_FLOAT, offsetof(settings, rate), "1e-3", 0, 1, NULL, "Hz", "Step size"},
    {"name", BASE_OPT_STRING, offsetof(settings, name), NULL, 0, 0, NULL, NULL, "What it is"},
    {"note", BASE_OPT_STRING, offsetof(settings, note), "~", 0, 0, NULL, NULL, "Remark"},
    {"mode", BASE_OPT_CHOICE, offsetof(settings, mode), "same", 0, 0, "valid|same|full", NULL,
     "Padding"},
    {"gain_db", BASE_OPT_RANGE, offsetof(settings, gain_db), "[-6, 6]", -40, 40, NULL, "dB",
     "Loudness"},
    {"sizes", BASE_OPT_INTS, offsetof(settings, sizes), "[3, 3]", 1, INFINITY, NULL, NULL, "Sizes"},
    {"weights", BASE_OPT_FLOATS, offsetof(settings, weights), "~", 0, 0, NULL, NULL, "Weights"},
    {"words", BASE_OPT_STRINGS, offsetof(settings, words), "[a, b]", 0, 0, NULL, NULL, "Words"},
    {"nothing", BASE_OPT_STRINGS, offsetof(settings, nothing), "[]", 0, 0, NULL, NULL, "None"},
    {"body", BASE_OPT_NODE, offsetof(settings, body), NULL, 0, 0, NULL, NULL, "Layers"},
    {"extra", BASE_OPT_NODE, offsetof(settings, extra), "{a: 1}", 0, 0, NULL, NULL, "More"},
    {0}};

static base_node *parse(const char *text) {
    base_node *root;
    TEST_OK(base_yaml_parse(text, "x.yaml", &arena, &root, &err), err);
    return root;
}

static const char *written(const base_node *root) {
    base_text text = {0};
    base_yaml_write(root, &text);
    const char *copy = base_arena_string(&arena, base_text_string(&text));
    base_text_release(&text);
    return copy;
}

START_TEST(defaults_are_filled_in) {
    base_node *root = parse("name: x\n");
    settings s;
    memset(&s, 0xAA, sizeof s);
    TEST_OK(base_options_bind(table, root, &s, &arena, &err), err);
    ck_assert(!s.flag);
    ck_assert_int_eq(s.epochs, 40);
    ck_assert(s.rate == 1e-3);
    ck_assert_str_eq(s.name, "x");
    ck_assert_ptr_null(s.note);
    ck_assert_int_eq(s.mode, 1);
    ck_assert(s.gain_db[0] == -6 && s.gain_db[1] == 6);
    ck_assert(s.sizes.n == 2 && s.sizes.items[1] == 3);
    ck_assert_int_eq(s.weights.n, 0);
    ck_assert(s.words.n == 2 && strcmp(s.words.items[1], "b") == 0);
    ck_assert_int_eq(s.nothing.n, 0);
    ck_assert_ptr_null(s.body);
    ck_assert_str_eq(base_node_get(s.extra, "a")->text, "1");
    ck_assert_str_eq(written(root), "name: x\nflag: false\nepochs: 40\nrate: 1e-3\nnote: ~\n"
                                    "mode: same\ngain_db: [-6, 6]\nsizes: [3, 3]\nweights: ~\n"
                                    "words: [a, b]\nnothing: []\nextra:\n  a: 1\n");
    ck_assert_str_eq(base_node_get(root, "epochs")->source, "default");
    /* The resolved configuration binds to the same and adds nothing. */
    base_node *again = parse(written(root));
    TEST_OK(base_options_bind(table, again, &s, &arena, &err), err);
    ck_assert_str_eq(written(again), written(root));
}
END_TEST

START_TEST(values_are_converted) {
    base_node *root = parse("name: '12'\nflag: yes\nepochs: 1e2\nrate: 1\nnote: 5\nmode: full\n"
                            "gain_db: 3\nsizes: 7\nweights: [1, -2.5]\nwords: one\n"
                            "body: [relu]\nextra: ~\n");
    settings s;
    TEST_OK(base_options_bind(table, root, &s, &arena, &err), err);
    ck_assert(s.flag);
    ck_assert_int_eq(s.epochs, 100);
    ck_assert(s.rate == 1.0);
    ck_assert_str_eq(s.name, "12");
    ck_assert_str_eq(s.note, "5");
    ck_assert_int_eq(s.mode, 2);
    ck_assert(s.gain_db[0] == 3 && s.gain_db[1] == 3);
    ck_assert(s.sizes.n == 1 && s.sizes.items[0] == 7);
    ck_assert(s.weights.n == 2 && s.weights.items[1] == -2.5);
    ck_assert(s.words.n == 1 && strcmp(s.words.items[0], "one") == 0);
    ck_assert_int_eq(s.body->n_children, 1);
    ck_assert_int_eq(s.extra->n_children, 1);
}
END_TEST

/* As other programs write them: in quotes, or as Python prints them. */
START_TEST(values_may_stand_in_quotes) {
    base_node *root = parse("name: x\nflag: 'True'\nepochs: \"5\"\nrate: '0.5'\n"
                            "sizes: ['1', 2]\nnote: NULL\n");
    settings s;
    TEST_OK(base_options_bind(table, root, &s, &arena, &err), err);
    ck_assert(s.flag);
    ck_assert_int_eq(s.epochs, 5);
    ck_assert(s.rate == 0.5);
    ck_assert(s.sizes.n == 2 && s.sizes.items[0] == 1);
    ck_assert_ptr_null(s.note);
    const char *wanted = "name: x\nflag: True\nepochs: 5\nrate: 0.5\nsizes: [1, 2]\n";
    ck_assert_msg(strncmp(written(root), wanted, strlen(wanted)) == 0, "%s", written(root));
    static const char *const truths[] = {"true", "True", "TRUE", "Yes", "ON"};
    static const char *const lies[] = {"false", "False", "NO", "Off", "off"};
    for (int i = 0; i < 5; i++) {
        root = parse(base_arena_printf(&arena, "name: x\nflag: %s\n", truths[i]));
        TEST_OK(base_options_bind(table, root, &s, &arena, &err), err);
        ck_assert_msg(s.flag, "%s", truths[i]);
        root = parse(base_arena_printf(&arena, "name: x\nflag: %s\n", lies[i]));
        TEST_OK(base_options_bind(table, root, &s, &arena, &err), err);
        ck_assert_msg(!s.flag, "%s", lies[i]);
    }
}
END_TEST

/* Texts that a reader of YAML 1.1 would take for a truth value, a number, a date or nothing. */
START_TEST(texts_are_written_as_texts) {
    static const char *const texts[] = {"no",    "on",  "Yes",  "y",     "N",          "1e-10",
                                        "808",   "0x1", "-1.5", "12:30", "2001-12-14", ".5",
                                        "1_000", "=",   ".inf", "010",   "0b11"};
    static const char *const plain[] = {"note", "kick", "808-kick", "on top", "-x", "1/2"};
    settings s;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        base_node *root =
            parse(base_arena_printf(&arena, "name: %s\nwords: [%s, a]\n", texts[i], texts[i]));
        TEST_OK(base_options_bind(table, root, &s, &arena, &err), err);
        ck_assert_str_eq(s.words.items[0], texts[i]);
        const char *wanted =
            base_arena_printf(&arena, "name: \"%s\"\nwords: [\"%s\", a]\n", texts[i], texts[i]);
        ck_assert_msg(strncmp(written(root), wanted, strlen(wanted)) == 0, "%s", written(root));
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        base_node *root = parse(base_arena_printf(&arena, "name: %s\n", plain[i]));
        TEST_OK(base_options_bind(table, root, &s, &arena, &err), err);
        const char *wanted = base_arena_printf(&arena, "name: %s\n", plain[i]);
        ck_assert_msg(strncmp(written(root), wanted, strlen(wanted)) == 0, "%s", written(root));
    }
    ck_assert_str_eq(written(parse("no: 1\n12: a\nkick: 2\n")), "\"no\": 1\n\"12\": a\nkick: 2\n");
}
END_TEST

START_TEST(mistakes_are_named) {
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"epocs: 5", "x.yaml:2: epocs: no such key; did you mean 'epochs'?"},
        {"zebra: 5", "x.yaml:2: zebra: no such key; there are flag, epochs, "},
        {"epochs: ten", "x.yaml:2: epochs: 'ten' is not a whole number"},
        {"epochs: '5x'", "'5x' is not a whole number"},
        {"epochs: 1.5", "'1.5' is not a whole number"},
        {"epochs: 0", "x.yaml:2: epochs: 0 is out of range: 1 to 1000"},
        {"epochs: [1]", "epochs: a whole number is needed here, not a list"},
        {"rate: 2", "x.yaml:2: rate: 2 is out of range: 0 to 1 Hz"},
        {"rate: nan", "rate: 'nan' is not a number"},
        {"rate: inf", "rate: 'inf' is not a number"},
        {"flag: maybe", "flag: 'maybe' is neither true nor false"},
        {"mode: sane", "mode: no such choice 'sane'; did you mean 'same'?"},
        {"mode: zzzz", "mode: no such choice 'zzzz'; there are valid, same, full"},
        {"gain_db: [1, 2, 3]", "gain_db: a range [low, high] or one number is needed here"},
        {"gain_db: [2, 1]", "gain_db: the range [2, 1] ends before it begins"},
        {"gain_db: [0, 50]", "x.yaml:2: gain_db[1]: 50 is out of range: -40 to 40 dB"},
        {"sizes: [3, 0]", "sizes[1]: 0 is out of range: at least 1"},
        {"words: [[a]]", "words[0]: text is needed here, not a list"},
        {"note: {a: b}", "note: text is needed here, not a map"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        settings s;
        base_node *root = parse(base_arena_printf(&arena, "name: x\n%s\n", rows[i].text));
        TEST_FAILS(base_options_bind(table, root, &s, &arena, &err), BASE_ECONFIG, err,
                   rows[i].part);
    }
}
END_TEST

START_TEST(what_is_required_must_be_there) {
    settings s;
    TEST_FAILS(base_options_bind(table, parse("epochs: 5\n"), &s, &arena, &err), BASE_ECONFIG, err,
               "x.yaml:1: 'name' is missing: What it is");
    TEST_FAILS(base_options_bind(table, NULL, &s, &arena, &err), BASE_ECONFIG, err,
               "'name' is missing");
    base_node *empty = parse("a:\n");
    TEST_OK(base_options_bind(table + 1, parse("name: x"), &s, &arena, &err), err);
    TEST_FAILS(base_options_bind(table, base_node_get(empty, "a"), &s, &arena, &err), BASE_ECONFIG,
               err, "x.yaml:1: a: 'name' is missing");
    TEST_FAILS(base_options_bind(table, parse("[1]"), &s, &arena, &err), BASE_ECONFIG, err,
               "x.yaml:1: a map of options is needed here, not a list");
    TEST_FAILS(base_options_bind(table, parse("word"), &s, &arena, &err), BASE_ECONFIG, err,
               "not text");
}
END_TEST

START_TEST(command_line_mistakes_show_what_was_typed) {
    base_node *root = parse("train: {name: x}\n");
    settings s;
    TEST_OK(base_yaml_override(root, "train.epocs=5", &arena, &err), err);
    base_node *train = base_node_get(root, "train");
    TEST_FAILS(base_options_bind(table, train, &s, &arena, &err), BASE_ECONFIG, err, "");
    ck_assert_str_eq(err.text, "train.epocs=5: no such key in 'train'; did you mean 'epochs'?   "
                               "(all keys: rimshot help config train)");
    root = parse("name: x\n");
    TEST_OK(base_yaml_override(root, "epocs={a: 1}", &arena, &err), err);
    TEST_FAILS(base_options_bind(table, root, &s, &arena, &err), BASE_ECONFIG, err, "");
    ck_assert_str_eq(err.text, "epocs=...: no such key in 'configuration'; did you mean 'epochs'?"
                               "   (all keys: rimshot help config)");
    root = parse("name: x\n");
    TEST_OK(base_yaml_override(root, "epochs=0", &arena, &err), err);
    TEST_FAILS(base_options_bind(table, root, &s, &arena, &err), BASE_ECONFIG, err,
               "epochs: 0 is out of range: 1 to 1000");
}
END_TEST

typedef struct {
    int64_t kernel, pad;
} conv_options;

static const base_option conv_table[] = {
    {"kernel", BASE_OPT_INT, offsetof(conv_options, kernel), NULL, 1, 99, NULL, NULL, "Width"},
    {"pad", BASE_OPT_INT, offsetof(conv_options, pad), "0", 0, 99, NULL, NULL, "Padding"},
    {0}};
static const base_option dropout_table[] = {
    {"p", BASE_OPT_FLOAT, 0, "0.5", 0, 1, NULL, NULL, "Probability"}, {0}};
static const base_variant conv = {"conv2d", "Convolution", "kernel", conv_table,
                                  sizeof(conv_options)};
static const base_variant dropout = {"dropout", "Dropout", NULL, dropout_table, sizeof(double)};
static const base_variant relu = {"relu", "Rectifier", NULL, NULL, 0};
static const base_variant *const layers[] = {&conv, &dropout, &relu};

static base_status bind_layer(const char *text, base_choice *choice, base_node **node) {
    const base_family family = {.what = "layer", .variants = layers, .n = 3};
    base_node *root = parse(base_arena_printf(&arena, "network:\n  - %s\n", text));
    *node = base_node_at(base_node_get(root, "network"), 0);
    return base_variant_bind(&family, *node, &arena, choice, &err);
}

START_TEST(variants_take_three_forms) {
    base_choice choice;
    base_node *node;
    TEST_OK(bind_layer("conv2d: {kernel: 5, pad: 2}", &choice, &node), err);
    ck_assert_int_eq(choice.index, 0);
    ck_assert_int_eq(((conv_options *)choice.options)->kernel, 5);
    ck_assert_int_eq(((conv_options *)choice.options)->pad, 2);
    TEST_OK(bind_layer("conv2d: 3", &choice, &node), err);
    ck_assert_int_eq(((conv_options *)choice.options)->kernel, 3);
    ck_assert_str_eq(written(node->parent), "- conv2d: {kernel: 3, pad: 0}\n");
    TEST_OK(bind_layer("dropout", &choice, &node), err);
    ck_assert_int_eq(choice.index, 1);
    ck_assert(*(double *)choice.options == 0.5);
    ck_assert_str_eq(written(node->parent), "- dropout: {p: 0.5}\n");
    TEST_OK(bind_layer("relu:", &choice, &node), err);
    ck_assert_int_eq(choice.index, 2);
    ck_assert_str_eq(written(node->parent), "- relu: {}\n");
}
END_TEST

START_TEST(variant_mistakes_are_named) {
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"conv2", "x.yaml:2: network[0]: no such layer 'conv2'; did you mean 'conv2d'?"},
        {"lstm: 3", "no such layer 'lstm'; there are conv2d, dropout, relu"},
        {"conv2d", "x.yaml:2: network[0].conv2d: 'kernel' is missing"},
        {"conv2d: {kernal: 3}", "network[0].conv2d.kernal: no such key; did you mean 'kernel'?"},
        {"conv2d: [3, 3]", "network[0].conv2d.kernel: a whole number is needed here, not a list"},
        {"dropout: 0.3", "network[0].dropout: options are needed here: dropout: {...}"},
        {"relu: 3", "network[0].relu: relu takes no options"},
        {"relu: {a: 1}", "network[0].relu.a: no such key"},
        {"{conv2d: 3, relu: }", "network[0]: one layer is needed here"},
        {"[relu]", "network[0]: one layer is needed here"},
        {"~", "network[0]: one layer is needed here"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        base_choice choice;
        base_node *node;
        TEST_FAILS(bind_layer(rows[i].text, &choice, &node), BASE_ECONFIG, err, rows[i].part);
    }
}
END_TEST

START_TEST(the_reference_is_printed) {
    base_text text = {0};
    base_options_help(conv_table, BASE_HELP_TEXT, &text);
    ck_assert_str_eq(base_text_string(&text),
                     "  kernel             whole number, 1 to 99      [required]\n"
                     "                     Width\n"
                     "  pad                whole number, 0 to 99      [0]\n"
                     "                     Padding\n");
    base_text_release(&text);
    base_options_help(table + 5, BASE_HELP_MARKDOWN, &text);
    ck_assert_ptr_nonnull(strstr(base_text_string(&text), "| `mode` | one of valid, same, full | "
                                                          "`same` | Padding |\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "[low, high], -40 to 40 dB"));
    ck_assert_ptr_nonnull(strstr(text.data, "whole numbers, at least 1 "));
    base_text_release(&text);
    base_options_help(conv_table + 1, BASE_HELP_MANUAL, &text);
    ck_assert_str_eq(base_text_string(&text),
                     ".TP\n.B pad\n(whole number, 0 to 99; default 0)\nPadding\n");
    base_text_release(&text);
}
END_TEST

START_TEST(want_of_memory_is_reported) {
    for (size_t limit = 1; limit < 6000; limit += 97) {
        base_arena small = {.limit_bytes = limit};
        settings s;
        base_status status = base_options_bind(table, parse("name: x\n"), &s, &small, &err);
        ck_assert(status == BASE_OK || status == BASE_EMEMORY);
        if (limit < 500) ck_assert_int_eq(status, BASE_EMEMORY);
        base_arena_release(&small);
    }
}
END_TEST

TEST_MAIN("base/options", defaults_are_filled_in, values_are_converted, values_may_stand_in_quotes,
          texts_are_written_as_texts, mistakes_are_named, what_is_required_must_be_there,
          command_line_mistakes_show_what_was_typed, variants_take_three_forms,
          variant_mistakes_are_named, the_reference_is_printed, want_of_memory_is_reported)
