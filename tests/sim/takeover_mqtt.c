/* takeover_mqtt.c - one of two who are one device, over MQTT: it sends, and asks for its twin in between. */
#include <stdio.h>

#include "takeover.h"

enum { PAUSE_US_MAX = 30000 };

static struct takeover_mqtt *of(struct mqtt_peer *p)
{
    return CONTAINER_OF(p, struct takeover_mqtt, peer);
}

static void send(struct takeover_half *h, unsigned number)
{
    struct takeover_mqtt *m = CONTAINER_OF(h, struct takeover_mqtt, half);
    struct buf body = {0};
    char topic[WORLD_NAME_MAX + 32];
    snprintf(topic, sizeof topic, "devices/%s/messages/events/", m->peer.id);
    model_runs_put_body(&body, number);
    takeover_sent(h, mqtt_peer_publish(&m->peer, topic, buf_slice(&body), 1), number);
    buf_free(&body);
}

static void ask(void *ctx, uint64_t connect)
{
    struct takeover_mqtt *m = ctx;
    char topic[64];
    if (!m->peer.connected || m->peer.client.connects != connect || m->waits) return;
    m->waits = true;
    m->asked_us = world.now_us;
    snprintf(topic, sizeof topic, "$iothub/twin/GET/?$rid=%u", ++m->rid);
    mqtt_peer_publish(&m->peer, topic, SLICE_NONE, world_chance(50));
}

static void ask_later(struct takeover_mqtt *m)
{
    world_at(world.now_us + (int64_t)world_random(PAUSE_US_MAX), ask, m, m->peer.client.connects);
}

static void connected(struct mqtt_peer *p)
{
    static const char *const filters[] = {"$iothub/twin/res/#"};
    mqtt_peer_subscribe(p, filters, 1);
    ask_later(of(p));
    takeover_connected(&of(p)->half);
}

static void heard(struct mqtt_peer *p, const struct mqtt_event *ev)
{
    struct takeover_mqtt *m = of(p);
    if (ev->kind == MQTT_PUBACK) takeover_acknowledged(&m->half, ev->packet_id); /* or a question */
    if (ev->kind != MQTT_PUBLISH) return;
    if (m->asked_us > m->half.taken_us)
        world_violated("%s: a connection that was taken over is answered", p->id);
    m->waits = false;
    ask_later(m);
}

static void lost(struct mqtt_peer *p)
{
    of(p)->waits = false;
    takeover_lost(&of(p)->half);
}

void takeover_mqtt_init(struct takeover_mqtt *m, struct takeover_pair *pair, struct sim_hub *hub)
{
    static const struct mqtt_actor actor = {connected, heard, lost};
    static const struct takeover_wire wire = {send};
    *m = (struct takeover_mqtt){0};
    mqtt_peer_init(&m->peer, &actor, hub, pair->id);
    takeover_half_init(&m->half, &wire, pair, &m->peer.client);
}
