/* state_bulk.c - identities with their twins, on to the hub in bulks. */
#include <stdio.h>

#include "base/text.h"
#include "cli/http.h"
#include "cli/identity.h"
#include "cli/state.h"

enum { BULK_BYTES = 700 << 10 };

static void tell(struct state_bulk *b, const struct json *list, const char *why)
{
    for (const struct json *j = list ? list->child : NULL; j; j = j->next, b->failed++)
        fprintf(stderr, "%.*s %.*s: %.*s\n", SLICE_ARG(json_str(j, "deviceId")),
                SLICE_ARG(json_str(j, "moduleId")), SLICE_ARG(json_str(j, why)));
}

enum err state_bulk_send(struct state_bulk *b)
{
    struct http_answer a;
    if (b->count == 0) return OK;
    buf_put_u8(&b->json, ']');
    const struct http_call call = {
        .method = "POST", .path = "/devices", .body = buf_slice(&b->json)};
    TRY(http_do(b->t, &call, &a));
    const struct json *errors = json_get(a.json, "errors");
    bool told = errors && errors->type == JSON_ARRAY;
    enum err e = a.status >= 300 && !told ? http_refusal(b->t, &a, "the devices") : OK;
    if (told) tell(b, errors, "errorStatus");
    if (e == OK)
        tell(b, json_get(a.json, "warnings"), "warningStatus"); /* there, without its twin */
    http_answer_free(&a);
    buf_clear(&b->json);
    b->count = 0;
    return e;
}

static enum err begin(struct state_bulk *b)
{
    if (b->count == IDENTITY_BULK_MAX || buf_size(&b->json) >= BULK_BYTES) TRY(state_bulk_send(b));
    buf_put_u8(&b->json, b->count++ ? ',' : '[');
    return OK;
}

enum err state_bulk_add_line(struct state_bulk *b, struct slice line, bool has_mode)
{
    TRY(begin(b));
    if (has_mode) {
        buf_put_slice(&b->json, line);
        return OK;
    }
    buf_put_slice(&b->json, slice_head(line, line.len - 1));
    buf_put_str(&b->json, ",\"importMode\":\"createOrUpdate\"}");
    return OK;
}

static void copy_member(struct buf *out, const struct json *from, const char *name)
{
    const struct json *j = json_get(from, name);
    if (j && j->type != JSON_NULL) {
        buf_printf(out, ",\"%s\":", name);
        json_write(out, j);
    }
}

/* An ExportImportDevice of an identity and its twin; `mode` NULL: createOrUpdate. */
enum err state_bulk_add(struct state_bulk *b, struct slice id, struct slice module,
                        const struct json *identity, const struct json *twin, const char *mode)
{
    static const char *const members[] = {"managedBy",    "statusReason", "authentication",
                                          "capabilities", "deviceScope",  "parentScopes"};
    TRY(begin(b));
    buf_put_str(&b->json, "{\"id\":");
    text_json_string(&b->json, id);
    if (module.len) {
        buf_put_str(&b->json, ",\"moduleId\":");
        text_json_string(&b->json, module);
    }
    struct slice status = json_str(identity, "status");
    buf_printf(&b->json, ",\"importMode\":\"%s\",\"status\":", mode ? mode : "createOrUpdate");
    text_json_string(&b->json, status.len ? status : SLICE_LIT("enabled"));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        copy_member(&b->json, identity, members[i]);
    copy_member(&b->json, twin, "tags");
    copy_member(&b->json, twin, "properties");
    buf_put_u8(&b->json, '}');
    return OK;
}

/* The first page of those that are left; `*more` while there was something on it. */
static enum err delete_page(struct state_bulk *b, bool *more)
{
    struct json *page;
    struct state_pages pages = {.t = b->t};
    TRY(state_next_page(&pages, &page));
    buf_free(&pages.next);
    *more = page && page->child;
    for (struct json *twin = *more ? page->child : NULL; twin; twin = twin->next)
        TRY(state_bulk_add(b, json_str(twin, "deviceId"), SLICE_NONE, NULL, NULL, "delete"));
    TRY(state_bulk_send(b));
    return b->failed ? fail(ERR_PROTOCOL, "not all devices could be deleted") : OK;
}

enum err state_delete_devices(struct target *t)
{
    struct state_bulk b = {.t = t, .json = BUF_SECRET};
    enum err e;
    bool more = true;
    do {
        e = delete_page(&b, &more);
    } while (e == OK && more);
    buf_wipe(&b.json);
    return e;
}
