/* From a recording to slices, and from slices to a trained network. */
#include <stdio.h>

#include "tests/model_make.h"
#include "tests/program.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_arena arena;

/* A folder with "song.wav", four strokes, and a model that classifies somehow. */
static const char *make_song(void) {
    static const double at_s[] = {0.3, 0.6, 1.0, 2.0};
    const char *folder = test_folder();
    model_make(base_path_join(&arena, folder, "model.h5"), 1);
    sound_write_strokes(&arena, folder, "song.wav", (sound_strokes){3, at_s, 4});
    program_write(folder, "song.txt", "0.31 KD\n0.6 SD\n1 KD\n2 HH\n");
    program_write(folder, "rules.yaml",
                  "classes: {kick: ['KD*'], snare: ['SD*']}\nleave_out: ['XX']\n");
    return folder;
}

START_TEST(a_recording_becomes_slices) {
    const char *folder = make_song();
    program_expect(folder, "$RIMSHOT slice model.h5 song.wav --out s >said", 0, NULL);
    program_expect(folder, "grep -q '^song.wav  4 slices  ' said", 0, NULL);
    program_expect(folder,
                   "test $(ls s/song_000[1-4]_*.wav | wc -l) = 4 && test $(ls s | wc -l) = 7", 0,
                   NULL);
    program_expect(folder, "test -s s/song.svg && test -s s/song.png", 0, NULL);
    program_expect(folder,
                   "head -1 s/labels.csv | grep -qx "
                   "path,label,group,class,probability,recording,onset_s,from_s,to_s",
                   0, NULL);
    /* Each begins no more than 8 ms before its stroke, and is its own sound. */
    program_expect(folder,
                   "awk -F, 'NR == 1 {next} {d = (NR == 2 ? .3 : NR == 3 ? .6 : NR == 4 ? 1 : 2) - "
                   "$8; if (d < 0 || d > .008 || $2 != $4) exit 1}' s/labels.csv",
                   0, NULL);
    program_expect(
        folder,
        "$RIMSHOT classify model.h5 s --format csv | cut -d, -f2 | tail -n +2 >a; cut -d, "
        "-f4 s/labels.csv | tail -n +2 | cmp - a",
        0, NULL);
    program_expect(folder, "$RIMSHOT slice model.h5 song.wav --out s", 1, "s: is not empty");
    program_expect(folder, "$RIMSHOT slice model.h5 song.wav --out t --format flac --threads 3", 0,
                   NULL);
    program_expect(folder, "cut -d, -f2- s/labels.csv >a; cut -d, -f2- t/labels.csv | cmp a -", 0,
                   NULL);
}
END_TEST

START_TEST(a_dry_run_tells_and_writes_nothing) {
    const char *folder = make_song();
    program_expect(folder, "$RIMSHOT slice model.h5 song.wav --dry-run --json --out s >said", 0,
                   NULL);
    program_expect(folder,
                   "test ! -e s && test $(grep -c '\"onset_s\": [0-9.]*, \"from_s\"' said) = 4", 0,
                   NULL);
}
END_TEST

START_TEST(annotations_label_slices) {
    const char *folder = make_song();
    program_expect(folder, "$RIMSHOT slice model.h5 song.wav --annotations song.txt --out s", 0,
                   NULL);
    program_expect(
        folder, "cut -d, -f2 s/labels.csv | tr '\\n' ' ' | grep -qx 'label KD SD KD HH '", 0, NULL);
    program_expect(folder, "$RIMSHOT slice model.h5 song.wav --annotations . --out t", 0, NULL);
    program_expect(folder, "$RIMSHOT slice model.h5 song.wav --annotations './*.txt' --out u", 0,
                   NULL);
    program_expect(folder, "cmp s/labels.csv t/labels.csv && cmp s/labels.csv u/labels.csv", 0,
                   NULL);
}
END_TEST

START_TEST(mistakes_are_one_line) {
    const char *folder = make_song();
    program_expect(folder,
                   "$RIMSHOT slice model.h5 song.wav --annotations song.txt --rules rules.yaml", 1,
                   "song.txt:4: label 'HH' at 2 s is no class of rules.yaml: no rule matches");
    program_write(folder, "song.txt", "1 KD\n9 KD\n");
    program_expect(folder, "$RIMSHOT slice model.h5 song.wav --annotations song.txt", 1,
                   "song.txt:2: 9 s lies past the end of the recording (3 s)");
    program_write(folder, "song.txt", "1 KD\n0.5 KD\n");
    program_expect(folder, "$RIMSHOT slice model.h5 song.wav --annotations song.txt", 1,
                   "song.txt:2: 0.5 s comes after 1 s");
    program_expect(folder, "mkdir none && $RIMSHOT slice model.h5 song.wav --annotations none", 1,
                   "song.wav: no annotation none/song");
    program_expect(folder,
                   "cp song.wav b.wav; $RIMSHOT slice model.h5 song.wav b.wav --annotations "
                   "song.txt",
                   2, "--annotations=song.txt: is one file for 2 recordings");
    program_expect(folder, "$RIMSHOT slice model.h5 song.wav --rules rules.yaml", 2, "--rules: is");
    program_expect(folder, "$RIMSHOT slice model.h5 song.wav --format mp3", 2, "--format=mp3");
    program_expect(folder, "$RIMSHOT slice model.h5 rules.yaml --out x", 1, "rules.yaml: not an");
    program_expect(folder, "$RIMSHOT slice model.h5 nowhere.wav --out x", 1, "nowhere.wav");
    program_expect(folder, "test ! -e slices/labels.csv", 0, NULL);
}
END_TEST

static const char config[] = "audio: {sample_rate: 22050, seconds: 0.25}\n"
                             "features: {kind: log_mel, n_fft: 512, hop: 256, n_mels: 16}\n"
                             "network: [to_sequence, {time_pool: mean}, {linear: classes}]\n"
                             "train: {epochs: 1, batch: 4}\n"
                             "folds: {k: 2}\n";

START_TEST(slices_train_a_network) {
    const char *folder = make_song();
    char text[1024];
    program_expect(folder,
                   "$RIMSHOT slice model.h5 song.wav --annotations song.txt --out s && sed -i "
                   "'s/,HH,/,SD,/' s/labels.csv",
                   0, NULL);
    snprintf(text, sizeof text, "name: cut\ndataset: {source: csv, path: s}\n%s", config);
    program_write(folder, "cut.yaml", text);
    program_expect(folder, "$RIMSHOT train cut.yaml --out run --quiet", 0, NULL);
    program_expect(folder, "test $(grep -c ',song,' run/manifest.csv) = 4", 0, NULL);
    /* The recording itself does as well. */
    program_write(folder, "song.txt", "0.31 KD\n0.6 SD\n1 KD\n2 SD\n");
    snprintf(text, sizeof text, "name: song\ndataset: {source: slices, path: .}\n%s", config);
    program_write(folder, "song.yaml", text);
    program_expect(folder, "$RIMSHOT train song.yaml --out run2 --quiet", 0, NULL);
    program_expect(folder, "test $(grep -c ',song,' run2/manifest.csv) = 4", 0, NULL);
}
END_TEST

TEST_MAIN("cli/slice", a_recording_becomes_slices, a_dry_run_tells_and_writes_nothing,
          annotations_label_slices, mistakes_are_one_line, slices_train_a_network)
