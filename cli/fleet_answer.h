/* fleet_answer.h - what a simulated device does with what the hub sends it.  Private to fleet.
 *
 * It listens to what its plan has an answer for: direct methods, messages, what becomes of the properties
 * that it reports when it is up.  All else is left alone and not acknowledged: it stays for whoever really
 * is that device.
 *
 * Runs on: the fleet's thread.
 * Source:  "Use MQTT to communicate with Azure IoT Hub"; az iot device simulate answers a method with its
 *          name, request id and payload unless it is told otherwise.
 */
#ifndef CLI_FLEET_ANSWER_H
#define CLI_FLEET_ANSWER_H

#include "cli/fleet_device.h"

enum { FLEET_ANSWER_METHOD_STATUS = 200 };

/* After each CONNACK 0: subscribes, if there is something to listen to. */
enum err fleet_answer_listen(struct fleet_device *d) MUST_USE;

/* Whether the hub's word on what it reported is still to come. */
bool fleet_answer_waits(const struct fleet_device *d);

/* LINK_GRANTED: says so when the hub did not grant it. */
void fleet_answer_granted(struct fleet_device *d, const struct link_event *ev);

/* LINK_TOLD. */
enum err fleet_answer_take(struct fleet_device *d, const struct link_event *ev) MUST_USE;

#endif
