/* message_routing.c - GET, change, PUT with If-Match. */
#include "cli/message_routing.h"

#include "base/text.h"

#define ROUTING "/admin/v1/routing"

static enum err take_answer(struct cli *c, struct message_routing *m, const struct json *answer)
{
    struct json *document = json_get(json_get(answer, "properties"), "routing");
    if (document == NULL) return fail(ERR_PROTOCOL, "the hub's answer has no routing");
    m->document = document;
    m->etag = (const char *)arena_copy(&c->arena, json_str(answer, "etag")).ptr;
    return OK;
}

enum err message_routing_fetch(struct cli *c, struct message_routing *m)
{
    struct json *answer;
    const struct http_call call = {.method = "GET", .path = ROUTING};
    TRY(target_find(c, &m->target));
    TRY(http_json(&m->target, &call, "routing", &answer));
    return take_answer(c, m, answer);
}

enum err message_routing_send(struct cli *c, struct message_routing *m, const char *what)
{
    struct json *answer;
    struct buf body = BUF_SECRET;
    json_write(&body, m->document);
    const struct http_call call = {
        .method = "PUT", .path = ROUTING, .if_match = m->etag, .body = buf_slice(&body)};
    enum err e = http_json(&m->target, &call, what, &answer);
    buf_wipe(&body);
    return e == OK ? take_answer(c, m, answer) : e;
}

struct json *message_routing_list(struct cli *c, struct message_routing *m, const char *name)
{
    struct json *list = json_get(m->document, name);
    if (list == NULL || list->type != JSON_ARRAY)
        list = json_set(&c->arena, m->document, slice_str(name), json_new(&c->arena, JSON_ARRAY));
    return list;
}

struct json *message_routing_find(const struct json *list, const char *key, struct slice value)
{
    for (struct json *item = list ? list->child : NULL; item; item = item->next)
        if (slice_eq_nocase(json_str(item, key), value)) return item;
    return NULL;
}

void message_routing_text(struct cli *c, struct json *item, const char *option, const char *member)
{
    const char *given = cli_value(c, option);
    if (given)
        json_set(&c->arena, item, slice_str(member), json_new_string(&c->arena, slice_str(given)));
}

void message_routing_names(struct cli *c, struct json *item, const char *option, const char *member)
{
    const char *given = cli_value(c, option);
    struct json *list = json_new(&c->arena, JSON_ARRAY);
    if (given == NULL) return;
    struct slice rest = slice_str(given), part, name;
    while (slice_split(&rest, ' ', &part))
        while (slice_split(&part, ',', &name))
            if (name.len) json_append(list, json_new_string(&c->arena, name));
    json_set(&c->arena, item, slice_str(member), list);
}
