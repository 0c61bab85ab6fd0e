/* mqtt_peer.c - MQTT sessions that come and go. */
#include "mqtt_peer.h"

#include <stdio.h>

enum { FILTERS_MAX = 8 };

static struct mqtt_peer *of(struct client *c)
{
    return CONTAINER_OF(c, struct mqtt_peer, client);
}

static void up(struct client *c)
{
    struct mqtt_peer *p = of(c);
    struct buf user_name = {0}, token = {0};
    char path[MQTT_PEER_ID_MAX + 16];
    snprintf(path, sizeof path, "devices/%s", p->id);
    buf_printf(&user_name, "hub.sim/%s/?api-version=2021-04-12", p->id);
    client_token(c, "device", path, &token);
    mqtt_init(&p->mqtt, &(struct mqtt_config){MQTT_CLIENT, &c->out, 0}, world.now_us);
    struct mqtt_connect connect = {.client_id = slice_str(p->id),
                                   .user_name = buf_slice(&user_name),
                                   .password = buf_slice(&token),
                                   .clean_session = p->clean,
                                   .has_user_name = true,
                                   .has_password = true};
    enum err e = mqtt_send_connect(&p->mqtt, &connect);
    assert(e == OK);
    buf_free(&user_name);
    buf_free(&token);
}

static void down(struct client *c)
{
    struct mqtt_peer *p = of(c);
    bool was = p->connected;
    p->connected = false;
    mqtt_fini(&p->mqtt);
    buf_free(&p->unacked);
    if (was) p->actor->lost(p);
}

static void on_puback(struct mqtt_peer *p, uint16_t packet_id)
{
    uint16_t due = 0;
    if (buf_size(&p->unacked)) memcpy(&due, buf_slice(&p->unacked).ptr, sizeof due);
    if (packet_id != due) {
        world_violated("%s: PUBACK %u, where %u was due", p->id, packet_id, due);
        return;
    }
    buf_consume(&p->unacked, sizeof due);
}

static void take(struct mqtt_peer *p, const struct mqtt_event *ev)
{
    if (ev->kind == MQTT_PUBACK) on_puback(p, ev->packet_id);
    if (ev->kind != MQTT_CONNACK) {
        p->actor->heard(p, ev);
    } else if (ev->connack.code == MQTT_ACCEPTED) {
        p->connected = true;
        p->actor->connected(p);
    } else if (ev->connack.code != MQTT_UNAVAILABLE &&
               !(ev->connack.code == MQTT_NOT_AUTHORIZED && client_overtaken(&p->client))) {
        world_violated("%s: CONNACK %d", p->id, (int)ev->connack.code);
    }
}

static void received(struct client *c, struct slice bytes)
{
    struct mqtt_peer *p = of(c);
    struct mqtt_event ev;
    unsigned connect = c->connects;
    enum err e;
    mqtt_feed(&p->mqtt, bytes, world.now_us);
    while ((e = mqtt_next(&p->mqtt, &ev)) == OK) take(p, &ev);
    assert(connect == c->connects); /* actors do not hang up here */
    if (e != ERR_AGAIN) world_violated("%s: the hub breaks MQTT: %s", p->id, fail_text());
}

void mqtt_peer_init(struct mqtt_peer *p, const struct mqtt_actor *actor, struct sim_hub *hub,
                    const char *id)
{
    static const struct client_actor client = {up, received, down};
    *p = (struct mqtt_peer){.actor = actor};
    client_init(&p->client, &client, hub, WIRE_MQTT);
    snprintf(p->id, sizeof p->id, "%s", id);
}

void mqtt_peer_fini(struct mqtt_peer *p)
{
    if (p->client.is_up) mqtt_fini(&p->mqtt);
    buf_free(&p->unacked);
    client_fini(&p->client);
}

uint16_t mqtt_peer_subscribe(struct mqtt_peer *p, const char *const *filters, size_t count)
{
    struct mqtt_filter f[FILTERS_MAX];
    uint16_t id = mqtt_packet_id(&p->mqtt);
    assert(count <= FILTERS_MAX);
    for (size_t i = 0; i < count; i++) f[i] = (struct mqtt_filter){slice_str(filters[i]), 1};
    enum err e = mqtt_send_subscribe(&p->mqtt, id, f, count);
    assert(e == OK);
    client_flush(&p->client);
    return id;
}

uint16_t mqtt_peer_publish(struct mqtt_peer *p, const char *topic, struct slice payload,
                           uint8_t qos)
{
    struct mqtt_publish m = {.topic = slice_str(topic),
                             .payload = payload,
                             .packet_id = qos ? mqtt_packet_id(&p->mqtt) : 0,
                             .qos = qos};
    enum err e = mqtt_send_publish(&p->mqtt, &m);
    assert(e == OK);
    if (qos) buf_put(&p->unacked, &m.packet_id, sizeof m.packet_id);
    client_flush(&p->client);
    return m.packet_id;
}
