/* Decoded clips, as the cache keeps them. The input is what follows the block. */
#include "data/cache.h"
#include "tests/fuzz/fuzz.h"

enum { VERSION = 2, N_ROWS = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const data_audio_options options = {.sample_rate_hz = 8000, .channels = 1, .seconds = 1};
    base_arena arena = {0};
    base_error err = {0};
    data_decoded decoded;
    const data_decoding decoding = {.n_rows = N_ROWS, .options = &options, .arena = &arena};
    const char *path = fuzz_h5_file("clips", VERSION, data, size);
    if (fuzz_took(data_cache_read(path, &decoding, &decoded, &err), &err)) {
        volatile float sum = 0;
        for (int64_t i = 0; i < decoded.offset[N_ROWS]; i++) sum = sum + decoded.audio[i];
        data_decoded_release(&decoded);
    }
    base_arena_release(&arena);
    return 0;
}
