/* tokens.c - what a connection has shown to be allowed: CBS tokens and SASL PLAIN.
 *
 * A token stays as it came and is asked whenever a link attaches, and again when the one that a link
 * rests on ends: by then a newer one may be there. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/num.h"
#include "base/say.h"
#include "front/amqp/explain.h"
#include "hub/token.h"

COUNTER(refused, "azimuth_amqp_tokens_refused_total", "Tokens refused on AMQP connections");
LIMIT_REACHED(too_many_tokens, "amqp-tokens")

struct token {
    struct list node;
    size_t len;
    uint8_t text[];
};

static struct slice text_of(const struct list *node)
{
    const struct token *t = CONTAINER_OF(node, struct token, node);
    return slice_of(t->text, t->len);
}

/* Is the token good for what it says it is for?  One that names no policy is signed with an
 * identity's key, which only that identity's home knows: it is asked when a link attaches. */
static enum auth_cause check_alone(const struct peer *p, struct slice text, struct sas *sas)
{
    struct sas_resource own;
    if (sas_parse(text, sas) != OK || !sas_resource(sas, 0, &own)) return AUTH_MALFORMED;
    if (sas->policy[0]) return hub_token_of_policy(p->service->hub, sas, own.path, 0);
    if (!hub_is_host(p->service->hub, own.host)) return AUTH_WRONG_RESOURCE;
    return sas_ends_us(sas) < clock_wall_us() ? AUTH_EXPIRED : AUTH_OK;
}

/* ---- keeping */

static void drop(struct peer *p, struct token *t)
{
    list_remove(&t->node);
    p->token_count--;
    amqp_unkeep(&p->engine, sizeof *t + t->len);
    mem_wipe(t->text, t->len);
    free(t);
}

/* An older token for the same resource and policy makes room, and so do those that have ended. */
static void make_room(struct peer *p, const struct sas *by)
{
    int64_t wall_us = clock_wall_us();
    LIST_EACH(node, &p->tokens)
    {
        struct sas old;
        enum err e = sas_parse(text_of(node), &old);
        bool same =
            e == OK && slice_eq(old.resource, by->resource) && strcmp(old.policy, by->policy) == 0;
        if (same || e != OK || sas_ends_us(&old) < wall_us)
            drop(p, CONTAINER_OF(node, struct token, node));
    }
}

enum err peer_put_token(struct peer *p, struct slice token)
{
    struct sas sas;
    enum auth_cause cause = check_alone(p, token, &sas);
    if (cause != AUTH_OK) {
        metric_inc(&refused);
        conn_login_failed(p->conn);
        explain_token(p, token, cause);
        say_info("amqp.token_refused", "peer=%s reason=\"%s\"", conn_peer(p->conn),
                 auth_cause_text(cause));
        return ERR_DENIED;
    }
    if (sas.policy[0]) peer_is_known(p); /* an identity's is judged at its home */
    make_room(p, &sas);
    if (p->token_count == AMQP_PEER_TOKENS_MAX) {
        metric_inc(&too_many_tokens);
        return ERR_FULL;
    }
    if (!amqp_keep(&p->engine, sizeof(struct token) + token.len)) return ERR_FULL;
    struct token *t = mem_new(sizeof *t + token.len);
    t->len = token.len;
    memcpy(t->text, token.ptr, token.len);
    list_push(&p->tokens, &t->node);
    p->token_count++;
    devices_renew(p, text_of(&t->node));
    return OK;
}

void peer_free_tokens(struct peer *p)
{
    LIST_EACH(node, &p->tokens) drop(p, CONTAINER_OF(node, struct token, node));
}

/* ---- SASL PLAIN: [authzid] NUL authcid NUL password (RFC 4616) */

static bool key_matches(const struct policy *policy, struct slice password)
{
    bool first = slice_eq_secret(slice_str(policy->keys[0].text), password);
    return slice_eq_secret(slice_str(policy->keys[1].text), password) || first;
}

/* Who logged in with a key itself has no token that ends: whether the policy still has it, and the right, is
 * looked at now and then. */
static int64_t login_until(const struct peer *p, unsigned right)
{
    const struct policy *now = policies_find(p->service->hub->policies, slice_str(p->login->name));
    bool stays = now && (now->rights & right) == right &&
                 key_matches(now, slice_str(p->login->keys[p->login_key].text));
    return stays ? clock_wall_us() + AMQP_LOGIN_LOOK_US : INT64_MIN;
}

/* Of an identity's own key, which its home will look at, or of a policy that may connect devices. */
static bool speaks_for_device(const struct peer *p, const struct sas *sas, struct slice token,
                              struct slice name)
{
    struct buf path = {0};
    buf_printf(&path, "devices/%.*s", SLICE_ARG(name));
    bool may = sas->policy[0] ? hub_token_of_policy(p->service->hub, sas, buf_slice(&path),
                                                    AUTH_DEVICE_CONNECT) == AUTH_OK
                              : peer_token_covers(p, token, buf_slice(&path));
    buf_free(&path);
    return may;
}

static void explain_login(const struct peer *p, struct slice token)
{
    struct sas sas;
    enum auth_cause cause = check_alone(p, token, &sas);
    explain_token(p, token, cause == AUTH_OK ? AUTH_WRONG_RESOURCE : cause);
}

/* {policy}@sas.root.{hub}, {device}[/modules/{module}]@sas.{hub}.  The token says who it is by itself;
 * a user name that says otherwise is refused. */
static bool login_with_token(struct peer *p, struct slice name, struct slice realm,
                             struct slice token)
{
    struct sas sas;
    if (sas_parse(token, &sas) != OK || !slice_starts_nocase(realm, SLICE_LIT("sas.")))
        return false;
    bool root = slice_starts_nocase(realm, SLICE_LIT("sas.root."));
    bool named = root ? slice_is(name, sas.policy) : speaks_for_device(p, &sas, token, name);
    if (!named) explain_login(p, token);
    return named && peer_put_token(p, token) == OK;
}

void peer_forget_registering(struct peer *p)
{
    if (p->registering) mem_wipe(p->registering, strlen(p->registering));
    free(p->registering);
    p->registering = NULL;
}

static bool is_registering(const struct peer *p, struct slice user)
{
    struct slice scope;
    return slice_split(&user, '/', &scope) && user.ptr &&
           slice_is_nocase(scope, p->service->hub->id_scope);
}

bool peer_login_to_register(struct peer *p, struct slice token)
{
    if (!sas_is(token) || token.len > SAS_TOKEN_MAX) return false;
    peer_forget_registering(p);
    p->registering = slice_dup(token);
    return true;
}

bool peer_login_plain(struct peer *p, struct slice response)
{
    struct slice rest = response, authzid, user, name;
    if (!slice_split(&rest, '\0', &authzid) || !slice_split(&rest, '\0', &user) || rest.ptr == NULL)
        return false;
    if (is_registering(p, user)) return peer_login_to_register(p, rest);
    size_t at = slice_rfind(user, '@'); /* ids may have one, too */
    name = slice_head(user, at);
    user = slice_from(user, at + 1);
    if (sas_is(rest)) {
        p->plain = login_with_token(p, name, user, rest);
        return p->plain;
    }
    const struct policy *policy = policies_find(p->service->hub->policies, name);
    p->plain = policy && key_matches(policy, rest);
    if (p->plain) {
        p->login = policy;
        p->login_key = slice_eq_secret(slice_str(policy->keys[0].text), rest) ? 0 : 1;
    }
    if (p->plain) peer_is_known(p);
    return p->plain;
}

bool peer_knows_only_the_hub(const struct peer *p)
{
    if (p->plain) return true;
    LIST_EACH(node, &p->tokens)
    {
        struct sas sas;
        if (sas_parse(text_of(node), &sas) == OK &&
            auth_signed_with_bytes(&sas, p->service->hub->policies))
            return true;
    }
    return false;
}

/* ---- asking */

static bool opens(const struct peer *p, const struct sas *sas, const struct address *a,
                  unsigned right)
{
    bool may = false;
    for (int spelling = 0; spelling < 2 && !may; spelling++) {
        struct buf path = {0};
        address_path(p->service->hub, p->service->doors.event_hubs, a, spelling != 0, &path);
        may = hub_token_of_policy(p->service->hub, sas, buf_slice(&path), right) == AUTH_OK;
        buf_free(&path);
    }
    return may;
}

bool peer_token_opens(const struct peer *p, struct slice token, const struct address *a,
                      unsigned right)
{
    struct sas sas;
    return sas_parse(token, &sas) == OK && opens(p, &sas, a, right);
}

/* Read as in sas_resource(). */
static bool token_reads(const struct peer *p, struct slice token, unsigned reading,
                        struct slice path)
{
    struct sas sas;
    struct sas_resource resource;
    return sas_parse(token, &sas) == OK && sas_resource(&sas, reading, &resource) &&
           hub_is_host(p->service->hub, resource.host) && sas_path_covers(resource.path, path);
}

bool peer_token_covers(const struct peer *p, struct slice token, struct slice path)
{
    for (unsigned reading = 0; reading < SAS_READINGS; reading++)
        if (token_reads(p, token, reading, path)) return true;
    return false;
}

static bool some_token_reads(const struct peer *p, unsigned reading, const char *who)
{
    char path[HUB_TOKEN_PATH_MAX];
    struct slice want = hub_token_path(slice_str(who), path);
    LIST_EACH(node, &p->tokens)
    if (token_reads(p, text_of(node), reading, want)) return true;
    return false;
}

/* azure-iot-sdk-c: iothubtransport_amqp_messenger.c, ..._telemetry_messenger.c, ...amqp_methods.c. */
static bool is_name_of_c(struct slice name, struct slice device_id)
{
    static const char *const before[] = {"link-snd-", "link-rcv-", "methods_requests_link-",
                                         "methods_responses_link-"};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        struct slice prefix = slice_str(before[i]);
        if (slice_starts(name, prefix))
            return slice_starts(slice_from(name, prefix.len), device_id);
    }
    return false;
}

void peer_read_ids(const struct peer *p, struct address *a, struct slice link_name)
{
    if (a->raw[0] == '\0') return;
    bool of_c = is_name_of_c(link_name, hub_device_of(slice_str(a->raw)));
    bool raw = a->absolute ? of_c || some_token_reads(p, 1, a->raw)
                           : some_token_reads(p, 0, a->raw) || !some_token_reads(p, 0, a->who);
    if (raw) memcpy(a->who, a->raw, sizeof a->who);
}

struct slice peer_token_for(const struct peer *p, struct slice path)
{
    for (const struct list *node = p->tokens.prev; node != &p->tokens; node = node->prev)
        if (peer_token_covers(p, text_of(node), path)) return text_of(node);
    return SLICE_NONE;
}

int64_t peer_may_until(const struct peer *p, const struct address *a, unsigned right)
{
    if (right == 0) return INT64_MAX;
    int64_t until_us = p->login ? login_until(p, right) : INT64_MIN;
    LIST_EACH(node, &p->tokens)
    {
        struct sas sas;
        if (sas_parse(text_of(node), &sas) == OK && opens(p, &sas, a, right))
            until_us = MAX(until_us, sas_ends_us(&sas));
    }
    return until_us;
}
