/* diagnose.c - messages that were refused, as resource logs have them: ingress of DeviceTelemetry, errors only.
 *
 * Over MQTT a refusal ends the connection, and hub/refusal notes it. */
#include "base/clock.h"
#include "base/partition.h"
#include "hub/diagnostic/diagnostic.h"
#include "hub/telemetry/telemetry.h"

void telemetry_diagnose(const struct hub *hub, struct lane *lane, struct slice who,
                        enum telemetry_transport t, unsigned messages, enum status status)
{
    static const char *const protocols[TELEMETRY_TRANSPORTS] = {
        [TELEMETRY_MQTT] = "Mqtt", [TELEMETRY_AMQP] = "Amqp", [TELEMETRY_HTTPS] = "Http"};
    char now[CLOCK_ISO_LEN + 1];
    struct buf properties = {0};
    struct diagnostic d = {
        .category = DIAGNOSTIC_DEVICE_TELEMETRY, .operation = "ingress", .properties = &properties};
    if (!diagnostic_wanted(hub, d.category)) return;
    diagnostic_put_who(&properties, who);
    diagnostic_put_text(&properties, "protocol", slice_str(protocols[t]));
    diagnostic_put_text(&properties, "batching", slice_str(messages > 1 ? "1" : "0"));
    diagnostic_put_number(&properties, "messages", messages);
    diagnostic_put_text(&properties, "messageSizeInBytes", SLICE_NONE); /* it may not be readable */
    clock_iso(clock_wall_us(), now);
    diagnostic_put_text(&properties, "EventProcessedUtcTime", slice_str(now));
    diagnostic_put_text(&properties, "EventEnqueuedUtcTime", SLICE_NONE);
    diagnostic_put_digits(&properties, "partitionId",
                          key_partition(hub_device_of(who), log_partitions(hub->log, 0)));
    diagnostic_set_status(&d, status);
    diagnostic_note(hub, lane, &d);
    buf_free(&properties);
}
