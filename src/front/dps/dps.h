/* dps.h - devices that register over MQTT and HTTPS, and the service API of enrollments.
 *
 * Over HTTPS both are routes of front/rest's connections.  Over MQTT a connection whose user name begins with the id scope is passed on by front/device_mqtt once its
 * CONNECT is there: it shall be asked who it is, and may subscribe to the answers and publish the two
 * requests, nothing else.
 *
 * Runs on: the core that holds the connection.
 * Limits:  DPS_MQTT_PENDING_MAX requests under way: closed; DPS_MQTT_RID_MAX bytes of a $rid: closed.
 *          Bodies of HTTPS: those of dps.h: 413.
 * Source:  DPS REST API, device.json and service.json, 2021-10-01; "Communicate with your DPS using the MQTT protocol"; the SDKs' parsers (README.md).
 */
#ifndef FRONT_DPS_DPS_H
#define FRONT_DPS_DPS_H

#include "dps/dps.h"
#include "net/conn.h"
#include "proto/mqtt/mqtt.h"

enum { DPS_MQTT_PENDING_MAX = 16, DPS_MQTT_RID_MAX = 128 };

/* `dps`: this core's.  As struct device_mqtt_guests.take has it. */
void dps_mqtt_take(void *dps, struct conn *c, const struct mqtt *engine,
                   const struct mqtt_connect *connect, int64_t now_us);

struct rest_service;
struct dps_http;

/* Adds the routes; freed after the service. */
struct dps_http *dps_http_new(struct dps *dps, struct rest_service *rest);
void dps_http_free(struct dps_http *h); /* NULL is fine */

#endif
