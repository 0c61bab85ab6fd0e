/* policies.c - POST /admin/v1/policies/{name}/renewKey {"keyType":"primary"}: a policy's key made anew.
 *
 * Source: `az iot hub policy renew-key --renew-key primary|secondary`. */
#include "base/json.h"
#include "base/text.h"
#include "front/console/parts.h"

static void answer_policy(struct call *c)
{
    const struct policy *p =
        policies_find(c->service->config->hub->policies, rest_route_param(c, "name"));
    struct buf json = {0};
    policy_write(&json, p);
    rest_answer_json(c, buf_slice(&json));
    buf_wipe(&json);
}

static void answer_error(struct call *c, enum err e)
{
    switch (e) {
    case ERR_NOT_FOUND:
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION), "there is no such policy");
        break;
    case ERR_FULL:
        rest_answer_named(c, 403, status_name(STATUS_QUOTA_EXCEEDED),
                          "256 keys were made since the server started: restart it first");
        break;
    default: rest_answer_status(c, status_of_err(e), "the key cannot be changed now: try again");
    }
}

static void on_renewed(struct policy_wait *w, enum err e)
{
    struct call *c = CONTAINER_OF(w, struct call, policy_wait);
    rest_call_resume(c);
    c->forget = NULL;
    if (e == OK)
        answer_policy(c);
    else
        answer_error(c, e);
    rest_call_end(c);
}

static void forget(struct call *c)
{
    policy_renew_forget(c->service->config->policy_keys, &c->policy_wait);
}

void policies_renew_key(struct call *c)
{
    struct arena a = {0};
    struct json *body = NULL;
    struct slice type = SLICE_NONE;
    if (json_parse(&a, buf_slice(&c->body), &body) == OK) type = json_str(body, "keyType");
    bool secondary = slice_is_nocase(type, "secondary");
    bool fine = secondary || slice_is_nocase(type, "primary");
    arena_free(&a);
    if (!fine) {
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "keyType: primary or secondary");
        return;
    }
    c->policy_wait.fn = on_renewed;
    enum err e = policy_renew(c->service->config->policy_keys, rest_route_param(c, "name"),
                              secondary, &c->policy_wait);
    if (e != OK) {
        answer_error(c, e);
        return;
    }
    c->forget = forget;
    rest_call_wait(c, WAITING_SITE);
}
