/* cmd_c2d_list.c - azimuth device c2d-message list, delete: what waits for a device, as administration sees it. */
#include "cli/cmd.h"
#include "cli/http.h"

const struct cli_option c2d_delete_options[] = {
    {"device-id d", "ID", "the device"},
    {"sequence s", "N", "the message, by what list shows as its sequence"},
    {"", NULL, NULL}};

static const char columns[] =
    "sequence messageId state enqueuedTime expiryTime deliveryCount size body";

/* The page after `next` (NULL: the first); its messages move to `all`. */
static enum err add_page(struct cli *c, struct target *t, struct slice device, struct json *next,
                         struct json *all, struct json **more)
{
    struct buf path = {0}, what = {0};
    struct json *page;
    buf_printf(&what, "device '%.*s'", SLICE_ARG(device));
    buf_printf(&path, "%s/messages", http_path(c, "/admin/v1/devices/", device));
    if (next) buf_printf(&path, "?continuationToken=%.*s", SLICE_ARG(next->text));
    enum err e = http_get(t, buf_cstr(&path), buf_cstr(&what), &page);
    buf_free(&path);
    buf_free(&what);
    TRY(e);
    struct json *value = json_get(page, "value");
    for (struct json *m = value ? value->child : NULL, *after; m; m = after) {
        after = m->next;
        m->next = NULL;
        json_append(all, m);
    }
    *more = json_given(page, "continuationToken");
    return OK;
}

enum err c2d_message_list(struct cli *c)
{
    struct target t;
    struct slice device;
    struct json *all = json_new(&c->arena, JSON_ARRAY), *next = NULL;
    TRY(cli_need(c, "device-id", &device));
    TRY(target_find(c, &t));
    do TRY(add_page(c, &t, device, next, all, &next));
    while (next);
    return output_value(&c->output, &c->arena, all, columns);
}

enum err c2d_message_delete(struct cli *c)
{
    struct target t;
    struct slice device, given;
    int64_t sequence;
    struct buf path = {0}, what = {0};
    TRY(cli_need(c, "device-id", &device));
    TRY(cli_need(c, "sequence", &given));
    TRY(cli_number(c, "sequence", 1, INT64_MAX, 0, &sequence));
    TRY(cli_confirm(c, "drops message %lld of device %.*s", (long long)sequence,
                    SLICE_ARG(device)));
    TRY(target_find(c, &t));
    buf_printf(&what, "message %lld of device '%.*s'", (long long)sequence, SLICE_ARG(device));
    buf_printf(&path, "%s/messages/%lld", http_path(c, "/admin/v1/devices/", device),
               (long long)sequence);
    const struct http_call call = {.method = "DELETE", .path = buf_cstr(&path)};
    struct json *answer;
    enum err e = http_json(&t, &call, buf_cstr(&what), &answer);
    buf_free(&what);
    buf_free(&path);
    return e;
}
