/* event_json.c - see event_json.h. */
#include "cli/event_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/output.h"

static struct json *value_json(struct arena *a, const struct amqp_value *v);

static struct json *number_json(struct arena *a, const char *text)
{
    struct json *j = json_new(a, JSON_NUMBER);
    j->text = arena_copy(a, slice_str(text));
    return j;
}

/* JSON has no number for what is none or infinite: that is a text. */
static struct json *double_json(struct arena *a, double v)
{
    char text[48];
    snprintf(text, sizeof text, "%.15g", v);
    return isfinite(v) ? number_json(a, text) : json_new_string(a, slice_str(text));
}

static struct json *bytes_json(struct arena *a, struct slice bytes)
{
    struct buf text = {0};
    if (text_is_utf8(bytes)) return json_new_string(a, bytes);
    text_base64(&text, bytes);
    struct json *j = json_new_string(a, buf_slice(&text));
    buf_free(&text);
    return j;
}

static struct json *time_json(struct arena *a, int64_t ms)
{
    char text[CLOCK_ISO_LEN + 1];
    clock_iso_ms(ms, text);
    return json_new_string(a, slice_str(text));
}

static struct json *uuid_json(struct arena *a, struct slice id)
{
    char text[40];
    int at = 0;
    for (size_t i = 0; i < id.len && i < 16; i++) {
        const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        at += snprintf(text + at, sizeof text - (size_t)at, "%s%02x", dash, id.ptr[i]);
    }
    return json_new_string(a, slice_of(text, (size_t)at));
}

/* Either ends with what cannot be read.  A message has room for a million elements, so none looks at those before it. */
static struct json *list_json(struct arena *a, const struct amqp_value *v)
{
    struct json *j = json_new(a, JSON_ARRAY), **end = &j->child;
    struct cur c = cur_of(v->bytes);
    struct amqp_value value;
    for (uint32_t i = 0; i < v->count && amqp_get(&c, &value) == OK; i++) {
        *end = value_json(a, &value);
        end = &(*end)->next;
    }
    return j;
}

static struct json *map_json(struct arena *a, const struct amqp_value *v)
{
    struct json *j = json_new(a, JSON_OBJECT);
    struct cur c = cur_of(v->bytes);
    struct amqp_value key, value;
    for (uint32_t i = 0; i + 1 < v->count; i += 2) {
        if (amqp_get(&c, &key) != OK || amqp_get(&c, &value) != OK) break;
        json_set(a, j, bytes_json(a, amqp_text(&key))->text, value_json(a, &value));
    }
    return j;
}

static struct json *value_json(struct arena *a, const struct amqp_value *v)
{
    char text[48];
    int64_t number;
    struct json *truth;
    switch (v->type) {
    case AMQP_BOOL:
        truth = json_new(a, JSON_BOOL);
        truth->truth = v->u != 0;
        return truth;
    case AMQP_FLOAT:
    case AMQP_DOUBLE: return double_json(a, v->f);
    case AMQP_ULONG: snprintf(text, sizeof text, "%" PRIu64, v->u); return number_json(a, text);
    case AMQP_TIMESTAMP: return time_json(a, v->i);
    case AMQP_UUID: return uuid_json(a, v->bytes);
    case AMQP_BINARY:
    case AMQP_STRING:
    case AMQP_SYMBOL: return bytes_json(a, v->bytes);
    case AMQP_MAP: return map_json(a, v);
    case AMQP_LIST: return list_json(a, v);
    default: return amqp_integer(v, &number) ? json_new_i64(a, number) : json_new(a, JSON_NULL);
    }
}

static void set(struct arena *a, struct json *object, const char *name, struct json *value)
{
    json_set(a, object, slice_str(name), value);
}

struct slice event_annotation(const struct amqp_message *m, const char *name)
{
    struct amqp_value v;
    if (m->annotations.type != AMQP_MAP || !amqp_map_find(&m->annotations, name, &v))
        return SLICE_NONE;
    return amqp_text(&v);
}

int64_t event_number(const struct amqp_message *m, const char *name)
{
    struct amqp_value v;
    int64_t number;
    if (m->annotations.type != AMQP_MAP || !amqp_map_find(&m->annotations, name, &v)) return -1;
    if (v.type == AMQP_TIMESTAMP) return v.i;
    return amqp_integer(&v, &number) ? number : -1;
}

/* az's names of the fields of the properties section. */
static struct json *system_json(struct arena *a, const struct amqp_message *m)
{
    static const char *const names[AMQP_PROPERTY_COUNT] = {
        [AMQP_MESSAGE_ID] = "message_id",
        [AMQP_USER_ID] = "user_id",
        [AMQP_TO] = "to",
        [AMQP_SUBJECT] = "subject",
        [AMQP_REPLY_TO] = "reply_to",
        [AMQP_CORRELATION_ID] = "correlation_id",
        [AMQP_CONTENT_TYPE] = "content_type",
        [AMQP_CONTENT_ENCODING] = "content_encoding",
        [AMQP_ABSOLUTE_EXPIRY_TIME] = "absolute_expiry_time",
        [AMQP_CREATION_TIME] = "creation_time",
        [AMQP_GROUP_ID] = "group_id",
        [AMQP_GROUP_SEQUENCE] = "group_sequence",
        [AMQP_REPLY_TO_GROUP_ID] = "reply_to_group_id",
    };
    struct json *object = json_new(a, JSON_OBJECT);
    for (size_t i = 0; i < AMQP_PROPERTY_COUNT; i++)
        if (m->properties[i].type != AMQP_NULL)
            set(a, object, names[i], value_json(a, &m->properties[i]));
    return object;
}

static struct json *pairs_json(struct arena *a, const struct amqp_value *map)
{
    return map->type == AMQP_MAP ? map_json(a, map) : json_new(a, JSON_OBJECT);
}

static struct slice body_of(const struct amqp_message *m)
{
    return m->body_kind == AMQP_DATA ? m->data : amqp_text(&m->value);
}

static struct json *payload_json(struct arena *a, const struct amqp_message *m, unsigned parts)
{
    struct slice body = body_of(m), trimmed = slice_trim(body);
    struct json *parsed;
    bool container = trimmed.len && (trimmed.ptr[0] == '{' || trimmed.ptr[0] == '[');
    bool parses = parts & EVENT_AS_JSON || (container && !(parts & EVENT_AS_TEXT));
    if (parses && json_parse(a, body, &parsed) == OK) return parsed;
    if (m->body_kind == AMQP_AMQP_VALUE) return value_json(a, &m->value);
    return bytes_json(a, body);
}

#define ENDPOINTS "azimuth-endpoints"

/* Where routes led it, if that was asked for. */
static void put_endpoints(struct arena *a, struct json *event, const struct amqp_message *m)
{
    struct amqp_value v;
    if (m->annotations.type != AMQP_MAP || !amqp_map_find(&m->annotations, ENDPOINTS, &v)) return;
    struct json *names = json_new(a, JSON_ARRAY);
    struct slice rest = amqp_text(&v), name;
    while (slice_split(&rest, ',', &name))
        if (name.len) json_append(names, bytes_json(a, name));
    set(a, event, "endpoints", names);
}

struct json *event_json(struct arena *a, const struct amqp_message *m, unsigned parts)
{
    static const char *const origins[][2] = {
        {"origin", "iothub-connection-device-id"},
        {"module", "iothub-connection-module-id"},
        {"interface", "dt-dataschema"},
        {"component", "dt-subject"},
    };
    struct json *top = json_new(a, JSON_OBJECT), *properties = NULL;
    struct json *event = json_set(a, top, SLICE_LIT("event"), json_new(a, JSON_OBJECT));
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++)
        set(a, event, origins[i][0], bytes_json(a, event_annotation(m, origins[i][1])));
    if (parts & (EVENT_SYSTEM | EVENT_APPLICATION))
        properties = json_set(a, event, SLICE_LIT("properties"), json_new(a, JSON_OBJECT));
    if (parts & EVENT_SYSTEM) set(a, properties, "system", system_json(a, m));
    if (parts & EVENT_APPLICATION)
        set(a, properties, "application", pairs_json(a, &m->application));
    if (parts & EVENT_ANNOTATIONS) set(a, event, "annotations", pairs_json(a, &m->annotations));
    put_endpoints(a, event, m);
    set(a, event, "payload", payload_json(a, m, parts));
    return top;
}

void event_line(struct buf *out, struct arena *a, const struct amqp_message *m, unsigned partition)
{
    struct amqp_value when = {0}, sequence = {0};
    char time[CLOCK_ISO_LEN + 1] = "";
    int64_t number = 0;
    bool numbered = false;
    if (m->annotations.type == AMQP_MAP) {
        (void)amqp_map_find(&m->annotations, "x-opt-enqueued-time", &when);
        if (amqp_map_find(&m->annotations, "x-opt-sequence-number", &sequence))
            numbered = amqp_integer(&sequence, &number);
    }
    clock_iso_ms(when.i, time);
    struct buf line = {0};
    struct slice device = event_annotation(m, "iothub-connection-device-id");
    buf_printf(&line, "%.23sZ  %.*s  %u:", time, SLICE_ARG(device), partition);
    if (numbered) buf_printf(&line, "%" PRId64, number);
    struct slice endpoints = event_annotation(m, ENDPOINTS);
    if (endpoints.ptr) buf_printf(&line, "  [%.*s]", SLICE_ARG(endpoints));
    buf_put_str(&line, "  ");
    json_write(&line, payload_json(a, m, 0));
    output_put_line(out, &line);
}
