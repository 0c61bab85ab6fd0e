/* record.h - one record of the log: what happened, in the encoding in which consumers get it.
 *
 * Frame, little-endian, the same in memory, in the journal and in segments:
 *
 *   0  u32 size          whole frame, RECORD_HEAD + what follows
 *   4  u32 crc           CRC32C over bytes 8 .. size
 *   8  u64 ordinal       +1 per record of a partition, whoever may see it; cursors store it
 *  16  i64 sequence      +1 per record that the stream's readers see, from 0; -1: they do not
 *  24  i64 enqueued_us   wall time at the log, never decreasing within a partition
 *  32  u64 destinations  bit 0: readers of the stream itself; others: endpoints
 *  40  u16 stream        0: the built-in event hub
 *  42  u16 partition
 *  44  u8  source        enum record_source
 *  45  u8  flags         0
 *  46  u16 pair_count    message annotations stored: pairs
 *  48  u32 pairs_len     their bytes (AMQP symbol key + value, one after the other, no map header)
 *  52  u32 extra_len     enrichments at the end of the frame, not part of the message
 *  56  pairs | message sections (properties, application-properties, body) | enrichments
 *
 * The message a consumer gets is: message-annotations map (x-opt-sequence-number, x-opt-offset,
 * x-opt-enqueued-time, then the stored pairs), then the stored sections as they are.
 *
 * Runs on: any thread; pure functions.
 */
#ifndef LOG_RECORD_H
#define LOG_RECORD_H

#include "base/buf.h"
#include "base/num.h"

enum { RECORD_HEAD = 56, RECORD_MAX = 1 << 21 };

enum record_source {
    RECORD_TELEMETRY,
    RECORD_TWIN_CHANGE,
    RECORD_DEVICE_LIFECYCLE,
    RECORD_CONNECTION_STATE,
    RECORD_JOB_LIFECYCLE,
    RECORD_DIGITAL_TWIN_CHANGE,
    RECORD_SOURCES
};

#define RECORD_TO_STREAM ((uint64_t)1)

struct record {
    uint64_t ordinal;
    int64_t sequence;
    int64_t enqueued_us;
    uint64_t destinations;
    uint16_t stream, partition;
    enum record_source source;
    uint16_t pair_count;
    struct slice pairs;    /* borrowed from the frame */
    struct slice sections; /* borrowed from the frame */
    struct slice extra;    /* borrowed from the frame */
    struct slice frame;
};

/* The frame at the start of `bytes`.  ERR_AGAIN: more bytes needed (fewer than its size);
 * ERR_CORRUPT: sizes that cannot be.  The CRC is checked only by record_check(). */
enum err record_parse(struct slice bytes, struct record *out) MUST_USE;

bool record_check(struct slice frame); /* size and CRC are right */

/* Records that are counted together later, by source. */
struct record_tally {
    struct record_count {
        unsigned count;
        uint64_t bytes;      /* of their sections */
        int64_t enqueued_ms; /* the sum of when they came */
    } of[RECORD_SOURCES];
};

static inline void record_tally_add(struct record_tally *t, const struct record *r)
{
    struct record_count *c = &t->of[r->source];
    c->count++;
    c->bytes += r->sections.len;
    c->enqueued_ms += r->enqueued_us / 1000;
}

/* How long all of them have waited; a clock may be set back. */
static inline int64_t record_count_late_ms(const struct record_count *c, int64_t now_ms)
{
    return MAX(c->count * now_ms - c->enqueued_ms, 0);
}

static inline unsigned record_tally_count(const struct record_tally *t)
{
    unsigned count = 0;
    for (int source = 0; source < RECORD_SOURCES; source++) count += t->of[source].count;
    return count;
}

/* The log lane's part: numbers and CRC of a frame made by a log_writer. */
void record_stamp(uint8_t *frame, uint64_t ordinal, int64_t sequence, int64_t enqueued_us);

#endif
