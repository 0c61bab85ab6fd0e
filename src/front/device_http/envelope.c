/* envelope.c - a message in HTTP's words: headers, or an entry of a batch with members named alike.
 *
 * Names of system properties match in any case, as headers do.  What only the hub may say is dropped,
 * a header that is none of the message's is ignored.
 */
#include <stdio.h>

#include "base/json.h"
#include "base/limit.h"
#include "base/text.h"
#include "front/device_http/device.h"

LIMIT_REACHED(batch_too_large, "http-batch")

#define APP "iothub-app-"

/* Those that AMQP has no field for travel as application properties, named as over MQTT. */
static const struct {
    const char *name;
    size_t offset; /* in struct envelope; SIZE_MAX: see `as` */
    const char *as;
} known[] = {
    {"iothub-messageid", offsetof(struct envelope, message_id), NULL},
    {"iothub-correlationid", offsetof(struct envelope, correlation_id), NULL},
    {"iothub-userid", offsetof(struct envelope, user_id), NULL},
    {"iothub-contenttype", offsetof(struct envelope, content_type), NULL},
    {"iothub-contentencoding", offsetof(struct envelope, content_encoding), NULL},
    {"iothub-interface-id", offsetof(struct envelope, interface_id), NULL},
    {"dt-subject", offsetof(struct envelope, subject), NULL},
    {"iothub-creationtimeutc", SIZE_MAX, "iothub-creation-time-utc"},
    {"iothub-messageschema", SIZE_MAX, "iothub-message-schema"},
};

static enum err add(struct envelope *out, struct slice name, struct slice value)
{
    if (out->property_count == TELEMETRY_PROPERTIES_MAX) return telemetry_too_many_properties();
    out->properties[out->property_count++] = (struct property){name, value};
    return OK;
}

/* "iothub-to" repeats the path unless somebody means more by it. */
static void take_to(struct envelope *out, struct slice value)
{
    if (!slice_starts_nocase(value, SLICE_LIT("/devices/"))) out->to = value;
}

static enum err take_app(struct envelope *out, struct slice name, struct slice value)
{
    if (name.len == 0) return fail(ERR_INVALID, "a property has no name");
    if (telemetry_is_stamp(name)) return OK;
    return add(out, name, value);
}

/* False: it is not a system property. */
static bool take_system(struct envelope *out, struct slice name, struct slice value, enum err *e)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!slice_is_nocase(name, known[i].name)) continue;
        if (known[i].offset == SIZE_MAX)
            *e = add(out, slice_str(known[i].as), value);
        else
            *(struct slice *)(void *)((char *)out + known[i].offset) = value;
        return true;
    }
    if (slice_is_nocase(name, "iothub-expiry"))
        *e = telemetry_parse_expiry(value, &out->expiry_ms);
    else if (slice_is_nocase(name, "iothub-to"))
        take_to(out, value);
    else
        return false;
    return true;
}

static enum err take(struct envelope *out, struct slice name, struct slice value, bool in_batch)
{
    enum err e = OK;
    if (slice_starts_nocase(name, SLICE_LIT(APP)))
        e = take_app(out, slice_from(name, strlen(APP)), value);
    else if (!take_system(out, name, value, &e) && in_batch &&
             !slice_starts_nocase(name, SLICE_LIT("iothub-")))
        e = take_app(out, name, value);
    if (!text_is_utf8(name) || !text_is_utf8(value))
        return fail(ERR_INVALID, "property '%.*s' is not UTF-8", SLICE_ARG(slice_head(name, 64)));
    return e;
}

static void begin(struct envelope *out, struct arena *a, size_t properties)
{
    *out = (struct envelope){.properties = arena_alloc(a, properties * sizeof(struct property))};
}

enum err envelope_of_headers(const struct http1_request *request, struct arena *a,
                             struct envelope *out)
{
    begin(out, a, request->header_count);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http1_header *h = &request->headers[i];
        bool ours = slice_starts_nocase(h->name, SLICE_LIT("iothub-")) ||
                    slice_starts_nocase(h->name, SLICE_LIT("dt-"));
        if (ours) TRY(take(out, h->name, h->value, false));
    }
    return OK;
}

/* ---- a batch */

static enum err read_body(const struct json *entry, struct arena *a, struct slice *out)
{
    const struct json *body = json_get_nocase(entry, "body");
    const struct json *encoded = json_get_nocase(entry, "base64Encoded");
    bool plain = encoded && encoded->type == JSON_BOOL && !encoded->truth;
    if (body == NULL || body->type != JSON_STRING)
        return fail(ERR_INVALID, "body must be a string");
    *out = body->text;
    if (plain) return OK;
    struct buf bytes = {0};
    enum err e = text_unbase64(&bytes, body->text);
    *out = arena_copy(a, buf_slice(&bytes));
    buf_free(&bytes);
    return e == OK ? OK : fail(ERR_INVALID, "body is not base64");
}

/* Numbers and truths as JSON has them; nothing for null. */
static enum err text_of(const struct json *value, struct slice *out)
{
    switch (value->type) {
    case JSON_STRING:
    case JSON_NUMBER: *out = value->text; return OK;
    case JSON_BOOL: *out = slice_str(value->truth ? "true" : "false"); return OK;
    case JSON_NULL: *out = SLICE_NONE; return OK;
    default:
        return fail(ERR_INVALID, "property '%.*s' is not a text",
                    SLICE_ARG(slice_head(value->key, 64)));
    }
}

static enum err read_properties(const struct json *entry, struct arena *a, struct envelope *out)
{
    const struct json *all = json_get_nocase(entry, "properties");
    struct slice value;
    size_t count = 0;
    bool none = all == NULL || all->type == JSON_NULL;
    if (!none && all->type != JSON_OBJECT) return fail(ERR_INVALID, "properties must be an object");
    for (const struct json *p = none ? NULL : all->child; p; p = p->next) count++;
    begin(out, a, count);
    for (const struct json *p = none ? NULL : all->child; p; p = p->next) {
        TRY(text_of(p, &value));
        TRY(take(out, p->key, value, true));
    }
    return OK;
}

static enum err read_entry(const struct json *entry, struct arena *a, struct envelope *out)
{
    if (entry->type != JSON_OBJECT) return fail(ERR_INVALID, "it is not an object");
    TRY(read_properties(entry, a, out));
    TRY(read_body(entry, a, &out->body));
    return telemetry_check(out);
}

static enum err count_entries(const struct json *batch, size_t *count)
{
    if (batch->type != JSON_ARRAY) return fail(ERR_INVALID, "a batch is a JSON array");
    *count = 0;
    for (const struct json *j = batch->child; j; j = j->next) ++*count;
    if (*count == 0) return fail(ERR_INVALID, "the batch is empty");
    if (*count <= DEVICE_HTTP_BATCH_MAX) return OK;
    metric_inc(&batch_too_large);
    return fail(ERR_TOO_BIG, "more than %d messages in a batch", DEVICE_HTTP_BATCH_MAX);
}

static enum err name_entry(enum err e, size_t index)
{
    char why[256];
    snprintf(why, sizeof why, "%s", fail_text());
    return fail(e, "message %zu of the batch: %s", index, why);
}

enum err envelopes_of_batch(struct slice text, struct arena *a, struct envelope **out,
                            size_t *count)
{
    struct json *batch;
    size_t size = 0, i = 0;
    if (json_parse(a, text, &batch) != OK) return fail(ERR_INVALID, "the batch is not JSON");
    TRY(count_entries(batch, count));
    *out = arena_alloc(a, *count * sizeof **out);
    for (const struct json *j = batch->child; j; j = j->next, i++) {
        enum err e = read_entry(j, a, &(*out)[i]);
        if (e != OK) return name_entry(e, i);
        size += (*out)[i].body.len;
    }
    if (size <= DEVICE_HTTP_BATCH_BYTES_MAX) return OK;
    metric_inc(&batch_too_large);
    return fail(ERR_TOO_BIG, "%zu bytes in a batch; the limit is %d", size,
                DEVICE_HTTP_BATCH_BYTES_MAX);
}
