/* event_hubs.c - event hubs beside the built-in one.
 *
 * Source: ARM Microsoft.EventHub/namespaces/{ns}/eventhubs/{name}: PUT, GET, DELETE;
 *         properties.partitionCount, retentionDescription.retentionTimeInHours, messageRetentionInDays.
 *         retentionDescription.retentionSizeInBytes is ours. */
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "front/rest/call.h"

enum { HOURS_A_DAY = 24 };

static const char *const absent = "there is no such event hub";

/* ---- what is shown */

static void put_partition_ids(struct buf *out, unsigned count)
{
    buf_put_str(out, "\"partitionIds\":[");
    for (unsigned i = 0; i < count; i++) buf_printf(out, "%s\"%u\"", i ? "," : "", i);
    buf_put_u8(out, ']');
}

static void put_retention(struct buf *out, const struct log_retention *keep)
{
    buf_put_str(out,
                "\"retentionDescription\":{\"cleanupPolicy\":\"Delete\",\"retentionTimeInHours\":");
    if (keep->age_us)
        buf_printf(out, "%lld", (long long)(keep->age_us / EVENT_HUB_HOUR_US));
    else
        buf_put_str(out, "null");
    if (keep->bytes)
        buf_printf(out, ",\"retentionSizeInBytes\":%llu}", (unsigned long long)keep->bytes);
    else
        buf_put_str(out, ",\"retentionSizeInBytes\":null}");
}

static void put_event_hub(struct buf *out, const struct event_hub *h)
{
    char created[CLOCK_ISO_LEN + 1], updated[CLOCK_ISO_LEN + 1];
    clock_iso(h->created_us, created);
    clock_iso(h->updated_us, updated);
    buf_put_str(out, "{\"name\":");
    text_json_string(out, slice_str(h->name));
    buf_printf(out, ",\"properties\":{\"partitionCount\":%u,", h->partitions);
    put_partition_ids(out, h->partitions);
    buf_put_u8(out, ',');
    put_retention(out, &h->keep);
    buf_printf(out, ",\"status\":\"Active\",\"createdAt\":\"%s\",\"updatedAt\":\"%s\"}}", created,
               updated);
}

static void put_item(void *ctx, const struct event_hub *h)
{
    struct buf *json = ctx;
    if (buf_size(json) > 1) buf_put_u8(json, ',');
    put_event_hub(json, h);
}

void rest_event_hub_list(struct call *c)
{
    struct buf json = {0};
    buf_put_u8(&json, '[');
    event_hub_list(c->service->doors.event_hubs, put_item, &json);
    buf_put_u8(&json, ']');
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

void rest_event_hub_get(struct call *c)
{
    const struct event_hub *h =
        event_hub_find(c->service->doors.event_hubs, rest_route_param(c, "hub"));
    if (h == NULL) {
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION), absent);
        return;
    }
    struct buf json = {0};
    put_event_hub(&json, h);
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

/* ---- changes */

static void answer_error(struct call *c, enum err e)
{
    switch (e) {
    case ERR_INVALID:
        rest_answer_status(
            c, STATUS_ARGUMENT_INVALID,
            "an event hub's name has 1 to 256 letters, digits, '.', '-' and '_', begins and ends "
            "with "
            "a letter or digit; it has 1 to 256 partitions, and keeps events for up to 100 years");
        break;
    case ERR_NOT_FOUND:
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION), absent);
        break;
    case ERR_EXISTS:
        rest_answer_named(c, 409, status_name(STATUS_INVALID_OPERATION),
                          "it is there with another number of partitions, which is fixed, or the "
                          "name is the hub's own");
        break;
    case ERR_FULL:
        rest_answer_named(c, 403, status_name(STATUS_QUOTA_EXCEEDED),
                          "there are as many event hubs (63), or partitions of all of them (1024), "
                          "as there may be, or the disk is full");
        break;
    default: rest_answer_status(c, status_of_err(e), "the event hubs cannot be changed now");
    }
}

static void on_put(struct event_hub_wait *w, enum err e, bool created)
{
    struct call *c = CONTAINER_OF(w, struct call, event_hub_wait);
    (void)created;
    rest_call_resume(c);
    if (e == OK)
        rest_event_hub_get(c);
    else
        answer_error(c, e);
    rest_call_end(c);
}

static void on_deleted(struct event_hub_wait *w, enum err e, bool created)
{
    struct call *c = CONTAINER_OF(w, struct call, event_hub_wait);
    (void)created;
    rest_call_resume(c);
    if (e == OK)
        rest_answer_nothing(c);
    else
        answer_error(c, e);
    rest_call_end(c);
}

static struct event_hub_wait *wait(struct call *c,
                                   void (*fn)(struct event_hub_wait *, enum err, bool))
{
    c->event_hub_wait.fn = fn;
    rest_call_wait(c, WAITING_EVENT_HUBS);
    return &c->event_hub_wait;
}

/* Absent or null: *out stays, *said too.  False: it is no number from 0 to `max`. */
static bool read_number(const struct json *object, const char *key, int64_t max, int64_t *out,
                        bool *said)
{
    const struct json *value = object ? json_get(object, key) : NULL;
    if (value == NULL || value->type == JSON_NULL) return true;
    *said = true;
    return value->type == JSON_NUMBER && json_i64(value, out) == OK && *out >= 0 && *out <= max;
}

static bool read_wish(const struct json *properties, struct event_hub_wish *wish)
{
    const struct json *keep = json_get(properties, "retentionDescription");
    int64_t partitions = 0, days = 0, hours = 0, bytes = 0;
    bool counted = false;
    if (keep && keep->type != JSON_OBJECT) return false;
    if (!read_number(properties, "partitionCount", EVENT_HUB_PARTITIONS_MAX, &partitions,
                     &counted) ||
        !read_number(properties, "messageRetentionInDays", EVENT_HUB_HOURS_MAX / HOURS_A_DAY, &days,
                     &wish->says_age) ||
        !read_number(keep, "retentionTimeInHours", EVENT_HUB_HOURS_MAX, &hours, &wish->says_age) ||
        !read_number(keep, "retentionSizeInBytes", INT64_MAX, &bytes, &wish->says_bytes) ||
        (counted && partitions == 0))
        return false;
    wish->partitions = (unsigned)partitions;
    wish->keep.age_us = (hours ? hours : days * HOURS_A_DAY) * EVENT_HUB_HOUR_US;
    wish->keep.bytes = (uint64_t)bytes;
    return true;
}

/* Nothing, or an object with "properties". */
static bool read_body(struct call *c, struct arena *a, struct event_hub_wish *wish)
{
    struct slice text = slice_trim(buf_slice(&c->body));
    struct json *body;
    if (text.len == 0) return true;
    if (json_parse(a, text, &body) != OK || body->type != JSON_OBJECT) return false;
    const struct json *properties = json_get(body, "properties");
    if (properties == NULL) return true;
    return properties->type == JSON_OBJECT && read_wish(properties, wish);
}

void rest_event_hub_put(struct call *c)
{
    struct arena a = {0};
    struct event_hub_wish wish = {.name = rest_route_param(c, "hub")};
    if (read_body(c, &a, &wish))
        event_hub_put(c->service->doors.event_hubs, &wish, wait(c, on_put));
    else
        rest_answer_status(
            c, STATUS_ARGUMENT_INVALID,
            "the body is {\"properties\":{\"partitionCount\":1-256,"
            "\"retentionDescription\":{\"retentionTimeInHours\",\"retentionSizeInBytes\"}}}");
    arena_free(&a);
}

void rest_event_hub_delete(struct call *c)
{
    event_hub_delete(c->service->doors.event_hubs, rest_route_param(c, "hub"), wait(c, on_deleted));
}
