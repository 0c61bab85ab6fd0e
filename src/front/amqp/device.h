/* device.h - devices and modules on an AMQP connection.  Private to front/amqp.
 *
 *   (first link) ──session_open──▶ asking ──granted──▶ open ──last link gone, or home closes──▶ over
 *                                    └──refused: its links are refused──▶ over
 *
 * Any number of identities share a connection (IoT Hub's SDKs multiplex up to 1 000).  Each has one
 * session; its links live and die with that, and never take the connection or other identities with
 * them.
 */
#ifndef FRONT_AMQP_DEVICE_H
#define FRONT_AMQP_DEVICE_H

#include "front/amqp/peer.h"

enum device_state { DEVICE_ASKING, DEVICE_OPEN, DEVICE_OVER };

/* An identity on this connection. */
struct device {
    struct peer *peer;
    struct session session;
    struct telemetry_sender sender;
    struct list links; /* struct device_link */
    enum device_state state;
    int64_t ends_us;   /* wall time at which its credential's grace is over */
    int64_t report_us; /* monotonic: when activity is reported next */
};

/* A link of it. */
struct device_link {
    struct peer_link base;
    struct device *device; /* NULL: it was refused before it had one */
    struct list node;      /* in device.links */
};

/* For struct node: node->ready() follows once the session is open; it answers the attach. */
void device_attach(struct peer_link *l, const struct amqp_attach_event *ev);
void device_detached(struct peer_link *l);

/* Something came from the device. */
void device_active(struct device *d);

/* A message of a device, as every protocol can say it; text is kept in the arena, properties in
 * `space` (TELEMETRY_PROPERTIES_MAX).  ERR_INVALID, ERR_TOO_BIG with a text. */
enum err device_envelope(const struct amqp_message *m, struct arena *a, struct property *space,
                         struct envelope *out) MUST_USE;

#endif
