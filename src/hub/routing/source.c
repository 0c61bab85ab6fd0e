/* source.c - sources of messages, as routes name them (ARM RoutingSource). */
#include "hub/routing/routing.h"

static const char *const names[RECORD_SOURCES] = {
    [RECORD_TELEMETRY] = "DeviceMessages",
    [RECORD_TWIN_CHANGE] = "TwinChangeEvents",
    [RECORD_DEVICE_LIFECYCLE] = "DeviceLifecycleEvents",
    [RECORD_CONNECTION_STATE] = "DeviceConnectionStateEvents",
    [RECORD_JOB_LIFECYCLE] = "DeviceJobLifecycleEvents",
    [RECORD_DIGITAL_TWIN_CHANGE] = "DigitalTwinChangeEvents",
};

const char *routing_source_name(enum record_source source)
{
    return names[source];
}

enum err routing_source_of(struct slice name, enum record_source *out)
{
    for (unsigned i = 0; i < RECORD_SOURCES; i++) {
        if (!slice_is_nocase(name, names[i])) continue;
        *out = (enum record_source)i;
        return OK;
    }
    return fail(ERR_INVALID, "'%.*s' is no source of messages", SLICE_ARG(slice_head(name, 64)));
}
