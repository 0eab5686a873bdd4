#include <errno.h>
#include <stdlib.h>

#include "data/synth.h"
#include "tests/fail_reads.h"
#include "tests/sound.h"
#include "tests/test.h"

#define KIT(instruments)                                                                           \
    "<?xml version=\"1.0\"?><drumkit_info><name>k</name><instrumentList>" instruments              \
    "</instrumentList></drumkit_info>"

static base_error err;
static base_arena arena;

static base_status open_kits(const char *folder, data_manifest *m) {
    return sound_open_manifest(
        &arena, base_arena_printf(&arena, "{source: hydrogen, path: %s}", folder), ".", m, &err);
}

START_TEST(reads_kits_of_every_age) {
    data_manifest m;
    const char *folder = test_folder();
    sound_write_text(&arena, folder, "old/drumkit.xml",
                     KIT("<instrument><id>0</id><filename>bd.flac</filename><name> Kick &amp; Co\n"
                         "</name></instrument>"));
    sound_write_text(
        &arena, folder, "layers/drumkit.xml",
        "<drumkit_info xmlns=\"http://www.hydrogen-music.org/drumkit\"><instrumentList>"
        "<instrument><name>Snare</name>"
        "<layer><filename>s1.wav</filename></layer>"
        "<layer><filename>s2.wav</filename></layer>"
        "<layer><filename>s1.wav</filename></layer></instrument>"
        "<instrument><name/><layer><filename>x.wav</filename></layer></instrument>"
        "<instrument><name>17</name><filename></filename></instrument>"
        "<instrument><name>Rim</name><layer><filename>s1.wav</filename></layer>"
        "</instrument></instrumentList></drumkit_info>");
    sound_write_text(&arena, folder, "new/drumkit.xml",
                     KIT("<instrument><name>Tom</name><instrumentComponent><component_id>0"
                         "</component_id><layer><filename>sub/t.wav</filename></layer>"
                         "</instrumentComponent></instrument>"));
    sound_write_text(&arena, folder, "no kit/readme.txt", "-");
    TEST_OK(open_kits(folder, &m), err);
    ck_assert_int_eq(m.n_rows, 6);
    ck_assert_str_eq(sound_find_row(&m, "/old/bd.flac")->label, "Kick & Co");
    ck_assert_str_eq(sound_find_row(&m, "/old/bd.flac")->group, "old");
    ck_assert_str_eq(sound_find_row(&m, "/layers/s2.wav")->label, "Snare");
    ck_assert_str_eq(sound_find_row(&m, "/layers/x.wav")->left_out, "no label");
    ck_assert_str_eq(sound_find_row(&m, "/new/sub/t.wav")->label, "Tom");
    ck_assert_str_eq(m.rows[3].label, "Rim"); /* the same file by another name is another row */
    data_manifest_release(&m);
    TEST_OK(open_kits(base_path_join(&arena, folder, "new/"), &m), err); /* one kit's own folder */
    ck_assert_int_eq(m.n_rows, 1);
    ck_assert_str_eq(m.rows[0].group, "new");
    data_manifest_release(&m);
}
END_TEST

START_TEST(files_stay_in_their_kit) {
    static const char *const outside[] = {"/etc/passwd.wav", "../b.wav", "a/../../b.wav", "a/.."};
    data_manifest m;
    const char *folder = test_folder();
    base_text xml = {0};
    base_text_add(&xml, "<k><instrumentList><instrument><name>a</name>");
    base_text_add(&xml, "<filename>ok..wav</filename>");
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        base_text_printf(&xml, "<filename>%s</filename>", outside[i]);
    base_text_add(&xml, "</instrument></instrumentList></k>");
    sound_write_text(&arena, folder, "kit/drumkit.xml", base_text_string(&xml));
    TEST_OK(open_kits(folder, &m), err);
    ck_assert_int_eq(m.n_rows, 5);
    ck_assert_ptr_null(m.rows[0].left_out);
    for (int i = 1; i < 5; i++) {
        ck_assert_str_eq(m.rows[i].left_out, "the file lies outside of its kit");
        ck_assert_int_eq(m.rows[i].class_index, -1);
    }
    data_manifest_release(&m);
    base_text_release(&xml);
}
END_TEST

START_TEST(broken_kits_are_left_out_with_a_note) {
    data_manifest m;
    const char *folder = test_folder();
    sound_write_text(&arena, folder, "bad/drumkit.xml", "<drumkit_info>\n<instrumentList>\n</x>");
    sound_write_text(&arena, folder, "empty/drumkit.xml", "");
    sound_write_text(&arena, folder, "other/drumkit.xml", "<html/>");
    TEST_FAILS(open_kits(folder, &m), BASE_EFORMAT, err, "no readable Hydrogen drum kit");
    TEST_FAILS(open_kits(folder, &m), BASE_EFORMAT, err, "bad/drumkit.xml:3: ");
    sound_write_text(&arena, folder, "good/drumkit.xml",
                     KIT("<instrument><name>Kick</name><filename>k.wav</filename></instrument>"));
    TEST_OK(open_kits(folder, &m), err);
    ck_assert_int_eq(m.n_rows, 1);
    ck_assert_int_eq(m.n_notes, 3);
    ck_assert(sound_has_note(&m, "kit 'bad' left out: "));
    ck_assert(sound_has_note(&m, "kit 'empty' left out: "));
    ck_assert(sound_has_note(&m, "other/drumkit.xml: no list of instruments"));
    data_manifest_release(&m);
    sound_write_text(&arena, folder, "\x1b[2J\nnote/drumkit.xml", "");
    TEST_OK(open_kits(folder, &m), err);
    ck_assert(sound_has_note(&m, "kit '\\x1b[2J\\x0anote' left out: "));
    data_manifest_release(&m);
}
END_TEST

START_TEST(entities_do_not_unfold) {
    data_manifest m;
    const char *folder = test_folder();
    sound_write_text(&arena, folder, "outside.txt", "secret");
    const char *declarations = base_arena_printf(
        &arena, "<!DOCTYPE k [<!ENTITY a \"haha\"><!ENTITY f SYSTEM \"%s/outside.txt\">]>", folder);
    static const char *const names[] = {"&a;", "&f;"};
    for (int i = 0; i < 2; i++) {
        const char *xml = base_arena_printf(
            &arena, "%s<k><instrumentList><instrument><name>%s</name><filename>x</filename>%s",
            declarations, names[i], "</instrument></instrumentList></k>");
        sound_write_text(&arena, folder, "kit/drumkit.xml", xml);
        TEST_FAILS(open_kits(folder, &m), BASE_EFORMAT, err, "not defined");
    }
}
END_TEST

START_TEST(searches_the_data_folders) {
    data_manifest m;
    const char *folder = test_folder();
    const char *kick = KIT("<instrument><name>Kick</name><filename>k.wav</filename></instrument>");
    sound_write_text(&arena, folder, "one/hydrogen/data/drumkits/A/drumkit.xml", kick);
    sound_write_text(&arena, folder, "two/hydrogen/data/drumkits/A/drumkit.xml", kick);
    sound_write_text(&arena, folder, "two/hydrogen/data/drumkits/B/drumkit.xml", kick);
    setenv("XDG_DATA_DIRS",
           base_arena_printf(&arena, "relative:%s/none:%s/one:%s/two", folder, folder, folder), 1);
    TEST_OK(sound_open_manifest(&arena, "{source: hydrogen}", ".", &m, &err), err);
    ck_assert_int_eq(m.n_rows, 2);
    sound_find_row(&m, "one/hydrogen/data/drumkits/A/k.wav");
    sound_find_row(&m, "two/hydrogen/data/drumkits/B/k.wav");
    data_manifest_release(&m);
    setenv("XDG_DATA_DIRS", base_arena_printf(&arena, "%s/none", folder), 1);
    TEST_FAILS(sound_open_manifest(&arena, "{source: hydrogen}", ".", &m, &err), BASE_ENOTFOUND,
               err, "no Hydrogen drum kits found (package hydrogen-drumkits)");
    TEST_OK(sound_open_manifest(&arena, "{source: hydrogen, otherwise: synth, per_class: 2}", ".",
                                &m, &err),
            err);
    ck_assert_int_eq(m.n_rows, 2 * DATA_SYNTH_N_CLASSES);
    ck_assert(sound_has_note(&m, "no Hydrogen drum kits found (package hydrogen-drumkits); using "
                                 "the built-in synthesiser instead"));
    data_manifest_release(&m);
}
END_TEST

/* Cut anywhere, a kit is read or refused, never worse. */
START_TEST(survives_a_kit_cut_anywhere) {
    const char *whole = KIT("<instrument><name>K</name><filename>k.wav</filename></instrument>");
    const char *folder = test_folder();
    data_manifest m;
    for (size_t n = 0; n < strlen(whole); n++) {
        sound_write_text(&arena, folder, "kit/drumkit.xml", base_arena_copy(&arena, whole, n));
        TEST_FAILS(open_kits(folder, &m), BASE_EFORMAT, err, "kit/drumkit.xml:");
    }
}
END_TEST

/* A kit that cannot be read may be whole: it is told, not noted as broken. */
START_TEST(a_failed_read_is_no_broken_kit) {
    const char *folder = test_folder();
    sound_tone tone = {0.1, 440, 44100, 0.5, 1};
    for (int i = 0; i < 2; i++) {
        const char *kit = base_arena_printf(&arena, "%s/kit%d", folder, i);
        sound_write_text(&arena, kit, "drumkit.xml",
                         KIT("<instrument><name>K</name><filename>k.wav</filename></instrument>"));
        sound_write_tone(&arena, kit, "k.wav", tone);
    }
    data_audio_options o;
    TEST_OK(base_options_bind(data_audio_table, NULL, &o, &arena, &err), err);
    for (long n = 1; n <= 2; n++) { /* opening, reading */
        data_manifest m;
        data_clips clips;
        fail_reads_arm("kit1/drumkit.xml", n, EIO);
        TEST_OK(open_kits(folder, &m), err);
        ck_assert_int_ge(fail_reads_disarm(), n);
        ck_assert_int_eq(m.n_rows, 1);
        ck_assert_int_eq(m.n_unread, 1);
        TEST_FAILS(data_clips_open(&m, &o, NULL, &clips, &err), BASE_EIO, err,
                   "kit1/drumkit.xml: Input/output error");
        data_manifest_release(&m);
        fail_reads_arm("/drumkit.xml", n, EMFILE);
        base_status status = sound_open_manifest(
            &arena,
            base_arena_printf(&arena, "{source: hydrogen, path: %s/kit0, otherwise: synth}",
                              folder),
            ".", &m, &err);
        fail_reads_disarm();
        TEST_FAILS(status, BASE_EIO, err, "kit0/drumkit.xml: Too many open files");
    }
}
END_TEST

TEST_MAIN("data/sources/hydrogen", reads_kits_of_every_age, files_stay_in_their_kit,
          broken_kits_are_left_out_with_a_note, entities_do_not_unfold, searches_the_data_folders,
          survives_a_kit_cut_anywhere, a_failed_read_is_no_broken_kit)
