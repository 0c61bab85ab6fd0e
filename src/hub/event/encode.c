/* encode.c - an event as a record: annotations, properties, application properties, body. */
#include <stdio.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "hub/event/outbox.h"

/* What consumers see of a source. */
static const struct {
    const char *source, *schema, *content_type, *route;
} words[RECORD_SOURCES] = {
    [RECORD_TWIN_CHANGE] = {"twinChangeEvents", "twinChangeNotification", "application/json",
                            "TwinChangeEvents"},
    [RECORD_DEVICE_LIFECYCLE] = {"deviceLifecycleEvents", "deviceLifecycleNotification",
                                 "application/json", "DeviceLifecycleEvents"},
    [RECORD_CONNECTION_STATE] = {"deviceConnectionStateEvents", "deviceConnectionStateNotification",
                                 "application/json", "DeviceConnectionStateEvents"},
    [RECORD_JOB_LIFECYCLE] = {"deviceJobLifecycleEvents", "deviceJobLifecycleNotification",
                              "application/json", "DeviceJobLifecycleEvents"},
    [RECORD_DIGITAL_TWIN_CHANGE] = {"digitalTwinChangeEvents", "digitalTwinChangeNotification",
                                    "application/json-patch+json", "DigitalTwinChangeEvents"},
};

enum err event_source_of(struct slice name, enum record_source *out)
{
    for (unsigned i = 0; i < RECORD_SOURCES; i++) {
        if (words[i].route == NULL || !slice_is_nocase(name, words[i].route)) continue;
        *out = (enum record_source)i;
        return OK;
    }
    return fail(ERR_INVALID, "'%.*s' is no source of events", SLICE_ARG(slice_head(name, 64)));
}

static uint32_t put_pairs(struct buf *b, const struct event_draft *d, int64_t wall_us)
{
    struct slice module_id = hub_module_of(d->who);
    bool of_device = d->source != RECORD_JOB_LIFECYCLE;
    if (of_device) {
        amqp_put_sym(b, "iothub-connection-device-id");
        amqp_put_string(b, hub_device_of(d->who));
    }
    if (module_id.len) {
        amqp_put_sym(b, "iothub-connection-module-id");
        amqp_put_string(b, module_id);
    }
    amqp_put_sym(b, "iothub-enqueuedtime");
    amqp_put_timestamp(b, wall_us / 1000);
    amqp_put_sym(b, "iothub-message-source");
    amqp_put_str(b, words[d->source].source);
    return 2u + of_device + (module_id.len > 0);
}

/* user-id, correlation-id, content-type, content-encoding; in the order of AMQP 1.0 section 3.2.4. */
static void put_properties(struct buf *b, const struct hub *hub, const struct event_draft *d)
{
    char correlation[17];
    snprintf(correlation, sizeof correlation, "%012llx",
             (unsigned long long)(rand_u64() & UINT64_C(0xFFFFFFFFFFFF)));
    amqp_put_descriptor(b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(b);
    amqp_put_null(b); /* message-id */
    amqp_put_binary(b, slice_str(hub->name));
    amqp_put_null(b); /* to */
    amqp_put_null(b); /* subject */
    amqp_put_null(b); /* reply-to */
    amqp_put_str(b, correlation);
    amqp_put_sym(b, words[d->source].content_type);
    amqp_put_sym(b, "utf-8");
    amqp_close(b, list, 8);
}

static void put_property(struct buf *b, const char *name, struct slice value, uint32_t *count)
{
    amqp_put_str(b, name);
    amqp_put_string(b, value);
    *count += 2;
}

/* Digital twins' have the zone in digits, as the .NET service writes a time that has one. */
static void put_time(struct buf *out, enum record_source source, int64_t wall_us)
{
    char time[CLOCK_ISO_LEN + 1];
    bool digits = source == RECORD_DIGITAL_TWIN_CHANGE;
    clock_iso(wall_us, time);
    buf_put_slice(out, slice_of(time, CLOCK_ISO_LEN - digits));
    if (digits) buf_put_str(out, "+00:00");
}

/* Modules have a schema of their own for what becomes of them, under the same source. */
static const char *schema_of(const struct event_draft *d)
{
    bool of_module = d->source == RECORD_DEVICE_LIFECYCLE && hub_module_of(d->who).len;
    return of_module ? "moduleLifecycleNotification" : words[d->source].schema;
}

static void put_application_properties(struct buf *b, const struct hub *hub,
                                       const struct event_draft *d, int64_t wall_us)
{
    struct buf time = {0};
    uint32_t count = 0;
    put_time(&time, d->source, wall_us);
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    put_property(b, "hubName", slice_str(hub->name), &count);
    put_property(b, d->source == RECORD_JOB_LIFECYCLE ? "jobId" : "deviceId", hub_device_of(d->who),
                 &count);
    if (hub_module_of(d->who).len) put_property(b, "moduleId", hub_module_of(d->who), &count);
    put_property(b, "operationTimestamp", buf_slice(&time), &count);
    put_property(b, "iothub-message-schema", slice_str(schema_of(d)), &count);
    put_property(b, "opType", slice_str(d->op), &count);
    amqp_close(b, map, count);
    buf_free(&time);
}

/* ---- in memory */

static struct event *make(struct slice device_id, int64_t id, struct slice pairs,
                          struct slice sections)
{
    char key[HUB_ID_LEN_MAX + 32];
    int key_len = snprintf(key, sizeof key, "%lld/%.*s", (long long)id, SLICE_ARG(device_id));
    struct event *ev = mem_zero(sizeof *ev + (size_t)key_len + pairs.len + sections.len);
    uint8_t *at = (uint8_t *)(ev + 1);
    memcpy(at, key, (size_t)key_len);
    ev->id = id;
    ev->key = slice_of(at, (size_t)key_len);
    ev->device_id = slice_from(ev->key, ev->key.len - device_id.len);
    ev->pairs = slice_of(at + key_len, pairs.len);
    ev->sections = slice_of(at + key_len + pairs.len, sections.len);
    memcpy(at + key_len, pairs.ptr, pairs.len);
    memcpy(at + key_len + pairs.len, sections.ptr, sections.len);
    return ev;
}

size_t event_bytes(const struct event *ev)
{
    return sizeof *ev + ev->key.len + ev->pairs.len + ev->sections.len;
}

struct event *event_make(const struct hub *hub, const struct event_draft *d, int64_t id,
                         int64_t wall_us)
{
    struct buf pairs = {0}, sections = {0};
    uint32_t pair_count = put_pairs(&pairs, d, wall_us);
    put_properties(&sections, hub, d);
    put_application_properties(&sections, hub, d, wall_us);
    amqp_put_data(&sections, d->body);
    struct event *ev = make(hub_device_of(d->who), id, buf_slice(&pairs), buf_slice(&sections));
    ev->source = d->source;
    ev->pair_count = pair_count;
    buf_free(&pairs);
    buf_free(&sections);
    return ev;
}

/* The columns of event_page. */
struct event *event_of_row(const struct store_value *col)
{
    struct event *ev = make(col[0].bytes, col[1].number, col[4].bytes, col[5].bytes);
    ev->source = (enum record_source)col[2].number;
    ev->pair_count = (uint32_t)col[3].number;
    return ev;
}
