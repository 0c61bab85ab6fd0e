/* event_type.c - names and counters by them. */
#include "deliver/event_type.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"

#define TELEMETRY    "Microsoft.Devices.DeviceTelemetry"
#define CONNECTED    "Microsoft.Devices.DeviceConnected"
#define DISCONNECTED "Microsoft.Devices.DeviceDisconnected"
#define CREATED      "Microsoft.Devices.DeviceCreated"
#define DELETED      "Microsoft.Devices.DeviceDeleted"
#define TWIN         "Azimuth.Devices.TwinChanged"
#define DIGITAL_TWIN "Azimuth.Devices.DigitalTwinChanged"
#define JOB          "Azimuth.Devices.JobChanged"

const char *event_type_name(enum event_type type)
{
    static const char *const names[EVENT_TYPES] = {[EVENT_NONE] = "Azimuth.Devices.Other",
                                                   [EVENT_TELEMETRY] = TELEMETRY,
                                                   [EVENT_CONNECTED] = CONNECTED,
                                                   [EVENT_DISCONNECTED] = DISCONNECTED,
                                                   [EVENT_CREATED] = CREATED,
                                                   [EVENT_DELETED] = DELETED,
                                                   [EVENT_TWIN] = TWIN,
                                                   [EVENT_DIGITAL_TWIN] = DIGITAL_TWIN,
                                                   [EVENT_JOB] = JOB};
    return names[type];
}

#define OF_TYPE(name_, help_, result, type)                                                        \
    {                                                                                              \
        .name = name_, .help = help_, .labels = result "EventType=\"" type "\"",                   \
        .kind = METRIC_COUNTER                                                                     \
    }

#define BY_TYPE(name, help, result)                                                                \
    {                                                                                              \
        [EVENT_TELEMETRY] = OF_TYPE(name, help, result, TELEMETRY),                                \
        [EVENT_CONNECTED] = OF_TYPE(name, help, result, CONNECTED),                                \
        [EVENT_DISCONNECTED] = OF_TYPE(name, help, result, DISCONNECTED),                          \
        [EVENT_CREATED] = OF_TYPE(name, help, result, CREATED),                                    \
        [EVENT_DELETED] = OF_TYPE(name, help, result, DELETED),                                    \
        [EVENT_TWIN] = OF_TYPE(name, help, result, TWIN),                                          \
        [EVENT_DIGITAL_TWIN] = OF_TYPE(name, help, result, DIGITAL_TWIN),                          \
        [EVENT_JOB] = OF_TYPE(name, help, result, JOB),                                            \
    }

#define DELIVERIES(result)                                                                         \
    BY_TYPE("azimuth_EventGridDeliveries_total", "Events in requests to webhooks",                 \
            "Result=\"" result "\",")

static struct metric results[2][EVENT_TYPES] = {DELIVERIES("failure"), DELIVERIES("success")};
static struct metric latency_ms[EVENT_TYPES] =
    BY_TYPE("azimuth_EventGridLatency_milliseconds_total",
            "From taken in to taken by the webhook, the sum of all events", "");

__attribute__((constructor)) static void register_all(void)
{
    for (int type = EVENT_NONE + 1; type < EVENT_TYPES; type++) {
        metric_register(&results[false][type]);
        metric_register(&results[true][type]);
        metric_register(&latency_ms[type]);
    }
}

void event_tally_add(struct event_tally *t, enum event_type type, const struct record *r)
{
    struct record_count *c = &t->of[type];
    c->count++;
    c->enqueued_ms += r->enqueued_us / 1000;
}

void event_tally_end(const struct event_tally *t, bool taken)
{
    int64_t now_ms = clock_wall_us() / 1000;
    for (int type = EVENT_NONE + 1; type < EVENT_TYPES; type++) {
        const struct record_count *c = &t->of[type];
        if (c->count == 0) continue;
        metric_add(&results[taken][type], c->count);
        if (taken) metric_add(&latency_ms[type], record_count_late_ms(c, now_ms));
    }
}
