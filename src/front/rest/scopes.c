/* scopes.c - what edge hubs ask of the devices below them.  IoT Edge hub's own API, versions
 * 2018-08-30-preview (a parent and its children) and 2020-06-30-preview (nested: with an auth chain).
 *
 * The registry looks whether who asks speaks for the target.
 */
#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "front/rest/call.h"

static bool begin(struct call *c, struct registry_scope *ask)
{
    *ask = (struct registry_scope){0};
    return rest_edge_hub(c, &ask->actor, &ask->token);
}

static void list(struct call *c, const struct registry_scope *ask)
{
    registry_scope_list(c->service->doors.registry, ask, rest_device_wait(c));
}

static bool is_count(struct slice text, unsigned *out)
{
    uint64_t number;
    if (num_u64(text, &number) != OK || number > REGISTRY_LIST_MAX) return false;
    *out = (unsigned)number;
    return true;
}

/* ---- 2018-08-30-preview */

void rest_scope_page(struct call *c)
{
    struct registry_scope ask;
    struct buf count = {0}, after = {0}, version = {0}, link = {0};
    if (!begin(c, &ask)) return;
    bool counted = rest_query_get(c, "deviceCount", &count) && buf_size(&count);
    rest_query_get(c, "continuationToken", &after);
    rest_query_get(c, "api-version", &version);
    if (counted && !is_count(buf_slice(&count), &ask.top)) {
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "deviceCount is a number from 0 to 1000");
    } else {
        buf_put_slice(&link, c->request->path);
        buf_printf(&link, "?deviceCount=%u&api-version=", ask.top);
        text_percent(&link, buf_slice(&version));
        buf_put_str(&link, "&continuationToken=");
        ask.target_device = ask.actor;
        ask.after = buf_slice(&after);
        ask.link = buf_slice(&link);
        list(c, &ask);
    }
    buf_free(&count);
    buf_free(&after);
    buf_free(&version);
    buf_free(&link);
}

void rest_scope_one(struct call *c)
{
    struct registry_scope ask;
    struct buf device = {0}, module = {0};
    if (!begin(c, &ask)) return;
    rest_query_get(c, "targetDeviceId", &device);
    rest_query_get(c, "targetModuleId", &module);
    ask.target_device = buf_slice(&device);
    ask.target_module = buf_slice(&module);
    ask.target_only = true;
    list(c, &ask);
    buf_free(&device);
    buf_free(&module);
}

/* ---- 2020-06-30-preview */

/* The device that a chain "device[/module];..;actor" begins with. */
static struct slice target_of(struct slice chain)
{
    struct slice first = slice_head(chain, slice_find(chain, ';'));
    return hub_device_of(first);
}

static bool is_page_size(const struct json *size, unsigned *out)
{
    if (size == NULL || size->type == JSON_NULL) return true;
    return size->type == JSON_NUMBER && is_count(size->text, out);
}

static void send_page(struct call *c, struct registry_scope *ask, const struct json *doc)
{
    struct buf from = {0};
    struct slice after = json_str_nocase(doc, "continuationLink");
    if (after.ptr && text_unpercent(&from, after) == OK) ask->after = buf_slice(&from);
    ask->target_device = target_of(rest_edge_text(doc, "authChain"));
    ask->link = SLICE_LIT("");
    if (is_page_size(json_get_nocase(doc, "pageSize"), &ask->top))
        list(c, ask);
    else
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "pageSize is a number from 0 to 1000");
    buf_free(&from);
}

void rest_scope_target_page(struct call *c)
{
    struct arena arena = {0};
    struct registry_scope ask;
    const struct json *doc = begin(c, &ask) ? rest_edge_body(c, &arena) : NULL;
    if (doc) send_page(c, &ask, doc);
    arena_free(&arena);
}

void rest_scope_target_one(struct call *c)
{
    struct arena arena = {0};
    struct registry_scope ask;
    const struct json *doc = begin(c, &ask) ? rest_edge_body(c, &arena) : NULL;
    if (doc) {
        ask.target_device = rest_edge_text(doc, "targetDeviceId");
        ask.target_module = rest_edge_text(doc, "targetModuleId");
        ask.target_only = true;
        list(c, &ask);
    }
    arena_free(&arena);
}
