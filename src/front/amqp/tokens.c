/* tokens.c - what a connection has shown to be allowed: CBS tokens and SASL PLAIN.
 *
 * A token stays as it came and is asked whenever a link attaches, and again when the one that a link
 * rests on ends: by then a newer one may be there. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "front/amqp/peer.h"

COUNTER(refused, "azimuth_amqp_tokens_refused_total", "Tokens refused on AMQP connections");

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

static bool is_our_host(const void *hub, struct slice host)
{
    return hub_is_host(hub, host);
}

static enum auth_cause check(const struct peer *p, const struct sas *sas, struct slice path,
                             unsigned rights)
{
    const struct hub *hub = p->service->hub;
    struct auth_ask ask = {path, rights, clock_wall_us(), is_our_host, hub};
    return auth_by_policy(sas, &ask, hub->policies);
}

/* Is the token good for what it says it is for? */
static enum auth_cause check_alone(const struct peer *p, struct slice text, struct sas *sas)
{
    struct sas_resource own;
    if (sas_parse(text, sas) != OK || !sas_resource(sas, 0, &own)) return AUTH_MALFORMED;
    return check(p, sas, own.path, 0);
}

/* ---- keeping */

static void drop(struct peer *p, struct token *t)
{
    list_remove(&t->node);
    p->token_count--;
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
        say_debug("amqp.token_refused", "peer=%s cause=%s", conn_peer(p->conn),
                  auth_cause_name(cause));
        return ERR_DENIED;
    }
    make_room(p, &sas);
    if (p->token_count == AMQP_PEER_TOKENS_MAX) return ERR_FULL;
    struct token *t = mem_new(sizeof *t + token.len);
    t->len = token.len;
    memcpy(t->text, token.ptr, token.len);
    list_push(&p->tokens, &t->node);
    p->token_count++;
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

/* The token says who it is by itself; a user name that says otherwise is refused. */
static bool login_with_token(struct peer *p, struct slice name, struct slice realm,
                             struct slice token)
{
    struct sas sas;
    return slice_starts_nocase(realm, SLICE_LIT("sas.root.")) && sas_parse(token, &sas) == OK &&
           slice_is(name, sas.policy) && peer_put_token(p, token) == OK;
}

bool peer_login_plain(struct peer *p, struct slice response)
{
    struct slice rest = response, authzid, user, name;
    if (!slice_split(&rest, '\0', &authzid) || !slice_split(&rest, '\0', &user) || rest.ptr == NULL)
        return false;
    slice_split(&user, '@', &name);
    if (sas_is(rest)) {
        p->plain = login_with_token(p, name, user, rest);
        return p->plain;
    }
    const struct policy *policy = policies_find(p->service->hub->policies, name);
    p->plain = policy && key_matches(policy, rest);
    if (p->plain) p->login = policy;
    return p->plain;
}

/* ---- asking */

static bool opens(const struct peer *p, const struct sas *sas, const struct address *a,
                  unsigned right)
{
    bool may = false;
    for (int spelling = 0; spelling < 2 && !may; spelling++) {
        struct buf path = {0};
        address_path(p->service->hub, a, spelling != 0, &path);
        may = check(p, sas, buf_slice(&path), right) == AUTH_OK;
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

int64_t peer_may_until(const struct peer *p, const struct address *a, unsigned right)
{
    int64_t until_us = INT64_MIN;
    if (right == 0 || (p->login && (p->login->rights & right) == right)) return INT64_MAX;
    LIST_EACH(node, &p->tokens)
    {
        struct sas sas;
        if (sas_parse(text_of(node), &sas) == OK && opens(p, &sas, a, right))
            until_us = MAX(until_us, sas_ends_us(&sas));
    }
    return until_us;
}
