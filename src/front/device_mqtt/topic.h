/* topic.h - IoT Hub's MQTT topics, as devices and modules write them.  Private to front/device_mqtt.
 *
 * Source: "Use MQTT to communicate with Azure IoT Hub"; the SDKs' own topics.  Ids stand raw, never
 *         percent-encoded, but for one with '+' or '#', which no topic name can have (3.1.1 section
 *         4.7.1; IoT Hub closes the connection: azure-iot-sdk-node #288, azure-docs #16302): that one
 *         stands percent-encoded.  A slash at the end of a telemetry topic does not count.
 */
#ifndef FRONT_DEVICE_MQTT_TOPIC_H
#define FRONT_DEVICE_MQTT_TOPIC_H

#include <stdint.h>

#include "base/buf.h"

/* Topics that a device publishes to. */
enum topic_kind {
    TOPIC_NONE,            /* not one of those, or another identity's */
    TOPIC_EVENTS,          /* devices/{d}[/modules/{m}]/messages/events[/{bag}] */
    TOPIC_TWIN_GET,        /* $iothub/twin/GET/?$rid={rid} */
    TOPIC_TWIN_REPORTED,   /* $iothub/twin/PATCH/properties/reported/?$rid={rid}[&$version={v}] */
    TOPIC_METHOD_RESPONSE, /* $iothub/methods/res/{status}/?$rid={rid} */
};

struct topic {
    enum topic_kind kind;
    struct slice bag;     /* of TOPIC_EVENTS; may be empty */
    struct slice rid;     /* of the others, as given; SLICE_NONE: there was none */
    struct slice version; /* of TOPIC_TWIN_REPORTED; SLICE_NONE: there was none */
    struct slice status;  /* of TOPIC_METHOD_RESPONSE */
};

/* Slices borrow from `text`.  `who` is the identity that publishes. */
struct topic topic_parse(struct slice text, struct slice who);

/* Appends an id as it stands in topics. */
void topic_put_id(struct buf *out, struct slice id);

/* Which topic somebody who publishes to `text` may have meant, as text. */
void topic_nearest(struct slice text, struct slice who, char *out, size_t size);

/* The features (enum session_feature) that a filter subscribes `who` to; 0: it is none of ours. */
uint32_t topic_filter(struct slice filter, struct slice who);

#endif
