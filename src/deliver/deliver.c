/* deliver.c - which endpoints this core has, as the routing document changes. */
#include "deliver/deliver.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "deliver/amqp/amqp.h"
#include "deliver/bridge/bridge.h"
#include "deliver/cosmos/cosmos.h"
#include "deliver/endpoint.h"
#include "deliver/event_hubs/event_hubs.h"
#include "deliver/kafka/courier.h"
#include "deliver/kafka/kafka.h"
#include "deliver/storage/storage.h"
#include "deliver/trust.h"
#include "deliver/webhook/webhook.h"

enum { TICK_US = 1000000 };

struct deliver {
    const struct hub *hub;
    struct lane *lane;
    struct deliver_doors doors;
    struct routing_listener listener;
    struct healths healths;
    struct trust trust;
    struct list endpoints;
    struct timer tick;
    bool begun;
};

/* ---- kinds */

const struct routing_kind *const deliver_kinds[] = {
    &bridge_kind.routing,
    &cosmos_kind.routing,
    &event_hubs_kind.routing,
    &kafka_kind.routing,
    &service_bus_queues_kind.routing,
    &service_bus_topics_kind.routing,
    &storage_kind,
    &webhook_kind.routing,
};
const unsigned deliver_kind_count = sizeof deliver_kinds / sizeof *deliver_kinds;

const struct deliver_kind *deliver_kind_of(const struct routing_kind *kind,
                                           const struct json *endpoint)
{
    const struct deliver_kind *k = CONTAINER_OF(kind, const struct deliver_kind, routing);
    return k->choose ? k->choose(endpoint) : k;
}

/* ---- the document */

static bool is_ours(const struct deliver *d, const struct routing_endpoint *e)
{
    return e->kind && e->kind != &storage_kind && routing_home(d->hub, e->bit).lane == d->lane->id;
}

static struct endpoint *find(const struct deliver *d, const struct routing_endpoint *e)
{
    LIST_EACH(node, &d->endpoints)
    {
        struct endpoint *ep = CONTAINER_OF(node, struct endpoint, node);
        if (ep->bit == e->bit && ep->since_us == e->since_us) return ep;
    }
    return NULL;
}

static void take(struct deliver *d, const struct routing_endpoint *e)
{
    struct endpoint *ep = find(d, e);
    if (ep) {
        endpoint_take(ep, &d->doors, e);
    } else {
        ep = endpoint_new(&d->healths, &d->doors, e);
        list_push(&d->endpoints, &ep->node);
    }
    ep->listed = true;
}

static void follow(struct deliver *d)
{
    const struct routing_endpoint *e;
    bool first = d->hub->cores[0] == d->lane->id;
    if (first && d->doors.storage_lane)
        storages_tell(d->lane, d->doors.storage_lane, d->doors.routing);
    LIST_EACH(node, &d->endpoints) CONTAINER_OF(node, struct endpoint, node)->listed = false;
    for (unsigned i = 0; (e = routing_endpoint_at(d->doors.routing, i)) != NULL; i++)
        if (is_ours(d, e)) take(d, e);
    LIST_EACH(node, &d->endpoints)
    {
        struct endpoint *ep = CONTAINER_OF(node, struct endpoint, node);
        if (!ep->listed) endpoint_remove(ep);
    }
}

static void on_change(struct routing_listener *l)
{
    struct deliver *d = CONTAINER_OF(l, struct deliver, listener);
    if (d->begun) follow(d);
}

static enum err on_agree(void *ctx, const struct routing_endpoint *e,
                         const struct routing_consent *consent)
{
    struct endpoint *ep = find(ctx, e);
    return ep ? endpoint_agree(ep, consent) : ERR_NOT_FOUND;
}

/* ---- time */

/* The first one begins: before it the lane did not run. */
static void on_tick(struct timer *t, int64_t now_us)
{
    struct deliver *d = CONTAINER_OF(t, struct deliver, tick);
    if (!d->begun) {
        d->begun = true;
        follow(d);
    }
    LIST_EACH(node, &d->endpoints) endpoint_tick(CONTAINER_OF(node, struct endpoint, node));
    timer_set(&d->lane->timers, t, now_us + TICK_US);
}

/* ---- life */

struct deliver *deliver_new(const struct hub *hub, struct lane *lane,
                            const struct deliver_doors *doors)
{
    struct deliver *d = NEW(struct deliver);
    *d = (struct deliver){
        .hub = hub, .lane = lane, .doors = *doors, .listener = {.changed = on_change}};
    list_init(&d->endpoints);
    trust_init(&d->trust, doors->ca_pem);
    d->doors.trust = &d->trust;
    healths_init(&d->healths, hub, lane, doors->routing);
    routing_listen(doors->routing, &d->listener);
    routing_set_agree(doors->routing, on_agree, d);
    kafka_attach(lane);
    timer_init(&d->tick, on_tick);
    timer_set(&lane->timers, &d->tick, clock_mono_us());
    return d;
}

void deliver_free(struct deliver *d)
{
    if (d == NULL) return;
    LIST_EACH(node, &d->endpoints) endpoint_free(CONTAINER_OF(node, struct endpoint, node));
    list_remove(&d->listener.node);
    timer_stop(&d->tick);
    kafka_courier_settle();
    trust_fini(&d->trust);
    free(d);
}
