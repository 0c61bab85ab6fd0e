/* event_type.h - which event a message is for Event Grid, and IoT Hub's metrics EventGridDeliveries and
 * EventGridLatency of what webhooks were told.  Private to deliver. */
#ifndef DELIVER_EVENT_TYPE_H
#define DELIVER_EVENT_TYPE_H

#include "log/record.h"

enum event_type {
    EVENT_NONE, /* it is not told as an event */
    EVENT_TELEMETRY,
    EVENT_CONNECTED,
    EVENT_DISCONNECTED,
    EVENT_CREATED,
    EVENT_DELETED,
    /* ours: Event Grid has none for them */
    EVENT_TWIN,
    EVENT_DIGITAL_TWIN,
    EVENT_JOB,
    EVENT_TYPES
};

const char *event_type_name(enum event_type type); /* "Microsoft.Devices.DeviceTelemetry" */

/* Of a batch. */
struct event_tally {
    struct record_count of[EVENT_TYPES];
};

/* EVENT_NONE is not counted. */
void event_tally_add(struct event_tally *t, enum event_type type, const struct record *r);

/* The target has taken the batch now, or has not. */
void event_tally_end(const struct event_tally *t, bool taken);

#endif
