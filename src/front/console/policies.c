/* policies.c - shared access policies are made, changed and deleted, and their keys made anew.
 *
 *   PUT     /admin/v1/policies/{name}           {"rights":"RegistryRead, ServiceConnect"}
 *   PATCH   /admin/v1/policies/{name}           the same, of one that there is
 *   DELETE  /admin/v1/policies/{name}
 *   POST    /admin/v1/policies/{name}/renewKey  {"keyType":"primary"}
 *
 * Source: `az iot hub policy create --permissions`, `delete`, `renew-key --renew-key primary|secondary`;
 *         ARM SharedAccessSignatureAuthorizationRule (keyName, rights). */
#include "base/json.h"
#include "base/say.h"
#include "base/text.h"
#include "front/console/parts.h"

static struct policy_keys *keys_of(const struct call *c)
{
    return c->service->config->policy_keys;
}

/* ---- answers */

static void answer_policy(struct call *c)
{
    const struct policy *p =
        policies_find(c->service->config->hub->policies, rest_route_param(c, "name"));
    struct buf json = BUF_SECRET;
    policy_write(&json, p);
    rest_answer_json(c, buf_slice(&json));
    buf_wipe(&json);
}

static void answer_error(struct call *c, enum err e, const char *text)
{
    const char *wrong = status_name(STATUS_INVALID_OPERATION);
    switch (e) {
    case ERR_NOT_FOUND: rest_answer_named(c, 404, wrong, text); break;
    case ERR_EXISTS: rest_answer_named(c, 409, wrong, text); break;
    case ERR_UNSUPPORTED: rest_answer_named(c, 400, wrong, text); break;
    case ERR_FULL: rest_answer_named(c, 403, status_name(STATUS_QUOTA_EXCEEDED), text); break;
    default: rest_answer_status(c, status_of_err(e), text);
    }
}

/* ---- waiting */

static void on_changed(struct policy_wait *w, enum err e)
{
    struct call *c = CONTAINER_OF(w, struct call, policy_wait);
    rest_call_resume(c);
    c->forget = NULL;
    if (e != OK)
        answer_error(c, e, "policies cannot be changed now: try again");
    else if (strcmp(c->route->method, "DELETE") == 0)
        rest_answer_nothing(c);
    else
        answer_policy(c);
    rest_call_end(c);
}

static void forget(struct call *c)
{
    policy_forget(keys_of(c), &c->policy_wait);
}

/* The call waits for the change that has begun, or is told why it has not.  Who asked is for those who ask
 * later who did that. */
static void wait_for(struct call *c, enum err begun)
{
    struct slice name = slice_head(rest_route_param(c, "name"), SAS_POLICY_MAX);
    if (begun != OK) {
        answer_error(c, begun, fail_text());
        return;
    }
    say_info("policy.asked", "route=\"%s %s\" policy=%.*s by=\"%s\" peer=%s", c->route->method,
             c->route->path, SLICE_ARG(name), sign_in_name(c->ctx, c), conn_peer(c->conn));
    c->forget = forget;
    rest_call_wait(c, WAITING_SITE);
}

/* ---- what is asked */

static enum err read_rights(struct call *c, unsigned *rights)
{
    struct arena a = {0};
    struct json *body = NULL;
    struct slice text = SLICE_NONE;
    if (json_parse(&a, buf_slice(&c->body), &body) == OK) text = json_str(body, "rights");
    enum err e = text.ptr ? rights_read(text, rights)
                          : fail(ERR_INVALID, "expected {\"rights\":\"RegistryRead, ...\"}");
    arena_free(&a);
    return e;
}

void policies_create(struct call *c)
{
    unsigned rights;
    enum err e = read_rights(c, &rights);
    c->policy_wait.fn = on_changed;
    if (e == OK) e = policy_add(keys_of(c), rest_route_param(c, "name"), rights, &c->policy_wait);
    wait_for(c, e);
}

void policies_set_rights(struct call *c)
{
    unsigned rights;
    enum err e = read_rights(c, &rights);
    c->policy_wait.fn = on_changed;
    if (e == OK)
        e = policy_set_rights(keys_of(c), rest_route_param(c, "name"), rights, &c->policy_wait);
    wait_for(c, e);
}

void policies_delete(struct call *c)
{
    c->policy_wait.fn = on_changed;
    wait_for(c, policy_remove(keys_of(c), rest_route_param(c, "name"), &c->policy_wait));
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
    c->policy_wait.fn = on_changed;
    wait_for(c, policy_renew(keys_of(c), rest_route_param(c, "name"), secondary, &c->policy_wait));
}
