/* behalf.c - the identity service of a nested edge device writes its modules through the edge hubs above.
 * IoT Edge hub's own API, version 2020-06-30-preview: the body names the chain of devices in between.
 *
 * The registry looks whether who asks speaks for that device.
 */
#include "base/json.h"
#include "front/rest/call.h"

/* The module of a PUT has its own name in its document. */
static void fill(struct registry_behalf *ask, const struct json *doc, struct buf *json)
{
    const struct json *module = json_get_nocase(doc, "module");
    ask->chain = rest_edge_text(doc, "authChain");
    switch (ask->verb) {
    case BEHALF_LIST: break;
    case BEHALF_GET: ask->module_id = rest_edge_text(doc, "targetModuleId"); break;
    case BEHALF_DELETE: ask->module_id = rest_edge_text(doc, "moduleId"); break;
    case BEHALF_PUT:
        ask->module_id = rest_edge_text(module, "moduleId");
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
        registry_on_behalf(c->service->doors.registry, ask, rest_module_wait(c));
    }
    buf_free(&json);
}

static void begin(struct call *c, enum registry_behalf_verb verb)
{
    struct arena arena = {0};
    struct registry_behalf ask = {.verb = verb};
    bool is_hub = rest_edge_hub(c, &ask.actor, &ask.token);
    const struct json *doc = is_hub ? rest_edge_body(c, &arena) : NULL;
    if (doc) {
        ask.if_match = http1_header(c->request, "if-match");
        send(c, &ask, doc);
    }
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
