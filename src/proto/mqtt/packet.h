/* packet.h - the parts of the engine that know single packets (private to this folder). */
#ifndef PROTO_MQTT_PACKET_H
#define PROTO_MQTT_PACKET_H

#include "proto/mqtt/mqtt.h"

/*                 CONNECT | CONNACK              DISCONNECT
 *   MQTT_OPENING ---------------------> MQTT_OPEN ------------> MQTT_ENDED
 *        |        CONNECT of another level | CONNACK that refuses    ^
 *        +-----------------------------------------------------------+
 */
enum mqtt_state {
    MQTT_OPENING, /* nothing came yet: CONNECT (server) or CONNACK (client) must */
    MQTT_OPEN,
    MQTT_ENDED, /* nothing more may come */
};

/* Fixed header, section 2.2. */
struct mqtt_head {
    uint8_t first;     /* type and flags */
    uint32_t len;      /* bytes of the header itself */
    uint32_t body_len; /* "remaining length" */
};

/* Reads and judges a fixed header: type, flags, whether this peer may send it now, its size.
 * ERR_AGAIN: it is not complete. */
enum err mqtt_read_head(const struct mqtt *m, struct slice bytes, struct mqtt_head *head) MUST_USE;

/* A packet behind a header that was judged. */
enum err mqtt_decode(uint8_t first, struct slice body, struct mqtt_event *ev) MUST_USE;

/* A string (section 1.5.3), a topic name and a topic filter (section 4.7).  `what` is for the text
 * of the error. */
enum err mqtt_check_text(struct slice s, const char *what) MUST_USE;
enum err mqtt_check_topic(struct slice s, const char *what) MUST_USE;
enum err mqtt_check_filter(struct slice s) MUST_USE;

void mqtt_send_pingreq(struct mqtt *m);

#endif
