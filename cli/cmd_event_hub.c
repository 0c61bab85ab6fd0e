/* cmd_event_hub.c - azimuth eventhub ... */
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/http.h"

#define NAME_OPTION                                                                                \
    {                                                                                              \
        "name n", "NAME", "the event hub"                                                          \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }
#define RETENTION_OPTIONS(hours, bytes)                                                            \
    {"retention-time-in-hours retention-time", "HOURS",                                            \
     "how long events stay; 0: no limit [" hours "]"},                                             \
    {                                                                                              \
        "retention-size-in-bytes retention-size", "BYTES",                                         \
            "how much stays; 0: no limit [" bytes "]"                                              \
    }

/* As in az, where -n is the event hub. */
const struct cli_option eventhub_options[] = {NAME_OPTION, END};
const struct cli_option eventhub_update_options[] = {
    NAME_OPTION, RETENTION_OPTIONS("as it is", "as it is"), END};
const struct cli_option eventhub_create_options[] = {
    NAME_OPTION,
    {"partition-count p", "N", "fixed from then on [4]"},
    RETENTION_OPTIONS("168", "0"),
    END};

enum { PARTITIONS_MAX = 256, HOURS_MAX = 878400 };

#define EVENT_HUBS "/admin/v1/event-hubs"

static const char *const columns =
    "name partitions=properties.partitionCount "
    "hours=properties.retentionDescription.retentionTimeInHours "
    "bytes=properties.retentionDescription.retentionSizeInBytes createdAt=properties.createdAt";

static enum err call_event_hub(struct cli *c, const char *method, struct slice body,
                               struct json **answer)
{
    struct target t;
    struct slice name;
    struct buf what = {0};
    TRY(cli_need(c, "name", &name));
    TRY(target_find(c, &t));
    buf_printf(&what, "event hub '%.*s'", SLICE_ARG(name));
    const struct http_call call = {
        .method = method, .path = http_path(c, EVENT_HUBS "/", name), .body = body};
    enum err e = http_json(&t, &call, buf_cstr(&what), answer);
    buf_free(&what);
    return e;
}

/* Adds the member if the option was given. */
static enum err put_number(const struct cli *c, const char *option, const char *member, int64_t min,
                           int64_t max, struct buf *out)
{
    int64_t value = min;
    if (!cli_given(c, option)) return OK;
    TRY(cli_number(c, option, min, max, min, &value));
    bool first = out->ptr[out->len - 1] == '{';
    buf_printf(out, "%s\"%s\":%lld", first ? "" : ",", member, (long long)value);
    return OK;
}

static enum err put_body(const struct cli *c, bool create, struct buf *body)
{
    buf_put_str(body, "{\"properties\":{");
    if (create) TRY(put_number(c, "partition-count", "partitionCount", 1, PARTITIONS_MAX, body));
    bool first = body->ptr[body->len - 1] == '{';
    bool keeps = cli_given(c, "retention-time-in-hours") || cli_given(c, "retention-size-in-bytes");
    if (keeps) {
        buf_printf(body, "%s\"retentionDescription\":{", first ? "" : ",");
        TRY(put_number(c, "retention-time-in-hours", "retentionTimeInHours", 0, HOURS_MAX, body));
        TRY(put_number(c, "retention-size-in-bytes", "retentionSizeInBytes", 0, INT64_MAX, body));
        buf_put_u8(body, '}');
    }
    buf_put_str(body, "}}");
    return OK;
}

static enum err put_and_print(struct cli *c, bool create)
{
    struct buf body = {0};
    struct json *made = NULL;
    enum err e = put_body(c, create, &body);
    if (e == OK) e = call_event_hub(c, "PUT", buf_slice(&body), &made);
    buf_free(&body);
    return e == OK && made ? output_value(&c->output, &c->arena, made, columns) : e;
}

enum err eventhub_create(struct cli *c)
{
    return put_and_print(c, true);
}

/* PUT would make one that is not there. */
enum err eventhub_update(struct cli *c)
{
    struct json *there;
    TRY(call_event_hub(c, "GET", SLICE_NONE, &there));
    return put_and_print(c, false);
}

enum err eventhub_show(struct cli *c)
{
    struct json *found;
    TRY(call_event_hub(c, "GET", SLICE_NONE, &found));
    return found ? output_value(&c->output, &c->arena, found, columns) : OK;
}

enum err eventhub_delete(struct cli *c)
{
    struct json *nothing;
    return call_event_hub(c, "DELETE", SLICE_NONE, &nothing);
}

enum err eventhub_list(struct cli *c)
{
    struct target t;
    struct json *list;
    TRY(target_find(c, &t));
    const struct http_call call = {.method = "GET", .path = EVENT_HUBS};
    TRY(http_json(&t, &call, "list of event hubs", &list));
    return output_value(&c->output, &c->arena, list, columns);
}
