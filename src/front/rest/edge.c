/* edge.c - what the requests of IoT Edge hub's own API share: who asks, and bodies that are objects.
 *
 * Who asks is the module of the path, $edgeHub, with its token; the registry looks whether it is good.
 */
#include "base/json.h"
#include "front/rest/call.h"

bool rest_edge_hub(struct call *c, struct slice *actor, struct slice *token)
{
    if (!rest_route_who(c)) return false;
    *actor = rest_route_param(c, "id");
    *token = c->device_token;
    if (slice_is(rest_route_param(c, "module"), "$edgeHub")) return true;
    rest_answer_status(c, STATUS_UNAUTHORIZED_ACCESS, "Unauthorized");
    return false;
}

struct json *rest_edge_body(struct call *c, struct arena *a)
{
    struct json *doc;
    if (json_parse(a, buf_slice(&c->body), &doc) == OK && doc->type == JSON_OBJECT) return doc;
    rest_answer_status(c, STATUS_DESERIALIZATION_ERROR, "the body is no JSON object");
    return NULL;
}

struct slice rest_edge_text(const struct json *doc, const char *key)
{
    struct slice text = json_str_nocase(doc, key);
    return text.ptr ? text : SLICE_LIT("");
}
