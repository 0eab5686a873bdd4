#include "data/sources/song.h"

enum { B, S, CH = DATA_SONG_CLOSED_HAT, OH = DATA_SONG_OPEN_HAT, R, FT, MT, C };
const char *const data_song_parts[DATA_SONG_N_PARTS] = {
    [B] = "B", [S] = "S", [CH] = "CH", [OH] = "OH", [R] = "R", [FT] = "FT", [MT] = "MT", [C] = "C"};

enum { STEPS = DATA_SONG_STEPS, SECTION_BARS = 4, NOTHING = -1 };

/* What a section's bars have in common. */
typedef struct {
    bool bass[STEPS], snare[STEPS];
    int timekeeper; /* CH, OH, R or NOTHING */
    bool eighths;   /* the timekeeper's; otherwise quarters */
} pattern;

base_rng data_song_stream(uint64_t seed, int64_t song, int64_t stream) {
    return base_rng_open(seed, BASE_RNG_PERFORMANCE, (uint64_t)song, (uint64_t)stream);
}

/* The index of one of n weights that sum to 1. */
static int choose(base_rng *rng, const double *weight, int n) {
    double at = base_rng_range(rng, 0.0, 1.0);
    int i = 0;
    while (i < n - 1 && at >= weight[i]) at -= weight[i++];
    return i;
}

static pattern draw_pattern(base_rng *rng) {
    static const double bass[STEPS] = {0.95, 0.15, 0.12, 0.25, 0.6, 0.25, 0.12, 0.2};
    static const double snare[STEPS] = {0.02, 0.06, 0.95, 0.08, 0.04, 0.08, 0.95, 0.1};
    static const int keeper[] = {CH, R, OH, NOTHING};
    static const double weight[] = {0.45, 0.25, 0.2, 0.1};
    pattern p = {0};
    for (int i = 0; i < STEPS; i++) p.bass[i] = base_rng_chance(rng, bass[i]);
    for (int i = 0; i < STEPS; i++) p.snare[i] = base_rng_chance(rng, snare[i]);
    p.timekeeper = keeper[choose(rng, weight, 4)];
    p.eighths = base_rng_chance(rng, 0.7);
    return p;
}

/* One step of a bar of the pattern, varied. Every step takes the same draws. */
static data_part_set vary(const pattern *p, int step, const data_part_set *bit, base_rng *rng) {
    bool bass = p->bass[step] != base_rng_chance(rng, 0.08);
    bool snare = p->snare[step] != base_rng_chance(rng, 0.05);
    bool skips = base_rng_chance(rng, 0.12), opens = base_rng_chance(rng, 0.15);
    bool on_time = p->eighths || step % 2 == 0;
    int keeper = p->timekeeper == CH && opens && step == STEPS - 1 ? OH : p->timekeeper;
    data_part_set set = (bass ? bit[B] : 0) | (snare ? bit[S] : 0);
    return keeper != NOTHING && on_time && !skips ? set | bit[keeper] : set;
}

static data_part_set draw_fill(const data_part_set *bit, base_rng *rng) {
    const data_part_set strokes[] = {bit[S],           bit[MT],          bit[FT], bit[MT] | bit[FT],
                                     bit[S] | bit[FT], bit[B] | bit[FT], 0};
    static const double weight[] = {0.22, 0.2, 0.2, 0.11, 0.11, 0.11, 0.05};
    return strokes[choose(rng, weight, 7)];
}

static data_part_set draw_crash(const data_part_set *bit, data_part_set otherwise, base_rng *rng) {
    const data_part_set strokes[] = {bit[B] | bit[C], bit[S] | bit[C], otherwise};
    static const double weight[] = {0.6, 0.3, 0.1};
    return strokes[choose(rng, weight, 3)];
}

void data_song_write(uint64_t seed, int64_t song, const data_part_set bit[DATA_SONG_N_PARTS],
                     int64_t bars, data_part_set *set) {
    base_rng rng = data_song_stream(seed, song, DATA_SONG_NOTES);
    pattern p = {0};
    for (int64_t bar = 0; bar < bars; bar++) {
        int64_t of_section = bar % SECTION_BARS;
        bool fills = of_section == SECTION_BARS - 1;
        if (of_section == 0) p = draw_pattern(&rng);
        int fill_from = fills ? 2 * (int)(1 + base_rng_below(&rng, 3)) : STEPS;
        for (int i = 0; i < STEPS; i++) {
            data_part_set *s = &set[bar * STEPS + i];
            *s = vary(&p, i, bit, &rng);
            if (i >= fill_from) *s = draw_fill(bit, &rng);
            if (i == 0 && of_section == 0 && bar > 0) *s = draw_crash(bit, *s, &rng);
        }
    }
}

double data_song_step_s(uint64_t seed, int64_t song, const double bpm[2]) {
    base_rng rng = data_song_stream(seed, song, DATA_SONG_TEMPO);
    return 60.0 / base_rng_range(&rng, bpm[0], bpm[1]) / 2.0;
}
