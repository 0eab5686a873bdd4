#include "tests/mix_parts.h"

#include "tests/sound.h"
#include "tests/test.h"

const char mix_classes[] = "[B, S, CH, OH, R, FT, MT, B+CH, B+OH, B+R, B+FT, B+C, S+B, S+CH, S+OH, "
                           "S+R, S+FT, S+C, MT+FT, S+B+CH, S+B+OH, S+B+R, rest]";

const char *mix_parts(base_arena *arena, const char *folder, int per_class) {
    return mix_parts_of(arena, folder, per_class, 1);
}

const char *mix_parts_of(base_arena *arena, const char *folder, int per_class, int seed) {
    sound_write_text(arena, folder, "more.yaml", "classes: {R: ride, FT: tom}\n");
    return base_arena_printf(arena,
                             "[{source: synth, per_class: %d, seed: %d, rules: %s}, "
                             "{source: synth, per_class: %d, seed: %d, rules: %s/more.yaml}]",
                             per_class, seed, test_path("../configs/labels/s4.yaml"), per_class,
                             seed + 1, folder);
}
