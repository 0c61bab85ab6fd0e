/* c2d_mqtt.c - a device that receives over MQTT; a PUBACK completes a message, and nobody confirms it. */
#include <stdio.h>

#include "base/text.h"
#include "c2d.h"

enum { RETRY_US_MAX = 50000 };

static struct c2d_mqtt *of(struct mqtt_peer *p)
{
    return CONTAINER_OF(p, struct c2d_mqtt, peer);
}

static void subscribe(void *ctx, uint64_t connect)
{
    struct c2d_mqtt *d = ctx;
    char filter[80];
    const char *const filters[] = {filter};
    if (!d->peer.connected || d->peer.client.connects != connect) return;
    snprintf(filter, sizeof filter, "devices/%s/messages/devicebound/#", d->peer.id);
    mqtt_peer_subscribe(&d->peer, filters, 1);
}

static void connected(struct mqtt_peer *p)
{
    subscribe(of(p), p->client.connects);
}

/* The value of a property of the bag, percent-decoded. */
static void read_property(struct slice topic, const char *name, struct buf *out)
{
    struct slice bag = slice_from(topic, slice_rfind(topic, '/') + 1), pair, key;
    while (slice_split(&bag, '&', &pair)) {
        struct buf decoded = {0};
        if (slice_split(&pair, '=', &key) && text_unpercent(&decoded, key) == OK &&
            slice_is(buf_slice(&decoded), name) && text_unpercent(out, pair) != OK)
            buf_clear(out);
        buf_free(&decoded);
    }
}

static void on_message(struct c2d_mqtt *d, const struct mqtt_publish *p)
{
    struct buf id = {0};
    unsigned number;
    read_property(p->topic, "$.mid", &id);
    struct c2d_receipt how = {.device = d->peer.id,
                              .since_us = d->peer.client.since_us,
                              .lock_us = C2D_SESSION_LOCK_US,
                              .life = d->peer.client.life};
    model_c2d_delivered(d->model, &how, buf_slice(&id), p->payload);
    if (p->qos != 1) world_violated("%s: QoS %u", d->peer.id, p->qos);
    if (model_c2d_number(buf_slice(&id), &number))
        model_c2d_settled(d->model, number, END_SUCCESS, false);
    mqtt_send_puback(&d->peer.mqtt, p->packet_id);
    buf_free(&id);
}

static void heard(struct mqtt_peer *p, const struct mqtt_event *ev)
{
    if (ev->kind == MQTT_SUBACK && ev->suback.codes.ptr[0] == MQTT_SUBACK_REFUSED)
        world_at(world.now_us + (int64_t)world_random(RETRY_US_MAX), subscribe, of(p),
                 p->client.connects);
    if (ev->kind == MQTT_PUBLISH) on_message(of(p), &ev->publish);
}

static void lost(struct mqtt_peer *p)
{
    p->clean = world_chance(30);
    model_c2d_released(of(p)->model, p->id);
}

void c2d_mqtt_init(struct c2d_mqtt *d, struct model_c2d *m, struct sim_hub *hub, const char *id)
{
    static const struct mqtt_actor actor = {connected, heard, lost};
    *d = (struct c2d_mqtt){.model = m};
    mqtt_peer_init(&d->peer, &actor, hub, id);
}
