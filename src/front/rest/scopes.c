/* scopes.c - what edge hubs ask of the devices below them.  IoT Edge hub's own API, versions
 * 2018-08-30-preview (a parent and its children) and 2020-06-30-preview (nested: with an auth chain).
 *
 * Who asks is the module of the path, $edgeHub, with its token; the registry looks whether it is good
 * and whether it speaks for the target.
 */
#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "front/rest/call.h"

/* False: it is no edge hub, and that is answered. */
static bool begin(struct call *c, struct registry_scope *ask)
{
    if (!rest_route_who(c)) return false;
    *ask = (struct registry_scope){.actor = rest_route_param(c, "id"), .token = c->device_token};
    if (slice_is(rest_route_param(c, "module"), "$edgeHub")) return true;
    rest_answer_status(c, STATUS_UNAUTHORIZED_ACCESS, "Unauthorized");
    return false;
}

static void list(struct call *c, const struct registry_scope *ask)
{
    registry_scope_list(c->service->registry, ask, rest_device_wait(c));
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

static bool read_body(struct call *c, struct arena *a, struct json **doc)
{
    bool good = json_parse(a, buf_slice(&c->body), doc) == OK && (*doc)->type == JSON_OBJECT;
    if (!good) rest_answer_status(c, STATUS_DESERIALIZATION_ERROR, "the body is no JSON object");
    return good;
}

void rest_scope_target_page(struct call *c)
{
    struct arena arena = {0};
    struct json *doc;
    struct registry_scope ask;
    if (!begin(c, &ask)) return;
    if (read_body(c, &arena, &doc)) {
        const struct json *size = json_get_nocase(doc, "pageSize");
        const struct json *after = json_get_nocase(doc, "continuationLink");
        const struct json *chain = json_get_nocase(doc, "authChain");
        struct buf from = {0};
        bool counted = size == NULL || size->type == JSON_NULL ||
                       (size->type == JSON_NUMBER && is_count(size->text, &ask.top));
        if (after && after->type == JSON_STRING && text_unpercent(&from, after->text) == OK)
            ask.after = buf_slice(&from);
        ask.target_device =
            target_of(chain && chain->type == JSON_STRING ? chain->text : SLICE_LIT(""));
        ask.link = SLICE_LIT("");
        if (counted)
            list(c, &ask);
        else
            rest_answer_status(c, STATUS_ARGUMENT_INVALID, "pageSize is a number from 0 to 1000");
        buf_free(&from);
    }
    arena_free(&arena);
}

void rest_scope_target_one(struct call *c)
{
    struct arena arena = {0};
    struct json *doc;
    struct registry_scope ask;
    if (!begin(c, &ask)) return;
    if (read_body(c, &arena, &doc)) {
        const struct json *device = json_get_nocase(doc, "targetDeviceId");
        const struct json *module = json_get_nocase(doc, "targetModuleId");
        ask.target_device = device && device->type == JSON_STRING ? device->text : SLICE_LIT("");
        if (module && module->type == JSON_STRING) ask.target_module = module->text;
        ask.target_only = true;
        list(c, &ask);
    }
    arena_free(&arena);
}
