/* verdict.c - see verdict.h. */
#include "front/console/verdict.h"

#include "auth/jwt.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/say.h"
#include "front/console/person.h"
#include "front/console/provider.h"

static void let_in(struct asking *q, const struct json *claims)
{
    const char *issuer = q->oidc->config->issuer, *peer = conn_peer(q->call->conn);
    enum user_role role = person_role(q->oidc->config, claims);
    char name[PERSON_NAME_MAX + 1], subject[PERSON_NAME_MAX + 1];
    person_name(claims, name);
    person_subject(claims, subject);
    say_info("console.provided", "peer=%s name=\"%s\" role=%s issuer=%s subject=\"%s\"", peer, name,
             role == USER_ROLES ? "-" : user_role_name(role), issuer, subject);
    if (role == USER_ROLES)
        sign_in_refuse(q->call, SLICE_NONE,
                       "the provider knows you, but gives you no role here: its administrator can");
    else
        sign_in_accept(q->call, name, json_str(claims, "sub"), role, OIDC_SESSION_US);
}

static enum err judge(struct asking *q)
{
    const struct oidc *o = q->oidc;
    struct arena a = {0};
    struct json *claims;
    const struct jwt_ask ask_ = {.token = buf_slice(&q->token),
                                 .keys = o->keys.json,
                                 .issuer = slice_str(o->config->issuer),
                                 .audience = slice_str(o->config->client_id),
                                 .nonce = slice_str(q->attempt.nonce.text),
                                 .now_s = clock_wall_us() / 1000000};
    enum err e = jwt_verify(&a, &ask_, &claims);
    if (e == OK) let_in(q, claims);
    arena_wipe(&a);
    return e;
}

static void judge_again(struct asking *q)
{
    if (judge(q) != OK) asking_refuse_code(q, "token", fail_text());
}

/* A key that is not among those we have may be a new one. */
void verdict(struct asking *q)
{
    struct oidc *o = q->oidc;
    int64_t now_us = q->call->now_us;
    enum err e = provider_has_keys(o, OIDC_KEEP_US, now_us) ? judge(q) : ERR_NOT_FOUND;
    if (e == OK) return;
    if (e != ERR_NOT_FOUND || provider_has_keys(o, OIDC_REFETCH_US, now_us)) {
        asking_refuse_code(q, "token", fail_text());
        return;
    }
    provider_ask_keys(q, judge_again);
}
