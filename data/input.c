#include "data/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

base_status data_input_open_descriptor(int fd, const char *name, data_input *input,
                                       base_error *err) {
    struct stat info;
    *input = (data_input){.name = name, .fd = fd, .ended_at = -1};
    if (fstat(fd, &info) != 0) return base_fail_errno(err, errno, "%s", name);
    if (!S_ISREG(info.st_mode)) return base_fail(err, BASE_EDATA, "%s: not a file", name);
    if (info.st_size == 0) return base_fail(err, BASE_EDATA, "%s: the file is empty", name);
    input->size = (int64_t)info.st_size;
    return BASE_OK;
}

base_status data_input_open(const char *path, data_input *input, base_error *err) {
    int fd;
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not block us */
    } while (fd < 0 && errno == EINTR);
    *input = (data_input){.fd = -1};
    if (fd < 0) return base_fail_errno(err, errno, "%s", path);
    base_status status = data_input_open_descriptor(fd, path, input, err);
    input->is_ours = true;
    if (status != BASE_OK) data_input_close(input);
    return status;
}

data_input data_input_of_bytes(const void *bytes, size_t n_bytes, const char *name) {
    return (data_input){
        .name = name, .fd = -1, .bytes = bytes, .size = (int64_t)n_bytes, .ended_at = -1};
}

void data_input_close(data_input *input) {
    if (input->is_ours) close(input->fd);
    input->is_ours = false;
    input->fd = -1;
}

int64_t data_input_read(data_input *input, int64_t at, void *to, int64_t n) {
    int64_t done = 0;
    if (at < 0 || n < 0 || at >= input->size) return 0;
    if (n > input->size - at) n = input->size - at;
    if (input->fd < 0) {
        memcpy(to, (const char *)input->bytes + at, (size_t)n);
        return n;
    }
    while (done < n && input->failure == 0) {
        ssize_t got = pread(input->fd, (char *)to + done, (size_t)(n - done), (off_t)(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) input->failure = errno;
        if (got == 0) input->ended_at = at + done;
        if (got <= 0) break;
        done += got;
    }
    return done;
}

base_status data_input_check(const data_input *input, base_error *err) {
    if (input->failure != 0) return base_fail_errno(err, input->failure, "%s", input->name);
    if (input->ended_at < 0) return BASE_OK;
    return base_fail(err, BASE_EIO, "%s: ended at byte %lld of %lld while it was read", input->name,
                     (long long)input->ended_at, (long long)input->size);
}

base_status data_input_digest(data_input *input, base_digest *digest, base_error *err) {
    enum { READ_BYTES = 1 << 18 };
    void *block = base_alloc(1, READ_BYTES);
    if (block == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", input->name);
    *digest = base_digest_bytes(NULL, 0);
    for (int64_t at = 0, n; at < input->size; at += n) {
        n = data_input_read(input, at, block, READ_BYTES);
        if (n == 0) break;
        *digest = base_digest_join(*digest, base_digest_bytes(block, (size_t)n));
    }
    base_free(block);
    return data_input_check(input, err);
}
