/* reader.c - a receiver on a partition of the stream.
 *
 *   claiming ──granted──▶ seeking ──placed──▶ reading ──detached──▶ gone
 *       └──refused──▶ gone   └──beyond the end──▶ gone
 *
 * While reading, the link holds a piece of the log (a reference, not a copy) and its place in it.  It
 * sends while there is credit and the connection takes output; when the piece is used up it asks for
 * the next, waiting at the tail.
 */
#include "front/amqp/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "front/amqp/event.h"
#include "front/amqp/management.h"
#include "front/amqp/owners.h"
#include "front/amqp/peer.h"
#include "front/amqp/selector.h"
#include "log/log.h"

#define EPOCH          "com.microsoft:epoch"
#define RECEIVER_NAME  "com.microsoft:receiver-name"
#define RUNTIME_METRIC "com.microsoft:enable-receiver-runtime-metric"
#define ARGUMENT_ERROR "com.microsoft:argument-error"
#define ARGUMENT_RANGE "com.microsoft:argument-out-of-range"

COUNTER(events_sent, "azimuth_stream_events_out_total", "Events sent to readers of the stream");
COUNTER(jumps, "azimuth_stream_reader_jumps_total",
        "Readers whose place was no longer retained and that went on at the oldest event");
GAUGE(readers_now, "azimuth_stream_readers", "Links that read the stream now");

enum reader_state { READER_CLAIMING, READER_SEEKING, READER_READING };

struct reader {
    struct peer_link base;
    struct addr slot;
    enum reader_state state;
    struct owners_claim claim;
    struct log_seek_msg start;
    struct log_ends ends; /* newest known */
    uint64_t next;        /* ordinal to read next */
    struct blob *blob;    /* the piece in hand; NULL: none */
    struct slice frames;  /* what of it has not been sent */
    bool reading;         /* a LOG_READ is under way */
    bool at_tail;         /* ... and waits for what is not there yet */
    bool metric;          /* the client wants delivery annotations */
};

static void pump(struct reader *r);

static struct lane *lane_of(const struct reader *r)
{
    return r->base.peer->service->lane;
}

static void ask(struct reader *r, struct addr to, unsigned kind, const void *body, size_t len)
{
    struct msg *m = msg_new(kind, len);
    memcpy(m->body, body, len);
    post(lane_of(r), r->slot, to, m);
}

static struct addr log_of(const struct reader *r)
{
    return log_addr(r->base.peer->service->hub->log);
}

static struct addr owners_of(const struct reader *r)
{
    return owners_home(r->base.peer->service->hub, r->claim.partition);
}

/* ---- attaching */

static bool take_properties(struct reader *r, const struct amqp_value *properties)
{
    struct amqp_value v;
    struct slice name = SLICE_NONE;
    r->claim.level = OWNER_NO_LEVEL;
    if (properties->type == AMQP_MAP) {
        if (amqp_map_find(properties, EPOCH, &v) && v.type != AMQP_NULL &&
            (!amqp_integer(&v, &r->claim.level) || r->claim.level < 0))
            return false;
        if (amqp_map_find(properties, RECEIVER_NAME, &v)) name = amqp_text(&v);
    }
    snprintf(r->claim.name, sizeof r->claim.name, "%.*s",
             SLICE_ARG(name.ptr ? name : SLICE_LIT("")));
    return true;
}

static void on_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    struct reader *r = CONTAINER_OF(l, struct reader, base);
    struct amqp_service *s = l->peer->service;
    struct slice selector = SLICE_NONE;
    r->slot = slot_new(s->lane, r);
    r->state = READER_CLAIMING;
    r->claim.partition = (uint16_t)l->address.partition;
    snprintf(r->claim.group, sizeof r->claim.group, "%s", l->address.group);
    r->start.partition = r->claim.partition;
    r->metric = amqp_has_capability(&ev->desired, RUNTIME_METRIC);
    metric_add(&readers_now, 1);
    if (l->address.partition >= log_partitions(s->hub->log, 0) ||
        !consumer_group_exists(s->groups, 0, slice_str(l->address.group)))
        peer_refuse(l, AMQP_NOT_FOUND, "The messaging entity '%s' could not be found.", l->path);
    else if (selector_of_filter(&ev->source.filter, &selector) != OK ||
             selector_parse(selector, &r->start) != OK)
        peer_refuse(l, ARGUMENT_ERROR, "%s", fail_text());
    else if (!take_properties(r, &ev->properties))
        peer_refuse(l, ARGUMENT_ERROR, "the owner level (" EPOCH ") must be a number from 0");
    else
        ask(r, owners_of(r), OWNERS_CLAIM, &r->claim, sizeof r->claim);
}

static void refuse_claim(struct reader *r, const struct owners_claimed *c)
{
    if (c->err == ERR_FULL)
        peer_refuse(&r->base, AMQP_RESOURCE_LIMIT,
                    "Exceeded the maximum number of allowed receivers per partition in a consumer "
                    "group which is %u. List of connected receivers - %s, ...",
                    r->base.peer->service->readers_max, c->by.name);
    else
        peer_refuse(&r->base, AMQP_STOLEN,
                    "Receiver '%s' with a higher epoch '%" PRId64 "' already exists. Receiver '%s' "
                    "with epoch %" PRId64 " cannot be created. Make sure you are creating receiver "
                    "with increasing epoch value to ensure connectivity, or ensure all old epoch "
                    "receivers are closed or disconnected.",
                    c->by.name, c->by.level, r->claim.name, MAX(r->claim.level, 0));
}

static void on_claimed(void *ctx, struct lane *lane, struct msg *m)
{
    struct owners_claimed c;
    struct reader *r = slot_get(lane, m->to);
    (void)ctx;
    memcpy(&c, m->body, sizeof c);
    if (r == NULL) return; /* gone; its release is under way behind the claim */
    if (c.err != OK) {
        refuse_claim(r, &c);
        return;
    }
    r->state = READER_SEEKING;
    ask(r, log_of(r), LOG_SEEK, &r->start, sizeof r->start);
}

static void on_stolen(void *ctx, struct lane *lane, struct msg *m)
{
    struct owners_claim thief;
    struct reader *r = slot_get(lane, m->to);
    (void)ctx;
    memcpy(&thief, m->body, sizeof thief);
    if (r == NULL) return;
    say_info("reader.stolen", "partition=%u group=%s by=%s level=%" PRId64, r->claim.partition,
             r->claim.group, thief.name, thief.level);
    peer_detach(&r->base, AMQP_STOLEN,
                "New receiver '%s' with higher epoch of '%" PRId64 "' is created hence current "
                "receiver '%s' with epoch '%" PRId64 "' is getting disconnected. If you are "
                "recreating the receiver, make sure a higher epoch is used.",
                thief.name, thief.level, r->claim.name, MAX(r->claim.level, 0));
}

/* ---- placing */

static bool beyond_the_end(const struct reader *r)
{
    return r->start.where == LOG_SEQUENCE && r->start.value > r->ends.next_sequence;
}

static void on_seek_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct log_seek_done done;
    (void)ctx;
    if (m->call == MANAGEMENT_CALL) {
        management_answered(lane, m);
        return;
    }
    struct reader *r = slot_get(lane, m->to);
    if (r == NULL) return;
    memcpy(&done, m->body, sizeof done);
    r->ends = done.ends;
    if (done.err != OK) {
        peer_refuse(&r->base, AMQP_INTERNAL_ERROR, "the log cannot be read: %s",
                    err_name(done.err));
    } else if (beyond_the_end(r)) {
        peer_refuse(&r->base, ARGUMENT_RANGE,
                    "The supplied offset '%" PRId64 "' is invalid. The last offset in the system "
                    "is '%" PRId64 "'.",
                    r->start.value - 1, r->ends.next_sequence - 1);
    } else {
        r->next = done.ordinal;
        r->state = READER_READING;
        amqp_answer_attach(r->base.link, &(struct amqp_link_answer){0});
        peer_touch(r->base.peer);
        pump(r);
    }
}

/* ---- reading */

static void read_on(struct reader *r, bool wait)
{
    struct log_read_msg m = {.partition = r->claim.partition,
                             .max_bytes = AMQP_READ_BYTES,
                             .from_ordinal = r->next,
                             .wait = wait};
    r->reading = true;
    r->at_tail = wait;
    ask(r, log_of(r), LOG_READ, &m, sizeof m);
}

/* Nothing is there to send: a client that drains gets its credit back. */
static void rest_at_tail(struct reader *r)
{
    if (r->base.link->drain) {
        amqp_send_drained(r->base.link);
        peer_touch(r->base.peer);
    }
    if (!r->reading) read_on(r, true);
}

static void on_read_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct log_read_done done;
    struct reader *r = slot_get(lane, m->to);
    (void)ctx;
    memcpy(&done, m->body, sizeof done);
    if (r == NULL) {
        blob_drop(done.blob);
        return;
    }
    r->reading = r->at_tail = false;
    r->ends = done.ends;
    if (done.err == OK) {
        r->blob = done.blob;
        r->frames = slice_of(done.blob->bytes + done.offset, done.len);
        r->next = done.next;
        pump(r);
    } else if (done.err == ERR_AGAIN) {
        rest_at_tail(r);
    } else if (done.err == ERR_NOT_FOUND) {
        metric_inc(&jumps);
        say_warn("reader.jumped", "partition=%u group=%s from=%" PRIu64 " to=%" PRIu64,
                 r->claim.partition, r->claim.group, r->next, done.ends.first_ordinal);
        r->next = done.ends.first_ordinal;
        read_on(r, false);
    } else {
        peer_detach(&r->base, AMQP_INTERNAL_ERROR, "the log cannot be read: %s",
                    err_name(done.err));
    }
}

/* ---- sending */

static void send_event(struct reader *r, const struct record *record)
{
    struct amqp_link *l = r->base.link;
    struct buf *out = amqp_transfer_begin(l, &(struct amqp_transfer){.settled = l->snd_mode != 0});
    if (r->metric) event_put_metric(out, &r->ends, clock_wall_us());
    event_put(out, record);
    amqp_transfer_end(l);
    metric_inc(&events_sent);
}

/* Sends what credit and the connection allow; then gets more, or waits to be called again. */
static void pump(struct reader *r)
{
    struct peer *p = r->base.peer;
    struct record record;
    bool sent = false;
    while (r->frames.len && amqp_can_send(r->base.link) && !conn_congested(p->conn)) {
        if (record_parse(r->frames, &record) != OK) {
            peer_detach(&r->base, AMQP_INTERNAL_ERROR, "a stored event cannot be read");
            return;
        }
        r->frames = slice_from(r->frames, record.frame.len);
        if (record.sequence < 0) continue;
        send_event(r, &record);
        sent = true;
    }
    if (sent) peer_touch(p);
    if (r->frames.len) return;
    blob_drop(r->blob);
    r->blob = NULL;
    if (r->reading) {
        if (r->at_tail) rest_at_tail(r);
    } else if (r->next >= r->ends.next_ordinal) {
        rest_at_tail(r);
    } else {
        read_on(r, false);
    }
}

static void on_flow(struct peer_link *l)
{
    struct reader *r = CONTAINER_OF(l, struct reader, base);
    if (r->state == READER_READING) pump(r);
}

/* ---- the end */

static void on_detached(struct peer_link *l)
{
    struct reader *r = CONTAINER_OF(l, struct reader, base);
    ask(r, owners_of(r), OWNERS_RELEASE, &r->claim, sizeof r->claim);
    if (r->reading) {
        struct log_cancel_msg cancel = {.partition = r->claim.partition, .reader = r->slot};
        ask(r, log_of(r), LOG_CANCEL, &cancel, sizeof cancel);
    }
    slot_free(lane_of(r), r->slot);
    blob_drop(r->blob);
    metric_add(&readers_now, -1);
    free(r);
}

void readers_attach(struct lane *lane)
{
    lane_on(lane, OWNERS_CLAIMED, on_claimed, NULL);
    lane_on(lane, OWNERS_STOLEN, on_stolen, NULL);
    lane_on(lane, LOG_SEEK_DONE, on_seek_done, NULL);
    lane_on(lane, LOG_READ_DONE, on_read_done, NULL);
}

const struct node node_partition = {
    .name = "partition",
    .size = sizeof(struct reader),
    .sender = true,
    .right = AUTH_SERVICE_CONNECT,
    .attach = on_attach,
    .flow = on_flow,
    .drained = on_flow,
    .detached = on_detached,
};
