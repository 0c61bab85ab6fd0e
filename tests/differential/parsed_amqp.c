/* parsed_amqp.c - values of AMQP 1.0's type system. */
#include "base/amqp.h"
#include "base/text.h"
#include "parsed.h"

static void put_value(struct buf *line, const struct amqp_value *v);

/* Numbers of floating point as their bits, for there is more than one NaN. */
static void put_float(struct buf *line, const struct amqp_value *v)
{
    float f = (float)v->f;
    uint32_t bits = 0;
    uint64_t wide = 0;
    memcpy(&bits, &f, sizeof bits);
    memcpy(&wide, &v->f, sizeof wide);
    if (v->f != v->f)
        buf_put_str(line, "nan");
    else if (v->type == AMQP_FLOAT)
        buf_printf(line, "f%08x", bits);
    else
        buf_printf(line, "d%016llx", (unsigned long long)wide);
}

static void put_number(struct buf *line, const char *type, uint64_t u)
{
    buf_printf(line, "%s%llu", type, (unsigned long long)u);
}

static void put_signed(struct buf *line, const char *type, int64_t i)
{
    buf_printf(line, "%s%lld", type, (long long)i);
}

static void put_bytes(struct buf *line, const char *type, struct slice bytes)
{
    buf_put_str(line, type);
    text_hex(line, bytes);
}

static void put_elements(struct buf *line, const char *type, const struct amqp_value *v)
{
    struct cur c = cur_of(v->bytes);
    struct amqp_value inside;
    uint32_t count = v->type == AMQP_DESCRIBED ? 2 : v->count;
    buf_printf(line, "%s[", type);
    for (uint32_t i = 0; i < count; i++) {
        enum err e =
            v->type == AMQP_ARRAY ? amqp_get_element(&c, v, &inside) : amqp_get(&c, &inside);
        assert(e == OK);
        if (i) buf_put_str(line, ",");
        put_value(line, &inside);
    }
    buf_put_str(line, "]");
}

static void put_value(struct buf *line, const struct amqp_value *v)
{
    switch (v->type) {
    case AMQP_NULL: buf_put_str(line, "null"); break;
    case AMQP_BOOL: buf_put_str(line, v->u ? "true" : "false"); break;
    case AMQP_UBYTE: put_number(line, "ubyte", v->u); break;
    case AMQP_USHORT: put_number(line, "ushort", v->u); break;
    case AMQP_UINT: put_number(line, "uint", v->u); break;
    case AMQP_ULONG: put_number(line, "ulong", v->u); break;
    case AMQP_CHAR: put_number(line, "char", v->u); break;
    case AMQP_BYTE: put_signed(line, "byte", v->i); break;
    case AMQP_SHORT: put_signed(line, "short", v->i); break;
    case AMQP_INT: put_signed(line, "int", v->i); break;
    case AMQP_LONG: put_signed(line, "long", v->i); break;
    case AMQP_TIMESTAMP: put_signed(line, "time", v->i); break;
    case AMQP_FLOAT:
    case AMQP_DOUBLE: put_float(line, v); break;
    case AMQP_DECIMAL: put_bytes(line, "decimal", v->bytes); break;
    case AMQP_UUID: put_bytes(line, "uuid", v->bytes); break;
    case AMQP_BINARY: put_bytes(line, "binary", v->bytes); break;
    case AMQP_STRING: put_bytes(line, "string", v->bytes); break;
    case AMQP_SYMBOL: put_bytes(line, "symbol", v->bytes); break;
    case AMQP_LIST: put_elements(line, "list", v); break;
    case AMQP_MAP: put_elements(line, "map", v); break;
    case AMQP_ARRAY: put_elements(line, "array", v); break;
    case AMQP_DESCRIBED: put_elements(line, "described", v); break;
    }
}

/* The first value; what follows it is somebody else's. */
void parsed_amqp_value(struct slice input, struct buf *line)
{
    struct cur c = cur_of(input);
    struct amqp_value v;
    if (amqp_get(&c, &v) != OK || amqp_check(&v) != OK) {
        parsed_refused(line, "no value");
        return;
    }
    buf_put_str(line, " ");
    put_value(line, &v);
    buf_printf(line, " rest=%zu more", cur_left(&c));
}
