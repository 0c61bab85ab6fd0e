/* format.c - messages in Avro and in lines of JSON, as IoT Hub writes them to storage.
 *
 * System properties have the names that they have in Azure's files: "iothub-connection-device-id" is
 * connectionDeviceId.  Values are text.
 *
 * Source: "Query Avro data by using Azure Data Lake Analytics" (schema); "IoT Hub message routing query
 * syntax" and files of tutorials (names, when a body is JSON). */
#include "deliver/storage/format.h"

#include <ctype.h>
#include <stdio.h>

#include "avro/avro.h"
#include "base/clock.h"
#include "base/text.h"

const char storage_schema[] =
    "{\"type\":\"record\",\"name\":\"Message\",\"namespace\":\"Microsoft.Azure.Devices\","
    "\"fields\":["
    "{\"name\":\"EnqueuedTimeUtc\",\"type\":\"string\"},"
    "{\"name\":\"Properties\",\"type\":{\"type\":\"map\",\"values\":\"string\"}},"
    "{\"name\":\"SystemProperties\",\"type\":{\"type\":\"map\",\"values\":\"string\"}},"
    "{\"name\":\"Body\",\"type\":[\"null\",\"bytes\"]}]}";

enum body_branch { BODY_NULL, BODY_BYTES };
enum { TIME_MAX = CLOCK_ISO_LEN + 8, NAME_MAX_LEN = 128 };

/* ---- what both have */

/* .NET's round-trip form: seven digits of a second. */
static void time_text(const struct message *m, char out[TIME_MAX])
{
    char iso[CLOCK_ISO_LEN + 1];
    int64_t us = m->record->enqueued_us;
    clock_iso(us, iso);
    snprintf(out, TIME_MAX, "%.19s.%06d0Z", iso, (int)(us % 1000000));
}

/* "connection-device-id" becomes connectionDeviceId. */
static size_t camel(struct slice name, char out[NAME_MAX_LEN])
{
    size_t len = 0;
    bool upper = false;
    for (size_t i = 0; i < name.len && len < NAME_MAX_LEN; i++) {
        uint8_t c = name.ptr[i];
        if (c != '-') out[len++] = (char)(upper ? toupper(c) : c);
        upper = c == '-';
    }
    return len;
}

static struct slice storage_name_of(struct slice name, char space[NAME_MAX_LEN])
{
    const struct slice prefix = SLICE_LIT("iothub-");
    if (slice_is(name, "iothub-connection-auth-generation-id"))
        return SLICE_LIT("connectionDeviceGenerationId");
    if (!slice_starts(name, prefix)) return name;
    return slice_of(space, camel(slice_from(name, prefix.len), space));
}

struct renamed {
    message_text_fn fn;
    void *ctx;
};

/* The time has a form of its own. */
static void rename_pair(void *ctx, struct slice name, struct slice text)
{
    const struct renamed *r = ctx;
    char space[NAME_MAX_LEN];
    if (slice_is(name, "iothub-enqueuedtime")) return;
    r->fn(r->ctx, storage_name_of(name, space), text);
}

static void each_system(const struct message *m, message_text_fn fn, void *ctx)
{
    static const struct {
        enum amqp_property field;
        const char *name;
    } fields[] = {{AMQP_CONTENT_TYPE, "contentType"},
                  {AMQP_CONTENT_ENCODING, "contentEncoding"},
                  {AMQP_MESSAGE_ID, "messageId"},
                  {AMQP_CORRELATION_ID, "correlationId"},
                  {AMQP_USER_ID, "userId"}};
    struct renamed renamed = {fn, ctx};
    char time[TIME_MAX];
    message_each_pair(m, rename_pair, &renamed);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        message_each_field(m, fields[i].field, fields[i].name, fn, ctx);
    time_text(m, time);
    fn(ctx, SLICE_LIT("enqueuedTime"), slice_str(time));
}

static bool has_body(const struct message *m)
{
    bool is_null = m->sections.body_kind == AMQP_AMQP_VALUE && m->sections.value.type == AMQP_NULL;
    return m->sections.body_count && !is_null;
}

/* ---- Avro */

struct entries {
    struct buf *out;
    size_t count;
};

static void put_entry(void *ctx, struct slice name, struct slice text)
{
    struct entries *e = ctx;
    avro_put_bytes(e->out, name);
    avro_put_bytes(e->out, text);
    e->count++;
}

/* Entries are gathered first: Avro wants their number before them. */
static void put_map(const struct message *m, struct buf *scratch, struct buf *out,
                    void (*each)(const struct message *, message_text_fn, void *))
{
    struct entries e = {.out = scratch};
    buf_clear(scratch);
    each(m, put_entry, &e);
    avro_put_map(out, e.count);
    buf_put_slice(out, buf_slice(scratch));
    avro_put_map_end(out);
}

void storage_put_avro(const struct message *m, struct buf *scratch, struct buf *out)
{
    char time[TIME_MAX];
    time_text(m, time);
    avro_put_bytes(out, slice_str(time));
    put_map(m, scratch, out, message_each_property);
    put_map(m, scratch, out, each_system);
    avro_put_long(out, has_body(m) ? BODY_BYTES : BODY_NULL);
    if (has_body(m)) avro_put_bytes(out, message_body(m));
}

/* ---- JSON */

static void put_object(const struct message *m, struct buf *out,
                       void (*each)(const struct message *, message_text_fn, void *))
{
    struct message_members all = {.out = out};
    buf_put_u8(out, '{');
    each(m, message_put_member, &all);
    buf_put_u8(out, '}');
}

/* A line's end is nothing in JSON but between its parts: there a space will do. */
static void put_on_one_line(struct buf *out, struct slice json)
{
    uint8_t *at = buf_reserve(out, json.len);
    for (size_t i = 0; i < json.len; i++)
        at[i] = json.ptr[i] == '\n' || json.ptr[i] == '\r' ? ' ' : json.ptr[i];
    buf_commit(out, json.len);
}

static void put_body(const struct message *m, struct buf *out)
{
    if (!has_body(m)) {
        buf_put_str(out, "null");
    } else if (message_is_json(m)) {
        put_on_one_line(out, message_body(m));
    } else {
        buf_put_u8(out, '"');
        text_base64(out, message_body(m));
        buf_put_u8(out, '"');
    }
}

void storage_put_json(const struct message *m, struct buf *out)
{
    char time[TIME_MAX];
    time_text(m, time);
    buf_printf(out, "{\"EnqueuedTimeUtc\":\"%s\",\"Properties\":", time);
    put_object(m, out, message_each_property);
    buf_put_str(out, ",\"SystemProperties\":");
    put_object(m, out, each_system);
    buf_put_str(out, ",\"Body\":");
    put_body(m, out);
    buf_put_str(out, "}\n");
}
