#include "data/container.h"

#include <string.h>

enum { MAX_CHUNKS = 4096 };

/* Writers that cannot go back leave 0, all ones, or as much as they could have written. */
#define PLACEHOLDER_BYTES 0x7FFFF000

static uint64_t number(const unsigned char *bytes, int n, bool big_endian) {
    uint64_t value = 0;
    for (int i = 0; i < n; i++) value = value << 8 | bytes[big_endian ? i : n - 1 - i];
    return value;
}

/* A container of chunks: an identifier, a size, as many bytes, and the next one. */
typedef struct {
    const char *samples; /* identifier of the chunk that holds them */
    int64_t first;       /* where the first chunk begins */
    int id_bytes, size_bytes;
    bool big_endian, size_has_head; /* the size counts identifier and size, too */
    int64_t align;                  /* of chunks */
    int64_t before;                 /* bytes in that chunk before the samples */
} chunk_form;

static const chunk_form riff = {"data", 12, 4, 4, .align = 2};
static const chunk_form rifx = {"data", 12, 4, 4, .big_endian = true, .align = 2};
static const chunk_form aiff = {"SSND", 12, 4, 4, .big_endian = true, .align = 2, .before = 8};
static const chunk_form caf = {"data", 8, 4, 8, .big_endian = true, .align = 1, .before = 4};
static const chunk_form w64 = {"data", 40, 16, 8, .size_has_head = true, .align = 8};

/* Finds the samples; of RF64 *size64 is what its ds64 chunk says of them. */
static bool find_samples(data_input *input, const chunk_form *form, int64_t *at, uint64_t *size,
                         uint64_t *size64) {
    unsigned char head[24], large[16];
    int head_bytes = form->id_bytes + form->size_bytes;
    *at = form->first;
    for (int i = 0; i < MAX_CHUNKS; i++) {
        if (data_input_read(input, *at, head, head_bytes) < head_bytes) return false;
        *size = number(head + form->id_bytes, form->size_bytes, form->big_endian);
        if (form->size_has_head && *size < (uint64_t)head_bytes) return false;
        if (form->size_has_head) *size -= (uint64_t)head_bytes;
        *at += head_bytes;
        if (memcmp(head, form->samples, 4) == 0) return true;
        if (memcmp(head, "ds64", 4) == 0 && data_input_read(input, *at, large, 16) == 16) {
            *size64 = number(large + 8, 8, false);
        }
        if (*size > (uint64_t)(input->size - *at)) return false;
        *at += (int64_t)(*size + (uint64_t)form->align - 1) / form->align * form->align;
    }
    return false;
}

/* A WAV without samples is finished if its own size is right. */
static bool is_unfinished(data_input *input, const chunk_form *form, uint64_t size, int64_t there) {
    unsigned char own[4];
    if (there == 0) return false;
    if (size != 0) return size >= PLACEHOLDER_BYTES && size > (uint64_t)there;
    return data_input_read(input, 4, own, sizeof own) == (int64_t)sizeof own &&
           (int64_t)number(own, 4, form->big_endian) + 8 < input->size;
}

static void read_chunks(data_input *input, const chunk_form *form, data_container *c) {
    int64_t at;
    uint64_t size, size64 = 0;
    if (!find_samples(input, form, &at, &size, &size64)) return;
    at += form->before;
    int64_t there = input->size > at ? input->size - at : 0;
    if (form == &caf && size == UINT64_MAX) return; /* to the end of the file, by its definition */
    if (form == &riff && size == UINT32_MAX && size64 > 0) size = size64;
    if ((form == &riff || form == &rifx) && is_unfinished(input, form, size, there)) {
        c->unfinished = true;
        c->size_at = at - 4;
        return;
    }
    size -= size < (uint64_t)form->before ? size : (uint64_t)form->before;
    if (size > INT64_MAX) return;
    c->n_promised = (int64_t)size;
    c->n_there = c->n_promised < there ? c->n_promised : there;
}

/* AU: where the samples begin, and their size, all ones if it isn't known. */
static void read_au(data_input *input, bool big_endian, data_container *c) {
    unsigned char head[12];
    if (data_input_read(input, 0, head, sizeof head) < (int64_t)sizeof head) return;
    int64_t at = (int64_t)number(head + 4, 4, big_endian);
    uint64_t size = number(head + 8, 4, big_endian);
    if (size == UINT32_MAX || at > input->size) return;
    c->n_promised = (int64_t)size;
    c->n_there = c->n_promised < input->size - at ? c->n_promised : input->size - at;
}

/* ---- Ogg (RFC 3533) ---- */

enum { OGG_HEAD = 27, OGG_MAX_PAGE = OGG_HEAD + 255 + 255 * 255, OGG_LAST = 4 };

/* Its checksum: CRC-32 of polynomial 0x04C11DB7, most significant bit first, of the page with zeros
 * where the checksum stands. */
static uint32_t ogg_crc(const unsigned char *page, int64_t n) {
    uint32_t table[256], crc = 0;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t r = i << 24;
        for (int bit = 0; bit < 8; bit++) r = r << 1 ^ (r >> 31 ? 0x04C11DB7u : 0);
        table[i] = r;
    }
    for (int64_t i = 0; i < n; i++) {
        unsigned char byte = i >= 22 && i < 26 ? 0 : page[i];
        crc = crc << 8 ^ table[crc >> 24 ^ byte];
    }
    return crc;
}

/* The bytes of a whole page that begins at `at`, 0 if there is none. */
static int64_t ogg_page(data_input *input, int64_t at, unsigned char *page) {
    int64_t n = data_input_read(input, at, page, OGG_MAX_PAGE);
    if (n < OGG_HEAD || memcmp(page, "OggS", 4) != 0) return 0;
    int64_t size = OGG_HEAD + page[26];
    for (int i = 0; i < page[26] && OGG_HEAD + i < n; i++) size += page[OGG_HEAD + i];
    return size <= n && ogg_crc(page, size) == number(page + 22, 4, false) ? size : 0;
}

/* What follows a last page may be another stream, or anything. */
static base_status read_ogg(data_input *input, data_container *c, base_error *err) {
    unsigned char *page = base_alloc(1, OGG_MAX_PAGE), mark[4];
    if (page == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", input->name);
    bool is_last = false;
    for (int64_t at = 0; at < input->size && !c->broken;) {
        bool is_page = data_input_read(input, at, mark, 4) == 4 && memcmp(mark, "OggS", 4) == 0;
        if (is_last && !is_page) break;
        int64_t n = ogg_page(input, at, page);
        c->broken = n == 0;
        is_last = n > 0 && (page[5] & OGG_LAST) != 0;
        at += n;
    }
    c->broken |= !is_last;
    base_free(page);
    return BASE_OK;
}

/* ---- MP3 ---- */

enum { MP3_LOOK = 4096 };

/* Whether the first frame is a Xing or Info header; an estimate is made of the length otherwise. */
static void read_mp3(data_input *input, data_container *c) {
    unsigned char bytes[MP3_LOOK];
    int64_t at = 0;
    if (data_input_read(input, 0, bytes, 10) == 10 && memcmp(bytes, "ID3", 3) == 0) {
        at = 10;
        for (int i = 6, shift = 21; i < 10; i++, shift -= 7) at += (int64_t)bytes[i] << shift;
    }
    size_t n = (size_t)data_input_read(input, at, bytes, MP3_LOOK);
    c->states_length = memmem(bytes, n, "Xing", 4) != NULL || memmem(bytes, n, "Info", 4) != NULL;
}

base_status data_container_read(data_input *input, data_container *c, base_error *err) {
    unsigned char mark[4];
    *c = (data_container){.n_promised = -1};
    if (data_input_read(input, 0, mark, sizeof mark) == (int64_t)sizeof mark) {
        if (memcmp(mark, "RIFF", 4) == 0 || memcmp(mark, "RF64", 4) == 0) {
            read_chunks(input, &riff, c);
        } else if (memcmp(mark, "RIFX", 4) == 0) {
            read_chunks(input, &rifx, c);
        } else if (memcmp(mark, "FORM", 4) == 0) {
            read_chunks(input, &aiff, c);
        } else if (memcmp(mark, "caff", 4) == 0) {
            read_chunks(input, &caf, c);
        } else if (memcmp(mark, "riff", 4) == 0) {
            read_chunks(input, &w64, c);
        } else if (memcmp(mark, ".snd", 4) == 0 || memcmp(mark, "dns.", 4) == 0) {
            read_au(input, mark[0] == '.', c);
        } else if (memcmp(mark, "OggS", 4) == 0) {
            BASE_TRY(read_ogg(input, c, err));
        } else {
            read_mp3(input, c);
        }
    }
    return data_input_check(input, err);
}
