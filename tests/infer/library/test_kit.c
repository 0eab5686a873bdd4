#include "infer/library/kit.h"

#include <math.h>

#include "infer/library/kit_files.h"
#include "tests/test.h"

enum { N = 8, N_CLASSES = 4, WIDTH = 2 };

static base_error err;
static base_arena arena;
static const char *const classes[N_CLASSES] = {"kick", "Tom", "thing", "other"};

/* Four kicks, of which two are one sound, three toms, one that is no drum. */
static const float probability[N][N_CLASSES] = {
    {0.9F, 0.1F, 0, 0}, {0.8F, 0.1F, 0.1F, 0}, {0.7F, 0.3F, 0, 0}, {0.9F, 0.1F, 0, 0},
    {0.1F, 0.9F, 0, 0}, {0.2F, 0.8F, 0, 0},    {0.3F, 0.7F, 0, 0}, {0.02F, 0.02F, 0.16F, 0.8F},
};
static const float embedding[N][WIDTH] = {{1, 0}, {1, 0.01F}, {0, 1}, {1, 0},
                                          {1, 1}, {1, 2},     {2, 1}, {-1, 0}};
static library_entry entries[N];

static library_index make_index(void) {
    for (int i = 0; i < N; i++) {
        entries[i] = (library_entry){.name = "x",
                                     .best = i < 4   ? 0
                                             : i < 7 ? 1
                                                     : INFER_UNKNOWN,
                                     .pitch_hz = i == 4   ? 200
                                                 : i == 5 ? NAN
                                                          : 100 - i,
                                     .content = {(uint64_t)(i == 3 ? 0 : i), 0}};
    }
    return (library_index){.classes = classes,
                           .n_classes = N_CLASSES,
                           .n = N,
                           .width = WIDTH,
                           .entries = entries,
                           .probability = &probability[0][0],
                           .embedding = &embedding[0][0]};
}

static library_kit choose(const library_kit_options *options) {
    library_kit kit;
    TEST_OK(library_kit_choose(options, &arena, &kit, &err), err);
    return kit;
}

START_TEST(the_most_probable_and_toms_by_pitch) {
    library_index index = make_index();
    library_kit_options options = {.index = &index, .refused_class = 3, .per_drum = 1};
    library_kit kit = choose(&options);
    static const struct {
        const char *name, *file;
        int note, entry;
    } rows[] = {{"Kick", "kick", 36, 0},
                {"Low tom", "lowtom", 45, 6},
                {"Mid tom", "midtom", 47, 4},
                {"High tom", "hightom", 50, 5}}; /* the one without pitch */
    ck_assert_int_eq(kit.n_drums, 4);
    for (int i = 0; i < 4; i++) {
        ck_assert_str_eq(kit.drums[i].name, rows[i].name);
        ck_assert_str_eq(kit.drums[i].file, rows[i].file);
        ck_assert_int_eq(kit.drums[i].note, rows[i].note);
        ck_assert_int_eq(kit.drums[i].n_picks, 1);
        ck_assert_int_eq(kit.drums[i].picks[0].entry, rows[i].entry);
    }
    ck_assert_double_eq_tol(kit.drums[0].picks[0].probability, 0.9, 1e-6);
    ck_assert_int_eq(kit.n_missing, 1);
    ck_assert_str_eq(kit.missing[0], "thing");
}
END_TEST

/* The second is the most different, not the next probable one; a copy never comes. */
START_TEST(several_are_unlike_each_other) {
    library_index index = make_index();
    library_kit_options options = {.index = &index, .refused_class = 3, .per_drum = 3};
    library_kit kit = choose(&options);
    ck_assert_int_eq(kit.drums[0].n_picks, 3);
    ck_assert_int_eq(kit.drums[0].picks[0].entry, 0);
    ck_assert_int_eq(kit.drums[0].picks[1].entry, 2);
    ck_assert_int_eq(kit.drums[0].picks[2].entry, 1);
    ck_assert_int_eq(kit.drums[1].n_picks, 1); /* three toms for three drums */
}
END_TEST

START_TEST(anything_is_a_drum_of_some_kind) {
    library_index index = make_index();
    library_kit_options options = {
        .index = &index, .refused_class = 3, .per_drum = 1, .from_anything = true};
    library_kit kit = choose(&options);
    ck_assert_int_eq(kit.n_missing, 0);
    const library_drum *last = &kit.drums[kit.n_drums - 1];
    ck_assert_str_eq(last->name, "thing");
    ck_assert_int_eq(last->note, 60);
    ck_assert_int_eq(last->picks[0].entry, 7);
    ck_assert_double_eq_tol(last->picks[0].probability, 0.8, 1e-6); /* 0.16 of 0.2 */
}
END_TEST

START_TEST(a_seed_draws_and_gives_the_same_again) {
    library_index index = make_index();
    bool seen[N] = {false};
    for (uint64_t seed = 1; seed <= 40; seed++) {
        library_kit_options options = {
            .index = &index, .refused_class = 3, .per_drum = 1, .seed = seed};
        int64_t a = choose(&options).drums[0].picks[0].entry;
        int64_t b = choose(&options).drums[0].picks[0].entry;
        ck_assert_int_eq(a, b);
        ck_assert_int_lt(a, 4);
        seen[a] = true;
    }
    ck_assert(seen[1] && seen[2]);
}
END_TEST

START_TEST(no_sound_is_one_line) {
    library_kit kit;
    library_index index = make_index();
    for (int i = 0; i < N; i++) entries[i].error = "broken";
    library_kit_options options = {.index = &index, .refused_class = 3, .per_drum = 1};
    TEST_FAILS(library_kit_choose(&options, &arena, &kit, &err), BASE_EDATA, err,
               "no sound for any drum");
}
END_TEST

START_TEST(files_say_what_is_in_the_kit) {
    static const library_pick picks[3];
    const library_drum drums[2] = {
        {.name = "A & B", .note = 36, .picks = picks, .n_picks = 1},
        {.name = "Closed hat", .note = 42, .choke = 1, .picks = picks + 1, .n_picks = 2}};
    const library_kit kit = {.drums = drums, .n_drums = 2};
    const char *const names[] = {"1.wav", "2.wav", "3.wav"};
    const library_kit_files files = {&kit, "My <Kit>", names};
    base_text out = {0};
    library_kit_add_hydrogen(&files, &out);
    ck_assert_ptr_nonnull(strstr(out.data, "<name>My &lt;Kit&gt;</name>"));
    ck_assert_ptr_nonnull(strstr(out.data, "<name>A &amp; B</name>"));
    ck_assert_ptr_nonnull(strstr(out.data, "<muteGroup>-1</muteGroup>"));
    ck_assert_ptr_nonnull(strstr(out.data, "<filename>3.wav</filename>"));
    ck_assert_ptr_nonnull(strstr(out.data, "ROUND_ROBIN"));
    base_text_release(&out);
    library_kit_add_sfz(&files, &out);
    ck_assert_str_eq(out.data,
                     "// My _Kit_\n\n<group> group_label=A & B\nkey=36 pitch_keycenter=36 "
                     "loop_mode=one_shot\n<region> sample=samples/1.wav\n\n<group> "
                     "group_label=Closed hat\nkey=42 pitch_keycenter=42 loop_mode=one_shot group=1 "
                     "off_by=1 off_mode=fast seq_length=2\n<region> seq_position=1 "
                     "sample=samples/2.wav\n<region> seq_position=2 sample=samples/3.wav\n");
    base_text_release(&out);
    library_kit_add_decent(&files, &out);
    ck_assert_ptr_nonnull(strstr(out.data, "<sample path=\"samples/3.wav\" rootNote=\"42\" "
                                           "loNote=\"42\" hiNote=\"42\" seqPosition=\"2\"/>"));
    base_text_release(&out);
}
END_TEST

TEST_MAIN("infer/library/kit", the_most_probable_and_toms_by_pitch, several_are_unlike_each_other,
          anything_is_a_drum_of_some_kind, a_seed_draws_and_gives_the_same_again,
          no_sound_is_one_line, files_say_what_is_in_the_kit)
