#include "data/sources/song.h"

#include "tests/test.h"

enum { B, S, CH, OH, R, FT, MT, C, N_BITS };
enum { STEPS = DATA_SONG_STEPS, BARS = 16, N_STEPS = BARS * STEPS, SONGS = 100 };

static const data_part_set bit[N_BITS] = {1, 2, 4, 8, 16, 32, 64, 128};

static void write_song(uint64_t seed, int64_t song, data_part_set *set) {
    data_song_write(seed, song, bit, BARS, set);
}

START_TEST(a_song_depends_on_seed_and_number) {
    data_part_set a[N_STEPS], b[N_STEPS];
    write_song(1, 3, a);
    write_song(1, 3, b);
    ck_assert_mem_eq(a, b, sizeof a);
    write_song(1, 4, b);
    ck_assert_mem_ne(a, b, sizeof a);
    write_song(2, 3, b);
    ck_assert_mem_ne(a, b, sizeof a);
    data_song_write(1, 3, bit, 5, b); /* a shorter one begins the same */
    ck_assert_mem_eq(a, b, 5 * STEPS * sizeof *a);
}
END_TEST

/* How often step `step` of the bars at `of_section` has all of `set`. */
static double share(data_part_set set, int of_section, int step, int first_bar) {
    int n = 0, hits = 0;
    for (int song = 0; song < SONGS; song++) {
        data_part_set notes[N_STEPS];
        write_song(7, song, notes);
        for (int bar = first_bar; bar < BARS; bar++) {
            if (bar % 4 != of_section) continue;
            hits += (notes[bar * STEPS + step] & set) == set;
            n++;
        }
    }
    return (double)hits / n;
}

START_TEST(songs_are_built_as_drummers_do) {
    ck_assert_double_gt(share(bit[S], 1, 2, 0), 0.8); /* backbeats */
    ck_assert_double_gt(share(bit[S], 1, 6, 0), 0.8);
    ck_assert_double_lt(share(bit[S], 1, 4, 0), 0.2);
    ck_assert_double_gt(share(bit[B], 1, 0, 0), 0.8);
    ck_assert_double_gt(share(bit[C], 0, 0, 1), 0.8); /* a crash after the fill */
    ck_assert_double_eq(share(bit[C], 0, 1, 0), 0);
    ck_assert_double_eq(share(bit[C], 2, 0, 0), 0);
    ck_assert_double_gt(share(bit[FT], 3, 7, 0), 0.2); /* fills */
    ck_assert_double_eq(share(bit[FT], 2, 7, 0), 0);
    ck_assert_double_eq(share(bit[MT], 3, 1, 0), 0);
    ck_assert_double_eq(share(bit[CH], 3, 7, 0), 0);
}
END_TEST

START_TEST(one_hand_keeps_the_time) {
    data_part_set notes[N_STEPS], keepers = bit[CH] | bit[OH] | bit[R];
    for (int song = 0; song < SONGS; song++) {
        write_song(1, song, notes);
        ck_assert_uint_eq(notes[0] & bit[C], 0); /* no fill came before */
        for (int i = 0; i < N_STEPS; i++) {
            data_part_set k = notes[i] & keepers;
            ck_assert_uint_eq(k & (k - 1), 0);
        }
    }
}
END_TEST

/* All of system S4's combinations occur within a test set's ten songs. */
START_TEST(ten_songs_have_all_of_s4s_classes) {
    static const data_part_set wanted[] = {
        1,      2,       4,       8,         16,        32,         64,    1 | 4,
        1 | 8,  1 | 16,  1 | 32,  1 | 128,   2 | 1,     2 | 4,      2 | 8, 2 | 16,
        2 | 32, 2 | 128, 64 | 32, 2 | 1 | 4, 2 | 1 | 8, 2 | 1 | 16, 0};
    int count[256] = {0};
    data_part_set notes[N_STEPS];
    for (int song = 0; song < 10; song++) {
        write_song(1, song, notes);
        for (int i = 0; i < N_STEPS; i++) count[notes[i]]++;
    }
    int n = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        ck_assert_int_ge(count[wanted[i]], 5);
        n += count[wanted[i]];
    }
    ck_assert_int_eq(sizeof wanted / sizeof *wanted, 23);
    ck_assert_int_gt(n, 10 * N_STEPS * 9 / 10);
}
END_TEST

START_TEST(tempos_are_in_range) {
    const double bpm[] = {80, 140};
    double least = 1, most = 0;
    for (int song = 0; song < 200; song++) {
        double step_s = data_song_step_s(1, song, bpm);
        least = step_s < least ? step_s : least;
        most = step_s > most ? step_s : most;
    }
    ck_assert(least >= 30.0 / 140 && least < 30.0 / 135);
    ck_assert(most <= 30.0 / 80 && most > 30.0 / 85);
    ck_assert_double_eq(data_song_step_s(1, 0, (const double[]){120, 120}), 0.25);
}
END_TEST

TEST_MAIN("data/sources/song", a_song_depends_on_seed_and_number, songs_are_built_as_drummers_do,
          one_hand_keeps_the_time, ten_songs_have_all_of_s4s_classes, tempos_are_in_range)
