/* amqp.c - batches over one link: what is sent, what is settled, what comes again.
 *
 *   send() ─▶ shipment ─▶ lots, as credit allows ─▶ settled ─▶ all of them: the call ends
 *                               ▲                              some: again, without those that were taken
 *                               └── the link is made anew by the next batch
 */
#include "deliver/amqp/amqp.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/connstr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "deliver/amqp/check.h"
#include "deliver/amqp/message.h"
#include "deliver/amqp/shipment.h"

/* A delivery that is not settled. */
struct flight {
    uint32_t id;
    unsigned lot;
    struct shipment *shipment; /* NULL: settled, or nobody waits */
};

struct amqp_target {
    struct deliver_target target;
    struct amqp_sender sender;
    enum amqp_message_for what;
    struct deliver_call *connecting; /* NULL: nobody asks */
    struct list shipments, over;
    struct list remnants;
    struct flight *flights; /* in the order of their ids */
    size_t flight_count, flight_cap;
    struct timer soon;     /* answers that must not come within a call */
    struct timer patience; /* runs while something is to be sent or settled */
};

static struct amqp_target *of(struct deliver_target *t)
{
    return CONTAINER_OF(t, struct amqp_target, target);
}

static struct amqp_target *of_sender(struct amqp_sender *s)
{
    return CONTAINER_OF(s, struct amqp_target, sender);
}

static struct timers *timers_of(const struct amqp_target *t)
{
    return &t->target.place.lane->timers;
}

/* ---- what was taken of batches that were not */

static struct remnant *remnant_of(const struct amqp_target *t, const struct deliver_call *c)
{
    LIST_EACH(node, &t->remnants)
    {
        struct remnant *r = CONTAINER_OF(node, struct remnant, node);
        if (r->call == c) return r;
    }
    return NULL;
}

/* The batch comes again, first as it was, then perhaps message by message: until it is through, what was
 * taken of it counts. */
static void remember(struct amqp_target *t, const struct shipment *s)
{
    struct remnant *now = shipment_remnant(s), *old = remnant_of(t, s->call);
    if (old) {
        now->ordinals =
            mem_grow(now->ordinals, (now->count + old->count + 1) * sizeof *now->ordinals);
        memcpy(now->ordinals + now->count, old->ordinals, old->count * sizeof *now->ordinals);
        now->count += old->count;
        remnant_sort(now);
        remnant_free(old);
    }
    if (now->count)
        list_push(&t->remnants, &now->node);
    else
        remnant_free(now);
}

/* What is behind the last one is new. */
static void forget_older(struct amqp_target *t, const struct deliver_call *c, uint64_t ordinal)
{
    struct remnant *r = remnant_of(t, c);
    if (r && (r->count == 0 || r->ordinals[r->count - 1] < ordinal)) remnant_free(r);
}

/* ---- ends */

static void end_one(struct amqp_target *t, struct shipment *s)
{
    struct deliver_call *c = s->call;
    struct deliver_result r = s->worst;
    char text[AMQP_SENDER_TEXT_MAX + 1];
    snprintf(text, sizeof text, "%s", s->text);
    r.text = text;
    if (r.outcome != DELIVER_TAKEN) remember(t, s);
    shipment_free(s);
    deliver_call_end(c, &r);
}

/* Whoever is told may send the next batch at once. */
static void finish(struct amqp_target *t)
{
    struct list *node;
    LIST_EACH(it, &t->shipments)
    {
        struct shipment *s = CONTAINER_OF(it, struct shipment, node);
        if (!shipment_is_over(s)) continue;
        list_remove(it);
        list_push(&t->over, it);
    }
    if (list_empty(&t->shipments)) timer_stop(&t->patience);
    while ((node = list_shift(&t->over)) != NULL)
        end_one(t, CONTAINER_OF(node, struct shipment, node));
}

static void end_connect(struct amqp_target *t, const struct deliver_result *r)
{
    struct deliver_call *c = t->connecting;
    t->connecting = NULL;
    if (c) deliver_call_end(c, r);
}

static void on_soon(struct timer *timer, int64_t now_us)
{
    struct amqp_target *t = CONTAINER_OF(timer, struct amqp_target, soon);
    (void)now_us;
    if (amqp_sender_is_up(&t->sender)) end_connect(t, &(struct deliver_result){0});
    finish(t);
}

/* ---- flights */

static void note_flight(struct amqp_target *t, uint32_t id, struct shipment *s, unsigned lot)
{
    if (t->flight_count == t->flight_cap) {
        t->flight_cap = MAX(t->flight_cap * 2, (size_t)64);
        t->flights = mem_grow(t->flights, t->flight_cap * sizeof *t->flights);
    }
    t->flights[t->flight_count++] = (struct flight){.id = id, .lot = lot, .shipment = s};
}

/* Settled ones go when all before them have. */
static void trim_flights(struct amqp_target *t)
{
    size_t gone = 0;
    while (gone < t->flight_count && t->flights[gone].shipment == NULL) gone++;
    if (gone == 0 || (gone < t->flight_count && gone < t->flight_count / 2)) return;
    t->flight_count -= gone;
    memmove(t->flights, t->flights + gone, t->flight_count * sizeof *t->flights);
}

/* The first whose id is not before `id`; numbers wrap. */
static size_t flight_at(const struct amqp_target *t, uint32_t id)
{
    size_t low = 0, high = t->flight_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((int32_t)(t->flights[middle].id - id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void drop_flights(struct amqp_target *t, const struct shipment *s)
{
    for (size_t i = 0; i < t->flight_count; i++)
        if (t->flights[i].shipment == s) t->flights[i].shipment = NULL;
}

/* ---- sending */

static void progress(struct amqp_target *t)
{
    timer_set(timers_of(t), &t->patience,
              clock_mono_us() + AMQP_TARGET_PATIENCE_S * INT64_C(1000000));
}

static void send_lot(struct amqp_target *t, struct shipment *s, unsigned lot)
{
    struct buf *out = amqp_sender_begin(&t->sender, shipment_format(s, lot));
    shipment_put(s, lot, out);
    note_flight(t, amqp_sender_end(&t->sender), s, lot);
    shipment_sent(s, lot);
}

static void pump(struct amqp_target *t)
{
    bool any = false;
    LIST_EACH(node, &t->shipments)
    {
        struct shipment *s = CONTAINER_OF(node, struct shipment, node);
        int lot;
        while (amqp_sender_can_send(&t->sender) && (lot = shipment_next(s)) >= 0) {
            send_lot(t, s, (unsigned)lot);
            any = true;
        }
    }
    if (any) progress(t);
}

static void on_impatient(struct timer *timer, int64_t now_us)
{
    struct amqp_target *t = CONTAINER_OF(timer, struct amqp_target, patience);
    (void)now_us;
    if (!amqp_sender_is_up(&t->sender)) return; /* who answers no login is given up by the sender */
    amqp_sender_drop(&t->sender, DELIVER_AGAIN,
                     t->flight_count ? "says nothing of what was sent" : "gives no credit to send");
}

/* ---- what the link says */

static void on_ready(struct amqp_sender *s)
{
    struct amqp_target *t = of_sender(s);
    end_connect(t, &(struct deliver_result){0});
    if (!list_empty(&t->shipments) && !timer_active(&t->patience)) progress(t);
    pump(t);
}

static void on_settled(struct amqp_sender *s, uint32_t first, uint32_t last,
                       const struct deliver_result *r)
{
    struct amqp_target *t = of_sender(s);
    for (size_t i = flight_at(t, first); i < t->flight_count; i++) {
        struct flight *f = &t->flights[i];
        if ((int32_t)(f->id - last) > 0) break;
        if (f->shipment) shipment_settled(f->shipment, f->lot, r);
        f->shipment = NULL;
    }
    trim_flights(t);
    if (!list_empty(&t->shipments)) progress(t);
    finish(t);
    pump(t);
}

/* An error of the link that is about a message is about the one that was sent, if that is known. */
static struct deliver_result blame(const struct amqp_target *t, const struct deliver_result *r)
{
    struct deliver_result out = *r;
    const struct shipment *only = NULL;
    for (size_t i = 0; i < t->flight_count; i++) {
        if (t->flights[i].shipment == NULL) continue;
        if (only && t->flights[i].shipment != only) out.outcome = DELIVER_AGAIN;
        only = t->flights[i].shipment;
    }
    if (only == NULL) out.outcome = DELIVER_AGAIN;
    return r->outcome == DELIVER_REFUSED ? out : *r;
}

static void on_down(struct amqp_sender *s, const struct deliver_result *r)
{
    struct amqp_target *t = of_sender(s);
    struct deliver_result why = blame(t, r);
    t->flight_count = 0;
    LIST_EACH(node, &t->shipments)
    shipment_lost(CONTAINER_OF(node, struct shipment, node), &why);
    end_connect(t, &why);
    finish(t);
}

static const struct amqp_sender_owner owner = {on_ready, on_settled, on_down};

/* ---- as a target */

static void target_connect(struct deliver_target *target, struct deliver_call *c)
{
    struct amqp_target *t = of(target);
    t->connecting = c;
    amqp_sender_start(&t->sender);
    if (amqp_sender_is_up(&t->sender)) timer_set(timers_of(t), &t->soon, clock_mono_us());
}

static size_t message_max(const struct amqp_target *t)
{
    uint64_t said = t->sender.message_max;
    return said ? (size_t)MIN(said, (uint64_t)DELIVER_BATCH_MAX) : AMQP_TARGET_MESSAGE_MAX;
}

/* With what a batch of the peer's adds to it. */
static bool fits(const struct amqp_target *t, size_t batch, size_t more, unsigned count)
{
    enum { ENVELOPE = 512, SECTION = 8 };
    size_t max = MIN(message_max(t), (size_t)AMQP_TARGET_BATCH_BYTES);
    if (count == 0) return true;
    return count < AMQP_TARGET_BATCH_MESSAGES &&
           batch + more + ENVELOPE + (count + 1) * (size_t)SECTION <= max;
}

static enum err target_add(struct deliver_target *target, const struct record *r, struct buf *batch,
                           unsigned count)
{
    struct amqp_target *t = of(target);
    struct slice key = amqp_message_key(r);
    size_t before = batch->len, at = parcel_begin(batch, r->ordinal, key);
    size_t start = batch->len;
    amqp_message_put(batch, r, &target->place, t->what);
    size_t len = batch->len - start;
    parcel_end(batch, at);
    bool large = len > message_max(t);
    if (!large && fits(t, before, batch->len - before, count)) return OK;
    batch->len = before;
    if (!large || count) return ERR_FULL;
    return fail(ERR_TOO_BIG, "a message of %zu bytes is more than the %zu that %.100s takes", len,
                message_max(t), t->sender.entity);
}

static void target_send(struct deliver_target *target, struct buf *batch, struct deliver_call *c)
{
    struct amqp_target *t = of(target);
    struct remnant *r = remnant_of(t, c);
    struct shipment *s = shipment_new(c, batch, t->what == AMQP_FOR_EVENT_HUBS, r);
    if (s->item_count) forget_older(t, c, s->items[0].parcel.ordinal);
    if (list_empty(&t->shipments)) progress(t);
    list_push(&t->shipments, &s->node);
    if (shipment_is_over(s))
        timer_set(timers_of(t), &t->soon, clock_mono_us());
    else if (amqp_sender_is_up(&t->sender))
        pump(t);
    else
        amqp_sender_start(&t->sender);
}

static void target_forget(struct deliver_target *target, struct deliver_call *c)
{
    struct amqp_target *t = of(target);
    if (t->connecting == c) t->connecting = NULL;
    LIST_EACH(node, &t->shipments)
    {
        struct shipment *s = CONTAINER_OF(node, struct shipment, node);
        if (s->call != c) continue;
        drop_flights(t, s);
        shipment_free(s);
    }
    LIST_EACH(node, &t->over)
    {
        struct shipment *s = CONTAINER_OF(node, struct shipment, node);
        if (s->call == c) shipment_free(s);
    }
}

/* ---- life */

static struct deliver_target *open_as(const struct deliver_place *place,
                                      const struct json *endpoint, enum amqp_message_for what)
{
    struct amqp_target *t = NEW(struct amqp_target);
    struct connstr to;
    enum err e = connstr_parse(json_str(endpoint, "connectionString"), &to);
    assert(e == OK); /* amqp_check() has seen it */
    t->target.place = *place;
    t->what = what;
    list_init(&t->shipments);
    list_init(&t->over);
    list_init(&t->remnants);
    timer_init(&t->soon, on_soon);
    timer_init(&t->patience, on_impatient);
    amqp_sender_init(&t->sender, &owner, &t->target.place, &to);
    return &t->target;
}

static struct deliver_target *open_event_hub(const struct deliver_place *place,
                                             const struct json *endpoint)
{
    return open_as(place, endpoint, AMQP_FOR_EVENT_HUBS);
}

static struct deliver_target *open_service_bus(const struct deliver_place *place,
                                               const struct json *endpoint)
{
    return open_as(place, endpoint, AMQP_FOR_SERVICE_BUS);
}

static void target_close(struct deliver_target *target)
{
    struct amqp_target *t = of(target);
    assert(list_empty(&t->shipments));
    amqp_sender_fini(&t->sender);
    timer_stop(&t->soon);
    timer_stop(&t->patience);
    LIST_EACH(node, &t->remnants) remnant_free(CONTAINER_OF(node, struct remnant, node));
    free(t->flights);
    free(t);
}

#define VERBS                                                                                      \
    .close = target_close, .connect = target_connect, .add = target_add, .send = target_send,      \
    .forget = target_forget

const struct deliver_kind amqp_event_hubs_kind = {.open = open_event_hub, VERBS};
const struct deliver_kind service_bus_queues_kind = {
    .routing = {.list = "serviceBusQueues", .check = amqp_check_queue, .mask = amqp_mask},
    .open = open_service_bus,
    VERBS};
const struct deliver_kind service_bus_topics_kind = {
    .routing = {.list = "serviceBusTopics", .check = amqp_check_topic, .mask = amqp_mask},
    .open = open_service_bus,
    VERBS};
