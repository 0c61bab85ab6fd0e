/* cmd_event_hub.c - azimuth eventhub ... */
#include "cli/cmd.h"
#include "cli/named.h"

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

static const struct named event_hubs = {
    "event hub", "list of event hubs", "/admin/v1/event-hubs",
    "name partitions=properties.partitionCount "
    "hours=properties.retentionDescription.retentionTimeInHours "
    "bytes=properties.retentionDescription.retentionSizeInBytes createdAt=properties.createdAt"};

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
    enum err e = put_body(c, create, &body);
    if (e == OK) e = named_show(c, &event_hubs, "PUT", buf_slice(&body));
    buf_free(&body);
    return e;
}

enum err eventhub_create(struct cli *c)
{
    return put_and_print(c, true);
}

/* PUT would make one that is not there. */
enum err eventhub_update(struct cli *c)
{
    struct json *there;
    TRY(named_ask(c, &event_hubs, "GET", SLICE_NONE, &there));
    return put_and_print(c, false);
}

enum err eventhub_show(struct cli *c)
{
    return named_show(c, &event_hubs, "GET", SLICE_NONE);
}

enum err eventhub_delete(struct cli *c)
{
    const char *name = cli_value(c, "name");
    if (name) TRY(cli_confirm(c, "deletes event hub '%s' and all its events", name));
    return named_delete(c, &event_hubs);
}

enum err eventhub_list(struct cli *c)
{
    return named_list(c, &event_hubs);
}
