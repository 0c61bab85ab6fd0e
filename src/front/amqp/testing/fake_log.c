/* fake_log.c - answers reads and seeks from a buffer of frames. */
#include "front/amqp/testing/fake_log.h"
#include "front/amqp/testing/fake_event_hub.h"

#include <assert.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/num.h"

struct addr log_addr(const struct log *log)
{
    return (struct addr){.lane = log->lane.id};
}

unsigned log_partitions(const struct log *log, unsigned stream)
{
    (void)log;
    if (stream == FAKE_STREAM) return fake_event_hubs.there ? FAKE_STREAM_PARTITIONS : 0;
    return stream == 0 ? RIG_PARTITIONS : 0;
}

/* ---- reading */

/* The frame with that ordinal, or the end. */
static size_t find(const struct rig_partition *p, uint64_t ordinal)
{
    size_t at = 0;
    struct record record;
    while (record_parse(slice_from(buf_slice(&p->frames), at), &record) == OK &&
           record.ordinal < ordinal)
        at += record.frame.len;
    return at;
}

/* Whole frames from `at` on, one at least. */
static size_t piece_len(const struct rig_partition *p, size_t at, uint32_t max, uint64_t *next)
{
    struct record record;
    size_t len = 0;
    while (record_parse(slice_from(buf_slice(&p->frames), at + len), &record) == OK &&
           (len == 0 || len + record.frame.len <= max)) {
        len += record.frame.len;
        *next = record.ordinal + 1;
    }
    return len;
}

static struct blob *give(struct log *log, struct slice frames)
{
    struct blob *b = blob_copy(frames);
    assert(log->blobs < sizeof log->given / sizeof *log->given);
    log->given[log->blobs++] = blob_ref(b);
    return b;
}

static void answer_read(struct log *log, const struct msg *m, struct log_read_done *done)
{
    struct msg *reply = msg_new(LOG_READ_DONE, sizeof *done);
    memcpy(reply->body, done, sizeof *done);
    post_reply(&log->lane, m, reply);
}

static void read_now(struct log *log, const struct msg *m)
{
    struct log_read_msg ask;
    memcpy(&ask, m->body, sizeof ask);
    struct rig_partition *p = &log->partitions[ask.partition];
    size_t at = find(p, ask.from_ordinal);
    struct log_read_done done = {.partition = ask.partition, .first = ask.from_ordinal};
    done.ends = p->ends;
    done.err = log->fail;
    done.next = log->fail_next;
    log->fail = OK;
    if (done.err == OK && ask.from_ordinal < p->ends.first_ordinal) done.err = ERR_NOT_FOUND;
    if (done.err == OK && ask.from_ordinal >= p->ends.next_ordinal) done.err = ERR_AGAIN;
    if (done.err == OK) {
        size_t len = piece_len(p, at, ask.max_bytes, &done.next);
        done.blob = give(log, slice_head(slice_from(buf_slice(&p->frames), at), len));
        done.len = (uint32_t)len;
    }
    answer_read(log, m, &done);
}

static void on_read(void *ctx, struct lane *lane, struct msg *m)
{
    struct log *log = ctx;
    struct log_read_msg ask;
    (void)lane;
    memcpy(&ask, m->body, sizeof ask);
    struct rig_partition *p = &log->partitions[ask.partition];
    log->reads++;
    if (!ask.wait || log->fail != OK || ask.from_ordinal < p->ends.next_ordinal) {
        read_now(log, m);
        return;
    }
    assert(p->waiting_count < RIG_WAITING);
    msg_keep(m);
    p->waiting[p->waiting_count++] = m;
}

static void on_cancel(void *ctx, struct lane *lane, struct msg *m)
{
    struct log *log = ctx;
    struct log_cancel_msg cancel;
    (void)lane;
    memcpy(&cancel, m->body, sizeof cancel);
    struct rig_partition *p = &log->partitions[cancel.partition];
    for (unsigned i = 0; i < p->waiting_count; i++) {
        if (!addr_eq(p->waiting[i]->from, cancel.reader)) continue;
        msg_free(p->waiting[i]);
        p->waiting[i--] = p->waiting[--p->waiting_count];
    }
}

/* ---- seeking */

static bool is_there(const struct record *r, const struct log_seek_msg *ask)
{
    switch (ask->where) {
    case LOG_SEQUENCE: return r->sequence >= ask->value;
    case LOG_TIME: return r->enqueued_us >= ask->value;
    default: return true;
    }
}

static uint64_t seek(const struct rig_partition *p, const struct log_seek_msg *ask)
{
    struct slice rest = buf_slice(&p->frames);
    struct record record;
    if (ask->where == LOG_LATEST) return p->ends.next_ordinal;
    for (; record_parse(rest, &record) == OK; rest = slice_from(rest, record.frame.len))
        if (is_there(&record, ask)) return record.ordinal;
    return p->ends.next_ordinal;
}

static void on_seek(void *ctx, struct lane *lane, struct msg *m)
{
    struct log *log = ctx;
    struct log_seek_msg ask;
    memcpy(&ask, m->body, sizeof ask);
    struct log_seek_done done = {.partition = ask.partition, .err = log->fail};
    log->fail = OK;
    done.ends = log->partitions[ask.partition].ends;
    done.ordinal = seek(&log->partitions[ask.partition], &ask);
    struct msg *reply = msg_new(LOG_SEEK_DONE, sizeof done);
    memcpy(reply->body, &done, sizeof done);
    post_reply(lane, m, reply);
}

/* ---- writing */

static void put_frame(struct buf *b, const char *body)
{
    size_t start = buf_size(b);
    memset(buf_reserve(b, RECORD_HEAD), 0, RECORD_HEAD);
    buf_commit(b, RECORD_HEAD);
    amqp_put_sym(b, "k");
    amqp_put_str(b, "v");
    uint32_t pairs = (uint32_t)(buf_size(b) - start - RECORD_HEAD);
    amqp_put_data(b, slice_str(body));
    uint8_t *frame = b->ptr + b->off + start;
    uint32_t size = (uint32_t)(buf_size(b) - start);
    memcpy(frame, &size, sizeof size);
    frame[46] = 1;
    memcpy(frame + 48, &pairs, sizeof pairs);
}

void rig_append(struct front_rig *r, unsigned partition, const char *body, bool for_stream)
{
    struct rig_partition *p = &r->log.partitions[partition];
    size_t at = buf_size(&p->frames);
    put_frame(&p->frames, body);
    int64_t sequence = for_stream ? p->ends.next_sequence++ : -1;
    p->ends.last_enqueued_us = clock_wall_us();
    record_stamp(p->frames.ptr + p->frames.off + at, p->ends.next_ordinal++, sequence,
                 p->ends.last_enqueued_us);
    lane_running = &r->log.lane;
    while (p->waiting_count) {
        struct msg *m = p->waiting[--p->waiting_count];
        read_now(&r->log, m);
        msg_free(m);
    }
    front_rig_run(r);
}

void rig_trim(struct front_rig *r, unsigned partition, unsigned records)
{
    struct rig_partition *p = &r->log.partitions[partition];
    struct record record;
    while (records-- > 0 && record_parse(buf_slice(&p->frames), &record) == OK) {
        p->ends.first_ordinal = record.ordinal + 1;
        if (record.sequence >= 0) p->ends.first_sequence = record.sequence + 1;
        buf_consume(&p->frames, record.frame.len);
    }
}

unsigned rig_blobs(struct front_rig *r)
{
    unsigned held = 0;
    for (unsigned i = 0; i < r->log.blobs; i++) held += atomic_load(&r->log.given[i]->refs) > 1;
    return held;
}

/* ---- life */

void fake_log_init(struct log *log, struct office *office)
{
    lane_init(&log->lane, office, "log");
    lane_on(&log->lane, LOG_READ, on_read, log);
    lane_on(&log->lane, LOG_CANCEL, on_cancel, log);
    lane_on(&log->lane, LOG_SEEK, on_seek, log);
    lane_on(&log->lane, LOG_ENDS, on_seek, log);
}

void fake_log_fini(struct log *log)
{
    for (unsigned i = 0; i < FAKE_STREAM_PARTITIONS; i++) {
        struct rig_partition *p = &log->partitions[i];
        while (p->waiting_count) msg_free(p->waiting[--p->waiting_count]);
        buf_free(&p->frames);
    }
    for (unsigned i = 0; i < log->blobs; i++) blob_drop(log->given[i]);
    lane_fini(&log->lane);
}
