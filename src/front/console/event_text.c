/* event_text.c - see event_text.h. */
#include "front/console/event_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/text.h"
#include "front/console/live.h"

static const char *const kinds[RECORD_SOURCES] = {
    [RECORD_TELEMETRY] = "telemetry",        [RECORD_TWIN_CHANGE] = "twin",
    [RECORD_DEVICE_LIFECYCLE] = "lifecycle", [RECORD_CONNECTION_STATE] = "connection",
    [RECORD_JOB_LIFECYCLE] = "job",          [RECORD_DIGITAL_TWIN_CHANGE] = "twin",
};

static const char *kind_of(enum record_source source)
{
    return source < RECORD_SOURCES ? kinds[source] : "other";
}

unsigned event_sources(struct slice kind)
{
    unsigned sources = 0;
    for (unsigned i = 0; i < RECORD_SOURCES; i++)
        if (slice_is(kind, kinds[i])) sources |= 1u << i;
    return sources;
}

/* ---- annotations */

static bool next_pair(struct cur *c, struct slice *name, struct amqp_value *value)
{
    struct amqp_value key;
    if (amqp_get(c, &key) != OK || amqp_get(c, value) != OK) return false;
    *name = amqp_text(&key);
    return true;
}

static struct slice annotation(const struct record *r, const char *wanted)
{
    struct cur c = cur_of(r->pairs);
    struct slice name;
    struct amqp_value value;
    for (unsigned i = 0; i < r->pair_count && next_pair(&c, &name, &value); i++)
        if (slice_is(name, wanted)) return amqp_text(&value);
    return SLICE_NONE;
}

/* What is about a device has it among the application properties. */
static struct slice property(const struct record *r, const char *wanted)
{
    struct amqp_message m;
    struct amqp_value value;
    if (amqp_message_parse(r->sections, &m) != OK || m.application.type != AMQP_MAP ||
        !amqp_map_find(&m.application, wanted, &value))
        return SLICE_NONE;
    return amqp_text(&value);
}

struct slice event_device(const struct record *r)
{
    struct slice id = annotation(r, "iothub-connection-device-id");
    return id.ptr || r->source == RECORD_TELEMETRY ? id : property(r, "deviceId");
}

/* ---- values */

struct telling {
    struct buf *out;
    bool cut; /* not all properties were told, or not all of one */
};

static void put_string(struct telling *t, struct slice bytes)
{
    struct slice part = text_first_part(bytes, LIVE_TEXT_MAX);
    struct buf base64 = {0};
    t->cut |= bytes.len > LIVE_TEXT_MAX;
    if (text_is_utf8(part)) {
        text_json_string(t->out, part);
        return;
    }
    text_base64(&base64, slice_head(bytes, LIVE_TEXT_MAX));
    text_json_string(t->out, buf_slice(&base64));
    buf_free(&base64);
}

static void put_value(struct telling *t, const struct amqp_value *v)
{
    struct buf *out = t->out;
    int64_t number;
    char time[CLOCK_ISO_LEN + 1];
    if (v->type == AMQP_TIMESTAMP) {
        clock_iso_ms(v->i, time);
        text_json_string(out, slice_str(time));
    } else if (v->type == AMQP_BOOL) {
        buf_put_str(out, v->u ? "true" : "false");
    } else if (amqp_integer(v, &number)) {
        buf_printf(out, "%" PRId64, number);
    } else if (amqp_text(v).ptr || v->type == AMQP_STRING) {
        put_string(t, amqp_text(v));
    } else {
        buf_put_str(out, "null");
    }
}

static void put_pairs(struct telling *t, const char *name, struct slice pairs, unsigned count)
{
    struct cur c = cur_of(pairs);
    struct slice key;
    struct amqp_value value;
    const char *comma = "";
    t->cut |= count > LIVE_PROPERTIES_MAX;
    buf_printf(t->out, ",\"%s\":{", name);
    for (unsigned i = 0; i < count && i < LIVE_PROPERTIES_MAX && next_pair(&c, &key, &value); i++) {
        buf_put_str(t->out, comma);
        put_string(t, key);
        buf_put_u8(t->out, ':');
        put_value(t, &value);
        comma = ",";
    }
    buf_put_u8(t->out, '}');
}

static void put_system(struct telling *t, const struct amqp_message *m)
{
    static const struct {
        enum amqp_property property;
        const char *name;
    } names[] = {{AMQP_MESSAGE_ID, "message_id"},
                 {AMQP_CORRELATION_ID, "correlation_id"},
                 {AMQP_CONTENT_TYPE, "content_type"},
                 {AMQP_CONTENT_ENCODING, "content_encoding"}};
    const char *comma = "";
    buf_put_str(t->out, ",\"system\":{");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct amqp_value *v = &m->properties[names[i].property];
        if (v->type == AMQP_NULL) continue;
        buf_printf(t->out, "%s\"%s\":", comma, names[i].name);
        put_value(t, v);
        comma = ",";
    }
    buf_put_u8(t->out, '}');
}

/* As text if it is some, else in base64. */
static void put_body(struct buf *out, struct slice body)
{
    struct slice part = text_first_part(body, LIVE_BODY_MAX);
    struct buf base64 = {0};
    bool text = text_is_utf8(part);
    if (!text) {
        part = slice_head(body, LIVE_BODY_MAX / 4);
        text_base64(&base64, part);
    }
    buf_printf(out, ",\"size\":%zu,\"encoding\":\"%s\"", body.len, text ? "text" : "base64");
    if (part.len < body.len) buf_put_str(out, ",\"truncated\":true");
    buf_put_str(out, ",\"body\":");
    text_json_string(out, text ? part : buf_slice(&base64));
    buf_free(&base64);
}

static void put_member(struct telling *t, const char *name, struct slice value)
{
    if (value.ptr == NULL) return;
    buf_printf(t->out, ",\"%s\":", name);
    put_string(t, value);
}

static void put_endpoints(struct buf *out, const struct record *r, const struct routing *routing)
{
    const struct routing_endpoint *e;
    const char *comma = "";
    buf_put_str(out, ",\"endpoints\":[");
    for (unsigned i = 0; (e = routing_endpoint_at(routing, i)) != NULL; i++) {
        if (!(r->destinations >> e->bit & 1) || r->enqueued_us < e->since_us) continue;
        buf_put_str(out, comma);
        text_json_string(out, slice_str(e->name));
        comma = ",";
    }
    buf_put_u8(out, ']');
}

void event_put_text(struct buf *out, const struct record *r, const struct routing *routing)
{
    struct telling t = {.out = out};
    struct amqp_message m;
    char enqueued[CLOCK_ISO_LEN + 1];
    clock_iso(r->enqueued_us, enqueued);
    buf_printf(out, "{\"kind\":\"%s\",\"partition\":%u,\"ordinal\":%" PRIu64 ",\"enqueued\":\"%s\"",
               kind_of(r->source), r->partition, r->ordinal, enqueued);
    if (r->sequence >= 0) buf_printf(out, ",\"sequence\":%" PRId64, r->sequence);
    put_member(&t, "device", event_device(r));
    put_member(&t, "module", annotation(r, "iothub-connection-module-id"));
    put_endpoints(out, r, routing);
    put_pairs(&t, "annotations", r->pairs, r->pair_count);
    if (amqp_message_parse(r->sections, &m) == OK) {
        put_system(&t, &m);
        put_pairs(&t, "properties",
                  m.application.type == AMQP_MAP ? m.application.bytes : SLICE_NONE,
                  m.application.type == AMQP_MAP ? m.application.count / 2 : 0);
        put_body(out, m.body_kind == AMQP_DATA ? m.data : amqp_text(&m.value));
    }
    if (t.cut) buf_put_str(out, ",\"propertiesTruncated\":true");
    buf_put_u8(out, '}');
}
