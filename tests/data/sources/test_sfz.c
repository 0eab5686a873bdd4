#include <math.h>
#include <unistd.h>

#include "data/synth.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;
static const char *folder;

static base_status open_sfz(const char *keys, data_manifest *m) {
    return sound_open_manifest(
        &arena, base_arena_printf(&arena, "{source: sfz, path: %s%s}", folder, keys), ".", m, &err);
}

/* Opens a folder that holds one instrument of this text. */
static base_status open_text(const char *text, data_manifest *m) {
    folder = test_folder();
    sound_write_text(&arena, folder, "kit.sfz", text);
    return open_sfz("", m);
}

static void is_row(const data_manifest *m, int64_t i, const char *sample, const char *label) {
    ck_assert_int_lt(i, m->n_rows);
    ck_assert_str_eq(m->rows[i].path + strlen(folder) + 1, sample);
    ck_assert_str_eq(m->rows[i].label, label);
}

START_TEST(regions_inherit) {
    data_manifest m;
    TEST_OK(open_text("<global> global_label=All\n"
                      "<group> sample=g1.wav key=36 group_label=Bass Drum\n"
                      "<region>\n"
                      "<region> sample=own.wav region_label=Kick Two\n"
                      "<region> sample=tenth.wav region_label=10\n"
                      "<master> master_label=Metal\n"
                      "<region> sample=m.wav // the group is gone\n"
                      "<group> key=42 <region> sample=hat.wav\n"
                      "<global>\n"
                      "<region> sample=sub/snare 1.wav lovel=1 hivel=64 <region>sample=x.wav\n",
                      &m),
            err);
    ck_assert_int_eq(m.n_rows, 7);
    is_row(&m, 0, "g1.wav", "Bass Drum");
    is_row(&m, 1, "own.wav", "Kick Two");
    is_row(&m, 2, "tenth.wav", "Bass Drum"); /* a number is no name */
    is_row(&m, 3, "m.wav", "Metal");
    is_row(&m, 4, "hat.wav", "Metal");
    is_row(&m, 5, "sub/snare 1.wav", "snare 1");
    is_row(&m, 6, "x.wav", "x");
    for (int i = 0; i < 7; i++) ck_assert_str_eq(m.rows[i].group, "kit");
    ck_assert_str_eq(m.rows[0].family, m.rows[1].family); /* one key */
    ck_assert_str_ne(m.rows[1].family, m.rows[4].family);
    ck_assert_str_ne(m.rows[5].family, m.rows[6].family);
    data_manifest_release(&m);
}
END_TEST

START_TEST(a_text_of_any_kind) {
    data_manifest m;
    TEST_OK(open_text("\xef\xbb\xbf// <region> sample=no.wav\r\n"
                      "/* <region> sample=no.wav\r\n*/<control>default_path=a\\b c\\\r\n"
                      "#define $DIR dr #define $DIRS drums\r\n"
                      "<group>key=36<region>sample=$DIRS/k ick.wav   lovel=5 // louder\r\n"
                      "<region> key=38 sample=$DIR-$NONE.wav\r"
                      "#define $DIR $DIRS_2 <region>sample=x=y.wav volume=3\n"
                      "some words without a sense\n"
                      "<curve> sample=curve.wav <region> sample=$DIR/last.wav",
                      &m),
            err);
    ck_assert_int_eq(m.n_rows, 4);
    is_row(&m, 0, "a/b c/drums/k ick.wav", "k ick");
    is_row(&m, 1, "a/b c/dr-$NONE.wav", "dr-$NONE");
    is_row(&m, 2, "a/b c/x=y.wav", "x=y");
    is_row(&m, 3, "a/b c/drums_2/last.wav", "last");
    data_manifest_release(&m);
}
END_TEST

START_TEST(includes_are_put_in) {
    data_manifest m;
    folder = test_folder();
    sound_write_text(&arena, folder, "lib/parts/kick.sfz",
                     "#include \"parts/$WHICH.txt\" <region> sample=parts/k1.wav");
    sound_write_text(&arena, folder, "lib/parts/loud.txt", "<group> group_label=Kick\n");
    sound_write_text(&arena, folder, "lib/kit.sfz",
                     "#define $WHICH loud\n<group>\n#include \"parts\\kick.sfz\" key=36\n"
                     "<region> sample=../other/k2.wav\n#include \"parts/loud.txt\"\n");
    sound_write_text(&arena, folder, "other.SFZ", "<region> sample=lib/other.wav");
    TEST_OK(open_sfz("", &m), err); /* the part is no instrument of its own */
    ck_assert_int_eq(m.n_rows, 3);
    is_row(&m, 0, "lib/parts/k1.wav", "Kick");
    is_row(&m, 1, "other/k2.wav", "Kick");
    is_row(&m, 2, "lib/other.wav", "other");
    ck_assert_str_eq(m.rows[0].group, "lib/kit");
    ck_assert_str_eq(m.rows[2].group, "other");
    ck_assert_int_eq(m.n_notes, 0);
    data_manifest_release(&m);
    TEST_OK(open_sfz(", files: [other.SFZ]", &m), err);
    ck_assert_int_eq(m.n_rows, 1);
    data_manifest_release(&m);
    TEST_FAILS(open_sfz(", files: [none.sfz]", &m), BASE_ENOTFOUND, err, "no SFZ instrument in");
}
END_TEST

START_TEST(labels_come_from_where_one_says) {
    static const struct {
        const char *keys, *labels[4];
    } ways[] = {
        {"", {"Boom", "s", "t", "x"}},
        {", label_from: file", {"k", "s", "t", "x"}},
        {", label_from: folder", {"kicks", "more snares", "", ""}},
        {", label_from: key", {"Bass Drum 1", "Acoustic Snare", "Low-Mid Tom", ""}},
        {", label: drum", {"drum", "drum", "drum", "drum"}},
    };
    folder = test_folder();
    sound_write_text(&arena, folder, "kit.sfz",
                     "<region> key=c2 sample=kicks/k.wav region_label=Boom\n"
                     "<region> lokey=36 hikey=40 pitch_keycenter=D2 sample=a/more snares/s.wav\n"
                     "<region> lokey=b2 hikey=db3 sample=t.wav <region> sample=x.wav");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        data_manifest m;
        TEST_OK(open_sfz(ways[i].keys, &m), err);
        const char *own = i == 2 ? base_path_name(folder) : NULL;
        for (int k = 0; k < 4; k++) {
            bool is_own = own != NULL && k > 1;
            ck_assert_str_eq(m.rows[k].label, is_own ? own : ways[i].labels[k]);
        }
        ck_assert(i != 3 || strcmp(m.rows[3].left_out, "no label") == 0);
        data_manifest_release(&m);
    }
}
END_TEST

/* As players do: 12 keys an octave, middle c is c4. */
START_TEST(keys_have_names_and_offsets) {
    static const struct {
        const char *opcodes, *label;
    } keys[] = {
        {"key=36", "Bass Drum 1"},
        {"key=c2", "Bass Drum 1"},
        {"key=C#2", "Side Stick"},
        {"key=Db2", "Side Stick"},
        {"key=b1", "Acoustic Bass Drum"},
        {"key=40 hikey=43 lokey=38", "Electric Snare"}, /* its centre is 40 */
        {"lokey=38 hikey=43 pitch_keycenter=60", "Acoustic Snare"},
        {"hikey=-1 lokey=-1", ""},
        {"pitch_keycenter=36", ""},
        {"key=h2", ""},
        {"key=500", ""},
        {"<control> label_key24=Boom <region> sample=x.wav key=c1", "Boom"},
        {"<control> label_keyx=Boom label_key24= <region> sample=x.wav key=36", "Bass Drum 1"},
        {"<control> note_offset=-12 octave_offset=2 <region> sample=x.wav key=24", "Bass Drum 1"},
        {"<control> octave_offset=999999999999999999 <region> sample=x.wav key=24 <control> "
         "octave_offset=0",
         ""},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        data_manifest m;
        folder = test_folder();
        bool whole = keys[i].opcodes[0] == '<';
        sound_write_text(&arena, folder, "kit.sfz",
                         base_arena_printf(&arena, "%s%s\n<region> sample=y.wav key=36 ",
                                           whole ? "" : "<region> sample=x.wav ", keys[i].opcodes));
        TEST_OK(open_sfz(", label_from: key", &m), err);
        ck_assert_msg(strcmp(m.rows[0].label, keys[i].label) == 0, "%s: %s", keys[i].opcodes,
                      m.rows[0].label);
        data_manifest_release(&m);
    }
}
END_TEST

START_TEST(velocities_and_round_robins_are_one_family) {
    data_manifest m;
    TEST_OK(
        open_text("<group> key=38 group_label=Snare\n"
                  "<region> sample=soft.wav hivel=60\n<region> sample=hard.wav lovel=61\n"
                  "<group> key=38 group_label=Snare 2 seq_length=2\n"
                  "<region> sample=r1.wav seq_position=1 <region> sample=r2.wav seq_position=2\n"
                  "<region> sample=r1.wav seq_position=3 tune=20\n"
                  "<group> key=36 <region> sample=soft.wav <region> sample=soft.wav offset=9\n",
                  &m),
        err);
    ck_assert_int_eq(m.n_rows, 6); /* what is the same sound is there once */
    for (int i = 1; i < 4; i++) ck_assert_str_eq(m.rows[i].family, m.rows[0].family);
    for (int i = 4; i < 6; i++) ck_assert_str_ne(m.rows[i].family, m.rows[0].family);
    data_manifest_release(&m);
}
END_TEST

START_TEST(a_span_of_a_sample_is_read) {
    data_manifest m;
    data_audio whole, part;
    folder = test_folder();
    sound_write_tone(&arena, folder, "long.wav", (sound_tone){0.5, 300, 44100, 0.5, 1});
    sound_write_text(&arena, folder, "kit.sfz",
                     "<region> sample=long.wav <region> sample=long.wav offset=1000 end=2999\n"
                     "<region> sample=long.wav end=-1 <region> sample=*sine\n");
    TEST_OK(open_sfz("", &m), err);
    ck_assert_int_eq(m.n_rows, 4);
    TEST_OK(sound_read_row(&m.rows[0], &whole, &err), err);
    TEST_OK(sound_read_row(&m.rows[1], &part, &err), err);
    ck_assert_int_eq(part.n, 2000);
    ck_assert_mem_eq(part.x, whole.x + 1000, 2000 * sizeof *part.x);
    ck_assert_str_eq(m.rows[2].left_out,
                     base_arena_printf(&arena, "%s/kit.sfz:2: never plays (end=0 or -1)", folder));
    ck_assert_ptr_nonnull(strstr(m.rows[3].left_out, "kit.sfz:2: made by the player"));
    data_audio_release(&whole);
    data_audio_release(&part);
    data_manifest_release(&m);
}
END_TEST

START_TEST(samples_stay_in_the_folder) {
    static const char *const outside[] = {"/etc/x.wav", "../x.wav", "..\\x.wav",   "a/../../x.wav",
                                          "C:\\x.wav",  "link.wav", "linked/x.wav"};
    enum { N = sizeof outside / sizeof *outside };
    data_manifest m;
    base_text text = {0};
    const char *other = test_folder();
    folder = base_arena_string(&arena, test_folder());
    sound_tone tone = {0.1, 440, 44100, 0.5, 1};
    sound_write_tone(&arena, other, "x.wav", tone);
    sound_write_tone(&arena, folder, "a/x..wav", tone);
    ck_assert_int_eq(symlink(other, base_path_join(&arena, folder, "linked")), 0);
    ck_assert_int_eq(
        symlink(base_path_join(&arena, other, "x.wav"), base_path_join(&arena, folder, "link.wav")),
        0);
    for (int i = 0; i < N; i++) base_text_printf(&text, "<region> sample=%s\n", outside[i]);
    base_text_add(&text, "<region> sample=b/../a/./x..wav\n");
    sound_write_text(&arena, folder, "kit.sfz", base_text_string(&text));
    base_text_release(&text);
    TEST_OK(open_sfz("", &m), err);
    ck_assert_int_eq(m.n_rows, N + 1);
    for (int i = 0; i < N; i++) {
        const char *why = base_arena_printf(
            &arena, "%s/kit.sfz:%d: the sample lies outside of the folder", folder, i + 1);
        ck_assert_ptr_nonnull(m.rows[i].left_out);
        ck_assert_str_eq(m.rows[i].left_out, why);
        ck_assert_int_eq(m.rows[i].class_index, -1);
    }
    is_row(&m, N, "a/x..wav", "x.");
    ck_assert_ptr_null(m.rows[N].left_out);
    data_manifest_release(&m);
    /* An instrument that is reached by a link has its samples beside it. */
    sound_write_text(&arena, other, "far.sfz", "<region> sample=x.wav");
    TEST_OK(open_sfz(", files: [far.sfz]", &m), err);
    ck_assert_ptr_null(m.rows[0].left_out);
    data_manifest_release(&m);
}
END_TEST

START_TEST(missing_samples_are_told_like_other_files) {
    data_manifest m;
    data_clips clips;
    data_audio_options o;
    TEST_OK(base_options_bind(data_audio_table, NULL, &o, &arena, &err), err);
    folder = test_folder();
    sound_write_tone(&arena, folder, "k.wav", (sound_tone){0.1, 440, 44100, 0.5, 1});
    sound_write_text(&arena, folder, "kit.sfz",
                     "<region> sample=k.wav <region> sample=none.wav offset=5 region_label=k");
    TEST_OK(open_sfz("", &m), err);
    TEST_OK(data_clips_open(&m, &o, NULL, &clips, &err), err);
    ck_assert_ptr_null(sound_find_row(&m, "/k.wav")->left_out);
    ck_assert_ptr_nonnull(strstr(sound_find_row(&m, "/none.wav")->left_out, "No such file"));
    data_clips_release(&clips);
    data_manifest_release(&m);
}
END_TEST

START_TEST(a_path_may_be_a_file) {
    data_manifest m;
    const char *here = test_folder();
    sound_write_text(&arena, here, "kits/a.sfz", "<region> sample=s/k.wav");
    sound_write_text(&arena, here, "kits/b.sfz", "<region> sample=s/b.wav");
    folder = base_arena_printf(&arena, "%s/kits", here);
    base_node *root;
    TEST_OK(base_yaml_parse("{source: sfz, path: kits/a.sfz}", "test", &arena, &root, &err), err);
    const data_manifest_request request = {.config_folder = here, .sounds_folder = here};
    TEST_OK(data_manifest_open(root, &request, &m, &err), err);
    ck_assert_int_eq(m.n_rows, 1);
    ck_assert_str_eq(m.rows[0].path, "kits/s/k.wav");
    ck_assert_str_eq(data_row_file(&m.rows[0]), base_arena_printf(&arena, "%s/kits/s/k.wav", here));
    ck_assert_str_eq(m.rows[0].group, "a");
    data_manifest_release(&m);
    folder = base_arena_printf(&arena, "%s/kits/none.sfz", here);
    TEST_FAILS(open_sfz("", &m), BASE_ENOTFOUND, err, "none.sfz: no such folder or file");
}
END_TEST

START_TEST(says_what_is_wrong_and_where) {
    static const struct {
        const char *text, *why;
    } wrong[] = {
        {"", "kit.sfz: no <region> with a sample"},
        {"<region> key=36\n", "kit.sfz: no <region> with a sample"},
        {"\n<region sample=x.wav\n", "kit.sfz:2: a header without its '>'"},
        {"\n\n#include \"kit.sfz\"", "kit.sfz:3: includes a file that it is included by"},
        {"\n#include \"../kit.sfz\"", "kit.sfz:2: includes a file outside of the folder"},
        {"#include \"none.txt\"", "kit.sfz:1: "},
        {"#include none.txt", "kit.sfz:1: #include without a \"file\""},
        {"#define KEY 36", "kit.sfz:1: #define needs a $NAME"},
        {"\n/* <region> sample=x.wav", "kit.sfz: no <region> with a sample"},
    };
    data_manifest m;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        TEST_FAILS(open_text(wrong[i].text, &m), BASE_EFORMAT, err, wrong[i].why);
    }
    TEST_FAILS(open_text("#include \"none.txt\"", &m), BASE_EFORMAT, err,
               "none.txt: No such file or directory");
    sound_write_text(&arena, folder, "\x1b[2J.sfz", "<region> sample=k.wav");
    TEST_OK(open_sfz("", &m), err); /* one that is broken leaves the others */
    ck_assert_int_eq(m.n_rows, 1);
    ck_assert(sound_has_note(&m, "left out: "));
    data_manifest_release(&m);
    folder = test_folder();
    TEST_FAILS(open_sfz("", &m), BASE_ENOTFOUND, err, "no SFZ instrument in");
    TEST_OK(open_sfz(", otherwise: synth, per_class: 1", &m), err);
    ck_assert_int_eq(m.n_rows, DATA_SYNTH_N_CLASSES);
    data_manifest_release(&m);
}
END_TEST

/* Small files that would unfold into large ones, and large ones. */
START_TEST(texts_are_bounded) {
    data_manifest m;
    base_text text = {0};
    base_text_add(&text, "#define $A 0123456789abcdef0123456789abcdef\n");
    for (int i = 0; i < 30; i++) base_text_printf(&text, "#define $A $A$A\n");
    TEST_FAILS(open_text(base_text_string(&text), &m), BASE_EFORMAT, err,
               "more than 4 MiB of text");
    ck_assert_ptr_nonnull(strstr(err.text, "kit.sfz:17: "));
    base_text_release(&text);
    char *huge = base_alloc(5 << 20, 1);
    memset(huge, ' ', (5 << 20) - 1);
    TEST_FAILS(open_text(huge, &m), BASE_EFORMAT, err, "kit.sfz:1: more than 4 MiB of text");
    base_free(huge);
    for (int i = 0; i < 20001; i++) base_text_add(&text, "<region> sample=x\n");
    TEST_FAILS(open_text(base_text_string(&text), &m), BASE_EFORMAT, err,
               "kit.sfz:20001: more than 20,000 regions");
    base_text_release(&text);
    base_text_add(&text, "<region> sample=");
    for (int i = 0; i < 1000; i++) base_text_add(&text, "abcd/");
    TEST_FAILS(open_text(base_text_string(&text), &m), BASE_EFORMAT, err,
               "kit.sfz:1: a value of more than 4,095 bytes");
    base_text_release(&text);
    base_text_add(&text, "#include \"1.txt\"\n");
    folder = test_folder();
    sound_write_text(&arena, folder, "kit.sfz", base_text_string(&text));
    for (int i = 1; i < 20; i++) {
        sound_write_text(&arena, folder, base_arena_printf(&arena, "%d.txt", i),
                         base_arena_printf(&arena, "#include \"%d.txt\"", i + 1));
    }
    TEST_FAILS(open_sfz("", &m), BASE_EFORMAT, err, "15.txt:1: includes too many files");
    base_text_release(&text);
}
END_TEST

/* Cut anywhere, an instrument is read or refused, never worse. */
START_TEST(survives_a_text_cut_anywhere) {
    const char *whole = "#define $K key\n/* a */<group>$K=36 // b\n<region> sample=a b.wav end=9\n"
                        "<control>default_path=x/ <region> sample=c.wav";
    for (size_t n = 0; n < strlen(whole); n++) {
        data_manifest m;
        base_status status = open_text(base_arena_copy(&arena, whole, n), &m);
        ck_assert(status == BASE_OK || status == BASE_EFORMAT);
        if (status == BASE_OK) data_manifest_release(&m);
    }
}
END_TEST

TEST_MAIN("data/sources/sfz", regions_inherit, a_text_of_any_kind, includes_are_put_in,
          labels_come_from_where_one_says, keys_have_names_and_offsets,
          velocities_and_round_robins_are_one_family, a_span_of_a_sample_is_read,
          samples_stay_in_the_folder, missing_samples_are_told_like_other_files,
          a_path_may_be_a_file, says_what_is_wrong_and_where, texts_are_bounded,
          survives_a_text_cut_anywhere)
