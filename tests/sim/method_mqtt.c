/* method_mqtt.c - a device that is called over MQTT. */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "method.h"

enum { LATER_US_MAX = 150000, SILENT_PERCENT = 3, TWICE_PERCENT = 10, WRONG_PERCENT = 5 };

#define CALL "$iothub/methods/POST/turn/?$rid="

static struct method_mqtt *of(struct mqtt_peer *p)
{
    return CONTAINER_OF(p, struct method_mqtt, peer);
}

static void subscribe(void *ctx, uint64_t connect)
{
    static const char *const filters[] = {"$iothub/methods/POST/#"};
    struct method_mqtt *d = ctx;
    if (!d->peer.connected || d->peer.client.connects != connect) return;
    mqtt_peer_subscribe(&d->peer, filters, 1);
}

static void connected(struct mqtt_peer *p)
{
    subscribe(of(p), p->client.connects);
}

/* ---- answers */

static void send_answer(struct method_mqtt *d, uint64_t rid, unsigned status, int64_t result)
{
    char topic[80], body[32];
    snprintf(topic, sizeof topic, "$iothub/methods/res/%u/?$rid=%" PRIx64, status, rid);
    snprintf(body, sizeof body, "%" PRId64, result);
    mqtt_peer_publish(&d->peer, topic, slice_str(body), world_chance(50));
}

/* `number` and, above it, the connection of the call: an answer on another one reaches nobody. */
static void answer(void *ctx, uint64_t what)
{
    struct method_mqtt *d = ctx;
    unsigned number = (unsigned)(what & 0xffffff);
    uint64_t rid = d->rids[number % METHOD_WAITING];
    if (!d->peer.connected) return;
    if (d->peer.client.connects != what >> 24) {
        send_answer(d, rid, 299, -1);
        return;
    }
    if (world_chance(WRONG_PERCENT)) send_answer(d, rid + 1000, 299, -1);
    model_method_answered(d->model, number);
    send_answer(d, rid, method_status(number), method_result(number));
    if (world_chance(TWICE_PERCENT)) send_answer(d, rid, 299, -1);
}

static void on_call(struct method_mqtt *d, struct slice topic, struct slice payload)
{
    int64_t number = -1;
    unsigned long long rid = 0;
    char text[40];
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(slice_from(topic, sizeof CALL - 1)));
    if (num_i64(payload, &number) != OK || sscanf(text, "%llx", &rid) != 1) {
        world_violated("%s: a call with %.*s", d->peer.id, SLICE_ARG(payload));
        return;
    }
    if (!model_method_seen(d->model, d->peer.id, number) || world_chance(SILENT_PERCENT)) return;
    d->rids[number % METHOD_WAITING] = rid;
    world_at(world.now_us + (int64_t)world_random(LATER_US_MAX), answer, d,
             (uint64_t)number | (uint64_t)d->peer.client.connects << 24);
}

static void heard(struct mqtt_peer *p, const struct mqtt_event *ev)
{
    struct method_mqtt *d = of(p);
    if (ev->kind == MQTT_SUBACK && ev->suback.codes.ptr[0] == MQTT_SUBACK_REFUSED)
        world_at(world.now_us + (int64_t)world_random(LATER_US_MAX), subscribe, d,
                 p->client.connects);
    if (ev->kind != MQTT_PUBLISH) return;
    if (slice_starts(ev->publish.topic, SLICE_LIT(CALL)))
        on_call(d, ev->publish.topic, ev->publish.payload);
    else
        world_violated("%s: a message to %.*s", p->id, SLICE_ARG(ev->publish.topic));
}

static void lost(struct mqtt_peer *p)
{
    p->clean = world_chance(50);
}

void method_mqtt_init(struct method_mqtt *d, struct model_method *m, struct sim_hub *hub,
                      const char *id)
{
    static const struct mqtt_actor actor = {connected, heard, lost};
    *d = (struct method_mqtt){.model = m};
    mqtt_peer_init(&d->peer, &actor, hub, id);
}
