/* cmd_consumer_group.c - azimuth hub consumer-group ... */
#include "cli/cmd.h"
#include "cli/named.h"

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

/* Of the event hub or of its group, whichever is not there. */
static struct named groups(struct cli *c)
{
    struct named n = {"consumer group", "list of consumer groups", groups_path(c), NULL};
    const char *hub = cli_value(c, "event-hub-name");
    struct buf list = {0}, what = {0};
    if (hub == NULL) return n;
    buf_printf(&list, "event hub '%.128s'", hub);
    buf_printf(&what, "%s, or in it no consumer group", buf_cstr(&list));
    n.list = cli_keep(c, &list);
    n.what = cli_keep(c, &what);
    return n;
}

enum err group_create(struct cli *c)
{
    const struct named n = groups(c);
    return named_show(c, &n, "PUT", SLICE_NONE);
}

enum err group_delete(struct cli *c)
{
    const struct named n = groups(c);
    return named_delete(c, &n);
}

enum err group_list(struct cli *c)
{
    const struct named n = groups(c);
    return named_list(c, &n);
}
