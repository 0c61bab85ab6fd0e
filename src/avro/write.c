/* write.c - values in Avro's binary encoding, and the blocks that they are put into. */
#include <string.h>

#include "avro/avro.h"
#include "avro/codec.h"

enum { LONG_MAX_LEN = 10 };

static const uint8_t magic[4] = {'O', 'b', 'j', 1};

static inline uint8_t *put_long(uint8_t *at, int64_t v)
{
    uint64_t zigzag = (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
    for (; zigzag >= 0x80; zigzag >>= 7) *at++ = (uint8_t)(zigzag | 0x80);
    *at++ = (uint8_t)zigzag;
    return at;
}

void avro_put_long_of(struct buf *b, int64_t v)
{
    uint8_t *from = buf_reserve(b, LONG_MAX_LEN);
    buf_commit(b, (size_t)(put_long(from, v) - from));
}

void avro_put_double(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    buf_put_le64(b, bits);
}

void avro_put_bytes(struct buf *b, struct slice v)
{
    avro_put_long(b, (int64_t)v.len);
    buf_put_slice(b, v);
}

void avro_put_map(struct buf *b, size_t count)
{
    if (count) avro_put_long(b, (int64_t)count);
}

void avro_put_map_end(struct buf *b)
{
    avro_put_long(b, 0);
}

/* ---- the file */

void avro_writer_begin(struct avro_writer *w, const char *schema, enum avro_codec codec,
                       const uint8_t sync[AVRO_SYNC_LEN], struct avro_note note, struct buf *out)
{
    *w = (struct avro_writer){.codec = codec};
    memcpy(w->sync, sync, AVRO_SYNC_LEN);
    buf_put(out, magic, sizeof magic);
    avro_put_map(out, note.key ? 3 : 2);
    avro_put_bytes(out, SLICE_LIT("avro.codec"));
    avro_put_bytes(out, slice_str(avro_codec_name(codec)));
    avro_put_bytes(out, SLICE_LIT("avro.schema"));
    avro_put_bytes(out, slice_str(schema));
    if (note.key) {
        avro_put_bytes(out, slice_str(note.key));
        avro_put_bytes(out, note.value);
    }
    avro_put_map_end(out);
    buf_put(out, sync, AVRO_SYNC_LEN);
}

/* ---- a block: its records' number and size, they themselves, the sync marker
 *
 * Without a codec records are put where they stay, behind room for the two numbers that are known later:
 * of nearly all blocks they take two bytes and three. */

enum { HEAD_ROOM = 5 };

struct buf *avro_writer_record(struct avro_writer *w, struct buf *out)
{
    if (w->codec != AVRO_NULL_CODEC) return &w->block;
    if (w->open) return out;
    buf_reserve(out, HEAD_ROOM);
    buf_commit(out, HEAD_ROOM);
    w->open = buf_size(out);
    return out;
}

void avro_writer_end(struct avro_writer *w, struct buf *out)
{
    w->count++;
    size_t size = w->open ? buf_size(out) - w->open : buf_size(&w->block);
    if (size >= AVRO_BLOCK_TARGET) avro_writer_flush(w, out);
}

static void close_block(struct avro_writer *w, struct buf *out)
{
    size_t size = buf_size(out) - w->open;
    uint8_t head[2 * LONG_MAX_LEN], *at = put_long(head, w->count);
    at = put_long(at, (int64_t)size);
    size_t len = (size_t)(at - head);
    if (len > HEAD_ROOM) buf_reserve(out, len - HEAD_ROOM);
    uint8_t *records = out->ptr + out->off + w->open;
    if (len != HEAD_ROOM) memmove(records - HEAD_ROOM + len, records, size);
    memcpy(records - HEAD_ROOM, head, len);
    out->len += len - HEAD_ROOM;
}

static void pack_block(struct avro_writer *w, struct buf *out)
{
    buf_clear(&w->packed);
    codec_pack(w->codec, &w->deflate, buf_slice(&w->block), &w->packed);
    avro_put_long(out, w->count);
    avro_put_bytes(out, buf_slice(&w->packed));
    buf_clear(&w->block);
}

void avro_writer_flush(struct avro_writer *w, struct buf *out)
{
    if (w->count == 0) {
        if (w->open) out->len = out->off + w->open - HEAD_ROOM;
        w->open = 0;
        return;
    }
    if (w->open)
        close_block(w, out);
    else
        pack_block(w, out);
    buf_put(out, w->sync, AVRO_SYNC_LEN);
    w->count = 0;
    w->open = 0;
}

void avro_writer_fini(struct avro_writer *w)
{
    buf_free(&w->block);
    buf_free(&w->packed);
    codec_free(w->deflate);
    w->deflate = NULL;
}
