/* event.c - EventData, as Event Hubs Capture writes it.
 *
 * SystemProperties are the message annotations that are stored (iothub-..., x-opt-partition-key) and the
 * fields of the properties section that are there, by their AMQP names; sequence number, offset and
 * enqueued time have fields of their own.  AMQP knows more types than the two unions: */
#include "capture/event.h"

#include <inttypes.h>
#include <stdio.h>

#include "avro/avro.h"
#include "base/amqp.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"

/* Of "Capture events through Azure Event Hubs"; `null` among Properties as in files of today. */
const char capture_event_schema[] =
    "{\"type\":\"record\",\"name\":\"EventData\",\"namespace\":\"Microsoft.ServiceBus.Messaging\","
    "\"fields\":[{\"name\":\"SequenceNumber\",\"type\":\"long\"},"
    "{\"name\":\"Offset\",\"type\":\"string\"},"
    "{\"name\":\"EnqueuedTimeUtc\",\"type\":\"string\"},"
    "{\"name\":\"SystemProperties\",\"type\":{\"type\":\"map\",\"values\":"
    "[\"long\",\"double\",\"string\",\"bytes\"]}},"
    "{\"name\":\"Properties\",\"type\":{\"type\":\"map\",\"values\":"
    "[\"long\",\"double\",\"string\",\"bytes\",\"null\"]}},"
    "{\"name\":\"Body\",\"type\":[\"null\",\"bytes\"]}]}";

enum branch { BRANCH_LONG, BRANCH_DOUBLE, BRANCH_STRING, BRANCH_BYTES, BRANCH_NULL };
enum body_branch { BODY_NULL, BODY_BYTES };

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

static int64_t be64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return (int64_t)__builtin_bswap64(v);
}

static uint32_t be32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return __builtin_bswap32(v);
}

/* ---- what a message consists of */

struct event_parts {
    struct amqp_value properties; /* a list, or null */
    struct slice application;     /* pairs */
    bool has_body;
    struct slice body;
    bool many; /* sections of data: `body` is not all */
};

/* As the hub itself writes them: properties and application properties, where there are any, and one
 * section of data.  What lies in them is looked at when it is put.  False: otherwise. */
static bool take_plain(struct slice sections, struct event_parts *p)
{
    struct cur c = cur_of(sections);
    struct amqp_value value;
    struct slice whole;
    uint64_t code;
    *p = (struct event_parts){.has_body = true};
    if (amqp_next_section(&c, &code, &value, &whole) != OK) return false;
    if (code == AMQP_PROPERTIES) {
        if (value.type != AMQP_LIST || value.count > AMQP_PROPERTY_COUNT) return false;
        p->properties = value;
        if (amqp_next_section(&c, &code, &value, &whole) != OK) return false;
    }
    if (code == AMQP_APPLICATION_PROPERTIES) {
        if (value.type != AMQP_MAP) return false;
        p->application = value.bytes;
        if (amqp_next_section(&c, &code, &value, &whole) != OK) return false;
    }
    p->body = value.bytes;
    return code == AMQP_DATA && value.type == AMQP_BINARY && cur_left(&c) == 0;
}

/* Nothing but one section of data: 00 53 75 a0 or b0, its length in one byte or four, the data. */
static bool take_data(struct slice sections, struct event_parts *p)
{
    static const uint8_t narrow[] = {0x00, 0x53, AMQP_DATA, 0xa0},
                         wide[] = {0x00, 0x53, AMQP_DATA, 0xb0};
    enum { HEAD = sizeof narrow };
    const uint8_t *at = sections.ptr;
    size_t around = 0, len = 0;
    if (sections.len >= HEAD + 1 && memcmp(at, narrow, HEAD) == 0) {
        around = HEAD + 1;
        len = at[HEAD];
    } else if (sections.len >= HEAD + 4 && memcmp(at, wide, HEAD) == 0) {
        around = HEAD + 4;
        len = be32(at + HEAD);
    }
    if (around == 0 || sections.len - around != len) return false;
    *p = (struct event_parts){.has_body = true, .body = slice_from(sections, around)};
    return true;
}

static struct slice body_of(const struct amqp_message *m)
{
    if (m->body_kind == AMQP_DATA) return m->data;
    bool text = m->body_kind == AMQP_AMQP_VALUE && amqp_text(&m->value).ptr;
    return text ? amqp_text(&m->value) : m->body;
}

/* Whatever a message may be. */
static enum err take_any(struct slice sections, struct event_parts *p)
{
    struct amqp_message m;
    uint64_t code;
    TRY(amqp_message_parse(sections, &m));
    *p = (struct event_parts){.body = body_of(&m)};
    p->has_body =
        m.body_count > 0 && !(m.body_kind == AMQP_AMQP_VALUE && m.value.type == AMQP_NULL);
    p->many = m.body_kind == AMQP_DATA && m.body_count > 1;
    if (m.application.type == AMQP_MAP) p->application = m.application.bytes;
    if (m.properties_section.len == 0) return OK;
    struct cur c = cur_of(m.properties_section);
    TRY(amqp_get_descriptor(&c, &code));
    return amqp_get(&c, &p->properties);
}

/* ---- values */

static void put_string(struct buf *out, struct slice text)
{
    avro_put_long(out, BRANCH_STRING);
    avro_put_bytes(out, text);
}

/* Most events have the second of the one before, and the next number: their texts are kept. */
struct event_memory {
    int64_t iso_s, dotnet_s; /* what they are of */
    char iso[CLOCK_ISO_LEN + 1];
    char dotnet[6 * NUM_TEXT_MAX + sizeof "// :: AM"];
    size_t dotnet_len; /* 0: nothing is kept */
    int64_t sequence;
    char offset[1 + NUM_TEXT_MAX];
    uint8_t offset_len; /* 0: likewise */
};

static struct event_memory *memory_of(struct buf *scratch)
{
    if (buf_size(scratch) == 0) {
        const struct event_memory none = {.iso_s = INT64_MIN};
        buf_put(scratch, &none, sizeof none);
    }
    return (struct event_memory *)(void *)scratch->ptr;
}

/* CLOCK_ISO_LEN bytes.  Only what differs within a second is made anew, and where it goes to: memory that was
 * just written to is slow to copy. */
static uint8_t *put_time(uint8_t *to, int64_t ms, struct event_memory *m)
{
    bool is_kept = ms >= 0 && ms / 1000 == m->iso_s;
    if (!is_kept) {
        clock_iso_ms(ms, m->iso);
        m->iso_s = ms < 0 ? INT64_MIN : ms / 1000;
    }
    memcpy(to, m->iso, CLOCK_ISO_LEN);
    if (is_kept) {
        unsigned rest = (unsigned)(ms - m->iso_s * 1000);
        uint8_t *at = to + sizeof "2026-11-23T04:05:06." - 1;
        at[0] = (uint8_t)('0' + rest / 100);
        at[1] = (uint8_t)('0' + rest / 10 % 10);
        at[2] = (uint8_t)('0' + rest % 10);
    }
    return to + CLOCK_ISO_LEN;
}

static void put_timestamp(struct buf *out, int64_t ms, struct event_memory *m)
{
    uint8_t text[CLOCK_ISO_LEN];
    put_time(text, ms, m);
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

static void put_value(struct buf *out, const struct amqp_value *v, struct event_memory *m)
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
    case AMQP_TIMESTAMP: put_timestamp(out, v->i, m); break;
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
static size_t open_map(struct buf *out)
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

static void close_map(struct buf *out, size_t entries, size_t count)
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

/* A string or symbol of at most 255 bytes: its length is the second byte, its text follows.  NULL: none. */
static const uint8_t *short_text(const uint8_t *at, const uint8_t *end)
{
    bool is_short = end - at >= 2 && (at[0] == 0xa1 || at[0] == 0xa3);
    return is_short && end - at - 2 >= at[1] ? at + 2 : NULL;
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

/* The hub's own times: a constructor and 8 bytes.  NULL: something else. */
static const uint8_t *timestamp(const uint8_t *at, const uint8_t *end)
{
    return end - at >= 9 && *at == 0x83 ? at + 1 : NULL;
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

static uint8_t *put_text_and_time(uint8_t *to, const uint8_t *key, int64_t ms,
                                  struct event_memory *m)
{
    to = put_short(to, key, key[-1]);
    *to++ = BRANCH_STRING << 1;
    *to++ = CLOCK_ISO_LEN << 1;
    return put_time(to, ms, m);
}

/* What nearly all pairs are, short texts or times, without a look at what they might be: how many. */
static size_t put_short_pairs(struct buf *out, struct cur *c, struct event_memory *m)
{
    enum { GROWTH = 3 }; /* of 11 bytes, a time without a key, 31 are made */
    uint8_t *from = buf_reserve(out, GROWTH * cur_left(c)), *to = from;
    const uint8_t *at = c->at, *key;
    size_t count = 0;
    for (; (key = short_text(at, c->end)) != NULL; count++) {
        const uint8_t *behind = key + key[-1], *value = short_text(behind, c->end);
        const uint8_t *time = value ? NULL : timestamp(behind, c->end);
        if (value == NULL && time == NULL) break;
        to = value ? put_texts(to, key, value) : put_text_and_time(to, key, be64(time), m);
        at = value ? value + value[-1] : time + sizeof(int64_t);
    }
    c->at = at;
    buf_commit(out, (size_t)(to - from));
    return count;
}

/* False: they are not well-formed.  *count: of those that were put. */
static bool put_pairs(struct buf *out, struct slice pairs, bool nulls_too, struct event_memory *m,
                      size_t *count)
{
    struct cur c = cur_of(pairs);
    struct amqp_value key, value;
    while (cur_left(&c)) {
        *count += put_short_pairs(out, &c, m);
        if (cur_left(&c) == 0) break;
        if (amqp_get(&c, &key) || amqp_get(&c, &value) || amqp_check(&key) || amqp_check(&value))
            return false;
        if (!is_text(&key) || (value.type == AMQP_NULL && !nulls_too)) continue;
        avro_put_bytes(out, key.bytes);
        put_value(out, &value, m);
        ++*count;
    }
    return true;
}

static bool put_property(struct buf *out, struct cur *c, unsigned which, struct event_memory *m)
{
    const struct slice *name = &property_names[which];
    const uint8_t *text = short_text(c->at, c->end);
    struct amqp_value value;
    uint8_t *from = buf_reserve(out, 2 * SHORT_MAX + 1);
    uint8_t *to = put_short(from, name->ptr, (uint8_t)name->len);
    if (text) {
        to = put_short_string(to, text, text[-1]);
        c->at = text + text[-1];
    }
    buf_commit(out, (size_t)(to - from));
    if (text) return true;
    if (amqp_get(c, &value) || amqp_check(&value)) return false;
    put_value(out, &value, m);
    return true;
}

static bool put_properties(struct buf *out, const struct amqp_value *list, struct event_memory *m,
                           size_t *count)
{
    enum { NOTHING = 0x40 };
    struct cur c = cur_of(list->bytes);
    for (unsigned i = 0; i < list->count; i++) {
        if (cur_left(&c) && *c.at == NOTHING) {
            c.at++;
            continue;
        }
        if (!put_property(out, &c, i, m)) return false;
        ++*count;
    }
    return cur_left(&c) == 0;
}

static bool put_maps(struct buf *out, const struct record *rec, const struct event_parts *p,
                     struct event_memory *m)
{
    size_t map = open_map(out), count = 0;
    if (!put_pairs(out, rec->pairs, false, m, &count) ||
        !put_properties(out, &p->properties, m, &count))
        return false;
    close_map(out, map, count);
    map = open_map(out);
    count = 0;
    if (!put_pairs(out, p->application, true, m, &count)) return false;
    close_map(out, map, count);
    return true;
}

/* ---- the rest */

/* The bytes of all data sections as one. */
static void put_sections(struct buf *out, struct slice sections)
{
    struct cur c = cur_of(sections);
    struct amqp_value value;
    struct slice whole;
    uint64_t code;
    struct buf body = {0};
    while (amqp_next_section(&c, &code, &value, &whole) == OK)
        if (code == AMQP_DATA) buf_put_slice(&body, value.bytes);
    avro_put_bytes(out, buf_slice(&body));
    buf_free(&body);
}

static void put_body(struct buf *out, struct slice sections, const struct event_parts *p)
{
    avro_put_long(out, p->has_body ? BODY_BYTES : BODY_NULL);
    if (p->many)
        put_sections(out, sections);
    else if (p->has_body)
        avro_put_bytes(out, p->body);
}

static char *put_number(char *at, int v, int least)
{
    if (v < 10 && least == 2) *at++ = '0';
    return at + num_text((uint64_t)v, at);
}

/* .NET's invariant form of a date and time, as in files of Azure: "11/26/2026 1:07:05 PM". */
static void make_dotnet(int64_t seconds, struct event_memory *m)
{
    struct clock_date d = clock_date(seconds * 1000000);
    const int parts[] = {d.month,  d.day,   d.year, d.hour % 12 ? d.hour % 12 : 12,
                         d.minute, d.second};
    char *at = m->dotnet;
    for (int i = 0; i < 6; i++) {
        at = put_number(at, parts[i], i < 4 ? 1 : 2);
        *at++ = "// :: "[i];
    }
    *at++ = d.hour < 12 ? 'A' : 'P';
    *at++ = 'M';
    m->dotnet_s = seconds;
    m->dotnet_len = (size_t)(at - m->dotnet);
}

static void put_enqueued(struct buf *out, int64_t wall_us, struct event_memory *m)
{
    int64_t seconds = MAX(wall_us, 0) / 1000000;
    if (m->dotnet_len == 0 || seconds != m->dotnet_s) make_dotnet(seconds, m);
    avro_put_bytes(out, slice_of(m->dotnet, m->dotnet_len));
}

/* Of a sequence number; a record that only endpoints see has none. */
static void make_offset(int64_t sequence, struct event_memory *m)
{
    char *at = m->offset;
    if (sequence < 0) *at++ = '-';
    at += num_text(sequence < 0 ? 0 - (uint64_t)sequence : (uint64_t)sequence, at);
    m->offset_len = (uint8_t)(at - m->offset);
}

/* False: it is all nines, or nothing. */
static bool count_on(struct event_memory *m)
{
    uint8_t i = m->offset_len;
    while (i > 0 && m->offset[i - 1] == '9') m->offset[--i] = '0';
    if (i > 0) m->offset[i - 1]++;
    return i > 0;
}

static void put_offset(struct buf *out, int64_t sequence, struct event_memory *m)
{
    bool is_next = sequence > 0 && m->sequence >= 0 && sequence - 1 == m->sequence;
    if (!is_next || !count_on(m)) make_offset(sequence, m);
    m->sequence = sequence;
    avro_put_bytes(out, slice_of(m->offset, m->offset_len));
}

static enum err put_event(struct buf *out, const struct record *rec, const struct event_parts *p,
                          struct event_memory *m)
{
    size_t before = buf_size(out);
    avro_put_long(out, rec->sequence);
    put_offset(out, rec->sequence, m);
    put_enqueued(out, rec->enqueued_us, m);
    if (!put_maps(out, rec, p, m)) {
        out->len = out->off + before;
        return ERR_CORRUPT;
    }
    put_body(out, rec->sections, p);
    return OK;
}

enum err capture_event_put(struct buf *out, struct buf *scratch, const struct record *rec)
{
    struct event_parts parts;
    if (!take_data(rec->sections, &parts) && !take_plain(rec->sections, &parts) &&
        take_any(rec->sections, &parts) != OK)
        return ERR_CORRUPT;
    return put_event(out, rec, &parts, memory_of(scratch));
}
