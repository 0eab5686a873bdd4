/* A training's checkpoint, as resuming reads it. The input is what follows the block. */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/state.h"

enum { VERSION = 2 };

static fuzz_state state;

static void release(void) {
    fuzz_state_release(&state);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_state_open(&state);
    atexit(release);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    base_error err = {0};
    const char *path = fuzz_h5_file("checkpoint", VERSION, data, size);
    if (fuzz_took(train_checkpoint_read(&state.state, path, &err), &err)) {
        fuzz_need(state.state.n_epochs <= FUZZ_STATE_EPOCHS, "the number of epochs");
    }
    return 0;
}
