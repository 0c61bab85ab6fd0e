/* event_sender.c - a producer's link to an event hub, to one of its partitions, or as a publisher.
 *
 * A transfer is one event, or in format 0x80013700 a batch whose data sections are events.  All of it
 * goes to one partition: the link's, the one of the partition key, else the next one in turn.  It is
 * accepted once it is durable; one that breaks a rule is rejected whole, before any of it is stored.
 */
#include "front/amqp/event_sender.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/partition.h"
#include "base/text.h"
#include "hub/event_hub/event_hub.h"
#include "hub/producer/producer.h"
#include "log/log.h"

#define ARGUMENT_ERROR "com.microsoft:argument-error"
#define SERVER_BUSY    "com.microsoft:server-busy"
#define PARTITION_KEY  "x-opt-partition-key"
#define PUBLISHER_NAME "x-opt-publisher-name"
#define IDEMPOTENT     "com.microsoft:idempotent-producer"

COUNTER(events_in, "azimuth_event_hub_events_in_total", "Events that producers sent to event hubs");
COUNTER(rejected, "azimuth_event_hub_rejected_total", "Transfers of producers rejected");
LIMIT_REACHED(too_large, "event-hub-message")
METRIC(names_refused, METRIC_COUNTER, EVENT_PUBLISHERS_REFUSED, "reason=\"name\"",
       EVENT_PUBLISHERS_REFUSED_HELP)
GAUGE(senders_now, "azimuth_event_hub_senders", "Links of producers to event hubs now");

/* Cookie of an event: the transfer's delivery id, and what it is in it. */
enum { MARK_LAST = 1, MARK_SETTLED = 2, MARK_BITS = 2 };

static struct event_sender *of(struct peer_link *l)
{
    return CONTAINER_OF(l, struct event_sender, base);
}

/* ---- credit */

void event_renew_credit(struct event_sender *e)
{
    struct amqp_service *service = event_sender_service(e);
    if (log_writer_full(service->telemetry.writer)) {
        if (!list_linked(&e->full)) list_push(&service->full_senders, &e->full);
        return;
    }
    if (timer_active(&e->held) || e->base.link->credit + e->unsettled > AMQP_EVENTS_CREDIT / 2)
        return;
    amqp_send_flow(e->base.link, AMQP_EVENTS_CREDIT - e->unsettled, false);
}

static void on_turn(struct timer *t, int64_t now_us)
{
    struct event_sender *e = CONTAINER_OF(t, struct event_sender, held);
    (void)now_us;
    peer_touch(e->base.peer);
    event_renew_credit(e);
}

void event_senders_relief(struct amqp_service *s)
{
    for (struct list *node; (node = list_shift(&s->full_senders)) != NULL;) {
        struct event_sender *e = CONTAINER_OF(node, struct event_sender, full);
        peer_touch(e->base.peer);
        event_renew_credit(e);
    }
}

/* ---- settling */

void event_settle(struct event_sender *e, uint32_t id, bool settled, const struct amqp_error *no)
{
    if (no) metric_inc(&rejected);
    peer_settle(&e->base, id, settled, no);
}

/* In the order of the events: an error of an earlier one of its transfer is known by the last. */
static void on_stored(struct lane *core, struct addr who, uint64_t cookie, enum err result)
{
    struct event_sender *e = slot_get(core, who);
    if (e == NULL) return;
    if (result != OK && e->failed == OK) e->failed = result;
    if (!(cookie & MARK_LAST)) return;
    struct amqp_error no =
        e->failed == ERR_THROTTLED
            ? amqp_error_of(SERVER_BUSY,
                            "The server takes no events now. Please wait and try again.")
            : amqp_error_of(AMQP_INTERNAL_ERROR, "The event could not be stored.");
    peer_touch(e->base.peer);
    e->unsettled--;
    event_settle(e, (uint32_t)(cookie >> MARK_BITS), cookie & MARK_SETTLED,
                 e->failed == OK ? NULL : &no);
    e->failed = OK;
    event_renew_credit(e);
}

/* ---- reading */

static struct slice key_of(const struct amqp_value *annotations)
{
    struct amqp_value v;
    bool there = annotations->type == AMQP_MAP && amqp_map_find(annotations, PARTITION_KEY, &v);
    return there ? amqp_text(&v) : SLICE_NONE;
}

/* The first one counts: all events of a transfer lie in one partition. */
static enum err take_key(const struct amqp_value *annotations, struct transfer *t)
{
    struct slice key = key_of(annotations);
    if (key.len > AMQP_EVENT_KEY_MAX)
        return fail(ERR_INVALID, "the partition key has more than %d bytes", AMQP_EVENT_KEY_MAX);
    if (t->key.ptr == NULL) t->key = key;
    return OK;
}

/* What a batch says of all of its events. */
static enum err read_envelope(struct slice payload, struct transfer *t)
{
    struct cur c = cur_of(payload);
    uint64_t code;
    struct amqp_value value;
    struct slice whole;
    enum err e;
    while ((e = amqp_next_section(&c, &code, &value, &whole)) == OK)
        if (code == AMQP_MESSAGE_ANNOTATIONS && amqp_check(&value) == OK) TRY(take_key(&value, t));
    return e == ERR_NOT_FOUND ? OK : fail(ERR_INVALID, "it is not a batch of AMQP messages");
}

static enum err check_event(struct slice bytes, struct transfer *t)
{
    struct amqp_message m;
    if (bytes.len == 0 || amqp_message_parse(bytes, &m) != OK)
        return fail(ERR_INVALID, "an event is not an AMQP message");
    return take_key(&m.annotations, t);
}

static enum err fail_too_large(const struct amqp_delivery *d)
{
    metric_inc(&too_large);
    return fail(ERR_TOO_BIG,
                "The received message (delivery-id:%" PRIu32 ", size:%zu bytes) exceeds the "
                "limit (%d bytes) currently allowed on the link.",
                d->id, d->payload.len, AMQP_EVENT_MESSAGE_MAX);
}

/* Every event can be stored, and where all of them belong is known. */
static enum err read_transfer(struct event_sender *e, struct transfer *t)
{
    bool batch = t->delivery->format == AMQP_FORMAT_BATCH;
    struct cur c = cur_of(t->delivery->payload);
    struct slice bytes;
    enum err err;
    if (t->delivery->payload.len > AMQP_EVENT_MESSAGE_MAX) return fail_too_large(t->delivery);
    if (batch) TRY(read_envelope(t->delivery->payload, t));
    for (; (err = amqp_next_message(&c, batch, &bytes)) == OK; t->events++)
        TRY(check_event(bytes, t));
    if (err != ERR_NOT_FOUND) return fail(ERR_INVALID, "it is not a batch of AMQP messages");
    if (t->events == 0) return fail(ERR_INVALID, "it has no event");
    if (e->base.address.kind == ADDRESS_SEND_PARTITION) {
        t->partition = e->base.address.partition; /* Python's buffers tell of a key besides */
    } else if (t->key.ptr) {
        t->partition = key_partition(t->key, e->partitions);
    } else {
        t->partition = event_sender_service(e)->next_partition++ % e->partitions;
    }
    return OK;
}

/* ---- storing */

/* What only the service says of an event. */
static bool is_ours(struct slice key)
{
    return slice_is(key, "x-opt-sequence-number") || slice_is(key, "x-opt-offset") ||
           slice_is(key, "x-opt-enqueued-time") || slice_is(key, PUBLISHER_NAME);
}

/* What the hub goes by after a restart: only idempotent producers say it. */
static bool is_numbering(struct slice key)
{
    return slice_is(key, PRODUCER_ID) || slice_is(key, PRODUCER_EPOCH) ||
           slice_is(key, PRODUCER_SEQUENCE);
}

/* A key of another type than amqp_map_find() looks at names nothing: else it would be stored, as a symbol, under a
 * name whose value was not looked at, and a producer's sequence number would be another one after a restart. */
static struct slice name_of(const struct amqp_value *key)
{
    return key->type == AMQP_BINARY ? SLICE_NONE : amqp_text(key);
}

/* Keys go out as symbols, as consumers want them; values as they came. */
static unsigned put_annotations(const struct event_sender *e, struct buf *b,
                                const struct amqp_value *map)
{
    unsigned pairs = 0;
    if (map->type != AMQP_MAP) return 0;
    struct cur c = cur_of(map->bytes);
    for (uint32_t i = 0; i + 1 < map->count; i += 2) {
        struct amqp_value key, value;
        if (amqp_get(&c, &key) != OK || amqp_get(&c, &value) != OK) break;
        struct slice name = name_of(&key);
        if (name.len == 0 || is_ours(name) || (is_numbering(name) && !e->idempotent)) continue;
        if (key.type == AMQP_SYMBOL) {
            buf_put(b, key.whole.ptr, (size_t)(c.at - key.whole.ptr));
        } else {
            amqp_put_symbol(b, name);
            amqp_put_value(b, &value);
        }
        pairs++;
    }
    return pairs;
}

unsigned event_put_pairs(const struct event_sender *e, struct buf *b, const struct transfer *t,
                         const struct amqp_value *annotations)
{
    unsigned pairs = put_annotations(e, b, annotations);
    if (t->key.ptr && key_of(annotations).ptr == NULL) {
        amqp_put_sym(b, PARTITION_KEY);
        amqp_put_string(b, t->key);
        pairs++;
    }
    if (e->publisher.ptr) {
        amqp_put_sym(b, PUBLISHER_NAME);
        amqp_put_string(b, e->publisher);
        pairs++;
    }
    return pairs;
}

/* Everything that is the producer's word to the consumer, as it came. */
void event_put_sections(struct buf *b, struct slice event)
{
    struct cur c = cur_of(event);
    uint64_t code;
    struct amqp_value value;
    struct slice whole;
    while (amqp_next_section(&c, &code, &value, &whole) == OK)
        if (code >= AMQP_PROPERTIES && code <= AMQP_FOOTER) buf_put_slice(b, whole);
}

/* Of an event that was checked: only the sections are gone through. */
static struct amqp_value annotations_of(struct slice event)
{
    struct cur c = cur_of(event);
    uint64_t code;
    struct amqp_value value;
    struct slice whole;
    while (amqp_next_section(&c, &code, &value, &whole) == OK)
        if (code == AMQP_MESSAGE_ANNOTATIONS) return value;
    return (struct amqp_value){.type = AMQP_NULL};
}

static void store_event(struct event_sender *e, const struct transfer *t, struct slice bytes,
                        uint64_t cookie)
{
    struct log_writer *w = event_sender_service(e)->telemetry.writer;
    struct amqp_value annotations = annotations_of(bytes);
    struct buf *b =
        log_begin(w, e->base.address.stream, t->partition, RECORD_TELEMETRY, RECORD_TO_STREAM);
    log_pairs_done(w, event_put_pairs(e, b, t, &annotations));
    event_put_sections(b, bytes);
    log_end(w, on_stored, e->slot, cookie);
}

static void store_transfer(struct event_sender *e, const struct transfer *t)
{
    const struct amqp_delivery *d = t->delivery;
    struct cur c = cur_of(d->payload);
    struct slice bytes;
    uint64_t cookie = (uint64_t)d->id << MARK_BITS | (d->settled ? MARK_SETTLED : 0);
    e->unsettled++;
    for (unsigned i = 1; amqp_next_message(&c, d->format == AMQP_FORMAT_BATCH, &bytes) == OK; i++)
        store_event(e, t, bytes, cookie | (i == t->events ? MARK_LAST : 0));
}

/* ---- deliveries */

/* Takes a transfer's events; what comes next waits for credit. */
static enum err take(struct event_sender *e, const struct transfer *t)
{
    struct amqp_service *service = event_sender_service(e);
    int64_t wait_us = throttle_take_now(service->hub->throttle, THROTTLE_EVENT, t->events);
    if (wait_us > 0) timer_set(&service->lane->timers, &e->held, clock_mono_us() + wait_us);
    if (wait_us != THROTTLE_REFUSED) return OK;
    return fail(ERR_THROTTLED, "The request was terminated because the namespace is being "
                               "throttled. Please wait 4 seconds and try again.");
}

static void reject(struct event_sender *e, const struct amqp_delivery *d, enum err why)
{
    struct amqp_error no = amqp_error_of(why == ERR_THROTTLED ? SERVER_BUSY
                                         : why == ERR_TOO_BIG ? AMQP_MESSAGE_SIZE_EXCEEDED
                                                              : ARGUMENT_ERROR,
                                         fail_text());
    event_settle(e, d->id, d->settled, &no);
    event_renew_credit(e);
}

static void on_delivery(struct peer_link *l, const struct amqp_delivery *d)
{
    struct event_sender *e = of(l);
    struct transfer t = {.delivery = d};
    uint32_t first = 0;
    enum err err = read_transfer(e, &t);
    if (err == OK && e->idempotent) err = idempotent_check(e, &t, &first);
    if (err == OK) err = take(e, &t);
    if (err != OK) {
        reject(e, d, err);
        return;
    }
    metric_add(&events_in, t.events);
    if (e->idempotent)
        idempotent_store(e, &t, first);
    else
        store_transfer(e, &t);
    event_renew_credit(e);
}

/* ---- the link */

void event_welcome(struct event_sender *e, struct slice properties)
{
    struct buf offered = {0};
    if (e->idempotent) amqp_put_sym(&offered, IDEMPOTENT);
    e->stream.answered = true;
    amqp_answer_attach(e->base.link,
                       &(struct amqp_link_answer){.max_message_size = AMQP_EVENT_MESSAGE_MAX,
                                                  .receive_max = AMQP_EVENT_TAKEN_MAX,
                                                  .offered = buf_slice(&offered),
                                                  .properties = properties});
    buf_free(&offered);
    event_renew_credit(e);
}

static struct slice last_word(struct slice path)
{
    return slice_from(path, slice_rfind(path, '/') + 1);
}

static void on_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    struct event_sender *e = of(l);
    struct amqp_service *s = l->peer->service;
    const struct event_hub *h = stream_hub(s, l->address.stream);
    assert(h != NULL);
    list_init(&e->full);
    timer_init(&e->held, on_turn);
    stream_link_begin(&e->stream, l);
    e->slot = slot_new(s->lane, e);
    e->partitions = h->partitions;
    metric_add(&senders_now, 1);
    if (l->address.kind == ADDRESS_SEND_PARTITION && l->address.partition >= h->partitions) {
        stream_refuse_partition(l, h->partitions);
        return;
    }
    if (l->address.kind == ADDRESS_PUBLISHER) e->publisher = last_word(slice_str(l->path));
    if (e->publisher.len > AMQP_PUBLISHER_MAX) {
        metric_inc(&names_refused);
        peer_refuse(l, ARGUMENT_ERROR, "The publisher's name has more than %d bytes.",
                    AMQP_PUBLISHER_MAX);
        return;
    }
    if (amqp_has_capability(&ev->desired, IDEMPOTENT))
        idempotent_attach(e, ev);
    else
        event_welcome(e, SLICE_NONE);
}

static void on_detached(struct peer_link *l)
{
    struct event_sender *e = of(l);
    slot_free(l->peer->service->lane, e->slot);
    timer_stop(&e->held);
    list_remove(&e->full);
    stream_link_end(&e->stream);
    metric_add(&senders_now, -1);
}

static bool owes(const struct peer_link *l)
{
    return CONTAINER_OF(l, const struct event_sender, base)->unsettled > 0;
}

const struct node node_event_sender = {
    .name = "event sender",
    .size = sizeof(struct event_sender),
    .receiver = true,
    .right = AUTH_SERVICE_CONNECT,
    .attach = on_attach,
    .delivery = on_delivery,
    .owes = owes,
    .detached = on_detached,
};
