/* fleet_http.h - devices that send over HTTPS: one request after the other, as `az iot device simulate
 * --protocol http` does it.
 *
 * Whose message is due posts it, and with a way to settle asks every second whether there is a message
 * for it.  After a hub that is busy or away the device tries again, the pause growing as in fleet.h, for
 * as long as the plan waits for an acknowledgement.
 *
 * Runs on: the main thread; fleet_http_run() blocks until the end, which SIGINT and SIGTERM bring, too.
 * Limits:  those of fleet.h that are not about connections; a window of one message.
 * Errors:  before the first message was taken any failure ends the run; afterwards a refusal does.
 *          ERR_TIMEOUT when nothing was taken for as long as the plan waits.  ERR_INVALID: a property
 *          cannot be in a header.
 * Source:  "Communicate with IoT Hub using the HTTPS protocol": POST .../messages/events, headers
 *          iothub-app-{name}, iothub-contenttype, ...
 */
#ifndef CLI_FLEET_HTTP_H
#define CLI_FLEET_HTTP_H

#include "cli/bound.h"
#include "cli/fleet.h"

#define FLEET_POLL_US (1 * 1000000ll)

/* `settle` NULL: messages to devices are left alone. */
enum err fleet_http_run(const struct fleet_plan *plan, struct target *t,
                        const struct bound_way *settle, struct fleet_result *out) MUST_USE;

/* Appends the lines that say what the property bag of a topic says, each with a NUL behind it.  ERR_INVALID: a
 * name or value cannot be in a header. */
enum err fleet_http_headers(struct slice bag, struct buf *lines, size_t *count) MUST_USE;

#endif
