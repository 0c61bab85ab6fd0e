/* provider.c - see provider.h. */
#include "front/console/provider.h"

/* The JSON object of an answer takes the place of what was kept. */
static bool keep(struct document *k, struct slice body, int64_t now_us)
{
    struct arena a = {0};
    struct json *j;
    if (json_parse(&a, arena_copy(&a, body), &j) != OK || j->type != JSON_OBJECT) {
        arena_free(&a);
        return false;
    }
    arena_free(&k->arena);
    *k = (struct document){.arena = a, .json = j, .at_us = now_us};
    return true;
}

static bool is_fresh(const struct document *k, int64_t for_us, int64_t now_us)
{
    return k->json && now_us - k->at_us < for_us;
}

struct slice provider_endpoint(const struct oidc *o, const char *name)
{
    return json_str(o->metadata.json, name);
}

/* ---- metadata */

static const char *fault_of_metadata(const struct json *j, const char *issuer)
{
    static const char *const needed[] = {"authorization_endpoint", "token_endpoint", "jwks_uri"};
    if (!slice_is(json_str(j, "issuer"), issuer)) return "it calls itself by another name";
    for (size_t i = 0; i < 3; i++)
        if (!slice_starts(json_str(j, needed[i]), SLICE_LIT("https://")))
            return "an endpoint is missing, or is not https";
    return NULL;
}

static void on_metadata(struct out_wait *w, const struct out_answer *a)
{
    struct asking *q = asking_answered(w);
    struct oidc *o = q->oidc;
    struct call *c = q->call;
    struct document got = {0};
    const char *fault = asking_fault(a);
    if (!fault && !keep(&got, a->body, c->now_us)) fault = "it answered with no JSON";
    if (!fault) fault = fault_of_metadata(got.json, o->config->issuer);
    if (fault) {
        arena_free(&got.arena);
        asking_give_up(q, "discovery", fault);
    } else {
        arena_free(&o->metadata.arena);
        o->metadata = got;
        q->next(q);
    }
    rest_call_end(c);
}

void provider_ask(struct asking *q)
{
    struct oidc *o = q->oidc;
    struct buf url = {0};
    if (is_fresh(&o->metadata, OIDC_KEEP_US, q->call->now_us)) {
        q->next(q);
        return;
    }
    struct slice issuer = slice_str(o->config->issuer);
    if (slice_ends(issuer, SLICE_LIT("/"))) issuer.len--;
    buf_printf(&url, "%.*s/.well-known/openid-configuration", SLICE_ARG(issuer));
    asking_send(q, &(struct out_request){.method = "GET", .url = buf_slice(&url)}, on_metadata);
    buf_free(&url);
}

/* ---- keys */

static void on_keys(struct out_wait *w, const struct out_answer *a)
{
    struct asking *q = asking_answered(w);
    struct call *c = q->call;
    const char *fault = asking_fault(a);
    if (!fault && !keep(&q->oidc->keys, a->body, c->now_us)) fault = "it answered with no JSON";
    if (fault)
        asking_give_up(q, "keys", fault);
    else
        q->next(q);
    rest_call_end(c);
}

bool provider_has_keys(const struct oidc *o, int64_t for_us, int64_t now_us)
{
    return is_fresh(&o->keys, for_us, now_us);
}

void provider_ask_keys(struct asking *q, void (*next)(struct asking *q))
{
    q->next = next;
    struct slice url = provider_endpoint(q->oidc, "jwks_uri");
    asking_send(q, &(struct out_request){.method = "GET", .url = url}, on_keys);
}

void provider_forget(struct oidc *o)
{
    arena_free(&o->metadata.arena);
    arena_free(&o->keys.arena);
}
