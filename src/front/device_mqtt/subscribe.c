/* subscribe.c - SUBSCRIBE and UNSUBSCRIBE: answered once what they change is on disk.
 *
 * SDKs do not subscribe again after a reconnect: what was granted must hold until it is taken back.
 */
#include <stdlib.h>

#include "base/metrics.h"
#include "front/device_mqtt/device.h"
#include "front/device_mqtt/topic.h"

COUNTER(filters_refused, "azimuth_mqtt_filters_refused_total",
        "Filters of SUBSCRIBEs that were refused");

/* A packet whose change is under way; answered in the order in which they came. */
struct subscribing {
    struct list node; /* in device.subscribing */
    uint16_t packet_id;
    bool leaves;      /* UNSUBSCRIBE */
    uint32_t set;     /* features that it will give */
    struct buf codes; /* of the SUBACK */
};

static void free_subscribing(struct subscribing *s)
{
    buf_free(&s->codes);
    free(s);
}

void device_drop_subscribing(struct device *d)
{
    for (struct list *node; (node = list_shift(&d->subscribing)) != NULL;)
        free_subscribing(CONTAINER_OF(node, struct subscribing, node));
}

static void answer(struct device *d, const struct subscribing *s)
{
    conn_out(d->conn);
    if (s->leaves)
        mqtt_send_unsuback(&d->mqtt, s->packet_id);
    else
        mqtt_send_suback(&d->mqtt, s->packet_id, buf_slice(&s->codes));
}

bool device_listens(const struct device *d, uint32_t feature)
{
    if (d->features & feature) return true;
    LIST_EACH(node, &d->subscribing)
    {
        if (CONTAINER_OF(node, struct subscribing, node)->set & feature) return true;
    }
    return false;
}

static uint8_t grant(struct device *d, const struct mqtt_filter *f, uint32_t *set, uint32_t *clear)
{
    uint32_t feature = topic_filter(f->text, slice_str(d->session.who)) & d->service->offered;
    uint32_t at_qos1 = feature << SESSION_QOS1_SHIFT;
    if (feature == 0) {
        metric_inc(&filters_refused);
        return MQTT_SUBACK_REFUSED;
    }
    *set |= feature;
    *clear &= ~at_qos1;
    *set &= ~at_qos1;
    *(f->qos ? set : clear) |= at_qos1;
    return f->qos ? 1 : 0;
}

/* Under way, or answered at once when nothing changes. */
static void change(struct device *d, struct subscribing *s, uint32_t set, uint32_t clear)
{
    if ((set | clear) == 0) {
        answer(d, s);
        free_subscribing(s);
        return;
    }
    s->set = set;
    list_push(&d->subscribing, &s->node);
    if (session_subscribe(&d->session, set, clear, 0) != OK) device_reject(d, fail_text());
}

void device_subscribe(struct device *d, struct mqtt_subscribe *packet)
{
    struct subscribing *s = NEW(struct subscribing);
    struct mqtt_filter filter;
    uint32_t set = 0, clear = 0;
    s->packet_id = packet->packet_id;
    while (mqtt_next_filter(packet, &filter))
        buf_put_u8(&s->codes, grant(d, &filter, &set, &clear));
    change(d, s, set, clear);
}

void device_unsubscribe(struct device *d, struct mqtt_subscribe *packet)
{
    struct subscribing *s = NEW(struct subscribing);
    struct mqtt_filter filter;
    uint32_t clear = 0;
    s->packet_id = packet->packet_id;
    s->leaves = true;
    while (mqtt_next_filter(packet, &filter)) {
        uint32_t feature = topic_filter(filter.text, slice_str(d->session.who));
        clear |= feature | feature << SESSION_QOS1_SHIFT;
    }
    change(d, s, 0, clear);
}

static void refuse_all(struct buf *codes)
{
    size_t count = buf_size(codes);
    buf_clear(codes);
    while (count--) buf_put_u8(codes, MQTT_SUBACK_REFUSED);
}

void device_subscribed(struct session *session, uint64_t cookie, uint32_t features, enum err e)
{
    struct device *d = CONTAINER_OF(session, struct device, session);
    (void)cookie;
    if (d->state != DEVICE_OPEN) return;
    struct list *node = list_shift(&d->subscribing);
    assert(node);
    struct subscribing *s = CONTAINER_OF(node, struct subscribing, node);
    if (e == OK) d->features = features;
    if (e != OK) refuse_all(&s->codes);
    if (e != OK && s->leaves)
        device_reject(d, "the store does not keep what is unsubscribed");
    else
        answer(d, s);
    free_subscribing(s);
}
