/* device_envelope.c - a device's AMQP message as the envelope that all protocols share. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "front/amqp/device.h"

/* ---- text of any simple value */

static struct slice print(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
static struct slice print(struct arena *a, const char *fmt, ...)
{
    char text[64];
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return arena_copy(a, slice_of(text, (size_t)len));
}

/* Lower case with dashes: Node sends ids that look so as this type. */
static struct slice uuid_text(struct arena *a, struct slice u)
{
    char text[TEXT_GUID_LEN + 1];
    text_guid(u.ptr, text);
    return arena_copy(a, slice_str(text));
}

/* SLICE_NONE: null, or a value that is no text, number or truth. */
static struct slice text_of(struct arena *a, const struct amqp_value *v)
{
    switch (v->type) {
    case AMQP_STRING:
    case AMQP_SYMBOL:
    case AMQP_BINARY: return v->bytes.ptr ? v->bytes : slice_of("", 0);
    case AMQP_UUID: return uuid_text(a, v->bytes);
    case AMQP_BOOL: return slice_str(v->u ? "true" : "false");
    case AMQP_UBYTE:
    case AMQP_USHORT:
    case AMQP_UINT:
    case AMQP_ULONG: return print(a, "%" PRIu64, v->u);
    case AMQP_BYTE:
    case AMQP_SHORT:
    case AMQP_INT:
    case AMQP_LONG:
    case AMQP_TIMESTAMP: return print(a, "%" PRId64, v->i);
    case AMQP_FLOAT:
    case AMQP_DOUBLE: return print(a, "%.17g", v->f);
    default: return SLICE_NONE;
    }
}

/* ---- properties */

static enum err add(struct property *space, struct envelope *out, struct slice name,
                    struct slice value)
{
    if (out->property_count == TELEMETRY_PROPERTIES_MAX) return telemetry_too_many_properties();
    space[out->property_count++] = (struct property){name, value};
    return OK;
}

static enum err take_application(const struct amqp_value *map, struct arena *a,
                                 struct property *space, struct envelope *out)
{
    struct cur c = cur_of(map->bytes);
    for (uint32_t i = 0; i + 1 < map->count; i += 2) {
        struct amqp_value key, value;
        TRY(amqp_get(&c, &key));
        TRY(amqp_get(&c, &value));
        struct slice name = amqp_text(&key);
        if (name.len == 0) return fail(ERR_INVALID, "an application property has no name");
        if (!telemetry_is_stamp(name)) TRY(add(space, out, name, text_of(a, &value)));
    }
    return OK;
}

static enum err take_annotations(const struct amqp_value *map, struct arena *a,
                                 struct property *space, struct envelope *out)
{
    static const char *const kept[] = {"Diagnostic-Id", "Correlation-Context"};
    struct amqp_value v;
    if (amqp_map_find(map, "dt-subject", &v)) out->subject = text_of(a, &v);
    if (amqp_map_find(map, "iothub-interface-id", &v)) out->interface_id = text_of(a, &v);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (amqp_map_find(map, kept[i], &v))
            TRY(add(space, out, slice_str(kept[i]), text_of(a, &v)));
    return OK;
}

/* What consumers get as a string or symbol, whatever the device called it; the user id stays bytes. */
static enum err check_text(const struct envelope *m)
{
    const struct slice fields[] = {m->message_id,       m->correlation_id, m->content_type,
                                   m->content_encoding, m->subject,        m->interface_id};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!text_is_utf8(fields[i]))
            return fail(ERR_INVALID, "one of its properties is not UTF-8");
    for (size_t i = 0; i < m->property_count; i++)
        if (!text_is_utf8(m->properties[i].name) || !text_is_utf8(m->properties[i].value))
            return fail(ERR_INVALID, "an application property is not UTF-8");
    return OK;
}

/* ---- body */

static enum err take_body(const struct amqp_message *m, struct envelope *out)
{
    if (m->body.ptr == NULL) return OK;
    if (m->body_count > 1) return fail(ERR_INVALID, "it has more than one body section");
    if (m->body_kind == AMQP_SEQUENCE) return fail(ERR_INVALID, "its body is a sequence");
    out->body = m->body_kind == AMQP_DATA ? m->data : amqp_text(&m->value);
    if (m->body_kind == AMQP_AMQP_VALUE && out->body.ptr == NULL && m->value.type != AMQP_NULL)
        return fail(ERR_INVALID, "its body is neither bytes nor text");
    return OK;
}

enum err device_envelope(const struct amqp_message *m, struct arena *a, struct property *space,
                         struct envelope *out)
{
    const struct amqp_value *p = m->properties;
    *out = (struct envelope){
        .message_id = text_of(a, &p[AMQP_MESSAGE_ID]),
        .correlation_id = text_of(a, &p[AMQP_CORRELATION_ID]),
        .user_id = text_of(a, &p[AMQP_USER_ID]),
        .content_type = text_of(a, &p[AMQP_CONTENT_TYPE]),
        .content_encoding = text_of(a, &p[AMQP_CONTENT_ENCODING]),
        .expiry_ms = p[AMQP_ABSOLUTE_EXPIRY_TIME].type == AMQP_TIMESTAMP
                         ? p[AMQP_ABSOLUTE_EXPIRY_TIME].i
                         : 0,
        .properties = space,
    };
    TRY(take_annotations(&m->annotations, a, space, out));
    TRY(take_application(&m->application, a, space, out));
    TRY(check_text(out));
    return take_body(m, out);
}
