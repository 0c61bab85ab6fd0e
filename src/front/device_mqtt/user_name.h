/* user_name.h - the user name of an MQTT CONNECT: {host}/{device}[/{module}][/?{query}].
 *
 * Also read: the older forms {host}/{device}/api-version=... and {host}/{device} alone.  Ids are not
 * percent-encoded; since '?' is legal in ids, a query begins only where '?' is the first character of
 * a segment behind the device id.  Private to front/device_mqtt.
 */
#ifndef FRONT_DEVICE_MQTT_USER_NAME_H
#define FRONT_DEVICE_MQTT_USER_NAME_H

#include "base/buf.h"

struct user_name {
    struct slice host, device;
    struct slice module; /* SLICE_NONE: a device */
    struct slice query;  /* "api-version=...&..." without '?', may be empty */
};

/* Slices borrow from `text`.  ERR_INVALID with a text that says where it stopped. */
enum err user_name_parse(struct slice text, struct user_name *out) MUST_USE;

/* The percent-decoded value of a query item, appended to `out`; false when it is absent or does not
 * decode.  The first of several counts. */
bool user_name_query(const struct user_name *u, const char *key, struct buf *out);

#endif
