/* log_mel FILE - prints a sound's log-mel spectrogram as CSV, a line per frame. Needs no model. */
#include <rimshot.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_MELS = 64 };

static void print_first_channel(const float *decibel, int64_t n_frames) {
    for (int64_t t = 0; t < n_frames; t++) {
        for (int m = 0; m < N_MELS; m++) {
            printf("%.3f%c", decibel[m * n_frames + t], m + 1 < N_MELS ? ',' : '\n');
        }
    }
}

int main(int argc, char **argv) {
    rimshot_log_mel_options options = {.n_mels = N_MELS};
    rimshot_error error;
    rimshot_audio audio;
    if (argc != 2) {
        fprintf(stderr, "usage: log_mel FILE\n");
        return 2;
    }
    if (rimshot_audio_read(argv[1], &audio, &error) != RIMSHOT_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    int64_t n_frames = rimshot_log_mel_frames(&options, audio.n_frames);
    float *decibel = malloc((size_t)(audio.n_channels * N_MELS * n_frames) * sizeof *decibel);
    int ok = decibel && rimshot_log_mel(&options, &audio, decibel, &error) == RIMSHOT_OK;
    if (ok) {
        print_first_channel(decibel, n_frames);
    } else {
        fprintf(stderr, "%s: %s\n", argv[1], decibel ? error.text : "out of memory");
    }
    free(decibel);
    rimshot_audio_free(&audio);
    return !ok;
}
