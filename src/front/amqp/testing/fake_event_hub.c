/* fake_event_hub.c - event hubs as far as links ask. */
#include "front/amqp/testing/fake_event_hub.h"

struct event_hubs fake_event_hubs = {.there = true};

static const struct event_hub orders = {.stream = FAKE_STREAM,
                                        .partitions = FAKE_STREAM_PARTITIONS,
                                        .created_us = 1700000000000000,
                                        .name = "orders",
                                        .lower = "orders"};

const struct event_hub *event_hub_find(const struct event_hubs *e, struct slice name)
{
    return e->there && slice_eq_nocase(name, slice_str(orders.name)) ? &orders : NULL;
}

const struct event_hub *event_hub_of_stream(const struct event_hubs *e, unsigned stream)
{
    return e->there && stream == FAKE_STREAM ? &orders : NULL;
}

void event_hubs_on_gone(struct event_hubs *e, event_hub_fn fn, void *ctx)
{
    e->gone[e->watchers].fn = fn;
    e->gone[e->watchers++].ctx = ctx;
}

void fake_event_hub_goes(void)
{
    struct event_hubs *e = &fake_event_hubs;
    e->there = false;
    for (unsigned i = 0; i < e->watchers; i++) e->gone[i].fn(e->gone[i].ctx, &orders);
}
