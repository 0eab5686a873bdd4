#include "base/h5_library.h"

#include <pthread.h>

static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

void base__h5_enter(void) {
    pthread_mutex_lock(&library);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* failures are ours to report, not its to print */
}

void base__h5_leave(void) {
    pthread_mutex_unlock(&library);
}

void base__h5_release(hid_t id) {
    if (id >= 0) H5Idec_ref(id);
}
