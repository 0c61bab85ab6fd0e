/* value.c - values to bytes and back. */
#include "store/value.h"

void value_put(struct buf *out, const struct store_value *v)
{
    buf_put_u8(out, (uint8_t)v->type);
    if (v->type == STORE_INT) buf_put_le64(out, (uint64_t)v->number);
    if (v->type < STORE_TEXT) return;
    assert(v->bytes.len <= UINT32_MAX);
    buf_put_le32(out, (uint32_t)v->bytes.len);
    buf_put_slice(out, v->bytes);
}

struct store_value value_read(struct cur *c)
{
    struct store_value v = {.type = (enum store_type)cur_u8(c)};
    if (v.type == STORE_INT) v.number = (int64_t)cur_le64(c);
    if (v.type >= STORE_TEXT) v.bytes = cur_take(c, cur_le32(c));
    return v;
}
