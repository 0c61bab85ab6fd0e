/* amqp_put.c - writing AMQP 1.0 values, each in the smallest form that holds it. */
#include "base/amqp.h"

static void put_wide(struct buf *b, uint8_t ctor, uint64_t v, unsigned width)
{
    uint8_t *p = buf_reserve(b, 9);
    uint64_t wire = __builtin_bswap64(v << (64 - 8 * width));
    p[0] = ctor;
    memcpy(p + 1, &wire, sizeof wire);
    buf_commit(b, 1 + width);
}

void amqp_put_null(struct buf *b)
{
    buf_put_u8(b, 0x40);
}

void amqp_put_bool(struct buf *b, bool v)
{
    buf_put_u8(b, v ? 0x41 : 0x42);
}

void amqp_put_ubyte(struct buf *b, uint8_t v)
{
    put_wide(b, 0x50, v, 1);
}

void amqp_put_ushort(struct buf *b, uint16_t v)
{
    put_wide(b, 0x60, v, 2);
}

void amqp_put_uint(struct buf *b, uint32_t v)
{
    if (v == 0)
        buf_put_u8(b, 0x43);
    else if (v <= UINT8_MAX)
        put_wide(b, 0x52, v, 1);
    else
        put_wide(b, 0x70, v, 4);
}

void amqp_put_ulong(struct buf *b, uint64_t v)
{
    if (v == 0)
        buf_put_u8(b, 0x44);
    else if (v <= UINT8_MAX)
        put_wide(b, 0x53, v, 1);
    else
        put_wide(b, 0x80, v, 8);
}

void amqp_put_short(struct buf *b, int16_t v)
{
    put_wide(b, 0x61, (uint16_t)v, 2);
}

void amqp_put_int(struct buf *b, int32_t v)
{
    if (v >= INT8_MIN && v <= INT8_MAX)
        put_wide(b, 0x54, (uint8_t)v, 1);
    else
        put_wide(b, 0x71, (uint32_t)v, 4);
}

void amqp_put_long(struct buf *b, int64_t v)
{
    if (v >= INT8_MIN && v <= INT8_MAX)
        put_wide(b, 0x55, (uint8_t)v, 1);
    else
        put_wide(b, 0x81, (uint64_t)v, 8);
}

void amqp_put_double(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_wide(b, 0x82, bits, 8);
}

void amqp_put_timestamp(struct buf *b, int64_t ms)
{
    put_wide(b, 0x83, (uint64_t)ms, 8);
}

void amqp_put_uuid(struct buf *b, const uint8_t uuid[16])
{
    buf_put_u8(b, 0x98);
    buf_put(b, uuid, 16);
}

/* Binary, string and symbol: one constructor with an 8-bit length, one 0x10 above with 32 bits. */
static void put_bytes(struct buf *b, uint8_t small, struct slice v)
{
    assert(v.len <= UINT32_MAX);
    if (v.len > UINT8_MAX) {
        put_wide(b, (uint8_t)(small + 0x10), v.len, 4);
        buf_put_slice(b, v);
        return;
    }
    uint8_t *p = buf_reserve(b, 2 + v.len);
    p[0] = small;
    p[1] = (uint8_t)v.len;
    if (v.len) memcpy(p + 2, v.ptr, v.len);
    buf_commit(b, 2 + v.len);
}

void amqp_put_binary(struct buf *b, struct slice v)
{
    put_bytes(b, 0xa0, v);
}

void amqp_put_string(struct buf *b, struct slice v)
{
    put_bytes(b, 0xa1, v);
}

void amqp_put_symbol(struct buf *b, struct slice v)
{
    put_bytes(b, 0xa3, v);
}

void amqp_put_given_binary(struct buf *b, struct slice v)
{
    if (v.ptr)
        amqp_put_binary(b, v);
    else
        amqp_put_null(b);
}

void amqp_put_given_string(struct buf *b, struct slice v)
{
    if (v.ptr)
        amqp_put_string(b, v);
    else
        amqp_put_null(b);
}

void amqp_put_given_symbol(struct buf *b, struct slice v)
{
    if (v.ptr)
        amqp_put_symbol(b, v);
    else
        amqp_put_null(b);
}

void amqp_put_str(struct buf *b, const char *v)
{
    amqp_put_string(b, slice_str(v));
}

void amqp_put_sym(struct buf *b, const char *v)
{
    amqp_put_symbol(b, slice_str(v));
}

void amqp_put_value(struct buf *b, const struct amqp_value *v)
{
    if (v->whole.len)
        buf_put_slice(b, v->whole);
    else
        amqp_put_null(b);
}

void amqp_put_descriptor(struct buf *b, uint8_t code)
{
    uint8_t *p = buf_reserve(b, 3);
    p[0] = 0x00;
    p[1] = 0x53;
    p[2] = code;
    buf_commit(b, 3);
}

void amqp_put_data(struct buf *b, struct slice body)
{
    amqp_put_descriptor(b, AMQP_DATA);
    amqp_put_binary(b, body);
}

/* ---- containers
 *
 * Opened in the 32-bit form (constructor, size, count: WIDE bytes before the elements); what turns
 * out small moves six bytes to the front and becomes the 8-bit form. */

enum { WIDE = 9, NARROW = 3, SMALL_MAX = UINT8_MAX - 1 };

static struct amqp_open open_container(struct buf *b, uint8_t wide)
{
    struct amqp_open open = {buf_size(b)};
    *buf_reserve(b, WIDE) = wide;
    buf_commit(b, WIDE);
    return open;
}

struct amqp_open amqp_open_list(struct buf *b)
{
    return open_container(b, 0xd0);
}

struct amqp_open amqp_open_map(struct buf *b)
{
    return open_container(b, 0xd1);
}

struct amqp_open amqp_open_array(struct buf *b)
{
    return open_container(b, 0xf0);
}

static void store_be32(uint8_t *at, size_t v)
{
    assert(v <= UINT32_MAX);
    uint32_t wire = __builtin_bswap32((uint32_t)v);
    memcpy(at, &wire, sizeof wire);
}

void amqp_close(struct buf *b, struct amqp_open open, uint32_t count)
{
    uint8_t *head = b->ptr + b->off + open.at;
    size_t len = buf_size(b) - open.at - WIDE;
    if (len > SMALL_MAX || count > UINT8_MAX) {
        store_be32(head + 1, len + 4);
        store_be32(head + 5, count);
        return;
    }
    head[0] = (uint8_t)(head[0] - 0x10);
    head[1] = (uint8_t)(len + 1);
    head[2] = (uint8_t)count;
    memmove(head + NARROW, head + WIDE, len);
    b->len -= WIDE - NARROW;
}

/* Elements of one type with one constructor: its narrow or its wide form. */
static void put_array(struct buf *b, uint8_t narrow, uint8_t wide, const char *const *texts,
                      size_t count)
{
    struct amqp_open array = amqp_open_array(b);
    bool is_wide = false;
    for (size_t i = 0; i < count; i++) is_wide = is_wide || strlen(texts[i]) > UINT8_MAX;
    buf_put_u8(b, is_wide ? wide : narrow);
    for (size_t i = 0; i < count; i++) {
        struct slice text = slice_str(texts[i]);
        if (is_wide)
            buf_put_be32(b, (uint32_t)text.len);
        else
            buf_put_u8(b, (uint8_t)text.len);
        buf_put_slice(b, text);
    }
    amqp_close(b, array, (uint32_t)count);
}

void amqp_put_symbol_array(struct buf *b, const char *const *names, size_t count)
{
    put_array(b, 0xa3, 0xb3, names, count);
}

void amqp_put_string_array(struct buf *b, const char *const *texts, size_t count)
{
    put_array(b, 0xa1, 0xb1, texts, count);
}
