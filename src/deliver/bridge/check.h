/* check.h - an MQTT broker in the routing document.  Private to deliver. */
#ifndef DELIVER_BRIDGE_CHECK_H
#define DELIVER_BRIDGE_CHECK_H

#include "hub/routing/routing.h"

#define BRIDGE_TOPIC "{iothub}/{deviceid}/{source}" /* if nothing is said */

enum {
    BRIDGE_URL_MAX = 512, /* bytes, as the following */
    BRIDGE_TOPIC_MAX = 512,
    BRIDGE_CLIENT_ID_MAX = 256,
    BRIDGE_USER_MAX = 1024,
    BRIDGE_PASSWORD_MAX = 16 << 10, /* tokens are long */
    BRIDGE_CA_MAX = 64 << 10,
};

enum err bridge_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                      const struct json *before) MUST_USE;
void bridge_mask(struct arena *a, struct json *endpoint);

/* "mqtts://host:port", "[::1]" too: host without brackets and with a NUL, port (8883, of mqtt:// 1883).
 * ERR_INVALID with a text. */
struct bridge_url {
    char host[254];
    unsigned port;
    bool encrypted;
};
enum err bridge_url_read(struct slice text, struct bridge_url *out) MUST_USE;

#endif
