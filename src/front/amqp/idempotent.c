/* idempotent.c - producers whose events carry sequence numbers: links that want
 * `com.microsoft:idempotent-producer`.
 *
 * The link's properties say who it is: a number, an owner level, the last sequence number.  What it leaves
 * out or says as null is filled in; what it says is repeated, since clients go on from our answer.  The
 * partition's home (hub/producer) knows what was sent before and appends what is new.
 */
#include <stdio.h>

#include "base/metrics.h"
#include "front/amqp/event_sender.h"
#include "hub/producer/producer.h"

METRIC(addresses_refused, METRIC_COUNTER, EVENT_PUBLISHERS_REFUSED, "reason=\"no partition\"",
       EVENT_PUBLISHERS_REFUSED_HELP)
METRIC(states_refused, METRIC_COUNTER, EVENT_PUBLISHERS_REFUSED, "reason=\"state\"",
       EVENT_PUBLISHERS_REFUSED_HELP)
METRIC(producers_refused, METRIC_COUNTER, EVENT_PUBLISHERS_REFUSED, "reason=\"producer\"",
       EVENT_PUBLISHERS_REFUSED_HELP)

#define OUT_OF_RANGE "com.microsoft:argument-out-of-range"
#define OUT_OF_ORDER "com.microsoft:out-of-order-sequence"
#define STOLEN       "com.microsoft:producer-epoch-stolen"
#define SERVER_BUSY  "com.microsoft:server-busy"

enum { MARK_SETTLED = 1, MARK_BITS = 1 };

/* ---- the link */

/* A number of the map; left out and null are PRODUCER_NONE. */
static enum err read_number(const struct amqp_value *map, const char *key, int64_t max,
                            int64_t *out)
{
    struct amqp_value v;
    *out = PRODUCER_NONE;
    if (map->type != AMQP_MAP || !amqp_map_find(map, key, &v) || v.type == AMQP_NULL) return OK;
    return amqp_integer(&v, out) && *out >= 0 && *out <= max ? OK : ERR_INVALID;
}

static enum err read_properties(const struct amqp_value *map, struct producer_open *out)
{
    int64_t epoch, sequence;
    TRY(read_number(map, PRODUCER_ID, INT64_MAX, &out->id));
    TRY(read_number(map, PRODUCER_EPOCH, INT16_MAX, &epoch));
    TRY(read_number(map, PRODUCER_SEQUENCE, INT32_MAX, &sequence));
    out->epoch = (int32_t)epoch;
    out->sequence = (int32_t)sequence;
    return OK;
}

static struct addr home_of(const struct event_sender *e)
{
    const struct address *a = &e->base.address;
    return producer_home(event_sender_service(e)->hub, a->stream, a->partition);
}

void idempotent_attach(struct event_sender *e, const struct amqp_attach_event *ev)
{
    const struct address *a = &e->base.address;
    struct producer_open want = {.stream = a->stream, .partition = (uint16_t)a->partition};
    struct lane *lane = event_sender_service(e)->lane;
    if (a->kind != ADDRESS_SEND_PARTITION) {
        metric_inc(&addresses_refused);
        peer_refuse(&e->base, AMQP_NOT_ALLOWED,
                    "Idempotent producers send to one partition: {event hub}/Partitions/{n}.");
        return;
    }
    if (read_properties(&ev->properties, &want) != OK) {
        metric_inc(&states_refused);
        peer_refuse(&e->base, OUT_OF_RANGE,
                    "Invalid range for idempotent producer state. Producer Id, Epoch, and Sequence "
                    "Number must be zero or positive.");
        return;
    }
    e->idempotent = true;
    struct msg *m = msg_new(PRODUCER_OPEN, sizeof want);
    memcpy(m->body, &want, sizeof want);
    m->call = (uint64_t)(uint32_t)want.epoch;
    post(lane, e->slot, home_of(e), m);
}

static void put_properties(struct buf *out, const struct producer_answer *a)
{
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, PRODUCER_ID);
    amqp_put_long(out, a->id);
    amqp_put_sym(out, PRODUCER_EPOCH);
    amqp_put_short(out, (int16_t)a->epoch);
    amqp_put_sym(out, PRODUCER_SEQUENCE);
    amqp_put_int(out, a->sequence);
    amqp_close(out, map, 6);
}

/* ---- what the home says */

static const char *condition_of(enum producer_outcome outcome)
{
    switch (outcome) {
    case PRODUCER_STOLEN: return STOLEN;
    case PRODUCER_OLD:
    case PRODUCER_GAP: return OUT_OF_ORDER;
    case PRODUCER_GONE: return AMQP_NOT_FOUND;
    case PRODUCER_BUSY: return SERVER_BUSY;
    default: return AMQP_INTERNAL_ERROR;
    }
}

/* `level` is what came. */
static void say_why(const struct producer_answer *a, int32_t level, const char *path,
                    char out[ADDRESS_MAX + 100])
{
    size_t size = ADDRESS_MAX + 100;
    switch (a->outcome) {
    case PRODUCER_STOLEN:
        snprintf(out, size,
                 "A producer with a higher owner level took over. Received:%d Current:%d", level,
                 a->epoch);
        break;
    case PRODUCER_OLD:
        snprintf(out, size, "The events have an old sequence number. Next:%d", a->sequence);
        break;
    case PRODUCER_GAP:
        snprintf(out, size, "The events leave out sequence numbers. Next:%d", a->sequence);
        break;
    case PRODUCER_GONE:
        snprintf(out, size, "The messaging entity '%s' could not be found.", path);
        break;
    case PRODUCER_BUSY:
        snprintf(out, size, "The server takes no events now. Please wait and try again.");
        break;
    default: snprintf(out, size, "The event could not be stored."); break;
    }
}

static void on_opened(void *ctx, struct lane *lane, struct msg *m)
{
    struct event_sender *e = slot_get(lane, m->to);
    struct producer_answer a;
    (void)ctx;
    if (e == NULL) return;
    struct peer *peer = e->base.peer;
    memcpy(&a, m->body, sizeof a);
    peer_touch(peer);
    if (a.outcome != PRODUCER_FINE) {
        char why[ADDRESS_MAX + 100];
        say_why(&a, (int32_t)m->call, e->base.path, why);
        metric_inc(&producers_refused);
        peer_refuse(&e->base, condition_of(a.outcome), "%s", why);
    } else {
        struct buf properties = {0};
        e->producer_id = a.id;
        e->epoch = a.epoch;
        put_properties(&properties, &a);
        event_welcome(e, buf_slice(&properties));
        buf_free(&properties);
    }
    peer_go_on(peer); /* a link that was refused is gone */
}

static void on_sent(void *ctx, struct lane *lane, struct msg *m)
{
    struct event_sender *e = slot_get(lane, m->to);
    struct producer_answer a;
    (void)ctx;
    if (e == NULL) return;
    memcpy(&a, m->body, sizeof a);
    char why[ADDRESS_MAX + 100] = "";
    say_why(&a, e->epoch, e->base.path, why);
    struct amqp_error no = amqp_error_of(condition_of(a.outcome), why);
    peer_touch(e->base.peer);
    e->unsettled--;
    event_settle(e, (uint32_t)(m->call >> MARK_BITS), m->call & MARK_SETTLED,
                 a.outcome == PRODUCER_FINE ? NULL : &no);
    event_renew_credit(e);
}

/* ---- events */

static bool is(const struct amqp_value *annotations, const char *key, int64_t *out)
{
    struct amqp_value v;
    return annotations->type == AMQP_MAP && amqp_map_find(annotations, key, &v) &&
           amqp_integer(&v, out);
}

/* The numbers of a batch are far fewer than half of all, which is how before and behind are told apart. */
_Static_assert(AMQP_EVENT_MESSAGE_MAX < INT32_MAX / 2, "a transfer has too many events");

enum err idempotent_check(const struct event_sender *e, const struct transfer *t, uint32_t *first)
{
    struct cur c = cur_of(t->delivery->payload);
    struct slice bytes;
    int64_t id, epoch, sequence, next = PRODUCER_NONE;
    while (amqp_next_message(&c, t->delivery->format == AMQP_FORMAT_BATCH, &bytes) == OK) {
        struct amqp_message m;
        enum err err = amqp_message_parse(bytes, &m);
        assert(err == OK); /* it was checked */
        if (!is(&m.annotations, PRODUCER_ID, &id) || !is(&m.annotations, PRODUCER_EPOCH, &epoch) ||
            !is(&m.annotations, PRODUCER_SEQUENCE, &sequence) || id != e->producer_id ||
            epoch != e->epoch)
            return fail(ERR_INVALID, "an event does not say that it is this producer's");
        if (next == PRODUCER_NONE) *first = (uint32_t)(next = sequence);
        if (sequence < 0 || sequence > INT32_MAX || sequence != next)
            return fail(ERR_INVALID, "sequence numbers of a batch are not one after the other");
        next = next == INT32_MAX ? 0 : next + 1;
    }
    return OK;
}

static void put_event(const struct event_sender *e, const struct transfer *t, struct slice bytes,
                      struct buf *out)
{
    struct producer_event head = {0};
    struct amqp_message m;
    size_t at = out->len;
    enum err err = amqp_message_parse(bytes, &m);
    assert(err == OK);
    buf_put(out, &head, sizeof head);
    head.pair_count = event_put_pairs(e, out, t, &m.annotations);
    head.pairs_len = (uint32_t)(out->len - at - sizeof head);
    event_put_sections(out, bytes);
    head.sections_len = (uint32_t)(out->len - at - sizeof head) - head.pairs_len;
    memcpy(out->ptr + at, &head, sizeof head);
}

void idempotent_store(struct event_sender *e, const struct transfer *t, uint32_t first)
{
    const struct amqp_delivery *d = t->delivery;
    struct producer_send head = {.stream = e->base.address.stream,
                                 .partition = (uint16_t)t->partition,
                                 .epoch = e->epoch,
                                 .id = e->producer_id,
                                 .first = first,
                                 .count = t->events};
    struct cur c = cur_of(d->payload);
    struct buf body = {0};
    struct slice bytes;
    msg_buf_begin(&body);
    buf_put(&body, &head, sizeof head);
    while (amqp_next_message(&c, d->format == AMQP_FORMAT_BATCH, &bytes) == OK)
        put_event(e, t, bytes, &body);
    struct msg *m = msg_buf_end(&body, PRODUCER_SEND);
    m->call = (uint64_t)d->id << MARK_BITS | (d->settled ? MARK_SETTLED : 0);
    e->unsettled++;
    post(event_sender_service(e)->lane, e->slot, home_of(e), m);
}

void idempotent_init(struct amqp_service *s)
{
    lane_on(s->lane, PRODUCER_OPENED, on_opened, s);
    lane_on(s->lane, PRODUCER_SENT, on_sent, s);
}
