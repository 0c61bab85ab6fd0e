/* delivery.c - the series that count what endpoints got. */
#include <stdio.h>

#include "base/metrics.h"
#include "hub/routing/routing.h"

/* As IoT Hub's metrics spell them. */
static const char *const sources[RECORD_SOURCES] = {
    [RECORD_TELEMETRY] = "Device Messages",
    [RECORD_TWIN_CHANGE] = "Twin Change Events",
    [RECORD_DEVICE_LIFECYCLE] = "Device Lifecycle Events",
    [RECORD_CONNECTION_STATE] = "Device Connection State Events",
    [RECORD_JOB_LIFECYCLE] = "Device Job Lifecycle Events",
    [RECORD_DIGITAL_TWIN_CHANGE] = "Digital Twin Change Events",
};

/* Kinds that IoT Hub does not have are called as their list is. */
static const char *type_of(const struct routing_kind *kind)
{
    if (kind == NULL) return "builtin";
    if (strcmp(kind->list, "cosmosDBSqlContainers") == 0) return "cosmosDB";
    if (strcmp(kind->list, "storageContainers") == 0) return "blobStorage";
    return kind->list;
}

static struct metric *make(const char *name, const char *result, const char *help,
                           const struct routing_delivery *d)
{
    char labels[384];
    snprintf(labels, sizeof labels,
             "%sRoutingSource=\"%s\",EndpointType=\"%s\",EndpointName=\"%s\"", result,
             sources[d->source], type_of(d->kind), d->endpoint);
    return metric_of(METRIC_COUNTER, name, labels, help);
}

struct metric *routing_deliveries(const struct routing_delivery *d, enum routing_fate fate)
{
    static const char *const results[ROUTING_FATES] = {
        [ROUTING_DELIVERED] = "Result=\"success\",FailureReasonCategory=\"null\",",
        [ROUTING_INVALID] = "Result=\"failure\",FailureReasonCategory=\"invalid\",",
        [ROUTING_DROPPED] = "Result=\"failure\",FailureReasonCategory=\"dropped\","};
    return make("azimuth_RoutingDeliveries_total", results[fate],
                "Messages to endpoints that arrived, or never will", d);
}

struct metric *routing_delivered_bytes(const struct routing_delivery *d)
{
    return make("azimuth_RoutingDataSizeInBytesDelivered_total", "",
                "Bytes of messages that endpoints took", d);
}

struct metric *routing_delivery_ms(const struct routing_delivery *d)
{
    return make("azimuth_RoutingDeliveryLatency_milliseconds_total", "",
                "From taken in to taken by the endpoint, the sum of all messages", d);
}
