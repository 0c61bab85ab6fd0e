/* codec.c - null, deflate (RFC 1951, no zlib header) and snappy (with a big-endian CRC-32 behind). */
#include "avro/codec.h"

#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/num.h"

enum { RAW_DEFLATE = -15, DEFLATE_MEMORY = 8, INFLATE_STEP = 64 << 10, SNAPPY_TAIL = 4 };

static const char *const names[AVRO_CODECS] = {"null", "deflate", "snappy"};

const char *avro_codec_name(enum avro_codec codec)
{
    return names[codec];
}

enum err avro_codec_of(struct slice name, enum avro_codec *out)
{
    for (int i = 0; i < AVRO_CODECS; i++) {
        if (!slice_is(name, names[i])) continue;
        *out = (enum avro_codec)i;
        return OK;
    }
    return fail(ERR_UNSUPPORTED, "there is no codec '%.*s': it is null, deflate or snappy",
                SLICE_ARG(slice_head(name, AVRO_NAME_MAX)));
}

/* ---- packing */

static z_stream *deflater(void **state)
{
    if (*state == NULL) {
        *state = NEW(z_stream);
        int ok = deflateInit2(*state, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW_DEFLATE,
                              DEFLATE_MEMORY, Z_DEFAULT_STRATEGY);
        assert(ok == Z_OK);
        (void)ok;
    } else {
        deflateReset(*state);
    }
    return *state;
}

static void pack_deflate(void **state, struct slice plain, struct buf *out)
{
    z_stream *z = deflater(state);
    size_t room = deflateBound(z, plain.len);
    z->next_in = (void *)(uintptr_t)plain.ptr;
    z->avail_in = (uInt)plain.len;
    z->next_out = buf_reserve(out, room);
    z->avail_out = (uInt)room;
    int done = deflate(z, Z_FINISH);
    assert(done == Z_STREAM_END);
    (void)done;
    buf_commit(out, room - z->avail_out);
}

static uint32_t crc_of(struct slice plain)
{
    return (uint32_t)crc32(crc32(0, NULL, 0), plain.ptr, (uInt)plain.len);
}

static void pack_snappy(struct slice plain, struct buf *out)
{
    size_t len = snappy_max_compressed_length(plain.len);
    snappy_status done =
        snappy_compress((const char *)plain.ptr, plain.len, (char *)buf_reserve(out, len), &len);
    assert(done == SNAPPY_OK);
    (void)done;
    buf_commit(out, len);
    buf_put_be32(out, crc_of(plain));
}

void codec_pack(enum avro_codec codec, void **state, struct slice plain, struct buf *out)
{
    switch (codec) {
    case AVRO_DEFLATE: pack_deflate(state, plain, out); break;
    case AVRO_SNAPPY: pack_snappy(plain, out); break;
    default: buf_put_slice(out, plain);
    }
}

void codec_free(void *state)
{
    if (state) deflateEnd(state);
    free(state);
}

/* ---- unpacking */

static enum err inflate_all(z_stream *z, struct buf *out)
{
    int got = Z_OK;
    while (got == Z_OK && buf_size(out) <= AVRO_BLOCK_MAX) {
        z->next_out = buf_reserve(out, INFLATE_STEP);
        z->avail_out = INFLATE_STEP;
        got = inflate(z, Z_NO_FLUSH);
        buf_commit(out, INFLATE_STEP - z->avail_out);
    }
    if (buf_size(out) > AVRO_BLOCK_MAX)
        return fail(ERR_TOO_BIG, "a block of more than %d bytes", AVRO_BLOCK_MAX);
    return got == Z_STREAM_END ? OK : fail(ERR_CORRUPT, "a block cannot be inflated");
}

static enum err unpack_deflate(struct slice packed, struct buf *out)
{
    z_stream z = {.next_in = (void *)(uintptr_t)packed.ptr, .avail_in = (uInt)packed.len};
    if (inflateInit2(&z, RAW_DEFLATE) != Z_OK) return fail(ERR_NOMEM, "zlib has no memory");
    enum err e = inflate_all(&z, out);
    inflateEnd(&z);
    return e;
}

static enum err unpack_snappy(struct slice packed, struct buf *out)
{
    size_t len;
    if (packed.len < SNAPPY_TAIL) return fail(ERR_CORRUPT, "a snappy block without its CRC");
    struct slice body = slice_head(packed, packed.len - SNAPPY_TAIL);
    struct cur tail = cur_of(slice_from(packed, body.len));
    if (snappy_uncompressed_length((const char *)body.ptr, body.len, &len) != SNAPPY_OK)
        return fail(ERR_CORRUPT, "a block is not snappy");
    if (len > AVRO_BLOCK_MAX)
        return fail(ERR_TOO_BIG, "a block of more than %d bytes", AVRO_BLOCK_MAX);
    if (snappy_uncompress((const char *)body.ptr, body.len, (char *)buf_reserve(out, len + 1),
                          &len) != SNAPPY_OK)
        return fail(ERR_CORRUPT, "a block is not snappy");
    buf_commit(out, len);
    return cur_be32(&tail) == crc_of(buf_slice(out))
               ? OK
               : fail(ERR_CORRUPT, "the CRC of a snappy block is not that of its bytes");
}

enum err codec_unpack(enum avro_codec codec, struct slice packed, struct buf *out)
{
    switch (codec) {
    case AVRO_DEFLATE: return unpack_deflate(packed, out);
    case AVRO_SNAPPY: return unpack_snappy(packed, out);
    default: buf_put_slice(out, packed); return OK;
    }
}
