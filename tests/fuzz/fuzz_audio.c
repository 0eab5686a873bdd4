/* A sound file: decoded whole and in part. */
#include "data/audio_file.h"
#include "tests/fuzz/fuzz.h"

static void decode(const uint8_t *data, size_t size, const data_audio_span *span) {
    data_audio audio;
    base_error err = {0};
    base_status status =
        data_audio_decode((data_audio_bytes){data, size, "fuzz"}, span, &audio, &err);
    if (fuzz_took(status, &err)) data_audio_release(&audio);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    decode(data, size, &(data_audio_span){.max_s = 2});
    decode(data, size, &(data_audio_span){.begin_s = 0.01, .end_s = 0.02});
    return 0;
}
