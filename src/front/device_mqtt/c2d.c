/* c2d.c - cloud-to-device messages as PUBLISHes; a PUBACK completes one.
 *
 * MQTT has no word for abandon or reject: what is not acknowledged goes back to the queue when its
 * lock is over or the connection ends.  At QoS 0 a message is completed when it was sent, which waits
 * until the device reads.
 *
 * While the device is behind with reading, messages wait here.  What is on its way to it already is not sent
 * again then: its PUBACK completes it by the newest lock.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "front/device_mqtt/device.h"
#include "front/device_mqtt/topic.h"
#include "hub/c2d/c2d.h"

COUNTER(forgotten, "azimuth_mqtt_c2d_forgotten_total",
        "Messages to devices whose acknowledgement was not waited for any longer");

/* The hub has C2D_WINDOW under way; the rest is room for those whose lock is over. */
enum { FLIGHT_MAX = 2 * C2D_WINDOW };

struct flown {
    uint64_t sequence;
    uint16_t packet_id; /* 0: QoS 0 */
    uint8_t lock[C2D_TOKEN_LEN];
};

/* Messages without PUBACK, the oldest first. */
struct flight {
    unsigned count;
    struct flown items[FLIGHT_MAX];
};

/* A message that waits until the device reads again. */
struct kept {
    struct list node; /* in device.kept */
    int64_t until_us; /* its lock's end: the hub hands it out again */
    struct c2d_message m;
    uint8_t sections[];
};

static void forget(struct device *d, unsigned index)
{
    struct flight *f = d->flight;
    memmove(&f->items[index], &f->items[index + 1], (--f->count - index) * sizeof f->items[0]);
    if (f->count) return;
    free(f);
    d->flight = NULL;
}

static void complete(struct device *d, unsigned index)
{
    struct flown done = d->flight->items[index];
    forget(d, index);
    c2d_settle(d->service->doors.c2d, slice_str(d->session.who), done.lock, C2D_COMPLETE, NULL);
}

static bool is_used(const struct device *d, uint16_t packet_id)
{
    for (unsigned i = 0; d->flight && i < d->flight->count; i++)
        if (d->flight->items[i].packet_id == packet_id) return true;
    return false;
}

static uint16_t free_packet_id(struct device *d)
{
    uint16_t id = mqtt_packet_id(&d->mqtt);
    while (is_used(d, id)) id = mqtt_packet_id(&d->mqtt);
    return id;
}

static struct flown *find_sequence(struct device *d, uint64_t sequence)
{
    for (unsigned i = 0; d->flight && i < d->flight->count; i++)
        if (d->flight->items[i].sequence == sequence) return &d->flight->items[i];
    return NULL;
}

static struct flown *new_flown(struct device *d, const struct c2d_message *m, bool qos1)
{
    if (d->flight && d->flight->count == FLIGHT_MAX) {
        metric_inc(&forgotten);
        forget(d, 0);
    }
    uint16_t packet_id = qos1 ? free_packet_id(d) : 0;
    if (d->flight == NULL) d->flight = NEW(struct flight);
    struct flown *f = &d->flight->items[d->flight->count++];
    *f = (struct flown){.sequence = m->sequence, .packet_id = packet_id};
    return f;
}

static void send(struct device *d, const struct flown *f, const struct c2d_message *m, bool again)
{
    struct buf topic = {0};
    struct c2d_view v;
    c2d_view(m->sections, &v);
    buf_put_str(&topic, "devices/");
    topic_put_id(&topic, slice_str(d->session.who));
    buf_put_str(&topic, "/messages/devicebound/");
    c2d_put_bag(&topic, m->sections);
    struct mqtt_publish p = {.topic = buf_slice(&topic),
                             .payload = v.body,
                             .packet_id = f->packet_id,
                             .qos = f->packet_id ? 1 : 0,
                             .dup = again && f->packet_id};
    device_send(d, &p);
    buf_free(&topic);
}

/* Unless the device does not read: then in device_c2d_drained(). */
static void complete_those_sent(struct device *d)
{
    if (d->paused & PAUSE_OUTPUT) return;
    for (unsigned i = 0; d->flight && i < d->flight->count;) {
        if (d->flight->items[i].packet_id)
            i++;
        else
            complete(d, i);
    }
}

static void hand_over(struct device *d, const struct c2d_message *m)
{
    struct flown *f = find_sequence(d, m->sequence);
    bool again = f != NULL;
    if (!again) f = new_flown(d, m, d->features & SESSION_C2D << SESSION_QOS1_SHIFT);
    memcpy(f->lock, m->lock, sizeof f->lock);
    if (again && d->paused & PAUSE_OUTPUT) return;
    send(d, f, m, again);
    if (d->state == DEVICE_OPEN) complete_those_sent(d);
}

/* ---- while it does not read */

static void drop_kept(struct kept *k)
{
    list_remove(&k->node);
    free(k);
}

static bool is_wanted(const struct device *d, const struct kept *k)
{
    return d->features & SESSION_C2D && clock_mono_us() < k->until_us &&
           clock_wall_us() < k->m.expires_us;
}

/* The hub has C2D_WINDOW under way: no more have a lock. */
static void keep(struct device *d, const struct c2d_message *m)
{
    struct kept *k = mem_new(sizeof *k + m->sections.len);
    LIST_EACH(node, &d->kept)
    {
        struct kept *old = CONTAINER_OF(node, struct kept, node);
        if (old->m.sequence == m->sequence || !is_wanted(d, old)) drop_kept(old);
    }
    k->until_us = clock_mono_us() + C2D_LOCK_US;
    k->m = *m;
    memcpy(k->sections, m->sections.ptr, m->sections.len);
    k->m.sections = slice_of(k->sections, m->sections.len);
    list_push(&d->kept, &k->node);
}

static bool must_wait(const struct device *d)
{
    return d->paused & PAUSE_OUTPUT || !list_empty(&d->kept);
}

void device_message(struct session *s, const struct c2d_message *m)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    if (d->state != DEVICE_OPEN || !(d->features & SESSION_C2D)) return;
    if (must_wait(d) && find_sequence(d, m->sequence) == NULL)
        keep(d, m);
    else
        hand_over(d, m);
}

void device_recall(struct session *s, uint64_t sequence)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    LIST_EACH(node, &d->kept)
    {
        struct kept *k = CONTAINER_OF(node, struct kept, node);
        if (k->m.sequence == sequence) drop_kept(k);
    }
}

static void send_kept(struct device *d)
{
    while (d->state == DEVICE_OPEN && !(d->paused & PAUSE_OUTPUT) && !list_empty(&d->kept)) {
        struct kept *k = CONTAINER_OF(d->kept.next, struct kept, node);
        if (is_wanted(d, k)) hand_over(d, &k->m);
        drop_kept(k);
    }
}

void device_puback(struct device *d, uint16_t packet_id)
{
    for (unsigned i = 0; d->flight && i < d->flight->count; i++) {
        if (d->flight->items[i].packet_id != packet_id) continue;
        complete(d, i);
        return;
    }
}

void device_c2d_drained(struct device *d)
{
    if (d->state == DEVICE_OPEN) complete_those_sent(d);
    send_kept(d);
}

void device_drop_flight(struct device *d)
{
    while (!list_empty(&d->kept)) drop_kept(CONTAINER_OF(d->kept.next, struct kept, node));
    free(d->flight);
    d->flight = NULL;
}
