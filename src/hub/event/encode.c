/* encode.c - an event as a record: annotations, properties, application properties, body. */
#include <stdio.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "hub/event/outbox.h"
#include "route/route.h"

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
    bool found = routing_source_of(name, out) == OK && *out != RECORD_TELEMETRY;
    if (found) return OK;
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

/* ---- what is said of it, in the record and to conditions of routes */

enum { FACTS_MAX = 6, CORRELATION_LEN = 12 };

struct facts {
    struct buf time;
    char correlation[CORRELATION_LEN + 1];
    struct route_property properties[FACTS_MAX];
    size_t count;
};

static void add_fact(struct facts *f, const char *name, struct slice value)
{
    assert(f->count < FACTS_MAX);
    f->properties[f->count++] = (struct route_property){slice_str(name), value};
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

static void facts_init(struct facts *f, const struct hub *hub, const struct event_draft *d,
                       int64_t wall_us)
{
    *f = (struct facts){0};
    put_time(&f->time, d->source, wall_us);
    snprintf(f->correlation, sizeof f->correlation, "%012llx",
             (unsigned long long)(rand_u64() & UINT64_C(0xFFFFFFFFFFFF)));
    add_fact(f, "hubName", slice_str(hub->name));
    add_fact(f, d->source == RECORD_JOB_LIFECYCLE ? "jobId" : "deviceId", hub_device_of(d->who));
    if (hub_module_of(d->who).len) add_fact(f, "moduleId", hub_module_of(d->who));
    add_fact(f, "operationTimestamp", buf_slice(&f->time));
    add_fact(f, "iothub-message-schema", slice_str(schema_of(d)));
    add_fact(f, "opType", slice_str(d->op));
}

static void choose(struct events *e, const struct event_draft *d, const struct facts *f,
                   struct routing_choice *out)
{
    struct route_message m = {.source = d->source,
                              .properties = f->properties,
                              .property_count = f->count,
                              .body = d->body,
                              .twin = d->twin};
    *out = (struct routing_choice){.destinations = RECORD_TO_STREAM};
    if (!routing_decides(e->routing, d->source)) return;
    if (d->source != RECORD_JOB_LIFECYCLE) {
        m.system[ROUTE_CONNECTION_DEVICE_ID] = hub_device_of(d->who);
        m.system[ROUTE_CONNECTION_MODULE_ID] = hub_module_of(d->who);
    }
    m.system[ROUTE_CONTENT_TYPE] = slice_str(words[d->source].content_type);
    m.system[ROUTE_CONTENT_ENCODING] = SLICE_LIT("utf-8");
    m.system[ROUTE_ENQUEUED_TIME] = buf_slice(&f->time);
    m.system[ROUTE_CORRELATION_ID] = slice_str(f->correlation);
    m.system[ROUTE_USER_ID] = slice_str(e->hub->name);
    m.system[ROUTE_MESSAGE_SOURCE] = slice_str(words[d->source].source);
    routing_choose(e->routing, &m, d->body.len, out);
}

/* ---- as a record */

/* user-id, correlation-id, content-type, content-encoding; in the order of AMQP 1.0 section 3.2.4. */
static void put_properties(struct buf *b, const struct hub *hub, const struct event_draft *d,
                           const struct facts *f)
{
    amqp_put_descriptor(b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(b);
    amqp_put_null(b); /* message-id */
    amqp_put_binary(b, slice_str(hub->name));
    amqp_put_null(b); /* to */
    amqp_put_null(b); /* subject */
    amqp_put_null(b); /* reply-to */
    amqp_put_str(b, f->correlation);
    amqp_put_sym(b, words[d->source].content_type);
    amqp_put_sym(b, "utf-8");
    amqp_close(b, list, 8);
}

static void put_application_properties(struct buf *b, const struct facts *f)
{
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    for (size_t i = 0; i < f->count; i++) {
        amqp_put_string(b, f->properties[i].name);
        amqp_put_string(b, f->properties[i].value);
    }
    amqp_close(b, map, (uint32_t)(2 * f->count));
}

/* ---- in memory */

/* Its bytes are copied behind it. */
static struct event *make(struct slice device_id, int64_t id, const struct event *from)
{
    char key[HUB_ID_LEN_MAX + 32];
    int key_len = snprintf(key, sizeof key, "%lld/%.*s", (long long)id, SLICE_ARG(device_id));
    struct slice parts[] = {slice_of(key, (size_t)key_len), from->pairs, from->sections,
                            from->extra};
    struct event *ev = mem_zero(sizeof *ev + parts[0].len + from->pairs.len + from->sections.len +
                                from->extra.len);
    uint8_t *at = (uint8_t *)(ev + 1);
    *ev = *from;
    struct slice *const copies[] = {&ev->key, &ev->pairs, &ev->sections, &ev->extra};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *copies[i] = slice_of(at, parts[i].len);
        if (parts[i].len) memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    ev->id = id;
    ev->device_id = slice_from(ev->key, ev->key.len - device_id.len);
    return ev;
}

size_t event_bytes(const struct event *ev)
{
    return sizeof *ev + ev->key.len + ev->pairs.len + ev->sections.len + ev->extra.len;
}

static struct event *encode(const struct events *e, const struct event_draft *d,
                            const struct facts *f, const struct routing_choice *choice, int64_t id,
                            int64_t wall_us)
{
    struct buf pairs = {0}, sections = {0};
    uint32_t pair_count = put_pairs(&pairs, d, wall_us);
    put_properties(&sections, e->hub, d, f);
    put_application_properties(&sections, f);
    amqp_put_data(&sections, d->body);
    struct event *ev = make(hub_device_of(d->who), id,
                            &(struct event){.source = d->source,
                                            .pair_count = pair_count,
                                            .destinations = choice->destinations,
                                            .pairs = buf_slice(&pairs),
                                            .sections = buf_slice(&sections),
                                            .extra = choice->extra});
    buf_free(&pairs);
    buf_free(&sections);
    return ev;
}

struct event *event_make(struct events *e, const struct event_draft *d, int64_t id, int64_t wall_us)
{
    struct facts facts;
    struct routing_choice choice;
    struct event *ev = NULL;
    facts_init(&facts, e->hub, d, wall_us);
    choose(e, d, &facts, &choice);
    if (choice.destinations) ev = encode(e, d, &facts, &choice, id, wall_us);
    buf_free(&facts.time);
    return ev;
}

/* The columns of event_page. */
struct event *event_of_row(const struct store_value *col)
{
    return make(col[0].bytes, col[1].number,
                &(struct event){.source = (enum record_source)col[2].number,
                                .pair_count = (uint32_t)col[3].number,
                                .pairs = col[4].bytes,
                                .sections = col[5].bytes,
                                .destinations = (uint64_t)col[6].number,
                                .extra = col[7].bytes});
}
