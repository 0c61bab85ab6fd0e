/* hubs.c - this server's own hub: its verbs, asked as anybody would over HTTP. */
#include "dps/hubs.h"

void hub_ask_init(struct hub_ask *ask, struct dps *d)
{
    *ask = (struct hub_ask){.dps = d};
}

void hub_ask_forget(struct hub_ask *ask)
{
    if (ask->waiting == HUB_ASKS_REGISTRY)
        registry_forget(ask->dps->doors.registry, &ask->registry);
    else if (ask->waiting == HUB_ASKS_TWINS)
        twin_forget(ask->dps->doors.twins, &ask->twin);
    ask->waiting = HUB_ASKS_NOBODY;
}

struct slice hub_own_name(const struct dps *d)
{
    return slice_str(d->hub->hosts[0]);
}

bool hub_is_linked(const struct dps *d, struct slice hub)
{
    return hub_is_host(d->hub, hub);
}

/* ---- answers */

static void on_registry(struct registry_wait *w, const struct registry_answer *a)
{
    struct hub_ask *ask = CONTAINER_OF(w, struct hub_ask, registry);
    ask->waiting = HUB_ASKS_NOBODY;
    ask->fn(ask,
            &(struct hub_reply){.http = status_http(a->status), .body = a->body, .text = a->text});
}

static void on_twin(struct twin_wait *w, const struct twin_answer *a)
{
    struct hub_ask *ask = CONTAINER_OF(w, struct hub_ask, twin);
    ask->waiting = HUB_ASKS_NOBODY;
    ask->fn(ask,
            &(struct hub_reply){.http = status_http(a->status), .body = a->body, .text = a->text});
}

static struct registry_wait *registry_waits(struct hub_ask *ask)
{
    ask->waiting = HUB_ASKS_REGISTRY;
    ask->registry = (struct registry_wait){.fn = on_registry};
    return &ask->registry;
}

/* ---- questions */

void hub_get_identity(struct hub_ask *ask, struct slice hub, struct slice device_id)
{
    (void)hub;
    registry_get(ask->dps->doors.registry, device_id, registry_waits(ask));
}

void hub_put_identity(struct hub_ask *ask, struct slice hub, struct slice device_id,
                      struct slice json)
{
    (void)hub;
    registry_put(ask->dps->doors.registry, device_id, SLICE_LIT("*"), json, registry_waits(ask));
}

void hub_delete_identity(struct hub_ask *ask, struct slice hub, struct slice device_id)
{
    (void)hub;
    registry_delete(ask->dps->doors.registry, device_id, SLICE_LIT("*"), registry_waits(ask));
}

void hub_import(struct hub_ask *ask, struct slice hub, struct slice json)
{
    (void)hub;
    registry_bulk(ask->dps->doors.registry, json, registry_waits(ask));
}

void hub_get_twin(struct hub_ask *ask, struct slice hub, struct slice device_id)
{
    (void)hub;
    ask->waiting = HUB_ASKS_TWINS;
    ask->twin = (struct twin_wait){.fn = on_twin};
    twin_get(ask->dps->doors.twins, device_id, &ask->twin);
}
