/* text.c - frames and events to text. */
#include <assert.h>
#include <inttypes.h>

#include "base/text.h"
#include "proto/amqp/testing/names.h"
#include "proto/amqp/testing/testing.h"

static const struct {
    uint8_t code;
    const char *name;
} performatives[] = {
    {0x10, "open"},     {0x11, "begin"},       {0x12, "attach"}, {0x13, "flow"},
    {0x14, "transfer"}, {0x15, "disposition"}, {0x16, "detach"}, {0x17, "end"},
    {0x18, "close"},    {0x40, "mechanisms"},  {0x41, "init"},   {0x42, "challenge"},
    {0x43, "response"}, {0x44, "outcome"},
};

enum { PERFORMATIVES = sizeof performatives / sizeof *performatives };

uint8_t wire_code_of(struct slice name)
{
    size_t i = 0;
    while (i < PERFORMATIVES && !slice_is(name, performatives[i].name)) i++;
    assert(i < PERFORMATIVES);
    return performatives[i].code;
}

const char *wire_name_of(uint64_t code)
{
    for (size_t i = 0; i < PERFORMATIVES; i++)
        if (performatives[i].code == code) return performatives[i].name;
    return NULL;
}

static void quote(struct buf *out, char mark, struct slice s)
{
    buf_put_u8(out, (uint8_t)mark);
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c == 0)
            buf_put_str(out, "\\0");
        else if (c < ' ' || c > '~')
            buf_printf(out, "\\x%02x", c);
        else
            buf_put_u8(out, c);
    }
    buf_put_u8(out, (uint8_t)mark);
}

static void put_elements(struct buf *out, const struct amqp_value *v, char begin, char end)
{
    struct cur c = cur_of(v->bytes);
    struct amqp_value element;
    buf_put_u8(out, (uint8_t)begin);
    for (uint32_t i = 0; i < v->count; i++) {
        enum err e =
            v->type == AMQP_ARRAY ? amqp_get_element(&c, v, &element) : amqp_get(&c, &element);
        assert(e == OK);
        if (i) buf_put_u8(out, ' ');
        wire_value_text(out, &element);
    }
    buf_put_u8(out, (uint8_t)end);
}

static void put_described(struct buf *out, const struct amqp_value *v)
{
    struct cur c = cur_of(v->bytes);
    struct amqp_value descriptor, value;
    enum err e = amqp_get(&c, &descriptor);
    if (e == OK) e = amqp_get(&c, &value);
    assert(e == OK);
    buf_put_u8(out, '@');
    if (descriptor.type == AMQP_ULONG)
        buf_printf(out, "%" PRIu64, descriptor.u);
    else
        quote(out, '\'', amqp_text(&descriptor));
    buf_put_u8(out, ' ');
    wire_value_text(out, &value);
}

static void put_number(struct buf *out, const struct amqp_value *v)
{
    static const char suffixes[] = {
        [AMQP_UBYTE] = 'b', [AMQP_USHORT] = 'h', [AMQP_ULONG] = 'l',     [AMQP_SHORT] = 's',
        [AMQP_INT] = 'i',   [AMQP_LONG] = 'L',   [AMQP_TIMESTAMP] = 't',
    };
    bool is_unsigned = v->type <= AMQP_ULONG;
    if (is_unsigned)
        buf_printf(out, "%" PRIu64, v->u);
    else
        buf_printf(out, "%" PRId64, v->i);
    if (v->type != AMQP_UINT) buf_put_u8(out, (uint8_t)suffixes[v->type]);
}

static void put_well_formed(struct buf *out, const struct amqp_value *v)
{
    switch (v->type) {
    case AMQP_NULL: buf_put_str(out, "null"); break;
    case AMQP_BOOL: buf_put_str(out, v->u ? "true" : "false"); break;
    case AMQP_STRING: quote(out, '"', v->bytes); break;
    case AMQP_SYMBOL: quote(out, '\'', v->bytes); break;
    case AMQP_BINARY: buf_put_u8(out, 'b'), quote(out, '"', v->bytes); break;
    case AMQP_UUID:
        buf_put_str(out, "u\"");
        text_hex(out, v->bytes);
        buf_put_u8(out, '"');
        break;
    case AMQP_LIST: put_elements(out, v, '[', ']'); break;
    case AMQP_MAP: put_elements(out, v, '{', '}'); break;
    case AMQP_ARRAY: put_elements(out, v, '<', '>'); break;
    case AMQP_DESCRIBED: put_described(out, v); break;
    default: put_number(out, v);
    }
}

void wire_value_text(struct buf *out, const struct amqp_value *v)
{
    if (amqp_check(v) == OK)
        put_well_formed(out, v);
    else
        buf_put_u8(out, '?');
}

/* Values if they are some; the payload of a frame that continues a delivery need not be. */
static void put_payload(struct buf *out, struct slice payload)
{
    struct buf text = {0};
    struct cur c = cur_of(payload);
    struct amqp_value v;
    enum err e = OK;
    while (cur_left(&c) && (e = amqp_get(&c, &v)) == OK && (e = amqp_check(&v)) == OK) {
        buf_put_u8(&text, ' ');
        wire_value_text(&text, &v);
    }
    if (e == OK)
        buf_put_slice(out, buf_slice(&text));
    else
        buf_printf(out, " +%zu bytes", payload.len);
    buf_free(&text);
}

static bool put_frame(struct buf *out, struct slice frame)
{
    struct cur c = cur_of(slice_from(frame, 8));
    uint64_t code;
    struct amqp_value fields;
    if (frame.ptr[5] == 1)
        buf_put_str(out, "sasl ");
    else
        buf_printf(out, "%u ", frame.ptr[6] << 8 | frame.ptr[7]);
    if (frame.len == 8) {
        buf_put_str(out, "empty\n");
        return true;
    }
    if (amqp_get_descriptor(&c, &code) != OK || amqp_get(&c, &fields) != OK) return false;
    if (wire_name_of(code) == NULL || amqp_check(&fields) != OK) return false;
    buf_put_str(out, wire_name_of(code));
    wire_value_text(out, &fields);
    put_payload(out, cur_rest(&c));
    buf_put_u8(out, '\n');
    return true;
}

void wire_text(struct buf *out, struct slice bytes)
{
    while (bytes.len >= 8) {
        if (slice_starts(bytes, SLICE_LIT("AMQP"))) {
            buf_printf(out, "AMQP%u\n", bytes.ptr[4]);
            bytes = slice_from(bytes, 8);
            continue;
        }
        struct cur c = cur_of(bytes);
        uint32_t size = cur_be32(&c);
        if (size < 8 || size > bytes.len || !put_frame(out, slice_head(bytes, size))) break;
        bytes = slice_from(bytes, size);
    }
    if (bytes.len) buf_printf(out, "garbage %zu\n", bytes.len);
}

/* ---- events */

static void put_error(struct buf *out, const struct amqp_error *e)
{
    if (e->condition.len) buf_printf(out, " %.*s", SLICE_ARG(e->condition));
    if (e->description.len) buf_printf(out, ": %.*s", SLICE_ARG(e->description));
}

static void put_terminus(struct buf *out, const char *name, const struct amqp_terminus *t)
{
    if (!t->present) return;
    buf_printf(out, " %s=%.*s%s", name, SLICE_ARG(t->address), t->dynamic ? " dynamic" : "");
    if (t->filter.type == AMQP_MAP) wire_value_text(out, &t->filter);
}

static void put_attach(struct buf *out, const struct amqp_event *ev)
{
    const struct amqp_attach_event *a = &ev->attach;
    buf_printf(out, " %.*s %s %u %u", SLICE_ARG(a->name), ev->link->sender ? "sender" : "receiver",
               ev->link->snd_mode, ev->link->rcv_mode);
    put_terminus(out, "source", &a->source);
    put_terminus(out, "target", &a->target);
    if (a->desired.type != AMQP_NULL) buf_put_u8(out, ' '), wire_value_text(out, &a->desired);
    if (a->properties.type != AMQP_NULL) buf_put_u8(out, ' '), wire_value_text(out, &a->properties);
}

static void put_delivery(struct buf *out, const struct amqp_delivery *d)
{
    buf_printf(out, " %u format=%u%s tag=", d->id, d->format, d->settled ? " settled" : "");
    quote(out, '"', d->tag);
    put_payload(out, d->payload);
}

static void put_disposition(struct buf *out, const struct amqp_disposition *d)
{
    buf_printf(out, " %s %u-%u%s 0x%02x", d->from_receiver ? "receiver" : "sender", d->first,
               d->last, d->settled ? " settled" : "", d->outcome);
    put_error(out, &d->error);
}

static void put_details(struct buf *out, const struct amqp_event *ev)
{
    switch (ev->kind) {
    case AMQP_ON_SASL_INIT:
        buf_printf(out, " %.*s ", SLICE_ARG(ev->sasl.mechanism));
        quote(out, '"', ev->sasl.response);
        break;
    case AMQP_ON_SASL_RESPONSE: buf_put_u8(out, ' '), quote(out, '"', ev->sasl.response); break;
    case AMQP_ON_SASL_MECHANISMS:
        buf_put_u8(out, ' '), wire_value_text(out, &ev->mechanisms);
        break;
    case AMQP_ON_SASL_OUTCOME: buf_printf(out, " %u", ev->outcome); break;
    case AMQP_ON_OPEN: buf_printf(out, " %.*s", SLICE_ARG(ev->open.container_id)); break;
    case AMQP_ON_ATTACH: put_attach(out, ev); break;
    case AMQP_ON_FLOW:
        buf_printf(out, " credit=%u%s", ev->link->credit, ev->link->drain ? " drain" : "");
        break;
    case AMQP_ON_DELIVERY: put_delivery(out, &ev->delivery); break;
    case AMQP_ON_DISPOSITION: put_disposition(out, &ev->disposition); break;
    case AMQP_ON_DETACH:
    case AMQP_ON_END:
    case AMQP_ON_CLOSE: put_error(out, &ev->error); break;
    default: break;
    }
}

void wire_event_text(struct buf *out, const struct amqp_event *ev)
{
    static const char *const names[] = {
        "nothing",        "on-init",   "on-response", "on-mechanisms", "on-outcome",
        "on-open",        "on-begin",  "on-attach",   "on-flow",       "on-delivery",
        "on-disposition", "on-detach", "on-end",      "on-close",
    };
    buf_put_str(out, names[ev->kind]);
    put_details(out, ev);
    buf_put_u8(out, '\n');
}
