/* record.c - frames: fixed head, then what the writer put behind it. */
#include "log/record.h"

#include "base/crc32c.h"
#include "base/cur.h"

enum { CRC_FROM = 8 };

static uint32_t frame_crc(const uint8_t *frame, uint32_t size)
{
    return crc32c(0, frame + CRC_FROM, size - CRC_FROM);
}

static uint16_t le16(const uint8_t *at)
{
    uint16_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint32_t le32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint64_t le64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* Each record goes through here several times, so the head's length is checked once. */
enum err record_parse(struct slice bytes, struct record *out)
{
    const uint8_t *head = bytes.ptr;
    if (bytes.len < RECORD_HEAD) return ERR_AGAIN;
    uint32_t size = le32(head), pairs_len = le32(head + 48), extra_len = le32(head + 52);
    uint8_t source = head[44], flags = head[45];
    if (size < RECORD_HEAD || size > RECORD_MAX || source >= RECORD_SOURCES || flags != 0 ||
        (uint64_t)pairs_len + extra_len > size - RECORD_HEAD)
        return ERR_CORRUPT;
    if (bytes.len < size) return ERR_AGAIN;
    const uint8_t *sections = head + RECORD_HEAD + pairs_len, *extra = head + size - extra_len;
    *out = (struct record){.ordinal = le64(head + 8),
                           .sequence = (int64_t)le64(head + 16),
                           .enqueued_us = (int64_t)le64(head + 24),
                           .destinations = le64(head + 32),
                           .stream = le16(head + 40),
                           .partition = le16(head + 42),
                           .source = (enum record_source)source,
                           .pair_count = le16(head + 46),
                           .pairs = slice_of(head + RECORD_HEAD, pairs_len),
                           .sections = slice_of(sections, (size_t)(extra - sections)),
                           .extra = slice_of(extra, extra_len),
                           .frame = slice_head(bytes, size)};
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
