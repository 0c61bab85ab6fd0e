/* tokens.c - what a connection has shown to be allowed: CBS tokens and SASL PLAIN. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "front/amqp/peer.h"

static bool is_our_host(const void *hub, struct slice host)
{
    return hub_is_host(hub, host);
}

static enum auth_cause check(const struct peer *p, struct slice text, struct slice path,
                             unsigned rights, int64_t wall_us, int64_t *ends_us)
{
    struct sas sas;
    struct auth_ask ask = {.path = path,
                           .rights = rights,
                           .now_us = wall_us,
                           .is_host = is_our_host,
                           .ctx = p->service->hub};
    if (sas_parse(text, &sas) != OK) return AUTH_MALFORMED;
    *ends_us = sas_ends_us(&sas);
    return auth_by_policy(&sas, &ask, p->service->hub->policies);
}

/* ---- CBS */

static void drop(struct peer *p, struct peer_token *t)
{
    list_remove(&t->node);
    p->token_count--;
    mem_wipe(t->text, strlen(t->text));
    free(t->audience);
    free(t->text);
    free(t);
}

static struct peer_token *find(const struct peer *p, struct slice audience)
{
    LIST_EACH(node, &p->tokens)
    {
        struct peer_token *t = CONTAINER_OF(node, struct peer_token, node);
        if (slice_is(audience, t->audience)) return t;
    }
    return NULL;
}

/* Is the token good for what it says it is for?  What it opens is asked when a link attaches. */
static enum auth_cause check_alone(const struct peer *p, struct slice text, int64_t *ends_us)
{
    struct sas sas;
    static struct sas_resource resource;
    if (sas_parse(text, &sas) != OK || !sas_resource(&sas, 0, &resource)) return AUTH_MALFORMED;
    return check(p, text, resource.path, 0, clock_wall_us(), ends_us);
}

enum auth_cause peer_put_token(struct peer *p, struct slice audience, struct slice token)
{
    int64_t ends_us;
    enum auth_cause cause = check_alone(p, token, &ends_us);
    if (cause != AUTH_OK) return cause;
    struct peer_token *old = find(p, audience);
    if (old) drop(p, old);
    struct peer_token *t = NEW(struct peer_token);
    t->audience = slice_dup(audience);
    t->text = slice_dup(token);
    t->ends_us = ends_us;
    list_push(&p->tokens, &t->node);
    p->token_count++;
    return AUTH_OK;
}

int64_t peer_next_expiry(const struct peer *p)
{
    int64_t next = p->plain ? p->plain_ends_us : INT64_MAX;
    LIST_EACH(node, &p->tokens)
    next = MIN(next, CONTAINER_OF(node, struct peer_token, node)->ends_us);
    return next;
}

void peer_drop_expired(struct peer *p, int64_t wall_us)
{
    LIST_EACH(node, &p->tokens)
    {
        struct peer_token *t = CONTAINER_OF(node, struct peer_token, node);
        if (t->ends_us <= wall_us) drop(p, t);
    }
    if (p->plain_ends_us <= wall_us) p->plain = NULL;
}

void peer_free_tokens(struct peer *p)
{
    LIST_EACH(node, &p->tokens) drop(p, CONTAINER_OF(node, struct peer_token, node));
}

/* ---- SASL PLAIN: [authzid] NUL authcid NUL password (RFC 4616) */

static bool key_matches(const struct policy *policy, struct slice password)
{
    for (int i = 0; i < 2; i++)
        if (slice_eq_secret(slice_str(policy->keys[i].text), password)) return true;
    return false;
}

bool peer_login_plain(struct peer *p, struct slice response)
{
    struct slice rest = response, authzid, user, name;
    if (!slice_split(&rest, '\0', &authzid) || !slice_split(&rest, '\0', &user) || rest.ptr == NULL)
        return false;
    struct slice realm = user;
    slice_split(&realm, '@', &name);
    const struct policy *policy = policies_find(p->service->hub->policies, name);
    if (policy == NULL) return false;
    p->plain_ends_us = INT64_MAX;
    bool welcome = sas_is(rest) ? check_alone(p, rest, &p->plain_ends_us) == AUTH_OK
                                : key_matches(policy, rest);
    if (welcome) p->plain = policy;
    return welcome;
}

/* ---- asking */

static bool token_covers(const struct peer *p, const struct peer_token *t, struct slice path,
                         unsigned right, int64_t wall_us)
{
    int64_t ends_us;
    return check(p, slice_str(t->text), path, right, wall_us, &ends_us) == AUTH_OK;
}

bool peer_may(const struct peer *p, const struct address *a, unsigned right, int64_t wall_us)
{
    if (right == 0) return true;
    if (p->plain && (p->plain->rights & right) == right && wall_us < p->plain_ends_us) return true;
    bool may = false;
    for (int spelling = 0; spelling < 2 && !may; spelling++) {
        struct buf path = {0};
        address_path(p->service->hub, a, spelling != 0, &path);
        LIST_EACH(node, &p->tokens)
        if (!may)
            may = token_covers(p, CONTAINER_OF(node, struct peer_token, node), buf_slice(&path),
                               right, wall_us);
        buf_free(&path);
    }
    return may;
}
