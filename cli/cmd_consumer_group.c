/* cmd_consumer_group.c - azimuth hub consumer-group ... */
#include "cli/cmd.h"
#include "cli/http.h"

/* As in az, where -n is the group and the hub has only a long name. */
#define EVENT_HUB_OPTION                                                                           \
    {                                                                                              \
        "event-hub-name eh", "NAME", "of this event hub [the built-in one]"                        \
    }
const struct cli_option consumer_group_options[] = {
    {"name n", "NAME", "the consumer group"}, EVENT_HUB_OPTION, {"", NULL, NULL}};
const struct cli_option consumer_group_list_options[] = {EVENT_HUB_OPTION, {"", NULL, NULL}};

/* Azure's extension calls the built-in one "events". */
static const char *groups_path(struct cli *c)
{
    struct slice hub = slice_str(cli_value(c, "event-hub-name"));
    struct buf path = {0};
    if (hub.len == 0 || slice_is(hub, "events")) return "/admin/v1/consumer-groups";
    buf_printf(&path, "%s/consumer-groups", http_path(c, "/admin/v1/event-hubs/", hub));
    struct slice kept = arena_copy(&c->arena, slice_of(buf_cstr(&path), buf_size(&path) + 1));
    buf_free(&path);
    return (const char *)kept.ptr;
}

static enum err call_group(struct cli *c, const char *method, struct json **answer)
{
    struct target t;
    struct slice name;
    struct buf what = {0}, base = {0};
    TRY(cli_need(c, "name", &name));
    TRY(target_find(c, &t));
    buf_printf(&what, "consumer group '%.*s'", SLICE_ARG(name));
    buf_printf(&base, "%s/", groups_path(c));
    const struct http_call call = {.method = method, .path = http_path(c, buf_cstr(&base), name)};
    enum err e = http_json(&t, &call, buf_cstr(&what), answer);
    buf_free(&what);
    buf_free(&base);
    return e;
}

enum err group_create(struct cli *c)
{
    struct json *made;
    TRY(call_group(c, "PUT", &made));
    return made ? output_value(&c->output, &c->arena, made, NULL) : OK;
}

enum err group_delete(struct cli *c)
{
    struct json *nothing;
    return call_group(c, "DELETE", &nothing);
}

enum err group_list(struct cli *c)
{
    struct target t;
    struct json *list;
    TRY(target_find(c, &t));
    const struct http_call call = {.method = "GET", .path = groups_path(c)};
    TRY(http_json(&t, &call, "list of consumer groups", &list));
    return output_value(&c->output, &c->arena, list, NULL);
}
