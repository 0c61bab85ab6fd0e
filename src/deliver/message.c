/* message.c - values of AMQP as texts of JSON. */
#include "deliver/message.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "hub/routing/routing.h"

enum err message_read(const struct record *r, unsigned endpoint_bit, struct message *out)
{
    out->record = r;
    buf_clear(&out->bytes);
    buf_clear(&out->passed);
    routing_put_sections(&out->bytes, r, endpoint_bit);
    return amqp_message_parse(buf_slice(&out->bytes), &out->sections);
}

void message_free(struct message *m)
{
    buf_free(&m->bytes);
    buf_free(&m->passed);
}

void message_mark(struct message *m, const struct hub *hub, const char *endpoint)
{
    routing_put_passed(hub, endpoint, message_property(m, ROUTING_PASSED), &m->passed);
}

struct slice message_pair(const struct message *m, const char *name)
{
    struct cur c = cur_of(m->record->pairs);
    struct amqp_value key, value;
    while (cur_left(&c) && amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK)
        if (slice_is(amqp_text(&key), name)) return amqp_text(&value);
    return SLICE_NONE;
}

struct slice message_property(const struct message *m, const char *name)
{
    struct amqp_value value;
    bool found = m->sections.application.type == AMQP_MAP &&
                 amqp_map_find(&m->sections.application, name, &value);
    return found ? amqp_text(&value) : SLICE_NONE;
}

static struct slice field_of(const struct message *m, enum amqp_property field)
{
    return amqp_text(&m->sections.properties[field]);
}

struct slice message_body(const struct message *m)
{
    bool is_value = m->sections.body_kind == AMQP_AMQP_VALUE;
    return is_value ? amqp_text(&m->sections.value) : m->sections.data;
}

static bool is_json(struct slice text)
{
    struct arena a = {0};
    struct json *value;
    bool fine = text_is_utf8(text) && json_parse(&a, text, &value) == OK;
    arena_free(&a);
    return fine;
}

bool message_is_json(const struct message *m)
{
    return slice_is_nocase(field_of(m, AMQP_CONTENT_TYPE), "application/json") &&
           slice_is_nocase(field_of(m, AMQP_CONTENT_ENCODING), "utf-8") && is_json(message_body(m));
}

/* ---- values */

static void put_uuid(struct buf *out, const uint8_t *uuid)
{
    char text[TEXT_GUID_LEN + 1];
    text_guid(uuid, text);
    buf_put_str(out, text);
}

static void put_time(struct buf *out, int64_t ms)
{
    char text[CLOCK_ISO_LEN + 1];
    clock_iso_ms(ms, text);
    buf_put_str(out, text);
}

bool message_put_value(struct buf *out, const struct amqp_value *v)
{
    int64_t number;
    switch (v->type) {
    case AMQP_STRING:
    case AMQP_SYMBOL:
    case AMQP_BINARY: buf_put_slice(out, v->bytes); return true;
    case AMQP_BOOL: buf_put_str(out, v->u ? "true" : "false"); return true;
    case AMQP_TIMESTAMP: put_time(out, v->i); return true;
    case AMQP_UUID: put_uuid(out, v->bytes.ptr); return true;
    case AMQP_FLOAT:
    case AMQP_DOUBLE: buf_printf(out, "%.17g", v->f); return true;
    case AMQP_ULONG: buf_printf(out, "%llu", (unsigned long long)v->u); return true;
    default: break;
    }
    if (!amqp_integer(v, &number)) return false;
    buf_printf(out, "%lld", (long long)number);
    return true;
}

static void tell(struct slice name, const struct amqp_value *v, message_text_fn fn, void *ctx)
{
    struct buf plain = {0}, coded = {0};
    if (message_put_value(&plain, v) && text_is_utf8(name)) {
        bool is_text = text_is_utf8(buf_slice(&plain));
        if (!is_text) text_base64(&coded, buf_slice(&plain));
        fn(ctx, name, is_text ? buf_slice(&plain) : buf_slice(&coded));
    }
    buf_free(&plain);
    buf_free(&coded);
}

/* `but`: not this one; NULL: all. */
static void tell_each(struct slice elements, const char *but, message_text_fn fn, void *ctx)
{
    struct cur c = cur_of(elements);
    struct amqp_value key, value;
    while (cur_left(&c) && amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK)
        if (but == NULL || !slice_is(amqp_text(&key), but)) tell(amqp_text(&key), &value, fn, ctx);
}

void message_each_property(const struct message *m, message_text_fn fn, void *ctx)
{
    struct slice passed = buf_slice(&m->passed);
    if (m->sections.application.type == AMQP_MAP)
        tell_each(m->sections.application.bytes, passed.len ? ROUTING_PASSED : NULL, fn, ctx);
    if (passed.len) fn(ctx, SLICE_LIT(ROUTING_PASSED), passed);
}

void message_each_pair(const struct message *m, message_text_fn fn, void *ctx)
{
    tell_each(m->record->pairs, NULL, fn, ctx);
}

void message_each_field(const struct message *m, enum amqp_property field, const char *name,
                        message_text_fn fn, void *ctx)
{
    const struct amqp_value *v = &m->sections.properties[field];
    if (v->type != AMQP_NULL) tell(slice_str(name), v, fn, ctx);
}

/* ---- in JSON */

void message_put_json_body(const struct message *m, struct buf *out)
{
    struct slice body = message_body(m);
    if (message_is_json(m)) {
        buf_put_slice(out, body);
        return;
    }
    buf_put_u8(out, '"');
    text_base64(out, body);
    buf_put_u8(out, '"');
}

void message_put_member(void *ctx, struct slice name, struct slice text)
{
    struct message_members *m = ctx;
    if (m->any) buf_put_u8(m->out, ',');
    text_json_string(m->out, name);
    buf_put_u8(m->out, ':');
    text_json_string(m->out, text);
    m->any = true;
}

bool message_put_properties(const struct message *m, struct buf *out, bool any)
{
    struct message_members all = {out, any};
    message_each_property(m, message_put_member, &all);
    return all.any;
}

const char *message_system_field(const struct message *m, unsigned i, const struct amqp_value **v)
{
    static const struct {
        enum amqp_property field;
        const char *name;
    } fields[] = {{AMQP_CONTENT_TYPE, "iothub-content-type"},
                  {AMQP_CONTENT_ENCODING, "iothub-content-encoding"},
                  {AMQP_MESSAGE_ID, "message-id"},
                  {AMQP_CORRELATION_ID, "correlation-id"},
                  {AMQP_USER_ID, "user-id"}};
    if (i >= sizeof fields / sizeof *fields) return NULL;
    *v = &m->sections.properties[fields[i].field];
    return fields[i].name;
}

bool message_put_system(const struct message *m, struct buf *out, bool any)
{
    struct message_members all = {out, any};
    const struct amqp_value *v;
    const char *name;
    for (unsigned i = 0; (name = message_system_field(m, i, &v)) != NULL; i++)
        if (v->type != AMQP_NULL) tell(slice_str(name), v, message_put_member, &all);
    message_each_pair(m, message_put_member, &all);
    return all.any;
}
