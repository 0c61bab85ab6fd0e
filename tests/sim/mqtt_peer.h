/* mqtt_peer.h - a device over MQTT on a virtual link: it is signed in, then its actor speaks. */
#ifndef SIM_MQTT_PEER_H
#define SIM_MQTT_PEER_H

#include "client.h"
#include "proto/mqtt/mqtt.h"

enum { MQTT_PEER_ID_MAX = 31 };

struct mqtt_peer;

struct mqtt_actor {
    void (*connected)(struct mqtt_peer *p);
    void (*heard)(struct mqtt_peer *p, const struct mqtt_event *ev); /* all but CONNACK */
    void (*lost)(struct mqtt_peer *p);                               /* after `connected` */
};

struct mqtt_peer {
    struct client client;
    const struct mqtt_actor *actor;
    struct mqtt mqtt;   /* alive while the link is */
    struct buf unacked; /* packet ids at QoS 1, the oldest first */
    char id[MQTT_PEER_ID_MAX + 1];
    bool connected;
    bool clean; /* session, the next time */
};

void mqtt_peer_init(struct mqtt_peer *p, const struct mqtt_actor *actor, struct sim_hub *hub,
                    const char *id);
void mqtt_peer_fini(struct mqtt_peer *p);

uint16_t mqtt_peer_subscribe(struct mqtt_peer *p, const char *const *filters, size_t count);
/* What is published at QoS 1 is acknowledged in that order, whatever it is.  The packet id, or 0. */
uint16_t mqtt_peer_publish(struct mqtt_peer *p, const char *topic, struct slice payload,
                           uint8_t qos);

#endif
