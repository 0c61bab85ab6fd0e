/* azure_metrics.c - the table: a row per name and what it is the sum of. */
#include "server/azure_metrics.h"

#include "base/metrics.h"

#define ROW(azure, name_, kind_, labels_, of_, with_, per_)                                        \
    {                                                                                              \
        .name = "azimuth_" name_, .help = "IoT Hub's " azure, .kind = kind_, .labels = labels_,    \
        .of = "azimuth_" of_, .with = with_, .per = per_                                           \
    }
#define COUNT(azure, name, of, with) ROW(azure, name, METRIC_COUNTER, NULL, of, with, 0)
#define NOW(azure, name, of)         ROW(azure, name, METRIC_GAUGE, NULL, of, NULL, 0)

/* ---- messages to devices, and calls about jobs */

#define SETTLED(azure, name, outcome)                                                              \
    COUNT("c2d.commands.egress." azure, "c2d_commands_egress_" name "_success_total",              \
          "c2d_settled_total", "outcome=\"" outcome "\"")

#define CALLED(op, result)                                                                         \
    COUNT("jobs." op "." result, "jobs_" op "_" result "_total", "jobs_calls_total",               \
          "op=\"" op "\",result=\"" result "\"")
#define CALLS(op) CALLED(op, "success"), CALLED(op, "failure")

/* ---- messages of devices to endpoints.  The labels of RoutingDeliveries stand in this order. */

#define SUCCESS  "Result=\"success\",FailureReasonCategory=\"null\","
#define FROM     "RoutingSource=\"Device Messages\""
#define TO(type) "EndpointType=\"" type "\""

#define LOST(why)                                                                                  \
    COUNT("d2c.telemetry.egress." why, "d2c_telemetry_egress_" why "_total",                       \
          "RoutingDeliveries_total", "FailureReasonCategory=\"" why "\"," FROM)

#define EGRESS(azure, type)                                                                        \
    COUNT("d2c.endpoints.egress." azure, "d2c_endpoints_egress_" azure "_total",                   \
          "RoutingDeliveries_total", SUCCESS FROM "," TO(type))

#define LATENCY(azure, type)                                                                       \
    COUNT("d2c.endpoints.latency." azure ", the sum of all messages",                              \
          "d2c_endpoints_latency_" azure "_milliseconds_total",                                    \
          "RoutingDeliveryLatency_milliseconds_total", FROM "," TO(type))

#define ENDPOINT(azure, type) EGRESS(azure, type), LATENCY(azure, type)

/* ---- the built-in endpoint, which the log counts */

#define BUILT_IN(source)                                                                           \
    "RoutingSource=\"" source "\",EndpointType=\"builtin\",EndpointName=\"events\""

#define STREAM(source, of)                                                                         \
    ROW("RoutingDeliveries", "RoutingDeliveries_total", METRIC_COUNTER, SUCCESS BUILT_IN(source),  \
        "stream_messages_total", "source=\"" of "\"", 0),                                          \
        ROW("RoutingDataSizeInBytesDelivered", "RoutingDataSizeInBytesDelivered_total",            \
            METRIC_COUNTER, BUILT_IN(source), "stream_message_bytes_total", "source=\"" of "\"",   \
            0),                                                                                    \
        ROW("RoutingDeliveryLatency, the sum of all messages",                                     \
            "RoutingDeliveryLatency_milliseconds_total", METRIC_COUNTER, BUILT_IN(source),         \
            "stream_message_microseconds_total", "source=\"" of "\"", 1000)

#define STREAM_OF_DEVICES "source=\"DeviceMessages\""

/* ---- what devices send and get: payloads */

#define USAGE(name)                                                                                \
    USED(name, "d2c_telemetry_ingress_bytes_total"), USED(name, "c2d_delivered_bytes_total"),      \
        USED(name, "c2d_methods_requestSize_bytes_total"),                                         \
        USED(name, "c2d_methods_responseSize_bytes_total"),                                        \
        USED(name, "d2c_twin_read_size_bytes_total"),                                              \
        USED(name, "d2c_twin_update_size_bytes_total"),                                            \
        USED(name, "twin_desired_sent_bytes_total")
#define USED(name, of) COUNT(name, name "_bytes_total", of, NULL)

static const struct metric_sum table[] = {
    COUNT("d2c.telemetry.egress.success", "d2c_telemetry_egress_success_total",
          "RoutingDeliveries_total", SUCCESS FROM),
    COUNT("d2c.telemetry.egress.success", "d2c_telemetry_egress_success_total",
          "stream_messages_total", STREAM_OF_DEVICES),
    LOST("dropped"),
    LOST("invalid"),

    COUNT("d2c.endpoints.egress.builtIn.events", "d2c_endpoints_egress_builtIn_events_total",
          "stream_messages_total", STREAM_OF_DEVICES),
    ROW("d2c.endpoints.latency.builtIn.events, the sum of all messages",
        "d2c_endpoints_latency_builtIn_events_milliseconds_total", METRIC_COUNTER, NULL,
        "stream_message_microseconds_total", STREAM_OF_DEVICES, 1000),
    ENDPOINT("eventHubs", "eventHubs"),
    ENDPOINT("serviceBusQueues", "serviceBusQueues"),
    ENDPOINT("serviceBusTopics", "serviceBusTopics"),
    ENDPOINT("storage", "blobStorage"),
    COUNT("d2c.endpoints.egress.storage.blobs", "d2c_endpoints_egress_storage_blobs_total",
          "storage_files_total", NULL),
    COUNT("d2c.endpoints.egress.storage.bytes", "d2c_endpoints_egress_storage_bytes_total",
          "storage_bytes_total", NULL),

    STREAM("Device Messages", "DeviceMessages"),
    STREAM("Twin Change Events", "TwinChangeEvents"),
    STREAM("Device Lifecycle Events", "DeviceLifecycleEvents"),
    STREAM("Device Connection State Events", "DeviceConnectionStateEvents"),
    STREAM("Device Job Lifecycle Events", "DeviceJobLifecycleEvents"),
    STREAM("Digital Twin Change Events", "DigitalTwinChangeEvents"),
    ROW("RoutingDeliveries", "RoutingDeliveries_total", METRIC_COUNTER,
        "Result=\"failure\",FailureReasonCategory=\"orphaned\"," FROM,
        "d2c_telemetry_egress_orphaned_total", NULL, 0),

    SETTLED("complete.success", "complete", "completed"),
    SETTLED("reject.success", "reject", "rejected"),
    COUNT("c2d.commands.egress.abandon.success", "c2d_commands_egress_abandon_success_total",
          "c2d_abandoned_total", NULL),
    COUNT("C2DMessagesExpired", "C2DMessagesExpired_total", "c2d_settled_total",
          "outcome=\"expired\""),

    CALLS("createTwinUpdateJob"),
    CALLS("createDirectMethodJob"),
    CALLS("cancelJob"),
    CALLS("listJobs"),
    CALLS("queryJobs"),

    COUNT("configurations", "configurations_total", "configuration_changes_total", NULL),
    COUNT("configurations", "configurations_total", "configuration_reads_total", NULL),
    COUNT("configurations", "configurations_total", "configuration_writes_total", NULL),
    USAGE("deviceDataUsage"),
    USAGE("deviceDataUsageV2"),
    NOW("dailyMessageQuotaUsed", "dailyMessageQuotaUsed", "daily_message_quota_used"),
    NOW("connectedDeviceCount", "connectedDeviceCount", "connected_devices"),
};

static_assert(sizeof table / sizeof *table <= METRIC_SUMS_MAX, "the table is too long");

void azure_metrics_begin(void)
{
    metrics_set_sums(table, sizeof table / sizeof *table);
}
