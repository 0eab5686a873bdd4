#include "base/h5_block.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"

/* The block in front, by byte offset. */
enum {
    BLOCK_KIND = 8,
    BLOCK_VERSION = 24,
    BLOCK_CHECK = 28, /* of the bytes before it: they are too few for the digest to cover them */
    BLOCK_LENGTH = 32,
    BLOCK_DIGEST = 40,
    BLOCK_USED = 56,
    BLOCK_BYTES = BASE__H5_BLOCK_BYTES,
    KIND_BYTES = BASE__H5_KIND_BYTES
};
static const char magic[BASE__H5_MAGIC_BYTES + 1] = "rimshot\n";

static void store(unsigned char *out, uint64_t value, int n_bytes) {
    for (int i = 0; i < n_bytes; i++) out[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t load(const unsigned char *in, int n_bytes) {
    uint64_t value = 0;
    for (int i = 0; i < n_bytes; i++) value |= (uint64_t)in[i] << 8 * i;
    return value;
}

static uint32_t block_check(const unsigned char *block) {
    return (uint32_t)base_digest_bytes(block, BLOCK_CHECK).low;
}

void base__h5_block_fill(unsigned char *block, const char *kind, uint32_t version, size_t n_bytes) {
    base_digest digest = base_digest_bytes(block + BLOCK_BYTES, n_bytes);
    memcpy(block, magic, sizeof magic - 1);
    memcpy(block + BLOCK_KIND, kind, strlen(kind));
    store(block + BLOCK_VERSION, version, 4);
    store(block + BLOCK_CHECK, block_check(block), 4);
    store(block + BLOCK_LENGTH, n_bytes, 8);
    store(block + BLOCK_DIGEST, digest.low, 8);
    store(block + BLOCK_DIGEST + 8, digest.high, 8);
}

static bool rest_is_zero(const unsigned char *block) {
    for (int i = BLOCK_USED; i < BLOCK_BYTES; i++) {
        if (block[i] != 0) return false;
    }
    return true;
}

/* The order matters: what the file claims to be is told apart from damage to it. */
base_status base__h5_block_check(const unsigned char *block, size_t n_file_bytes, const char *path,
                                 const char *kind, uint32_t max_version, base_error *err) {
    if (n_file_bytes < BLOCK_BYTES || memcmp(block, magic, sizeof magic - 1) != 0) {
        return base_fail(err, BASE_EFORMAT, "%s: not a rimshot file", path);
    }
    if (load(block + BLOCK_CHECK, 4) != block_check(block) || !rest_is_zero(block)) {
        return base_fail(err, BASE_EDIGEST, "%s: the head of the file is damaged", path);
    }
    char found[KIND_BYTES + 1] = {0};
    memcpy(found, block + BLOCK_KIND, KIND_BYTES);
    if (strcmp(found, kind) != 0) {
        return base_fail(err, BASE_EMISMATCH, "%s: a file of kind '%s', not '%s'", path, found,
                         kind);
    }
    uint64_t version = load(block + BLOCK_VERSION, 4);
    if (version > max_version) {
        return base_fail(err, BASE_EFORMAT,
                         "%s: format version %" PRIu64 " is newer than this program, which reads %s"
                         " files up to %" PRIu32,
                         path, version, kind, max_version);
    }
    uint64_t length = load(block + BLOCK_LENGTH, 8), n_bytes = n_file_bytes - BLOCK_BYTES;
    if (length != n_bytes) {
        return base_fail(err, BASE_EDIGEST,
                         "%s: %" PRIu64 " bytes of content where %" PRIu64 " were written", path,
                         n_bytes, length);
    }
    base_digest digest = {.low = load(block + BLOCK_DIGEST, 8),
                          .high = load(block + BLOCK_DIGEST + 8, 8)};
    if (!base_digest_equal(digest, base_digest_bytes(block + BLOCK_BYTES, n_bytes))) {
        return base_fail(err, BASE_EDIGEST, "%s: the content does not match its digest", path);
    }
    return BASE_OK;
}

uint32_t base__h5_block_version(const unsigned char *block) {
    return (uint32_t)load(block + BLOCK_VERSION, 4);
}

bool base__h5_block_begins(const unsigned char start[BASE__H5_MAGIC_BYTES]) {
    return memcmp(start, magic, BASE__H5_MAGIC_BYTES) == 0;
}
