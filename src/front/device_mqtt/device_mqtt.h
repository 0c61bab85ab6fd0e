/* device_mqtt.h - devices that speak MQTT 3.1.1, over TLS or plain.
 *
 * Turns MQTT's words into the hub's verbs: CONNECT opens a session, PUBLISH to the events topic
 * submits telemetry, PUBACK follows in order once the record is durable.  What the hub does not offer
 * is refused, never granted in silence: SUBACK 0x80, or the connection is closed, since MQTT 3.1.1
 * has no other word.
 *
 * Runs on: the core that holds the connection.
 * Limits:  MQTT_PACKET_MAX and MQTT_CONNECT_MAX of the engine, TELEMETRY_SIZE_MAX of a message.
 * Source:  "Use MQTT to communicate with Azure IoT Hub"; README.md has the table of answers.
 */
#ifndef FRONT_DEVICE_MQTT_DEVICE_MQTT_H
#define FRONT_DEVICE_MQTT_DEVICE_MQTT_H

#include "hub/session/session.h"
#include "hub/telemetry/telemetry.h"
#include "net/conn.h"

enum {
    DEVICE_RID_MAX = 128,          /* bytes of a $rid; longer: closed */
    DEVICE_TWIN_PENDING_MAX = 32,  /* twin requests under way; DeviceThrottlingLimitExceeded */
    DEVICE_TWIN_PATCHES_MAX = 256, /* desired patches that wait to be read; closed */
};

extern const struct front device_mqtt_front;

struct device_mqtt_service;
struct mqtt;
struct mqtt_connect;
struct methods;
struct twins;

/* Who takes devices that are not the hub's: those whose user name begins with the id scope. */
struct device_mqtt_guests {
    /* Takes the connection (conn_pass()) and the engine, by copy, with all that it still holds; the
     * packet is borrowed.  NULL: nobody. */
    void (*take)(void *ctx, struct conn *c, const struct mqtt *engine,
                 const struct mqtt_connect *connect, int64_t now_us);
    void *ctx;
};

/* The hub's verbs, as this core has them.  NULL: the hub does not offer that, and its topics are
 * refused. */
struct device_mqtt_doors {
    struct session_desk *desk;
    struct twins *twins;
    struct methods *methods;
    struct c2d *c2d;
    struct device_mqtt_guests guests;
};

/* One per core: the listener's context for device_mqtt_front. */
struct device_mqtt_service *device_mqtt_new(const struct device_mqtt_doors *doors);
void device_mqtt_free(struct device_mqtt_service *service);

/* The log has room again: reads from the connections that were told to wait. */
void device_mqtt_relief(struct device_mqtt_service *service);

#endif
