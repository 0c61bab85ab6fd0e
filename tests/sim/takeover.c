/* takeover.c - who of two is the device. */
#include "takeover.h"

#include <stdio.h>

enum { PAUSE_US_MAX = 30000 };
#define CLOSED_WITHIN_US (10 * 1000000ll) /* stalls, and a client that reads nothing for a while */

char takeover_device[WORLD_NAME_MAX + 1];

static struct takeover_half *of(struct mqtt_peer *p)
{
    return CONTAINER_OF(p, struct takeover_half, peer);
}

static struct takeover_half *other(struct takeover_half *h)
{
    return &h->world->halves[h == h->world->halves];
}

/* The hub told the other one that it has the session. */
static void must_be_closed(void *ctx, uint64_t connect)
{
    struct takeover_half *h = ctx;
    if (h->peer.connected && h->peer.client.connects == connect)
        world_violated("%s: two connections are one device", h->peer.id);
}

static void ask(void *ctx, uint64_t connect)
{
    struct takeover_half *h = ctx;
    char topic[64];
    if (!h->peer.connected || h->peer.client.connects != connect || h->waits) return;
    h->waits = true;
    h->asked_us = world.now_us;
    snprintf(topic, sizeof topic, "$iothub/twin/GET/?$rid=%u", ++h->rid);
    mqtt_peer_publish(&h->peer, topic, SLICE_NONE, 0);
}

static void connected(struct mqtt_peer *p)
{
    static const char *const filters[] = {"$iothub/twin/res/#"};
    struct takeover_half *h = of(p), *old = other(h);
    mqtt_peer_subscribe(p, filters, 1);
    world_at(world.now_us + (int64_t)world_random(PAUSE_US_MAX), ask, h, p->client.connects);
    h->connected_us = world.now_us;
    /* Else this one may be the older one, whose CONNACK was late. */
    if (!old->peer.connected || old->connected_us >= p->client.since_us) return;
    h->world->takeovers++;
    old->taken_us = world.now_us;
    world_at(world.now_us + CLOSED_WITHIN_US, must_be_closed, old, old->peer.client.connects);
}

static void heard(struct mqtt_peer *p, const struct mqtt_event *ev)
{
    struct takeover_half *h = of(p);
    if (ev->kind != MQTT_PUBLISH) return;
    if (h->asked_us > h->taken_us)
        world_violated("%s: a connection that was taken over is answered", p->id);
    h->waits = false;
    world_at(world.now_us + (int64_t)world_random(PAUSE_US_MAX), ask, h, p->client.connects);
}

static void lost(struct mqtt_peer *p)
{
    struct takeover_half *h = of(p);
    h->waits = false;
    h->taken_us = INT64_MAX;
    if (takeover_world_done(h->world)) p->client.rests = true;
}

void takeover_world_init(struct takeover_world *w, struct sim_hub *hub, unsigned goal)
{
    static const struct mqtt_actor actor = {connected, heard, lost};
    *w = (struct takeover_world){.goal = goal};
    world_name(takeover_device, "takeover", 0);
    for (unsigned i = 0; i < 2; i++) {
        w->halves[i].world = w;
        w->halves[i].taken_us = INT64_MAX;
        mqtt_peer_init(&w->halves[i].peer, &actor, hub, takeover_device);
    }
}

void takeover_world_start(struct takeover_world *w)
{
    for (unsigned i = 0; i < 2; i++) client_start(&w->halves[i].peer.client);
}

bool takeover_world_done(const struct takeover_world *w)
{
    return w->takeovers >= w->goal;
}

void takeover_world_fini(struct takeover_world *w)
{
    for (unsigned i = 0; i < 2; i++) mqtt_peer_fini(&w->halves[i].peer);
}
