/* device_http.h - devices that speak HTTPS: telemetry, and messages to devices that they ask for.
 *
 * Routes of IoT Hub's device API on the connections of front/rest.  A request shows the identity's own
 * token, a policy's with DeviceConnect, or the certificate of the TLS handshake; the first one of an
 * identity on a connection opens a light session at its home (hub/session), which the next ones use.
 *
 * Runs on: the core that holds the connection.
 * Life:    one service per core, made before the lanes run and freed after they stopped.
 * Limits:  the constants below.  A message is acknowledged with 204 once it is on disk, a batch once
 *          all of it is.
 * Source:  "IoT Hub device REST API" 2021-04-12; Azure's device SDKs; README.md.
 */
#ifndef FRONT_DEVICE_HTTP_DEVICE_HTTP_H
#define FRONT_DEVICE_HTTP_DEVICE_HTTP_H

#include "hub/session/session.h"
#include "hub/telemetry/telemetry.h"

enum {
    DEVICE_HTTP_SESSIONS_MAX = 8,            /* of a connection; the one used longest ago goes */
    DEVICE_HTTP_BODY_MAX = 512 << 10,        /* a batch in base64, with its properties */
    DEVICE_HTTP_FILE_BODY_MAX = 4 << 10,     /* a file's name; how its upload went */
    DEVICE_HTTP_BATCH_MAX = 500,             /* messages */
    DEVICE_HTTP_BATCH_BYTES_MAX = 256 << 10, /* of its messages (IoT Hub) */
    DEVICE_HTTP_COMPANY_MAX = 16,            /* first requests of connections that share a sync */
};
#define DEVICE_HTTP_COMPANY_US 3000ll /* and wait so long for each other */

struct rest_service;
struct c2d;
struct uploads;
struct device_http_service;

/* The hub's doors on this core. */
struct device_http_doors {
    struct session_desk *desk;
    struct c2d *c2d;
    struct uploads *uploads;
};

/* One per core; its routes join those of `rest`. */
struct device_http_service *device_http_new(const struct device_http_doors *doors,
                                            struct rest_service *rest);
void device_http_free(struct device_http_service *s); /* NULL is fine */

#endif
