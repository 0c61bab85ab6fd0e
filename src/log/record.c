/* record.c - frames: fixed head, then what the writer put behind it. */
#include "log/record.h"

#include "base/crc32c.h"
#include "base/cur.h"

enum { CRC_FROM = 8 };

static uint32_t frame_crc(const uint8_t *frame, uint32_t size)
{
    return crc32c(0, frame + CRC_FROM, size - CRC_FROM);
}

enum err record_parse(struct slice bytes, struct record *out)
{
    if (bytes.len < RECORD_HEAD) return ERR_AGAIN;
    struct cur c = cur_of(slice_head(bytes, RECORD_HEAD));
    uint32_t size = cur_le32(&c);
    cur_le32(&c);
    out->ordinal = cur_le64(&c);
    out->sequence = (int64_t)cur_le64(&c);
    out->enqueued_us = (int64_t)cur_le64(&c);
    out->destinations = cur_le64(&c);
    out->stream = cur_le16(&c);
    out->partition = cur_le16(&c);
    uint8_t source = cur_u8(&c);
    uint8_t flags = cur_u8(&c);
    out->pair_count = cur_le16(&c);
    uint32_t pairs_len = cur_le32(&c);
    uint32_t extra_len = cur_le32(&c);
    if (size < RECORD_HEAD || size > RECORD_MAX || source >= RECORD_SOURCES || flags != 0 ||
        (uint64_t)pairs_len + extra_len > size - RECORD_HEAD)
        return ERR_CORRUPT;
    if (bytes.len < size) return ERR_AGAIN;
    out->source = (enum record_source)source;
    out->pairs = slice_of(bytes.ptr + RECORD_HEAD, pairs_len);
    out->sections =
        slice_of(out->pairs.ptr + pairs_len, size - RECORD_HEAD - pairs_len - extra_len);
    out->extra = slice_of(bytes.ptr + size - extra_len, extra_len);
    out->frame = slice_head(bytes, size);
    return OK;
}

bool record_check(struct slice frame)
{
    struct cur c = cur_of(frame);
    uint32_t size = cur_le32(&c);
    uint32_t crc = cur_le32(&c);
    return size == frame.len && size >= RECORD_HEAD && crc == frame_crc(frame.ptr, size);
}

void record_stamp(uint8_t *frame, uint64_t ordinal, int64_t sequence, int64_t enqueued_us)
{
    uint32_t size;
    memcpy(&size, frame, sizeof size);
    memcpy(frame + 8, &ordinal, sizeof ordinal);
    memcpy(frame + 16, &sequence, sizeof sequence);
    memcpy(frame + 24, &enqueued_us, sizeof enqueued_us);
    uint32_t crc = frame_crc(frame, size);
    memcpy(frame + 4, &crc, sizeof crc);
}
