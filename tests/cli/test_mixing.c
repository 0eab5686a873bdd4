/* Mixes and performances as their users meet them: written out to listen to, and trained on. */
#include "tests/mix_parts.h"
#include "tests/program.h"
#include "tests/test.h"

static base_arena arena;

/* Writes "mixed.yaml": a data set of these keys in a small experiment; `more` follows it. */
static const char *experiment(const char *keys, const char *more) {
    const char *folder = test_folder();
    program_write(
        folder, "mixed.yaml",
        base_arena_printf(&arena,
                          "name: mixed\ndataset: {%s, parts: %s}\n"
                          "audio: {sample_rate: 16000, channels: 1, seconds: 0.2}\n"
                          "features: {kind: log_mel, n_fft: 512, hop: 256, n_mels: 8}\n%s",
                          keys, mix_parts(&arena, folder, 3), more));
    return folder;
}

/* The folder that is written is a data set of the same sounds. */
START_TEST(songs_are_written_with_their_crops) {
    const char *folder = experiment("source: performance, songs: 2, bars: 4, pools: 2, classes: "
                                    "[B, S, CH, OH, R, B+CH, B+OH, B+R, S+CH, S+OH, S+R, rest]",
                                    "");
    const char *out =
        program_expect(folder, "$RIMSHOT data performance mixed.yaml --out songs", 0, NULL).out;
    ck_assert_str_eq(out, "2 songs with 64 crops in songs/labels.csv\n");
    program_expect(folder,
                   "test -s songs/song1_001.wav && test -s songs/song1_002.wav && "
                   "test $(wc -l <songs/labels.csv) = 65 && "
                   "head -1 songs/labels.csv | grep -x path,label,group,begin_s,end_s",
                   0, NULL);
    program_write(folder, "cut.yaml",
                  "dataset: {source: csv, path: songs}\n"
                  "audio: {sample_rate: 16000, channels: 1, seconds: 0.2}\n");
    program_expect(
        folder,
        "$RIMSHOT data overview mixed.yaml --out made && "
        "$RIMSHOT data overview cut.yaml --out cut && "
        "awk -F, '$8 !~ /^no class/ && $14 {print $2, $5, $14}' made/manifest.csv >a && "
        "awk -F, '{print $2, $5, $14}' cut/manifest.csv >b && test $(wc -l <a) -gt 40 && "
        "! grep -vxFf b a",
        0, NULL);
}
END_TEST

START_TEST(what_cannot_be_written_is_named) {
    const char *folder = experiment("source: mix, classes: [B, S], per_class: 2", "");
    program_expect(folder, "$RIMSHOT data performance mixed.yaml", 2, "--out DIR is missing");
    program_expect(folder, "$RIMSHOT data performance mixed.yaml --out songs", 1,
                   "mixed.yaml: has no 'source: performance'");
    program_expect(folder, "test ! -e songs", 0, NULL);
}
END_TEST

/* Pools are the kits that folds keep apart; the run folder has the parts' rules, too. */
START_TEST(a_run_on_mixes_can_be_repeated_from_its_folder) {
    const char *folder =
        experiment("source: mix, classes: [B, S, B+S, rest], per_class: 6, pools: 2",
                   "network: [flatten, linear: classes]\n"
                   "train: {epochs: 1, batch: 8, final: none}\nfolds: {k: 2, group: [kit]}\n");
    program_expect(folder, "$RIMSHOT train mixed.yaml --out run --quiet", 0, NULL);
    program_expect(folder, "cmp more.yaml run/rules2.yaml && rm more.yaml", 0, NULL);
    program_expect(folder,
                   "test $(awk -F, 'NR > 1 {print $5, $6}' run/folds.csv | sort -u | wc -l) = 2 && "
                   "grep -q '^mix:B+S:3:1,0,0,synth:.* dB .* ms + synth:.*,B+S,pool2,' "
                   "run/manifest.csv",
                   0, NULL);
    program_expect(
        folder, "$RIMSHOT train run/config.yaml --out again --quiet && diff -r run again", 0, NULL);
}
END_TEST

/* System S4's data set, smaller and with synthesised parts: learnt from mixes, tested on crops. */
START_TEST(system_s4s_data_are_learnt_and_tested) {
    const char *folder = test_folder(), *parts = mix_parts(&arena, folder, 3);
    const char *other_parts = mix_parts_of(&arena, folder, 3, 3);
    program_expect(
        folder,
        base_arena_printf(
            &arena,
            "$RIMSHOT train %s --out run --quiet 'dataset[0].parts=%s' 'dataset[1].parts=%s' "
            "'dataset[0].per_class=4' 'dataset[0].pools=2' 'dataset[1].pools=1' "
            "'dataset[1].songs=2' 'dataset[1].bars=8' 'network=[flatten, linear: classes]' "
            "'features={kind: log_mel, n_fft: 512, hop: 256, n_mels: 8}' augment=[] "
            "train.epochs=1 train.final=none audio.sample_rate=16000",
            test_path("../configs/systems/s4.yaml"), parts, other_parts),
        0, NULL);
    program_expect(folder,
                   "test $(grep -c '^mix:' run/folds.csv) -gt 80 && "
                   "test $(grep -c '^performance:' run/fold1/unseen.csv) -gt 80 && "
                   "! grep -q '^performance:' run/fold1/predictions.csv",
                   0, NULL);
}
END_TEST

#define LITTLE                                                                                     \
    "audio: {sample_rate: 16000, channels: 1, seconds: 0.2}\n"                                     \
    "features: {kind: log_mel, n_fft: 512, hop: 256, n_mels: 8}\n"                                 \
    "network: [flatten, linear: classes]\n"                                                        \
    "train: {epochs: 1, batch: 8, final: none}\n"
#define ONE_SHOTS "{source: synth, per_class: 6, classes: [kick, snare]}"

/* Of twelve one-shots, four are in each pool, as are 12 of the mixes. Six others stay alone. */
START_TEST(mixes_are_dealt_with_their_parts) {
    const char *folder = test_folder();
    program_write(folder, "mixed.yaml",
                  "name: mixed\n"
                  "dataset:\n"
                  "  - " ONE_SHOTS "\n"
                  "  - {source: mix, parts: " ONE_SHOTS ", classes: [kick, snare, kick+snare], "
                  "per_class: 12, pools: 3}\n"
                  "  - {source: synth, per_class: 3, seed: 8, classes: [kick, snare]}\n" LITTLE
                  "folds: {k: 3}\n");
    program_expect(folder, "$RIMSHOT train mixed.yaml --out run --quiet", 0, NULL);
    program_expect(folder,
                   "test \"$(awk -F, 'NR > 1 {print $5}' run/folds.csv | sort | uniq -c | "
                   "awk '{print $1}' | sort -n | tr '\\n' ' ')\" = '1 1 1 1 1 1 16 16 16 ' && "
                   "test $(awk -F, 'NR > 1 {print $5, $6}' run/folds.csv | sort -u | wc -l) = 9",
                   0, NULL);
    program_expect(folder, "$RIMSHOT train mixed.yaml folds.k=4 --out four", 1,
                   "groups of samples, fewer than folds.k = 4");
}
END_TEST

START_TEST(mixes_of_a_sound_for_testing_are_not_trained_on) {
    const char *folder = test_folder();
    program_write(folder, "mixed.yaml",
                  "name: mixed\n"
                  "dataset:\n"
                  "  - {source: mix, parts: " ONE_SHOTS ", classes: [kick, snare], per_class: 24, "
                  "pools: 3}\n"
                  "  - {source: synth, per_class: 1, classes: [kick], use: test}\n" LITTLE
                  "folds: {k: 3, group: [kit]}\n");
    program_end end = program_expect(folder, "$RIMSHOT train mixed.yaml --out run", 0, NULL);
    ck_assert_ptr_nonnull(strstr(end.err, " sounds are not trained on: "));
    program_expect(folder,
                   "test $(grep '^mix:.*made from synth:kick:0:1' run/manifest.csv | tee out | "
                   "wc -l) -gt 2 && ! grep -v 'synth:kick:0:1 .*made from synth:kick:0:1, a copy "
                   "of a sound for testing (use: test): synth:kick:0:1' out && "
                   "! cut -d, -f1 out | grep -Ff - run/folds.csv",
                   0, NULL);
}
END_TEST

TEST_MAIN("cli/mixing", songs_are_written_with_their_crops, what_cannot_be_written_is_named,
          a_run_on_mixes_can_be_repeated_from_its_folder, mixes_are_dealt_with_their_parts,
          mixes_of_a_sound_for_testing_are_not_trained_on, system_s4s_data_are_learnt_and_tested)
