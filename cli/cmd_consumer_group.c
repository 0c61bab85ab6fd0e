/* cmd_consumer_group.c - azimuth hub consumer-group ... */
#include "cli/cmd.h"
#include "cli/http.h"

/* As in az, where -n is the group and the hub has only a long name. */
const struct cli_option consumer_group_options[] = {{"name n", "NAME", "the consumer group"},
                                                    {"", NULL, NULL}};

#define GROUPS "/admin/v1/consumer-groups"

static enum err call_group(struct cli *c, const char *method, struct json **answer)
{
    struct target t;
    struct slice name;
    struct buf what = {0};
    TRY(cli_need(c, "name", &name));
    TRY(target_find(c, &t));
    buf_printf(&what, "consumer group '%.*s'", SLICE_ARG(name));
    const struct http_call call = {.method = method, .path = http_path(c, GROUPS "/", name)};
    enum err e = http_json(&t, &call, buf_cstr(&what), answer);
    buf_free(&what);
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
    const struct http_call call = {.method = "GET", .path = GROUPS};
    TRY(http_json(&t, &call, "list of consumer groups", &list));
    return output_value(&c->output, &c->arena, list, NULL);
}
