/* named.c - see named.h. */
#include "cli/named.h"

enum err named_ask(struct cli *c, const struct named *n, const char *method, struct slice body,
                   struct json **answer)
{
    struct target t;
    struct slice name;
    struct buf what = {0}, before = {0};
    TRY(cli_need(c, "name", &name));
    TRY(target_find(c, &t));
    buf_printf(&what, "%s '%.*s'", n->what, SLICE_ARG(slice_head(name, 128)));
    buf_printf(&before, "%s/", n->path);
    const struct http_call call = {
        .method = method, .path = http_path(c, buf_cstr(&before), name), .body = body};
    enum err e = http_json(&t, &call, buf_cstr(&what), answer);
    buf_free(&what);
    buf_free(&before);
    return e;
}

enum err named_show(struct cli *c, const struct named *n, const char *method, struct slice body)
{
    struct json *answer;
    TRY(named_ask(c, n, method, body, &answer));
    return answer ? output_value(&c->output, &c->arena, answer, n->columns) : OK;
}

enum err named_delete(struct cli *c, const struct named *n)
{
    struct json *nothing;
    return named_ask(c, n, "DELETE", SLICE_NONE, &nothing);
}

enum err named_list(struct cli *c, const struct named *n)
{
    struct target t;
    struct json *list;
    const struct http_call call = {.method = "GET", .path = n->path};
    TRY(target_find(c, &t));
    TRY(http_json(&t, &call, n->list, &list));
    return output_value(&c->output, &c->arena, list, n->columns);
}
