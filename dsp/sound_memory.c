#include "dsp/sound_memory.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

SNDFILE *dsp_sound_open(SF_VIRTUAL_IO *io, void *context, int mode, SF_INFO *info,
                        char reason[DSP_SOUND_REASON]) {
    pthread_mutex_lock(&opening);
    SNDFILE *file = sf_open_virtual(io, mode, info, context);
    if (file == NULL) snprintf(reason, DSP_SOUND_REASON, "%s", sf_strerror(NULL));
    pthread_mutex_unlock(&opening);
    return file;
}

static sf_count_t memory_size(void *context) {
    return ((dsp_sound_memory *)context)->size;
}

static sf_count_t memory_tell(void *context) {
    return ((dsp_sound_memory *)context)->at;
}

static sf_count_t memory_seek(sf_count_t offset, int whence, void *context) {
    dsp_sound_memory *file = context;
    sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file->at : file->size;
    sf_count_t at;
    if (__builtin_add_overflow(from, offset, &at) || at < 0 || at > file->size) return -1;
    return file->at = at;
}

static sf_count_t memory_read(void *to, sf_count_t n_bytes, void *context) {
    dsp_sound_memory *file = context;
    const void *from = file->out != NULL ? file->out->data : file->bytes;
    sf_count_t left = file->size - file->at;
    sf_count_t n = n_bytes < left ? n_bytes : left;
    if (n <= 0) return 0;
    memcpy(to, (const unsigned char *)from + file->at, (size_t)n);
    file->at += n;
    return n;
}

/* Overwrites what lies at the current place (headers are written again at the end), then appends.
 */
static sf_count_t memory_write(const void *from, sf_count_t n_bytes, void *context) {
    dsp_sound_memory *file = context;
    if (n_bytes <= 0) return 0;
    sf_count_t within = file->size - file->at < n_bytes ? file->size - file->at : n_bytes;
    if (within > 0) memcpy(file->out->data + file->at, from, (size_t)within);
    base_text_add_bytes(file->out, (const char *)from + within, (size_t)(n_bytes - within));
    if (file->out->failed) return 0;
    file->at += n_bytes;
    file->size = (sf_count_t)file->out->size;
    return n_bytes;
}

SNDFILE *dsp_sound_memory_open(dsp_sound_memory *file, int mode, SF_INFO *info,
                               char reason[DSP_SOUND_REASON]) {
    SF_VIRTUAL_IO io = {memory_size, memory_seek, memory_read, memory_write, memory_tell};
    return dsp_sound_open(&io, file, mode, info, reason);
}
