/* write.c - values in Avro's binary encoding, and the blocks that they are put into. */
#include <string.h>

#include "avro/avro.h"
#include "avro/codec.h"

static const uint8_t magic[4] = {'O', 'b', 'j', 1};

void avro_put_long(struct buf *b, int64_t v)
{
    uint64_t zigzag = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
    for (; zigzag >= 0x80; zigzag >>= 7) buf_put_u8(b, (uint8_t)(zigzag | 0x80));
    buf_put_u8(b, (uint8_t)zigzag);
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

void avro_writer_end(struct avro_writer *w, struct buf *out)
{
    w->count++;
    if (buf_size(&w->block) >= AVRO_BLOCK_TARGET) avro_writer_flush(w, out);
}

void avro_writer_flush(struct avro_writer *w, struct buf *out)
{
    if (w->count == 0) return;
    struct slice bytes = buf_slice(&w->block);
    if (w->codec != AVRO_NULL_CODEC) {
        buf_clear(&w->packed);
        codec_pack(w->codec, &w->deflate, bytes, &w->packed);
        bytes = buf_slice(&w->packed);
    }
    avro_put_long(out, w->count);
    avro_put_bytes(out, bytes);
    buf_put(out, w->sync, AVRO_SYNC_LEN);
    buf_clear(&w->block);
    w->count = 0;
}

void avro_writer_fini(struct avro_writer *w)
{
    buf_free(&w->block);
    buf_free(&w->packed);
    codec_free(w->deflate);
    w->deflate = NULL;
}
