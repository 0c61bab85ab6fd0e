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

#include "base/clock.h"
#include "base/limit.h"
#include "base/num.h"
#include "base/say.h"
#include "base/text.h"
#include "front/amqp/event.h"
#include "front/amqp/owners.h"
#include "front/amqp/peer.h"
#include "front/amqp/selector.h"
#include "front/amqp/stream_link.h"
#include "log/log.h"

#define EPOCH          "com.microsoft:epoch"
#define RECEIVER_NAME  "com.microsoft:receiver-name"
#define RUNTIME_METRIC "com.microsoft:enable-receiver-runtime-metric"
#define ALL_RECORDS    "azimuth:all-records" /* ours: a link property, true */
#define ARGUMENT_ERROR "com.microsoft:argument-error"
#define SERVER_BUSY    "com.microsoft:server-busy"
#define ARGUMENT_RANGE "com.microsoft:argument-out-of-range"

COUNTER(events_sent, "azimuth_stream_events_out_total", "Events sent to readers of the stream");
LIMIT_REACHED(too_many_readers, "readers-of-a-group")
COUNTER(jumps, "azimuth_stream_reader_jumps_total",
        "Readers whose place was no longer retained and that went on at the oldest event");
GAUGE(readers_now, "azimuth_stream_readers", "Links that read the stream now");

enum reader_state { READER_CLAIMING, READER_SEEKING, READER_READING };

struct reader {
    struct peer_link base;
    struct stream_link stream;
    struct addr slot; /* for owners */
    struct log_asker asker;
    enum reader_state state;
    struct owners_claim claim;
    struct log_seek_msg start;
    struct log_ends ends; /* newest known */
    uint64_t next;        /* ordinal to read next */
    struct blob *blob;    /* the piece in hand; NULL: none */
    struct slice frames;  /* what of it has not been sent */
    struct list idle;     /* in service->idle_readers: holds a piece and may not send */
    int64_t idle_us;      /* since then */
    struct list hungry;   /* in service->reader_share: could send, has no time */
    bool at_tail;         /* a read waits for what is not there yet */
    bool metric;          /* the client wants delivery annotations */
    bool all;             /* ... and all records, also those that routes took away */
    bool has_sent;
    uint32_t first_delivery, last_delivery; /* that were sent */
};

static void pump(struct reader *r);
static void on_sought(struct log_asker *a, const struct log_seek_done *done);
static void on_read(struct log_asker *a, const struct log_read_done *done);

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

static struct addr owners_of(const struct reader *r)
{
    return owners_home(r->base.peer->service->hub, &r->claim);
}

/* ---- attaching */

/* Who gives itself no name is called as its link is. */
static bool take_properties(struct reader *r, const struct amqp_attach_event *ev)
{
    const struct amqp_value *properties = &ev->properties;
    struct amqp_value v;
    struct slice name = SLICE_NONE;
    r->claim.level = OWNER_NO_LEVEL;
    if (properties->type == AMQP_MAP) {
        if (amqp_map_find(properties, EPOCH, &v) && v.type != AMQP_NULL &&
            (!amqp_integer(&v, &r->claim.level) || r->claim.level < 0))
            return false;
        if (amqp_map_find(properties, RECEIVER_NAME, &v)) name = amqp_text(&v);
        r->all = amqp_map_find(properties, ALL_RECORDS, &v) && v.type == AMQP_BOOL && v.u;
    }
    if (name.len == 0) name = ev->name;
    if (!text_is_utf8(name)) return false;
    snprintf(r->claim.name, sizeof r->claim.name, "%.*s", SLICE_ARG(name));
    return true;
}

static void on_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    struct reader *r = CONTAINER_OF(l, struct reader, base);
    struct amqp_service *s = l->peer->service;
    struct slice selector = SLICE_NONE;
    r->slot = slot_new(s->lane, r);
    r->asker = (struct log_asker){
        .lane = s->lane, .log = s->hub->log, .read = on_read, .sought = on_sought};
    r->state = READER_CLAIMING;
    list_init(&r->idle);
    list_init(&r->hungry);
    stream_link_begin(&r->stream, l);
    r->claim.stream = l->address.stream;
    r->claim.partition = (uint16_t)l->address.partition;
    snprintf(r->claim.group, sizeof r->claim.group, "%s", l->address.group);
    r->start.stream = r->claim.stream;
    r->start.partition = r->claim.partition;
    r->metric = amqp_has_capability(&ev->desired, RUNTIME_METRIC);
    metric_add(&readers_now, 1);
    unsigned partitions = log_partitions(s->hub->log, l->address.stream);
    if (l->address.partition >= partitions)
        stream_refuse_partition(l, partitions);
    else if (!consumer_group_exists(s->doors.groups, l->address.stream,
                                    slice_str(l->address.group)))
        peer_refuse(l, AMQP_NOT_FOUND, "The messaging entity '%s' could not be found.", l->path);
    else if (selector_of_filter(&ev->source.filter, &selector) != OK ||
             selector_parse(selector, &r->start) != OK)
        peer_refuse(l, ARGUMENT_ERROR, "%s", fail_text());
    else if (!take_properties(r, ev))
        peer_refuse(l, ARGUMENT_ERROR,
                    "the owner level (" EPOCH ") must be a number from 0, the name of the "
                    "receiver (" RECEIVER_NAME ") text");
    else
        ask(r, owners_of(r), OWNERS_CLAIM, &r->claim, sizeof r->claim);
}

static void refuse_claim(struct reader *r, const struct owners_claimed *c)
{
    if (c->err == ERR_FULL) metric_inc(&too_many_readers);
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
    log_ask_seek(&r->asker, &r->start);
}

static void on_stolen(void *ctx, struct lane *lane, struct msg *m)
{
    struct owners_claim thief;
    struct reader *r = slot_get(lane, m->to);
    (void)ctx;
    memcpy(&thief, m->body, sizeof thief);
    if (r == NULL) return;
    say_info("reader.stolen", "partition=%u group=%s by=\"%s\" level=%" PRId64, r->claim.partition,
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

/* Its position was kept elsewhere, and is not retained any more.  From the beginning is 0. */
static void note_fall(const struct reader *r)
{
    if (r->start.where != LOG_SEQUENCE || r->start.value <= 0 ||
        r->start.value >= r->ends.first_sequence)
        return;
    metric_inc(&jumps);
    say_warn("reader.jumped", "path=%s group=%s from_sequence=%" PRId64 " to_sequence=%" PRId64,
             r->base.path, r->claim.group, r->start.value, r->ends.first_sequence);
}

static void on_sought(struct log_asker *a, const struct log_seek_done *done)
{
    struct reader *r = CONTAINER_OF(a, struct reader, asker);
    r->ends = done->ends;
    if (done->err != OK) {
        peer_refuse(&r->base, AMQP_INTERNAL_ERROR, "the log cannot be read: %s",
                    err_name(done->err));
    } else if (beyond_the_end(r)) {
        peer_refuse(&r->base, ARGUMENT_RANGE,
                    "The supplied offset '%" PRId64 "' is invalid. The last offset in the system "
                    "is '%" PRId64 "'.",
                    r->start.value - 1, r->ends.next_sequence - 1);
    } else {
        note_fall(r);
        r->next = done->ordinal;
        r->state = READER_READING;
        r->stream.answered = true;
        peer_touch(r->base.peer);
        amqp_answer_attach(r->base.link, &(struct amqp_link_answer){0});
        pump(r);
    }
}

/* ---- reading */

static void read_on(struct reader *r, bool wait)
{
    struct log_read_msg m = {.stream = r->claim.stream,
                             .partition = r->claim.partition,
                             .max_bytes = AMQP_READ_BYTES,
                             .from_ordinal = r->next,
                             .wait = wait};
    r->at_tail = wait;
    log_ask_read(&r->asker, &m);
}

/* Nothing is there to send: a client that drains gets its credit back. */
static void rest_at_tail(struct reader *r)
{
    if (r->base.link->drain) amqp_send_drained(r->base.link);
    if (!r->asker.reading && r->base.link->credit) read_on(r, true);
}

/* What was at the reader's place is not there any more: goes on where there is something. */
static void jump(struct reader *r, uint64_t to)
{
    metric_inc(&jumps);
    say_warn("reader.jumped", "path=%s partition=%u group=%s from=%" PRIu64 " to=%" PRIu64,
             r->base.path, r->claim.partition, r->claim.group, r->next, to);
    r->next = to;
    pump(r);
}

static void read_failed(struct reader *r, enum err e)
{
    const char *condition = e == ERR_FULL ? SERVER_BUSY : AMQP_INTERNAL_ERROR;
    peer_detach(&r->base, condition, "The log cannot be read now: %s.", err_name(e));
}

static void take_answer(struct reader *r, const struct log_read_done *done)
{
    if (done->err == OK) {
        r->blob = done->blob;
        r->frames = slice_of(done->blob->bytes + done->offset, done->len);
        r->next = done->next;
        pump(r);
    } else if (done->err == ERR_AGAIN) {
        rest_at_tail(r);
    } else if (done->err == ERR_NOT_FOUND && done->ends.first_ordinal > r->next) {
        jump(r, done->ends.first_ordinal);
    } else if (done->err == ERR_CORRUPT && done->next > r->next) {
        jump(r, done->next);
    } else {
        read_failed(r, done->err);
    }
}

static void on_read(struct log_asker *a, const struct log_read_done *done)
{
    struct reader *r = CONTAINER_OF(a, struct reader, asker);
    peer_touch(r->base.peer);
    r->at_tail = false;
    r->ends = done->ends;
    take_answer(r, done);
}

/* ---- sending */

/* Pre-settled, as every client takes it, unless this one insists on settling second. */
static bool settles_second(const struct amqp_link *l)
{
    enum { SND_UNSETTLED = 0, RCV_SECOND = 1 };
    return l->snd_mode == SND_UNSETTLED && l->rcv_mode == RCV_SECOND;
}

/* False: the client does not take messages of that size. */
static bool send_event(struct reader *r, const struct record *record)
{
    struct amqp_link *l = r->base.link;
    struct amqp_transfer transfer = {.settled = !settles_second(l)};
    struct buf *out = amqp_transfer_begin(l, &transfer);
    size_t from = buf_size(out);
    if (r->metric) event_put_metric(out, &r->ends, clock_wall_us());
    if (r->all)
        event_put_any(out, record, r->base.peer->service->desk->routing);
    else
        event_put(out, record);
    if (l->max_message_size && buf_size(out) - from > l->max_message_size) {
        amqp_transfer_abort(l);
        peer_detach(&r->base, AMQP_MESSAGE_SIZE_EXCEEDED,
                    "The event with sequence number %" PRId64 " is larger than the %" PRIu64
                    " bytes that the link takes.",
                    record->sequence, l->max_message_size);
        return false;
    }
    r->last_delivery = amqp_transfer_end(l);
    if (!r->has_sent) r->first_delivery = r->last_delivery;
    r->has_sent = true;
    metric_inc(&events_sent);
    return true;
}

static bool has_sent(const struct peer_link *l, const struct amqp_disposition *d)
{
    const struct reader *r = (const void *)l; /* which begins with it */
    return r->has_sent && (d->first - r->first_delivery <= r->last_delivery - r->first_delivery ||
                           r->first_delivery - d->first <= d->last - d->first);
}

static bool may_send(const struct reader *r)
{
    return r->frames.len && amqp_can_send(r->base.link) && !conn_congested(r->base.peer->conn);
}

/* Sends from the piece in hand what credit, the connection and time allow; false: the reader is gone. */
static bool send_piece(struct reader *r)
{
    enum { SOME = 16 }; /* records between two looks at the clock */
    const struct reader_share *share = &r->base.peer->service->reader_share;
    struct record record;
    for (unsigned i = 1; may_send(r) && (i % SOME || reader_share_left(share)); i++) {
        if (record_parse(r->frames, &record) != OK) {
            peer_detach(&r->base, AMQP_INTERNAL_ERROR, "A stored event cannot be read.");
            return false;
        }
        r->frames = slice_from(r->frames, record.frame.len);
        if ((r->all || record.sequence >= 0) && !send_event(r, &record)) return false;
    }
    return true;
}

static void let_piece_go(struct reader *r)
{
    list_remove(&r->idle);
    blob_drop(r->blob);
    r->blob = NULL;
    r->frames = SLICE_NONE;
}

/* Goes back to the first record that was not sent and gives the memory back. */
static void reread_later(struct reader *r)
{
    struct record record;
    if (record_parse(r->frames, &record) == OK) r->next = record.ordinal;
    let_piece_go(r);
}

static void drop_idle(struct timer *t, int64_t now_us)
{
    struct amqp_service *s = CONTAINER_OF(t, struct amqp_service, idle_timer);
    LIST_EACH(node, &s->idle_readers)
    {
        struct reader *r = CONTAINER_OF(node, struct reader, idle);
        if (now_us - r->idle_us >= AMQP_READ_KEEP_US) reread_later(r);
    }
    if (!list_empty(&s->idle_readers)) timer_set(&s->lane->timers, t, now_us + AMQP_READ_KEEP_US);
}

/* What is in hand has to wait for the client, but not forever: it holds on to the log's memory. */
static void keep_piece(struct reader *r)
{
    struct amqp_service *s = r->base.peer->service;
    r->idle_us = clock_mono_us();
    if (list_linked(&r->idle)) return;
    list_push(&s->idle_readers, &r->idle);
    if (!timer_active(&s->idle_timer))
        timer_set(&s->lane->timers, &s->idle_timer, r->idle_us + AMQP_READ_KEEP_US);
}

/* Sends what may be sent; then gets more, or waits to be called again. */
static void pump_now(struct reader *r)
{
    struct amqp_link *l = r->base.link;
    struct reader_share *share = &r->base.peer->service->reader_share;
    bool there = send_piece(r);
    reader_share_end(share);
    if (!there) return;
    if (may_send(r)) reader_share_wait(share, &r->hungry);
    if (l->drain && l->credit == 0) amqp_send_drained(l);
    if (r->frames.len) {
        keep_piece(r);
        return;
    }
    let_piece_go(r);
    if (r->asker.reading) {
        if (r->at_tail) rest_at_tail(r);
    } else if (l->credit) {
        read_on(r, r->next >= r->ends.next_ordinal && !l->drain);
    }
}

static void pump(struct reader *r)
{
    if (reader_share_begin(&r->base.peer->service->reader_share, &r->hungry)) pump_now(r);
}

static void on_hungry(struct list *waiting)
{
    struct reader *r = CONTAINER_OF(waiting, struct reader, hungry);
    peer_touch(r->base.peer);
    pump_now(r);
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
    log_ask_forget(&r->asker);
    let_piece_go(r);
    list_remove(&r->hungry);
    stream_link_end(&r->stream);
    slot_free(lane_of(r), r->slot);
    metric_add(&readers_now, -1);
}

void readers_attach(struct amqp_service *s)
{
    list_init(&s->idle_readers);
    timer_init(&s->idle_timer, drop_idle);
    reader_share_init(&s->reader_share, s->lane, on_hungry);
    lane_on(s->lane, OWNERS_CLAIMED, on_claimed, NULL);
    lane_on(s->lane, OWNERS_STOLEN, on_stolen, NULL);
}

const struct node node_partition = {
    .name = "partition",
    .size = sizeof(struct reader),
    .sender = true,
    .right = AUTH_SERVICE_CONNECT,
    .attach = on_attach,
    .flow = on_flow,
    .sent = has_sent,
    .detached = on_detached,
};
