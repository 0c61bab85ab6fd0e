/* twin_mqtt.c - a twin's device over MQTT. */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "twin.h"

static const char *const filters[] = {"$iothub/twin/res/#",
                                      "$iothub/twin/PATCH/properties/desired/#"};
#define RESULT  "$iothub/twin/res/"
#define CHANGED "$iothub/twin/PATCH/properties/desired/?$version="

static struct twin_mqtt *of(struct mqtt_peer *p)
{
    return CONTAINER_OF(p, struct twin_mqtt, peer);
}

static struct twin_mqtt *of_device(struct twin_device *d)
{
    return CONTAINER_OF(d, struct twin_mqtt, device);
}

/* ---- asking */

static void report(struct twin_device *d, struct slice body, int64_t version)
{
    char topic[128];
    int n =
        snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/reported/?$rid=%u", d->waits);
    if (version) snprintf(topic + n, sizeof topic - (size_t)n, "&$version=%" PRId64, version);
    mqtt_peer_publish(&of_device(d)->peer, topic, body, world_chance(50));
}

static void get(struct twin_device *d)
{
    char topic[64];
    snprintf(topic, sizeof topic, "$iothub/twin/GET/?$rid=%u", d->waits);
    mqtt_peer_publish(&of_device(d)->peer, topic, SLICE_NONE, world_chance(50));
}

static void subscribe(struct twin_device *d, bool changes)
{
    struct twin_mqtt *m = of_device(d);
    m->subscribe_id = mqtt_peer_subscribe(&m->peer, filters, changes ? 2 : 1);
}

/* ---- hearing */

/* "204/?$rid=5&$version=7" */
static void on_result(struct twin_mqtt *m, struct slice rest, struct slice payload)
{
    unsigned status = 0, rid = 0;
    int64_t version = 0;
    char text[100];
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(rest));
    if (sscanf(text, "%u/?$rid=%u&$version=%" SCNd64, &status, &rid, &version) < 2)
        world_violated("%s: answer %s", m->peer.id, text);
    else
        twin_device_answered(&m->device, rid, status, version, payload);
}

static void on_changed(struct twin_mqtt *m, struct slice rest, struct slice payload)
{
    int64_t version = 0;
    if (num_i64(rest, &version) != OK)
        world_violated("%s: a change of version %.*s", m->peer.id, SLICE_ARG(rest));
    else
        twin_device_changed(&m->device, version, payload);
}

static void on_suback(struct twin_mqtt *m, const struct mqtt_suback *s)
{
    if (s->packet_id != m->subscribe_id)
        world_violated("%s: SUBACK %u, not %u", m->peer.id, s->packet_id, m->subscribe_id);
    m->subscribe_id = 0;
    twin_device_subscribed(&m->device, s->codes.ptr[0] == MQTT_SUBACK_REFUSED ||
                                           s->codes.ptr[s->codes.len - 1] == MQTT_SUBACK_REFUSED);
}

static void heard(struct mqtt_peer *p, const struct mqtt_event *ev)
{
    struct twin_mqtt *m = of(p);
    if (ev->kind == MQTT_SUBACK) on_suback(m, &ev->suback);
    if (ev->kind != MQTT_PUBLISH) return;
    struct slice topic = ev->publish.topic;
    if (slice_starts(topic, SLICE_LIT(RESULT)))
        on_result(m, slice_from(topic, sizeof RESULT - 1), ev->publish.payload);
    else if (slice_starts(topic, SLICE_LIT(CHANGED)))
        on_changed(m, slice_from(topic, sizeof CHANGED - 1), ev->publish.payload);
    else
        world_violated("%s: a message to %.*s", p->id, SLICE_ARG(topic));
}

/* ---- life */

static void connected(struct mqtt_peer *p)
{
    twin_device_connected(&of(p)->device);
}

static void lost(struct mqtt_peer *p)
{
    twin_device_lost(&of(p)->device);
    of(p)->subscribe_id = 0;
    p->clean = world_chance(50);
}

void twin_mqtt_init(struct twin_mqtt *m, struct sim_twin *twin, struct sim_hub *hub, unsigned goal)
{
    static const struct mqtt_actor actor = {connected, heard, lost};
    static const struct twin_wire wire = {
        .matches = true, .report = report, .get = get, .subscribe = subscribe};
    *m = (struct twin_mqtt){0};
    twin_device_init(&m->device, twin, goal, &wire, &m->peer.client);
    mqtt_peer_init(&m->peer, &actor, hub, twin->id);
}
