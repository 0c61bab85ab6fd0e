/* topic.h - the topics a device may publish to.  Private to front/device_mqtt. */
#ifndef FRONT_DEVICE_MQTT_TOPIC_H
#define FRONT_DEVICE_MQTT_TOPIC_H

#include "base/slice.h"

/* devices/{id}/messages/events[/{bag}]: true and the bag, if the topic is that of this device. */
bool topic_is_events(struct slice topic, struct slice device_id, struct slice *bag);

#endif
