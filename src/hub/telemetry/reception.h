/* reception.h - how much came by which transport, and which system properties came with it.
 *
 * IoT Hub's metrics d2c.telemetry.ingress.{allProtocol,success,sendThrottle}, with the transport as a
 * label `t`: "mqtt", "amqp" or "https"; and how many messages had which system property, by the names
 * that MQTT has for them.  A fleet whose firmware forgets a property, or a gateway that loses it on the
 * way from one protocol to another, shows at once.
 *
 * Runs on: any lane.
 */
#ifndef HUB_TELEMETRY_RECEPTION_H
#define HUB_TELEMETRY_RECEPTION_H

#include "hub/telemetry/telemetry.h"

void reception_stored(enum hub_protocol t, const struct envelope *message);

#endif
