/* acknowledge.c - PUBACKs in the order of the PUBLISHes, whatever these were.
 *
 * Telemetry is acknowledged by the log, in order.  What else a device publishes at QoS 1 is done with
 * at once, but its PUBACK waits for the telemetry before it: some SDKs take the oldest message for
 * the acknowledged one (csharp, OrderedTwoPhaseWorkQueue).
 */
#include <stdlib.h>

#include "front/device_mqtt/device.h"

struct deferred {
    struct list node; /* in device.deferred */
    uint64_t after;   /* so many telemetry messages stand before it */
    uint16_t packet_id;
};

static void send(struct device *d, uint16_t packet_id)
{
    conn_out(d->conn);
    mqtt_send_puback(&d->mqtt, packet_id);
}

void device_acknowledge(struct device *d, uint16_t packet_id)
{
    if (packet_id == 0) return;
    if (d->telemetry_done == d->telemetry_sent) {
        send(d, packet_id);
        return;
    }
    struct deferred *later = NEW(struct deferred);
    *later = (struct deferred){.after = d->telemetry_sent, .packet_id = packet_id};
    list_push(&d->deferred, &later->node);
}

void device_telemetry_done(struct device *d, uint16_t packet_id)
{
    d->telemetry_done++;
    if (packet_id) send(d, packet_id);
    while (!list_empty(&d->deferred)) {
        struct deferred *first = CONTAINER_OF(d->deferred.next, struct deferred, node);
        if (first->after > d->telemetry_done) return;
        send(d, first->packet_id);
        list_remove(&first->node);
        free(first);
    }
}

void device_drop_deferred(struct device *d)
{
    for (struct list *node; (node = list_shift(&d->deferred)) != NULL;)
        free(CONTAINER_OF(node, struct deferred, node));
}
