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
    struct flushed_msg answer = {.id = f.id};
    struct shelf *shelf = archive_shelf(&l->archive, f.id);
    assert(shelf != NULL); /* what is asked for a stream comes before it is dropped */
    answer.err = archive_write(&l->archive, shelf, f.frames);
    answer.next = shelf->next.ordinal;
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
    enum err e = archive_sync(&l->archive);
    metric_add(&sync_us, clock_mono_us() - began);
    if (e != OK) say_failure("log.sync", e);
    struct msg *reply = msg_new(LOG_SYNCED, sizeof(struct synced_msg));
    ((struct synced_msg *)(void *)reply->body)->err = e;
    post_reply(lane, m, reply);
}

/* ---- reading */

/* What was retained when the log lane sent the question here may be gone. */
static void renew_ends(const struct shelf *s, struct log_ends *ends)
{
    struct mark first = shelf_first(s);
    if (first.ordinal <= ends->first_ordinal) return;
    ends->first_ordinal = first.ordinal;
    ends->first_sequence = first.sequence;
}

static enum err read_shelf(struct log *l, const struct log_read_msg *r, struct log_read_done *done)
{
    struct shelf *s = archive_shelf(&l->archive, (struct shelf_id){r->stream, r->partition});
    if (s == NULL) return fail(ERR_INVALID, "the stream was dropped");
    enum err err =
        archive_read(&l->archive, s, r->from_ordinal, MIN(r->max_bytes, (uint32_t)LOG_READ_MAX),
                     &done->blob, &done->len, &done->next);
    renew_ends(s, &done->ends);
    return err;
}

static void on_read_file(void *ctx, struct lane *lane, struct msg *m)
{
    struct log *l = ctx;
    struct read_file_msg r;
    memcpy(&r, m->body, sizeof r);
    struct log_read_done done = {.stream = r.read.stream, .partition = r.read.partition};
    done.first = done.next = r.read.from_ordinal;
    done.ends = r.ends;
    done.err = read_shelf(l, &r.read, &done);
    metric_inc(&file_reads);
    metric_add(&file_bytes, done.len);
    if (done.err == ERR_CORRUPT) metric_inc(&damaged);
    if (done.err && done.err != ERR_NOT_FOUND && done.err != ERR_INVALID)
        say_error("log.read", "err=%s reason=\"%s\"", err_name(done.err), fail_text());
    struct msg *reply = msg_new(LOG_READ_DONE, sizeof done);
    memcpy(reply->body, &done, sizeof done);
    post_reply(lane, m, reply);
}

static enum err seek_shelf(struct log *l, const struct log_seek_msg *m, struct log_seek_done *done)
{
    struct shelf *s = archive_shelf(&l->archive, (struct shelf_id){m->stream, m->partition});
    struct target t = {m->where, m->value};
    if (s == NULL) return fail(ERR_NOT_FOUND, "the stream was dropped");
    enum err err = archive_seek(&l->archive, s, &t, &done->ordinal);
    renew_ends(s, &done->ends);
    return err;
}

static void on_seek_file(void *ctx, struct lane *lane, struct msg *m)
{
    struct log *l = ctx;
    struct seek_file_msg s;
    memcpy(&s, m->body, sizeof s);
    struct log_seek_done done = {.stream = s.seek.stream, .partition = s.seek.partition};
    done.ends = s.ends;
    done.err = seek_shelf(l, &s.seek, &done);
    if (done.err && done.err != ERR_NOT_FOUND)
        say_error("log.seek", "err=%s reason=\"%s\"", err_name(done.err), fail_text());
    struct msg *reply = msg_new(LOG_SEEK_DONE, sizeof done);
    memcpy(reply->body, &done, sizeof done);
    post_reply(lane, m, reply);
}

/* ---- retention */

static void tell_first(struct log *l, struct shelf *s)
{
    struct trimmed_msg t = {s->id, shelf_first(s)};
    if (t.first.ordinal == s->told) return;
    s->told = t.first.ordinal;
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
    enum err err = archive_trim(&l->archive, clock_wall_us(), &trimmed);
    if (err) tell_failure(l, err);
    for (unsigned i = 0; trimmed && i < l->archive.rack_count; i++)
        for (unsigned p = 0; p < l->archive.racks[i].partitions; p++)
            tell_first(l, &l->archive.racks[i].shelves[p]);
    note_size(l);
}

static void on_trim_timer(struct timer *t, int64_t now_us)
{
    struct log *l = CONTAINER_OF(t, struct log, trim_timer);
    trim(l);
    timer_set(&l->read_lane->timers, t, now_us + OWN_TRIM_EVERY_US);
}

/* ---- streams that come and go */

static void arm_trim(struct log *l, const struct log_retention *keep)
{
    int64_t now_us = clock_mono_us();
    if ((keep->age_us || keep->bytes) && !timer_active(&l->trim_timer))
        timer_set(&l->read_lane->timers, &l->trim_timer, now_us + OWN_TRIM_EVERY_US);
}

void files_keep(struct log *l, unsigned stream, const struct log_retention *keep)
{
    archive_keep(&l->archive, stream, keep);
    arm_trim(l, keep);
}

static void on_files(void *ctx, struct lane *lane, struct msg *m)
{
    struct log *l = ctx;
    struct files_msg f;
    memcpy(&f, m->body, sizeof f);
    enum err e = OK;
    if (f.kind == LOG_STREAM_DROP) e = archive_remove(&l->archive, f.stream.stream);
    if (f.kind == LOG_STREAM_MAKE)
        e = archive_add(&l->archive, f.stream.stream, f.stream.partitions);
    if (f.kind != LOG_STREAM_DROP && e == OK) files_keep(l, f.stream.stream, &f.stream.keep);
    note_size(l);
    struct msg *reply = msg_new(LOG_FILES_DONE, sizeof(struct files_done));
    ((struct files_done *)(void *)reply->body)->err = e;
    post_reply(lane, m, reply);
}

void files_init(struct log *l)
{
    lane_on(l->read_lane, LOG_FLUSH, on_flush, l);
    lane_on(l->read_lane, LOG_SYNC, on_sync, l);
    lane_on(l->read_lane, LOG_READ_FILE, on_read_file, l);
    lane_on(l->read_lane, LOG_SEEK_FILE, on_seek_file, l);
    lane_on(l->read_lane, LOG_FILES, on_files, l);
    timer_init(&l->trim_timer, on_trim_timer);
    for (unsigned i = 0; i < l->archive.rack_count; i++) arm_trim(l, &l->archive.racks[i].keep);
    note_size(l);
}

void files_fini(struct log *l)
{
    timer_stop(&l->trim_timer);
}
