/* event_grid.c - "Azure IoT Hub as an Event Grid source".
 *
 * Event Grid knows of telemetry, connections and identities; the other sources have types of our own,
 * with data shaped as telemetry's.  An id is made of the record's place in the log, so who gets a record
 * twice can tell. */
#include "deliver/event_grid.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/text.h"

static bool op_starts(const struct message *m, const char *op)
{
    return slice_starts(message_property(m, "opType"), slice_str(op));
}

enum event_type event_grid_type(const struct message *m)
{
    switch (m->record->source) {
    case RECORD_TELEMETRY: return EVENT_TELEMETRY;
    case RECORD_CONNECTION_STATE:
        return op_starts(m, "deviceConnected") ? EVENT_CONNECTED : EVENT_DISCONNECTED;
    case RECORD_DEVICE_LIFECYCLE: return op_starts(m, "create") ? EVENT_CREATED : EVENT_DELETED;
    case RECORD_TWIN_CHANGE: return EVENT_TWIN;
    case RECORD_DIGITAL_TWIN_CHANGE: return EVENT_DIGITAL_TWIN;
    case RECORD_JOB_LIFECYCLE: return EVENT_JOB;
    default: return EVENT_NONE;
    }
}

/* ---- data */

static void put_text(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, "\"%s\":", name);
    text_json_string(out, text);
}

static void put_properties(const struct message *m, struct buf *out)
{
    buf_put_str(out, "\"properties\":{");
    message_put_properties(m, out, false);
    buf_put_u8(out, '}');
}

static void put_telemetry(const struct message *m, struct buf *out)
{
    buf_put_u8(out, '{');
    put_properties(m, out);
    buf_put_str(out, ",\"systemProperties\":{");
    message_put_system(m, out, false);
    buf_put_str(out, "},\"body\":");
    message_put_json_body(m, out);
    buf_put_u8(out, '}');
}

/* What the body of such an event is called there. */
static void put_identity(const struct message *m, const char *body, struct buf *out)
{
    struct slice module_id = message_property(m, "moduleId");
    buf_printf(out, "{\"%s\":", body);
    message_put_json_body(m, out);
    buf_put_u8(out, ',');
    put_text(out, "hubName", message_property(m, "hubName"));
    buf_put_u8(out, ',');
    put_text(out, "deviceId", message_property(m, "deviceId"));
    if (module_id.len || m->record->source == RECORD_CONNECTION_STATE) {
        buf_put_u8(out, ',');
        put_text(out, "moduleId", module_id);
    }
    if (m->record->extra.len) {
        buf_put_u8(out, ',');
        put_properties(m, out);
    }
    buf_put_u8(out, '}');
}

void event_grid_put_data(const struct message *m, struct buf *out)
{
    if (m->record->source == RECORD_CONNECTION_STATE)
        put_identity(m, "deviceConnectionStateEventInfo", out);
    else if (m->record->source == RECORD_DEVICE_LIFECYCLE)
        put_identity(m, "twin", out);
    else
        put_telemetry(m, out);
}

/* ---- events */

void event_grid_put_id(const struct hub *hub, const struct record *r, struct buf *out)
{
    buf_printf(out, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(hub->created_us / 1000000),
               (unsigned)(hub->created_us % 1000000 >> 4), r->stream, r->partition,
               (unsigned long long)r->ordinal);
}

static void put_topic(const struct hub *hub, struct buf *out)
{
    buf_printf(out, "/providers/Microsoft.Devices/IotHubs/%s", hub->name);
}

static void put_subject(const struct message *m, struct buf *out)
{
    struct slice device_id = message_pair(m, "iothub-connection-device-id");
    struct buf subject = {0};
    if (device_id.len)
        buf_printf(&subject, "devices/%.*s", SLICE_ARG(device_id));
    else
        buf_printf(&subject, "jobs/%.*s", SLICE_ARG(message_property(m, "jobId")));
    put_text(out, "subject", buf_slice(&subject));
    buf_free(&subject);
}

void event_grid_put(const struct hub *hub, enum event_schema schema, const struct message *m,
                    struct buf *out)
{
    bool cloud = schema == CLOUD_EVENT_SCHEMA;
    char time[CLOCK_ISO_LEN + 1];
    clock_iso(m->record->enqueued_us, time);
    buf_put_str(out, "{\"id\":\"");
    event_grid_put_id(hub, m->record, out);
    buf_printf(out, "\",\"%s\":\"", cloud ? "source" : "topic");
    put_topic(hub, out);
    buf_put_str(out, "\",");
    put_subject(m, out);
    buf_printf(out, ",\"%s\":\"%s\",\"%s\":\"%s\",\"data\":", cloud ? "type" : "eventType",
               event_type_name(event_grid_type(m)), cloud ? "time" : "eventTime", time);
    event_grid_put_data(m, out);
    buf_put_str(out, cloud ? ",\"specversion\":\"1.0\",\"datacontenttype\":\"application/json\"}"
                           : ",\"dataVersion\":\"\",\"metadataVersion\":\"1\"}");
}

void event_grid_put_validation(const struct hub *hub, const char *code, struct slice uri,
                               struct buf *out)
{
    char id[RAND_GUID_LEN + 1], time[CLOCK_ISO_LEN + 1];
    rand_guid(id);
    clock_iso(clock_wall_us(), time);
    buf_printf(out, "[{\"id\":\"%s\",\"topic\":\"", id);
    put_topic(hub, out);
    buf_printf(out,
               "\",\"subject\":\"\",\"eventType\":"
               "\"Microsoft.EventGrid.SubscriptionValidationEvent\",\"eventTime\":\"%s\","
               "\"data\":{\"validationCode\":\"%s\"",
               time, code);
    if (uri.len) {
        buf_put_u8(out, ',');
        put_text(out, "validationUrl", uri);
    }
    buf_put_str(out, "},\"dataVersion\":\"2\",\"metadataVersion\":\"1\"}]");
}
