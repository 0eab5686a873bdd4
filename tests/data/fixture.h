/* tests/data/fixture.h - manifests and clips made in memory. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "base/arena.h"
#include "data/clips.h"
#include "tests/test.h"

typedef struct {
    data_manifest manifest;
    data_clips clips;
} fixture;

static const char *const fixture_classes[] = {"kick", "snare", "hat", "cowbell", "clap"};

/* n clips of n_channels and n_samples, silent and of full length, row i being clip i ("a/i.wav"),
 * class i % n_classes, without group or copy. */
static inline fixture fixture_new(int64_t n, int n_classes, int64_t n_channels, int64_t n_samples) {
    fixture f = {.manifest = {.n_rows = n, .classes = fixture_classes, .n_classes = n_classes},
                 .clips = {.sample_rate_hz = 44100.0,
                           .n_channels = n_channels,
                           .n_samples = n_samples,
                           .n_clips = n}};
    f.manifest.rows = base_alloc((size_t)n, sizeof *f.manifest.rows);
    f.clips.row = base_alloc((size_t)n, sizeof *f.clips.row);
    f.clips.label = base_alloc((size_t)n, sizeof *f.clips.label);
    f.clips.offset = base_alloc((size_t)n + 1, sizeof *f.clips.offset);
    f.clips.audio = base_alloc((size_t)(n * n_channels * n_samples), sizeof *f.clips.audio);
    for (int64_t i = 0; i < n; i++) {
        int label = (int)(i % n_classes);
        f.manifest.rows[i] =
            (data_row){.path = base_arena_printf(&f.manifest.arena, "a/%lld.wav", (long long)i),
                       .group = "",
                       .label = fixture_classes[label],
                       .class_index = label,
                       .content = {.low = (uint64_t)i, .high = 1},
                       .duplicate = -1};
        f.clips.row[i] = i;
        f.clips.label[i] = label;
        f.clips.offset[i + 1] = (i + 1) * n_channels * n_samples;
    }
    return f;
}

static inline void fixture_release(fixture *f) {
    base_free(f->manifest.rows);
    base_arena_release(&f->manifest.arena);
    base_free(f->clips.row);
    base_free(f->clips.label);
    base_free(f->clips.offset);
    base_free(f->clips.audio);
}

#endif
