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
    program_expect(
        folder,
        base_arena_printf(
            &arena,
            "$RIMSHOT train %s --out run --quiet 'dataset[0].parts=%s' 'dataset[1].parts=%s' "
            "'dataset[0].per_class=4' 'dataset[0].pools=2' 'dataset[1].pools=1' "
            "'dataset[1].songs=2' 'dataset[1].bars=8' 'network=[flatten, linear: classes]' "
            "'features={kind: log_mel, n_fft: 512, hop: 256, n_mels: 8}' augment=[] "
            "train.epochs=1 train.final=none audio.sample_rate=16000",
            test_path("../configs/systems/s4.yaml"), parts, parts),
        0, NULL);
    program_expect(folder,
                   "test $(grep -c '^mix:' run/folds.csv) -gt 80 && "
                   "test $(grep -c '^performance:' run/fold1/unseen.csv) -gt 80 && "
                   "! grep -q '^performance:' run/fold1/predictions.csv",
                   0, NULL);
}
END_TEST

TEST_MAIN("cli/mixing", songs_are_written_with_their_crops, what_cannot_be_written_is_named,
          a_run_on_mixes_can_be_repeated_from_its_folder, system_s4s_data_are_learnt_and_tested)
