/* files.c - the logread lane: writes segments, reads old records, applies retention. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "log/own/own.h"

COUNTER(file_reads, "azimuth_log_file_reads_total", "Reads answered from segment files.");
COUNTER(file_bytes, "azimuth_log_file_read_bytes_total", "Bytes of records read from files.");
COUNTER(damaged, "azimuth_log_damaged_reads_total", "Reads that met damaged records.");
COUNTER(written_bytes, "azimuth_log_segment_written_bytes_total", "Bytes written to segments.");
COUNTER(sync_us, "azimuth_log_segment_sync_microseconds_total", "Time spent syncing segments.");
GAUGE(segments, "azimuth_log_segments", "Segment files.");
GAUGE(segment_bytes, "azimuth_log_segment_bytes", "Bytes in segment files.");

static void note_size(const struct log *l)
{
    metric_set(&segments, (int64_t)l->archive.segments);
    metric_set(&segment_bytes, (int64_t)l->archive.bytes);
}

/* ---- writing */

/* That there is no room the log lane says once, and then tries again. */
static void say_failure(const char *event, enum err err)
{
    if (err != ERR_FULL && err != ERR_AGAIN)
        say_error(event, "err=%s reason=\"%s\"", err_name(err), fail_text());
}

static void on_flush(void *ctx, struct lane *lane, struct msg *m)
{
    struct log *l = ctx;
    struct flush_msg f;
    memcpy(&f, m->body, sizeof f);
    struct flushed_msg answer = {.partition = f.partition};
    answer.err = archive_write(&l->archive, f.partition, f.frames);
    answer.next = archive_next(&l->archive, f.partition).ordinal;
    if (answer.err == OK)
        metric_add(&written_bytes, (int64_t)f.frames.len);
    else
        say_failure("log.segment", answer.err);
    note_size(l);
    struct msg *reply = msg_new(LOG_FLUSHED, sizeof answer);
    memcpy(reply->body, &answer, sizeof answer);
    post_reply(lane, m, reply);
}

static void on_sync(void *ctx, struct lane *lane, struct msg *m)
{
    struct log *l = ctx;
    int64_t began = clock_mono_us();
    struct synced_msg answer = {archive_sync(&l->archive)};
    metric_add(&sync_us, clock_mono_us() - began);
    if (answer.err) say_failure("log.sync", answer.err);
    struct msg *reply = msg_new(LOG_SYNCED, sizeof answer);
    memcpy(reply->body, &answer, sizeof answer);
    post_reply(lane, m, reply);
}

/* ---- reading */

/* What was retained when the log lane sent the question here may be gone. */
static void renew_ends(const struct log *l, unsigned partition, struct log_ends *ends)
{
    struct mark first = archive_first(&l->archive, partition);
    if (first.ordinal <= ends->first_ordinal) return;
    ends->first_ordinal = first.ordinal;
    ends->first_sequence = first.sequence;
}

static void on_read_file(void *ctx, struct lane *lane, struct msg *m)
{
    struct log *l = ctx;
    struct read_file_msg r;
    memcpy(&r, m->body, sizeof r);
    struct log_read_done done = {.stream = r.read.stream, .partition = r.read.partition};
    done.first = done.next = r.read.from_ordinal;
    done.ends = r.ends;
    done.err = archive_read(&l->archive, r.read.partition, r.read.from_ordinal,
                            MIN(r.read.max_bytes, (uint32_t)LOG_READ_MAX), &done.blob, &done.len,
                            &done.next);
    renew_ends(l, r.read.partition, &done.ends);
    metric_inc(&file_reads);
    metric_add(&file_bytes, done.len);
    if (done.err == ERR_CORRUPT) metric_inc(&damaged);
    if (done.err && done.err != ERR_NOT_FOUND)
        say_error("log.read", "err=%s reason=\"%s\"", err_name(done.err), fail_text());
    struct msg *reply = msg_new(LOG_READ_DONE, sizeof done);
    memcpy(reply->body, &done, sizeof done);
    post_reply(lane, m, reply);
}

static void on_seek_file(void *ctx, struct lane *lane, struct msg *m)
{
    struct log *l = ctx;
    struct seek_file_msg s;
    memcpy(&s, m->body, sizeof s);
    struct log_seek_done done = {.stream = s.seek.stream, .partition = s.seek.partition};
    struct target t = {s.seek.where, s.seek.value};
    done.ends = s.ends;
    done.err = archive_seek(&l->archive, s.seek.partition, &t, &done.ordinal);
    renew_ends(l, s.seek.partition, &done.ends);
    if (done.err) say_error("log.seek", "err=%s reason=\"%s\"", err_name(done.err), fail_text());
    struct msg *reply = msg_new(LOG_SEEK_DONE, sizeof done);
    memcpy(reply->body, &done, sizeof done);
    post_reply(lane, m, reply);
}

/* ---- retention */

static void tell_first(struct log *l, unsigned partition)
{
    struct trimmed_msg t = {(uint16_t)partition, archive_first(&l->archive, partition)};
    if (t.first.ordinal == l->told_first[partition]) return;
    l->told_first[partition] = t.first.ordinal;
    struct msg *m = msg_new(LOG_TRIMMED, sizeof t);
    memcpy(m->body, &t, sizeof t);
    post(l->read_lane, lane_addr(l->read_lane), lane_addr(l->lane), m);
}

/* Stopping to write segments means stopping the log, unless it is for want of room. */
static void tell_failure(struct log *l, enum err err)
{
    say_error("log.trim", "err=%s reason=\"%s\"", err_name(err), fail_text());
    if (err == ERR_FULL) return;
    struct synced_msg s = {err};
    struct msg *m = msg_new(LOG_SYNCED, sizeof s);
    memcpy(m->body, &s, sizeof s);
    post(l->read_lane, lane_addr(l->read_lane), lane_addr(l->lane), m);
}

static void trim(struct log *l)
{
    if (l->archive.broken) return; /* the log lane was told */
    bool trimmed = false;
    int64_t wall = clock_wall_us(), keep = l->cfg.retention_us;
    struct retention r = {INT64_MIN, INT64_MIN, l->cfg.retention_bytes};
    if (keep) r.before_us = wall - keep;
    if (keep) r.stale_us = wall - keep / 4;
    enum err err = archive_trim(&l->archive, &r, &trimmed);
    if (err) tell_failure(l, err);
    for (unsigned i = 0; trimmed && i < l->archive.partitions; i++) tell_first(l, i);
    note_size(l);
}

static void on_trim_timer(struct timer *t, int64_t now_us)
{
    struct log *l = CONTAINER_OF(t, struct log, trim_timer);
    trim(l);
    timer_set(&l->read_lane->timers, t, now_us + OWN_TRIM_EVERY_US);
}

void files_init(struct log *l, int64_t now_us)
{
    lane_on(l->read_lane, LOG_FLUSH, on_flush, l);
    lane_on(l->read_lane, LOG_SYNC, on_sync, l);
    lane_on(l->read_lane, LOG_READ_FILE, on_read_file, l);
    lane_on(l->read_lane, LOG_SEEK_FILE, on_seek_file, l);
    l->told_first = mem_zero(l->archive.partitions * sizeof *l->told_first);
    for (unsigned i = 0; i < l->archive.partitions; i++)
        l->told_first[i] = archive_first(&l->archive, i).ordinal;
    timer_init(&l->trim_timer, on_trim_timer);
    if (l->cfg.retention_us || l->cfg.retention_bytes)
        timer_set(&l->read_lane->timers, &l->trim_timer, now_us + OWN_TRIM_EVERY_US);
    note_size(l);
}

void files_fini(struct log *l)
{
    timer_stop(&l->trim_timer);
    free(l->told_first);
}
