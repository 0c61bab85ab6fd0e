/* event_hubs.c - messages appended to an event hub of this server: from one stream of the log to another,
 * without a network between them.
 *
 *   add() ─▶ the core's log writer, once per message ─▶ durable ─▶ the last of a batch: taken
 *
 * A message is copied once, out of the log into the writer's batch; the engine's own batch stays empty.
 * The key is the device's id, so that all of a device lies in one partition, in its order.
 *
 * What arrives counts among the events that event hubs of users take (the throttle's class `events`), as it
 * takes of a namespace's throughput units in Azure: a batch is answered when its turn has come.
 *
 * No loop can arise: routes see what devices and identities do, never what an event hub that a user made
 * holds. */
#include "deliver/event_hubs/event_hubs.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/partition.h"
#include "deliver/amqp/amqp.h"
#include "deliver/event_hubs/check.h"
#include "deliver/message.h"
#include "hub/event_hub/event_hub.h"
#include "hub/throttle/throttle.h"

struct own_hub {
    struct deliver_target target;
    struct append *open; /* gathers; NULL: nothing yet */
    struct list sent;    /* the others */
    char name[EVENT_HUB_NAME_MAX + 1];
};

/* A batch on its way.  Known to the log by its slot, which is gone when nobody waits for it. */
struct append {
    struct list node;
    struct own_hub *hub;
    struct addr slot;
    struct deliver_call *call; /* NULL: it gathers */
    struct timer soon; /* there is nothing that the log would answer, or it is not its turn yet */
    int64_t until_us;  /* that is then; 0: at once */
    unsigned under_way;
    enum err failed;
};

static struct own_hub *of(struct deliver_target *t)
{
    return CONTAINER_OF(t, struct own_hub, target);
}

/* ---- answers */

static void append_free(struct append *a)
{
    slot_free(a->hub->target.place.lane, a->slot);
    timer_stop(&a->soon);
    list_remove(&a->node);
    free(a);
}

static void say_why(const struct append *a, char *out, size_t size)
{
    const char *name = a->hub->name;
    if (a->failed == ERR_AGAIN)
        snprintf(out, size, "event hubs get as many events as the throttle lets them");
    else if (a->failed == ERR_NOT_FOUND)
        snprintf(out, size, "there is no event hub '%.200s' on this server", name);
    else
        snprintf(out, size, "the log of event hub '%.200s' %s", name,
                 a->failed == ERR_THROTTLED ? "takes no events now" : "could not be written");
}

static void end(struct append *a)
{
    char text[256] = "";
    struct deliver_call *call = a->call;
    struct deliver_result r = {.text = text};
    if (a->failed != OK) {
        r.outcome = DELIVER_AGAIN;
        say_why(a, text, sizeof text);
    }
    append_free(a);
    deliver_call_end(call, &r);
}

static void on_soon(struct timer *t, int64_t now_us)
{
    (void)now_us;
    end(CONTAINER_OF(t, struct append, soon));
}

/* All of it is stored, or failed. */
static void end_in_turn(struct append *a)
{
    if (a->until_us > clock_mono_us())
        timer_set(&a->hub->target.place.lane->timers, &a->soon, a->until_us);
    else
        end(a);
}

static void on_stored(struct lane *lane, struct addr who, uint64_t cookie, enum err result)
{
    struct append *a = slot_get(lane, who);
    (void)cookie;
    if (a == NULL) return;
    if (result != OK) a->failed = result;
    if (--a->under_way == 0 && a->call) end_in_turn(a);
}

/* ---- messages */

static struct append *begin(struct own_hub *h)
{
    struct append *a = NEW(struct append);
    a->hub = h;
    list_init(&a->node);
    a->slot = slot_new(h->target.place.lane, a);
    timer_init(&a->soon, on_soon);
    return a;
}

static unsigned put_key(struct buf *b, struct slice key)
{
    if (key.len == 0) return 0;
    amqp_put_sym(b, "x-opt-partition-key");
    amqp_put_string(b, key);
    return 1;
}

/* What is of no device keeps the order of its partition. */
static unsigned partition_of(const struct event_hub *to, const struct record *r, struct slice key)
{
    return key.len ? key_partition(key, to->partitions) : (unsigned)r->partition % to->partitions;
}

/* The record as the endpoint gets it, with its enrichments as properties. */
static enum err append(struct own_hub *h, const struct event_hub *to, const struct record *r)
{
    struct log_writer *w = h->target.place.writer;
    struct message m = {.record = r};
    struct slice key = message_pair(&m, "iothub-connection-device-id");
    struct buf *b = log_begin(w, to->stream, partition_of(to, r, key), r->source, RECORD_TO_STREAM);
    size_t before = b->len;
    buf_put_slice(b, r->pairs);
    log_pairs_done(w, r->pair_count + put_key(b, key));
    routing_put_sections(b, r, h->target.place.bit);
    if (b->len - before > EVENT_HUBS_EVENT_BYTES_MAX) {
        log_abort(w);
        return fail(ERR_TOO_BIG, "as an event the message is larger than %d bytes",
                    EVENT_HUBS_EVENT_BYTES_MAX);
    }
    log_end(w, on_stored, h->open->slot, 0);
    h->open->under_way++;
    return OK;
}

/* ERR_AGAIN: the throttle takes no more now. */
static enum err take_turn(struct own_hub *h)
{
    struct throttle *throttle = h->target.place.hub->throttle;
    int64_t wait_us = throttle_take_now(throttle, THROTTLE_EVENT, 1);
    if (wait_us == THROTTLE_REFUSED) return ERR_AGAIN;
    if (wait_us > 0) h->open->until_us = clock_mono_us() + wait_us;
    return OK;
}

static bool is_ahead(const struct append *a)
{
    return a && a->until_us > clock_mono_us() + EVENT_HUBS_AHEAD_MS * INT64_C(1000);
}

/* A writer that is full takes one message more of each partition, so that what waits for it is bounded. */
static enum err own_hub_add(struct deliver_target *t, const struct record *r, struct buf *batch,
                            unsigned count)
{
    struct own_hub *h = of(t);
    const struct event_hub *to = event_hub_find(t->place.event_hubs, slice_str(h->name));
    (void)batch;
    bool ends = log_writer_full(t->place.writer) || is_ahead(h->open) || (count && h->open->failed);
    if (count && ends) return ERR_FULL;
    if (h->open == NULL) h->open = begin(h);
    enum err e = to ? take_turn(h) : ERR_NOT_FOUND;
    if (e == ERR_AGAIN && count) return ERR_FULL;
    if (e == OK) return append(h, to, r);
    h->open->failed = e;
    return OK;
}

static void own_hub_send(struct deliver_target *t, struct buf *batch, struct deliver_call *c)
{
    struct own_hub *h = of(t);
    struct append *a = h->open;
    (void)batch;
    h->open = NULL;
    a->call = c;
    list_push(&h->sent, &a->node);
    if (a->under_way == 0)
        timer_set(&t->place.lane->timers, &a->soon, MAX(a->until_us, clock_mono_us()));
}

/* What the log was given it stores; nobody waits for its word. */
static void own_hub_forget(struct deliver_target *t, struct deliver_call *c)
{
    LIST_EACH(node, &of(t)->sent)
    {
        struct append *a = CONTAINER_OF(node, struct append, node);
        if (a->call == c) append_free(a);
    }
}

/* ---- life */

static struct deliver_target *own_hub_open(const struct deliver_place *place,
                                           const struct json *endpoint)
{
    struct own_hub *h = NEW(struct own_hub);
    h->target.place = *place;
    list_init(&h->sent);
    snprintf(h->name, sizeof h->name, "%.*s", SLICE_ARG(json_str(endpoint, "entityPath")));
    return &h->target;
}

static void own_hub_close(struct deliver_target *t)
{
    struct own_hub *h = of(t);
    assert(list_empty(&h->sent));
    if (h->open) append_free(h->open);
    free(h);
}

static const struct deliver_kind own_hub_kind = {
    .open = own_hub_open,
    .close = own_hub_close,
    .add = own_hub_add,
    .send = own_hub_send,
    .forget = own_hub_forget,
};

static const struct deliver_kind *choose(const struct json *endpoint)
{
    return event_hubs_elsewhere(endpoint) ? &amqp_event_hubs_kind : &own_hub_kind;
}

const struct deliver_kind event_hubs_kind = {
    .routing = {.list = "eventHubs", .check = event_hubs_check, .mask = event_hubs_mask},
    .choose = choose,
};
