/* diagnose.c - messages that were refused, as resource logs have them: ingress of DeviceTelemetry, errors only.
 *
 * Over MQTT a refusal ends the connection, and hub/refusal notes it. */
#include "hub/diagnostic/diagnostic.h"
#include "hub/telemetry/telemetry.h"

void telemetry_diagnose(const struct hub *hub, struct lane *lane, struct slice who,
                        enum hub_protocol t, unsigned messages, enum status status)
{
    struct buf properties = {0};
    struct diagnostic d = {
        .category = DIAGNOSTIC_DEVICE_TELEMETRY, .operation = "ingress", .properties = &properties};
    if (!diagnostic_wanted(hub, d.category)) return;
    diagnostic_put_ingress(&properties, hub, who, hub_protocol_name(t), messages);
    diagnostic_set_status(&d, status);
    diagnostic_note(hub, lane, &d);
    buf_free(&properties);
}
