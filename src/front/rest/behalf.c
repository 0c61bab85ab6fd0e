/* behalf.c - the identity service of a nested edge device writes its modules through the edge hubs above.
 * IoT Edge hub's own API, version 2020-06-30-preview: the body names the chain of devices in between.
 *
 * Who asks is the module of the path, $edgeHub, with its token; the registry looks at both.
 */
#include "base/json.h"
#include "front/rest/call.h"

static struct slice text_of(const struct json *doc, const char *name)
{
    const struct json *j = json_get_nocase(doc, name);
    return j && j->type == JSON_STRING ? j->text : SLICE_LIT("");
}

/* The module of a PUT has its own name in its document. */
static void fill(struct registry_behalf *ask, const struct json *doc, struct buf *json)
{
    const struct json *module = json_get_nocase(doc, "module");
    ask->chain = text_of(doc, "authChain");
    switch (ask->verb) {
    case BEHALF_LIST: break;
    case BEHALF_GET: ask->module_id = text_of(doc, "targetModuleId"); break;
    case BEHALF_DELETE: ask->module_id = text_of(doc, "moduleId"); break;
    case BEHALF_PUT:
        ask->module_id = text_of(module, "moduleId");
        if (module) json_write(json, module);
        ask->json = buf_slice(json);
        break;
    }
}

static void send(struct call *c, struct registry_behalf *ask, const struct json *doc)
{
    struct buf json = {0};
    fill(ask, doc, &json);
    bool names = ask->verb == BEHALF_LIST || (ask->module_id.len && hub_id_valid(ask->module_id));
    if (!names) {
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "the module has no valid id");
    } else {
        registry_on_behalf(c->service->registry, ask, rest_module_wait(c));
    }
    buf_free(&json);
}

static void begin(struct call *c, enum registry_behalf_verb verb)
{
    struct arena arena = {0};
    struct json *doc;
    struct registry_behalf ask = {.verb = verb};
    if (!rest_route_who(c)) return;
    ask.actor = rest_route_param(c, "id");
    ask.token = c->device_token;
    ask.if_match = http1_header(c->request, "if-match");
    if (!slice_is(rest_route_param(c, "module"), "$edgeHub"))
        rest_answer_status(c, STATUS_UNAUTHORIZED_ACCESS, "Unauthorized");
    else if (json_parse(&arena, buf_slice(&c->body), &doc) != OK || doc->type != JSON_OBJECT)
        rest_answer_status(c, STATUS_DESERIALIZATION_ERROR, "the body is no JSON object");
    else
        send(c, &ask, doc);
    arena_free(&arena);
}

void rest_behalf_list(struct call *c)
{
    begin(c, BEHALF_LIST);
}

void rest_behalf_get(struct call *c)
{
    begin(c, BEHALF_GET);
}

void rest_behalf_put(struct call *c)
{
    begin(c, BEHALF_PUT);
}

void rest_behalf_delete(struct call *c)
{
    begin(c, BEHALF_DELETE);
}
