/* event_hubs.c - messages appended to an event hub of this server: from one stream of the log to another,
 * without a network between them.
 *
 *   add() ─▶ the core's log writer, once per message ─▶ durable ─▶ the last of a batch: taken
 *
 * A message is copied once, out of the log into the writer's batch; the engine's own batch stays empty.
 * The key is the device's id, so that all of a device lies in one partition, in its order.
 *
 * No loop can arise: routes see what devices and identities do, never what an event hub that a user made
 * holds. */
#include "deliver/event_hubs/event_hubs.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/partition.h"
#include "deliver/amqp/amqp.h"
#include "deliver/event_hubs/check.h"
#include "deliver/message.h"
#include "hub/event_hub/event_hub.h"

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
    struct timer soon;         /* there is nothing that the log would answer */
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
    if (a->failed == ERR_NOT_FOUND)
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

static void on_stored(struct lane *lane, struct addr who, uint64_t cookie, enum err result)
{
    struct append *a = slot_get(lane, who);
    (void)cookie;
    if (a == NULL) return;
    if (result != OK) a->failed = result;
    if (--a->under_way == 0 && a->call) end(a);
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

/* A writer that is full takes one message more of each partition, so that what waits for it is bounded. */
static enum err own_hub_add(struct deliver_target *t, const struct record *r, struct buf *batch,
                            unsigned count)
{
    struct own_hub *h = of(t);
    const struct event_hub *to = event_hub_find(t->place.event_hubs, slice_str(h->name));
    (void)batch;
    if (count && log_writer_full(t->place.writer)) return ERR_FULL;
    if (h->open == NULL) h->open = begin(h);
    if (to == NULL) h->open->failed = ERR_NOT_FOUND;
    return to ? append(h, to, r) : OK;
}

static void own_hub_send(struct deliver_target *t, struct buf *batch, struct deliver_call *c)
{
    struct own_hub *h = of(t);
    struct append *a = h->open;
    (void)batch;
    h->open = NULL;
    a->call = c;
    list_push(&h->sent, &a->node);
    if (a->under_way == 0) timer_set(&t->place.lane->timers, &a->soon, clock_mono_us());
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
