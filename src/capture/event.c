/* event.c - EventData, as Event Hubs Capture writes it.
 *
 * SystemProperties are the message annotations that are stored (iothub-..., x-opt-partition-key) and the
 * fields of the properties section that are there, by their AMQP names; sequence number, offset and
 * enqueued time have fields of their own.  AMQP knows more types than the two unions: */
#include "capture/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "avro/avro.h"
#include "base/amqp.h"
#include "base/clock.h"
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

static const char *const property_names[AMQP_PROPERTY_COUNT] = {
    "message-id",       "user-id",          "to",
    "subject",          "reply-to",         "correlation-id",
    "content-type",     "content-encoding", "absolute-expiry-time",
    "creation-time",    "group-id",         "group-sequence",
    "reply-to-group-id"};

/* ---- values */

static void put_string(struct buf *out, struct slice text)
{
    avro_put_long(out, BRANCH_STRING);
    avro_put_bytes(out, text);
}

static void put_time(struct buf *out, int64_t ms)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso_ms(ms, iso);
    put_string(out, slice_str(iso));
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

static void put_value(struct buf *out, const struct amqp_value *v)
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
    case AMQP_TIMESTAMP: put_time(out, v->i); break;
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

/* ---- maps */

static bool is_text(const struct amqp_value *v)
{
    return v->type == AMQP_STRING || v->type == AMQP_SYMBOL;
}

/* Entries are counted before they are put: Avro wants the number first. */
static size_t put_pairs(struct buf *out, struct slice pairs, bool nulls_too)
{
    struct cur c = cur_of(pairs);
    struct amqp_value key, value;
    size_t count = 0;
    while (cur_left(&c) && amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK) {
        if (!is_text(&key) || (value.type == AMQP_NULL && !nulls_too)) continue;
        avro_put_bytes(out, key.bytes);
        put_value(out, &value);
        count++;
    }
    return count;
}

static size_t put_properties(struct buf *out, const struct amqp_message *m)
{
    size_t count = 0;
    for (unsigned i = 0; i < AMQP_PROPERTY_COUNT; i++) {
        if (m->properties[i].type == AMQP_NULL) continue;
        avro_put_bytes(out, slice_str(property_names[i]));
        put_value(out, &m->properties[i]);
        count++;
    }
    return count;
}

static void put_map(struct buf *out, size_t count, struct slice entries)
{
    avro_put_map(out, count);
    buf_put_slice(out, entries);
    avro_put_map_end(out);
}

static void put_maps(struct buf *out, struct buf *entries, const struct record *rec,
                     const struct amqp_message *m)
{
    buf_clear(entries);
    size_t count = put_pairs(entries, rec->pairs, false);
    count += put_properties(entries, m);
    put_map(out, count, buf_slice(entries));
    buf_clear(entries);
    count = m->application.type == AMQP_MAP ? put_pairs(entries, m->application.bytes, true) : 0;
    put_map(out, count, buf_slice(entries));
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

static void put_body(struct buf *out, struct slice sections, const struct amqp_message *m)
{
    if (m->body_count == 0 || (m->body_kind == AMQP_AMQP_VALUE && m->value.type == AMQP_NULL)) {
        avro_put_long(out, BODY_NULL);
        return;
    }
    avro_put_long(out, BODY_BYTES);
    if (m->body_kind == AMQP_DATA && m->body_count == 1)
        avro_put_bytes(out, m->data);
    else if (m->body_kind == AMQP_DATA)
        put_sections(out, sections);
    else if (m->body_kind == AMQP_AMQP_VALUE && amqp_text(&m->value).ptr)
        avro_put_bytes(out, amqp_text(&m->value));
    else
        avro_put_bytes(out, m->body);
}

/* .NET's invariant form of a date and time, as in files of Azure: "11/26/2026 1:07:05 PM". */
static void put_enqueued(struct buf *out, int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    char text[64];
    struct tm t;
    gmtime_r(&seconds, &t);
    int len = snprintf(text, sizeof text, "%d/%d/%d %d:%02d:%02d %s", t.tm_mon + 1, t.tm_mday,
                       t.tm_year + 1900, t.tm_hour % 12 ? t.tm_hour % 12 : 12, t.tm_min, t.tm_sec,
                       t.tm_hour < 12 ? "AM" : "PM");
    avro_put_bytes(out, slice_of(text, (size_t)len));
}

enum err capture_event_put(struct buf *out, struct buf *scratch, const struct record *rec)
{
    struct amqp_message m;
    char offset[24];
    if (amqp_message_parse(rec->sections, &m) != OK) return ERR_CORRUPT;
    int len = snprintf(offset, sizeof offset, "%" PRId64, rec->sequence);
    avro_put_long(out, rec->sequence);
    avro_put_bytes(out, slice_of(offset, (size_t)len));
    put_enqueued(out, rec->enqueued_us);
    put_maps(out, scratch, rec, &m);
    put_body(out, rec->sections, &m);
    return OK;
}
