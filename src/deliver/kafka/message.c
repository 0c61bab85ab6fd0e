/* message.c - see message.h. */
#include "deliver/kafka/message.h"

#include "base/num.h"
#include "hub/routing/routing.h"

static uint32_t put_header(struct buf *batch, struct slice name, const struct amqp_value *v)
{
    struct buf text = {0};
    bool fits = name.len && message_put_value(&text, v);
    if (fits) {
        buf_put_le32(batch, (uint32_t)name.len);
        buf_put_le32(batch, (uint32_t)buf_size(&text));
        buf_put_slice(batch, name);
        buf_put_slice(batch, buf_slice(&text));
    }
    buf_free(&text);
    return fits;
}

/* `but`: not this one; NULL: all. */
static uint32_t put_map(struct buf *batch, struct slice elements, const char *but)
{
    uint32_t count = 0;
    struct cur c = cur_of(elements);
    struct amqp_value key, value;
    while (cur_left(&c) && amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK)
        if (but == NULL || !slice_is(amqp_text(&key), but))
            count += put_header(batch, amqp_text(&key), &value);
    return count;
}

static uint32_t put_headers(struct buf *batch, const struct message *m)
{
    uint32_t count = 0;
    const struct amqp_value *v;
    const char *name;
    const struct amqp_value passed = {.type = AMQP_STRING, .bytes = buf_slice(&m->passed)};
    bool marked = passed.bytes.len != 0;
    if (m->sections.application.type == AMQP_MAP)
        count += put_map(batch, m->sections.application.bytes, marked ? ROUTING_PASSED : NULL);
    if (marked) count += put_header(batch, SLICE_LIT(ROUTING_PASSED), &passed);
    for (unsigned i = 0; (name = message_system_field(m, i, &v)) != NULL; i++)
        if (v->type != AMQP_NULL) count += put_header(batch, slice_str(name), v);
    return count + put_map(batch, m->record->pairs, NULL);
}

static void set_le32(uint8_t *at, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) at[i] = (uint8_t)(v >> 8 * i);
}

void kafka_put_message(struct buf *batch, const struct message *m)
{
    struct slice key = message_pair(m, "iothub-connection-device-id"), value = message_body(m);
    buf_put_le32(batch, key.len ? (uint32_t)key.len : KAFKA_NO_KEY);
    buf_put_le32(batch, (uint32_t)value.len);
    size_t count_at = batch->len;
    buf_put_le32(batch, 0);
    buf_put_le64(batch, (uint64_t)(m->record->enqueued_us / 1000));
    buf_put_slice(batch, key);
    buf_put_slice(batch, value);
    uint32_t count = put_headers(batch, m);
    set_le32(batch->ptr + count_at, count);
}

/* ---- the other side */

static struct slice take(struct slice *rest, size_t len)
{
    struct slice head = slice_head(*rest, len);
    *rest = slice_from(*rest, len);
    return head;
}

static uint64_t take_le(struct slice *rest, unsigned bytes)
{
    uint64_t v = 0;
    struct slice s = take(rest, bytes);
    assert(s.len == bytes);
    for (unsigned i = 0; i < bytes; i++) v |= (uint64_t)s.ptr[i] << 8 * i;
    return v;
}

void kafka_next_message(struct slice *rest, struct kafka_message *out)
{
    uint32_t key = (uint32_t)take_le(rest, 4), value = (uint32_t)take_le(rest, 4);
    out->has_key = key != KAFKA_NO_KEY;
    out->header_count = (uint32_t)take_le(rest, 4);
    out->time_ms = (int64_t)take_le(rest, 8);
    out->key = take(rest, out->has_key ? key : 0);
    out->value = take(rest, value);
}

void kafka_next_header(struct slice *rest, struct slice *name, struct slice *value)
{
    uint32_t name_len = (uint32_t)take_le(rest, 4), value_len = (uint32_t)take_le(rest, 4);
    *name = take(rest, name_len);
    *value = take(rest, value_len);
}
