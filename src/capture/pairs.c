/* pairs.c - AMQP's values as branches of a union, its pairs and properties as a map.
 *
 * AMQP knows more types than the unions have branches: what has none is a text where people read it as one, else
 * its bytes.  Nearly all pairs are short texts and times: they have a way of their own. */
#include "capture/pairs.h"

#include <inttypes.h>
#include <stdio.h>

#include "avro/avro.h"
#include "base/text.h"
#include "capture/short.h"

enum branch { BRANCH_LONG, BRANCH_DOUBLE, BRANCH_STRING, BRANCH_BYTES, BRANCH_NULL };

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }
static const struct slice property_names[AMQP_PROPERTY_COUNT] = {
    NAME("message-id"),       NAME("user-id"),          NAME("to"),
    NAME("subject"),          NAME("reply-to"),         NAME("correlation-id"),
    NAME("content-type"),     NAME("content-encoding"), NAME("absolute-expiry-time"),
    NAME("creation-time"),    NAME("group-id"),         NAME("group-sequence"),
    NAME("reply-to-group-id")};
#undef NAME

/* ---- values */

static void put_string(struct buf *out, struct slice text)
{
    avro_put_long(out, BRANCH_STRING);
    avro_put_bytes(out, text);
}

static void put_timestamp(struct buf *out, int64_t ms, struct texts *t)
{
    uint8_t text[CLOCK_ISO_LEN];
    texts_put_iso(t, ms, text);
    put_string(out, slice_of(text, sizeof text));
}

static void put_uuid(struct buf *out, const uint8_t *uuid)
{
    char text[TEXT_GUID_LEN + 1];
    text_guid(uuid, text);
    put_string(out, slice_str(text));
}

static void put_unsigned(struct buf *out, uint64_t v)
{
    char text[24];
    if (v <= INT64_MAX) {
        avro_put_long(out, BRANCH_LONG);
        avro_put_long(out, (int64_t)v);
        return;
    }
    snprintf(text, sizeof text, "%" PRIu64, v);
    put_string(out, slice_str(text));
}

static void put_value(struct buf *out, const struct amqp_value *v, struct texts *t)
{
    switch (v->type) {
    case AMQP_NULL: avro_put_long(out, BRANCH_NULL); break;
    case AMQP_BOOL: put_string(out, slice_str(v->u ? "true" : "false")); break;
    case AMQP_UBYTE:
    case AMQP_USHORT:
    case AMQP_UINT:
    case AMQP_ULONG:
    case AMQP_CHAR: put_unsigned(out, v->u); break;
    case AMQP_BYTE:
    case AMQP_SHORT:
    case AMQP_INT:
    case AMQP_LONG:
        avro_put_long(out, BRANCH_LONG);
        avro_put_long(out, v->i);
        break;
    case AMQP_FLOAT:
    case AMQP_DOUBLE:
        avro_put_long(out, BRANCH_DOUBLE);
        avro_put_double(out, v->f);
        break;
    case AMQP_TIMESTAMP: put_timestamp(out, v->i, t); break;
    case AMQP_UUID: put_uuid(out, v->bytes.ptr); break;
    case AMQP_STRING:
    case AMQP_SYMBOL: put_string(out, v->bytes); break;
    case AMQP_BINARY:
        avro_put_long(out, BRANCH_BYTES);
        avro_put_bytes(out, v->bytes);
        break;
    default: /* what has no branch: as AMQP has it */
        avro_put_long(out, BRANCH_BYTES);
        avro_put_bytes(out, v->whole);
    }
}

/* ---- maps: Avro wants the number of entries first, which is known when they are there */

/* Where the number will be; nearly always it takes a byte. */
size_t pairs_open(struct buf *out)
{
    buf_put_u8(out, 0);
    return buf_size(out);
}

/* A number that takes more: the entries move behind it. */
static void widen_map(struct buf *out, size_t entries, size_t count)
{
    uint8_t number[NUM_TEXT_MAX];
    size_t end = buf_size(out);
    avro_put_map(out, count);
    size_t len = buf_size(out) - end;
    uint8_t *at = out->ptr + out->off + entries;
    memcpy(number, at + (end - entries), len);
    memmove(at - 1 + len, at, end - entries);
    memcpy(at - 1, number, len);
    out->len--;
}

void pairs_close(struct buf *out, size_t entries, size_t count)
{
    enum { OF_A_BYTE = 63 };
    if (count == 0) return; /* the 0 that ends it is there */
    if (count <= OF_A_BYTE)
        out->ptr[out->off + entries - 1] = (uint8_t)(count << 1);
    else
        widen_map(out, entries, count);
    avro_put_map_end(out);
}

static bool is_text(const struct amqp_value *v)
{
    return v->type == AMQP_STRING || v->type == AMQP_SYMBOL;
}

enum { SHORT_MAX = 2 + UINT8_MAX };

/* Texts are a few bytes to a hundred: too short for a call, and for the instruction that a compiler takes. */
static inline uint8_t *copy(uint8_t *to, const uint8_t *from, size_t len)
{
    enum { STEP = 16 };
    if (len >= STEP) {
        for (size_t at = 0; at < len - STEP; at += STEP) memcpy(to + at, from + at, STEP);
        memcpy(to + len - STEP, from + len - STEP, STEP);
    } else if (len >= STEP / 2) {
        memcpy(to, from, STEP / 2);
        memcpy(to + len - STEP / 2, from + len - STEP / 2, STEP / 2);
    } else {
        for (size_t at = 0; at < len; at++) to[at] = from[at];
    }
    return to + len;
}

static inline uint8_t *put_short(uint8_t *to, const uint8_t *text, uint8_t len)
{
    if (len < 64) {
        *to++ = (uint8_t)(len << 1);
    } else {
        *to++ = (uint8_t)(len << 1 | 0x80);
        *to++ = len >> 6;
    }
    return copy(to, text, len);
}

static inline uint8_t *put_short_string(uint8_t *to, const uint8_t *text, uint8_t len)
{
    *to = BRANCH_STRING << 1;
    return put_short(to + 1, text, len);
}

/* Of texts of less than 64 bytes a pair is the same in both, but for the bytes between them,
 *
 *   AMQP   a3 key's length, KEY, a1 value's length, VALUE
 *   Avro      key's length, KEY, 04 value's length, VALUE       lengths doubled; 04: the branch of strings
 *
 * so it is copied as a whole. */
static uint8_t *put_texts(uint8_t *to, const uint8_t *key, const uint8_t *value)
{
    enum { OF_A_BYTE = 64 };
    uint8_t key_len = key[-1], value_len = value[-1];
    if (key_len >= OF_A_BYTE || value_len >= OF_A_BYTE)
        return put_short_string(put_short(to, key, key_len), value, value_len);
    uint8_t *end = copy(to + 1, key, (size_t)(value - key) + value_len);
    to[0] = (uint8_t)(key_len << 1);
    to[1 + key_len] = BRANCH_STRING << 1;
    to[2 + key_len] = (uint8_t)(value_len << 1);
    return end;
}

static uint8_t *put_text_and_time(uint8_t *to, const uint8_t *key, int64_t ms, struct texts *t)
{
    to = put_short(to, key, key[-1]);
    *to++ = BRANCH_STRING << 1;
    *to++ = CLOCK_ISO_LEN << 1;
    return texts_put_iso(t, ms, to);
}

/* What nearly all pairs are, short texts or times, without a look at what they might be: how many. */
static size_t put_short_pairs(struct buf *out, struct cur *c, struct texts *t)
{
    enum { GROWTH = 3 }; /* of 11 bytes, a time without a key, 31 are made */
    uint8_t *from = buf_reserve(out, GROWTH * cur_left(c)), *to = from;
    const uint8_t *at = c->at, *key;
    size_t count = 0;
    for (; (key = short_text(at, c->end)) != NULL; count++) {
        const uint8_t *behind = short_end(key), *value = short_text(behind, c->end);
        const uint8_t *time = value ? NULL : short_time(behind, c->end);
        if (value == NULL && time == NULL) break;
        to = value ? put_texts(to, key, value) : put_text_and_time(to, key, short_be64(time), t);
        at = value ? short_end(value) : time + sizeof(int64_t);
    }
    c->at = at;
    buf_commit(out, (size_t)(to - from));
    return count;
}

/* False: they are not well-formed.  *count: of those that were put. */
bool pairs_put(struct buf *out, struct slice pairs, bool nulls_too, struct texts *t, size_t *count)
{
    struct cur c = cur_of(pairs);
    struct amqp_value key, value;
    while (cur_left(&c)) {
        *count += put_short_pairs(out, &c, t);
        if (cur_left(&c) == 0) break;
        if (amqp_get(&c, &key) || amqp_get(&c, &value) || amqp_check(&key) || amqp_check(&value))
            return false;
        if (!is_text(&key) || (value.type == AMQP_NULL && !nulls_too)) continue;
        avro_put_bytes(out, key.bytes);
        put_value(out, &value, t);
        ++*count;
    }
    return true;
}

static bool put_property(struct buf *out, struct cur *c, unsigned which, struct texts *t)
{
    const struct slice *name = &property_names[which];
    const uint8_t *text = short_text(c->at, c->end);
    struct amqp_value value;
    uint8_t *from = buf_reserve(out, 2 * SHORT_MAX + 1);
    uint8_t *to = put_short(from, name->ptr, (uint8_t)name->len);
    if (text) {
        to = put_short_string(to, text, text[-1]);
        c->at = short_end(text);
    }
    buf_commit(out, (size_t)(to - from));
    if (text) return true;
    if (amqp_get(c, &value) || amqp_check(&value)) return false;
    put_value(out, &value, t);
    return true;
}

bool pairs_put_properties(struct buf *out, const struct amqp_value *list, struct texts *t,
                          size_t *count)
{
    enum { NOTHING = 0x40 };
    struct cur c = cur_of(list->bytes);
    for (unsigned i = 0; i < list->count; i++) {
        if (cur_left(&c) && *c.at == NOTHING) {
            c.at++;
            continue;
        }
        if (!put_property(out, &c, i, t)) return false;
        ++*count;
    }
    return cur_left(&c) == 0;
}
