/* device.h - devices and modules on an AMQP connection.  Private to front/amqp.
 *
 *   (first link) ──session_open──▶ asking ──granted──▶ open ──last link gone, or home closes──▶ over
 *                                    └──refused: its links are refused──▶ over
 *
 * Any number of identities share a connection (IoT Hub's SDKs multiplex up to 1 000).  Each has one
 * session; its links live and die with that, and never take the connection or other identities with
 * them.
 *
 * What the identity is sent (enum session_feature) follows from its receiving links.  The attach of
 * one is answered once home knows of it: who calls a method after that finds the device.
 */
#ifndef FRONT_AMQP_DEVICE_H
#define FRONT_AMQP_DEVICE_H

#include "front/amqp/peer.h"
#include "hub/fault/fault.h"
#include "hub/method/method.h"

enum device_state { DEVICE_ASKING, DEVICE_OPEN, DEVICE_OVER };

/* An identity on this connection. */
struct device {
    struct peer *peer;
    struct session session;
    struct session_opened grant; /* home's answer, once it is open */
    struct telemetry_sender sender;
    struct buf model_id; /* as the first link that has one says; empty: none */
    struct list links;   /* struct device_link, the newest last */
    struct method_calls calls;
    struct list twin_requests; /* of device_twin.c */
    bool wants_desired;        /* it has asked for desired properties that change */
    enum device_state state;
    uint32_t features; /* what home sends (enum session_feature) */
    uint32_t leaving;  /* ... and has to take back first: their link was detached */
    bool subscribing;  /* home has not answered yet */
    int64_t ends_us;   /* wall time at which its credential's grace is over */
    int64_t report_us; /* monotonic: when activity is reported next */
};

/* A link of it. */
struct device_link {
    struct peer_link base;
    struct device *device; /* NULL: it was refused before it had one */
    struct list node;      /* in device.links */
    uint32_t feature;      /* what home has to send because of it (enum session_feature) */
    bool ready;            /* node->ready() was called */
};

static inline struct device_link *device_link_of(struct peer_link *l)
{
    return CONTAINER_OF(l, struct device_link, base);
}

/* For struct node: node->ready() follows once the session is open and, where the link is sent
 * something, home knows; it answers the attach. */
bool device_chain_fits(const struct amqp_attach_event *ev); /* else its attach is refused */
void device_attach(struct peer_link *l, const struct amqp_attach_event *ev);
void device_detached(struct peer_link *l);

/* The newest link of that kind on which the device is sent something, or sends; NULL: none. */
struct peer_link *device_link_to(const struct device *d, const struct node *node);
struct peer_link *device_link_from(const struct device *d, const struct node *node);

/* What the device wants may have changed: home is told. */
void device_sync(struct device *d);

/* ---- what home sends (struct session_owner) */

void device_on_message(struct session *s, const struct c2d_message *m); /* device_c2d.c */
void device_on_recall(struct session *s, uint64_t sequence);            /* likewise */
void device_on_method(struct session *s, const struct method_request *r);
void device_on_desired(struct session *s, const struct twin_desired *patch);

/* device_twin.c: home has answered device_sync(); the device is gone. */
void device_on_synced(struct device *d);
void device_drop_twin(struct device *d);

/* Something came from the device. */
void device_active(struct device *d);

/* device_fault.c: the message may ask for a fault; the condition with which one that lasts refuses
 * what the identity sends or attaches, NULL: none does. */
void device_inject(struct device *d, const struct envelope *message);
const char *device_fault_condition(const struct amqp_service *s, struct slice who, bool attaching);

/* A message of a device, as every protocol can say it; text is kept in the arena, properties in
 * `space` (TELEMETRY_PROPERTIES_MAX).  ERR_INVALID, ERR_TOO_BIG with a text. */
enum err device_envelope(const struct amqp_message *m, struct arena *a, struct property *space,
                         struct envelope *out) MUST_USE;

#endif
