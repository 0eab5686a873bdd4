#include "infer/library/tar.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { BLOCK = 512, NAME_BYTES = 100, LEVEL = 6, GZIP = 16 };

/* The header of POSIX.1-1988 ("ustar"); numbers are octal texts. */
typedef struct {
    char name[NAME_BYTES], mode[8], owner[8], group[8], size[12], time[12], sum[8], kind;
    char link[NAME_BYTES], magic[6], version[2], rest[247];
} header;

static void add_padding(base_text *out, size_t n_bytes) {
    static const char zeros[BLOCK];
    base_text_add_bytes(out, zeros, (BLOCK - n_bytes % BLOCK) % BLOCK);
}

void library_tar_add(library_tar *tar, const char *name, const void *data, size_t n_bytes) {
    header h = {.kind = '0', .magic = "ustar", .version = {'0', '0'}};
    _Static_assert(sizeof h == BLOCK, "a header is one block");
    size_t n_name = strlen(name);
    tar->refused |= n_name > NAME_BYTES || n_bytes > 077777777777;
    if (tar->refused) return;
    memcpy(h.name, name, n_name);
    snprintf(h.mode, sizeof h.mode, "%07o", 0644);
    snprintf(h.owner, sizeof h.owner, "%07o", 0);
    snprintf(h.group, sizeof h.group, "%07o", 0);
    snprintf(h.size, sizeof h.size, "%011zo", n_bytes);
    snprintf(h.time, sizeof h.time, "%011o", 0);
    memset(h.sum, ' ', sizeof h.sum); /* what the sum counts it as */
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof h; i++) sum += ((const unsigned char *)&h)[i];
    snprintf(h.sum, sizeof h.sum, "%06o", sum);
    base_text_add_bytes(&tar->bytes, &h, sizeof h);
    base_text_add_bytes(&tar->bytes, data, n_bytes);
    add_padding(&tar->bytes, n_bytes);
}

static base_status deflate_all(z_stream *z, base_text *out, base_error *err) {
    unsigned char block[1 << 14];
    int code = Z_OK;
    while (code == Z_OK) {
        z->next_out = block;
        z->avail_out = sizeof block;
        code = deflate(z, Z_FINISH);
        base_text_add_bytes(out, block, sizeof block - z->avail_out);
    }
    bool whole = code == Z_STREAM_END && !out->failed;
    return whole ? BASE_OK : base_fail(err, BASE_EMEMORY, "packing an archive: out of memory");
}

base_status library_tar_pack(library_tar *tar, base_text *out, base_error *err) {
    static const char end[2 * BLOCK];
    base_text_add_bytes(&tar->bytes, end, sizeof end);
    if (tar->refused || tar->bytes.size > (1U << 31)) {
        return base_fail(err, BASE_EDATA,
                         "a file is too large for an archive, or its name too long");
    }
    if (tar->bytes.failed) return base_fail(err, BASE_EMEMORY, "an archive: out of memory");
    z_stream z = {.next_in = (unsigned char *)tar->bytes.data, .avail_in = (uInt)tar->bytes.size};
    if (deflateInit2(&z, LEVEL, Z_DEFLATED, MAX_WBITS + GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return base_fail(err, BASE_EMEMORY, "packing an archive: out of memory");
    }
    base_status status = deflate_all(&z, out, err);
    deflateEnd(&z);
    return status;
}

void library_tar_release(library_tar *tar) {
    base_text_release(&tar->bytes);
}
